package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// compact writes JSON anew as RFC 8785 has it, for the JSON that entries may hold.
func compact(t *testing.T, b []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("accepted %q: %v", b, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(anEntry(0)))
	f.Add([]byte(strings.Replace(anEntry(1), `{"n":1}`, `{"a":[],"b":["x","y"],"c":true,"d":-5,"e":"image/png"}`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseEntry(b); err == nil {
			if again := compact(t, b); !bytes.Equal(again, b) {
				t.Errorf("accepted %q, canonical is %q", b, again)
			}
		}
	})
}

func FuzzReceipt(f *testing.F) {
	doc, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		f.Fatal(err)
	}
	trusted, err := newTrust(goldenKey(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := verifyReceipt(b, trusted); err == nil && !bytes.Equal(bytes.TrimSuffix(b, []byte("\n")), doc) {
			t.Errorf("verified a forgery: %s", b)
		}
	})
}

func FuzzScanString(f *testing.F) {
	f.Add(`"a\n\"\\—"`)
	f.Add("\"\\u001f\u2028\"")
	f.Fuzz(func(t *testing.T, text string) {
		s := &scanner{rest: text}
		got := s.str()
		s.end()
		if s.err != nil {
			return
		}
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil || got != want {
			t.Errorf("%q read as %q, encoding/json says %q, %v", text, got, want, err)
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0}, 2)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		entries, err := split(b, w)
		if err != nil {
			return
		}
		total := 0
		for _, e := range entries {
			total += 2 + len(e)
		}
		if len(entries) != w || total != len(b) {
			t.Errorf("%d entries of %d bytes from %d", len(entries), total, len(b))
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/2/x001/x234/067.p/8")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		tile, entries, err := parseTilePath(path)
		if err != nil {
			return
		}
		level := strings.Split(path, "/")[1]
		want := tilePath(level, tile.N)
		if got, _, _ := strings.Cut(path, ".p/"); got != want || entries != (level == "entries") {
			t.Errorf("%q is read as %+v, %v", path, tile, entries)
		}
	})
}
