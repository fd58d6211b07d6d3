package flow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

var errReset = errors.New("connection reset")

// asRecord sends on a route that only records, and passes whatever it is. Of what is sent as asSent
// generated content is held and has to be released.
func asRecord(a *cordon.Arrival) {
	asSent(a)
	a.Route.Mode = cordon.ModeShadow
}

// unsettle brings an item to where nobody knows whether the CRM has it. arrived says whether it does.
func (l *line) unsettle(ctx context.Context, t *testing.T, body string, arrived bool, edit func(*cordon.Arrival)) cordon.Item {
	t.Helper()
	l.org.blind = true
	lose := func() {
		if l.org.writeErr = errReset; arrived {
			l.org.writeErr, l.org.loseErr = nil, errReset
		}
	}
	lose()
	it, _, _ := l.upload(ctx, body, edit)
	if it.State == cordon.Held {
		if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.store.effects() {
			_ = l.Carrier().Handle(ctx, e)
		}
		it, _ = l.store.Item(ctx, tenant, it.ID)
	}
	l.org.writeErr, l.org.loseErr, l.org.blind = nil, nil, false
	if it.State != cordon.Unsettled {
		t.Fatalf("%s, want unsettled", it.State)
	}
	return it
}

// TestAKeySettlesByItself: where the CRM has Cordon's key, what it does not show for as long as a
// write may take is not there. The sender was told to ask, and asking does not put that off.
func TestAKeySettlesByItself(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		edit    func(*cordon.Arrival)
		keyed   bool
		arrived bool
		to      cordon.State // in the end, 15 minutes later
		writes  int
	}{
		"an upload that is nowhere":      {"camera photo", asSent, true, false, cordon.RefusedUpstream, 0},
		"one that is recorded only":      {"generated portrait", asRecord, true, false, cordon.RefusedUpstream, 0},
		"a release that is nowhere":      {"generated portrait", asSent, true, false, cordon.Delivered, 1},
		"an upload that arrived":         {"camera photo", asSent, true, true, cordon.Delivered, 1},
		"a release that arrived":         {"generated portrait", asSent, true, true, cordon.Delivered, 1},
		"an upload, and no key":          {"camera photo", asSent, false, false, cordon.Unsettled, 0},
		"a release, and no key":          {"generated portrait", asSent, false, false, cordon.Unsettled, 0},
		"one to be recorded, and no key": {"camera photo", asRecord, false, false, cordon.Unsettled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			l.org.keyed = c.keyed
			it := l.unsettle(ctx, t, c.body, c.arrived, c.edit)
			again := func() cordon.Item {
				if err := l.Recover(ctx, false); err != nil {
					t.Fatal(err)
				}
				l.work(ctx)
				now, _ := l.store.Item(ctx, tenant, it.ID)
				return now
			}
			if now := again(); !c.arrived && now.State != cordon.Unsettled {
				t.Errorf("at once it is %s; its write may still arrive", now.State)
			}
			for range 3 { // asked about every six minutes
				l.clock.pass(6 * time.Minute)
				if now, _ := l.store.Item(ctx, tenant, it.ID); now.State == cordon.Unsettled {
					if err := l.store.Commit(ctx, cordon.Change{Of: it.Ref, From: now.State, To: now.State,
						Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRepeated, it.Ref, l.Now(), cordon.Cordon, nil)}}); err != nil {
						t.Fatal(err)
					}
				}
				again()
			}
			if now := again(); now.State != c.to || len(l.org.writes) != c.writes {
				t.Errorf("%s with %d writes; want %s with %d", now.State, len(l.org.writes), c.to, c.writes)
			}
			l.clock.pass(time.Hour)
			if now := again(); len(l.org.writes) != c.writes {
				t.Errorf("an hour later it was written %d times, %s", len(l.org.writes), now.State)
			}
		})
	}
}

