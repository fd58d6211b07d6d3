package flow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
)

// removal returns what is proposed about an item, nil if nothing is.
func (l *line) removal(t *testing.T, it cordon.Item) *removal.Removal {
	t.Helper()
	r, err := l.removalOf(t.Context(), it)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newLateLine() *line {
	l := newLine()
	l.eye.late = true
	return l
}

// What nothing was found in late loses its bytes as ever, and both looks are on record.
func TestLateLook(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	ended := ""
	l.LateEnded = func(_ cordon.TenantID, how string) { ended += how }
	it, _, err := l.upload(ctx, "camera photo")
	if err != nil || it.State != cordon.Delivered {
		t.Fatalf("%v, %s", err, it.State)
	}
	first := it.Verdict.At
	if l.eye.lateLooks != 0 {
		t.Error("the sender waited for the late look")
	}
	l.work(ctx)
	it = l.store.one()
	found := l.store.found[it.ID]
	if it.State != cordon.Delivered || it.Blob != "" || len(l.bytes.b) != 0 || l.eye.lateLooks != 1 || !it.Verdict.At.Equal(first) || l.removal(t, it) != nil ||
		len(found) != 2 || found[0].Late || !found[1].Late || found[1].Detector != "watermark" || ended != "looked" {
		t.Errorf("%s, blob %q, %d looks, verdict of %s, found %+v, ended %q", it.State, it.Blob, l.eye.lateLooks, it.Verdict.At, found, ended)
	}
	want := []cordon.EntryKind{cordon.EntryReceived, cordon.EntryInspected, cordon.EntryForward, cordon.EntryDelivered, cordon.EntryLate, cordon.EntryShredded}
	if got := kinds(l.store.entries); !slices.Equal(got, want) {
		t.Errorf("ledger says %v, want %v", got, want)
	}
}

// Where nothing is looked at late, nothing is owed for it.
func TestNoLateLook(t *testing.T) {
	for name, edit := range map[string]func(l *line){
		"a kind of content without": func(l *line) { l.eye.late = false },
		"switched off":              func(l *line) { l.LateWithin = -1 },
	} {
		l, ctx := newLateLine(), t.Context()
		edit(l)
		if _, _, err := l.upload(ctx, "hidden mark"); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.store.effects() {
			if e.Kind != cordon.EffectShred {
				t.Errorf("%s: owes %s", name, e.Kind)
			}
		}
		l.work(ctx)
		if it := l.store.one(); l.eye.lateLooks != 0 || it.Blob != "" {
			t.Errorf("%s: %d looks, blob %q", name, l.eye.lateLooks, it.Blob)
		}
	}
}

// What met a limit at first is looked at late with more room, on whatever kind of content: its
// bytes stay until then, and what is found is proposed as ever. Where late looks are switched off
// nothing is owed.
func TestFurtherLook(t *testing.T) {
	for body, want := range map[string]bool{
		"too large, hidden": true, "packed, hidden": true, "locked, hidden": true, "too large, nothing": false, "camera photo, hidden": false,
	} {
		l, ctx := newLine(), t.Context() // nothing is late of such content by its kind
		it, _, err := l.upload(ctx, body)
		if err != nil || it.State != cordon.Delivered || l.eye.lateLooks != 0 {
			t.Fatalf("%q: %v, %s, %d late looks", body, err, it.State, l.eye.lateLooks)
		}
		owed := l.store.effects()
		met := body != "camera photo, hidden"
		if (it.Verdict.Action == cordon.Watch) != met || len(owed) != 1 || (owed[0].Kind == cordon.EffectLate) != met {
			t.Errorf("%q: %s, owes %v", body, it.Verdict.Action, owed)
		}
		l.work(ctx)
		it = l.store.one()
		r := l.removal(t, it)
		if proposed := r != nil && r.State == removal.Proposed && r.Cause == removal.LateLook; proposed != want || (it.Blob == "") == want ||
			(l.eye.furtherLooks == 1) != met || l.eye.lateLooks != l.eye.furtherLooks {
			t.Errorf("%q: removal %+v, blob %q, %d late looks, %d with more room", body, r, it.Blob, l.eye.lateLooks, l.eye.furtherLooks)
		}
	}
	l, ctx := newLine(), t.Context()
	l.LateWithin = -1
	if _, _, err := l.upload(ctx, "too large, hidden"); err != nil {
		t.Fatal(err)
	}
	if owed := l.store.effects(); len(owed) != 1 || owed[0].Kind != cordon.EffectShred {
		t.Errorf("switched off: owes %v", owed)
	}
	l.work(ctx)
	if it := l.store.one(); it.Blob != "" || l.eye.lateLooks != 0 {
		t.Errorf("switched off: blob %q, %d late looks", it.Blob, l.eye.lateLooks)
	}
}

// What one check cannot finish takes nothing away from what another found late.
func TestLateLookFindsBesideAFailure(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	l.eye.lateBeside = true
	if _, _, err := l.upload(ctx, "hidden mark"); err != nil {
		t.Fatal(err)
	}
	owed := l.store.effects()
	if err := l.Carrier().Handle(ctx, owed[0]); err == nil {
		t.Error("what did not finish is not tried again")
	}
	owed[0].Attempts = lateFailures
	if err := l.Carrier().Handle(ctx, owed[0]); err != nil {
		t.Fatal(err)
	}
	it := l.store.one()
	if r := l.removal(t, it); r == nil || r.Cause != removal.LateLook || it.Blob == "" {
		t.Errorf("removal %+v, blob %q", r, it.Blob)
	}
	if e := l.store.entries[len(l.store.entries)-2]; e.Kind != cordon.EntryLate || e.Facts["ended"] != "given-up" {
		t.Errorf("the ledger says %s %v", e.Kind, e.Facts)
	}
}

// A proposal is decided on as it was read: what comes to light in between is not dismissed with it.
func TestReasonsChangedSinceTheyWereRead(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	if _, _, err := l.upload(ctx, "hidden mark"); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	it := l.store.one()
	read := l.removal(t, it)
	v := cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold, Reasons: []cordon.Reason{cordon.ReasonKnownFile}, Policy: "p@1"}
	more, err := removal.Propose(it, read, v, v.Reasons, removal.Listed, read.At)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Commit(ctx, *more); err != nil {
		t.Fatal(err)
	}
	if err := l.store.Commit(ctx, *more); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("two who read the same proposal both wrote: %v", err)
	}
	for _, review := range []cordon.Review{cordon.Genuine, cordon.Harmful} {
		if _, err := l.DecideRemoval(ctx, tenant, read.ID, read.Version, reviewer, review, ""); !errors.Is(err, cordon.ErrConflict) {
			t.Errorf("%s, on what was read before: %v", review, err)
		}
	}
	now := l.removal(t, it)
	if now.State != removal.Proposed || len(now.Reasons) != 2 {
		t.Fatalf("removal %+v", now)
	}
	if _, err := l.DecideRemoval(ctx, tenant, read.ID, now.Version, reviewer, cordon.Genuine, ""); err != nil {
		t.Error(err)
	}
}

