package chunk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/chunk"
	"github.com/cordonhq/cordon/media/mediatest"
)

// names walks to the end and returns the paths met and the error that ended it.
func names(walk func(yield func(chunk.Piece, error) bool)) (paths []string, err error) {
	for p, e := range walk {
		if e != nil {
			return paths, e
		}
		paths = append(paths, p.Path)
	}
	return paths, nil
}

func size(b []byte) int64 { return int64(len(b)) }

func TestJPEG(t *testing.T) {
	b := mediatest.Segment(mediatest.JPEG(t, 64, 64), 0xE1, []byte("Exif\x00\x00rest"))
	got, err := names(chunk.JPEG(bytes.NewReader(b), size(b)))
	if err != nil || got[0] != "SOI" || got[1] != "APP1" || got[len(got)-1] != "EOI" || !slices.Contains(got, "ECS") || !slices.Contains(got, "SOF0") {
		t.Errorf("%v %v", got, err)
	}
	for p := range chunk.JPEG(bytes.NewReader(b), size(b)) {
		if p.Name == "APP1" {
			if payload, err := p.Read(bytes.NewReader(b), 4); string(payload) != "Exif" || err != nil || p.Len != 10 {
				t.Errorf("payload %q of %d, %v", payload, p.Len, err)
			}
		}
		if p.Name == "EOI" && p.End() != size(b) {
			t.Errorf("ends at %d of %d", p.End(), len(b))
		}
	}
	// Wherever a file is cut, the walk ends with an error and never goes past the end.
	for cut := range len(b) {
		if _, err := names(chunk.JPEG(bytes.NewReader(b[:cut]), int64(cut))); !errors.Is(err, chunk.ErrTruncated) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// A marker on the border of two windows of the scan is found.
func TestJPEGMarkerOnBorder(t *testing.T) {
	for pad := 64<<10 - 4; pad < 64<<10+4; pad++ {
		b := []byte("\xFF\xD8\xFF\xC0\x00\x02\xFF\xDA\x00\x02")
		b = append(b, bytes.Repeat([]byte{1}, pad)...)
		b = append(b, 0xFF, 0x00, 0xFF, 0xD0, 0xFF, 0xD9)
		got, err := names(chunk.JPEG(bytes.NewReader(b), size(b)))
		if err != nil || got[len(got)-1] != "EOI" {
			t.Errorf("%d bytes of scan: %v %v", pad, got, err)
		}
	}
}

func TestPNG(t *testing.T) {
	b := mediatest.Text(mediatest.PNG(t, 8, 8), "a", "b")
	got, err := names(chunk.PNG(bytes.NewReader(b), size(b)))
	if want := []string{"IHDR", "tEXt", "IDAT", "IEND"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for cut := range len(b) {
		if _, err := names(chunk.PNG(bytes.NewReader(b[:cut]), int64(cut))); !errors.Is(err, chunk.ErrTruncated) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	binary.BigEndian.PutUint32(b[33:], 0xFFFFFFFF)
	if _, err := names(chunk.PNG(bytes.NewReader(b), size(b))); !errors.Is(err, chunk.ErrTruncated) {
		t.Errorf("a chunk of 4 GiB: %v", err)
	}
}

func TestGIF(t *testing.T) {
	b := mediatest.GIF(t, 300, 300)
	got, err := names(chunk.GIF(bytes.NewReader(b), size(b)))
	if err != nil || got[len(got)-1] != "trailer" || !slices.Contains(got, "image") {
		t.Errorf("%v %v", got, err)
	}
	for cut := range len(b) {
		if _, err := names(chunk.GIF(bytes.NewReader(b[:cut]), int64(cut))); !errors.Is(err, chunk.ErrTruncated) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestRIFF(t *testing.T) {
	b := mediatest.RIFF("WAVE", mediatest.RIFFChunk("fmt ", make([]byte, 3)),
		mediatest.RIFFChunk("LIST", append([]byte("INFO"), mediatest.RIFFChunk("ISFT", []byte("me"))...)), mediatest.RIFFChunk("data", []byte{1}))
	got, err := names(chunk.RIFF(bytes.NewReader(b), size(b)))
	if want := []string{"RIFF", "RIFF/fmt ", "RIFF/LIST", "RIFF/LIST/ISFT", "RIFF/data"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	// Two RIFF chunks, as long AVI files have, and then something else.
	got, err = names(chunk.RIFF(bytes.NewReader(slices.Concat(b, b, []byte("PK\x03\x04 and more"))), 2*size(b)+14))
	if err != nil || len(got) != 10 {
		t.Errorf("%q %v", got, err)
	}
	for cut := 12; cut < len(b)-1; cut++ {
		if _, err := names(chunk.RIFF(bytes.NewReader(b[:cut]), int64(cut))); !errors.Is(err, chunk.ErrTruncated) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestBMFF(t *testing.T) {
	long := append([]byte("\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x12"), 1, 2)
	b := slices.Concat(mediatest.Box("ftyp", []byte("isom")), mediatest.Box("moov", mediatest.Box("udta", mediatest.Box("meta", []byte{0, 0, 0, 0}, mediatest.Box("ilst", mediatest.Box("\xA9too", mediatest.Box("data")))))), long)
	got, err := names(chunk.BMFF(bytes.NewReader(b), size(b)))
	want := []string{"ftyp", "moov", "moov/udta", "moov/udta/meta", "moov/udta/meta/ilst", "moov/udta/meta/ilst/\xA9too", "moov/udta/meta/ilst/\xA9too/data", "mdat"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := names(chunk.BMFF(bytes.NewReader(b[:len(b)-1]), size(b)-1)); !errors.Is(err, chunk.ErrTruncated) || len(got) != 7 {
		t.Errorf("cut: %q %v", got, err)
	}
	deep := mediatest.Box("moov")
	for range 1000 {
		deep = mediatest.Box("moov", deep)
	}
	if _, err := names(chunk.BMFF(bytes.NewReader(deep), size(deep))); !errors.Is(err, chunk.ErrLimit) {
		t.Errorf("a thousand deep: %v", err)
	}
	many := bytes.Repeat(mediatest.Box("free"), 70_000)
	if _, err := names(chunk.BMFF(bytes.NewReader(many), size(many))); !errors.Is(err, chunk.ErrLimit) {
		t.Errorf("70 000 boxes: %v", err)
	}
	// Three hours, written in fragments of a second with sound and pictures.
	traf := mediatest.Box("traf", mediatest.Box("tfhd"), mediatest.Box("tfdt"), mediatest.Box("trun"))
	long = bytes.Repeat(slices.Concat(mediatest.Box("moof", mediatest.Box("mfhd"), traf, traf), mediatest.Box("mdat")), 3*60*60)
	if got, err := names(chunk.BMFF(bytes.NewReader(long), size(long))); err != nil || len(got) != 11*3*60*60 {
		t.Errorf("three hours of fragments: %d boxes, %v", len(got), err)
	}
	many = bytes.Repeat(mediatest.Box("moof"), 1<<20+1)
	if _, err := names(chunk.BMFF(bytes.NewReader(many), size(many))); !errors.Is(err, chunk.ErrLimit) {
		t.Errorf("a million fragments: %v", err)
	}
}

// element is one Matroska element with a length of one byte.
func element(id string, payload ...string) string {
	body := strings.Join(payload, "")
	return id + string([]byte{0x80 | byte(len(body))}) + body
}

func TestEBML(t *testing.T) {
	const ebml, segment, info, cluster, stamp, block, cues = "\x1A\x45\xDF\xA3", "\x18\x53\x80\x67", "\x15\x49\xA9\x66", "\x1F\x43\xB6\x75", "\xE7", "\xA3", "\x1C\x53\xBB\x6B"
	one := element(cluster, element(stamp, "\x05"), element(block, "\x81\x00\x00\x80frame"))
	open := cluster + "\xFF" + one[5:] // the same, of unknown length
	want := []string{"EBML", "Segment", "Segment/Info", "Segment/Info/WritingApp", "Segment/Cluster", "Segment/Cluster/Timestamp", "Segment/Cluster/SimpleBlock",
		"Segment/Cluster", "Segment/Cluster/Timestamp", "Segment/Cluster/SimpleBlock", "Segment/Cues"}
	about := element(info, element("\x57\x41", "me"))
	for name, b := range map[string]string{
		"known":   element(ebml) + element(segment, about, one, one, element(cues)),
		"unknown": element(ebml) + segment + "\xFF" + about + open + open + element(cues),
		"long":    element(ebml) + segment + "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF" + about + one + open + element(cues),
	} {
		got, err := names(chunk.EBML(strings.NewReader(b), int64(len(b))))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", name, got, err)
		}
		// A second file behind the first.
		got, err = names(chunk.EBML(strings.NewReader(b+b), int64(2*len(b))))
		if err != nil || !slices.Equal(got, slices.Concat(want, want)) {
			t.Errorf("%s twice: %q %v", name, got, err)
		}
	}
	cut := element(ebml) + element(segment, about, one)
	if got, err := names(chunk.EBML(strings.NewReader(cut), int64(len(cut)-3))); !errors.Is(err, chunk.ErrTruncated) || len(got) != 6 {
		t.Errorf("cut: %q %v", got, err)
	}
	deep := "\x67\xC8\x80"
	for range 30 {
		deep = element("\x67\xC8", deep)
	}
	if _, err := names(chunk.EBML(strings.NewReader(deep), int64(len(deep)))); !errors.Is(err, chunk.ErrLimit) {
		t.Errorf("thirty deep: %v", err)
	}
}

func TestTIFF(t *testing.T) {
	b := mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "a long maker's name"), mediatest.Short(274, 6)}, mediatest.Ascii(37510, "comment"))
	var got []string
	for tag, err := range chunk.TIFF(bytes.NewReader(b), size(b)) {
		if err != nil {
			t.Fatal(err)
		}
		v, _ := tag.Read(bytes.NewReader(b), 4)
		got = append(got, fmt.Sprintf("%s:%d:%q", tag.Dir, tag.ID, v))
	}
	if joined := strings.Join(got, " "); !strings.Contains(joined, `Exif:37510:"comm"`) || got[0] != `IFD0:271:"a lo"` {
		t.Errorf("got %s", joined)
	}
	// A directory that leads to itself ends.
	loop := mediatest.TIFF([]mediatest.Tag{mediatest.Short(274, 6)})
	binary.LittleEndian.PutUint32(loop[8+2+12:], 8)
	n := 0
	var end error
	for _, err := range chunk.TIFF(bytes.NewReader(loop), size(loop)) {
		n++
		end = err
	}
	if n != 2 || !errors.Is(end, chunk.ErrStructure) {
		t.Errorf("%d steps, %v", n, end)
	}
}

// Whatever the bytes, every walk ends, and no piece lies outside them.
func FuzzWalks(f *testing.F) {
	f.Add(mediatest.JPEG(f, 8, 8))
	f.Add(mediatest.PNG(f, 8, 8))
	f.Add(mediatest.GIF(f, 8, 8))
	f.Add(mediatest.RIFF("WAVE", mediatest.RIFFChunk("LIST", append([]byte("INFO"), mediatest.RIFFChunk("ISFT", []byte("me"))...))))
	f.Add(mediatest.Box("moov", mediatest.Box("udta", mediatest.Box("meta", []byte{0, 0, 0, 0}, mediatest.Box("ilst", mediatest.Box("\xA9too", mediatest.Box("data")))))))
	f.Add([]byte("\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x12ab"))
	f.Add(mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "a long maker's name")}, mediatest.Ascii(37510, "comment")))
	f.Add([]byte("MM\x00+\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x01\x01\x0F\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xFF\x1F\x43\xB6\x75\xFF\xE7\x81\x05\xA3\x84\x81\x00\x00\x80\x1C\x53\xBB\x6B\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for p := range chunk.PNGThrough(r, int64(len(b))) {
			if p.Off < 0 || p.Len < 0 || p.End() > int64(len(b)) {
				t.Fatalf("%+v lies outside of %d bytes", p, len(b))
			}
		}
		for name, walk := range map[string]func(yield func(chunk.Piece, error) bool){
			"JPEG": chunk.JPEG(r, size(b)), "PNG": chunk.PNG(r, size(b)), "GIF": chunk.GIF(r, size(b)),
			"RIFF": chunk.RIFF(r, size(b)), "BMFF": chunk.BMFF(r, size(b)), "EBML": chunk.EBML(r, size(b)),
		} {
			for p, err := range walk {
				if err == nil && (p.Start < 0 || p.Off < p.Start || p.Len < 0 || p.End() > size(b)) {
					t.Errorf("%s: %+v of %d bytes", name, p, len(b))
				}
			}
		}
		for tag, err := range chunk.TIFF(r, size(b)) {
			if err == nil && (tag.Off < 0 || tag.Len < 0 || tag.Off+tag.Len > size(b)) {
				t.Errorf("TIFF: %+v of %d bytes", tag, len(b))
			}
		}
	})
}

// Text is read behind the end of a PNG and behind what is no chunk, by its sum; IDAT is not, since
// no viewer shows it.
func TestPNGThrough(t *testing.T) {
	png := mediatest.PNG(t, 4, 4)
	text := mediatest.PNGChunk("tEXt", []byte("key\x00value"))
	damaged := bytes.Clone(text)
	damaged[9] ^= 1
	far := make([]byte, 64<<10-2) // so that the name lies across two windows
	for name, c := range map[string]struct {
		tail []byte
		want int
	}{
		"nothing":                {nil, 0},
		"behind the end":         {text, 1},
		"behind noise":           {append([]byte("noise, and so on"), text...), 1},
		"far behind":             {append(far, text...), 1},
		"two":                    {append(append(bytes.Clone(text), "..."...), text...), 2},
		"of another sum":         {damaged, 0},
		"longer than the file":   {[]byte("\xFF\xFF\xFF\xFFtEXt and so on"), 0},
		"image data":             {mediatest.PNGChunk("IDAT", nil), 0},
		"inside of another text": {mediatest.PNGChunk("tEXt", append([]byte("key\x00"), text...)), 1},
	} {
		b, got := append(bytes.Clone(png), c.tail...), 0
		for p := range chunk.PNGThrough(bytes.NewReader(b), int64(len(b))) {
			if p.Name == "tEXt" {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s: %d chunks of text, not %d", name, got, c.want)
		}
	}
}
