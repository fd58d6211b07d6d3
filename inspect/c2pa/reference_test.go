package c2pa

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// reference is the reference validator, as WebAssembly under Node. It fetches nothing.
type reference struct {
	t   testing.TB
	dir string
	in  io.WriteCloser
	out *bufio.Reader
}

// referenceAnswer is what it says of one file. Error stands when it could not read the store
// at all; then there are no codes.
type referenceAnswer struct {
	State         string   `json:"state"`
	Success       []string `json:"success"`
	Informational []string `json:"informational"`
	Failure       []string `json:"failure"`
	Ingredient    []string `json:"ingredient_failure"`
	Notes         []string `json:"notes"`
	Error         string   `json:"error"`
}

// newReference starts it, or skips the test where it is not installed.
func newReference(t testing.TB) *reference {
	t.Helper()
	home := filepath.Join("..", "..", "test", "c2pa-wasm")
	if _, err := os.Stat(filepath.Join(home, "node_modules", "@contentauth")); err != nil {
		t.Skip("the reference validator is not installed: run npm ci in test/c2pa-wasm")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("the reference validator needs Node: install it")
	}
	cmd := exec.Command(node, "oracle.mjs")
	cmd.Dir, cmd.Stderr = home, os.Stderr
	r := &reference{t: t, dir: t.TempDir()}
	if r.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the reference validator: %v", err)
		}
	})
	return r
}

// purposes are the extended key usages that the corpus' profiles give the reference.
const purposes = "1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.5.5.7.3.8\n1.3.6.1.5.5.7.3.9\n1.3.6.1.4.1.311.76.59.1.9\n1.3.6.1.4.1.62558.2.1\n"

// says asks about one file under a list of anchors, which it uses for signers and for time
// stamps alike.
func (r *reference) says(file []byte, mediaType string, anchors []byte) referenceAnswer {
	r.t.Helper()
	path := filepath.Join(r.dir, "file")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		r.t.Fatal(err)
	}
	settings := map[string]any{
		"verify": map[string]any{"verify_trust": true, "verify_timestamp_trust": true, "ocsp_fetch": false, "remote_manifest_fetch": false},
		"trust":  map[string]any{"trust_anchors": string(anchors), "trust_config": purposes},
	}
	line, err := json.Marshal(map[string]any{"path": path, "type": mediaType, "settings": settings})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		r.t.Fatal(err)
	}
	answer, err := r.out.ReadBytes('\n')
	if err != nil {
		r.t.Fatalf("the reference validator stopped: %v", err)
	}
	var out referenceAnswer
	if err := json.Unmarshal(answer, &out); err != nil {
		r.t.Fatalf("%v: %s", err, answer)
	}
	return out
}
