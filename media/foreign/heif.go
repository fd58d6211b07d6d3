package foreign

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chunk"
	"github.com/cordonhq/cordon/media/sandbox"
)

// heif is the index of a HEIF file: pictures are items, and a large one is a grid of tiles.
// Debian's ffmpeg finds a single picture in AVIF but no item in HEIC, so that the tiles are
// given to its decoder as the stream that they are parts of.
type heif struct {
	r       io.ReaderAt
	primary uint32
	kinds   map[uint32]string
	extents map[uint32][]extent
	props   []chunk.Piece       // from 1
	of      map[uint32][]uint16 // properties of items
	tiles   map[uint32][]uint32 // of a grid, by rows
}

type extent struct{ from, length int64 }

const (
	maxItems = 4096
	maxTiles = 1024
	maxBox   = 1 << 20 // of an index
)

// readHEIF reads the index. What it does not know it passes over.
func readHEIF(r io.ReaderAt, size int64) (*heif, error) {
	h := &heif{r: r, kinds: map[uint32]string{}, extents: map[uint32][]extent{}, props: make([]chunk.Piece, 1), of: map[uint32][]uint16{}, tiles: map[uint32][]uint32{}}
	var data chunk.Piece // of the box for small items
	var places []byte
	for p, err := range chunk.BMFF(r, size) {
		if err != nil {
			break // pieces before it stand
		}
		if p.Path == "meta/idat" {
			data = p
		}
		if p.Len > maxBox {
			continue
		}
		if dir, _, ok := lastCut(p.Path); ok && dir == "meta/iprp/ipco" {
			if len(h.props) > maxItems {
				return nil, fmt.Errorf("%w: too many properties", errHeader)
			}
			h.props = append(h.props, p)
			continue
		}
		switch p.Path {
		case "meta/pitm", "meta/iinf", "meta/iloc", "meta/iref", "meta/iprp/ipma":
		default:
			continue
		}
		b, err := p.Read(r, maxBox)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errHeader, err)
		}
		f := &fields{b: b}
		switch p.Name {
		case "pitm":
			h.primary = f.id(f.version() == 0)
		case "iinf":
			h.readKinds(f)
		case "iloc":
			places = b
		case "iref":
			h.readRefs(f)
		case "ipma":
			h.readProps(f)
		}
	}
	h.readPlaces(&fields{b: places}, size, data)
	if h.kinds[h.primary] == "" {
		return nil, fmt.Errorf("%w: no primary picture", errHeader)
	}
	return h, nil
}

func lastCut(path string) (dir, name string, ok bool) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i], path[i+1:], true
		}
	}
	return "", path, false
}

func (h *heif) readKinds(f *fields) {
	short := f.version() == 0
	n := f.id(short)
	for range min(n, maxItems) {
		box, kind := f.box()
		if kind != "infe" {
			continue
		}
		version := box.version()
		if version < 2 {
			continue // before there were pictures in it
		}
		id := box.id(version == 2)
		box.skip(2)
		if name := string(box.take(4)); len(name) == 4 {
			h.kinds[id] = name
		}
	}
}

func (h *heif) readRefs(f *fields) {
	short := f.version() == 0
	for len(f.b) > 0 && len(h.tiles) < maxItems {
		box, kind := f.box()
		if kind == "" {
			return
		}
		if kind != "dimg" {
			continue
		}
		from := box.id(short)
		for range min(int(box.uint(2)), maxTiles) {
			h.tiles[from] = append(h.tiles[from], box.id(short))
		}
	}
}

func (h *heif) readProps(f *fields) {
	version := f.version()
	wide := f.flags&1 != 0
	for range min(f.uint(4), maxItems) {
		if f.short {
			return
		}
		id := f.id(version == 0)
		for range f.uint(1) {
			if wide {
				h.of[id] = append(h.of[id], uint16(f.uint(2)&0x7FFF))
			} else {
				h.of[id] = append(h.of[id], uint16(f.uint(1)&0x7F))
			}
		}
	}
}

