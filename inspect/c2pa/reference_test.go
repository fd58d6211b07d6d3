package c2pa

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	writer "github.com/cordonhq/cordon/samples/manifest"
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
	Cost          float64  `json:"cost"` // processor time of one validation, in ms
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
	return r.ask(file, mediaType, anchors, 1)
}

// cost is the processor time of one validation, in milliseconds.
func (r *reference) cost(file []byte, mediaType string, anchors []byte) float64 {
	r.t.Helper()
	return r.ask(file, mediaType, anchors, 5).Cost
}

func (r *reference) ask(file []byte, mediaType string, anchors []byte, times int) referenceAnswer {
	r.t.Helper()
	path := filepath.Join(r.dir, "file")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		r.t.Fatal(err)
	}
	settings := map[string]any{
		"verify": map[string]any{"verify_trust": true, "verify_timestamp_trust": true, "ocsp_fetch": false, "remote_manifest_fetch": false},
		"trust":  map[string]any{"trust_anchors": string(anchors), "trust_config": purposes},
	}
	line, err := json.Marshal(map[string]any{"path": path, "type": mediaType, "settings": settings, "times": times})
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

// stricter is every made file of which the reference says something else, with the reason. All
// are invalid here. "codes" means that it is invalid there too, with other codes.
var stricter = map[string]string{
	"certificate: for time stamps":                     "a certificate for time stamps signs no content; the reference is told all purposes in one list",
	"certificate: unknown critical extension":          "codes: a chain with a critical extension that nobody knows does not validate either",
	"chain: in the unprotected header":                 "nothing signs which certificate that is; since version 2 the protected header must have it",
	"claim: hash of MD5 in jpeg":                       "codes: the algorithm is named and not a mismatch",
	"claim: hash of MD5 in png":                        "codes: the algorithm is named and not a mismatch",
	"claim: reference from the assertions in jpeg":     misspelt,
	"claim: reference from the assertions in png":      misspelt,
	"claim: reference without self in jpeg":            misspelt,
	"claim: reference without self in png":             misspelt,
	"cose: another claim attached":                     "two claims, and readers may differ in which they show",
	"film broken: box of another tree":                 "the box says that it belongs to a tree that is not there",
	"film broken: fragments without initHash":          "nothing binds what comes before the fragments: tracks and codecs could be changed",
	"film broken: mdat left out without a tree":        "nothing binds the pictures",
	"film broken: neither hash nor tree":               "nothing binds the file",
	"film broken: no hash beside the tree":             "nothing binds what is outside mdat",
	"film broken: two trees for one line of fragments": "each fragment has one box: which tree it leads to is not said",
	"film broken: unknown algorithm":                   "codes: the algorithm is named and not a mismatch",
	"ingredients: changed after it was taken":          "codes: the reference lists it with the ingredient, this with the manifest that refers",
	"ocsp: revoked":                                    "the answer is by the anchor, which need not be in the file; the reference looks for issuers in the file alone",
	"redaction: and the note is still there":           "codes: the reference lists it with the active manifest, this with the ingredient",
	"redaction: not declared":                          "codes: the reference lists it with the ingredient, this with the manifest that refers",
	"rule: assertion of another manifest":              "codes: the reference adds what follows from it",
	"rule: exclusion beyond the store":                 "what is left out of the hash can be changed at will, so only the store may be",
	"rule: padding with content":                       "nothing signs the padding; a place to hide things is not valid",
	"rule: redaction of nothing":                       "an action says that something was redacted and does not say what",
	"rule: unknown hash algorithm":                     "codes: the algorithm is named and not a mismatch",
	"rule: update manifest that binds":                 "an update changes nothing of the file, so it may not bind it anew (C2PA 2.2, 11.2.3)",
}

const misspelt = "the specification has one form for references; two readers must not find two assertions"

