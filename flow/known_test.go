package flow

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

func picture(b byte) cordon.KnownFile {
	return cordon.KnownFile{List: cordon.KnownBlocked, Kind: cordon.KnownPDQ, Value: bytes.Repeat([]byte{b}, 32), Source: "exchange", Ref: "indicator-1", Note: "seen twice"}
}

// Adding the same once more changes nothing; what differs is changed; all or none.
func TestAddKnown(t *testing.T) {
	ctx, l := t.Context(), newLine()
	add := func(try bool, k ...cordon.KnownFile) (cordon.KnownChange, error) {
		return l.AddKnown(ctx, tenant, k, decider, try)
	}
	c, err := add(true, picture(1), picture(2))
	if err != nil || c.Added != 2 || len(l.store.known) != 0 || len(l.store.entries) != 0 {
		t.Fatalf("a dry run: %+v, %v; %d entries on lists", c, err, len(l.store.known))
	}
	c, err = add(false, picture(1), picture(2), picture(1))
	if err != nil || c.Added != 2 || c.Same != 1 || len(l.store.known) != 2 || c.IDs[0] != c.IDs[2] {
		t.Fatalf("%+v, %v", c, err)
	}
	first := c.IDs[0]
	c, err = add(false, picture(1))
	if err != nil || c.Same != 1 || c.IDs[0] != first || len(l.store.entries) != 1 {
		t.Errorf("the same again: %+v, %v, %d ledger entries", c, err, len(l.store.entries))
	}
	moved := picture(1)
	moved.List, moved.Expires = cordon.KnownWatched, l.Now().Add(time.Hour)
	c, err = add(false, moved)
	if err != nil || c.Changed != 1 || c.IDs[0] != first {
		t.Errorf("moved: %+v, %v", c, err)
	}
	got, err := l.KnownExact(ctx, tenant, cordon.KnownPDQ, moved.Value)
	if err != nil || got.List != cordon.KnownWatched || got.Source != "exchange" || got.Ref != "indicator-1" || got.Note != "seen twice" || got.By != reviewer {
		t.Errorf("%+v, %v", got, err)
	}
	for _, e := range l.store.entries {
		for _, secret := range []string{"exchange", "indicator-1", "seen twice", "01010101"} {
			if b, err := e.Canonical(); err != nil || strings.Contains(string(b), secret) {
				t.Errorf("the ledger says %q: %s", secret, b)
			}
		}
	}
	otherwise := picture(1)
	otherwise.List = cordon.KnownOrdinary
	if _, err := add(false, picture(1), otherwise); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("one value for two lists: %v", err)
	}
}

func TestKnownRefusals(t *testing.T) {
	ctx, l := t.Context(), newLine()
	for what, spoil := range map[string]func(*cordon.KnownFile){
		"no list":             func(k *cordon.KnownFile) { k.List = "" },
		"a short hash":        func(k *cordon.KnownFile) { k.Value = k.Value[:31] },
		"another kind":        func(k *cordon.KnownFile) { k.Kind = "md5" },
		"lawful by its looks": func(k *cordon.KnownFile) { k.List = cordon.KnownLawful },
		"over already":        func(k *cordon.KnownFile) { k.Expires = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a long note":         func(k *cordon.KnownFile) { k.Note = strings.Repeat("x", 2001) },
		"an odd fingerprint":  func(k *cordon.KnownFile) { k.Kind, k.Value = cordon.KnownChromaprint, []byte{1, 2, 3} },
	} {
		k := picture(1)
		spoil(&k)
		if _, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{picture(2), k}, decider, false); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := l.AddKnown(ctx, tenant, make([]cordon.KnownFile, MaxKnownBatch+1), decider, false); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("too many at once: %v", err)
	}
	// The fake has all sounds but one that a tenant may have.
	sound := func(b byte) cordon.KnownFile {
		return cordon.KnownFile{List: cordon.KnownBlocked, Kind: cordon.KnownChromaprint, Value: []byte{0, 0, 0, b}}
	}
	if _, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{sound(1), sound(2)}, decider, false); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("more than memory is made for: %v", err)
	}
	if len(l.store.known) != 0 {
		t.Errorf("%d entries after refusals", len(l.store.known))
	}
}

// An entry that has come to its end does not match, and its end is written down once.
func TestKnownComesToItsEnd(t *testing.T) {
	ctx, l := t.Context(), newLine()
	k := picture(1)
	k.Expires = l.Now().Add(time.Hour)
	if _, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{k, picture(2)}, decider, false); err != nil {
		t.Fatal(err)
	}
	if n, err := l.EndKnown(ctx, tenant); n != 0 || err != nil {
		t.Errorf("%d ended before their time, %v", n, err)
	}
	l.Now = func() time.Time { return k.Expires }
	if _, err := l.KnownExact(ctx, tenant, k.Kind, k.Value); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("an entry matches after its end: %v", err)
	}
	if n, err := l.EndKnown(ctx, tenant); n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	last := l.store.entries[len(l.store.entries)-1]
	if last.Facts["act"] != "expire" || last.Actor != cordon.Cordon || len(l.store.known) != 1 {
		t.Errorf("%+v; %d left", last, len(l.store.known))
	}
	if n, err := l.EndKnown(ctx, tenant); n != 0 || err != nil {
		t.Errorf("%d ended twice, %v", n, err)
	}
}

// What lets a file pass takes somebody who decides, and the ledger says from which list, to which
// and why.
func TestListsAreLoosenedByWhoDecides(t *testing.T) {
	l, ctx := newLine(), t.Context()
	admin := cordon.KnownBy{Actor: cordon.Actor{Kind: cordon.Person, ID: "act_admin"}}
	blocked := cordon.KnownFile{List: cordon.KnownBlocked, Kind: cordon.KnownSHA256, Value: bytes.Repeat([]byte{9}, 32)}
	made, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{blocked}, admin, false)
	if err != nil {
		t.Fatal(err)
	}
	lawful, sooner, elsewhere := blocked, blocked, blocked
	lawful.List, lawful.Reason = cordon.KnownLawful, cordon.KnownSpeechDevice
	sooner.Expires = l.Now().Add(time.Hour)
	elsewhere.List = cordon.KnownWatched
	for _, k := range []cordon.KnownFile{lawful, sooner, elsewhere} {
		if _, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{k}, admin, true); !errors.Is(err, cordon.ErrForbidden) {
			t.Errorf("%s until %s: %v", k.List, k.Expires, err)
		}
	}
	if err := l.RemoveKnown(ctx, tenant, admin, made.IDs...); !errors.Is(err, cordon.ErrForbidden) {
		t.Errorf("taken off by who does not decide: %v", err)
	}
	if _, err := l.AddKnown(ctx, tenant, []cordon.KnownFile{lawful}, decider, false); err != nil {
		t.Fatal(err)
	}
	facts := l.store.entries[len(l.store.entries)-1].Facts
	for name, want := range map[string]string{"from": "[blocked]", "list": "lawful", "reasons": "[speech-device]", "entry": string(made.IDs[0])} {
		if got := fmt.Sprint(facts[name]); got != want {
			t.Errorf("the ledger says %s %s, want %s", name, got, want)
		}
	}
	if err := l.RemoveKnown(ctx, tenant, admin, made.IDs...); err != nil { // that makes it stricter
		t.Error(err)
	}
}
