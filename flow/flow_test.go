package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
)

const tenant = cordon.TenantID("clinic")

var reviewer = cordon.Actor{Kind: cordon.Person, ID: "act_reviewer"}

// line is a Flow over fakes.
type line struct {
	*Flow
	store *memory
	bytes *bag
	eye   *marked
	org   *org
	clock *clock
}

func newLine() *line {
	l := &line{store: newMemory(), bytes: &bag{b: map[cordon.BlobRef][]byte{}}, eye: &marked{}, org: &org{may: true, keyed: true}}
	l.clock = &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	l.Flow = New(Config{Store: l.store, Blobs: l.bytes, Keys: plainKeys{}, Examiner: l.eye, CRM: l.org,
		Policy: func(cordon.TenantID) Policy { return rule{} }, Now: l.clock.now, Log: slog.New(slog.DiscardHandler)})
	return l
}

func arrival(edit ...func(*cordon.Arrival)) cordon.Arrival {
	// The door gives each write a key of its own where the org has the field for it.
	key := string(cordon.NewID("ck"))
	a := cordon.Arrival{Tenant: tenant, CallerKey: "caller", Object: "ContentVersion", Op: cordon.OpCreate,
		Route: cordon.Route{Name: "portal", Channel: cordon.ChannelPortal, Mode: cordon.ModeInline, Fail: cordon.FailHold, Class: cordon.ClassOther},
		Personal: cordon.Personal{Name: "photo.png", Subject: "500000000000001AAA", UserID: "005000000000001AAA",
			Staged: cordon.Staged{Op: cordon.OpCreate, Object: "ContentVersion", BlobField: "VersionData", Key: key}}}
	for _, e := range edit {
		e(&a)
	}
	return a
}

// upload does what the inline gateway does with one file.
func (l *line) upload(ctx context.Context, body string, edit ...func(*cordon.Arrival)) (cordon.Item, bool, error) {
	sp, err := l.Spool(ctx, tenant, strings.NewReader(body))
	if err != nil {
		return cordon.Item{}, false, err
	}
	it, repeated, err := l.Receive(ctx, arrival(edit...), sp)
	if err != nil || repeated {
		return it, repeated, err
	}
	if it, err = l.Judge(ctx, it); err != nil || it.State != cordon.Inspected {
		return it, false, err
	}
	it, err = l.Forward(ctx, it, func(ctx context.Context, c cordon.Content) (cordon.Delivery, error) {
		_, p, err := l.open(ctx, it)
		if err != nil {
			return cordon.Delivery{}, err
		}
		return l.org.Write(ctx, tenant, p.Staged, c)
	})
	return it, false, err
}

// work carries out what is owed until nothing is, or until nothing more succeeds.
func (l *line) work(ctx context.Context) {
	for range 10 {
		owed := l.store.effects()
		for _, e := range owed {
			_ = l.Carrier().Handle(ctx, e)
		}
		if len(owed) == 0 {
			return
		}
	}
}

func TestCleanFileIsDeliveredAndItsBytesAreDestroyed(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, err := l.upload(ctx, "camera photo")
	if err != nil || it.State != cordon.Delivered || it.UpstreamID == "" {
		t.Fatalf("upload: %v, state %s, upstream %q; want delivered", err, it.State, it.UpstreamID)
	}
	l.work(ctx)
	it = l.store.one()
	if it.Blob != "" || it.WrappedKey != nil || it.Sealed != nil || len(l.bytes.b) != 0 {
		t.Errorf("after delivery blob %q, key %v, sealed %v, %d blobs; want all gone", it.Blob, it.WrappedKey, it.Sealed, len(l.bytes.b))
	}
	want := []cordon.EntryKind{cordon.EntryReceived, cordon.EntryInspected, cordon.EntryForward, cordon.EntryDelivered, cordon.EntryShredded}
	if got := kinds(l.store.entries); !slices.Equal(got, want) {
		t.Errorf("ledger says %v, want %v", got, want)
	}
}