// TestReferenceMade asks the reference about every made file. Where it says something else,
// this must be the stricter, and listed.
func TestReferenceMade(t *testing.T) {
	b, r := newSignerBench(t), newReference(t)
	clock, err := writer.NewAuthority("time stamp root")
	if err != nil {
		t.Fatal(err)
	}
	if b.validator, err = New(Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM()}); err != nil {
		t.Fatal(err)
	}
	anchors := slices.Concat(b.authority.PEM(), clock.PEM())
	made := b.madeFiles(clock)
	states, codes := 0, 0
	for _, name := range slices.Sorted(maps.Keys(made)) {
		p := b.validate(made[name])
		a := r.says(made[name], p.Container, anchors)
		sameState, sameCodes := a.same(p)
		if sameState {
			states++
		}
		if sameCodes {
			codes++
		}
		reason, listed := stricter[name]
		switch differs := !sameState || !sameCodes; {
		case differs && !listed, sameState && differs != strings.HasPrefix(reason, "codes: "), !sameState && p.State != Invalid:
			t.Errorf("%s: %s %v %v, the reference says %s %v %v %s %v", name, p.State, p.Failure, p.IngredientFailure, a.State, a.Failure, a.Ingredient, a.Error, a.Notes)
		case !differs && listed:
			t.Errorf("%s: listed as a difference and is none: take it off the list", name)
		}
	}
	t.Logf("%d made files: %d states and %d lists of failures as the reference has them", len(made), states, codes)
	for name := range stricter {
		if made[name] == nil {
			t.Errorf("%s: listed as a difference, and there is no such file", name)
		}
	}
}

// same compares states, and the failures of the active manifest.
func (a referenceAnswer) same(p *Provenance) (state, codes bool) {
	if a.Error != "" {
		return p.State == Invalid, p.State == Invalid
	}
	return strings.EqualFold(a.State, string(p.State)), slices.Equal(a.Failure, p.Failure)
}

// TestReferenceMutated changes files of the corpus, the same way each time, and compares states.
// They must be the same, but for a signature whose padding was changed.
func TestReferenceMutated(t *testing.T) {
	dir, index := readIndex(t)
	r := newReference(t)
	v := profile(t, dir, "test", index.EvaluatedAt)
	anchors := slices.Concat(read(t, dir, "official-C2PA-TRUST-LIST.pem"), read(t, dir, "official-C2PA-TSA-TRUST-LIST.pem"), read(t, dir, "test-test_cert_root_bundle.pem"))
	rnd := rand.New(rand.NewPCG(27, 2024))
	files, agree, padding := 0, 0, 0
	for _, f := range index.Files {
		answer := f.Expected.Profiles["test"].State
		path := filepath.Join(dir, f.File)
		if info, err := os.Stat(path); err != nil || info.Size() > 120_000 || answer != "Trusted" && answer != "Valid" {
			continue
		}
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			what, file := mutate(rnd, original)
			p, err := v.Validate(t.Context(), bytes.NewReader(file), int64(len(file)))
			if err != nil {
				continue // no longer of a kind that is looked into
			}
			a := r.says(file, p.Container, anchors)
			files++
			state, _ := a.same(p)
			none := p.State == None && (strings.Contains(a.Error, "JumbfNotFound") || a.Error != "" && !bytes.Contains(file, markStore))
			if state || none {
				agree++
				continue
			}
			if p.State == Invalid && slices.ContainsFunc(p.Statuses, func(s Status) bool { return s.Note == errPadding.Error() }) {
				padding++ // the one place that is stricter on purpose, and large in these files
				continue
			}
			t.Errorf("%s, %s: %s %v %v, the reference says %s %v %v %s", f.File, what, p.State, p.Failure, p.IngredientFailure, a.State, a.Failure, a.Ingredient, a.Error)
		}
	}
	t.Logf("%d mutated files: %d states as the reference has them, and %d changed in the padding of a signature", files, agree, padding)
}

func read(t testing.TB, dir, name string) []byte {
	b, err := os.ReadFile(filepath.Join(dir, "trust", name))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// mutate changes a file in one place, mostly inside of its store.
func mutate(rnd *rand.Rand, original []byte) (string, []byte) {
	start, end := 0, len(original)
	if at := bytes.Index(original, markStore); at >= 0 && rnd.IntN(4) > 0 {
		start, end = max(at-16, 0), min(at+20_000, len(original))
	}
	i := start + rnd.IntN(end-start)
	for range 8 { // padding makes up most of a store
		if original[i] != 0 {
			break
		}
		i = start + rnd.IntN(end-start)
	}
	n := min(1+rnd.IntN(16), len(original)-i)
	switch rnd.IntN(4) {
	case 0:
		out := bytes.Clone(original)
		out[i] ^= 1 << rnd.IntN(8)
		return fmt.Sprintf("a bit of byte %d", i), out
	case 1:
		out := bytes.Clone(original)
		for k := range n {
			out[i+k] = byte(rnd.Uint32())
		}
		return fmt.Sprintf("%d bytes at %d", n, i), out
	case 2:
		return fmt.Sprintf("%d bytes less at %d", n, i), slices.Concat(original[:i], original[i+n:])
	default:
		return fmt.Sprintf("%d bytes twice at %d", n, i), slices.Concat(original[:i+n], original[i:])
	}
}
