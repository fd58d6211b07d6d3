package chunk

import (
	"fmt"
	"io"
	"iter"
)

// ebmlNames are the elements of Matroska and WebM that have a name here; others are named by
// their number in hexadecimal digits. https://www.rfc-editor.org/rfc/rfc9559
var ebmlNames = map[uint32]string{
	0x1A45DFA3: "EBML", 0x4282: "DocType", 0x18538067: "Segment",
	0x114D9B74: "SeekHead", 0x1549A966: "Info", 0x1654AE6B: "Tracks", 0x1F43B675: "Cluster", 0x1C53BB6B: "Cues",
	0x1043A770: "Chapters", 0x1254C367: "Tags", 0x1941A469: "Attachments", 0xEC: "Void", 0xBF: "CRC-32",
	0x2AD7B1: "TimestampScale", 0x4489: "Duration", 0x4461: "DateUTC", 0x4D80: "MuxingApp", 0x5741: "WritingApp", 0x7BA9: "Title",
	0xAE: "TrackEntry", 0xD7: "TrackNumber", 0x83: "TrackType", 0x86: "CodecID", 0x63A2: "CodecPrivate", 0x536E: "Name", 0x23E383: "DefaultDuration",
	0xE0: "Video", 0xB0: "PixelWidth", 0xBA: "PixelHeight", 0xE1: "Audio", 0xB5: "SamplingFrequency", 0x9F: "Channels",
	0xE7: "Timestamp", 0xA3: "SimpleBlock", 0xA0: "BlockGroup", 0xA1: "Block", 0x9B: "BlockDuration",
	0x7373: "Tag", 0x63C0: "Targets", 0x67C8: "SimpleTag", 0x45A3: "TagName", 0x4487: "TagString",
}

// ebmlInner are the elements that a reader goes into.
var ebmlInner = map[string]bool{"Segment": true, "Info": true, "Tracks": true, "TrackEntry": true, "Video": true, "Audio": true,
	"Cluster": true, "BlockGroup": true, "Tags": true, "Tag": true, "SimpleTag": true, "EBML": true}

// ebmlTop are the elements that end a cluster or a segment of unknown length.
var ebmlTop = map[string]bool{"EBML": true, "Segment": true, "SeekHead": true, "Info": true, "Tracks": true, "Cluster": true, "Cues": true, "Chapters": true, "Tags": true, "Attachments": true}

// maxElements bounds the elements of one file: a recording has some for each frame.
const maxElements = 1 << 22

// EBML walks the elements of a Matroska or WebM file. Segments and clusters may be of unknown
// length, as where they are written while they are recorded; their Len reaches to the end of
// what holds them, and the walk goes on behind them as soon as they end.
func EBML(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w := &ebmlWalk{r: r, size: size, yield: yield, paths: map[ebmlPath]string{}}
		for off := int64(0); off < size; {
			next, more := w.elements("", off, size, false, 1)
			if !more || next <= off {
				return
			}
			off = next
		}
	}
}

type ebmlPath struct {
	parent string
	id     uint32
}

type ebmlWalk struct {
	r     io.ReaderAt
	size  int64
	yield func(Piece, error) bool
	n     int
	head  [12]byte            // of the element that is being read
	paths map[ebmlPath]string // made once: a recording has hundreds of thousands of elements
}

func (w *ebmlWalk) fail(err error) (int64, bool) {
	w.yield(Piece{}, err)
	return 0, false
}

// elements walks what lies between off and end, and returns where it stopped; false ends the
// walk. Where the end is open, an element that cannot be inside ends it.
func (w *ebmlWalk) elements(path string, off, end int64, open bool, depth int) (int64, bool) {
	if depth > maxDepth {
		return w.fail(fmt.Errorf("%w: elements nested more than %d deep", ErrLimit, maxDepth))
	}
	for off < end {
		if w.n++; w.n > maxElements {
			return w.fail(fmt.Errorf("%w: more than %d elements", ErrLimit, maxElements))
		}
		id, length, head, err := w.header(off)
		if err != nil {
			return w.fail(err)
		}
		name := ebmlNames[id]
		if open && depth > 1 && ebmlTop[name] && (path != "Segment" || name == "Segment" || name == "EBML") {
			return off, true
		}
		p := Piece{Name: name, Start: off, Off: off + head, Len: length, Path: w.path(path, id)}
		if name == "" {
			p.Name = fmt.Sprintf("%X", id)
		}
		unknown := length < 0
		if unknown {
			p.Len = end - p.Off
			if name != "Segment" && name != "Cluster" {
				return w.fail(fmt.Errorf("%w: element %s at byte %d has no length", ErrStructure, p.Name, off))
			}
		}
		if p.Off > end || p.Len > end-p.Off {
			kind := ErrStructure
			if end == w.size {
				kind = ErrTruncated
			}
			// What a segment or a cluster has until the end is still worth reading.
			if ebmlInner[name] && kind == ErrTruncated && p.Off < end {
				p.Len = end - p.Off
				if !w.yield(p, nil) {
					return 0, false
				}
				if _, more := w.elements(p.Path, p.Off, end, false, depth+1); !more {
					return 0, false
				}
			}
			return w.fail(fmt.Errorf("%w: element %s at byte %d says %d bytes", kind, p.Name, off, length))
		}
		if !w.yield(p, nil) {
			return 0, false
		}
		off = p.End()
		if ebmlInner[name] {
			stopped, more := w.elements(p.Path, p.Off, p.End(), unknown, depth+1)
			if !more {
				return 0, false
			}
			if unknown {
				off = stopped
			}
		}
	}
	return off, true
}

func (w *ebmlWalk) path(parent string, id uint32) string {
	key := ebmlPath{parent, id}
	path, ok := w.paths[key]
	if !ok {
		if path = ebmlNames[id]; path == "" {
			path = fmt.Sprintf("%X", id)
		}
		if parent != "" {
			path = parent + "/" + path
		}
		if len(w.paths) < 4096 {
			w.paths[key] = path
		}
	}
	return path
}

// header reads an element's number and length; a negative length is unknown.
func (w *ebmlWalk) header(off int64) (id uint32, length, head int64, err error) {
	b := w.head[:]
	n := int(min(int64(len(b)), w.size-off))
	if err := full(w.r, b[:n], off); err != nil {
		return 0, 0, 0, err
	}
	idLen := 1
	for m := byte(0x80); idLen <= 4 && b[0]&m == 0; m >>= 1 {
		idLen++
	}
	if idLen > 4 {
		return 0, 0, 0, fmt.Errorf("%w: no element at byte %d", ErrStructure, off)
	}
	if idLen >= n {
		return 0, 0, 0, fmt.Errorf("%w at byte %d", ErrTruncated, off)
	}
	for _, c := range b[:idLen] {
		id = id<<8 | uint32(c)
	}
	sizeLen, m := 1, byte(0x80)
	for ; sizeLen <= 8 && b[idLen]&m == 0; m >>= 1 {
		sizeLen++
	}
	if sizeLen > 8 {
		return 0, 0, 0, fmt.Errorf("%w: element %X at byte %d has no readable length", ErrStructure, id, off)
	}
	if idLen+sizeLen > n {
		return 0, 0, 0, fmt.Errorf("%w at byte %d", ErrTruncated, off)
	}
	length = int64(b[idLen] & (m - 1))
	ones := length == int64(m-1)
	for _, c := range b[idLen+1 : idLen+sizeLen] {
		length = length<<8 | int64(c)
		ones = ones && c == 0xFF
	}
	if ones {
		length = -1
	}
	return id, length, int64(idLen + sizeLen), nil
}
