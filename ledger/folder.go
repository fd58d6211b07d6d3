package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyTiles checks an exported folder as CheckLedger checks a store: the checkpoint is
// signed by the key, the entries are canonical and of the log's tenant, and they make every
// tile and the root. A file below tile/ that is no tile of the log fails it; files beyond the
// checkpoint, which an export that was interrupted leaves behind, are passed over.
func VerifyTiles(dir, vkey string) (Report, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return Report{}, fmt.Errorf("%w: verifier key %q: %v", cordon.ErrInvalid, vkey, err)
	}
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return Report{}, fmt.Errorf("open the exported log: %w", err)
	}
	defer root.Close()
	f := &folder{files: root.FS()}
	msg, err := f.read(checkpointFile, maxCheckpoint)
	if err != nil {
		return Report{}, fmt.Errorf("exported log %q: %w", dir, err)
	}
	tree, err := OpenCheckpoint(msg, verifier)
	if err != nil {
		return Report{}, fmt.Errorf("exported log %q: %w", dir, err)
	}
	tenant, ok := strings.CutPrefix(verifier.Name(), originPrefix)
	if !ok {
		return Report{}, fmt.Errorf("%w: key %q is not of a ledger: its name does not begin with %q", cordon.ErrInvalid, verifier.Name(), originPrefix)
	}
	f.size = tree.N
	r := Report{Tenant: cordon.TenantID(tenant), Kinds: map[cordon.EntryKind]int64{}, Checkpoints: 1, Root: tree.Hash}
	e, err := rebuild(context.Background(), f, tree.N, &r, func(int64, cordon.Entry, *edge) error { return nil })
	if err != nil {
		return r, err
	}
	if e.root() != tree.Hash {
		return r, differs(0, "the checkpoint commits to another root than the %d entries have", tree.N)
	}
	return r, f.checkNames()
}

// folder reads a log from files. It is a leafSource.
type folder struct {
	files fs.FS
	size  int64 // entries under the checkpoint
}

// maxBundle is the size of a full bundle of the longest entries.
const maxBundle = tileWidth * (2 + cordon.MaxEntry)

// read returns a file of at most limit bytes.
func (f *folder) read(path string, limit int64) ([]byte, error) {
	file, err := f.files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: file %s", cordon.ErrNotFound, path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a file (%v)", cordon.ErrInvalid, path, err)
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", cordon.ErrTooLarge, path, limit)
	}
	return b, nil
}

// width is how many hashes the tile has under the checkpoint; zero if it is beyond it.
func (f *folder) width(level int, n int64) int {
	if level == entriesLevel {
		level = 0
	}
	count := f.size >> (tileHeight * level) // hashes at that level
	if n > count/tileWidth {
		return 0
	}
	return int(min(tileWidth, count-n*tileWidth))
}

// tile reads the tile as the checkpoint needs it. A partial tile may have been replaced by
// the full one, which begins with it; full says so.
func (f *folder) tile(level int, n int64, limit int64) (data []byte, width int, full bool, err error) {
	width = f.width(level, n)
	if width == 0 {
		return nil, 0, false, fmt.Errorf("%w: tile %d/%d", cordon.ErrNotFound, level, n)
	}
	data, err = f.read(tilePath(level, n, width), limit)
	if errors.Is(err, cordon.ErrNotFound) && width < tileWidth {
		data, err = f.read(tilePath(level, n, tileWidth), limit)
		full = true
	}
	return data, width, full, err
}

func (f *folder) Tile(_ context.Context, _ cordon.TenantID, level int, n int64) ([]byte, error) {
	data, width, full, err := f.tile(level, n, tileWidth*tlog.HashSize)
	if err != nil {
		return nil, err
	}
	if want := width * tlog.HashSize; !full && len(data) != want {
		return nil, differs(n<<tileHeight<<(tileHeight*level), "file %s has %d bytes instead of %d", tilePath(level, n, width), len(data), want)
	}
	return data, nil
}

// LeafEntries reads one bundle; from is its first index.
func (f *folder) LeafEntries(_ context.Context, _ cordon.TenantID, from, to int64) ([][]byte, error) {
	data, width, full, err := f.tile(entriesLevel, from/tileWidth, maxBundle)
	if err != nil {
		return nil, err
	}
	entries, err := splitBundle(data)
	if err != nil {
		return nil, differs(from, "entry bundle %d: %v", from/tileWidth, err)
	}
	if len(entries) < width || !full && len(entries) > width {
		return nil, differs(from, "entry bundle %d has %d entries instead of %d", from/tileWidth, len(entries), width)
	}
	return entries[:min(int64(len(entries)), to-from)], nil
}

// splitBundle takes an entry bundle apart.
func splitBundle(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("%w: half a length after entry %d", cordon.ErrInvalid, len(out))
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return nil, fmt.Errorf("%w: entry %d of the bundle is cut short", cordon.ErrInvalid, len(out))
		}
		out = append(out, data[2:2+n])
		data = data[2+n:]
	}
	return out, nil
}

// checkNames looks at every file below tile/: what the checkpoint covers has been compared,
// an older partial tile must be how the present one begins, anything else does not belong.
func (f *folder) checkNames() error {
	return fs.WalkDir(f.files, "tile", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == "tile" && f.size == 0 {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		t, err := parseTilePath(path)
		if err != nil {
			return err
		}
		width := f.width(t.L, t.N)
		if t.W >= width {
			return nil // compared, or beyond the checkpoint
		}
		limit := int64(tileWidth * tlog.HashSize)
		if t.L == entriesLevel {
			limit = maxBundle
		}
		old, err := f.read(path, limit)
		if err != nil {
			return err
		}
		now, _, _, err := f.tile(t.L, t.N, limit)
		if err != nil {
			return err
		}
		want := t.W * tlog.HashSize
		if t.L == entriesLevel {
			entries, err := splitBundle(now)
			if err != nil {
				return err
			}
			want = 0
			for _, e := range entries[:t.W] {
				want += 2 + len(e)
			}
		}
		if len(old) != want || !bytes.HasPrefix(now, old) {
			return differs(t.N*tileWidth<<(tileHeight*max(t.L, 0)), "the older partial tile %s is not how the present one begins", path)
		}
		return nil
	})
}
