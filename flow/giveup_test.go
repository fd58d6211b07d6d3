package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// carried carries out what is owed of a kind, as after so many attempts.
func (l *line) carried(ctx context.Context, kind cordon.EffectKind, attempts int) (errs []error) {
	for _, e := range l.store.effects() {
		if e.Kind == kind {
			e.Attempts = attempts
			errs = append(errs, l.Carrier().Handle(ctx, e))
		}
	}
	return errs
}

func (l *line) owes(kind cordon.EffectKind) (n int) {
	for _, e := range l.store.effects() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// last returns the last entry of an item.
func (l *line) last(id cordon.ID) (e cordon.Entry) {
	for _, one := range l.store.entries {
		if one.Of.ID == id {
			e = one
		}
	}
	return e
}

// keyless has lost a key.
type keyless struct {
	plainKeys
	err error
}

func (k keyless) Unwrap(context.Context, cordon.TenantID, cordon.ID, []byte) (cordon.DataKey, error) {
	return cordon.DataKey{}, k.err
}

// deaf is a CRM that cannot be asked, or that panics.
type deaf struct {
	*org
	err error
}

func (d deaf) MayEdit(context.Context, cordon.TenantID, string, string) (bool, error) {
	if d.err == nil {
		panic("a fault of this program")
	}
	return false, d.err
}

// TestAReleaseThatCannotSucceedIsHeldAgain: it never goes on in silence. What can never work ends
// at the first attempt, what may work later is tried for hours and ends then; each with its cause.
func TestAReleaseThatCannotSucceedIsHeldAgain(t *testing.T) {
	write := func(err error) func(*line) { return func(l *line) { l.org.writeErr = err } }
	noRecord := fmt.Errorf("%w: %w", cordon.ErrNotSent, cordon.Permanent(cordon.CauseNoRecord, "an update names no record"))
	field := fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, cordon.Permanent(cordon.OrgCause("INVALID_FIELD"), "400"))
	locked := fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, &cordon.Failure{Kind: cordon.ErrTransient, Cause: cordon.OrgCause("UNABLE_TO_LOCK_ROW"), Text: "400"})
	for name, c := range map[string]struct {
		breaks func(*line)
		cause  cordon.Cause
		later  bool // it may work later
	}{
		"an update without a record":    {write(noRecord), cordon.CauseNoRecord, false},
		"a field that does not exist":   {write(field), "crm:INVALID_FIELD", false},
		"a refusal without a class":     {write(cordon.ErrRefusedUpstream), cordon.CauseRefused, false},
		"a record that is locked":       {write(locked), "crm:UNABLE_TO_LOCK_ROW", true},
		"a CRM that is away":            {write(cordon.ErrNotSent), cordon.CauseUnreachable, true},
		"bytes that are gone":           {func(l *line) { clear(l.bytes.b) }, cordon.CauseBytesMissing, false},
		"bytes that are others":         {func(l *line) { l.bytes.b[l.store.one().Blob] = []byte("another's") }, cordon.CauseDigest, false},
		"a key that was destroyed":      {func(l *line) { l.Keys = keyless{err: cordon.ErrShredded} }, cordon.CauseKeyGone, false},
		"a key that does not open":      {func(l *line) { l.Keys = keyless{err: cordon.Permanent(cordon.CauseKeyDamaged, "damaged")} }, cordon.CauseKeyDamaged, false},
		"a database that is away":       {func(l *line) { l.Keys = keyless{err: errors.New("no connection")} }, cordon.CauseOther, true},
		"rights that cannot be asked":   {func(l *line) { l.CRM = deaf{l.org, fmt.Errorf("%w: no id", cordon.ErrInvalid)} }, cordon.CauseOther, false},
		"rights that do not answer now": {func(l *line) { l.CRM = deaf{l.org, errBlind} }, cordon.CauseOther, true},
		"a fault of this program":       {func(l *line) { l.CRM = deaf{org: l.org} }, cordon.CauseOther, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			var told []string
			l.GaveUp = func(_ cordon.TenantID, owed cordon.EffectKind, cause cordon.Cause) {
				told = append(told, string(owed)+" "+string(cause))
			}
			it, _, _ := l.upload(ctx, "generated portrait")
			if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
				t.Fatal(err)
			}
			c.breaks(l)
			if c.later {
				for _, attempt := range []int{1, 2, 29} {
					l.carried(ctx, cordon.EffectRelease, attempt)
					if now := l.store.one(); now.State != cordon.Released || l.owes(cordon.EffectRelease) != 1 || len(told) != 0 {
						t.Fatalf("attempt %d: %s, %d owed, told %v; want released, owed, and nothing given up", attempt, now.State, l.owes(cordon.EffectRelease), told)
					}
				}
			}
			attempt := 1
			if c.later {
				attempt = 30
			}
			l.carried(ctx, cordon.EffectRelease, attempt)
			now, last := l.store.one(), l.last(it.ID)
			if now.State != cordon.Held || len(l.store.effects()) != 0 || len(l.org.writes) != 0 {
				t.Errorf("%s, %d effects, %d writes; want held, none, none", now.State, len(l.store.effects()), len(l.org.writes))
			}
			if reasons, _ := last.Facts["reasons"].([]string); last.Facts["cause"] != string(c.cause) || !slices.Contains(reasons, string(cordon.ReasonCannotDeliver)) {
				t.Errorf("the last entry says %s %v; want cannot-deliver and the cause %s", last.Kind, last.Facts, c.cause)
			}
			if want := []string{"release " + string(c.cause)}; !slices.Equal(told, want) {
				t.Errorf("told %v, want %v", told, want)
			}
			if err := last.Check(); err != nil {
				t.Error(err)
			}
			if err := l.Recover(ctx, true); err != nil || len(l.store.effects()) != 0 {
				t.Errorf("it starts again by itself: %v, %d effects", err, len(l.store.effects()))
			}
			// People have a way out, with or without what was lost.
			if c.later {
				l.Keys = plainKeys{}
			}
			if _, err := l.Reject(ctx, tenant, it.ID, reviewer, cordon.Harmful, "cannot be had any more"); err != nil {
				t.Errorf("giving up: %v", err)
			}
		})
	}
}

