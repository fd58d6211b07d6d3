package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

func isJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte{0xFF, 0xD8, 0xFF}) }

// jpegFile finds the APP11 segments that carry JUMBF (ISO/IEC 18477-3 and 19566-5, C2PA 2.2,
// A.3.1).
type jpegFile struct{}

const (
	markerSOI   = 0xD8
	markerEOI   = 0xD9
	markerSOS   = 0xDA
	markerAPP1  = 0xE1
	markerAPP11 = 0xEB
)

// walk calls visit for each marker segment up to and including the first SOS or EOI; s is
// the whole segment, marker included. Fill bytes before a marker belong to no segment.
func (j jpegFile) walk(f *file, visit func(marker byte, s span) error) error {
	return j.walkFrom(f, 2, visit)
}

func (jpegFile) walkFrom(f *file, off int64, visit func(marker byte, s span) error) error {
	for {
		if err := f.step(); err != nil {
			return err
		}
		m, err := f.bytes(off, 2)
		if err != nil {
			return errTruncated
		}
		marker := m[1]
		switch {
		case m[0] != 0xFF:
			return errTruncated // not a marker: what follows cannot be read as segments
		case marker == 0xFF: // fill byte
			off++
			continue
		case marker == markerEOI:
			return visit(marker, span{off, 2})
		case marker == 0x01 || marker >= 0xD0 && marker <= markerSOI: // no length
			if err := visit(marker, span{off, 2}); err != nil {
				return err
			}
			off += 2
			continue
		}
		n, err := f.be16(off + 2)
		if err != nil || n < 2 {
			return errTruncated
		}
		s := span{off, 2 + n}
		if s.end() > f.size {
			return errors.Join(visit(marker, span{off, f.size - off}), errTruncated)
		}
		if err := visit(marker, s); err != nil || marker == markerSOS {
			return err
		}
		off = s.end()
	}
}

// jumbfRun is the sequence of APP11 segments that make up one JUMBF box.
type jumbfRun struct {
	instance uint16
	packet   uint32
	head     []byte // LBox, TBox and XLBox, which every segment repeats
	data     []byte
	at       span
	apart    bool // something lies between its segments
}

func (j jpegFile) locate(f *file) (located, error) {
	var out located
	var xmp []byte
	var runs []*jumbfRun
	total := int64(0)
	err := j.walk(f, func(marker byte, s span) error {
		switch {
		case marker == markerAPP1 && xmp == nil:
			b, err := f.copyOf(span{s.start + 4, s.length - 4})
			if err != nil {
				return nil
			}
			if packet, ok := bytes.CutPrefix(b, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok {
				xmp = packet
			}
		case marker == markerAPP11:
			if total += s.length; total > f.limits.StoreBytes {
				return fmt.Errorf("%w: the JUMBF segments have more than %d bytes", errLimit, f.limits.StoreBytes)
			}
			b, err := f.copyOf(span{s.start + 4, max(s.length-4, 0)})
			if err == nil {
				runs = addPacket(runs, b, s, min(f.size, f.limits.StoreBytes))
			}
		}
		return nil
	})
	for _, r := range runs {
		if !isStore(r.data) {
			continue
		}
		if out.at.length == 0 {
			out.at = r.at
		}
		if n := declaredLength(r.head); n != uint64(len(r.data)) && out.broken == nil {
			out.broken = fmt.Errorf("%w: its APP11 segments hold %d bytes of %d", errBox, len(r.data), n)
		}
		if r.apart && out.broken == nil {
			out.broken = fmt.Errorf("%w: its APP11 segments are not one after the other", errBox)
		}
		if len(out.stores) < 2 {
			out.stores = append(out.stores, r.data)
		}
	}
	switch {
	case errors.Is(err, errTruncated):
		err = out.torn(f, err) // of a store that was found the hard binding covers what is missing
	case errors.Is(err, errLimit):
		out.broken, err = err, nil
	}
	out.remote = provenanceAddress(xmp)
	return out, err
}

// addPacket puts one APP11 payload to its run. A segment that is not JUMBF is ignored. Room
// is made at once for what the box says it holds, up to most bytes.
func addPacket(runs []*jumbfRun, b []byte, s span, most int64) []*jumbfRun {
	if len(b) < 16 || string(b[:2]) != "JP" {
		return runs
	}
	instance, packet, rest := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), b[8:]
	head := 8
	if binary.BigEndian.Uint32(rest) == 1 {
		head = 16
	}
	if len(rest) < head {
		return runs
	}
	var last *jumbfRun
	for _, r := range runs {
		if r.instance == instance && bytes.Equal(r.head, rest[:head]) {
			last = r
		}
	}
	if packet == 1 || last == nil {
		room := max(int64(min(declaredLength(rest[:head]), uint64(most))), int64(len(rest)))
		return append(runs, &jumbfRun{instance: instance, packet: packet, head: bytes.Clone(rest[:head]),
			data: append(make([]byte, 0, room), rest...), at: s, apart: packet != 1})
	}
	last.apart = last.apart || packet != last.packet+1 || s.start != last.at.end()
	last.packet = packet
	last.data = append(last.data, rest[head:]...)
	last.at.length = s.end() - last.at.start
	return runs
}

