package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/cordonhq/cordon/media/mediatest"
)

// box is one of the topmost boxes of a file.
type box struct {
	name          string
	off, body, to int
}

func boxes(b []byte, from, to int) (out []box) {
	for at := from; at+8 <= to; {
		n, head := int(binary.BigEndian.Uint32(b[at:])), 8
		switch {
		case n == 0:
			n = to - at
		case n == 1 && at+16 <= to:
			n, head = int(binary.BigEndian.Uint64(b[at+8:])), 16
		}
		if n < head || at+n > to {
			break
		}
		out = append(out, box{string(b[at+4 : at+8]), at, at + head, at + n})
		at += n
	}
	return out
}

func find(b []byte, name string) (box, bool) {
	for _, x := range boxes(b, 0, len(b)) {
		if x.name == name {
			return x, true
		}
	}
	return box{}, false
}

// within calls do with every box of a name, wherever it nests.
func within(b []byte, from, to int, name string, do func(x box)) {
	for _, x := range boxes(b, from, to) {
		switch x.name {
		case name:
			do(x)
		case "moov", "trak", "mdia", "minf", "stbl", "udta":
			within(b, x.body, x.to, name, do)
		case "meta":
			within(b, x.body+4, x.to, name, do)
		}
	}
}

// put puts bytes into a file between two of its topmost boxes, and moves what tables point to
// behind them.
func put(b []byte, at int, what []byte) []byte {
	out := insert(b, at, what...)
	within(out, 0, len(out), "stco", func(x box) {
		for i := x.body + 8; i+4 <= x.to; i += 4 {
			moveUint(out[i:i+4], at, len(what))
		}
	})
	within(out, 0, len(out), "iloc", func(x box) {
		for _, e := range locations(out, x) {
			if e.method == 0 {
				moveUint(e.offset, at, len(what))
			}
		}
	})
	return out
}

func moveUint(field []byte, at, by int) {
	if v := binary.BigEndian.Uint32(field); int(v) >= at {
		binary.BigEndian.PutUint32(field, v+uint32(by))
	}
}

// location is where an iloc box says that the bytes of an item are.
type location struct {
	method  byte
	offset  []byte // 4 bytes
	at      int    // of the offset, in the file
	method2 []byte
}

// locations are those of boxes with offsets of four bytes and no base, as encoders write them.
func locations(b []byte, x box) (out []location) {
	version, sizes := b[x.body], b[x.body+4]
	lengthSize, baseSize := int(sizes&15), int(b[x.body+5]>>4)
	if sizes>>4 != 4 || version > 1 {
		return nil
	}
	at := x.body + 8
	for range binary.BigEndian.Uint16(b[x.body+6:]) {
		at += 2
		var l location
		if version == 1 {
			l.method, l.method2 = b[at+1]&15, b[at:at+2]
			at += 2
		}
		at += 2 + baseSize
		extents := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		for range extents {
			if at+4+lengthSize > x.to {
				return out
			}
			l.offset, l.at = b[at:at+4], at
			out = append(out, l)
			at += 4 + lengthSize
		}
	}
	return out
}

// topBorder is where a topmost box behind the first begins, or the end.
func topBorder(r *rand.Rand, b []byte) int {
	bs := boxes(b, 0, len(b))
	at := []int{len(b)}
	for i, x := range bs {
		if i > 0 {
			at = append(at, x.off)
		}
		if i == len(bs)-1 {
			at[0] = x.to
			if binary.BigEndian.Uint32(b[x.off:]) == 0 { // it ends where the file does
				at = at[1:]
			}
		}
	}
	if len(at) == 0 {
		return len(b)
	}
	return at[r.IntN(len(at))]
}