func kinds(entries []cordon.Entry) []cordon.EntryKind {
	var out []cordon.EntryKind
	for _, e := range entries {
		out = append(out, e.Kind)
	}
	return out
}

func TestHeldFileGoesNowhereUntilAPersonDecides(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, err := l.upload(ctx, "generated portrait")
	if err != nil || it.State != cordon.Held {
		t.Fatalf("upload: %v, state %s; want held", err, it.State)
	}
	if _, err := l.Forward(ctx, it, nil); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("Forward of a held item: %v, want ErrConflict", err)
	}
	for _, by := range []cordon.Actor{cordon.Cordon, {Kind: cordon.Client, ID: "act_client"}} {
		if _, err := l.Release(ctx, tenant, it.ID, by, cordon.Genuine, ""); !errors.Is(err, cordon.ErrForbidden) {
			t.Errorf("Release by %s: %v, want ErrForbidden", by, err)
		}
	}
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Harmful, ""); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("Release as harmful: %v, want ErrInvalid", err)
	}
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.LawfulSynthetic, "speech device"); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	if it = l.store.one(); it.State != cordon.Delivered || len(l.org.writes) != 1 {
		t.Errorf("after release: %s with %d writes, want delivered with one", it.State, len(l.org.writes))
	}
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("second release: %v, want ErrConflict", err)
	}
	for _, e := range l.store.entries {
		if b, _ := e.Canonical(); strings.Contains(string(b), "speech device") {
			t.Errorf("the reviewer's note is in the ledger: %s", b)
		}
	}
}

func TestRejectKeepsTheEvidence(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, _ := l.upload(ctx, "generated portrait")
	if _, err := l.Reject(ctx, tenant, it.ID, reviewer, cordon.Harmful, ""); err != nil {
		t.Fatal(err)
	}
	l.work(ctx)
	if it = l.store.one(); it.State != cordon.Rejected || len(l.bytes.b) != 1 || len(l.org.writes) != 0 {
		t.Errorf("after reject: %s, %d blobs, %d writes; want rejected, 1, 0", it.State, len(l.bytes.b), len(l.org.writes))
	}
}

func TestReleaseStaysWhenTheUploaderMayNoLongerEdit(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, _ := l.upload(ctx, "generated portrait")
	l.org.may = false
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); !errors.Is(err, cordon.ErrForbidden) {
		t.Fatalf("Release: %v, want ErrForbidden", err)
	}
	l.org.may = true
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
		t.Fatal(err)
	}
	l.org.may = false // lost between the decision and the delivery
	l.work(ctx)
	if it = l.store.one(); it.State != cordon.Held || len(l.org.writes) != 0 || len(l.store.effects()) != 0 {
		t.Errorf("%s with %d writes and %d effects owed, want held with none", it.State, len(l.org.writes), len(l.store.effects()))
	}
}

func TestReleaseOutlivesARefusingAndAnAbsentCRM(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, _ := l.upload(ctx, "generated portrait")
	if _, err := l.Release(ctx, tenant, it.ID, reviewer, cordon.Genuine, ""); err != nil {
		t.Fatal(err)
	}
	l.org.writeErr = fmt.Errorf("connect: %w", cordon.ErrNotSent)
	l.work(ctx)
	if it = l.store.one(); it.State != cordon.Released {
		t.Fatalf("while the CRM is away: %s, want released", it.State)
	}
	l.org.writeErr = fmt.Errorf("STORAGE_LIMIT_EXCEEDED: %w", cordon.ErrRefusedUpstream)
	l.work(ctx)
	if it = l.store.one(); it.State != cordon.Held || it.Blob == "" {
		t.Errorf("after the CRM refused: %s, blob %q; want held with its bytes", it.State, it.Blob)
	}
}

func TestShadowRouteForwardsAndRecords(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, err := l.upload(ctx, "generated portrait", func(a *cordon.Arrival) { a.Route.Mode = cordon.ModeShadow })
	if err != nil || it.State != cordon.Delivered || it.Verdict.Action != cordon.Hold {
		t.Errorf("%v, %s, action %s; want delivered with the verdict hold", err, it.State, it.Verdict.Action)
	}
}

