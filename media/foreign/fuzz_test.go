package foreign

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// What a decoder writes that a file has taken over.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte("\x1A\x45\xDF\xA3\x83\x42\x86\x81\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x15\x49\xA9\x66\x87\x2A\xD7\xB1\x83\x0F\x42\x40" +
		"\x1F\x43\xB6\x75\x8C\xE7\x82\x01\x00\xA3\x86\x81\x00\x07\x80xy"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 64
		given := 0
		err := blocks(bytes.NewReader(b), most, func(at time.Duration, data []byte) error {
			if at < 0 || len(data) > most {
				t.Errorf("%d bytes at %v", len(data), at)
			}
			given += len(data)
			return nil
		})
		if given > len(b) {
			t.Errorf("%d bytes came out of %d: %v", given, len(b), err)
		}
	})
}

func TestBlocks(t *testing.T) {
	var got []string
	seed := "\x1A\x45\xDF\xA3\x83\x42\x86\x81\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x15\x49\xA9\x66\x87\x2A\xD7\xB1\x83\x0F\x42\x40" +
		"\x1F\x43\xB6\x75\x8C\xE7\x82\x01\x00\xA3\x86\x81\x00\x07\x80xy"
	err := blocks(strings.NewReader(seed), 64, func(at time.Duration, data []byte) error {
		got = append(got, at.String()+" "+string(data))
		return nil
	})
	if err != nil || strings.Join(got, ";") != "263ms xy" {
		t.Errorf("%q, %v", got, err)
	}
	if err := blocks(strings.NewReader(seed), 1, func(time.Duration, []byte) error { return nil }); err == nil {
		t.Error("a block of more than was asked for is taken")
	}
	if err := blocks(strings.NewReader(seed[:len(seed)-1]), 64, func(time.Duration, []byte) error { return nil }); err == nil {
		t.Error("a cut block is taken")
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte(`{"streams":[{"codec_type":"video","codec_name":"h264","width":320,"height":180,"duration":"9.9","disposition":{"attached_pic":0}}],"format":{"duration":"10.0"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, err := readProbe(b); err == nil && info.Duration < 0 {
			t.Errorf("%+v", info)
		}
	})
}

// Headers that strangers wrote: a size that is given out is one that can be decoded to.
func FuzzDimensions(f *testing.F) {
	formats := []Format{"jpeg", "jp2", "avif", "heic"}
	f.Add(byte(0), []byte("\xFF\xD8\xFF\xE0\x00\x04ab\xFF\xC3\x00\x0B\x0C\x00\x10\x00\x20\x01\x01\x11\x00"))
	f.Add(byte(0), []byte("\xFF\xD8\xFF\xF7\x00\x0B\x0C\x00\x10\x00\x20\x01\x01\x11\x00"))
	f.Add(byte(1), []byte("\xFF\x4F\xFF\x51\x00\x29\x00\x00\x00\x00\x00\x20\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x10"))
	f.Add(byte(3), tinyHEIF(2, 2, 8, 8, 13, 11))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		w, h, err := dimensions(bytes.NewReader(b), int64(len(b)), formats[int(which)%len(formats)])
		if err == nil && (w < 1 || h < 1 || w > 1<<20 || h > 1<<20) {
			t.Errorf("%d by %d", w, h)
		}
	})
}

// The index of HEIC files, down to the stream that the decoder is given.
func FuzzHEIF(f *testing.F) {
	f.Add(tinyHEIF(2, 2, 8, 8, 13, 11))
	f.Add(tinyHEIF(1, 1, 8, 8, 8, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHEIF(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		g, err := h.grid()
		if err != nil {
			return
		}
		if len(g.tiles) != g.columns*g.rows || len(g.tiles) > maxTiles {
			t.Fatalf("%+v", g)
		}
		out, err := h.stream(g)
		if err == nil && len(out) > maxStill {
			t.Errorf("%d bytes", len(out))
		}
	})
}

// A coded tile is put where it belongs.
func TestGridIndex(t *testing.T) {
	b := tinyHEIF(3, 2, 8, 8, 20, 16)
	h, err := readHEIF(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if w, high := h.size(h.primary); w != 20 || high != 16 {
		t.Errorf("%d by %d", w, high)
	}
	g, err := h.grid()
	if err != nil || g.columns != 3 || g.rows != 2 || len(g.tiles) != 6 {
		t.Fatalf("%+v, %v", g, err)
	}
	out, err := h.stream(g)
	want := ""
	for i := range 6 {
		want += "\x00\x00\x00\x01VPS\x00\x00\x00\x01tile" + string(rune('a'+i))
	}
	if err != nil || string(out) != want {
		t.Errorf("%q, %v", out, err)
	}
	cutOff := bytes.Replace(b, []byte("tilec"), []byte("til"), 1)
	if h, err := readHEIF(bytes.NewReader(cutOff), int64(len(cutOff))); err == nil {
		if _, err := h.stream(g); !errors.Is(err, errHeader) {
			t.Errorf("%v", err)
		}
	}
}

// tinyHEIF is a HEIC file of tiles whose bytes are only names.
func tinyHEIF(columns, rows, tw, th, w, h int) []byte {
	var tiles [][][]byte
	for i := range columns * rows {
		tiles = append(tiles, [][]byte{[]byte("tile" + string(rune('a'+i)))})
	}
	return makeHEIF(columns, rows, tw, th, w, h, [][]byte{[]byte("VPS")}, tiles)
}

// makeHEIF is a HEIC file of tiles, each of some units of HEVC, that share their parameter sets.
func makeHEIF(columns, rows, tw, th, w, h int, sets [][]byte, tiles [][][]byte) []byte {
	box := func(kind string, content ...[]byte) []byte {
		b := bytes.Join(content, nil)
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b)+8)), append([]byte(kind), b...)...)
	}
	full := func(version byte, rest ...byte) []byte { return append([]byte{version, 0, 0, 0}, rest...) }
	u16 := func(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
	u32 := func(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
	n := columns * rows
	gridID := n + 1
	tile := func(i int) (b []byte) {
		for _, unit := range tiles[i] {
			b = append(append(b, u32(len(unit))...), unit...)
		}
		return b
	}
	infe := func(id int, kind string) []byte {
		return box("infe", full(2), u16(id), u16(0), []byte(kind), []byte{0})
	}
	kinds, places, props, refs := full(0, u16(n+1)...), full(1, 0x44, 0x00), full(0), u16(gridID)
	places = append(places, u16(n+1)...)
	props = append(props, u32(n+1)...)
	refs = append(refs, u16(n)...)
	var data []byte
	place := func(id int, content []byte) {
		places = append(append(append(places, u16(id)...), u16(1)...), 0, 0, 0, 1)
		places = append(append(places, u32(len(data))...), u32(len(content))...)
		data = append(data, content...)
	}
	for i := range n {
		kinds = append(kinds, infe(i+1, "hvc1")...)
		props = append(append(props, u16(i+1)...), 2, 1, 2)
		refs = append(refs, u16(i+1)...)
		place(i+1, tile(i))
	}
	kinds = append(kinds, infe(gridID, "grid")...)
	props = append(append(props, u16(gridID)...), 1, 3)
	place(gridID, append([]byte{0, 0, byte(rows - 1), byte(columns - 1)}, append(u16(w), u16(h)...)...))
	ispe := func(w, h int) []byte { return box("ispe", full(0), u32(w), u32(h)) }
	conf := append(make([]byte, 21), 3, byte(len(sets)))
	for _, set := range sets {
		conf = append(append(append(append(conf, 0x20), u16(1)...), u16(len(set))...), set...)
	}
	hvcC := box("hvcC", conf)
	return append(box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic")), box("meta", full(0),
		box("pitm", full(0), u16(gridID)), box("iinf", kinds), box("iloc", places), box("iref", full(0), box("dimg", refs)),
		box("iprp", box("ipco", hvcC, ispe(tw, th), ispe(w, h)), box("ipma", props)), box("idat", data))...)
}
