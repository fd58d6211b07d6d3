package ledger

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write the golden files and the examples of docs/ledger-format.md anew")

// golden is where cordon-verify, which shares no code with this package, reads what this
// package writes. A change there is a change of the format that auditors rely on.
const golden = "../cmd/cordon-verify/testdata"

// exampleLog is the log of the documentation: three entries of one item, and two of the next.
func exampleLog(t testing.TB) *rig {
	r := &rig{memory: newMemory(), t: t, signer: fixedSigner(acme, "cordon example key, never use")}
	r.seq = r.sequencer()
	return r
}

func TestGolden(t *testing.T) {
	dir := t.TempDir()
	r := exampleLog(t)
	r.grow(2)
	r.export(filepath.Join(dir, "small"))
	r.grow(3)
	r.export(filepath.Join(dir, "small"))
	receipt, err := MakeReceipt(t.Context(), r.memory, acme, entriesOf(1))
	if err != nil {
		t.Fatal(err)
	}
	r.grow(295)
	r.export(filepath.Join(dir, "large"))
	for name, data := range map[string][]byte{"receipt.json": receipt, "acme.vkey": []byte(r.signer.VKey() + "\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		for _, old := range []string{"small", "large", "receipt.json", "acme.vkey"} { // what fuzzing found stays
			if err := os.RemoveAll(filepath.Join(golden, old)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(golden, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	got, want := files(t, dir), files(t, golden)
	for name := range got {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs from the golden file: the format has changed (go test ./ledger -run Golden -update writes it anew)", name)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok && !strings.HasPrefix(name, "fuzz/") {
			t.Errorf("golden file %s is not written any more", name)
		}
	}
}

// The document's examples are real bytes, made here.
func TestDocumentExamples(t *testing.T) {
	r := exampleLog(t)
	r.grow(2)
	r.grow(3)
	l := r.of(acme)
	// A hash is a Stringer in base64, and %x of it would be the hex of that.
	bare := func(h tlog.Hash) []byte { return h[:] }
	leaf := func(i int) tlog.Hash { return tlog.RecordHash(l.leaves[i]) }
	receipt, err := MakeReceipt(t.Context(), r.memory, acme, entriesOf(1)[2:])
	if err != nil {
		t.Fatal(err)
	}
	var entries, hashes, tree, bundle strings.Builder
	for i, b := range l.leaves {
		fmt.Fprintf(&entries, "%s\n", b)
		fmt.Fprintf(&hashes, "L%d = %x\n", i, bare(leaf(i)))
	}
	n01, n23 := tlog.NodeHash(leaf(0), leaf(1)), tlog.NodeHash(leaf(2), leaf(3))
	n03 := tlog.NodeHash(n01, n23)
	fmt.Fprintf(&tree, "N01 = SHA-256(01 L0 L1)    = %x\n", bare(n01))
	fmt.Fprintf(&tree, "N23 = SHA-256(01 L2 L3)    = %x\n", bare(n23))
	fmt.Fprintf(&tree, "N03 = SHA-256(01 N01 N23)  = %x\n", bare(n03))
	fmt.Fprintf(&tree, "root = SHA-256(01 N03 L4)  = %x\n", bare(tlog.NodeHash(n03, leaf(4))))
	fmt.Fprintf(&tree, "root in base64             = %s\n", tlog.NodeHash(n03, leaf(4)))
	fmt.Fprintf(&bundle, "%s", hex.Dump(append([]byte{byte(len(l.leaves[0]) >> 8), byte(len(l.leaves[0]))}, l.leaves[0][:46]...)))

	path := filepath.Join("..", "docs", "ledger-format.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(doc)
	for _, example := range []struct{ name, want string }{
		{"vkey", r.signer.VKey() + "\n"},
		{"entries", entries.String()},
		{"leaves", hashes.String()},
		{"tree", tree.String()},
		{"checkpoint", string(l.head.Checkpoint)},
		{"bundle", bundle.String()},
		{"receipt", string(receipt) + "\n"},
	} {
		open := "<!-- example: " + example.name + " -->\n```text\n"
		before, rest, ok := strings.Cut(text, open)
		got, after, ok2 := strings.Cut(rest, "```\n")
		if !ok || !ok2 {
			t.Errorf("the document has no example %q", example.name)
			continue
		}
		if got != example.want {
			if !*update {
				t.Errorf("example %q of the document is\n%s\nand should be\n%s", example.name, got, example.want)
			}
			text = before + open + example.want + "```\n" + after
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := VerifyReceipt(r.signer.VKey(), receipt); err != nil {
		t.Error(err)
	}
}
