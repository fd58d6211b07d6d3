package flow

import (
	"errors"
	"testing"

	"github.com/cordonhq/cordon"
)

// TestALostWriteIsNeverSettledWithAnothersRecord: an org without Cordon's key knows a write by
// what it looks like. What is another item's record is not this one's, though its bytes are.
func TestALostWriteIsNeverSettledWithAnothersRecord(t *testing.T) {
	other := func(a *cordon.Arrival) { asSent(a); a.Personal.Subject = "" }
	reset := errors.New("connection reset")

	l, ctx := newLine(), t.Context()
	l.org.keyed = false
	first, _, err := l.upload(ctx, "camera photo", asSent)
	if err != nil || first.State != cordon.Delivered {
		t.Fatal(err, first.State)
	}
	l.org.writeErr = reset // lost on the way there
	second, _, _ := l.upload(ctx, "camera photo", other)
	if second.State != cordon.Unsettled || second.UpstreamID != "" {
		t.Errorf("the second is %s as %q; want unsettled, since what the CRM has is the first's, %s", second.State, second.UpstreamID, first.UpstreamID)
	}
	l.org.writeErr = nil
	if err := l.Recover(ctx, true); err != nil {
		t.Fatal(err)
	}
	if second, _ = l.store.Item(ctx, tenant, second.ID); second.State != cordon.Unsettled {
		t.Errorf("looked for again the second is %s as %q", second.State, second.UpstreamID)
	}

	// Of two lost ones only one arrived, and nobody can say which.
	l = newLine()
	l.org.keyed, l.org.loseErr, l.org.blind = false, reset, true
	first, _, _ = l.upload(ctx, "camera photo", asSent)
	l.org.loseErr, l.org.writeErr = nil, reset
	second, _, _ = l.upload(ctx, "camera photo", other)
	l.org.blind = false
	if err := l.Recover(ctx, true); err != nil {
		t.Fatal(err)
	}
	for _, id := range []cordon.ID{first.ID, second.ID} {
		if it, _ := l.store.Item(ctx, tenant, id); it.State != cordon.Unsettled || it.UpstreamID != "" {
			t.Errorf("one of two that nobody can tell apart is %s as %q, want unsettled", it.State, it.UpstreamID)
		}
	}

	// Alone it is found, and by a key each finds its own.
	for _, keyed := range []bool{true, false} {
		l = newLine()
		l.org.keyed, l.org.loseErr = keyed, reset
		if it, _, err := l.upload(ctx, "camera photo", asSent); err != nil || it.State != cordon.Delivered {
			t.Errorf("alone, keyed %v: %v, %s; want delivered", keyed, err, it.State)
		}
		it, _, _ := l.upload(ctx, "camera photo", other)
		if keyed && (it.State != cordon.Delivered || it.UpstreamID != "068000000000000002") {
			t.Errorf("by its key the second is %s as %q", it.State, it.UpstreamID)
		}
	}
}

// TestARecordSeenWhileAnotherIsWritten: the CRM shows a record with the bytes of an item that
// is on its way there. It is that item only if the CRM says so; else it is one of its own.
func TestARecordSeenWhileAnotherIsWritten(t *testing.T) {
	for _, keyed := range []bool{true, false} {
		l, ctx := newLine(), t.Context()
		l.org.keyed = keyed
		l.org.loseErr, l.org.blind = errors.New("connection reset"), true
		mine, _, _ := l.upload(ctx, "camera photo", asSent) // the CRM has it as 068…1
		if mine.State != cordon.Unsettled {
			t.Fatal(mine.State)
		}
		seen := observation(func(o *cordon.Observation) {
			o.UpstreamID, o.Personal.Subject = "068000000000000009", "500000000000009AAA"
		})
		if _, _, err := l.Observe(ctx, seen, (&opener{body: "camera photo"}).open); !errors.Is(err, errBlind) {
			t.Errorf("while the CRM cannot be asked: %v; want to be asked again later", err)
		}
		l.org.blind = false
		it, isNew, err := l.Observe(ctx, seen, (&opener{body: "camera photo"}).open)
		if err != nil || !isNew || it.ID == mine.ID {
			t.Errorf("keyed %v, another record with the same bytes: %v, new %v, item %s; want one of its own", keyed, err, isNew, it.ID)
		}
		if where, _ := l.Placements(ctx, mine); len(where) != 0 {
			t.Errorf("the item hangs on %+v, which is another's record", where)
		}
		seen.UpstreamID, seen.Version = "068000000000000001", "v2"
		it, isNew, err = l.Observe(ctx, seen, (&opener{body: "camera photo"}).open)
		if err != nil || isNew || it.ID != mine.ID {
			t.Errorf("keyed %v, its own record: %v, new %v, item %s; want %s", keyed, err, isNew, it.ID, mine.ID)
		}
	}
}