// TestAPersonSettles: whatever an item is for, each of the three ends it, by a person alone and
// with their name on record.
func TestAPersonSettles(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		edit    func(*cordon.Arrival)
		arrived bool
		as      cordon.Settlement
		id      string
		to      cordon.State
		writes  int
	}{
		"an upload is there":           {"camera photo", asSent, true, cordon.IsThere, "068000000000000001", cordon.Delivered, 1},
		"a release is there":           {"generated portrait", asSent, true, cordon.IsThere, "068000000000000001", cordon.Delivered, 1},
		"a record is there":            {"generated portrait", asRecord, true, cordon.IsThere, "068000000000000001", cordon.Delivered, 1},
		"an upload is sent again":      {"camera photo", asSent, false, cordon.SendAgain, "", cordon.Delivered, 1},
		"a release is sent again":      {"generated portrait", asSent, false, cordon.SendAgain, "", cordon.Delivered, 1},
		"a record is sent again":       {"generated portrait", asRecord, false, cordon.SendAgain, "", cordon.Delivered, 1},
		"an upload is given up":        {"camera photo", asSent, false, cordon.GiveUp, "", cordon.Erased, 0},
		"a release is given up":        {"generated portrait", asSent, true, cordon.GiveUp, "", cordon.Erased, 1},
		"a record is given up":         {"camera photo", asRecord, false, cordon.GiveUp, "", cordon.Erased, 0},
		"a staged release, sent again": {"generated portrait", func(a *cordon.Arrival) { a.Personal.Staged.Key = "" }, false, cordon.SendAgain, "", cordon.Delivered, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			l.org.keyed = false
			it := l.unsettle(ctx, t, c.body, c.arrived, c.edit)
			now, err := l.Settle(ctx, tenant, it.ID, reviewer, c.as, c.id, "I looked")
			if err != nil {
				t.Fatal(err)
			}
			var said cordon.Entry
			for _, e := range l.store.entries {
				if e.Kind == cordon.EntryResolved {
					said = e
				}
			}
			if said.Actor != reviewer || said.Facts["as"] != string(c.as) {
				t.Errorf("on record is %+v", said)
			}
			l.work(ctx)
			if now, _ = l.store.Item(ctx, tenant, it.ID); now.State != c.to || len(l.org.writes) != c.writes {
				t.Errorf("%s with %d writes; want %s with %d", now.State, len(l.org.writes), c.to, c.writes)
			}
			if len(l.store.effects()) != 0 || now.Blob != "" || len(l.bytes.b) != 0 {
				t.Errorf("%d effects are owed, and %d files kept", len(l.store.effects()), len(l.bytes.b))
			}
			if _, err := l.Settle(ctx, tenant, it.ID, reviewer, cordon.GiveUp, "", ""); !errors.Is(err, cordon.ErrNotNow) {
				t.Errorf("settled twice: %v", err)
			}
		})
	}
}

// TestWhatAPersonSaysIsCheckedFirst: nothing is believed that the CRM does not bear out, and what
// is refused changes nothing.
func TestWhatAPersonSaysIsCheckedFirst(t *testing.T) {
	program := cordon.Actor{Kind: cordon.Client, ID: "act_program"}
	for name, c := range map[string]struct {
		before  func(*line)
		arrived bool
		by      cordon.Actor
		as      cordon.Settlement
		id      string
		want    error
	}{
		"a program":                   {nil, true, program, cordon.GiveUp, "", cordon.ErrForbidden},
		"Cordon itself":               {nil, true, cordon.Cordon, cordon.GiveUp, "", cordon.ErrForbidden},
		"no such verb":                {nil, true, reviewer, "perhaps", "", cordon.ErrInvalid},
		"there, without an id":        {nil, true, reviewer, cordon.IsThere, "", cordon.ErrInvalid},
		"an id with what is not":      {nil, true, reviewer, cordon.SendAgain, "068000000000000001", cordon.ErrInvalid},
		"no such record":              {nil, false, reviewer, cordon.IsThere, "068000000000000001", cordon.ErrInvalid},
		"a record with other bytes":   {func(l *line) { l.org.sums[0] = "other" }, true, reviewer, cordon.IsThere, "068000000000000001", cordon.ErrInvalid},
		"sent again, and it is there": {nil, true, reviewer, cordon.SendAgain, "", cordon.ErrNotNow},
		"the CRM is away, there":      {func(l *line) { l.org.blind = true }, true, reviewer, cordon.IsThere, "068000000000000001", errBlind},
		"the CRM is away, again":      {func(l *line) { l.org.blind = true }, false, reviewer, cordon.SendAgain, "", errBlind},
		"no bytes to send": {func(l *line) {
			it := l.store.one()
			it.Blob = ""
			l.store.items[it.ID] = it
		}, false, reviewer, cordon.SendAgain, "", cordon.ErrShredded},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			l.org.keyed = false
			it := l.unsettle(ctx, t, "camera photo", c.arrived, asSent)
			if c.before != nil {
				c.before(l)
			}
			before, entries := l.store.one(), len(l.store.entries)
			if _, err := l.Settle(ctx, tenant, it.ID, c.by, c.as, c.id, ""); !errors.Is(err, c.want) {
				t.Errorf("%v; want %v", err, c.want)
			}
			if now := l.store.one(); now.State != before.State || now.Version != before.Version || len(l.store.entries) != entries || len(l.store.effects()) != 0 {
				t.Errorf("refused, it is %s with %d entries more", now.State, len(l.store.entries)-entries)
			}
		})
	}

	// The record of another upload is not this one's, though its bytes are.
	l, ctx := newLine(), t.Context()
	l.org.keyed = false
	first, _, err := l.upload(ctx, "camera photo")
	if err != nil {
		t.Fatal(err)
	}
	lost := l.unsettle(ctx, t, "camera photo", false, func(a *cordon.Arrival) { a.Personal.Subject = "500000000000002AAA" })
	if _, err := l.Settle(ctx, tenant, lost.ID, reviewer, cordon.IsThere, first.UpstreamID, ""); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("as another's record: %v", err)
	}
}

