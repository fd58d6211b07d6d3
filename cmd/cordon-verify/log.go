package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A tile is eight levels high. https://c2sp.org/tlog-tiles
const (
	height  = 8
	width   = 1 << height
	maxTile = width * tlog.HashSize
)

// maxBundle is the size of a full bundle of the longest entries.
const maxBundle = width * (2 + maxEntry)

// exported is the folder of an exported log.
type exported struct {
	files fs.FS
	cp    checkpoint
	edge  map[int][]byte // the partial tile of each level
	tiles int
}

func verifyLog(dir string, t trust) (report, error) {
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return report{}, err
	}
	defer root.Close()
	x := &exported{files: root.FS(), edge: map[int][]byte{}}
	raw, err := x.read("checkpoint", maxCheckpoint)
	if err != nil {
		return report{}, err
	}
	if x.cp, err = parseCheckpoint(raw); err != nil {
		return report{}, err
	}
	out := report{title: "log " + x.cp.origin, checkpoint: x.cp}
	first, last, above, err := x.leaves()
	if err != nil {
		return report{}, err
	}
	for level := 1; len(above) > 0; level++ {
		if above, err = x.level(level, above); err != nil {
			return report{}, err
		}
	}
	if err := x.root(); err != nil {
		return report{}, err
	}
	if err := x.names(); err != nil {
		return report{}, err
	}
	if x.cp.tree.N > 0 {
		out.lines = append(out.lines, fmt.Sprintf("%d entries, the first of %s, the last of %s", x.cp.tree.N,
			first.Format(time.RFC3339Nano), last.Format(time.RFC3339Nano)))
	}
	out.lines = append(out.lines, fmt.Sprintf("%d tiles hold the hashes of these entries", x.tiles))
	out.cosigned, err = t.check(x.cp)
	return out, err
}

// leaves checks every entry against its level 0 tile, and returns the times of the first and
// the last, and the hashes that the tiles of level 1 must hold.
func (x *exported) leaves() (first, last time.Time, above []tlog.Hash, err error) {
	tenant, ok := strings.CutPrefix(x.cp.origin, "cordon/")
	if !ok {
		return first, last, nil, fmt.Errorf("%s is not a ledger of Cordon", x.cp.origin)
	}
	for n := int64(0); n*width < x.cp.tree.N; n++ {
		w := int(min(width, x.cp.tree.N-n*width))
		bundle, err := x.resource("entries", n, w, maxBundle)
		if err != nil {
			return first, last, nil, err
		}
		entries, err := split(bundle, w)
		if err != nil {
			return first, last, nil, fmt.Errorf("entries %d and on: %w", n*width, err)
		}
		var hashes []tlog.Hash
		for i, b := range entries {
			e, err := parseEntry(b)
			if err != nil {
				return first, last, nil, fmt.Errorf("entry %d: %w", n*width+int64(i), err)
			}
			if e.tenant != tenant {
				return first, last, nil, fmt.Errorf("entry %d is of tenant %s, the log is %s", n*width+int64(i), e.tenant, x.cp.origin)
			}
			if first.IsZero() {
				first = e.at
			}
			last = e.at
			hashes = append(hashes, tlog.RecordHash(b))
		}
		if err := x.compare(0, n, hashes); err != nil {
			return first, last, nil, err
		}
		if w == width {
			above = append(above, over(hashes))
		}
	}
	return first, last, above, nil
}

// level checks all tiles of a level above the leaves, given the hashes they must hold, and
// returns those of the next.
func (x *exported) level(level int, want []tlog.Hash) (above []tlog.Hash, err error) {
	for n := 0; n*width < len(want); n++ {
		hashes := want[n*width : min((n+1)*width, len(want))]
		if err := x.compare(level, int64(n), hashes); err != nil {
			return nil, err
		}
		if len(hashes) == width {
			above = append(above, over(hashes))
		}
	}
	return above, nil
}

// compare holds a tile against the hashes it must have.
func (x *exported) compare(level int, n int64, want []tlog.Hash) error {
	data, err := x.resource(fmt.Sprint(level), n, len(want), maxTile)
	if err != nil {
		return err
	}
	for i, h := range want {
		if !bytes.Equal(data[i*tlog.HashSize:][:tlog.HashSize], h[:]) {
			return fmt.Errorf("entry %d: hash %d of tile %d/%d is not that of its entries",
				(n*width+int64(i))<<(height*level), i, level, n)
		}
	}
	x.tiles++
	if len(want) < width {
		x.edge[level] = data[:len(want)*tlog.HashSize]
	}
	return nil
}

// over is the hash over the 256 hashes of a full tile.
func over(hashes []tlog.Hash) tlog.Hash {
	for len(hashes) > 1 {
		var next []tlog.Hash
		for i := 0; i < len(hashes); i += 2 {
			next = append(next, tlog.NodeHash(hashes[i], hashes[i+1]))
		}
		hashes = next
	}
	return hashes[0]
}