// TestAReleaseIsDecidedAgain: what was returned is delivered once it can be.
func TestAReleaseIsDecidedAgain(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, _ := l.upload(ctx, "generated portrait")
	bytes := l.bytes.b[it.Blob]
	for _, there := range []bool{false, true} {
		delete(l.bytes.b, it.Blob)
		if there {
			l.bytes.b[it.Blob] = bytes
		}
		if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
			t.Fatal(err)
		}
		l.work(ctx)
		if now := l.store.one(); now.State != map[bool]cordon.State{false: cordon.Held, true: cordon.Delivered}[there] {
			t.Errorf("with its bytes %v it is %s", there, now.State)
		}
	}
}

// TestALostReleaseThatCannotBeLookedForIsUnsettled: what may have been written is not held again.
func TestALostReleaseThatCannotBeLookedForIsUnsettled(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it := l.inState(ctx, t, cordon.Forwarding)
	l.org.blind = true
	l.carried(ctx, cordon.EffectRelease, 29)
	if now := l.store.one(); now.State != cordon.Forwarding {
		t.Fatalf("it is %s", now.State)
	}
	l.carried(ctx, cordon.EffectRelease, 30)
	if now, last := l.store.one(), l.last(it.ID); now.State != cordon.Unsettled || last.Facts["cause"] != "other" || len(l.store.effects()) != 0 {
		t.Errorf("%s, %v, %d effects; want unsettled with its cause", now.State, last.Facts, len(l.store.effects()))
	}
}

// stubborn keeps bytes that are to be destroyed.
type stubborn struct{ *bag }

func (stubborn) Delete(context.Context, cordon.BlobRef) error {
	return errors.New("read-only file system")
}

// grumpy takes no callbacks.
type grumpy struct{ err error }

func (g grumpy) Tell(context.Context, cordon.Item) error { return g.err }

