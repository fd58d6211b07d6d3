package flow

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/hold"
)

// Judge inspects a received item, decides, and commits both with what follows: held, kept
// (when only a verdict was asked for), or inspected and free to be forwarded. The item's
// state tells which. An item on a route that refuses when a check is silent ends erased.
//
// An item whose checks had no chance to begin in time is not judged: where its sender still waits
// it is turned away and ends erased; else the error is cordon.ErrBusy, and it is judged later.
func (f *Flow) Judge(ctx context.Context, it cordon.Item) (cordon.Item, error) {
	return f.judge(ctx, it, false, nil)
}

// JudgeUnless is Judge for a write whose sender waits. Before the item is held, refused is asked
// whether the CRM would take the write at all; with the error code that it returns, if any, the
// item ends erased, since nobody could ever release it.
func (f *Flow) JudgeUnless(ctx context.Context, it cordon.Item, refused func(context.Context) (code string)) (cordon.Item, error) {
	return f.judge(ctx, it, false, refused)
}

// judge is JudgeUnless; patience says that nobody waits for the answer any more.
func (f *Flow) judge(ctx context.Context, it cordon.Item, patience bool, refused func(context.Context) (code string)) (cordon.Item, error) {
	place := f.places.take(it.ID)
	if place != nil {
		defer place.Leave()
	}
	if it.State != cordon.Received {
		return it, fmt.Errorf("%w: item %s is %s, not received", cordon.ErrConflict, it.ID, it.State)
	}
	key, p, err := f.open(ctx, it)
	if err != nil {
		return it, err
	}
	c, err := f.bytes(ctx, it, key)
	if err != nil {
		return it, err
	}
	defer c.Close()

	hint := hintOf(it, p)
	hint.Place, hint.Patience = place, patience
	look, found, err := f.Examiner.Examine(ctx, c, hint)
	switch {
	case starved(err) && place != nil && it.Mode != cordon.ModeShadow && it.Op != cordon.OpAsk:
		f.Log.Info("a file is turned away: its checks could not begin in time", "item", it.ID, "cause", err)
		return f.turnAway(ctx, it)
	case err != nil:
		return it, errNoRoom(err)
	}
	it.MediaType, it.Modality = look.MediaType, look.Modality
	found, note, err := f.compare(ctx, it, p, look, found, string(it.ID))
	if err != nil {
		return it, err
	}
	v := f.Policy(it.Tenant).Decide(it, found)
	v.At = f.Now().UTC()
	it.Verdict = &v
	sealed, err := f.sealFindings(key, it, found)
	if err != nil {
		return it, err
	}

	changes := []cordon.Change{{
		Of: it.Ref, From: cordon.Received, To: cordon.Inspected,
		Item: &it, Findings: sealed, Verdict: &v, Seen: note.record,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryInspected, it.Ref, v.At, cordon.Cordon, inspected(it, v, found))},
	}}
	next, code := afterVerdict(it, v), ""
	if next == cordon.Held && refused != nil {
		if code = refused(ctx); code != "" {
			next = cordon.Erased
		}
	}
	switch next {
	case cordon.Held:
		place := hold.Place(it, v, v.At)
		place.Lookups = append(place.Lookups, cordon.Lookup{Kind: lookupRetry, Value: p.RetryKey})
		if f.Tells(it.Tenant, it.Route) {
			place.Effects = append(place.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
		}
		changes = append(changes, place)
	case cordon.Kept:
		keep := cordon.Change{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryKept, it.Ref, v.At, cordon.Cordon, nil)},
			Effects: []cordon.Effect{f.afterwards(it, owesFurther(found), f.shredAsked(it, v.At), v.At)}}
		if f.Tells(it.Tenant, it.Route) {
			keep.Effects = append(keep.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
		}
		changes = append(changes, keep)
	case cordon.Erased:
		turned := f.leave(it, cordon.Inspected, cordon.EntryTurned)
		if code != "" {
			turned.Entries = []cordon.Entry{cordon.NewEntry(cordon.EntryTurned, it.Ref, f.Now().UTC(), cordon.Cordon, map[string]any{"refused": code})}
		}
		changes = append(changes, turned)
	}
	// The verdict stands even if the caller has gone in the meantime.
	if err := f.Store.Commit(context.WithoutCancel(ctx), changes...); err != nil {
		return it, fmt.Errorf("record the verdict on item %s: %w", it.ID, err)
	}
	f.saw(it, note)
	return moved(it, changes...), nil
}