// What would have been held is proposed for removal and stays where it is, with its bytes,
// until a person decides.
func TestLateLookProposes(t *testing.T) {
	for review, want := range map[cordon.Review]cordon.State{cordon.Harmful: removal.Accepted, cordon.Genuine: removal.Dismissed, cordon.LawfulSynthetic: removal.Dismissed} {
		l, ctx := newLateLine(), t.Context()
		it, _, err := l.upload(ctx, "hidden mark")
		if err != nil || it.State != cordon.Delivered {
			t.Fatalf("%v, %s", err, it.State)
		}
		l.work(ctx)
		it = l.store.one()
		r := l.removal(t, it)
		if r == nil || r.State != removal.Proposed || r.Item != it.ID || r.Cause != removal.LateLook || !slices.Equal(r.Reasons, []cordon.Reason{cordon.ReasonGeneratorWatermark}) {
			t.Fatalf("removal %+v", r)
		}
		if it.State != cordon.Delivered || it.Blob == "" || it.Verdict.Action != cordon.Hold || len(l.org.writes) != 1 {
			t.Errorf("%s, blob %q, action %s, %d writes", it.State, it.Blob, it.Verdict.Action, len(l.org.writes))
		}
		for _, by := range []cordon.Actor{cordon.Cordon, {Kind: cordon.Client, ID: "act_client"}} {
			if _, err := l.DecideRemoval(ctx, tenant, r.ID, 0, by, review, ""); !errors.Is(err, cordon.ErrForbidden) {
				t.Errorf("by %s: %v", by, err)
			}
		}
		if _, err := l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, cordon.CannotSay, ""); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("cannot tell: %v", err)
		}
		if _, err := l.DecideRemoval(ctx, "other", r.ID, 0, reviewer, review, ""); !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
		got, err := l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, review, "seen with the clinic")
		if err != nil || got.State != want || got.By != reviewer || got.Review != review {
			t.Fatalf("%v, %+v", err, got)
		}
		if note, err := l.RemovalNote(ctx, got); err != nil || note != "seen with the clinic" {
			t.Errorf("note %q, %v", note, err)
		}
		if _, err := l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, review, ""); !errors.Is(err, cordon.ErrConflict) {
			t.Errorf("a second time: %v", err)
		}
		l.work(ctx)
		it = l.store.one()
		if gone := it.Blob == ""; it.State != cordon.Delivered || gone != (want == removal.Dismissed) {
			t.Errorf("%s: %s, blob %q", want, it.State, it.Blob)
		}
	}
}