// TestOtherEffectsEndWherePeopleSeeThem: a second look, a late one and a callback end with an
// entry; what is to be destroyed stays owed, and that is said once.
func TestOtherEffectsEndWherePeopleSeeThem(t *testing.T) {
	silent := func(l *line) { l.eye.silent = true }
	passes := func(a *cordon.Arrival) { a.Route.Fail = cordon.FailPassAndRescan }
	for name, c := range map[string]struct {
		kind   cordon.EffectKind
		before func(*line) // the upload
		after  func(*line)
		tries  int
		cause  cordon.Cause
		entry  cordon.EntryKind
		then   cordon.EffectKind // owed afterwards
	}{
		"a check that stays silent": {cordon.EffectRescan, silent, func(*line) {}, 150, cordon.CauseSilent, cordon.EntryGaveUp, cordon.EffectShred},
		"a rescan without bytes":    {cordon.EffectRescan, silent, func(l *line) { clear(l.bytes.b) }, 1, cordon.CauseBytesMissing, cordon.EntryGaveUp, cordon.EffectShred},
		"a late look without bytes": {cordon.EffectLate, func(l *line) { l.eye.late = true }, func(l *line) { clear(l.bytes.b) }, 1, cordon.CauseBytesMissing, cordon.EntryGaveUp, cordon.EffectShred},
		"a callback nobody takes": {cordon.EffectCallback, func(*line) {}, func(l *line) {
			l.Callback = grumpy{cordon.Permanent(cordon.CauseRefused, "410")}
		}, 1, cordon.CauseRefused, cordon.EntryGaveUp, ""},
		"a callback nobody answers": {cordon.EffectCallback, func(*line) {}, func(l *line) { l.Callback = grumpy{errors.New("no route")} }, 30, cordon.CauseOther, cordon.EntryGaveUp, ""},
		"bytes that stay":           {cordon.EffectShred, func(*line) {}, func(l *line) { l.Blobs = stubborn{l.bytes} }, 30, cordon.CauseOther, cordon.EntryGaveUp, cordon.EffectShred},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			c.before(l)
			body, edit := "camera photo", passes
			if c.kind == cordon.EffectCallback {
				body = "generated portrait"
				l.Tells = func(cordon.TenantID, string) bool { return true }
			}
			it, _, err := l.upload(ctx, body, edit)
			if err != nil || l.owes(c.kind) != 1 {
				t.Fatalf("%v, %s, %d owed", err, it.State, l.owes(c.kind))
			}
			c.after(l)
			if c.tries > 1 {
				l.carried(ctx, c.kind, c.tries-1)
				if last := l.last(it.ID); l.owes(c.kind) != 1 || last.Kind == c.entry {
					t.Fatalf("it ends too early, with %s", last.Kind)
				}
			}
			said := len(l.store.entries)
			l.carried(ctx, c.kind, c.tries)
			last := l.last(it.ID)
			if cause, _ := last.Facts["cause"].(string); last.Kind != c.entry || cause != string(c.cause) || len(l.store.entries) != said+1 {
				t.Errorf("the last entry is %s %v; want %s for %q", last.Kind, last.Facts, c.entry, c.cause)
			}
			if c.then != "" && l.owes(c.then) != 1 || c.then != c.kind && l.owes(c.kind) != 0 {
				t.Errorf("owed afterwards are %v, want %q", l.store.effects(), c.then)
			}
			l.carried(ctx, c.kind, c.tries+1)
			if c.then == c.kind && len(l.store.entries) != said+1 {
				t.Error("it is said again at each further attempt")
			}
		})
	}
}