func TestSilentDetector(t *testing.T) {
	for fail, want := range map[cordon.FailMode]cordon.State{
		cordon.FailHold: cordon.Held, cordon.FailRefuse: cordon.Erased, cordon.FailPassAndRescan: cordon.Delivered,
	} {
		l, ctx := newLine(), t.Context()
		l.eye.silent = true
		it, _, err := l.upload(ctx, "generated portrait", func(a *cordon.Arrival) { a.Route.Fail = fail })
		if err != nil || it.State != want {
			t.Errorf("fail mode %s: %v, %s; want %s", fail, err, it.State, want)
		}
		l.work(ctx)
		switch fail {
		case cordon.FailRefuse:
			if len(l.bytes.b) != 0 || len(l.store.lookups) != 0 {
				t.Errorf("refuse keeps %d blobs and %d look-ups, want none", len(l.bytes.b), len(l.store.lookups))
			}
		case cordon.FailPassAndRescan:
			if len(l.bytes.b) != 1 {
				t.Errorf("the bytes went before the second look")
			}
			l.eye.silent = false
			l.work(ctx)
			it = l.store.one()
			if r := l.removal(t, it); it.Verdict.Outcome != cordon.Synthetic || it.State != cordon.Delivered || it.Blob == "" ||
				r == nil || r.State != removal.Proposed || r.Cause != removal.Rescan || !slices.Equal(r.Reasons, []cordon.Reason{cordon.ReasonGeneratorMark}) {
				t.Errorf("after the second look: %s, %s, blob %q, removal %+v; want synthetic, delivered, and proposed for the mark", it.Verdict.Outcome, it.State, it.Blob, r)
			}
		}
	}
}