// A shred that was owed before the proposal does not take the bytes away from it.
func TestProposalKeepsBytes(t *testing.T) {
	l, ctx := newLine(), t.Context()
	l.KeepPassed = time.Hour
	if _, _, err := l.upload(ctx, "a lawful picture"); err != nil {
		t.Fatal(err)
	}
	if err := l.Know(ctx, tenant, sha256.Sum256([]byte("a lawful picture")), cordon.KnownBlocked, false, decider); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	it := l.store.one()
	r := l.removal(t, it)
	if r == nil || r.Cause != removal.Listed || it.Blob == "" || it.State != cordon.Delivered {
		t.Fatalf("removal %+v, blob %q", r, it.Blob)
	}
	if _, err := l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, cordon.Genuine, ""); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	if it = l.store.one(); it.Blob != "" {
		t.Error("what was dismissed keeps its bytes")
	}
	// Taken off the list and listed again, after it was dismissed: it is proposed again.
	if err := l.Know(ctx, tenant, sha256.Sum256([]byte("a lawful picture")), cordon.KnownBlocked, true, decider); err != nil {
		t.Fatal(err)
	}
	if err := l.Know(ctx, tenant, sha256.Sum256([]byte("a lawful picture")), cordon.KnownBlocked, false, decider); err != nil {
		t.Fatal(err)
	}
	if r = l.removal(t, it); r.State != removal.Proposed || len(l.store.things) != 2 {
		t.Errorf("%+v, %d things", r, len(l.store.things))
	}
}

// A shadow route records what a late look finds, and nobody is asked to decide.
func TestLateLookInShadow(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	if _, _, err := l.upload(ctx, "hidden mark", func(a *cordon.Arrival) { a.Route.Mode = cordon.ModeShadow }); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	if it := l.store.one(); l.removal(t, it) != nil || it.Blob != "" || it.Verdict.Action != cordon.Hold || !slices.Contains(it.Verdict.Reasons, cordon.ReasonShadow) {
		t.Errorf("%+v, blob %q, verdict %+v", l.removal(t, it), it.Blob, it.Verdict)
	}
}

// What a person let go is proposed only for what they had not been shown.
func TestLateLookAfterARelease(t *testing.T) {
	for body, want := range map[string]bool{"generated": false, "generated, hidden": true} {
		l, ctx := newLateLine(), t.Context()
		it, _, err := l.upload(ctx, body)
		if err != nil || it.State != cordon.Held {
			t.Fatalf("%v, %s", err, it.State)
		}
		if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
			t.Fatal(err)
		}
		l.work(ctx)
		it = l.store.one()
		if r := l.removal(t, it); (r != nil) != want || it.State != cordon.Delivered || l.eye.lateLooks != 1 || (it.Blob == "") == want {
			t.Errorf("%q: %s, removal %+v, blob %q", body, it.State, r, it.Blob)
		}
	}
}

// The asker has the file; that it would be held now is for a person as well.
func TestLateLookAtWhatWasAsked(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	it, _, err := l.upload(ctx, "hidden mark", func(a *cordon.Arrival) {
		a.Op, a.Object, a.Personal.Staged = cordon.OpAsk, "", cordon.Staged{Op: cordon.OpAsk}
	})
	if err != nil || it.State != cordon.Kept {
		t.Fatalf("%v, %s", err, it.State)
	}
	l.work(ctx)
	if it = l.store.one(); l.removal(t, it) == nil || it.State != cordon.Kept || it.Blob == "" {
		t.Errorf("%s, %+v", it.State, l.removal(t, it))
	}
}