// TestOnlyWhatIsUnsettledIsSettled goes through every state and every verb.
func TestOnlyWhatIsUnsettledIsSettled(t *testing.T) {
	for _, s := range cordon.States() {
		for _, as := range cordon.Settlements() {
			l, ctx := newLine(), t.Context()
			it := l.inState(ctx, t, s)
			id := ""
			if as == cordon.IsThere {
				id = "068000000000000001"
			}
			_, err := l.Settle(ctx, tenant, it.ID, reviewer, as, id, "")
			now, _ := l.store.Item(ctx, tenant, it.ID)
			switch {
			case s != cordon.Unsettled && (!errors.Is(err, cordon.ErrNotNow) || now.State != s):
				t.Errorf("%s settled as %s: %v, %s", s, as, err, now.State)
			case s == cordon.Unsettled && errors.Is(err, cordon.ErrNotNow) && as == cordon.GiveUp:
				t.Errorf("unsettled as %s: %v", as, err)
			}
		}
	}
}

// TestWhatIsSentAgainOutlivesACrash: what a person has sent again is their act from then on, and is
// neither taken for an upload whose sender waits nor written twice.
func TestWhatIsSentAgainOutlivesACrash(t *testing.T) {
	for name, edit := range map[string]func(*cordon.Arrival){"an upload": asSent, "one that is recorded only": asRecord} {
		for _, keyed := range []bool{true, false} {
			for _, arrived := range []bool{true, false} {
				l, ctx := newLine(), t.Context()
				l.org.keyed = keyed
				it := l.unsettle(ctx, t, "camera photo", false, edit)
				if _, err := l.Settle(ctx, tenant, it.ID, reviewer, cordon.SendAgain, "", ""); err != nil {
					t.Fatal(err)
				}
				owed := l.store.effects()
				if l.org.writeErr = errReset; arrived {
					l.org.writeErr, l.org.loseErr = nil, errReset
				}
				start := l.store.commits
				l.store.accident = func(n int) (bool, error) { // after the intent nothing is recorded any more
					if n > start+1 {
						return false, errors.New("power cut")
					}
					return false, nil
				}
				_ = l.Deliver(ctx, owed[0])
				l.store.accident, l.org.writeErr, l.org.loseErr = nil, nil, nil
				if now := l.store.one(); now.State != cordon.Forwarding {
					t.Fatalf("%s: %s", name, now.State)
				}
				if err := l.Recover(ctx, true); err != nil {
					t.Fatal(err)
				}
				if now := l.store.one(); now.State != cordon.Forwarding || len(l.store.effects()) != 1 {
					t.Errorf("%s: recovered to %s with %d effects; its effect settles it", name, now.State, len(l.store.effects()))
				}
				clear(l.store.owed) // and that gets lost
				if err := l.Recover(ctx, true); err != nil {
					t.Fatal(err)
				}
				l.work(ctx)
				want, writes := cordon.Delivered, 1
				if !keyed && !arrived {
					want, writes = cordon.Unsettled, 0
				}
				if now := l.store.one(); now.State != want || len(l.org.writes) != writes {
					t.Errorf("%s, keyed %v, arrived %v: %s with %d writes; want %s with %d", name, keyed, arrived, now.State, len(l.org.writes), want, writes)
				}
			}
		}
	}
}

// TestARecordThatCannotBeSentAgainEnds: on a route that only records nobody decides, so that what
// the CRM does not take is not held.
func TestARecordThatCannotBeSentAgainEnds(t *testing.T) {
	for name, spoil := range map[string]func(*line){
		"refused":       func(l *line) { l.org.writeErr = cordon.ErrRefusedUpstream },
		"not permitted": func(l *line) { l.org.may = false },
		"unreadable":    func(l *line) { clear(l.bytes.b) },
	} {
		l, ctx := newLine(), t.Context()
		it := l.unsettle(ctx, t, "generated portrait", false, asRecord)
		if _, err := l.Settle(ctx, tenant, it.ID, reviewer, cordon.SendAgain, "", ""); err != nil {
			t.Fatal(err)
		}
		spoil(l)
		l.work(ctx)
		if now := l.store.one(); now.State != cordon.RefusedUpstream || len(l.store.effects()) != 0 {
			t.Errorf("%s: %s with %d effects, %+v; want refused-upstream", name, now.State, len(l.store.effects()), l.last(it.ID))
		}
	}
}
