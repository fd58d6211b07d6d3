package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func (r *rig) export(dir string) Export {
	r.t.Helper()
	out, err := WriteTiles(r.t.Context(), r.memory, acme, dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// files lists the files of a folder with their bytes.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readBack checks an exported folder with x/mod's own functions and none of ours.
func readBack(t testing.TB, dir, vkey string, want [][]byte) {
	t.Helper()
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	n, err := note.Open(all["checkpoint"], note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.SplitN(n.Text, "\n", 2)[1]))
	if err != nil || tree.N != int64(len(want)) {
		t.Fatalf("checkpoint %q: %v", n.Text, err)
	}
	root, reader := oracle(t, want)
	if root != tree.Hash {
		t.Fatalf("root %s, want %s", tree.Hash, root)
	}
	for _, tile := range tlog.NewTiles(8, 0, tree.N) {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil || !bytes.Equal(all[name], data) {
			t.Fatalf("tile %s differs (%v)", name, err)
		}
		if tile.L != 0 {
			continue
		}
		var bundle []byte
		for _, leaf := range want[tile.N*256:][:tile.W] {
			bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(leaf))), leaf...)
		}
		name = strings.Replace(name, "tile/0/", "tile/entries/", 1)
		if !bytes.Equal(all[name], bundle) {
			t.Fatalf("bundle %s differs", name)
		}
	}
}

func TestWriteTilesGrows(t *testing.T) {
	r := newRig(t)
	dir := filepath.Join(t.TempDir(), "public", "log")
	if out := r.export(dir); out != (Export{}) {
		t.Errorf("an empty log: %+v", out)
	}
	for _, n := range []int{1, 4, 0, 250, 1, 1, 255, 300, 1} {
		before := int64(r.size)
		r.grow(n)
		if out := r.export(dir); n > 0 && out.From != before || out.Size != int64(r.size) || (out.Files > 0) != (n > 0) {
			t.Errorf("%d more: %+v", n, out)
		}
		readBack(t, dir, r.signer.VKey(), r.of(acme).leaves)
		report, err := VerifyTiles(dir, r.signer.VKey())
		if err != nil {
			t.Fatalf("%d entries: %v", r.size, err)
		}
		if report.Entries != int64(r.size) || report.Tenant != acme || report.Root != tlog.Hash(r.of(acme).head.Root) {
			t.Errorf("report %+v", report)
		}
	}
	got := files(t, dir)
	for _, gone := range []string{"tile/0/000.p/5", "tile/entries/000.p/5", "tile/entries/000.p/255", "tile/0/001.p/1"} {
		if _, ok := got[gone]; ok {
			t.Errorf("%s is still there beside its full tile", gone)
		}
	}
	for _, there := range []string{"checkpoint", "tile/0/000", "tile/0/001", "tile/0/003.p/44", "tile/0/003.p/45", "tile/1/000.p/3", "tile/entries/003.p/45"} {
		if _, ok := got[there]; !ok {
			t.Errorf("%s is missing among %d files", there, len(got))
		}
	}
	if out := r.export(dir); out.Files != 0 || out.From != out.Size {
		t.Errorf("nothing new: %+v", out)
	}
}

// stopping fails after some reads, as a process that is killed in mid-export.
type stopping struct {
	*memory
	left int
}

func (s *stopping) LeafEntries(ctx context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error) {
	if s.left--; s.left < 0 {
		return nil, errors.New("killed")
	}
	return s.memory.LeafEntries(ctx, tenant, from, to)
}

