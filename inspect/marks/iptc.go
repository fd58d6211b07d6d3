package marks

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// iimNames are the datasets of record 2 that are read.
// https://www.iptc.org/std/IIM/4.2/specification/IIMV4.2.pdf
var iimNames = map[byte]string{
	5:   "ObjectName",
	25:  "Keywords",
	40:  "SpecialInstructions",
	65:  "OriginatingProgram",
	80:  "By-line",
	105: "Headline",
	110: "Credit",
	115: "Source",
	116: "CopyrightNotice",
	120: "Caption",
}

// readResources walks Photoshop image resources, which hold IPTC and XMP blocks.
func readResources(f *fields, b []byte) {
	if !f.take(len(b)) {
		return
	}
	for n := 0; n < 1024 && len(b) >= 12; n++ {
		if string(b[:4]) != "8BIM" {
			i := bytes.Index(b, []byte("8BIM"))
			if i < 0 {
				return
			}
			b = b[i:]
			continue
		}
		id := binary.BigEndian.Uint16(b[4:])
		name := int(b[6]) + 1
		name += name & 1
		if len(b) < 6+name+4 {
			return
		}
		size := int64(binary.BigEndian.Uint32(b[6+name:]))
		data := b[6+name+4:]
		if size > int64(len(data)) {
			size = int64(len(data))
		}
		switch id {
		case 0x0404:
			readIIM(f, data[:size])
		case 0x0422:
			readEXIF(f, data[:size])
		case 0x0424:
			readXMP(f, data[:size])
		}
		b = data[min(size+size&1, int64(len(data))):]
	}
}

// readIIM reads IPTC datasets.
func readIIM(f *fields, b []byte) {
	if !f.take(len(b)) {
		return
	}
	for n := 0; n < 4096 && len(b) >= 5 && b[0] == 0x1C; n++ {
		record, set := b[1], b[2]
		size := int(binary.BigEndian.Uint16(b[3:]))
		b = b[5:]
		if size >= 0x8000 { // extended: the length of the length
			digits := size & 0x7FFF
			if digits > 4 || digits > len(b) {
				return
			}
			size = 0
			for _, c := range b[:digits] {
				size = size<<8 | int(c)
			}
			b = b[digits:]
		}
		if size < 0 || size > len(b) {
			return
		}
		if name, ok := iimNames[set]; ok && record == 2 {
			f.add("iptc", fmt.Sprintf("2:%d %s", set, name), string(b[:size]))
		}
		b = b[size:]
	}
}
