package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
)

// How a late look ended, as its entry says.
const (
	lateLooked  = "looked"
	lateGivenUp = "given-up" // its checks did not finish, or its time was over before it began
)

// A file that fails a check, or ends the process, every time must not keep others waiting.
const (
	lateFailures = 3  // of a check, and it is given up
	lateAttempts = 12 // begun, whatever became of it
)

// latePlan is the payload of a late look.
type latePlan struct {
	// Until is when it is given up, so that bytes do not stay because nobody had time.
	Until time.Time `json:"until"`
	// Shred is when the bytes may go at the earliest.
	Shred time.Time `json:"shred,omitzero"`
	// Further is that more may be spent on it than on the first look, which met limits.
	Further bool `json:"further,omitempty"`
}

// afterwards returns the effect that ends with the destruction of the bytes of an item that was
// let through: shred, or a late look that sees to shred when it has ended.
// further is that the first look met limits: then the late one may spend more.
func (f *Flow) afterwards(it cordon.Item, further bool, shred cordon.Effect, now time.Time) cordon.Effect {
	if f.LateWithin < 0 || !waited(it) || !further && !f.Examiner.Late(it.Tenant, it.MediaType) {
		return shred
	}
	late := cordon.NewEffect(cordon.EffectLate, it.Ref)
	late.Payload, _ = json.Marshal(latePlan{Until: now.Add(f.LateWithin), Shred: shred.NotBefore, Further: further}) // cannot fail
	return late
}

// owesFurther reports whether a first look met limits, so that a late one may spend more.
func owesFurther(found []cordon.Finding) bool {
	return slices.ContainsFunc(found, cordon.Finding.Further)
}

// metLimits is owesFurther of an item on record. Where that cannot be read, it is taken to be so.
func (f *Flow) metLimits(ctx context.Context, it cordon.Item) bool {
	if it.Verdict == nil || len(it.Verdict.Reasons) == 0 {
		return false
	}
	found, err := f.Store.Findings(ctx, it.Tenant, it.ID)
	return err != nil || owesFurther(cordon.Standing(found))
}

// LateLook looks at an item that was let through with what was too dear while its sender
// waited, and with nothing else. What it finds joins what was found before, and a new verdict
// rests on both. Where that would have held the item, a removal is proposed and the bytes stay
// until a person has decided; else they go. The item itself stays where it is.
func (f *Flow) LateLook(ctx context.Context, e cordon.Effect) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	if err != nil {
		return err
	}
	var plan latePlan
	if err := json.Unmarshal(e.Payload, &plan); err != nil {
		return fmt.Errorf("%w: read the payload of effect %s: %w", cordon.ErrPermanent, e.ID, err)
	}
	if it.Blob == "" || !removal.InCRM(it) {
		return f.finish(ctx, it, e.ID)
	}
	if f.Now().After(plan.Until) || e.Attempts > lateAttempts {
		return f.endLate(ctx, it, e, plan, lateGivenUp)
	}
	c, p, err := f.content(ctx, it)
	if errors.Is(err, cordon.ErrShredded) {
		return f.finish(ctx, it, e.ID)
	} else if err != nil {
		return err
	}
	defer c.Close()
	hint := hintOf(it, p)
	hint.Waited, hint.Further = false, plan.Further
	bounded, cancel := context.WithDeadline(ctx, plan.Until) // by the machine's clock, which f.Now may not be
	defer cancel()
	found := f.Examiner.ExamineLate(bounded, c, hint)
	if err := ctx.Err(); err != nil {
		return err
	}
	failed := ""
	for i := range found {
		found[i].Late = true
		if found[i].Status == cordon.StatusFailed && found[i].Label != cordon.LabelLimit {
			failed = found[i].Detector
		}
	}
	switch {
	case failed == "":
		return f.foundLate(ctx, it, e, plan, lateLooked, found)
	case e.Attempts < lateFailures:
		return fmt.Errorf("the check %s did not finish its late look at item %s", failed, it.ID)
	}
	// What one check cannot finish takes nothing away from what the others found.
	found = slices.DeleteFunc(found, func(one cordon.Finding) bool {
		return slices.ContainsFunc(found, func(other cordon.Finding) bool {
			return other.Detector == one.Detector && other.Status == cordon.StatusFailed && other.Label != cordon.LabelLimit
		}) && one.Status != cordon.StatusFound
	})
	if !slices.ContainsFunc(found, func(one cordon.Finding) bool { return one.Status == cordon.StatusFound }) {
		return f.endLate(ctx, it, e, plan, lateGivenUp)
	}
	return f.foundLate(ctx, it, e, plan, lateGivenUp, found)
}

// foundLate commits what a late look found, with what follows.
func (f *Flow) foundLate(ctx context.Context, it cordon.Item, e cordon.Effect, plan latePlan, ended string, found []cordon.Finding) error {
	key, err := f.keyOf(ctx, it)
	if err != nil {
		return err
	}
	sealed, err := f.sealFindings(key, it, found)
	if err != nil {
		return err
	}
	first, err := f.Store.Findings(ctx, it.Tenant, it.ID)
	if err != nil {
		return fmt.Errorf("read what was found of item %s: %w", it.ID, err)
	}
	policy, now := f.Policy(it.Tenant), f.Now().UTC()
	v := policy.Decide(it, cordon.Standing(append(first, found...)))
	v.At = now
	news := removal.News(it, policy.Decide(it, found), v)
	if it.Verdict != nil && v.Outcome == it.Verdict.Outcome && v.Action == it.Verdict.Action && v.Policy == it.Verdict.Policy && slices.Equal(v.Reasons, it.Verdict.Reasons) {
		v = *it.Verdict // it stands since it was first given
	}
	changed := it
	changed.Verdict = &v
	c := cordon.Change{Of: it.Ref, From: it.State, To: it.State, Item: &changed, Findings: sealed, Verdict: &v, Done: []cordon.ID{e.ID}}
	facts := inspected(it, v, found)
	facts["ended"] = ended
	changes, proposed, err := f.propose(ctx, it, v, news, removal.LateLook, now)
	if err != nil {
		return err
	}
	if !proposed {
		c.Effects = append(c.Effects, shredAt(it, plan.Shred))
	}
	c.Entries = []cordon.Entry{cordon.NewEntry(cordon.EntryLate, it.Ref, now, cordon.Cordon, facts)}
	if err := f.Store.Commit(ctx, append([]cordon.Change{c}, changes...)...); err != nil {
		return err
	}
	f.sayProposed(changes)
	f.lateEnded(it, ended)
	return nil
}

// endLate commits that a late look found nothing out.
func (f *Flow) endLate(ctx context.Context, it cordon.Item, e cordon.Effect, plan latePlan, ended string) error {
	err := f.Store.Commit(ctx, cordon.Change{Of: it.Ref, From: it.State, To: it.State, Done: []cordon.ID{e.ID}, Effects: []cordon.Effect{shredAt(it, plan.Shred)},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryLate, it.Ref, f.Now().UTC(), cordon.Cordon, map[string]any{"ended": ended})}})
	if err == nil {
		f.lateEnded(it, ended)
		f.Log.Warn("a late look was given up; the first verdict stands", "item", it.ID, "attempts", e.Attempts)
	}
	return err
}

func (f *Flow) lateEnded(it cordon.Item, ended string) {
	if f.LateEnded != nil {
		f.LateEnded(it.Tenant, ended)
	}
}

func shredAt(it cordon.Item, at time.Time) cordon.Effect {
	shred := cordon.NewEffect(cordon.EffectShred, it.Ref)
	shred.NotBefore = at
	return shred
}
