package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkpointFile is the name of the checkpoint in an exported folder.
const checkpointFile = "checkpoint"

// entriesLevel is the level under which x/mod files entry bundles.
const entriesLevel = -1

// tilePath is the path of a tile or entry bundle as C2SP tlog-tiles has it: x/mod's, without
// the height, and with "entries" for "data".
func tilePath(level int, n int64, width int) string {
	path := tlog.Tile{H: tileHeight, L: level, N: n, W: width}.Path()
	path = "tile/" + strings.TrimPrefix(path, fmt.Sprintf("tile/%d/", tileHeight))
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// parseTilePath is the inverse of tilePath.
func parseTilePath(path string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return tlog.Tile{}, fmt.Errorf("%w: %q is not the path of a tile", cordon.ErrInvalid, path)
	}
	if r, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + r
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	if err != nil || t.L > 63 || tilePath(t.L, t.N, t.W) != path {
		return tlog.Tile{}, fmt.Errorf("%w: %q is not the path of a tile", cordon.ErrInvalid, path)
	}
	return t, nil
}

// Export says what WriteTiles did.
type Export struct {
	From  int64 // entries that the folder had
	Size  int64 // entries that it has now
	Files int   // tiles and entry bundles written
}

// WriteTiles brings a folder up to the log's head, in the layout of C2SP tlog-tiles: any web
// server that serves the folder serves the log. It writes only what is new since the folder's
// own checkpoint, which it writes last, once everything it commits to is on disk: at any
// moment, also after losing power, the folder is a whole log. A folder that holds another
// log, or a longer one, is refused with ErrDistrusted.
func WriteTiles(ctx context.Context, log Reader, tenant cordon.TenantID, dir string) (Export, error) {
	head, err := log.Head(ctx, tenant)
	if err != nil {
		return Export{}, fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Export{}, fmt.Errorf("export ledger %s: %w", tenant, err)
	}
	if err := sweep(dir); err != nil {
		return Export{}, fmt.Errorf("export ledger %s: %w", tenant, err)
	}
	w := &tileWriter{dir: dir, folders: map[string]bool{}}
	tree := tlog.Tree{N: head.Size, Hash: head.Root}
	reader := treeReader(ctx, log, tenant, tree)
	from, err := exported(dir, tenant, tree, reader)
	out := Export{From: from, Size: head.Size}
	if err != nil || from == head.Size {
		return out, err
	}
	tiles := tlog.NewTiles(tileHeight, from, head.Size)
	for _, t := range tiles {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		data, err := tlog.ReadTileData(t, reader) // checked against the head's root
		if err != nil {
			return out, fmt.Errorf("tile %s of %s: %w", tilePath(t.L, t.N, t.W), tenant, err)
		}
		if t.L == 0 {
			bundle, err := bundleOf(ctx, log, tenant, t, hashesOf(data))
			if err != nil {
				return out, err
			}
			w.write(tilePath(entriesLevel, t.N, t.W), bundle)
		}
		if err := w.write(tilePath(t.L, t.N, t.W), data); err != nil {
			return out, fmt.Errorf("export ledger %s: %w", tenant, err)
		}
	}
	out.Files = w.files
	if err := w.finish(head.Checkpoint); err != nil {
		return out, fmt.Errorf("export ledger %s: %w", tenant, err)
	}
	return out, w.dropPartial(tiles)
}

// exported returns how many entries of this log the folder holds.
func exported(dir string, tenant cordon.TenantID, tree tlog.Tree, reader tlog.HashReader) (int64, error) {
	msg, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the folder's checkpoint: %w", err)
	}
	_, err = note.Open(msg, nil)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return 0, fmt.Errorf("%w: the checkpoint in %q: %v", cordon.ErrInvalid, dir, err)
	}
	origin, old, err := parseCheckpoint(unverified.Note)
	if err != nil {
		return 0, fmt.Errorf("the checkpoint in %q: %w", dir, err)
	}
	if origin != Origin(tenant) || old.N > tree.N {
		return 0, fmt.Errorf("%w: folder %q holds %d entries of %q, the log is %q with %d: export to another folder",
			ErrDistrusted, dir, old.N, origin, Origin(tenant), tree.N)
	}
	if old.N == 0 {
		return 0, nil
	}
	root, err := tlog.TreeHash(old.N, reader)
	if err != nil {
		return 0, fmt.Errorf("read the tree at %d entries: %w", old.N, err)
	}
	if root != old.Hash {
		return 0, fmt.Errorf("%w: the %d entries in folder %q are not the log's first: keep the folder as evidence and export to another",
			ErrDistrusted, old.N, dir)
	}
	return old.N, nil
}

// bundleOf returns the entries below a level 0 tile, each behind its length as two bytes, big-endian.
func bundleOf(ctx context.Context, log Reader, tenant cordon.TenantID, t tlog.Tile, leaves []tlog.Hash) ([]byte, error) {
	first := t.N * tileWidth
	entries, err := log.LeafEntries(ctx, tenant, first, first+int64(t.W))
	if err != nil {
		return nil, fmt.Errorf("read entries %d to %d of %s: %w", first, first+int64(t.W)-1, tenant, err)
	}
	var out []byte
	for i, leaf := range leaves {
		if i >= len(entries) || tlog.RecordHash(entries[i]) != leaf {
			return nil, differs(first+int64(i), "the stored entry is not the one that was signed")
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(entries[i])))
		out = append(out, entries[i]...)
	}
	return out, nil
}

// tileWriter writes files below a folder and remembers which folders to sync. After an
// error it does nothing more.
type tileWriter struct {
	dir     string
	folders map[string]bool
	files   int
	err     error
}

func (w *tileWriter) write(path string, data []byte) error {
	if w.err != nil {
		return w.err
	}
	full := filepath.Join(w.dir, filepath.FromSlash(path))
	folder := filepath.Dir(full)
	if w.err = os.MkdirAll(folder, 0o755); w.err != nil {
		return w.err
	}
	for ; len(folder) >= len(filepath.Clean(w.dir)) && !w.folders[folder]; folder = filepath.Dir(folder) {
		w.folders[folder] = true
	}
	w.files++
	w.err = writeFile(w.dir, full, data)
	return w.err
}

// finish makes all names durable, then puts the checkpoint in place.
func (w *tileWriter) finish(checkpoint []byte) error {
	for folder := range w.folders {
		if w.err == nil {
			w.err = syncFolder(folder)
		}
	}
	if w.err == nil {
		w.err = writeFile(w.dir, filepath.Join(w.dir, checkpointFile), checkpoint)
	}
	for _, folder := range []string{w.dir, filepath.Dir(filepath.Clean(w.dir))} {
		if w.err == nil {
			w.err = syncFolder(folder)
		}
	}
	return w.err
}

// dropPartial removes partial tiles whose full tile is now there, as the format permits.
func (w *tileWriter) dropPartial(tiles []tlog.Tile) error {
	for _, t := range tiles {
		if t.W != tileWidth {
			continue
		}
		levels := []int{t.L}
		if t.L == 0 {
			levels = append(levels, entriesLevel)
		}
		for _, level := range levels {
			if err := os.RemoveAll(filepath.Join(w.dir, filepath.FromSlash(tilePath(level, t.N, t.W)+".p"))); err != nil {
				return fmt.Errorf("remove a partial tile that is full now: %w", err)
			}
		}
	}
	return nil
}
