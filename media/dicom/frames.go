package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"iter"
)

// Frame is one picture of the pixel data.
type Frame struct {
	// Number counts from 1.
	Number int
	// Size is the sum of its bytes as they are stored.
	Size int64

	file   *File
	pieces []Fragment
}

// Encapsulated reports whether the pixel data is kept as a stream for each frame: JPEG and its
// relatives, video, run lengths.
func (f *File) Encapsulated() bool { return f.wrapped }

// Coded reports whether frames are streams that have a file format of their own.
func (f *File) Coded() bool { return f.wrapped && f.Syntax.UID != rleSyntax }

// Deflated reports whether the data set is deflated, so that offsets behind the file meta
// information are not those of the file.
func (f *File) Deflated() bool { return f.Syntax.deflated }

// Pieces are the fragments of encapsulated pixel data as they stand in the file, the table of
// offsets in front.
func (f *File) Pieces() iter.Seq[Fragment] {
	return func(yield func(Fragment) bool) {
		if !f.wrapped || !yield(f.table) {
			return
		}
		for _, p := range f.fragments {
			if !yield(p) {
				return
			}
		}
	}
}

// Stated returns how many frames the data set says it has: 1 if it does not say.
func (f *File) Stated() int64 {
	if n, ok := f.Number(numberOfFrames); ok && n > 0 {
		return n
	}
	return 1
}

// Counted reports whether the number of frames is known: it is stated as a number, or not stated, and
// then 1.
func (f *File) Counted() bool {
	if _, stated := f.Element(numberOfFrames); !stated {
		return true
	}
	n, ok := f.Number(numberOfFrames)
	return ok && n > 0
}

// Size returns width and height of a frame in pixels.
func (f *File) Size() (w, h int) {
	return int(f.small(columns)), int(f.small(rows))
}

// small is a number that the standard keeps in two bytes; 0 if it is larger, or not there.
func (f *File) small(t Tag) int64 {
	n, _ := f.Number(t)
	if n < 0 || n > 1<<16-1 {
		return 0
	}
	return n
}

// FrameSize is how many bytes a frame takes without compression; 0 if the data set does not
// say, or has samples of a part of a byte.
func (f *File) FrameSize() int64 {
	w, h := f.Size()
	samples, bits := f.small(samplesPerPixel), f.small(bitsAllocated)
	if bits%8 != 0 {
		return 0
	}
	if samples == 3 && !f.wrapped && (f.Text(photometric) == "YBR_FULL_422" || f.Text(photometric) == "YBR_PARTIAL_422") {
		samples = 2 // two pixels share their colour
	}
	return int64(w) * int64(h) * samples * bits / 8
}

// Frames goes through the frames that are there, however many the data set says.
func (f *File) Frames() iter.Seq[Frame] {
	if f.wrapped {
		return f.streams
	}
	return func(yield func(Frame) bool) {
		e, size := f.root[PixelData], f.FrameSize()
		if size <= 0 {
			return
		}
		for n := int64(0); n < f.Stated() && (n+1)*size <= e.Length; n++ {
			if !yield(Frame{int(n + 1), size, f, []Fragment{{e.Offset + n*size, size}}}) {
				return
			}
		}
	}
}

// streams puts fragments together to frames. The table of offsets decides if it is there;
// else a frame begins where the mark of a stream is, so that no stream hides behind another.
func (f *File) streams(yield func(Frame) bool) {
	starts := f.starts()
	each := f.Syntax.UID == rleSyntax || int64(len(f.fragments)) == f.Stated()
	next := Frame{Number: 1, file: f}
	for _, piece := range f.fragments {
		begins := each || starts[piece.Offset-8] || beginsStream(f.Value(Element{Offset: piece.Offset, Length: piece.Length}, 12))
		if begins && next.Size > 0 {
			if !yield(next) {
				return
			}
			next = Frame{Number: next.Number + 1, file: f}
		}
		next.pieces, next.Size = append(next.pieces, piece), next.Size+piece.Length
	}
	if next.Size > 0 {
		yield(next)
	}
}

// starts is the table of offsets, as places in the file. What points to no fragment does no harm.
func (f *File) starts() map[int64]bool {
	if f.table.Length < 4 || len(f.fragments) == 0 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if f.big {
		order = binary.BigEndian
	}
	b := f.Value(Element{Offset: f.table.Offset, Length: f.table.Length}, 4*int64(len(f.fragments)))
	out := make(map[int64]bool, len(b)/4)
	for ; len(b) >= 4; b = b[4:] {
		out[f.fragments[0].Offset-8+int64(order.Uint32(b))] = true
	}
	return out
}

