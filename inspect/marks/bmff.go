package marks

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/andybalholm/brotli"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// xmpUUID names the box that holds XMP in MP4 and older HEIF files.
const xmpUUID = "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC"

// readBMFF reads the tags of MP4 and QuickTime files and the EXIF and XMP items of HEIF.
func readBMFF(f *fields, m *media.Media) {
	var keys []string // of QuickTime metadata, by number from 1
	var freeform string
	var items itemTable
	for p, err := range chunk.BMFF(m, m.Size()) {
		if f.ended(err) {
			break
		}
		dir, _, _ := strings.Cut(p.Path, "/ilst/")
		switch {
		case p.Name == "uuid" && p.Len > 16:
			readUUID(f, m, p)
		case p.Path == "brob" && p.Len > 4: // of JPEG XL: another box, packed
			readBrotli(f, m, p)
		case p.Path == "xml " || strings.HasSuffix(p.Path, "meta/xml "): // of JPEG XL and JPEG 2000, and of metadata
			if b, ok := f.packet(m, p); ok {
				readXMP(f, b)
			}
		case p.Path == "Exif" && p.Len > 4: // of JPEG XL, behind an offset
			if b, ok := f.piece(m, p); ok {
				readEXIF(f, b[4:])
			}
		case p.Name == "XMP_" && strings.HasSuffix(p.Path, "udta/XMP_"):
			if b, ok := f.packet(m, p); ok {
				readXMP(f, b)
			}
		case strings.HasSuffix(p.Path, "/meta/keys") || p.Path == "meta/keys":
			if b, ok := f.piece(m, p); ok {
				keys = quickTimeKeys(b)
			}
		case strings.HasSuffix(p.Path, "/ilst/----/name"):
			if b, err := p.Read(m, 256); err == nil && len(b) > 4 {
				freeform = string(b[4:])
			}
		case p.Name == "data" && dir != p.Path && p.Len > 8:
			if b, ok := f.piece(m, p); ok {
				addTag(f, tagName(p.Path, keys, freeform), b)
			}
		case strings.HasSuffix(p.Path, "udta/"+p.Name) && p.Name[0] == 0xA9 && p.Len > 4:
			// QuickTime's own: length, language, text.
			if b, ok := f.piece(m, p); ok {
				n := min(int(binary.BigEndian.Uint16(b)), len(b)-4)
				f.add("tag", p.Name, string(b[4:4+n]))
			}
		case strings.HasSuffix(p.Path, "udta/"+p.Name) && slices.Contains(of3GPP, p.Name) && p.Len > 6:
			if b, ok := f.piece(m, p); ok { // version, language, text
				if text := b[6:]; len(text) > 2 && text[0] == 0xFE && text[1] == 0xFF {
					f.add("tag", p.Name, utf16Text(text, true))
				} else {
					f.add("tag", p.Name, string(text))
				}
			}
		case p.Path == "meta/iinf":
			if b, ok := f.piece(m, p); ok {
				items.names(b)
			}
		case p.Path == "meta/idat":
			items.idat = p.Off
		case p.Path == "meta/iloc":
			if b, ok := f.piece(m, p); ok {
				items.places(b)
			}
		}
	}
	items.read(f, m)
}

// of3GPP are the texts of 3GPP TS 26.244.
var of3GPP = []string{"titl", "dscp", "auth", "perf", "cprt"}

// Names of uuid boxes, of JPEG 2000 and of Canon's raw files.
const (
	canonUUID = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"

	exifUUID = "JpgTiffExif->JP2"
	iptcUUID = "\x33\xC7\xA4\xD2\xB8\x1D\x47\x23\xA0\xBA\xF1\xA3\xE0\x97\xAD\x38"
)

