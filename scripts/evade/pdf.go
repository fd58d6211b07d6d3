package main

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/rc4"
	"encoding/ascii85"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// speller writes a PDF document of one page with one picture, in one of the very many ways in
// which the standard and what viewers put up with let it be written.
type speller struct {
	r       *rand.Rand
	out     bytes.Buffer
	offsets map[int]int
	eol     string
	did     []string
	key     []byte // of the encryption, nil if there is none
	crypt   bool
}

// maybe decides, and notes what was done.
func (s *speller) maybe(did string) bool {
	if s.r.IntN(4) > 0 {
		return false
	}
	s.did = append(s.did, did)
	return true
}

// name writes a name, some of its letters as hexadecimal digits.
func (s *speller) name(n string) string {
	if s.r.IntN(6) > 0 {
		return "/" + n
	}
	var b strings.Builder
	b.WriteByte('/')
	for _, c := range []byte(n) {
		if s.r.IntN(3) == 0 {
			fmt.Fprintf(&b, "#%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// space is what may stand between two words.
func (s *speller) space() string {
	switch s.r.IntN(12) {
	case 0:
		return "  \t "
	case 1:
		return s.eol
	case 2:
		return " % endobj endstream" + s.eol
	case 3:
		return "\x00\f "
	}
	return " "
}

// pdfDict is a dictionary in the order in which it is written.
type pdfDict []string // key, value, key, value

func (s *speller) dict(d pdfDict) string {
	var b strings.Builder
	b.WriteString("<<")
	for i := 0; i < len(d); i += 2 {
		b.WriteString(s.name(d[i]) + s.space() + d[i+1] + s.space())
	}
	b.WriteString(">>")
	return b.String()
}

// object writes an object.
func (s *speller) object(n int, value string) {
	s.offsets[n] = s.out.Len()
	fmt.Fprintf(&s.out, "%d%s0%sobj%s%s%s", n, s.space(), s.space(), s.space(), value, s.eol)
	fmt.Fprintf(&s.out, "endobj%s", s.eol)
}

// filter packs content in up to three ways and says how to get at it.
func (s *speller) filter(content []byte, how ...string) ([]byte, []string) {
	var names []string
	for range s.r.IntN(3) {
		how = append(how, []string{"FlateDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "LZWDecode"}[s.r.IntN(5)])
	}
	for _, f := range how {
		switch f {
		case "FlateDecode":
			var b bytes.Buffer
			z, _ := zlib.NewWriterLevel(&b, s.r.IntN(10))
			z.Write(content)
			z.Close()
			content = b.Bytes()
		case "ASCIIHexDecode":
			content = append([]byte(hex.EncodeToString(content)), '>')
		case "ASCII85Decode":
			b := make([]byte, ascii85.MaxEncodedLen(len(content)))
			content = append(b[:ascii85.Encode(b, content)], "~>"...)
		case "RunLengthDecode":
			var b []byte
			for piece := range slices.Chunk(content, 128) {
				b = append(append(b, byte(len(piece)-1)), piece...)
			}
			content = append(b, 128)
		case "LZWDecode":
			content = pdfLZW(content)
		}
		names = append([]string{f}, names...)
	}
	return content, names
}

// pdfLZW packs as PDF does, whose codes grow one earlier than those of package compress/lzw. It
// writes no code that is longer than nine bits: it starts afresh before it has to.
func pdfLZW(content []byte) []byte {
	var out []byte
	bits, n := uint32(0), 0
	put := func(code uint32) {
		bits, n = bits<<9|code, n+9
		for n >= 8 {
			out, n = append(out, byte(bits>>(n-8))), n-8
		}
	}
	for i, c := range content {
		if i%200 == 0 {
			put(256)
		}
		put(uint32(c))
	}
	put(257)
	if n > 0 {
		out = append(out, byte(bits<<(8-n)))
	}
	return out
}

// stream writes a stream; after are numbers for objects of its own.
func (s *speller) stream(n int, d pdfDict, content []byte, names []string, after *int) {
	if len(names) > 0 {
		list := make([]string, len(names))
		for i, f := range names {
			list[i] = s.name(f)
		}
		value := "[" + strings.Join(list, " ") + "]"
		if len(list) == 1 && s.r.IntN(2) == 0 {
			value = list[0]
		}
		if s.maybe("filters elsewhere") {
			*after++
			s.object(*after, value)
			value = fmt.Sprintf("%d 0 R", *after)
		}
		d = append(d, "Filter", value)
	}
	content = s.sealed(n, content)
	length := fmt.Sprint(len(content))
	switch {
	case s.maybe("length elsewhere"):
		*after++
		defer s.object(*after, length)
		length = fmt.Sprintf("%d 0 R", *after)
	case s.maybe("wrong length"):
		length = fmt.Sprint(len(content) + 7)
	}
	d = append(d, "Length", length)
	if s.maybe("large dictionary") {
		d = append(d, "Padding", "("+strings.Repeat("x", 70_000)+")")
	}
	eol := []string{"\n", "\r\n"}[s.r.IntN(2)]
	s.object(n, s.dict(d)+s.space()+"stream"+eol+string(content)+"\nendstream")
}

// sealed is the content of an object as it stands in an encrypted file.
func (s *speller) sealed(n int, content []byte) []byte {
	if !s.crypt {
		return content
	}
	key := append(bytes.Clone(s.key), byte(n), byte(n>>8), byte(n>>16), 0, 0)
	sum := md5.Sum(key)
	c, err := rc4.NewCipher(sum[:min(len(s.key)+5, 16)])
	must(err)
	out := make([]byte, len(content))
	c.XORKeyStream(out, content)
	return out
}

// encrypt has everything that follows encrypted with the empty password, as the first version of
// the standard handler did (ISO 32000-1, 7.6.3).
func (s *speller) encrypt() pdfDict {
	pad, _ := hex.DecodeString("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
	owner, id := md5.Sum(pad), []byte("0123456789abcdef")
	c, err := rc4.NewCipher(owner[:5])
	must(err)
	o := make([]byte, 32)
	c.XORKeyStream(o, pad)
	permissions := binary.LittleEndian.AppendUint32(nil, 0xFFFFFFFC)
	sum := md5.Sum(slices.Concat(pad, o, permissions, id))
	s.key, s.crypt = sum[:5], true
	c, err = rc4.NewCipher(s.key)
	must(err)
	u := make([]byte, 32)
	c.XORKeyStream(u, pad)
	return pdfDict{"Filter", "/Standard", "V", "1", "R", "2", "P", "-4", "O", "<" + hex.EncodeToString(o) + ">", "U", "<" + hex.EncodeToString(u) + ">"}
}

// spellPDF writes a document whose picture is marked, or whose metadata are.
func spellPDF(r *rand.Rand, marked bool) attempt {
	s := &speller{r: r, offsets: map[int]int{}, eol: []string{"\n", "\r\n", "\r"}[r.IntN(3)]}
	if s.maybe("bytes before the header") {
		s.out.Write(bytes.Repeat([]byte("junk "), 1+r.IntN(100)))
	}
	fmt.Fprintf(&s.out, "%%PDF-1.%d%s", 3+r.IntN(5), s.eol)
	next := 20 // numbers of objects that some values get
	var secret pdfDict
	if s.maybe("encrypted with no password") {
		secret = s.encrypt()
	}
	catalogue := pdfDict{"Type", s.name("Catalog"), "Pages", "2 0 R"}
	picture, xmp := bareJPEG(64, 48), []byte(nil)
	if marked {
		picture = markedJPEG()
	} else {
		xmp = markedXMP()
		catalogue = append(catalogue, "Metadata", "6 0 R")
	}
	objects := []func(){
		func() { s.object(1, s.dict(catalogue)) },
		func() { s.object(2, s.dict(pdfDict{"Type", "/Pages", "Count", "1", "Kids", "[3 0 R]"})) },
		func() {
			s.object(3, s.dict(pdfDict{"Type", "/Page", "Parent", "2 0 R", "MediaBox", "[0 0 64 48]", "Contents", "5 0 R", "Resources", "<</XObject<</P 4 0 R>>>>"}))
		},
		func() {
			data, names := s.filter(picture)
			s.stream(4, pdfDict{"Type", "/XObject", "Subtype", "/Image", "Width", "64", "Height", "48", "BitsPerComponent", "8", "ColorSpace", "/DeviceRGB"},
				data, append(names, "DCTDecode"), &next)
		},
		func() {
			data, names := s.filter([]byte("q 64 0 0 48 0 0 cm /P Do Q"))
			s.stream(5, nil, data, names, &next)
		},
	}
	if xmp != nil {
		objects = append(objects, func() {
			data, names := s.filter(xmp)
			s.stream(6, pdfDict{"Type", "/Metadata", "Subtype", "/XML"}, data, names, &next)
		})
	}
	if s.maybe("objects in another order") {
		r.Shuffle(len(objects), func(i, k int) { objects[i], objects[k] = objects[k], objects[i] })
	}
	packed := secret == nil && s.maybe("objects in a stream")
	for _, write := range objects {
		write()
	}
	s.end(packed, secret, &next)
	return attempt{"spelled.pdf", s.did, s.out.Bytes()}
}

// end writes tables and trailer.
func (s *speller) end(packed bool, secret pdfDict, next *int) {
	if packed { // the catalogue moves into a stream, which is what is newer
		*next++
		inner := "1 0 " + "<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>"
		data, names := s.filter([]byte(inner), "FlateDecode")
		s.stream(*next, pdfDict{"Type", "/ObjStm", "N", "1", "First", "4"}, data, names, next)
	}
	if s.maybe("changed later") {
		s.object(3, s.dict(pdfDict{"Type", "/Page", "Parent", "2 0 R", "MediaBox", "[0 0 65 49]", "Contents", "5 0 R", "Resources", "<</XObject<</P 4 0 R>>>>"}))
	}
	at, trailer := s.out.Len(), pdfDict{"Size", fmt.Sprint(*next + 1), "Root", "1 0 R", "ID", "[<" + hex.EncodeToString([]byte("0123456789abcdef")) + "> <00>]"}
	if secret != nil {
		trailer = append(trailer, "Encrypt", s.dict(secret))
	}
	if !s.maybe("no table") {
		off := 0
		if s.maybe("wrong offsets") {
			off = 3
		}
		fmt.Fprintf(&s.out, "xref%s0 %d%s0000000000 65535 f \n", s.eol, *next+1, s.eol)
		for n := 1; n <= *next; n++ {
			if o, ok := s.offsets[n]; ok {
				fmt.Fprintf(&s.out, "%010d 00000 n \n", o+off)
			} else {
				s.out.WriteString("0000000000 00000 f \n")
			}
		}
	}
	fmt.Fprintf(&s.out, "trailer%s%s%s", s.eol, s.dict(trailer), s.eol)
	if !s.maybe("no end") {
		fmt.Fprintf(&s.out, "startxref%s%d%s%%%%EOF%s", s.eol, at, s.eol, s.eol)
	}
	if s.maybe("bytes behind the end") {
		s.out.Write(noise(s.r, 1+s.r.IntN(500)))
	}
}