var boxMutations = []mutation{
	{"free boxes", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(3) {
			b = put(b, topBorder(r, b), mediatest.Box([]string{"free", "skip", "wide"}[r.IntN(3)], noise(r, r.IntN(500))))
		}
		return b
	}},
	{"boxes of nobody", func(r *rand.Rand, b []byte) []byte {
		return put(b, topBorder(r, b), mediatest.Box("prvt", noise(r, r.IntN(900))))
	}},
	{"box with an identifier", func(r *rand.Rand, b []byte) []byte {
		return put(b, topBorder(r, b), mediatest.Box("uuid", noise(r, 16+r.IntN(99))))
	}},
	{"other XMP", func(r *rand.Rand, b []byte) []byte {
		id := []byte("\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC")
		return put(b, topBorder(r, b), mediatest.Box("uuid", id, []byte("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")))
	}},
	{"wide length", func(r *rand.Rand, b []byte) []byte {
		bs := boxes(b, 0, len(b))
		x := bs[r.IntN(len(bs))]
		if x.body-x.off == 16 || binary.BigEndian.Uint32(b[x.off:]) == 0 || x.name == "ftyp" {
			return nil
		}
		b = put(b, x.body, make([]byte, 8))
		binary.BigEndian.PutUint32(b[x.off:], 1)
		binary.BigEndian.PutUint64(b[x.off+8:], uint64(x.to-x.off+8))
		return b
	}},
	{"last box to the end", func(r *rand.Rand, b []byte) []byte {
		bs := boxes(b, 0, len(b))
		x := bs[len(bs)-1]
		if x.to != len(b) || x.body-x.off == 16 {
			return nil
		}
		binary.BigEndian.PutUint32(b[x.off:], 0)
		return b
	}},
	{"bytes behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, noise(r, 1+r.IntN(900))...) }},
	{"zeros behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, make([]byte, 1+r.IntN(900))...) }},
	{"more brands", func(r *rand.Rand, b []byte) []byte {
		x, ok := find(b, "ftyp")
		if !ok {
			return nil
		}
		b = put(b, x.to, []byte([]string{"miaf", "abcd", "mp42", "jpeg"}[r.IntN(4)]))
		binary.BigEndian.PutUint32(b[x.off:], uint32(x.to-x.off+4))
		return b
	}},
	{"pointers where data was", func(r *rand.Rand, b []byte) []byte { // the index last
		for _, name := range []string{"moov", "meta"} {
			x, ok := find(b, name)
			if !ok || x.to == len(b) {
				continue
			}
			index := bytes.Clone(b[x.off:x.to])
			b = put(b, len(b), index) // behind everything; nothing points there
			out := slices.Delete(bytes.Clone(b), x.off, x.to)
			back := func(field []byte) {
				if v := int(binary.BigEndian.Uint32(field)); v >= x.to {
					binary.BigEndian.PutUint32(field, uint32(v-len(index)))
				}
			}
			within(out, 0, len(out), "stco", func(y box) {
				for i := y.body + 8; i+4 <= y.to; i += 4 {
					back(out[i : i+4])
				}
			})
			within(out, 0, len(out), "iloc", func(y box) {
				for _, e := range locations(out, y) {
					if e.method == 0 {
						back(e.offset)
					}
				}
			})
			return out
		}
		return nil
	}},
	{"items within the index", boxItemsInside},
	{"index twice", func(r *rand.Rand, b []byte) []byte {
		x, ok := find(b, "moov")
		if !ok {
			x, ok = find(b, "meta")
		}
		if !ok || binary.BigEndian.Uint32(b[x.off:]) == 0 {
			return nil
		}
		return put(b, topBorder(r, b), bytes.Clone(b[x.off:x.to]))
	}},
	{"empty index behind", func(r *rand.Rand, b []byte) []byte {
		return append(b, mediatest.Box("meta", make([]byte, 4), mediatest.Box("hdlr", make([]byte, 25)))...)
	}},
	{"more of the index", func(r *rand.Rand, b []byte) []byte {
		x, ok := find(b, "moov")
		if !ok {
			x, ok = find(b, "meta")
		}
		if !ok || x.body-x.off == 16 || binary.BigEndian.Uint32(b[x.off:]) == 0 {
			return nil
		}
		extra := mediatest.Box([]string{"free", "prvt", "udta"}[r.IntN(3)], noise(r, 40))
		b = put(b, x.to, extra)
		binary.BigEndian.PutUint32(b[x.off:], uint32(x.to-x.off+len(extra)))
		return b
	}},
}

// boxItemsInside moves the media data of a still into a box of the index, to which iloc then
// points by its second method.
func boxItemsInside(_ *rand.Rand, b []byte) []byte {
	meta, ok := find(b, "meta")
	data, has := find(b, "mdat")
	if !ok || !has || meta.body-meta.off == 16 || binary.BigEndian.Uint32(b[meta.off:]) == 0 {
		return nil
	}
	var ls []location
	within(b, meta.body+4, meta.to, "iloc", func(x box) {
		if b[x.body] == 1 {
			ls = locations(b, x)
		}
	})
	if len(ls) == 0 {
		return nil
	}
	for _, l := range ls {
		v := int(binary.BigEndian.Uint32(l.offset))
		if l.method != 0 || v < data.body || v > data.to {
			return nil
		}
		l.method2[1] |= 1
		binary.BigEndian.PutUint32(l.offset, uint32(v-data.body))
	}
	inside := mediatest.Box("idat", b[data.body:data.to])
	binary.BigEndian.PutUint32(b[meta.off:], uint32(meta.to-meta.off+len(inside)))
	if data.off < meta.off {
		b = slices.Insert(b, meta.to, inside...)
		return slices.Delete(b, data.off, data.to)
	}
	b = slices.Delete(b, data.off, data.to)
	return slices.Insert(b, meta.to, inside...)
}
