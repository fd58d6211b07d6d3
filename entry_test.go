package cordon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
)

// anEntry returns a random entry that Check permits.
func anEntry(r *rand.Rand) Entry {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+;="
	code := func() string {
		b := make([]byte, 1+r.IntN(20))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	facts := map[string]any{}
	for range r.IntN(8) {
		switch r.IntN(5) {
		case 0:
			facts[code()] = r.IntN(2) == 0
		case 1:
			facts[code()] = r.Int64N(1<<54-1) - (1<<53 - 1)
		case 2:
			facts[code()] = int64(r.IntN(10) - 5)
		case 3:
			facts[code()] = code()
		case 4:
			list := make([]string, r.IntN(4))
			for i := range list {
				list[i] = code()
			}
			facts[code()] = list
		}
	}
	at := time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()
	if r.IntN(3) == 0 {
		at = at.Truncate(time.Second)
	}
	return Entry{
		ID: NewID(PrefixEntry), Kind: EntryInspected, At: at, Actor: Cordon, Facts: facts,
		Of: Ref{TenantID("t" + code()), KindItem, NewID(PrefixItem)},
	}
}

func TestCanonicalIsRFC8785(t *testing.T) {
	r := rand.New(rand.NewPCG(8785, 1))
	for range 5000 {
		e := anEntry(r)
		ours, err := e.Canonical()
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		theirs, err := jcs.Transform(ours)
		if err != nil {
			t.Fatalf("%s: %v", ours, err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("ours   %s\ntheirs %s", ours, theirs)
		}
		back, err := ParseEntry(ours)
		if err != nil {
			t.Fatalf("%s: %v", ours, err)
		}
		if !reflect.DeepEqual(back, e) {
			t.Fatalf("read back as %+v, want %+v", back, e)
		}
	}
}

func TestCanonicalSpelling(t *testing.T) {
	e := Entry{ID: "ent_1", Kind: EntryHeld, Of: Ref{"acme", KindItem, "itm_1"}, Actor: Cordon,
		At:    time.Date(2026, 5, 1, 12, 0, 0, 500, time.FixedZone("", 3600)),
		Facts: map[string]any{"size": 12, "reasons": []string(nil), "b": true}}
	got, err := e.Canonical()
	want := `{"actor":"cordon/cordon","at":"2026-05-01T11:00:00.0000005Z","facts":{"b":true,"reasons":[],"size":12},` +
		`"id":"ent_1","kind":"item.held","of":"item/itm_1","tenant":"acme","v":1}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	e.Facts = nil
	if got, err := e.Canonical(); err != nil || !bytes.Contains(got, []byte(`"facts":{}`)) {
		t.Errorf("no facts: %s, %v", got, err)
	}
}

func TestEntryCheckRefuses(t *testing.T) {
	good := NewEntry(EntryReceived, Ref{"acme", KindItem, "itm_1"}, time.Unix(1e9, 0), Cordon, nil)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*Entry)) Entry { e := good; change(&e); return e }
	fact := func(v any) Entry { return with(func(e *Entry) { e.Facts = map[string]any{"f": v} }) }
	for name, e := range map[string]Entry{
		"no id":             with(func(e *Entry) { e.ID = "" }),
		"no kind":           with(func(e *Entry) { e.Kind = "" }),
		"no time":           with(func(e *Entry) { e.At = time.Time{} }),
		"no actor":          with(func(e *Entry) { e.Actor = Actor{} }),
		"no tenant":         with(func(e *Entry) { e.Of.Tenant = "" }),
		"no thing":          with(func(e *Entry) { e.Of.ID = "" }),
		"year 10000":        with(func(e *Entry) { e.At = time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC) }),
		"tenant with space": with(func(e *Entry) { e.Of.Tenant = "Acme Inc" }),
		"tenant with <":     with(func(e *Entry) { e.Of.Tenant = "a<b" }),
		"kind with a slash": with(func(e *Entry) { e.Of.Kind = "item/x" }),
		"actor is a name":   with(func(e *Entry) { e.Actor.ID = "Jane Roe" }),
		"sentence":          fact("the patient said"),
		"umlaut":            fact("Müller"),
		"long":              fact(strings.Repeat("x", 129)),
		"float":             fact(0.5),
		"null":              fact(nil),
		"object":            fact(map[string]any{"a": 1}),
		"list of sentences": fact([]string{"ok", "not ok"}),
		"too big":           fact(int64(1 << 53)),
		"too small":         fact(int64(math.MinInt64)),
		"no kind of actor":  with(func(e *Entry) { e.Actor.Kind = "" }),
		"fact of no name":   with(func(e *Entry) { e.Facts = map[string]any{"": 1} }),
		"name of a fact":    with(func(e *Entry) { e.Facts = map[string]any{"a b": 1} }),
	} {
		if err := e.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
		if _, err := e.Canonical(); err == nil {
			t.Errorf("%s: Canonical wrote it", name)
		}
	}
}

func TestEntryTooLarge(t *testing.T) {
	facts := map[string]any{}
	for i := range 40 {
		facts[fmt.Sprint("f", i)] = strings.Repeat("x", 128)
	}
	e := NewEntry(EntryReceived, Ref{"acme", KindItem, "itm_1"}, time.Now(), Cordon, facts)
	if _, err := e.Canonical(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, err := ParseEntry(make([]byte, MaxEntry+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestParseEntryRefusesOtherSpellings(t *testing.T) {
	b, err := NewEntry(EntryReceived, Ref{"acme", KindItem, "itm_1"}, time.Unix(1e9, 0), Cordon,
		map[string]any{"n": 7}).Canonical()
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for name, other := range map[string]string{
		"white space":    s + "\n",
		"inner space":    strings.Replace(s, ":", ": ", 1),
		"trailing":       s + "{}",
		"unknown field":  strings.Replace(s, `"v":1`, `"v":1,"w":1`, 1),
		"twice":          strings.Replace(s, `"v":1`, `"v":1,"v":1`, 1),
		"capital":        strings.Replace(s, `"kind"`, `"Kind"`, 1),
		"version":        strings.Replace(s, `"v":1`, `"v":2`, 1),
		"escape":         strings.Replace(s, "acme", `\u0061cme`, 1),
		"fraction":       strings.Replace(s, `"n":7`, `"n":7.0`, 1),
		"exponent":       strings.Replace(s, `"n":7`, `"n":7e0`, 1),
		"time zone":      strings.Replace(s, "Z", "+00:00", 1),
		"trailing zeros": strings.Replace(s, "Z", ".00Z", 1),
		"null facts":     strings.Replace(s, `{"n":7}`, "null", 1),
		"empty":          "",
		"list":           "[]",
	} {
		if other == s {
			t.Fatalf("%s: the example does not differ", name)
		}
		if _, err := ParseEntry([]byte(other)); err == nil {
			t.Errorf("%s: accepted %s", name, other)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b, err := anEntry(r).Canonical()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err != nil {
			return
		}
		again, err := e.Canonical()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, writes %q (%v)", b, again, err)
		}
		if theirs, err := jcs.Transform(b); err != nil || !bytes.Equal(theirs, b) {
			t.Fatalf("accepted %q, canonical is %q (%v)", b, theirs, err)
		}
		if !json.Valid(b) {
			t.Fatalf("accepted %q", b)
		}
	})
}