// declaredLength is the length that a box header gives, 0 if it gives none.
func declaredLength(head []byte) uint64 {
	if len(head) == 16 {
		return binary.BigEndian.Uint64(head[8:])
	}
	return uint64(binary.BigEndian.Uint32(head))
}

// pieces names segments as C2PA 2.2, 18.7 asks: SOI, APP0, DQT, SOF0, … C2PA for the store,
// and SOS with the entropy-coded data that follows it.
func (j jpegFile) pieces(f *file) ([]piece, error) {
	where, err := j.locate(f)
	if err != nil {
		return nil, err
	}
	out := []piece{{"SOI", span{0, 2}}}
	for off := int64(2); off < f.size; {
		var last piece
		err := j.walkFrom(f, off, func(marker byte, s span) error {
			last = piece{markerName(marker), s}
			if where.at.holds(s) {
				if n := len(out); n > 0 && out[n-1].name == "C2PA" {
					out[n-1].length = s.end() - out[n-1].start
					return nil
				}
				last.name = "C2PA"
			}
			out = append(out, last)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if last.name != "SOS" {
			break
		}
		end, err := entropyEnd(f, last.end())
		if err != nil {
			return nil, err
		}
		out[len(out)-1].length = end - last.start
		off = end
	}
	return out, nil
}

// entropyEnd returns the offset of the first marker after entropy-coded data that starts at
// off: 0xFF followed by anything but a stuffed zero, a restart marker or a fill byte.
func entropyEnd(f *file, off int64) (int64, error) {
	for off < f.size {
		b, err := f.bytes(off, int(min(windowSize, f.size-off)))
		if err != nil {
			return 0, err
		}
		i := 0
		for {
			k := bytes.IndexByte(b[i:], 0xFF)
			if k < 0 {
				off += int64(len(b))
				break
			}
			i += k
			if i+1 == len(b) {
				if off+int64(i)+1 >= f.size {
					return f.size, nil
				}
				off += int64(i) // read on from the 0xFF
				break
			}
			if n := b[i+1]; n != 0 && n != 0xFF && (n < 0xD0 || n > 0xD7) {
				return off + int64(i), nil
			}
			i++
		}
	}
	return f.size, nil
}

// markerName is the name that c2pa.hash.boxes uses for a marker.
func markerName(m byte) string {
	switch {
	case m >= 0xE0 && m <= 0xEF:
		return "APP" + strconv.Itoa(int(m-0xE0))
	case m >= 0xF0 && m <= 0xFD:
		return "JPG" + strconv.Itoa(int(m-0xF0))
	case m >= 0xD0 && m <= 0xD7:
		return "RST" + strconv.Itoa(int(m-0xD0))
	}
	switch m {
	case 0xC4:
		return "DHT"
	case 0xC8:
		return "JPG"
	case 0xCC:
		return "DAC"
	case markerSOI:
		return "SOI"
	case markerEOI:
		return "EOI"
	case markerSOS:
		return "SOS"
	case 0xDB:
		return "DQT"
	case 0xDC:
		return "DNL"
	case 0xDD:
		return "DRI"
	case 0xDE:
		return "DHP"
	case 0xDF:
		return "EXP"
	case 0xFE:
		return "COM"
	case 0x01:
		return "TEM"
	}
	if m >= 0xC0 && m <= 0xCF {
		return "SOF" + strconv.Itoa(int(m-0xC0))
	}
	return fmt.Sprintf("0x%02X", m)
}