// root computes the tree's root from the partial tiles and holds the checkpoint against it.
func (x *exported) root() error {
	root, err := tlog.TreeHash(x.cp.tree.N, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			tile := tlog.TileForIndex(height, index)
			data := x.edge[tile.L]
			tile.W = len(data) / tlog.HashSize
			var err error
			if out[i], err = tlog.HashFromTile(tile, data, index); err != nil {
				return nil, err
			}
		}
		return out, nil
	}))
	if err != nil {
		return err
	}
	if root != x.cp.tree.Hash {
		return fmt.Errorf("the %d entries have the root %s, the checkpoint says %s", x.cp.tree.N, root, x.cp.tree.Hash)
	}
	return nil
}

// resource reads a tile or an entry bundle of w hashes. The full tile begins with every
// partial one and may have replaced it.
func (x *exported) resource(level string, n int64, w, limit int) ([]byte, error) {
	path := tilePath(level, n)
	if w == width {
		return x.tile(path, w, level, true, limit)
	}
	data, err := x.tile(fmt.Sprintf("%s.p/%d", path, w), w, level, true, limit)
	if errors.Is(err, fs.ErrNotExist) {
		if full, err := x.tile(path, w, level, false, limit); !errors.Is(err, fs.ErrNotExist) {
			return full, err
		}
	}
	return data, err
}

func (x *exported) tile(path string, w int, level string, exact bool, limit int) ([]byte, error) {
	data, err := x.read(path, limit)
	if err != nil || level == "entries" && exact {
		return data, err
	}
	if level == "entries" {
		end := 0
		for range w {
			if len(data) < end+2 {
				return nil, fmt.Errorf("%s ends too early", path)
			}
			end += 2 + int(binary.BigEndian.Uint16(data[end:]))
		}
		return data[:min(end, len(data))], nil
	}
	if len(data) < w*tlog.HashSize || exact && len(data) != w*tlog.HashSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d", path, len(data), w*tlog.HashSize)
	}
	return data[:w*tlog.HashSize], nil
}

// read returns a file of at most limit bytes.
func (x *exported) read(path string, limit int) ([]byte, error) {
	f, err := x.files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// split takes an entry bundle of w entries apart: each stands behind its length as two
// bytes, big-endian.
func split(bundle []byte, w int) ([][]byte, error) {
	var out [][]byte
	for len(bundle) >= 2 && len(bundle)-2 >= int(binary.BigEndian.Uint16(bundle)) {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		out, bundle = append(out, bundle[2:end]), bundle[end:]
	}
	if len(bundle) > 0 || len(out) != w {
		return nil, fmt.Errorf("the bundle has %d whole entries and %d bytes more, %d entries are due", len(out), len(bundle), w)
	}
	return out, nil
}

// tilePath writes the number of a tile three digits at a time: 1234067 is x001/x234/067.
func tilePath(level string, n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return "tile/" + level + "/" + path
}

// names looks at every file below tile/. An older partial tile must be how the present one
// begins; what lies beyond the checkpoint is passed over, for an export that was interrupted
// leaves it; anything else does not belong.
func (x *exported) names() error {
	return fs.WalkDir(x.files, "tile", func(path string, d fs.DirEntry, err error) error {
		if path == "tile" && errors.Is(err, fs.ErrNotExist) && x.cp.tree.N == 0 {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		t, entries, err := parseTilePath(path)
		if err != nil {
			return err
		}
		level, count := fmt.Sprint(t.L), x.cp.tree.N>>(height*t.L)
		limit := maxTile
		if entries {
			level, limit = "entries", maxBundle
		}
		if t.N > count/width || int64(t.W) >= count-t.N*width {
			return nil // compared, or beyond
		}
		old, err := x.read(path, limit)
		if err != nil {
			return err
		}
		now, err := x.resource(level, t.N, int(min(width, count-t.N*width)), limit)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(now, old) || !entries && len(old) != t.W*tlog.HashSize {
			return fmt.Errorf("%s is not how the tile begins that took its place", path)
		}
		if entries {
			_, err = split(old, t.W)
		}
		return err
	})
}

// parseTilePath reads the path of a tile or an entry bundle, which x/mod writes with the
// height and with "data" for "entries".
func parseTilePath(path string) (t tlog.Tile, entries bool, err error) {
	rest, below := strings.CutPrefix(path, "tile/")
	bundle, entries := strings.CutPrefix(rest, "entries/")
	if entries {
		rest = "0/" + bundle
	}
	t, err = tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", height, rest))
	if err != nil || !below || t.L < 0 || t.L > 63 {
		return t, entries, fmt.Errorf("%s does not belong to the log", path)
	}
	return t, entries, nil
}
