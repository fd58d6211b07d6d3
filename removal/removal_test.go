package removal

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

var (
	now  = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	item = cordon.Item{Ref: cordon.Ref{Tenant: "clinic", Kind: cordon.KindItem, ID: "itm_01kq0000000000000000000000"}, State: cordon.Delivered, Mode: cordon.ModeInline}
)

func verdict(action cordon.Action, reasons ...cordon.Reason) cordon.Verdict {
	return cordon.Verdict{Outcome: cordon.Synthetic, Action: action, Reasons: reasons, Policy: "test@000000000000"}
}

func TestNews(t *testing.T) {
	mark, tag, quiet := cordon.ReasonGeneratorMark, cordon.ReasonSyntheticTag, cordon.ReasonShadow
	for name, c := range map[string]struct {
		was      []cordon.Reason
		mode     cordon.Mode
		alone, v cordon.Verdict
		want     []cordon.Reason
	}{
		"something new":         {nil, cordon.ModeInline, verdict(cordon.Hold, mark), verdict(cordon.Hold, mark, tag), []cordon.Reason{mark}},
		"paging holds, too":     {nil, cordon.ModeInline, verdict(cordon.Page, mark), verdict(cordon.Page, mark), []cordon.Reason{mark}},
		"known when it passed":  {[]cordon.Reason{mark}, cordon.ModeInline, verdict(cordon.Hold, mark), verdict(cordon.Hold, mark), nil},
		"it alone does nothing": {nil, cordon.ModeInline, verdict(cordon.Watch, mark), verdict(cordon.Hold, mark), nil},
		"excused by the rest":   {nil, cordon.ModeInline, verdict(cordon.Hold, mark), verdict(cordon.Pass, mark), nil},
		"shadow route":          {nil, cordon.ModeShadow, verdict(cordon.Hold, mark), verdict(cordon.Hold, mark), nil},
		"recorded only":         {[]cordon.Reason{quiet}, cordon.ModeEvent, verdict(cordon.Hold, mark), verdict(cordon.Hold, mark), nil},
	} {
		it := item
		it.Mode = c.mode
		v := verdict(cordon.Pass, c.was...)
		it.Verdict = &v
		if got := News(it, c.alone, c.v); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// read is the removal that a change leaves.
func read(t *testing.T, c cordon.Change) *Removal {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	r, err := Read(cordon.Thing{Ref: c.Of, State: c.To, Value: c.Value})
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestPropose(t *testing.T) {
	v := verdict(cordon.Hold)
	propose := func(earlier *Removal, at time.Time, news ...cordon.Reason) *cordon.Change {
		t.Helper()
		c, err := Propose(item, earlier, v, news, LateLook, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := propose(nil, now, cordon.ReasonGeneratorMark)
	first := read(t, *c)
	if c.Of.ID != "rem_01kq0000000000000000000000" || c.From != "" || c.To != Proposed || first.Item != item.ID || first.Cause != LateLook || !first.At.Equal(now) {
		t.Fatalf("%+v, %+v", c, first)
	}
	if again := propose(first, now.Add(time.Hour), cordon.ReasonGeneratorMark); again != nil {
		t.Errorf("for the same reason: %+v", again)
	}
	c = propose(first, now.Add(time.Hour), cordon.ReasonSyntheticTag)
	if more := read(t, *c); c.From != Proposed || c.To != Proposed || len(more.Reasons) != 2 || !more.At.Equal(now) {
		t.Errorf("for another reason: %+v", more)
	}

	person := cordon.Actor{Kind: cordon.Person, ID: "act_x"}
	for review, state := range map[cordon.Review]cordon.State{cordon.Harmful: Accepted, cordon.Genuine: Dismissed} {
		c, decided, err := first.Decide(person, review, now)
		if err != nil || c.From != Proposed || c.To != state || decided.State != state || decided.By != person || first.State != Proposed {
			t.Errorf("%s: %v, %+v", review, err, decided)
		}
		if c.Value, err = json.Marshal(decided); err != nil {
			t.Fatal(err)
		}
		then := propose(read(t, c), now.Add(time.Hour), cordon.ReasonGeneratorMark)
		if opened := then != nil; opened != (state == Dismissed) || opened && (then.From != Dismissed || read(t, *then).Review != "") {
			t.Errorf("after it was %s: %+v", state, then)
		}
	}
}