// afterVerdict says where an inspected item goes. No verdict leads to rejection.
func afterVerdict(it cordon.Item, v cordon.Verdict) cordon.State {
	silent := slices.Contains(v.Reasons, cordon.ReasonDetectorSilent)
	switch {
	case it.Mode == cordon.ModeShadow && it.Op == cordon.OpAsk:
		return cordon.Kept // nobody hands it on: whoever asked has it
	case it.Mode == cordon.ModeShadow:
		return cordon.Inspected
	case silent && it.Fail == cordon.FailRefuse && onlySilence(v):
		return cordon.Erased
	case v.Action.Holds():
		return cordon.Held
	case it.Op == cordon.OpAsk:
		return cordon.Kept
	default:
		return cordon.Inspected
	}
}

// onlySilence reports whether a silent detector is the whole case: evidence that was found
// is worth keeping even when another check failed.
func onlySilence(v cordon.Verdict) bool {
	return v.Outcome == cordon.CannotTell || v.Outcome == cordon.NotTested
}

// leave returns the change that drops an item whose sender got no receipt.
func (f *Flow) leave(it cordon.Item, from cordon.State, kind cordon.EntryKind) cordon.Change {
	return cordon.Change{Of: it.Ref, From: from, To: cordon.Erased, Forget: true,
		Entries: []cordon.Entry{cordon.NewEntry(kind, it.Ref, f.Now().UTC(), cordon.Cordon, nil)},
		Effects: []cordon.Effect{cordon.NewEffect(cordon.EffectShred, it.Ref)}}
}

// askedLife is how long the bytes of what was only asked about stay after the verdict, so
// that the asker can fetch it again, signed, under the same Idempotency-Key.
const askedLife = 10 * time.Minute

func (f *Flow) shredAsked(it cordon.Item, now time.Time) cordon.Effect {
	e := cordon.NewEffect(cordon.EffectShred, it.Ref)
	e.NotBefore = now.Add(askedLife)
	return e
}

// waited reports whether a sender waited while the item was looked at.
func waited(it cordon.Item) bool {
	return it.Mode == cordon.ModeInline || it.Mode == cordon.ModeShadow
}

func hintOf(it cordon.Item, p cordon.Personal) Hint {
	h := Hint{Tenant: it.Tenant, Name: p.Name, DeclaredType: it.DeclaredType, Waited: waited(it)}
	if h.Waited {
		h.Uploaded = it.ReceivedAt
	}
	if b, err := hex.DecodeString(p.SHA256); err == nil {
		copy(h.SHA256[:], b)
	}
	return h
}

// inspected is what the ledger says of an inspection: which detectors looked, in which
// version, and with which label.
func inspected(it cordon.Item, v cordon.Verdict, found []cordon.Finding) map[string]any {
	looks := make([]string, 0, len(found))
	for _, d := range found {
		looks = append(looks, fmt.Sprintf("%s@%s:%s:%s", d.Detector, d.Version, d.Status, d.Label))
	}
	slices.Sort(looks)
	const most = 24 // keeps the entry under its limit
	if len(looks) > most {
		looks = looks[:most]
	}
	return map[string]any{
		"outcome": string(v.Outcome), "action": string(v.Action), "reasons": hold.Codes(v.Reasons),
		"policy": v.Policy, "media_type": it.MediaType, "detectors": looks,
	}
}

// Ask spools, receives and judges for a door that only wants a verdict. When wait has passed
// it returns the item as it stands and judging goes on. An error means that nothing was kept.
func (f *Flow) Ask(ctx context.Context, a cordon.Arrival, body Reader, wait time.Duration) (cordon.Item, error) {
	sp, err := f.Spool(ctx, a.Tenant, body)
	if err != nil {
		return cordon.Item{}, err
	}
	it, repeated, err := f.Receive(ctx, a, sp)
	if err != nil || repeated {
		return it, err
	}
	type judged struct {
		it  cordon.Item
		err error
	}
	done := make(chan judged, 1)
	go func() {
		it, err := f.judge(context.WithoutCancel(ctx), it, true, nil)
		if err != nil {
			// The item is on record; Watch judges it again.
			f.Log.Error("an item that was asked about could not be judged yet", "item", it.ID, "err", err)
		}
		done <- judged{it, err}
	}()
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case d := <-done:
		if d.err == nil {
			return d.it, nil
		}
	case <-late.C:
	case <-ctx.Done():
	}
	return it, nil
}
