package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// testdata holds what package ledger writes; its TestGolden keeps it so.
func goldenKey(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/acme.vkey")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// call runs the command.
func call(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func anotherKey(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

func TestGoldenFilesVerify(t *testing.T) {
	key := goldenKey(t)
	_, stranger := anotherKey(t, "cordon/acme")
	_, other := anotherKey(t, "cordon/other")
	for path, shows := range map[string][]string{
		"testdata/receipt.json": {"receipt of item itm_00000000000000000000000000", "entry 0  2026-03-01T09:00:00.25Z  item.received",
			"entry 2 ", "item.held", "checkpoint of cordon/acme: 5 entries, root UIVgJUATjlyvjtr32YxxgC5Ef/W8t74utkPddea3pQ4="},
		"testdata/small": {"log cordon/acme", "5 entries, the first of 2026-03-01T09:00:00.25Z, the last of 2026-03-01T09:00:04.25Z", "1 tiles"},
		"testdata/large": {"300 entries", "3 tiles"},
	} {
		code, out, errs := call(t, "--key", key, path)
		if code != 0 || errs != "" || !strings.HasSuffix(out, "\nverified\n") {
			t.Errorf("%s: exit %d\n%s%s", path, code, out, errs)
		}
		for _, s := range shows {
			if !strings.Contains(out, s) {
				t.Errorf("%s: %q is missing in\n%s", path, s, out)
			}
		}
		for name, args := range map[string][]string{"no key": {path}, "a stranger's key": {"-key=" + stranger, path}, "another log's key": {"--key", other, path}} {
			code, out, _ := call(t, args...)
			if code != 2 || strings.Contains(out, "verified") || !strings.Contains(out, "cordon/acme+3abdcd03") {
				t.Errorf("%s with %s: exit %d\n%s", path, name, code, out)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	key := goldenKey(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":            {[]string{"--help"}, 0, "Examples:"},
		"nothing":         {nil, 1, "Examples:"},
		"two paths":       {[]string{"a", "b"}, 1, "Examples:"},
		"unknown flag":    {[]string{"--trust-me", "a"}, 1, "trust-me"},
		"not a key":       {[]string{"--key", "hello", "testdata/receipt.json"}, 1, "--key"},
		"key of no parts": {[]string{"--key", key[:len(key)-8], "testdata/receipt.json"}, 1, "--key"},
		"not a witness":   {[]string{"--witness", "w+00000000+AAAA", "testdata/receipt.json"}, 1, "--witness"},
		"no such file":    {[]string{"--key", key, "testdata/none"}, 1, "no such file"},
		"empty folder":    {[]string{"--key", key, t.TempDir()}, 1, "checkpoint"},
		"other file":      {[]string{"--key", key, "testdata/acme.vkey"}, 1, "not a receipt"},
	} {
		code, out, errs := call(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
		}
	}
}

// No byte of a receipt can be changed: never is the result "verified".
func TestReceiptTampered(t *testing.T) {
	trusted, err := newTrust(goldenKey(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifyReceipt(doc, trusted); err != nil {
		t.Fatal(err)
	}
	for i := range doc {
		for _, change := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			bad := bytes.Clone(doc)
			bad[i] ^= change
			if _, err := verifyReceipt(bad, trusted); err == nil {
				t.Fatalf("byte %d (%q→%q) changed, and verified", i, doc[i], bad[i])
			}
		}
		if _, err := verifyReceipt(append(bytes.Clone(doc[:i]), doc[i+1:]...), trusted); err == nil {
			t.Fatalf("byte %d dropped, and verified", i)
		}
	}
}

// No byte of an exported log can be changed, in the small one at every place, in the large
// one at some in each file.
func TestLogTampered(t *testing.T) {
	trusted, err := newTrust(goldenKey(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]int{"small": 1, "large": 2503} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(dir, "tile", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		deeper, err := filepath.Glob(filepath.Join(dir, "tile", "*", "*.p", "*"))
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, path := range append(append(paths, deeper...), filepath.Join(dir, "checkpoint")) {
			if strings.HasSuffix(path, ".p") {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(data); i += step {
				bad := bytes.Clone(data)
				bad[i] ^= byte(1 << (i % 8))
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := verifyLog(dir, trusted); err == nil {
					t.Fatalf("%s: byte %d (%q→%q) changed, and verified", path, i, data[i], bad[i])
				}
				checked++
			}
			for what, bad := range map[string][]byte{"cut": data[:len(data)-1], "longer": append(bytes.Clone(data), 0), "empty": {}} {
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := verifyLog(dir, trusted); err == nil {
					t.Fatalf("%s: %s, and verified", path, what)
				}
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := verifyLog(dir, trusted); err != nil || checked < 30 {
			t.Errorf("%s put right again after %d changes: %v", name, checked, err)
		}
	}
}

// made is a log built here with x/mod alone.
type made struct {
	dir    string
	vkey   string
	signer note.Signer
	stored []tlog.Hash
	bodies [][]byte
}

func (m *made) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = m.stored[x]
	}
	return out, nil
}

func makeLog(t testing.TB, entries ...string) *made {
	t.Helper()
	m := &made{dir: t.TempDir()}
	m.signer, m.vkey = anotherKey(t, "cordon/acme")
	for i, e := range entries {
		m.bodies = append(m.bodies, []byte(e))
		hashes, err := tlog.StoredHashes(int64(i), []byte(e), m)
		if err != nil {
			t.Fatal(err)
		}
		m.stored = append(m.stored, hashes...)
	}
	for _, tile := range tlog.NewTiles(8, 0, int64(len(entries))) {
		data, err := tlog.ReadTileData(tile, m)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		m.write(t, path, data)
		if tile.L == 0 {
			var bundle []byte
			for _, b := range m.bodies[tile.N*256:][:tile.W] {
				bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(b))), b...)
			}
			m.write(t, strings.Replace(path, "tile/0/", "tile/entries/", 1), bundle)
		}
	}
	m.write(t, "checkpoint", m.checkpoint(t, m.signer))
	return m
}

func (m *made) write(t testing.TB, path string, data []byte) {
	t.Helper()
	full := filepath.Join(m.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *made) checkpoint(t testing.TB, by ...note.Signer) []byte {
	t.Helper()
	root, err := tlog.TreeHash(int64(len(m.bodies)), m)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: fmt.Sprintf("cordon/acme\n%d\n%s\n", len(m.bodies), root)}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func anEntry(i int) string {
	return fmt.Sprintf(`{"actor":"cordon/cordon","at":"2026-03-01T09:00:00Z","facts":{"n":%d},"id":"ent_%d","kind":"item.received","of":"item/itm_%d","tenant":"acme","v":1}`, i, i, i)
}

func someEntries(n int) []string {
	var out []string
	for i := range n {
		out = append(out, anEntry(i))
	}
	return out
}

func TestLogsOfAllSizes(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 70_000} {
		m := makeLog(t, someEntries(n)...)
		code, out, errs := call(t, "--key", m.vkey, m.dir)
		if code != 0 {
			t.Errorf("%d entries: exit %d\n%s%s", n, code, out, errs)
		}
	}
}

// A checkpoint can be signed over anything; the entries below it must still be what they claim.
func TestSignedNonsenseFails(t *testing.T) {
	good := anEntry(0)
	for name, bad := range map[string]string{
		"not JSON":        "hello",
		"white space":     good + " ",
		"another tenant":  strings.Replace(good, "acme", "other", 1),
		"another version": strings.Replace(good, `"v":1`, `"v":2`, 1),
		"a field more":    strings.Replace(good, `,"v"`, `,"u":1,"v"`, 1),
		"a sentence":      strings.Replace(good, `{"n":0}`, `{"n":"the patient said"}`, 1),
		"null":            strings.Replace(good, `{"n":0}`, `{"n":null}`, 1),
		"fraction":        strings.Replace(good, `{"n":0}`, `{"n":0.5}`, 1),
		"minus zero":      strings.Replace(good, `{"n":0}`, `{"n":-0}`, 1),
		"leading zero":    strings.Replace(good, `{"n":0}`, `{"n":01}`, 1),
		"too large":       strings.Replace(good, `{"n":0}`, `{"n":9007199254740992}`, 1),
		"facts unsorted":  strings.Replace(good, `{"n":0}`, `{"n":0,"m":0}`, 1),
		"fact twice":      strings.Replace(good, `{"n":0}`, `{"n":0,"n":0}`, 1),
		"nested":          strings.Replace(good, `{"n":0}`, `{"n":{}}`, 1),
		"list of numbers": strings.Replace(good, `{"n":0}`, `{"n":[1]}`, 1),
		"escape":          strings.Replace(good, "acme", `\u0061cme`, 1),
		"local time":      strings.Replace(good, "09:00:00Z", "09:00:00+00:00", 1),
		"zeros of a time": strings.Replace(good, "09:00:00Z", "09:00:00.10Z", 1),
		"no such day":     strings.Replace(good, "03-01", "02-30", 1),
		"of nothing":      strings.Replace(good, "item/itm_0", "item/", 1),
		"too long":        strings.Replace(good, `{"n":0}`, `{"n":[`+strings.Repeat(`"`+strings.Repeat("x", 128)+`",`, 40)+`""]}`, 1),
	} {
		if bad == good {
			t.Fatalf("%s: the example does not differ", name)
		}
		m := makeLog(t, anEntry(1), bad)
		code, out, _ := call(t, "--key", m.vkey, m.dir)
		if code != 1 || !strings.HasPrefix(out, "FAILED: entry 1") {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
}

func TestLogFolderRefused(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	for name, change := range map[string]func(m *made){
		"checkpoint of another origin": func(m *made) {
			msg, _ := note.Sign(&note.Note{Text: "cordon/other\n3\n" + tlog.Hash{}.String() + "\n"}, m.signer)
			m.write(t, "checkpoint", msg)
		},
		"checkpoint of an absurd size": func(m *made) {
			msg, _ := note.Sign(&note.Note{Text: "cordon/acme\n9223372036854775807\n" + tlog.Hash{}.String() + "\n"}, m.signer)
			m.write(t, "checkpoint", msg)
		},
		"checkpoint of more entries": func(m *made) {
			msg, _ := note.Sign(&note.Note{Text: "cordon/acme\n4\n" + tlog.Hash{}.String() + "\n"}, m.signer)
			m.write(t, "checkpoint", msg)
		},
		"checkpoint of another root": func(m *made) {
			msg, _ := note.Sign(&note.Note{Text: "cordon/acme\n3\n" + tlog.Hash{}.String() + "\n"}, m.signer)
			m.write(t, "checkpoint", msg)
		},
		"stray file":         func(m *made) { m.write(t, "tile/0/README", nil) },
		"stray bundle":       func(m *made) { m.write(t, "tile/data/000", nil) },
		"older tile changed": func(m *made) { m.write(t, "tile/0/000.p/1", make([]byte, 32)) },
		"link out of the folder": func(m *made) {
			path := filepath.Join(m.dir, "tile/0/000.p/3")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(secret, data, 0o600); err != nil {
				t.Fatal(err)
			}
			os.Remove(path)
			if err := os.Symlink(secret, path); err != nil {
				t.Fatal(err)
			}
		},
		"endless bundle": func(m *made) { m.write(t, "tile/entries/000.p/3", make([]byte, maxBundle+1)) },
	} {
		m := makeLog(t, someEntries(3)...)
		if code, _, _ := call(t, "--key", m.vkey, m.dir); code != 0 {
			t.Fatal("the example does not verify")
		}
		change(m)
		if code, out, _ := call(t, "--key", m.vkey, m.dir); code == 0 {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
	// Tiles beyond the checkpoint say nothing yet, and full tiles may stand for partial ones.
	big, small := makeLog(t, someEntries(600)...), makeLog(t, someEntries(300)...)
	old, err := os.ReadFile(filepath.Join(small.dir, "tile/1/000.p/1"))
	if err != nil {
		t.Fatal(err)
	}
	big.write(t, "tile/1/000.p/1", old)
	big.write(t, "checkpoint", small.checkpoint(t, big.signer))
	if code, out, _ := call(t, "--key", big.vkey, big.dir); code != 0 {
		t.Errorf("an interrupted export: exit %d\n%s", code, out)
	}
}

// cosigner signs as C2SP tlog-cosignature has it.
type cosigner struct {
	name string
	key  ed25519.PrivateKey
	time uint64
}

func newCosigner(name string) cosigner {
	seed := sha256.Sum256([]byte(name))
	return cosigner{name, ed25519.NewKeyFromSeed(seed[:]), 1772355600}
}

func (c cosigner) public() []byte {
	return append([]byte{algCosignature}, c.key.Public().(ed25519.PublicKey)...)
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n"), c.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (c cosigner) Sign(msg []byte) ([]byte, error) {
	sig := ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", c.time, msg))
	return append(binary.BigEndian.AppendUint64(nil, c.time), sig...), nil
}

func (c cosigner) vkey() string {
	return fmt.Sprintf("%s+%08x+%s", c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(c.public()))
}

func TestWitnesses(t *testing.T) {
	m := makeLog(t, someEntries(3)...)
	w := newCosigner("witness.example/w1")
	plain, plainKey := anotherKey(t, "plain.example")
	m.write(t, "checkpoint", m.checkpoint(t, m.signer, w, plain))

	code, out, errs := call(t, "--key", m.vkey, "--witness", w.vkey(), "--witness", plainKey, m.dir)
	if code != 0 || !strings.Contains(out, "cosigned by witness.example/w1 at 2026-03-01T09:00:00Z\ncosigned by plain.example\n") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if code, _, _ := call(t, "--key", m.vkey, m.dir); code != 0 {
		t.Errorf("witnesses that nobody asked for: exit %d", code)
	}
	if code, _, _ := call(t, "--witness", w.vkey(), m.dir); code != 2 {
		t.Errorf("a witness without a key: exit %d", code)
	}
	missing := newCosigner("witness.example/w2")
	if code, out, _ := call(t, "--key", m.vkey, "--witness", missing.vkey(), m.dir); code != 1 || !strings.Contains(out, "w2") {
		t.Errorf("a witness that did not sign: exit %d\n%s", code, out)
	}
	// The time is signed too.
	other := w
	other.time++
	line := func(c cosigner) string {
		for l := range strings.Lines(string(m.checkpoint(t, c))) {
			if strings.HasPrefix(l, "— ") {
				return l
			}
		}
		return ""
	}
	raw := func(l string) []byte {
		b, err := base64.StdEncoding.DecodeString(strings.Fields(l)[2])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	forged := raw(line(w))
	copy(forged[4:12], raw(line(other))[4:12])
	msg := string(m.checkpoint(t, m.signer)) + "— " + w.name + " " + base64.StdEncoding.EncodeToString(forged) + "\n"
	m.write(t, "checkpoint", []byte(msg))
	if code, out, _ := call(t, "--key", m.vkey, "--witness", w.vkey(), m.dir); code != 1 || !strings.Contains(out, "signature is wrong") {
		t.Errorf("a forged time: exit %d\n%s", code, out)
	}
}

// The way to fold a proof that docs/ledger-format.md gives for doing it by hand.
func TestProofByHand(t *testing.T) {
	doc, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	var receipt struct {
		Checkpoint string
		Entries    []struct {
			Entry string
			Index int64
			Proof [][]byte
		}
	}
	if err := json.Unmarshal(doc, &receipt); err != nil {
		t.Fatal(err)
	}
	fold := func(h []byte, i, n int64, proof [][]byte) ([]byte, int64) {
		node := func(a, b []byte) []byte {
			sum := sha256.Sum256(append(append([]byte{1}, a...), b...))
			return sum[:]
		}
		for _, p := range proof {
			if i%2 == 1 || i == n {
				h = node(p, h)
				for i%2 == 0 && i != 0 {
					i, n = i/2, n/2
				}
			} else {
				h = node(h, p)
			}
			i, n = i/2, n/2
		}
		return h, n
	}
	root := strings.Split(receipt.Checkpoint, "\n")[2]
	for _, e := range receipt.Entries {
		leaf := sha256.Sum256(append([]byte{0}, e.Entry...))
		h, n := fold(leaf[:], e.Index, 4, e.Proof)
		if n != 0 || base64.StdEncoding.EncodeToString(h) != root {
			t.Errorf("entry %d: %x, %d left", e.Index, h, n)
		}
	}
	m := makeLog(t, someEntries(100)...)
	for size := int64(1); size <= 100; size++ {
		root, err := tlog.TreeHash(size, m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range size {
			hashes, err := tlog.ProveRecord(size, i, m)
			if err != nil {
				t.Fatal(err)
			}
			var proof [][]byte
			for _, h := range hashes {
				proof = append(proof, h[:])
			}
			leaf := tlog.RecordHash(m.bodies[i])
			if h, n := fold(leaf[:], i, size-1, proof); n != 0 || !bytes.Equal(h, root[:]) {
				t.Fatalf("entry %d of %d", i, size)
			}
		}
	}
}