func (h *heif) readPlaces(f *fields, size int64, data chunk.Piece) {
	version := f.version()
	sizes := f.uint(2)
	offset, length, base, index := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if version == 0 {
		index = 0
	}
	n := f.id(version < 2)
	for range min(n, maxItems) {
		if f.short {
			return
		}
		id := f.id(version < 2)
		method := uint64(0)
		if version > 0 {
			method = f.uint(2) & 15
		}
		f.skip(2)
		from := f.uint(base)
		var all []extent
		for range min(f.uint(2), 64) {
			f.skip(index)
			e := extent{int64(from + f.uint(offset)), int64(f.uint(length))}
			end := size
			if method == 1 {
				e.from, end = e.from+data.Off, data.End()
			}
			if e.length == 0 {
				e.length = end - e.from
			}
			if f.short || method > 1 || e.from < 0 || e.length < 0 || e.from > end || e.length > end-e.from {
				all = nil
				break
			}
			all = append(all, e)
		}
		h.extents[id] = all
	}
}

// property returns the payload of an item's property.
func (h *heif) property(item uint32, name string) []byte {
	for _, i := range h.of[item] {
		if int(i) < len(h.props) && h.props[i].Name == name {
			b, err := h.props[i].Read(h.r, maxBox)
			if err == nil {
				return b
			}
		}
	}
	return nil
}

// size is the extent of an item's picture.
func (h *heif) size(item uint32) (w, high uint64) {
	f := &fields{b: h.property(item, "ispe")}
	f.version()
	return f.uint(4), f.uint(4)
}

