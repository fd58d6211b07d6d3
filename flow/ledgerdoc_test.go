package flow

import (
	"context"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
)

// values are the codes that a fact may have, which stand behind it; they are no facts.
var values = regexp.MustCompile(": `[a-z-]+`((, `[a-z-]+`)* or `[a-z-]+`)?")

// told is a Callback that answers at once.
type told struct{}

func (told) Tell(context.Context, cordon.Item) error { return nil }

// scribe keeps the entries of things that the memory does not hold.
type scribe struct{ *memory }

func (s scribe) Commit(_ context.Context, changes ...cordon.Change) error {
	for _, c := range changes {
		s.entries = append(s.entries, c.Entries...)
	}
	return nil
}

// TestLedgerDocument goes through everything that can happen to an item, and compares the
// kinds and facts of what was written down with docs/ledger-format.md, both ways: an auditor's
// own verifier is written from that table.
func TestLedgerDocument(t *testing.T) {
	ctx := t.Context()
	wrote := map[string]map[string]bool{}
	lived := func(live func(l *line)) {
		l := newLine()
		l.Callback, l.Tells = told{}, func(cordon.TenantID, string) bool { return true }
		live(l)
		for _, e := range l.store.entries {
			kind := string(e.Kind)
			if wrote[kind] == nil {
				wrote[kind] = map[string]bool{}
			}
			for fact := range e.Facts {
				wrote[kind][fact] = true
			}
		}
	}
	asked := func(a *cordon.Arrival) {
		a.Op, a.Object, a.Personal.Staged = cordon.OpAsk, "", cordon.Staged{Op: cordon.OpAsk}
	}
	lived(func(l *line) {
		sp, err := l.Spool(ctx, tenant, strings.NewReader("generated portrait"))
		if err != nil {
			t.Fatal(err)
		}
		it, _, err := l.Receive(ctx, arrival(), sp)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.JudgeUnless(ctx, it, func(context.Context) string { return "INVALID_CROSS_REFERENCE_KEY" }); err != nil {
			t.Fatal(err)
		}
	})
	held := func(l *line) cordon.Item {
		it, _, err := l.upload(ctx, "generated portrait")
		if err != nil || it.State != cordon.Held {
			t.Fatalf("%v, %s; want held", err, it.State)
		}
		return it
	}
	released := func(l *line) {
		if _, err := l.Release(ctx, tenant, held(l).ID, reviewer, cordon.Genuine, ""); err != nil {
			t.Fatal(err)
		}
	}

	lived(func(l *line) { _, _, _ = l.upload(ctx, "camera photo"); l.work(ctx) })
	lived(func(l *line) { _, _, _ = l.upload(ctx, "camera photo", asked); l.work(ctx) })
	lived(func(l *line) { held(l); _, _, _ = l.upload(ctx, "generated portrait") })
	lived(func(l *line) { released(l); l.work(ctx) })
	lived(func(l *line) { _, _ = l.Reject(ctx, tenant, held(l).ID, reviewer, cordon.Harmful, ""); l.work(ctx) })
	lived(func(l *line) { _, _, _ = l.Preview(ctx, tenant, held(l).ID, reviewer) })
	lived(func(l *line) { _, _ = l.Staged(ctx, held(l), cordon.Delivery{ID: "068", DocumentID: "069"}) })
	lived(func(l *line) {
		l.org.may = false
		_, _ = l.Release(ctx, tenant, held(l).ID, reviewer, cordon.Genuine, "")
	})
	lived(func(l *line) { // lost between the decision and the delivery
		released(l)
		l.org.may = false
		l.work(ctx)
	})
	for _, err := range []error{cordon.ErrNotSent, cordon.ErrRefusedUpstream, errors.New("connection reset")} {
		lived(func(l *line) { l.org.writeErr, l.org.blind = err, true; _, _, _ = l.upload(ctx, "camera photo") })
		lived(func(l *line) { released(l); l.org.writeErr, l.org.blind = err, true; l.work(ctx) })
	}
	for _, fail := range []cordon.FailMode{cordon.FailHold, cordon.FailPassAndRescan, cordon.FailRefuse} {
		lived(func(l *line) {
			l.eye.silent = true
			_, _, _ = l.upload(ctx, "camera photo", func(a *cordon.Arrival) { a.Route.Fail = fail })
			l.eye.silent = false
			l.work(ctx)
		})
	}
	for _, as := range cordon.Settlements() { // an answer is lost, and a person says what became of the write
		for _, keys := range []Keys{plainKeys{}, keyless{err: cordon.ErrShredded}} {
			lived(func(l *line) {
				id := ""
				if l.org.keyed = false; as == cordon.IsThere {
					id = "068000000000000001"
				}
				it := l.unsettle(ctx, t, "generated portrait", as == cordon.IsThere, asRecord)
				l.Keys, l.org.may = keys, false
				_, _ = l.Settle(ctx, tenant, it.ID, reviewer, as, id, "I looked")
				l.work(ctx)
			})
		}
	}
	lived(func(l *line) {
		_ = l.Know(ctx, tenant, [32]byte{}, cordon.KnownBlocked, false, decider)
		_ = l.Know(ctx, tenant, [32]byte{}, "", true, decider)
		made := picture(3)
		made.Item = cordon.NewID(cordon.PrefixItem)
		_, _ = l.AddKnown(ctx, tenant, []cordon.KnownFile{made}, decider, false)
		_, _ = l.AddKnown(ctx, tenant, []cordon.KnownFile{picture(1), picture(2)}, decider, false)
	})
	lived(func(l *line) { // seen in the CRM, later deleted there
		_, _, _ = l.Observe(ctx, observation(), (&opener{body: "camera photo"}).open)
		if _, _, err := l.Observe(ctx, observation(func(o *cordon.Observation) { o.Version, o.Unread = "v2", cordon.ReasonGone }), nil); err != nil {
			t.Error(err)
		}
	})
	lived(func(l *line) { // what nobody may read is asked for again; files that hang somewhere hang elsewhere later
		refused := observation(func(o *cordon.Observation) { o.Version, o.Unread, o.Retry = "v1", cordon.ReasonNotReadable, true })
		for range 2 {
			if _, _, err := l.Observe(ctx, refused, nil); err != nil {
				t.Error(err)
			}
		}
		at := cordon.Placement{Link: "06A000000000001AAA", DocumentID: refused.DocumentID, Record: "500000000000001AAA", Share: "V", Visibility: "AllUsers"}
		for _, gone := range []bool{false, true} {
			at.Gone = gone
			changes, err := l.Place(ctx, tenant, []cordon.Placement{at})
			if err != nil {
				t.Error(err)
			}
			if err := l.Note(ctx, nil, changes...); err != nil {
				t.Error(err)
			}
		}
	})
	lived(func(l *line) { // somebody reports it, and it is looked at again
		it, _, err := l.Observe(ctx, observation(), (&opener{body: "camera photo"}).open)
		if err != nil {
			t.Fatal(err)
		}
		l.Store = scribe{l.store}
		a, _, err := l.AcceptAlert(ctx, Alert{Ref: cordon.Ref{Tenant: tenant}, By: reviewer, What: "ContentVersion", AlertReport: AlertReport{Named: "068", Note: "n"}}, "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.AnswerAlert(ctx, a, []cordon.Sighting{{Item: it}}, Answer{}, ""); err != nil {
			t.Fatal(err)
		}
	})
	for _, review := range []cordon.Review{cordon.Harmful, cordon.Genuine} { // a late look finds what nobody saw, and one that is given up
		lived(func(l *line) {
			l.eye.late = true
			_, _, _ = l.upload(ctx, "hidden mark")
			l.work(ctx)
			if _, err := l.DecideRemoval(ctx, tenant, removal.Of(l.store.one().Ref).ID, 0, reviewer, review, ""); err != nil {
				t.Error(err)
			}
		})
	}
	lived(func(l *line) {
		l.eye.late, l.LateWithin = true, time.Nanosecond
		_, _, _ = l.upload(ctx, "camera photo")
		l.work(ctx)
	})
	lived(func(l *line) { // the process ends before its sender has an answer
		sp, err := l.Spool(ctx, tenant, strings.NewReader("camera photo"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Receive(ctx, arrival(), sp); err != nil {
			t.Fatal(err)
		}
		_ = l.Recover(ctx, true)
	})

	lived(func(l *line) { // what cannot be read can neither be delivered nor settled
		released(l)
		clear(l.bytes.b)
		l.work(ctx)
	})
	lived(func(l *line) {
		for _, ask := range []bool{true, false} {
			it, _, _ := l.upload(ctx, "generated portrait", func(a *cordon.Arrival) {
				if ask {
					asked(a)
				}
			})
			l.Keys = keyless{err: cordon.ErrShredded}
			if ask {
				_, _ = l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, "a note")
			} else {
				_, _ = l.Reject(ctx, tenant, it.ID, reviewer, cordon.Harmful, "a note")
			}
			l.Keys = plainKeys{}
		}
		clear(l.store.owed)
		_ = l.Recover(ctx, true)
	})
	lived(func(l *line) {
		sp, err := l.Spool(ctx, tenant, strings.NewReader("camera photo"))
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = l.Receive(ctx, arrival(), sp)
		clear(l.bytes.b)
		_ = l.Recover(ctx, true)
	})
	lived(func(l *line) {
		l.inState(ctx, t, cordon.Forwarding)
		l.org.blind = true
		l.carried(ctx, cordon.EffectRelease, 30)
	})
	lived(func(l *line) {
		l.eye.late = true
		_, _, _ = l.upload(ctx, "camera photo")
		clear(l.bytes.b)
		l.work(ctx)
	})

	doc, err := os.ReadFile("../docs/ledger-format.md")
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z-]+)` \\|[^|]*\\|([^|]*)\\|$").FindAllStringSubmatch(string(doc), -1) {
		var facts []string
		for _, f := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(values.ReplaceAllString(row[2], ""), -1) {
			facts = append(facts, f[1])
		}
		slices.Sort(facts)
		facts = slices.Compact(facts)
		if !strings.Contains(row[2], "not in this release") && !strings.HasPrefix(row[1], "coverage.") && row[1] != "account.sign-out" { // which have tests of their own
			says[row[1]] = strings.Join(facts, " ")
		}
	}
	for kind, facts := range wrote {
		got := strings.Join(slices.Sorted(maps.Keys(facts)), " ")
		want, there := says[kind]
		if !there {
			t.Errorf("docs/ledger-format.md does not list %s, which carries: %s", kind, got)
		} else if got != want {
			t.Errorf("%s carries %q; docs/ledger-format.md says %q", kind, got, want)
		}
		delete(says, kind)
	}
	for kind := range says {
		t.Errorf("docs/ledger-format.md lists %s, and nothing wrote one here", kind)
	}
}