// A late look that does not finish is tried again, and given up when its time is over or it
// was begun too often.
func TestLateLookGivenUp(t *testing.T) {
	l, ctx := newLateLine(), t.Context()
	l.eye.lateTries = 2
	if _, _, err := l.upload(ctx, "camera photo"); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	if it := l.store.one(); l.eye.lateLooks != 3 || it.Blob != "" || len(l.store.found[it.ID]) != 2 {
		t.Errorf("%d looks, blob %q", l.eye.lateLooks, it.Blob)
	}

	for name, give := range map[string]func(l *line, e *cordon.Effect){
		"too late":      func(l *line, e *cordon.Effect) { l.Now = func() time.Time { return time.Now().AddDate(100, 0, 0) } },
		"failed thrice": func(l *line, e *cordon.Effect) { l.eye.lateTries, e.Attempts = 1, lateFailures },
		"too often":     func(l *line, e *cordon.Effect) { e.Attempts = lateAttempts + 1 },
	} {
		l := newLateLine()
		ended := ""
		l.LateEnded = func(_ cordon.TenantID, how string) { ended = how }
		it, _, err := l.upload(ctx, "hidden mark")
		if err != nil {
			t.Fatal(err)
		}
		owed := l.store.effects()
		if len(owed) != 1 || owed[0].Kind != cordon.EffectLate {
			t.Fatalf("owed %+v", owed)
		}
		give(l, &owed[0])
		if err := l.Carrier().Handle(ctx, owed[0]); err != nil {
			t.Fatal(err)
		}
		l.work(ctx)
		now := l.store.one()
		last := l.store.entries[len(l.store.entries)-2]
		if (l.eye.lateLooks != 0) != (name == "failed thrice") || now.Blob != "" || now.Verdict.Action != it.Verdict.Action || ended != "given-up" || last.Kind != cordon.EntryLate || last.Facts["ended"] != "given-up" {
			t.Errorf("%s: %d looks, blob %q, %v %v", name, l.eye.lateLooks, now.Blob, last.Kind, last.Facts)
		}
	}
}

// TestLateAccidents lets every single commit fail, once without and once with effect, while
// something is uploaded, looked at late, proposed and decided: whatever is tried again, it is
// proposed once, told once in the ledger, and its bytes go in the end.
func TestLateAccidents(t *testing.T) {
	broken := errors.New("power failed")
	for n := 1; ; n++ {
		met := false
		for _, persisted := range []bool{false, true} {
			l, ctx := newLateLine(), t.Context()
			l.store.accident = func(commit int) (bool, error) {
				if commit == n {
					met = true
					return persisted, broken
				}
				return false, nil
			}
			name := fmt.Sprintf("commit %d, persisted %v", n, persisted)
			if !l.uploaded(ctx, "hidden mark") {
				continue // its sender got an error: not what this is about
			}
			l.work(ctx)
			it := l.store.one()
			r := l.removal(t, it)
			if it.State != cordon.Delivered || r == nil || r.State != removal.Proposed || r.Version != 1 || it.Blob == "" {
				t.Fatalf("%s: %s, removal %+v, blob %q", name, it.State, r, it.Blob)
			}
			if _, err := l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, cordon.Genuine, ""); err != nil && !errors.Is(err, broken) {
				t.Fatalf("%s: %v", name, err)
			} else if err != nil {
				_, _ = l.DecideRemoval(ctx, tenant, r.ID, 0, reviewer, cordon.Genuine, "") // the person tries again
			}
			l.work(ctx)
			count := map[cordon.EntryKind]int{}
			for _, e := range l.store.entries {
				count[e.Kind]++
			}
			if it = l.store.one(); it.Blob != "" || len(l.bytes.b) != 0 || count[cordon.EntryLate] != 1 || count[cordon.EntryProposed] != 1 || count[cordon.EntryDismissed] != 1 || count[cordon.EntryShredded] != 1 {
				t.Errorf("%s: blob %q, %v", name, it.Blob, count)
			}
		}
		if !met {
			if n < 8 {
				t.Errorf("only %d commits were met", n-1)
			}
			return
		}
	}
}

// uploaded uploads, settles what an accident left, and reports whether the item was delivered.
func (l *line) uploaded(ctx context.Context, body string) bool {
	_, _, _ = l.upload(ctx, body)
	for range 2 {
		_ = l.Recover(ctx, true)
	}
	for _, it := range l.store.items {
		return it.State == cordon.Delivered
	}
	return false
}
