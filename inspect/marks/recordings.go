package marks

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// readMatroska reads the header and the tags of a Matroska or WebM file. Tags may stand
// behind hours of pictures; the index in front then says where. https://www.rfc-editor.org/rfc/rfc9559
func readMatroska(f *fields, m *media.Media) {
	tags := int64(-1)
	segment := int64(0)
	t := ebmlTags{f: f, m: m}
	for p, err := range chunk.EBML(m, m.Size()) {
		if f.ended(err) || p.Name == "Cluster" {
			break
		}
		switch {
		case p.Path == "Segment":
			segment = p.Off
		case p.Name == "SeekHead":
			if b, err := p.Read(m, 64<<10); err == nil {
				if at, ok := seekTags(b); ok {
					tags = segment + at
				}
			}
		case p.Path == "Segment/Tags":
			tags = -1 // they stand in front
		}
		t.see(p)
	}
	if tags <= 0 || tags >= m.Size() {
		return
	}
	for p, err := range chunk.EBML(io.NewSectionReader(m, tags, m.Size()-tags), m.Size()-tags) {
		if err != nil || f.stopped() || p.Path != "Tags" && !strings.HasPrefix(p.Path, "Tags/") {
			return
		}
		p.Start, p.Off = p.Start+tags, p.Off+tags
		t.see(p)
	}
}

// ebmlTags gathers the texts of one file.
type ebmlTags struct {
	f    *fields
	m    *media.Media
	name string // of the tag whose value comes next
}

func (t *ebmlTags) see(p chunk.Piece) {
	switch p.Name {
	case "WritingApp", "MuxingApp", "Title", "TagName", "TagString":
	default:
		return
	}
	b, ok := t.f.piece(t.m, p)
	if !ok {
		return
	}
	switch p.Name {
	case "WritingApp", "MuxingApp":
		t.f.add("tag", "ENCODER", string(b))
	case "Title":
		t.f.add("tag", "TITLE", string(b))
	case "TagName":
		t.name = strings.ToUpper(clean(string(b)))
	case "TagString":
		t.f.add("tag", t.name, string(b))
	}
}

// seekTags finds in the index where the tags are, from the beginning of the segment.
func seekTags(b []byte) (at int64, ok bool) {
	const id = "\x53\xAB\x84\x12\x54\xC3\x67" // SeekID: Tags
	i := bytes.Index(b, []byte(id))
	if i < 0 {
		return 0, false
	}
	b = b[i+len(id):]
	if len(b) < 4 || b[0] != 0x53 || b[1] != 0xAC || b[2] < 0x81 || b[2] > 0x88 {
		return 0, false
	}
	n := int(b[2] & 0x0F)
	if len(b) < 3+n {
		return 0, false
	}
	var v uint64
	for _, c := range b[3 : 3+n] {
		v = v<<8 | uint64(c)
	}
	return int64(v & (1<<62 - 1)), v > 0
}

// readBroadcast reads what recorders and editors of broadcasters write into a WAVE file:
// description, originator, and the steps the sound went through. EBU Tech 3285.
func readBroadcast(f *fields, b []byte) {
	if len(b) < 602 {
		return
	}
	f.add("tag", "DESCRIPTION", cut(b[:256]))
	f.add("tag", "ENCODED_BY", cut(b[256:288]))
	for i, line := range strings.Split(cut(b[602:]), "\r\n") {
		if i == 64 {
			break
		}
		f.add("tag", "CodingHistory", line)
	}
}

// cut is a text that ends at its first zero.
func cut(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}

// readTail reads the tags that stand at the end of an MP3 file: ID3v1, and APE in front of it.
func readTail(f *fields, m *media.Media) {
	const most = 1 << 20
	b := make([]byte, min(most, m.Size()))
	n, err := m.ReadAt(b, m.Size()-int64(len(b)))
	if err != nil && err != io.EOF {
		return
	}
	b = b[:n]
	if len(b) >= 128 && string(b[len(b)-128:len(b)-125]) == "TAG" {
		old := b[len(b)-128:]
		f.add("tag", "TIT2", cut(old[3:33]))
		f.add("tag", "TPE1", cut(old[33:63]))
		f.add("tag", "COMM", cut(old[97:127]))
		b = b[:len(b)-128]
	}
	readAPE(f, b)
}

// readAPE reads the items in front of a footer that ends b.
func readAPE(f *fields, b []byte) {
	const footer = 32
	if len(b) < footer || string(b[len(b)-footer:len(b)-footer+8]) != "APETAGEX" {
		return
	}
	foot := b[len(b)-footer:]
	size, count := int64(binary.LittleEndian.Uint32(foot[12:])), binary.LittleEndian.Uint32(foot[16:])
	if size < footer || size > int64(len(b)) {
		return
	}
	b = b[int64(len(b))-size : len(b)-footer]
	for range min(count, maxFields) {
		if len(b) < 9 {
			return
		}
		n, flags := int64(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:])
		key, value, ok := bytes.Cut(b[8:], []byte{0})
		if !ok || n > int64(len(value)) {
			return
		}
		if flags>>1&3 == 0 { // text
			f.add("tag", strings.ToUpper(string(key)), string(value[:n]))
		}
		b = value[n:]
	}
}
