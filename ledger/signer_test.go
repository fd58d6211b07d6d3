package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func noteOf(t testing.TB, text string, by ...note.Signer) []byte {
	t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestCreateAndLoadSigner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acme.key")
	made, err := CreateSigner(path, Origin(acme))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := LoadSigner(path)
	if err != nil || loaded.VKey() != made.VKey() || loaded.Name() != "cordon/acme" {
		t.Fatalf("loaded %v, %v; made %v", loaded, err, made)
	}
	tree := tlog.Tree{N: 5, Hash: tlog.Hash{1, 2, 3}}
	msg, err := signCheckpoint(loaded, tree)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCheckpoint(msg, made.Verifier()); err != nil || got != tree {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := CreateSigner(path, Origin(acme)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was replaced: %v", err)
	}
	if again, err := LoadSigner(path); err != nil || again.VKey() != made.VKey() {
		t.Errorf("after the refusal: %v, %v", again, err)
	}
}

func TestLoadSignerRefuses(t *testing.T) {
	dir := t.TempDir()
	made, err := CreateSigner(filepath.Join(dir, "good"), Origin(acme))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewSigner(Origin("other"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		path string
		kind error
	}{
		"missing":      {filepath.Join(dir, "none"), fs.ErrNotExist},
		"readable":     {write("readable", made.secret+"\n"+made.vkey+"\n", 0o644), cordon.ErrForbidden},
		"empty":        {write("empty", "", 0o600), cordon.ErrInvalid},
		"cut":          {write("cut", made.secret[:40]+"\n"+made.vkey+"\n", 0o600), cordon.ErrInvalid},
		"wrong halves": {write("halves", made.secret+"\n"+other.vkey+"\n", 0o600), cordon.ErrInvalid},
	} {
		_, err := LoadSigner(c.path)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	for _, name := range []string{"", "with space", "with+plus"} {
		if _, err := NewSigner(name); err == nil {
			t.Errorf("a key named %q", name)
		}
	}
	if _, err := CreateSigner(filepath.Join(dir, "no", "folder"), Origin(acme)); err == nil {
		t.Error("a key in a folder that is not there")
	}
}

func TestSignerNeverPrintsItsSecret(t *testing.T) {
	s := fixedSigner(acme, "hidden")
	secret := s.secret[strings.LastIndex(s.secret, "+")+1:]
	j, err := json.Marshal(struct{ S *Signer }{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, s), string(j),
		fmt.Sprintf("%+v", Config{Signers: map[cordon.TenantID]*Signer{acme: s}})} {
		if strings.Contains(text, secret) || strings.Contains(text, "PRIVATE") {
			t.Errorf("printed %s", text)
		}
	}
	if fmt.Sprint(s) != s.VKey() || !strings.HasPrefix(s.VKey(), "cordon/acme+") {
		t.Errorf("prints as %s", s)
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	s := fixedSigner(acme, "test")
	root := tlog.Hash{9}.String()
	for name, text := range map[string]string{
		"leading zero":   "cordon/acme\n05\n" + root + "\n",
		"plus":           "cordon/acme\n+5\n" + root + "\n",
		"negative":       "cordon/acme\n-5\n" + root + "\n",
		"too large":      "cordon/acme\n9223372036854775808\n" + root + "\n",
		"absurd":         "cordon/acme\n9007199254740992\n" + root + "\n",
		"short root":     "cordon/acme\n5\nAAAA\n",
		"loose base64":   "cordon/acme\n5\n" + root[:42] + "B=\n",
		"two lines":      "cordon/acme\n5\n",
		"extension":      "cordon/acme\n5\n" + root + "\nmore\n",
		"another origin": "cordon/other\n5\n" + root + "\n",
		"no origin":      "\n5\n" + root + "\n",
	} {
		if tree, err := OpenCheckpoint(noteOf(t, text, s), s.Verifier()); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, tree, err)
		}
	}
	if _, err := OpenCheckpoint(make([]byte, maxCheckpoint+1), s.Verifier()); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("too long: %v", err)
	}
	// A witness may have signed too.
	msg := noteOf(t, "cordon/acme\n5\n"+root+"\n", s, fixedSigner("witness", "w"))
	if tree, err := OpenCheckpoint(msg, s.Verifier()); err != nil || tree.N != 5 {
		t.Errorf("with a witness: %v, %v", tree, err)
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	s := fixedSigner(acme, "test")
	good, err := signCheckpoint(s, tlog.Tree{N: 5, Hash: tlog.Hash{1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if tree, err := OpenCheckpoint(b, s.Verifier()); err == nil && (tree != tlog.Tree{N: 5, Hash: tlog.Hash{1}}) {
			t.Errorf("accepted %q as %v", b, tree)
		}
	})
}