// TestRecoverEndsWhatCannotBeRead: an upload whose bytes cannot be read is not looked at for ever.
func TestRecoverEndsWhatCannotBeRead(t *testing.T) {
	l, ctx := newLine(), t.Context()
	sp, err := l.Spool(ctx, tenant, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	it, _, err := l.Receive(ctx, arrival(), sp)
	if err != nil {
		t.Fatal(err)
	}
	clear(l.bytes.b)
	if err := l.Recover(ctx, true); err != nil {
		t.Fatal(err)
	}
	if now, last := l.store.one(), l.last(it.ID); now.State != cordon.Erased || last.Kind != cordon.EntryAbandoned || last.Facts["cause"] != string(cordon.CauseBytesMissing) {
		t.Errorf("%s, %s %v; want it dropped for its bytes", now.State, last.Kind, last.Facts)
	}
	l = newLine()
	l.org.loseErr, l.org.blind = errBlind, true
	it, _, _ = l.upload(ctx, "camera photo")
	l.store.mu.Lock()
	now := l.store.items[it.ID]
	now.State = cordon.Forwarding
	l.store.items[it.ID] = now
	l.store.mu.Unlock()
	l.Keys = keyless{err: cordon.ErrShredded}
	if err := l.Recover(ctx, true); err != nil {
		t.Fatal(err)
	}
	if now, last := l.store.one(), l.last(it.ID); now.State != cordon.Unsettled || last.Facts["cause"] != string(cordon.CauseKeyGone) {
		t.Errorf("%s, %s %v; want unsettled for its key", now.State, last.Kind, last.Facts)
	}
}

// TestEveryStateHasWhatItOwes takes every item in every state, loses what is owed for it, and
// expects it to be owed again once, and nothing that its state does not owe.
func TestEveryStateHasWhatItOwes(t *testing.T) {
	owes := map[cordon.State]cordon.EffectKind{cordon.Released: cordon.EffectRelease, cordon.Forwarding: cordon.EffectRelease,
		cordon.Delivered: cordon.EffectShred, cordon.Kept: cordon.EffectShred, cordon.RefusedUpstream: cordon.EffectShred, cordon.Erased: cordon.EffectShred}
	for _, s := range cordon.States() {
		for _, bytes := range []bool{true, false} {
			l, ctx := newLine(), t.Context()
			it := l.inState(ctx, t, s)
			l.store.mu.Lock()
			clear(l.store.owed)
			if now := l.store.items[it.ID]; !bytes {
				now.Blob = ""
				l.store.items[it.ID] = now
			}
			l.store.mu.Unlock()
			want := owes[s]
			if want == cordon.EffectShred && !bytes {
				want = ""
			}
			for range 2 {
				if err := l.reconcile(ctx); err != nil {
					t.Fatal(err)
				}
			}
			owed := l.store.effects()
			if want == "" && len(owed) != 0 || want != "" && (len(owed) != 1 || owed[0].Kind != want) {
				t.Errorf("%s with bytes %v owes %v again, want %q once", s, bytes, owed, want)
			}
			if want != "" && (l.last(it.ID).Kind != cordon.EntryOwedAgain || l.last(it.ID).Facts["owed"] != string(want)) {
				t.Errorf("%s: the last entry is %+v", s, l.last(it.ID))
			}
		}
	}

	// Of two processes that see it missing one owes it again.
	l, ctx := newLine(), t.Context()
	l.inState(ctx, t, cordon.Delivered)
	clear(l.store.owed)
	before, err := l.store.ItemsOwing(ctx, []cordon.State{cordon.Delivered}, true, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	other := *l
	other.Flow = New(l.Config)
	other.Store = hindsight{l.store, before}
	for _, f := range []*Flow{l.Flow, other.Flow} {
		if err := f.reconcile(ctx); err != nil || len(l.store.owed) != 1 {
			t.Errorf("%v, %d owed, want one", err, len(l.store.owed))
		}
	}

	// What passed unscanned owes its second look, and what was only asked about goes nowhere.
	l = newLine()
	l.eye.silent = true
	_, _, _ = l.upload(ctx, "camera photo", func(a *cordon.Arrival) { a.Route.Fail = cordon.FailPassAndRescan })
	clear(l.store.owed)
	if err := l.Recover(ctx, true); err != nil || l.owes(cordon.EffectRescan) != 1 || len(l.store.owed) != 1 {
		t.Errorf("passed unscanned: %v, owes %v", err, l.store.effects())
	}
	l = newLine()
	l.inState(ctx, t, cordon.Released, func(a *cordon.Arrival) {
		a.Op, a.Object, a.Personal.Staged = cordon.OpAsk, "", cordon.Staged{Op: cordon.OpAsk}
	})
	clear(l.store.owed)
	if err := l.Recover(ctx, true); err != nil || l.owes(cordon.EffectShred) != 1 || len(l.store.owed) != 1 {
		t.Errorf("only asked about: %v, owes %v", err, l.store.effects())
	}
}

// hindsight says what was missing some time ago.
type hindsight struct {
	*memory
	missing []cordon.Item
}

func (h hindsight) ItemsOwing(_ context.Context, states []cordon.State, _ bool, _ []cordon.EffectKind, _ int) ([]cordon.Item, error) {
	if !slices.Contains(states, cordon.Delivered) {
		return nil, nil
	}
	return h.missing, nil
}

// onlooker counts what it is told of.
type onlooker struct{ n int }

func (*onlooker) Near(context.Context, cordon.TenantID, [32]byte) ([]Near, error) { return nil, nil }
func (o *onlooker) Saw(cordon.TenantID, cordon.ID, [32]byte)                      { o.n++ }

// TestARescanIsSeenOnce: one look is one picture more, however it came about.
func TestARescanIsSeenOnce(t *testing.T) {
	l, ctx := newLine(), t.Context()
	seen := &onlooker{}
	l.Alike, l.AlikeConfig = seen, AlikeConfig{Within: 24 * 3600e9}
	l.Examiner = printing{l.eye}
	l.eye.silent = true
	_, _, _ = l.upload(ctx, "camera photo", func(a *cordon.Arrival) { a.Route.Fail = cordon.FailPassAndRescan })
	first := seen.n
	l.eye.silent = false
	if errs := l.carried(ctx, cordon.EffectRescan, 1); len(errs) != 1 || errs[0] != nil {
		t.Fatal(errs)
	}
	if first != 1 || seen.n != 2 {
		t.Errorf("seen %d times at first and %d times in all, want 1 and 2", first, seen.n)
	}
}

// printing is a marked that sees pictures.
type printing struct{ *marked }

func (p printing) Examine(ctx context.Context, c cordon.Content, hint Hint) (Look, []cordon.Finding, error) {
	look, found, err := p.marked.Examine(ctx, c, hint)
	look.Print = &Print{Hash: [32]byte{1}}
	return look, found, err
}

// TestAReleaseThatIsThereAlready: the database may forget, in a crash, that a release was written.
// The next attempt is refused for the key that the record there carries, and finds it.
func TestAReleaseThatIsThereAlready(t *testing.T) {
	duplicate := fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, cordon.Permanent(cordon.CauseDuplicate, "400"))
	for name, c := range map[string]struct {
		there, blind bool
		want         cordon.State
	}{
		"it is there":                  {true, false, cordon.Delivered},
		"the CRM cannot be asked":      {true, true, cordon.Unsettled},
		"another record has the value": {false, false, cordon.Held},
	} {
		t.Run(name, func(t *testing.T) {
			l, ctx := newLine(), t.Context()
			l.org.keyed = true
			it, _, _ := l.upload(ctx, "generated portrait")
			if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
				t.Fatal(err)
			}
			if c.there {
				p, err := l.Personal(ctx, l.store.one())
				if err != nil {
					t.Fatal(err)
				}
				l.org.writes, l.org.sums = []cordon.Staged{keyed(it, p).Staged}, []string{p.SHA256}
			}
			l.org.writeErr, l.org.blind = duplicate, c.blind
			l.carried(ctx, cordon.EffectRelease, 1)
			if now := l.store.one(); now.State != c.want || l.owes(cordon.EffectRelease) != 0 || (c.want == cordon.Delivered) != (now.UpstreamID != "") {
				t.Errorf("%s as %q, %d releases owed; want %s", now.State, now.UpstreamID, l.owes(cordon.EffectRelease), c.want)
			}
		})
	}
}
