package c2pa

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// id3File finds the GEOB frame of MP3 files, and of FLAC files behind an ID3 tag (C2PA 2.2,
// A.3.5; https://id3.org/id3v2.4.0-structure).
type id3File struct{}

// audioType returns the media type of an MP3 or FLAC file, "" if it is another kind.
func audioType(f *file, head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("fLaC")):
		return "audio/flac"
	case len(head) >= 10 && string(head[:3]) == "ID3":
		if b, err := f.bytes(10+synchsafe(head[6:10]), 4); err == nil && string(b) == "fLaC" {
			return "audio/flac"
		}
		return "audio/mpeg"
	case len(head) >= 2 && head[0] == 0xFF && head[1]&0xE0 == 0xE0 && head[1]&0x06 != 0: // frame of a layer
		return "audio/mpeg"
	}
	return ""
}

// synchsafe reads four bytes of seven bits.
func synchsafe(b []byte) int64 {
	return int64(b[0]&0x7F)<<21 | int64(b[1]&0x7F)<<14 | int64(b[2]&0x7F)<<7 | int64(b[3]&0x7F)
}

func (id3File) locate(f *file) (located, error) {
	var out located
	head, err := f.bytes(0, int(min(10, f.size)))
	if err != nil {
		return out, err
	}
	if len(head) < 10 || string(head[:3]) != "ID3" || head[3] < 3 || head[3] > 4 {
		return out, nil
	}
	version, end := head[3], 10+synchsafe(head[6:10])
	off := int64(10)
	if head[5]&0x40 != 0 { // extended header
		b, err := f.bytes(10, 4)
		if err != nil {
			return out, nil
		}
		if off += synchsafe(b); version == 3 {
			off = 14 + int64(binary.BigEndian.Uint32(b))
		}
	}
	for off+10 <= min(end, f.size) {
		if err := f.step(); err != nil {
			out.broken = err
			return out, nil
		}
		b, err := f.bytes(off, 10)
		if err != nil || b[0] == 0 { // padding
			return out, err
		}
		name, n := string(b[:4]), synchsafe(b[4:8])
		if version == 3 {
			n = int64(binary.BigEndian.Uint32(b[4:8]))
		}
		if name == "GEOB" {
			if err := readGEOB(f, span{off + 10, n}, &out); err != nil {
				out.broken = err
			}
		}
		off += 10 + n
	}
	return out, nil
}

// readGEOB takes the store from a frame: encoding, media type, file name, description,
// object. Frames of other media types are left alone.
func readGEOB(f *file, s span, out *located) error {
	b, err := f.copyOf(s)
	if err != nil {
		if head, headErr := f.bytes(s.start, int(min(s.length, f.size-s.start, 80))); headErr == nil && bytes.Contains(head, []byte("c2pa")) {
			return err
		}
		return nil
	}
	if len(b) < 1 || b[0] != 0 && b[0] != 3 {
		return nil // names in UTF-16: C2PA does not write those
	}
	mediaType, rest, ok := bytes.Cut(b[1:], []byte{0})
	if !ok || string(mediaType) != "application/c2pa" && string(mediaType) != "application/x-c2pa-manifest-store" {
		return nil
	}
	for range 2 {
		if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return fmt.Errorf("%w: GEOB frame is cut", errBox)
		}
	}
	if out.at.length == 0 {
		out.at = span{s.end() - int64(len(rest)), int64(len(rest))}
	}
	if len(out.stores) < 2 {
		out.stores = append(out.stores, rest)
	}
	return nil
}

func (id3File) pieces(*file) ([]piece, error) { return nil, errNoPieces }