func readUUID(f *fields, m io.ReaderAt, p chunk.Piece) {
	name, err := p.Read(m, 16)
	if err != nil {
		return
	}
	p.Off, p.Len = p.Off+16, p.Len-16
	switch string(name) {
	case canonUUID:
		for p.Len >= 8 && !f.stopped() {
			var head [8]byte
			if n, _ := m.ReadAt(head[:], p.Off); n < len(head) {
				return
			}
			n := int64(binary.BigEndian.Uint32(head[:]))
			if n < 8 || n > p.Len {
				return
			}
			if strings.HasPrefix(string(head[4:]), "CMT") {
				if b, ok := f.piece(m, chunk.Piece{Name: string(head[4:]), Off: p.Off + 8, Len: n - 8}); ok {
					readEXIF(f, b)
				}
			}
			p.Off, p.Len = p.Off+n, p.Len-n
		}
	case xmpUUID:
		if b, ok := f.packet(m, p); ok {
			readXMP(f, b)
		}
	case exifUUID:
		if b, ok := f.piece(m, p); ok {
			readEXIF(f, bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
		}
	case iptcUUID:
		if b, ok := f.piece(m, p); ok {
			readIIM(f, b)
		}
	}
}

// readBrotli reads a box of JPEG XL that is packed. https://www.iso.org/standard/85066.html
func readBrotli(f *fields, m io.ReaderAt, p chunk.Piece) {
	name, err := p.Read(m, 4)
	if err != nil || string(name) != "xml " && string(name) != "Exif" {
		return
	}
	r := io.Reader(brotli.NewReader(io.NewSectionReader(m, p.Off+4, p.Len-4)))
	if string(name) == "xml " {
		plain := &io.LimitedReader{R: r, N: f.block() * maxSqueezed}
		if b, ok := f.squeezed(plain, "xml"); ok {
			readXMP(f, b)
		}
		if plain.N <= 0 {
			f.limit("a text that unpacks to more than %d MiB", f.block()*maxSqueezed>>20)
		}
		return
	}
	b, _ := io.ReadAll(io.LimitReader(r, f.block()))
	if f.take(len(b)) && len(b) > 4 {
		readEXIF(f, b[4:])
	}
}

// tagName is the name of the item that a data box belongs to.
func tagName(path string, keys []string, freeform string) string {
	parts := strings.Split(path, "/")
	if len(parts) < 2 {
		return path
	}
	name := strings.Join(parts[len(parts)-2:len(parts)-1], "")
	if i := strings.LastIndex(path, "/ilst/"); i >= 0 {
		name = strings.TrimSuffix(path[i+len("/ilst/"):], "/data")
	}
	if name == "----" {
		return freeform
	}
	if len(name) == 4 && name[0] == 0 {
		if n := binary.BigEndian.Uint32([]byte(name)); n >= 1 && int64(n) <= int64(len(keys)) {
			return keys[n-1]
		}
	}
	return name
}

// addTag adds the value of a data box: type, locale, value. Only text is of use.
func addTag(f *fields, name string, b []byte) {
	switch binary.BigEndian.Uint32(b) {
	case 1:
		f.add("tag", name, string(b[8:]))
	case 2:
		f.add("tag", name, utf16Text(b[8:], true))
	case 0: // what it is follows from its name; most often it is text
		if utf8.Valid(b[8:]) {
			f.add("tag", name, string(b[8:]))
		}
	}
}

func quickTimeKeys(b []byte) []string {
	if len(b) < 8 {
		return nil
	}
	b = b[8:]
	var keys []string
	for len(b) >= 8 && len(keys) < 1024 {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 8 || n > int64(len(b)) {
			break
		}
		keys = append(keys, string(b[8:n]))
		b = b[n:]
	}
	return keys
}

// itemTable finds the metadata items of a HEIF file. ISO/IEC 14496-12, 8.11.
type itemTable struct {
	kind map[uint32]string     // "Exif" or "xmp"
	at   map[uint32][][2]int64 // its pieces

	inside []uint32 // of these, at counts from idat
	idat   int64
}

const maxItems = 4096

// names reads an iinf box: which item is what.
func (t *itemTable) names(b []byte) {
	t.kind = map[uint32]string{}
	skip := 6
	if len(b) > 0 && b[0] != 0 {
		skip = 8
	}
	if len(b) < skip {
		return
	}
	b = b[skip:]
	for n := 0; n < maxItems && len(b) >= 16; n++ {
		size := int64(binary.BigEndian.Uint32(b))
		if size < 16 || size > int64(len(b)) {
			return
		}
		e := b[8:size] // version, flags, id, protection, type
		b = b[size:]
		var id uint32
		switch {
		case e[0] == 2 && len(e) >= 12:
			id, e = uint32(binary.BigEndian.Uint16(e[4:])), e[8:]
		case e[0] == 3 && len(e) >= 14:
			id, e = binary.BigEndian.Uint32(e[4:]), e[10:]
		default:
			continue
		}
		switch kind := string(e[:4]); {
		case kind == "Exif":
			t.kind[id] = kind
		case kind == "mime" && bytes.Contains(e, []byte("rdf+xml")):
			t.kind[id] = "xmp"
		}
	}
}

// places reads an iloc box: where the extents of each item are.
func (t *itemTable) places(b []byte) {
	t.at, t.inside = map[uint32][][2]int64{}, nil
	if len(b) < 8 {
		return
	}
	version := b[0]
	offLen, lenLen, baseLen, indexLen := int(b[4]>>4), int(b[4]&15), int(b[5]>>4), int(b[5]&15)
	b = b[6:]
	short := func(n int) (v uint64, ok bool) {
		if n > 8 || n > len(b) {
			return 0, false
		}
		for _, c := range b[:n] {
			v = v<<8 | uint64(c)
		}
		b = b[n:]
		return v, true
	}
	idLen := 2
	if version == 2 {
		idLen = 4
	}
	count, _ := short(idLen)
	for range min(count, maxItems) {
		id, ok := short(idLen)
		method := uint64(0)
		if ok && version > 0 {
			method, ok = short(2)
		}
		if ok {
			_, ok = short(2) // data reference
		}
		var base, extents uint64
		if ok {
			base, ok = short(baseLen)
		}
		if ok {
			extents, ok = short(2)
		}
		for e := uint64(0); ok && e < min(extents, maxItems); e++ {
			var off, size uint64
			if version > 0 && indexLen > 0 {
				_, ok = short(indexLen)
			}
			if ok {
				off, ok = short(offLen)
			}
			if ok {
				size, ok = short(lenLen)
			}
			if ok && method&15 <= 1 && base < 1<<40 && off < 1<<40 && size < 1<<40 {
				t.at[uint32(id)] = append(t.at[uint32(id)], [2]int64{int64(base + off), int64(size)})
				if e == 0 && method&15 == 1 { // counted from the data of the idat box
					t.inside = append(t.inside, uint32(id))
				}
			}
		}
		if !ok {
			return
		}
	}
}

func (t *itemTable) read(f *fields, m *media.Media) {
	for _, id := range slices.Sorted(maps.Keys(t.kind)) {
		var pieces []io.Reader
		shift, total := int64(0), int64(0)
		if slices.Contains(t.inside, id) {
			if t.idat == 0 {
				continue
			}
			shift = t.idat
		}
		for _, at := range t.at[id] {
			if n := min(at[1], m.Size()-at[0]-shift); n > 0 {
				pieces = append(pieces, io.NewSectionReader(m, at[0]+shift, n))
				total += n
			}
		}
		if total == 0 {
			continue
		}
		r := io.MultiReader(pieces...)
		if t.kind[id] == "xmp" {
			if b, ok := f.squeezed(r, "XMP"); ok {
				readXMP(f, b)
			}
			continue
		}
		if total > f.block() {
			f.limit("Exif of %d bytes", total)
		}
		b, err := io.ReadAll(io.LimitReader(r, f.block()))
		// Four bytes say how far the TIFF header is from here.
		if err == nil && len(b) > 12 && f.take(len(b)) {
			if skip := int64(binary.BigEndian.Uint32(b)) + 4; skip < int64(len(b)) {
				readEXIF(f, b[skip:])
			}
		}
	}
}