// beginsStream reports whether a JPEG, JPEG-LS or JPEG 2000 stream begins here.
func beginsStream(b []byte) bool {
	for _, mark := range []string{"\xFF\xD8\xFF", "\xFF\x4F\xFF\x51", "\x00\x00\x00\x0CjP  "} {
		if bytes.HasPrefix(b, []byte(mark)) {
			return true
		}
	}
	return false
}

// Content returns the bytes of a frame as they are stored. The caller has looked at Size.
func (fr Frame) Content() ([]byte, error) {
	out := make([]byte, 0, fr.Size)
	for _, p := range fr.pieces {
		b := fr.file.Value(Element{Offset: p.Offset, Length: p.Length}, p.Length)
		if int64(len(b)) < p.Length {
			return nil, fmt.Errorf("%w: in frame %d", ErrTruncated, fr.Number)
		}
		out = append(out, b...)
	}
	return out, nil
}

// Coloured reports whether frames have three samples of eight bits a pixel that Picture can
// turn into colours; others are grey, or numbers of a palette, or finer than a screen shows.
func (f *File) Coloured() bool {
	stored, ok := f.Number(bitsStored)
	if f.small(samplesPerPixel) != 3 || f.small(bitsAllocated) != 8 || ok && stored != 8 || f.Coded() {
		return false
	}
	switch f.Text(photometric) {
	case "RGB", "YBR_FULL":
		return true
	case "YBR_FULL_422":
		return !f.wrapped
	}
	return false
}

// Picture makes a picture of a frame of a file that is Coloured. The caller has looked at the
// size of the picture, which takes four bytes a pixel, and the frame as much again.
func (fr Frame) Picture() (*image.NRGBA, error) {
	f := fr.file
	w, h := f.Size()
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("%w: %d by %d pixels", ErrStructure, w, h)
	}
	b, err := fr.Content()
	if err != nil {
		return nil, err
	}
	n := w * h
	kind := f.Text(photometric)
	apart, _ := f.Number(planar)
	switch {
	case f.wrapped:
		if b, err = unpackBits(b, 3, n); err != nil {
			return nil, err
		}
		apart = 1
	case f.big && f.root[PixelData].VR == "OW":
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	if int64(len(b)) < f.FrameSize() {
		return nil, fmt.Errorf("%w: frame %d has %d bytes", ErrTruncated, fr.Number, len(b))
	}
	at := func(i int) (x, y, z byte) { return b[3*i], b[3*i+1], b[3*i+2] }
	switch {
	case kind == "YBR_FULL_422":
		if n%2 != 0 {
			return nil, fmt.Errorf("%w: an odd number of pixels that share colours", ErrStructure)
		}
		at = func(i int) (x, y, z byte) { p := i / 2 * 4; return b[p+i%2], b[p+2], b[p+3] }
	case apart == 1:
		at = func(i int) (x, y, z byte) { return b[i], b[n+i], b[2*n+i] }
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range n {
		x, y, z := at(i)
		if kind != "RGB" {
			x, y, z = color.YCbCrToRGB(x, y, z)
		}
		copy(m.Pix[4*i:], []byte{x, y, z, 0xFF})
	}
	return m, nil
}

// unpackBits undoes the run lengths of a frame: planes of so many bytes, one behind the other.
func unpackBits(b []byte, planes, size int) ([]byte, error) {
	const head = 64
	if len(b) < head || binary.LittleEndian.Uint32(b) != uint32(planes) {
		return nil, fmt.Errorf("%w: the run lengths are not those of %d planes", ErrStructure, planes)
	}
	out := make([]byte, 0, planes*size)
	for p := range planes {
		from, to := int64(binary.LittleEndian.Uint32(b[4+4*p:])), int64(len(b))
		if p+1 < planes {
			to = int64(binary.LittleEndian.Uint32(b[8+4*p:]))
		}
		if from < head || from > to || to > int64(len(b)) {
			return nil, fmt.Errorf("%w: a plane of run lengths lies outside of its frame", ErrStructure)
		}
		end := (p + 1) * size
		for src := b[from:to]; len(src) > 1 && len(out) < end; {
			n := int(int8(src[0]))
			switch {
			case n >= 0 && len(src) >= n+2:
				out = append(out, src[1:min(n+2, 1+end-len(out))]...)
				src = src[n+2:]
			case n >= 0:
				return nil, fmt.Errorf("%w: in a plane of run lengths", ErrTruncated)
			case n == -128:
				src = src[1:]
			default:
				out = append(out, bytes.Repeat(src[1:2], min(1-n, end-len(out)))...)
				src = src[2:]
			}
		}
		if len(out) < end {
			return nil, fmt.Errorf("%w: a plane of run lengths is too short", ErrTruncated)
		}
	}
	return out, nil
}