func TestWriteTilesInterrupted(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	r.grow(300)
	r.export(dir)
	r.grow(1000)
	for left := range 5 {
		if _, err := WriteTiles(t.Context(), &stopping{r.memory, left}, acme, dir); err == nil {
			t.Fatal("was not interrupted")
		}
		if err := os.WriteFile(filepath.Join(dir, tempPrefix+"1"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := VerifyTiles(dir, r.signer.VKey())
		if err != nil || report.Entries != 300 {
			t.Fatalf("after %d bundles: %d entries, %v", left, report.Entries, err)
		}
	}
	if out := r.export(dir); out.From != 300 || out.Size != 1300 {
		t.Errorf("%+v", out)
	}
	readBack(t, dir, r.signer.VKey(), r.of(acme).leaves)
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A reader may come between an export's new full tile and its checkpoint, when the partial
// tile is already gone: the full one serves.
func TestVerifyTilesFallsBackToFullTiles(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	r.grow(300)
	r.export(dir)
	old := files(t, dir)["checkpoint"]
	r.grow(400)
	r.export(dir)
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := VerifyTiles(dir, r.signer.VKey()); err != nil || report.Entries != 300 {
		t.Errorf("%d entries, %v", report.Entries, err)
	}
}

func TestWriteTilesRefusesAnotherLog(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	r.grow(300)
	r.export(dir)
	want := files(t, dir)

	shorter, forked, other := newRig(t), newRig(t), newRig(t, func(c *Config) { c.Signers["other"] = fixedSigner("other", "o") })
	shorter.grow(200)
	forked.commit(fixedEntry(acme, 7777))
	forked.grow(400)
	other.commit(fixedEntries("other", 0, 400)...)
	if err := other.seq.Flush(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		log    Reader
		tenant cordon.TenantID
	}{"shorter": {shorter.memory, acme}, "forked": {forked.memory, acme}, "another tenant": {other.memory, "other"}} {
		if _, err := WriteTiles(t.Context(), c.log, c.tenant, dir); !errors.Is(err, ErrDistrusted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := files(t, dir); len(got) != len(want) || !bytes.Equal(got["checkpoint"], want["checkpoint"]) {
		t.Error("the folder was changed")
	}
	// Nor is a changed store exported.
	r.grow(10)
	r.of(acme).leaves[305] = []byte("{}")
	if _, err := WriteTiles(t.Context(), r.memory, acme, dir); !errors.Is(err, ErrDistrusted) || !strings.Contains(err.Error(), "305") {
		t.Errorf("changed entry: %v", err)
	}
	if _, err := VerifyTiles(dir, r.signer.VKey()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteTiles(t.Context(), r.memory, acme, dir); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("a folder of something else: %v", err)
	}
}

// No byte of an exported folder can be changed.
func TestTilesTampered(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	r.grow(2)
	r.export(dir) // leaves an older partial tile behind
	r.grow(3)
	r.export(dir)
	all := files(t, dir)
	if len(all) != 5 {
		t.Fatalf("%d files", len(all))
	}
	for name, data := range all {
		path := filepath.Join(dir, name)
		for i := range data {
			for _, change := range []byte{1, 32, 128} {
				bad := bytes.Clone(data)
				bad[i] ^= change
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := VerifyTiles(dir, r.signer.VKey()); err == nil {
					t.Fatalf("%s: byte %d (%q→%q) changed, and verified", name, i, data[i], bad[i])
				}
			}
		}
		for what, bad := range map[string][]byte{"cut": data[:len(data)-1], "longer": append(bytes.Clone(data), 0),
			"a hash longer": append(bytes.Clone(data), make([]byte, 32)...), "empty": {}} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := VerifyTiles(dir, r.signer.VKey()); err == nil {
				t.Fatalf("%s: %s, and verified", name, what)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyTiles(dir, r.signer.VKey()); err == nil && !strings.Contains(name, ".p/2") {
			t.Errorf("%s removed, and verified", name)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := VerifyTiles(dir, r.signer.VKey()); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

func TestVerifyTilesRefusesStrangers(t *testing.T) {
	r := newRig(t)
	r.grow(5)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, r.of(acme).tiles[[2]int64{0, 0}], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(dir string) error{
		"a note beside the tiles": func(dir string) error { return os.WriteFile(filepath.Join(dir, "tile/0/README"), nil, 0o600) },
		"a tile with its height":  func(dir string) error { return os.MkdirAll(filepath.Join(dir, "tile/8/0/000"), 0o700) },
		"a link out of the folder": func(dir string) error {
			path := filepath.Join(dir, "tile/0/000.p/5")
			return errors.Join(os.Remove(path), os.Symlink(secret, path))
		},
		"a folder for a tile": func(dir string) error {
			path := filepath.Join(dir, "tile/0/000.p/5")
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
	} {
		dir := t.TempDir()
		r.export(dir)
		if err := put(dir); err != nil {
			t.Fatal(err)
		}
		_, err := VerifyTiles(dir, r.signer.VKey())
		if wantOK := name == "a tile with its height"; (err == nil) != wantOK { // empty folders hold nothing
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	r.export(dir)
	for name, err := range map[string]error{
		"another key": func() error { _, err := VerifyTiles(dir, fixedSigner(acme, "x").VKey()); return err }(),
		"no key":      func() error { _, err := VerifyTiles(dir, "x"); return err }(),
		"no folder":   func() error { _, err := VerifyTiles(filepath.Join(dir, "none"), r.signer.VKey()); return err }(),
		"no log":      func() error { _, err := VerifyTiles(t.TempDir(), r.signer.VKey()); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func TestTilePaths(t *testing.T) {
	for _, c := range []struct {
		level int
		n     int64
		width int
		path  string
	}{
		{0, 0, 256, "tile/0/000"}, {0, 0, 1, "tile/0/000.p/1"}, {1, 999, 255, "tile/1/999.p/255"},
		{2, 1234067, 256, "tile/2/x001/x234/067"}, {-1, 1000, 7, "tile/entries/x001/000.p/7"}, {8, 8, 8, "tile/8/008.p/8"},
	} {
		if got := tilePath(c.level, c.n, c.width); got != c.path {
			t.Errorf("path %s, want %s", got, c.path)
		}
		if got, err := parseTilePath(c.path); err != nil || got != (tlog.Tile{H: 8, L: c.level, N: c.n, W: c.width}) {
			t.Errorf("%s is %+v, %v", c.path, got, err)
		}
	}
	for _, path := range []string{"", "tile", "tile/0", "tile/0/0", "tile/data/000", "tile/8/0/000", "tile/0/000.p/256", "tile/0/000.p/0",
		"tile/00/000", "tile/0/x000/000", "tile/0/000/", "tile/-1/000", "tile/entries/000.p", "tile/0/../0/000", "tile/64/000"} {
		if got, err := parseTilePath(path); err == nil {
			t.Errorf("%q is %+v", path, got)
		}
	}
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/2/x001/x234/067.p/8")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := parseTilePath(path)
		if err == nil && tilePath(tile.L, tile.N, tile.W) != path {
			t.Errorf("%q is read as %+v", path, tile)
		}
	})
}

func FuzzSplitBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := splitBundle(b)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			again = append(binary.BigEndian.AppendUint16(again, uint16(len(e))), e...)
		}
		if !slices.Equal(again, b) {
			t.Errorf("%x came back as %x", b, again)
		}
	})
}
