package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync/atomic"
	"testing"
)

// beginnings are what files begin with, as convincing as can be in few bytes, by the mark they have.
var beginnings = map[string]string{
	"\x89PNG\r\n\x1a\n":                "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x00\x00\x00\x00\x7F\xFF\xFF\xFFIDAT",
	"\xFF\xD8\xFF":                     "\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x01\x00\x01\x01\x01\x11\x00",
	"GIF8":                             "GIF89a\x01\x00\x01\x00\x00\x00\x00\x2C\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x08",
	"WEBP":                             "RIFF\x00\x00\x00\x00WEBPVP7 ",
	"ftyp":                             "\x00\x00\x00\x10ftypisom\x00\x00\x00\x00",
	"II*\x00":                          "II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00",
	"MM\x00*":                          "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x00\x00\x03\x00\x00\x00\x01\x00\x01\x00\x00",
	"%PDF-":                            "%PDF-1.7 0b ",
	"PK\x03\x04":                       "PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00a",
	"\x00\x00\x00\x0CJXL \r\n\x87\n":   "",
	"\x00\x00\x00\x0CjP  \r\n\x87\n":   "",
	"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1": "",
	"Rar!\x1A\x07":                     "",
	"7z\xBC\xAF\x27\x1C":               "",
}

// counted counts what is read.
type counted struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ReaderAt.ReadAt(p, off)
}

// TestNothingButBeginnings gives files that are nothing but beginnings of files, whose reading would
// take as many readings of the whole as there are: each has so much read of it and no more, and it
// is said that there is more than was looked into.
func TestNothingButBeginnings(t *testing.T) {
	const search = 1 << 20
	entry := beginnings["PK\x03\x04"]
	// Of the entry, stored blocks that hold the beginnings behind it: unpacked, each is all the rest.
	stored := entry + "\x00\x20\x00\xDF\xFF"
	files := map[string][]byte{
		"entries that are not listed": []byte(strings.Repeat(stored, 20_000)),
	}
	for _, s := range signatures {
		b, ok := beginnings[s.mark]
		if !ok {
			t.Errorf("no beginning of a file with the mark %q: add one", s.mark)
		}
		if b == "" {
			b = s.mark
		}
		behind := append([]byte("\xFF\xD8\xFF\xD9"), strings.Repeat(b, 20_000)...)
		files["behind a picture, "+string(s.is)+" "+s.mark] = behind
	}
	for _, c := range carriers {
		files["in a text, "+c.mark] = append([]byte("{\"a\":"), strings.Repeat(c.mark, 40_000)...)
	}
	for name, b := range files {
		r := &counted{ReaderAt: bytes.NewReader(b)}
		m, err := Open(r, int64(len(b)), Limits{MaxSearch: search})
		if err != nil {
			t.Fatal(err)
		}
		a, err := m.Anatomy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Pages are read in one piece, so that what is looked at costs more than it has bytes.
		if most := int64(search)*4 + 8*int64(len(b)); r.n.Load() > most {
			t.Errorf("%s: %d bytes read of %d", name, r.n.Load(), len(b))
		}
		if spent := m.limits.allowed.left.Load(); spent < -16<<20 {
			t.Errorf("%s: %d bytes more than are allowed", name, -spent)
		}
		if m.limits.allowed.left.Load() < 0 && !a.More {
			t.Errorf("%s: it is not said that there is more", name)
		}
		m.Close()
	}
}

// What is left to look into is shared by a file and those inside of it.
func TestOneAllowanceForAll(t *testing.T) {
	inner := append([]byte("\xFF\xD8\xFF\xD9"), strings.Repeat(beginnings["II*\x00"], 2000)...)
	m, err := Open(bytes.NewReader(inner), int64(len(inner)), Limits{MaxSearch: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if a, err := m.Anatomy(t.Context()); err != nil || !a.More {
		t.Fatalf("%+v, %v", a, err)
	}
	part, err := m.OpenPart(bytes.NewReader(inner), int64(len(inner)), 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	if part.limits.allowed != m.limits.allowed {
		t.Error("a file inside has as much again")
	}
}

// An entry that nobody lists ends where its data ends, so that the next one is found.
func TestUnlistedEntriesOneAfterTheOther(t *testing.T) {
	one := func(method uint16, flags uint16, content string) string {
		h := []byte("PK\x03\x04\x14\x00")
		h = binary.LittleEndian.AppendUint16(h, flags)
		h = binary.LittleEndian.AppendUint16(h, method)
		h = append(h, make([]byte, 8)...)
		h = binary.LittleEndian.AppendUint32(h, uint32(len(content)))
		h = binary.LittleEndian.AppendUint32(h, uint32(len(content)))
		return string(append(h, "\x01\x00\x00\x00a"...)) + content
	}
	block := "\x01\x05\x00\xFA\xFFhello"
	file := []byte(strings.Repeat(one(8, 0, block), 3) + one(0, 0, "stored") + one(0, 1, "secret") + one(14, 0, "LZMA.."))
	m, err := Open(bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a, err := m.Anatomy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range a.Children {
		switch {
		case c.Look != "":
			got = append(got, string(c.Look))
		default:
			r, n := c.Open(m)
			b := make([]byte, n)
			_, _ = r.ReadAt(b, 0)
			got = append(got, string(b))
		}
	}
	if s := strings.Join(got, " "); s != "hello hello hello stored encrypted unopened" {
		t.Errorf("%q, %+v", s, a.Ranges)
	}
}
