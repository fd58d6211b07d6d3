package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
)

// zipEntry is a file of an archive, and how it is written.
type zipEntry struct {
	name, local    string // in the directory, and before the data
	content        []byte
	method         uint16
	descriptor     int // bytes behind the data: 0, 12, 16, or 24
	wide, sizeless bool
	extra          []byte
	flags          uint16
}

// archiver writes archives in ways that programs read.
type archiver struct {
	r   *rand.Rand
	did []string
}

func (a *archiver) maybe(did string) bool {
	if a.r.IntN(5) > 0 {
		return false
	}
	a.did = append(a.did, did)
	return true
}

// spellZIP writes a document with one picture.
func spellZIP(r *rand.Rand) attempt {
	a := &archiver{r: r}
	picture := "word/media/image1.jpeg"
	if a.maybe("odd name of the picture") {
		picture = []string{"word/media/image1", "word\\media\\image1.jpeg", "/word/media/image1.jpeg", "word/media/image1.xml", "word/../word/media/\xe9.bin", "x.rels", "word/media/"}[r.IntN(7)]
	}
	text := func(s string) []byte { return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + s) }
	entries := []zipEntry{
		{name: "[Content_Types].xml", content: text(`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="jpeg" ContentType="image/jpeg"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)},
		{name: "_rels/.rels", content: text(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
			`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`)},
		{name: "word/document.xml", content: text(`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body/></w:document>`)},
		{name: picture, content: markedJPEG()},
	}
	for i := range entries {
		e := &entries[i]
		e.local = e.name
		e.method = []uint16{0, 8}[r.IntN(2)]
		if a.maybe("descriptor") {
			e.descriptor, e.sizeless = []int{12, 16}[r.IntN(2)], r.IntN(2) == 0
		}
		if a.maybe("extra fields") {
			n := r.IntN(300)
			e.extra = append(binary.LittleEndian.AppendUint16([]byte{0x99, 0x99}, uint16(n)), noise(r, n)...)
		}
		e.wide = a.maybe("wide lengths")
		if a.maybe("flags") {
			e.flags = []uint16{2, 4, 6, 1 << 11}[r.IntN(4)]
		}
	}
	if last := &entries[3]; a.maybe("another name before the data") {
		last.local = []string{"thumbs.db", "", "word/document.xml", "a\x00b"}[r.IntN(4)]
	}
	if a.maybe("a name twice") {
		twice := entries[3]
		twice.content = bareJPEG(16, 16)
		entries = append(entries, twice)
	}
	if a.maybe("picture first") {
		entries[0], entries[3] = entries[3], entries[0]
	}
	return attempt{"spelled.docx", a.did, a.write(entries)}
}

func (a *archiver) write(entries []zipEntry) []byte {
	var out, directory bytes.Buffer
	le := binary.LittleEndian
	if a.maybe("bytes before") {
		out.Write(bytes.Repeat([]byte{'M', 'Z', 0}, 1+a.r.IntN(900)))
	}
	base := 0
	if out.Len() > 0 && a.maybe("offsets from the first entry") {
		base = out.Len()
	}
	for _, e := range entries {
		if a.maybe("bytes between") {
			out.Write(noise(a.r, 1+a.r.IntN(50)))
		}
		packed, at := e.content, out.Len()
		if e.method == 8 {
			var b bytes.Buffer
			w, _ := flate.NewWriter(&b, a.r.IntN(10))
			w.Write(e.content)
			w.Close()
			packed = b.Bytes()
		}
		sum, flags := crc32.ChecksumIEEE(e.content), e.flags
		if e.descriptor > 0 {
			flags |= 8
		}
		head := func(signature string, local bool) []byte {
			b := []byte(signature)
			if !local {
				b = le.AppendUint16(b, 45)
			}
			b = le.AppendUint16(le.AppendUint16(le.AppendUint16(b, 45), flags), e.method)
			b = le.AppendUint32(b, 0x5A215A21) // a time
			extra, s, n, m := e.extra, sum, uint32(len(packed)), uint32(len(e.content))
			if local && e.sizeless {
				s, n, m = 0, 0, 0
			} else if e.wide {
				wide := le.AppendUint64(le.AppendUint64([]byte{1, 0, 16, 0}, uint64(len(e.content))), uint64(len(packed)))
				extra, n, m = append(wide, extra...), 0xFFFFFFFF, 0xFFFFFFFF
			}
			b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, s), n), m)
			name := e.name
			if local {
				name = e.local
			}
			b = le.AppendUint16(le.AppendUint16(b, uint16(len(name))), uint16(len(extra)))
			if !local {
				b = append(b, make([]byte, 10)...)
				b = le.AppendUint32(b, uint32(at-base))
			}
			return append(append(b, name...), extra...)
		}
		out.Write(head("PK\x03\x04", true))
		out.Write(packed)
		if e.descriptor > 0 {
			d := []byte("PK\x07\x08")[:e.descriptor-12]
			d = le.AppendUint32(le.AppendUint32(le.AppendUint32(d, sum), uint32(len(packed))), uint32(len(e.content)))
			out.Write(d)
		}
		directory.Write(head("PK\x01\x02", false))
	}
	at := out.Len()
	out.Write(directory.Bytes())
	end := append([]byte("PK\x05\x06"), 0, 0, 0, 0)
	end = le.AppendUint16(le.AppendUint16(end, uint16(len(entries))), uint16(len(entries)))
	end = le.AppendUint32(le.AppendUint32(end, uint32(directory.Len())), uint32(at-base))
	comment := []byte(nil)
	if a.maybe("comment") {
		comment = noise(a.r, a.r.IntN(3000))
	}
	out.Write(append(le.AppendUint16(end, uint16(len(comment))), comment...))
	if a.maybe("bytes behind") {
		out.Write(make([]byte, 1+a.r.IntN(30)))
	}
	return out.Bytes()
}