// TestWhatTheCRMWouldNotTakeIsNotHeld asks before a hold, and only then.
func TestWhatTheCRMWouldNotTakeIsNotHeld(t *testing.T) {
	for name, test := range map[string]struct {
		body, code string
		want       cordon.State
		asked      int
	}{
		"refused": {"generated portrait", "INVALID_CROSS_REFERENCE_KEY", cordon.Erased, 1},
		"taken":   {"generated portrait", "", cordon.Held, 1},
		"clean":   {"holiday", "INVALID_CROSS_REFERENCE_KEY", cordon.Inspected, 0},
	} {
		l, ctx := newLine(), t.Context()
		sp, err := l.Spool(ctx, tenant, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		it, _, err := l.Receive(ctx, arrival(), sp)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		it, err = l.JudgeUnless(ctx, it, func(context.Context) string { asked++; return test.code })
		if err != nil || it.State != test.want || asked != test.asked {
			t.Errorf("%s: %v, %s, asked %d times", name, err, it.State, asked)
		}
		if test.want != cordon.Erased {
			continue
		}
		last := l.store.entries[len(l.store.entries)-1]
		if last.Kind != cordon.EntryTurned || last.Facts["refused"] != test.code {
			t.Errorf("the last entry is %s %v", last.Kind, last.Facts)
		}
		l.work(ctx)
		if len(l.bytes.b) != 0 || len(l.store.lookups) != 0 {
			t.Errorf("%d blobs and %d look-ups stay", len(l.bytes.b), len(l.store.lookups))
		}
		if _, repeated, err := l.upload(ctx, test.body); err != nil || repeated {
			t.Errorf("sent again, it is no repeat of what was not kept: %v %v", repeated, err)
		}
	}
}

// TestAccidents lets every single commit fail, once without and once with effect, in uploads
// and releases, then starts again and checks the laws.
func TestAccidents(t *testing.T) {
	errDisk := errors.New("disk full")
	for _, persisted := range []bool{false, true} {
		for n := 1; n <= 14; n++ {
			for _, keyed := range []bool{true, false} {
				t.Run(fmt.Sprintf("commit %d, persisted %v, keyed %v", n, persisted, keyed), func(t *testing.T) {
					l, ctx := newLine(), t.Context()
					l.org.keyed = keyed
					l.store.accident = func(i int) (bool, error) {
						if i == n {
							return persisted, errDisk
						}
						return false, nil
					}
					_, _, _ = l.upload(ctx, "camera photo")
					held, _, err := l.upload(ctx, "generated portrait")
					if err == nil && held.State == cordon.Held {
						_, _ = l.Release(ctx, tenant, held.ID, reviewer, cordon.Genuine, "")
					}
					l.work(ctx)
					if err := l.Recover(ctx, true); err != nil {
						t.Fatalf("Recover: %v", err)
					}
					l.work(ctx)
					l.checkLaws(t)
				})
			}
		}
	}
}

// checkLaws: nothing is written twice, nothing is stuck where nobody looks, every state is
// explained by the ledger, and what was promised is there.
func (l *line) checkLaws(t *testing.T) {
	t.Helper()
	written := map[string]int{}
	for _, w := range l.org.writes {
		if written[w.Key]++; written[w.Key] > 1 {
			t.Errorf("%s was written twice", w.Key)
		}
	}
	said := map[cordon.ID][]cordon.EntryKind{}
	for _, e := range l.store.entries {
		said[e.Of.ID] = append(said[e.Of.ID], e.Kind)
	}
	for id, it := range l.store.items {
		switch it.State {
		case cordon.Received, cordon.Inspected, cordon.Forwarding, cordon.Released:
			t.Errorf("item %s is stuck in %s; the ledger says %v", id, it.State, said[id])
		case cordon.Delivered:
			if it.UpstreamID == "" {
				t.Errorf("item %s is delivered and has no id upstream", id)
			}
		case cordon.Held, cordon.Rejected:
			if it.Blob == "" || l.bytes.b[it.Blob] == nil {
				t.Errorf("item %s is %s and its bytes are gone", id, it.State)
			}
		}
	}
	if len(l.store.effects()) != 0 {
		t.Errorf("%d effects are still owed", len(l.store.effects()))
	}
}

func TestLostAnswerIsSettledByLooking(t *testing.T) {
	l, ctx := newLine(), t.Context()
	l.org.loseErr = errors.New("connection reset")
	it, _, err := l.upload(ctx, "camera photo")
	if err != nil || it.State != cordon.Delivered {
		t.Errorf("%v, %s; want delivered, because the CRM has it", err, it.State)
	}
	l.org.blind = true
	it, _, err = l.upload(ctx, "another photo")
	if err == nil || it.State != cordon.Unsettled || it.Blob == "" {
		t.Errorf("%v, %s, blob %q; want unsettled with its bytes", err, it.State, it.Blob)
	}
	l.org.blind = false
	if err := l.Recover(ctx, true); err != nil {
		t.Fatal(err)
	}
	if it, err = l.store.Item(ctx, tenant, it.ID); err != nil || it.State != cordon.Delivered {
		t.Errorf("once the CRM can be asked: %v, %s; want delivered", err, it.State)
	}
}

func TestPreviewIsWrittenDown(t *testing.T) {
	l, ctx := newLine(), t.Context()
	it, _, _ := l.upload(ctx, "generated portrait")
	data, _, err := l.Preview(ctx, tenant, it.ID, reviewer)
	if err != nil || string(data) != "preview" {
		t.Fatalf("Preview: %q, %v", data, err)
	}
	last := l.store.entries[len(l.store.entries)-1]
	if last.Kind != cordon.EntryViewed || last.Actor != reviewer {
		t.Errorf("last entry %s by %s, want a view by the reviewer", last.Kind, last.Actor)
	}
	l.store.accident = func(int) (bool, error) { return false, errors.New("disk full") }
	if data, _, err := l.Preview(ctx, tenant, it.ID, reviewer); err == nil || data != nil {
		t.Errorf("a view that could not be written down showed %q", data)
	}
	if _, _, err := l.Preview(ctx, "other", it.ID, reviewer); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("preview from another tenant: %v, want ErrNotFound", err)
	}
}
