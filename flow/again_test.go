package flow

import (
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

func anew(o *cordon.Observation) { o.Again = true }

// A fresh look adds findings and a verdict, and moves nothing.
func TestLookedAtAgain(t *testing.T) {
	ctx := t.Context()
	l := newLine()
	from := &opener{body: "camera photo"}
	it := l.observe(t, observation(), from, true)
	again := l.observe(t, observation(anew), from, false)
	if again.ID != it.ID || again.State != cordon.Kept || from.n != 2 || !again.Verdict.At.After(it.Verdict.At) && again.Version != it.Version+1 {
		t.Errorf("opened %d times: %+v", from.n, again)
	}
	if kinds := l.kinds(it.ID); kinds[len(kinds)-1] != cordon.EntryRescanned || len(kinds) != 4 {
		t.Errorf("entries are %v", kinds)
	}

	// What is being decided on, or gone, is left alone.
	for _, state := range []cordon.State{cordon.Held, cordon.Isolated, cordon.Erased, cordon.Forwarding} {
		moved := l.store.items[it.ID]
		moved.State = state
		l.store.items[it.ID] = moved
		if n := from.n; l.observe(t, observation(anew), from, false).State != state || from.n != n {
			t.Errorf("%s: opened %d times", state, from.n)
		}
	}

	// Where the key is gone, the codes are all that stays.
	moved := l.store.items[it.ID]
	moved.State, moved.KeyID, moved.WrappedKey, moved.Sealed = cordon.Delivered, "", nil, nil
	l.store.items[it.ID] = moved
	s, err := l.Sight(ctx, observation(anew), (&opener{body: "generated portrait"}).open)
	if err != nil || s.New || len(s.Changes) != 1 || s.Item.Verdict.Outcome != cordon.Synthetic || s.Item.State != cordon.Delivered {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, f := range s.Changes[0].Findings {
		if f.Sentence != "" || len(f.Detail) > 0 || f.Label == "" {
			t.Errorf("finding %+v", f)
		}
	}

	// A deleted file cannot be looked at, and one that could not be read is, as ever.
	l = newLine()
	if _, _, err := l.Observe(ctx, observation(func(o *cordon.Observation) { o.Unread, o.Version = cordon.ReasonNotReadable, "x" }), nil); err != nil {
		t.Fatal(err)
	}
	if it := l.observe(t, observation(anew), from, false); slices.Contains(it.Verdict.Reasons, cordon.ReasonNotReadable) {
		t.Errorf("%+v", it.Verdict)
	}
}

// The bytes of a record that never changes are those that were judged; of one that does, others
// are a new observation, unless this very version is on record already.
func TestLookedAtAgainWithOtherBytes(t *testing.T) {
	l := newLine()
	it := l.observe(t, observation(), &opener{body: "camera photo"}, true)
	if same := l.observe(t, observation(anew), &opener{body: "other bytes"}, false); same.ID != it.ID || len(l.kinds(it.ID)) != 3 {
		t.Errorf("%+v", same)
	}
	other := l.observe(t, observation(anew, func(o *cordon.Observation) { o.Version, o.Immutable = "v2", false }), &opener{body: "other bytes"}, true)
	if other.ID == it.ID || other.State != cordon.Kept {
		t.Errorf("%+v", other)
	}
}

// A note is sealed with what is new and with what is on record, and never written in clear.
func TestReportersNotes(t *testing.T) {
	ctx := t.Context()
	l := newLine()
	known := l.observe(t, observation(), &opener{body: "camera photo"}, true)
	l.Store = scribe{l.store}
	a, _, err := l.AcceptAlert(ctx, Alert{Ref: cordon.Ref{Tenant: tenant}, By: reviewer, What: "ContentVersion",
		AlertReport: AlertReport{Named: "068000000000001AAA", Note: "Jane says so"}}, "INC 7", "068000000000001AAA", 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Sight(ctx, observation(), nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := l.Sight(ctx, observation(func(o *cordon.Observation) {
		o.UpstreamID, o.Personal.Notes = "068000000000002AAA", a.Notes()
	}), (&opener{body: "generated portrait"}).open)
	if err != nil || !fresh.New {
		t.Fatalf("%+v, %v", fresh, err)
	}
	for _, s := range []cordon.Sighting{s, fresh} {
		c, err := l.reported(ctx, a, s, l.Now())
		if err != nil || c.From != cordon.Kept || c.To != cordon.Kept || c.Entries[0].Kind != cordon.EntryReported {
			t.Fatalf("%+v, %v", c, err)
		}
		it := s.Item
		if c.Item != nil {
			it = *c.Item
		} else if it.ID == known.ID {
			t.Error("the note is not sealed with what was known")
		}
		if it.ID != known.ID {
			it = *s.Changes[0].Item
		}
		p, err := l.Personal(ctx, it)
		if err != nil || len(p.Notes) != 1 || p.Notes[0].Text != "Jane says so" || p.Notes[0].By != reviewer.ID {
			t.Errorf("%s: %+v, %v", it.ID, p.Notes, err)
		}
	}
	for _, e := range l.store.entries {
		b, err := e.Canonical()
		if err != nil || strings.Contains(string(b), "Jane") || strings.Contains(string(b), "0680000000") || strings.Contains(string(b), "INC") {
			t.Errorf("%s, %v", b, err)
		}
	}
}

// The same name by the same reporter is the same alert, and by another it is not.
func TestNamesOfAlerts(t *testing.T) {
	l := newLine()
	l.Store = scribe{l.store}
	id := func(by cordon.Actor, external string) cordon.ID {
		t.Helper()
		a, _, err := l.AcceptAlert(t.Context(), Alert{Ref: cordon.Ref{Tenant: tenant}, By: by, What: "record"}, external, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cordon.ParseID(cordon.PrefixAlert, string(a.ID)); err != nil {
			t.Error(err)
		}
		return a.ID
	}
	other := cordon.Actor{Kind: cordon.Client, ID: "act_other"}
	first, again := id(reviewer, "7"), id(reviewer, "7")
	nameless, too := id(reviewer, ""), id(reviewer, "")
	if first != again || first == id(other, "7") || first == id(reviewer, "8") || nameless == too {
		t.Error("names of alerts do not tell them apart")
	}
}