// content reads what an item holds, up to a limit.
func (h *heif) content(item uint32, most int64) ([]byte, error) {
	var out []byte
	for _, e := range h.extents[item] {
		if e.length > most-int64(len(out)) {
			return nil, fmt.Errorf("%w: a picture of more than %d bytes", cordon.ErrTooLarge, most)
		}
		b := make([]byte, e.length)
		if _, err := h.r.ReadAt(b, e.from); err != nil {
			return nil, fmt.Errorf("%w: %w", errHeader, err)
		}
		out = append(out, b...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: item %d has no bytes", errHeader, item)
	}
	return out, nil
}

func heifSize(r io.ReaderAt, size int64) (w, h uint64, err error) {
	f, err := readHEIF(r, size)
	if err != nil {
		return 0, 0, err
	}
	w, h = f.size(f.primary)
	return w, h, nil
}

// grid is how the tiles of a picture lie.
type grid struct {
	columns, rows int
	tiles         []uint32
}

func (h *heif) grid() (grid, error) {
	switch kind := h.kinds[h.primary]; kind {
	case "hvc1":
		return grid{1, 1, []uint32{h.primary}}, nil
	case "grid":
		b, err := h.content(h.primary, 64)
		if err != nil {
			return grid{}, err
		}
		if len(b) < 4 {
			return grid{}, fmt.Errorf("%w: a grid of %d bytes", errHeader, len(b))
		}
		g := grid{int(b[3]) + 1, int(b[2]) + 1, h.tiles[h.primary]}
		if len(g.tiles) != g.columns*g.rows || len(g.tiles) > maxTiles {
			return grid{}, fmt.Errorf("%w: %d tiles for %d by %d", errHeader, len(g.tiles), g.columns, g.rows)
		}
		return g, nil
	default:
		return grid{}, fmt.Errorf("%w: pictures of kind %q in HEIC", ErrUnsupported, kind)
	}
}

// stream is the tiles as one stream of HEVC, each with its parameter sets.
func (h *heif) stream(g grid) ([]byte, error) {
	var out []byte
	for _, t := range g.tiles {
		if h.kinds[t] != "hvc1" {
			return nil, fmt.Errorf("%w: a tile of kind %q", ErrUnsupported, h.kinds[t])
		}
		conf := &fields{b: h.property(t, "hvcC")}
		conf.skip(21)
		length := int(conf.uint(1)&3) + 1
		for range conf.uint(1) {
			conf.skip(1)
			for range conf.uint(2) {
				unit := conf.take(int(conf.uint(2)))
				out = append(append(out, 0, 0, 0, 1), unit...)
			}
		}
		if conf.short {
			return nil, fmt.Errorf("%w: the decoder's configuration", errHeader)
		}
		content, err := h.content(t, maxStill-int64(len(out)))
		if err != nil {
			return nil, err
		}
		for f := (&fields{b: content}); len(f.b) > 0; {
			unit := f.take(int(min(f.uint(length), uint64(len(content)))))
			if f.short {
				return nil, fmt.Errorf("%w: a tile that is cut off", errHeader)
			}
			out = append(append(out, 0, 0, 0, 1), unit...)
		}
		if len(out) > maxStill {
			return nil, fmt.Errorf("%w: tiles of more than %d bytes", cordon.ErrTooLarge, maxStill)
		}
	}
	return out, nil
}

// heic decodes the primary picture of a HEIC file.
func (d *Decoder) heic(ctx context.Context, r io.ReaderAt, size, pixels int64) (image.Image, error) {
	h, err := readHEIF(r, size)
	if err != nil {
		return nil, err
	}
	width, height := h.size(h.primary)
	g, err := h.grid()
	if err != nil {
		return nil, err
	}
	tw, th := h.size(g.tiles[0])
	if width < 1 || height < 1 || tw < 1 || th < 1 || width > 1<<16 || height > 1<<16 || tw > 1<<16 || th > 1<<16 ||
		tw*uint64(g.columns) < width || th*uint64(g.rows) < height {
		return nil, fmt.Errorf("%w: %d by %d pixels of tiles of %d by %d", errHeader, width, height, tw, th)
	}
	if covered := int64(tw*th) * int64(len(g.tiles)); covered > 2*min(pixels, MaxPixels) || int64(width*height) > min(pixels, MaxPixels) {
		return nil, tooLarge(int(width), int(height))
	}
	if slices.ContainsFunc(g.tiles, func(t uint32) bool { w, h := h.size(t); return w != tw || h != th }) {
		return nil, fmt.Errorf("%w: tiles of different sizes", errHeader)
	}
	stream, err := h.stream(g)
	if err != nil {
		return nil, err
	}
	args := append(append([]string{}, quiet...), opening("hevc")...)
	args = append(args, "-i", sandbox.InputPath, "-map", "0:v:0", "-fps_mode", "passthrough", "-frames:v", fmt.Sprint(len(g.tiles)),
		"-filter_threads", "1", "-vf", fmt.Sprintf("scale=%d:%d", tw, th), "-c:v", "rawvideo", "-pix_fmt", "rgba", "-f", "rawvideo", "pipe:1")
	tile := int(tw*th) * 4
	out := image.NewNRGBA(image.Rect(0, 0, int(width), int(height)))
	n := 0
	err = d.stream(ctx, sandbox.Command{Program: "ffmpeg", Args: args, Input: &sandbox.Input{From: bytes.NewReader(stream), Size: int64(len(stream))},
		Limits: sandbox.Limits{Input: maxStill, Output: int64(tile)*int64(len(g.tiles)) + 1<<10}}, func(in io.Reader) error {
		src := &image.NRGBA{Pix: make([]byte, tile), Stride: int(tw) * 4, Rect: image.Rect(0, 0, int(tw), int(th))}
		for ; n < len(g.tiles); n++ {
			if _, err := io.ReadFull(in, src.Pix); err != nil {
				return broken(fmt.Sprintf("%d of %d tiles", n, len(g.tiles)))
			}
			place(out, src, n%g.columns*int(tw), n/g.columns*int(th))
		}
		return nil
	})
	if err != nil {
		return nil, undecodable(err)
	}
	return out, nil
}

// place copies a tile to where it belongs, as far as the picture reaches.
func place(dst, src *image.NRGBA, x, y int) {
	w, h := min(src.Rect.Dx(), dst.Rect.Dx()-x), min(src.Rect.Dy(), dst.Rect.Dy()-y)
	for row := range max(h, 0) {
		if w > 0 {
			copy(dst.Pix[(y+row)*dst.Stride+4*x:], src.Pix[row*src.Stride:row*src.Stride+4*w])
		}
	}
}

// fields reads numbers of big-endian boxes; beyond the end everything is zero and short is set.
type fields struct {
	b     []byte
	flags uint32
	short bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.b, f.short = nil, true
		return nil
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) uint(bytes int) (v uint64) {
	for _, x := range f.take(bytes) {
		v = v<<8 | uint64(x)
	}
	return v
}

func (f *fields) id(short bool) uint32 {
	if short {
		return uint32(f.uint(2))
	}
	return uint32(f.uint(4))
}

// version reads the head of a full box.
func (f *fields) version() int {
	v := f.uint(4)
	f.flags = uint32(v) & 0xFFFFFF
	return int(v >> 24)
}

// box reads a box that lies inside; its kind is "" at the end.
func (f *fields) box() (*fields, string) {
	if len(f.b) < 8 {
		f.b, f.short = nil, true
		return &fields{}, ""
	}
	n := int(binary.BigEndian.Uint32(f.b))
	kind := string(f.b[4:8])
	if n < 8 {
		f.b, f.short = nil, true
		return &fields{}, ""
	}
	in := f.take(n)
	if in == nil {
		return &fields{}, ""
	}
	return &fields{b: in[8:]}, kind
}
