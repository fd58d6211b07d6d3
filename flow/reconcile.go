package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
)

// owing says what items in some states owe: the effects of which one must be there.
type owing struct {
	states []cordon.State
	bytes  bool // only while bytes are kept
	kinds  []cordon.EffectKind
	owed   func(it cordon.Item, history []cordon.Entry) cordon.EffectKind // what is owed again; "": nothing
}

// Every state that is not named here owes nothing: it waits for a person, or Recover settles it.
var owings = []owing{
	{states: []cordon.State{cordon.Released, cordon.Forwarding}, kinds: []cordon.EffectKind{cordon.EffectRelease},
		owed: func(it cordon.Item, history []cordon.Entry) cordon.EffectKind {
			// What a sender waits for is settled by Recover, and what was asked about goes nowhere.
			if it.Op == cordon.OpAsk || it.State == cordon.Forwarding && !letGo(it, history) {
				return ""
			}
			return cordon.EffectRelease
		}},
	{states: []cordon.State{cordon.Released}, bytes: true, kinds: []cordon.EffectKind{cordon.EffectShred},
		owed: func(it cordon.Item, _ []cordon.Entry) cordon.EffectKind {
			if it.Op != cordon.OpAsk {
				return ""
			}
			return cordon.EffectShred
		}},
	{states: []cordon.State{cordon.Delivered, cordon.Kept, cordon.RefusedUpstream, cordon.Erased}, bytes: true,
		kinds: []cordon.EffectKind{cordon.EffectShred, cordon.EffectRescan, cordon.EffectLate},
		owed: func(it cordon.Item, _ []cordon.Entry) cordon.EffectKind {
			if it.State == cordon.Delivered && unscanned(it) {
				return cordon.EffectRescan
			}
			return cordon.EffectShred
		}},
}

// reconcileAtOnce bounds what is looked at in one go.
const reconcileAtOnce = 1000

// reconcile owes again what a state owes and nobody is going to do: an effect that got lost, by
// whatever fault, must not leave a released file nowhere or bytes for ever.
func (f *Flow) reconcile(ctx context.Context) error {
	var errs []error
	for _, o := range owings {
		items, err := f.Store.ItemsOwing(ctx, o.states, o.bytes, o.kinds, reconcileAtOnce)
		if err != nil {
			return fmt.Errorf("look for what is owed and was lost: %w", err)
		}
		for _, it := range items {
			if it.Forged {
				continue // it has been said, and nothing is done for it
			}
			var history []cordon.Entry
			if it.State == cordon.Forwarding { // there it matters who let it go
				if history, err = f.Store.Entries(ctx, it.Ref); err != nil {
					errs = append(errs, err)
					continue
				}
			}
			kind := o.owed(it, history)
			if kind == "" {
				continue
			}
			if wanted, err := f.wanted(ctx, it); err != nil || wanted {
				errs = append(errs, err) // somebody has to decide about its bytes
				continue
			}
			// The item itself is in the change, so that of two processes one is too late.
			now := f.Now().UTC()
			err := f.Store.Commit(ctx, cordon.Change{Of: it.Ref, From: it.State, To: it.State, Item: &it,
				Effects: []cordon.Effect{cordon.NewEffect(kind, it.Ref)},
				Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryOwedAgain, it.Ref, now, cordon.Cordon, map[string]any{"owed": string(kind)})}})
			if errors.Is(err, cordon.ErrConflict) {
				continue
			}
			if err == nil {
				f.Log.Error("what an item owes was lost and is owed again", "item", it.ID, "tenant", it.Tenant, "state", it.State, "owed", kind)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
