package keyring

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Create: %v, want fs.ErrExist", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the second Create changed the file (%v)", err)
	}
	other := path + "2"
	if err := Create(other); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(other); err != nil || bytes.Equal(b, before) {
		t.Errorf("two files hold the same key (%v)", err)
	}
	if err := Create(filepath.Join(t.TempDir(), "missing", "master.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create in a folder that is missing: %v", err)
	}
	// A link that leads nowhere is not followed to a place nobody named.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path+"3", link); err != nil {
		t.Fatal(err)
	}
	if err := Create(link); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create through a dangling link: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	key := bytes.Repeat([]byte{0xA1}, keySize)
	good := string(encodeMaster(key))
	if got, err := decodeMaster([]byte(good)); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("a good file: %v", err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":          {"", "not a master key file"},
		"other file":     {"-----BEGIN PRIVATE KEY-----\n", "not a master key file"},
		"newer":          {strings.Replace(good, "key 1", "key 2", 1), "another version"},
		"cut":            {good[:40], "damaged"},
		"cut in the sum": {good[:len(good)-3], "damaged"},
		"no key line":    {masterTitle + "sum 0123456789abcdef\n", "damaged"},
		"one digit":      {strings.Replace(good, "a1", "a2", 1), "sum does not match"},
		"not a digit":    {strings.Replace(good, "a1", "zz", 1), "damaged"},
		"capitals":       {strings.ToUpper(good), "not a master key file"},
		"capital digits": {strings.ReplaceAll(good, "a1", "A1"), "damaged"},
		"appended":       {good + "\n", "damaged"},
		"line ends":      {strings.ReplaceAll(good, "\n", "\r\n"), "another version"},
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, &memoryRows{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want it to name the file and say %q", name, err, c.says)
		}
		if err != nil && strings.Contains(strings.ToLower(err.Error()), "a1a1") {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "cordon init") {
		t.Errorf("no file: %v", err)
	}
	if _, err := Open(t.TempDir(), nil); err == nil {
		t.Error("a folder was opened as a master key")
	}
}

func TestOpenRefusesWhatOthersCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v; want it refused with what to do", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, nil); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestCheckApart(t *testing.T) {
	root := t.TempDir()
	data, keys := filepath.Join(root, "data"), filepath.Join(root, "keys")
	for _, dir := range []string{filepath.Join(data, "deep"), keys} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := Create(filepath.Join(data, "inside.key")); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		filepath.Join(keys, "folder-link"): data,
		filepath.Join(keys, "file-link"):   filepath.Join(data, "inside.key"),
		filepath.Join(root, "data-link"):   data,
		filepath.Join(data, "out"):         keys,
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for _, c := range []struct {
		key, data string
		apart     bool
	}{
		{"keys/master.key", "data", true},
		{"data-of-others/master.key", "data", true},
		{"data/out/master.key", "data", true},
		{"keys/master.key", "not-yet/data", true},
		{"master.key", "data", true},
		{"data/master.key", "data", false},
		{"data/deep/master.key", "data/", false},
		{"data/missing/master.key", "data", false},
		{"keys/../data/master.key", "data", false},
		{"keys/folder-link/master.key", "data", false},
		{"keys/file-link", "data", false},
		{"data/master.key", "data-link", false},
		{"data-link/master.key", "data", false},
		{"not-yet/data/master.key", "not-yet/data", false},
		{"master.key", ".", false},
		{"master.key", "/", false},
	} {
		abs := func(p string) string {
			if filepath.IsAbs(p) {
				return p
			}
			return root + "/" + p
		}
		for _, pair := range [][2]string{{c.key, c.data}, {abs(c.key), c.data}, {c.key, abs(c.data)}} {
			if err := CheckApart(pair[0], pair[1]); (err == nil) != c.apart {
				t.Errorf("key %s, data %s: %v; apart should be %t", pair[0], pair[1], err, c.apart)
			}
		}
	}
}

// FuzzMasterFile: the one spelling that Create writes is the only one that opens.
func FuzzMasterFile(f *testing.F) {
	good := encodeMaster(bytes.Repeat([]byte{0xA1}, keySize))
	f.Add(good)
	f.Add(good[:50])
	f.Add(slices.Concat(good, good))
	f.Add([]byte(masterTitle + "key \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := decodeMaster(b); err == nil && !bytes.Equal(encodeMaster(key), b) {
			t.Errorf("%q opened", b)
		}
	})
}
