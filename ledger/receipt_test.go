package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

// entriesOf lists the entries that fixedEntry makes for the item of entry i.
func entriesOf(i int) []cordon.ID {
	i -= i % 3
	return []cordon.ID{fixedEntry(acme, i).ID, fixedEntry(acme, i+1).ID, fixedEntry(acme, i+2).ID}
}

func TestReceipt(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{3, 9, 300, 600} {
		r.grow(n)
		for _, i := range []int{0, r.size / 2, r.size - 1} {
			ids := entriesOf(i)
			ids[0], ids[2] = ids[2], ids[0] // order is the log's, not the caller's
			doc, err := MakeReceipt(t.Context(), r.memory, acme, append(ids, ids[1]))
			if err != nil {
				t.Fatal(err)
			}
			v, err := VerifyReceipt(r.signer.VKey(), doc)
			if err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
			if v.Tenant != acme || v.Item != fixedEntry(acme, i).Of.ID || v.Size != int64(r.size) ||
				v.Root != tlog.Hash(r.of(acme).head.Root) || len(v.Entries) != 3 {
				t.Fatalf("verified %+v", v)
			}
			for j, e := range v.Entries {
				want := fixedEntry(acme, i-i%3+j)
				if e.Index != int64(i-i%3+j) || e.ID != want.ID || e.Kind != want.Kind || !e.At.Equal(want.At) {
					t.Errorf("entry %d: %+v", j, e)
				}
			}
			if _, err := VerifyReceipt(r.signer.VKey(), append(doc, '\n')); err != nil {
				t.Errorf("with the newline that editors add: %v", err)
			}
		}
	}
}

func TestReceiptPending(t *testing.T) {
	r := newRig(t)
	r.grow(2)
	r.commit(fixedEntry(acme, 2))
	if _, err := MakeReceipt(t.Context(), r.memory, acme, entriesOf(0)); !errors.Is(err, ErrPending) {
		t.Errorf("got %v, want ErrPending", err)
	}
	if _, err := MakeReceipt(t.Context(), r.memory, acme, nil); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("no entries: %v", err)
	}
	r.grow(0)
	r.grow(4)
	if _, err := MakeReceipt(t.Context(), r.memory, acme, []cordon.ID{fixedEntry(acme, 0).ID, fixedEntry(acme, 3).ID}); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("entries of two items: %v", err)
	}
}

func aReceipt(t testing.TB) (vkey string, doc []byte) {
	r := newRig(t)
	r.grow(11)
	doc, err := MakeReceipt(t.Context(), r.memory, acme, entriesOf(4))
	if err != nil {
		t.Fatal(err)
	}
	return r.signer.VKey(), doc
}

// No byte of a receipt can be changed, dropped or doubled.
func TestReceiptTampered(t *testing.T) {
	vkey, doc := aReceipt(t)
	for i := range doc {
		for _, change := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff} {
			bad := bytes.Clone(doc)
			bad[i] ^= change
			if v, err := VerifyReceipt(vkey, bad); err == nil {
				t.Fatalf("byte %d (%q→%q) changed, and verified: %+v\n%s", i, doc[i], bad[i], v, bad)
			}
		}
		if _, err := VerifyReceipt(vkey, append(bytes.Clone(doc[:i]), doc[i+1:]...)); err == nil {
			t.Fatalf("byte %d dropped, and verified", i)
		}
		if _, err := VerifyReceipt(vkey, append(bytes.Clone(doc[:i+1]), doc[i:]...)); err == nil {
			t.Fatalf("byte %d doubled, and verified", i)
		}
	}
}

func TestReceiptForged(t *testing.T) {
	vkey, doc := aReceipt(t)
	stranger := fixedSigner(acme, "stranger")
	if _, err := VerifyReceipt(stranger.VKey(), doc); !errors.Is(err, ErrUntrustedKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := VerifyReceipt(fixedSigner("other", "test").VKey(), doc); !errors.Is(err, ErrUntrustedKey) {
		t.Errorf("another tenant's key: %v", err)
	}
	if _, err := VerifyReceipt("acme", doc); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("no key at all: %v", err)
	}
	for name, change := range map[string]func(*receipt){
		"no entries":        func(r *receipt) { r.Entries = r.Entries[:0] },
		"null entries":      func(r *receipt) { r.Entries = nil },
		"another item":      func(r *receipt) { r.Item = "itm_other" },
		"another type":      func(r *receipt) { r.Type = "cordon-receipt/v2" },
		"entry twice":       func(r *receipt) { r.Entries[1] = r.Entries[0] },
		"order":             func(r *receipt) { r.Entries[0], r.Entries[1] = r.Entries[1], r.Entries[0] },
		"index":             func(r *receipt) { r.Entries[2].Index++ },
		"negative index":    func(r *receipt) { r.Entries[0].Index = -1 },
		"index beyond":      func(r *receipt) { r.Entries[2].Index = 1 << 40 },
		"proof cut":         func(r *receipt) { r.Entries[0].Proof = r.Entries[0].Proof[1:] },
		"proof longer":      func(r *receipt) { r.Entries[0].Proof = append(r.Entries[0].Proof, tlog.Hash{}) },
		"proof of no hash":  func(r *receipt) { r.Entries[0].Proof = nil },
		"entry of another":  func(r *receipt) { r.Entries[0].Entry = r.Entries[1].Entry },
		"extension line":    func(r *receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n\n", "\nmore\n\n", 1) },
		"signed by another": func(r *receipt) { r.Checkpoint = resigned(t, r.Checkpoint, stranger) },
	} {
		parsed, err := parseReceipt(doc)
		if err != nil {
			t.Fatal(err)
		}
		change(&parsed)
		bad, err := parsed.encode()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := VerifyReceipt(vkey, bad); err == nil {
			t.Errorf("%s: verified %+v", name, v)
		}
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, doc, "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyReceipt(vkey, pretty.Bytes()); err == nil || !strings.Contains(err.Error(), "pass on the bytes as they came") {
		t.Errorf("formatted anew: %v", err)
	}
	if _, err := VerifyReceipt(vkey, make([]byte, maxReceipt+1)); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("too long: %v", err)
	}
}

func resigned(t *testing.T, checkpoint string, by *Signer) string {
	text, _, _ := strings.Cut(checkpoint, "\n\n")
	lines := strings.Split(text, "\n")
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	out, err := signCheckpoint(by, tlog.Tree{N: 11, Hash: root})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A checkpoint of one tenant signed with the key of another is no checkpoint, even where an
// operator has used one secret for both.
func TestOneKeyDoesNotSpeakForAnotherLog(t *testing.T) {
	a := fixedSigner(acme, "same")
	text := "cordon/other\n0\n" + (&edge{}).root().String() + "\n"
	msg := noteOf(t, text, a)
	if _, err := OpenCheckpoint(msg, a.Verifier()); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	vkey, doc := aReceipt(f)
	f.Add(doc)
	f.Add([]byte(`{"checkpoint":"","entries":[{"entry":"","index":0,"proof":[]}],"item":"","type":"cordon-receipt/v1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := VerifyReceipt(vkey, b); err == nil && !bytes.Equal(bytes.TrimSuffix(b, []byte("\n")), doc) {
			t.Errorf("verified a forgery: %s", b)
		}
	})
}
