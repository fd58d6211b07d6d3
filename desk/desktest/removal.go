package desktest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Propose proposes to take an item out of the CRM, for a mark that a late look has found.
func (d *Desk) Propose(item cordon.ID) cordon.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.items[item]
	found := cordon.Finding{Detector: "watermark", Version: "1+search", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelGeneratorWatermark,
		Sentence: "The picture carries the invisible mark of Stable Diffusion XL.", Late: true, Detail: map[string]any{}}
	r.Findings = append(r.Findings, found)
	verdict := *r.Item.Verdict
	verdict.Outcome, verdict.Action, verdict.Reasons = cordon.Synthetic, cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorWatermark}
	r.Item.Verdict = &verdict
	d.note(r, cordon.EntryLate, cordon.Cordon, map[string]any{"ended": "looked"})
	r.Removal = &desk.Removal{ID: cordon.NewID(cordon.PrefixRemoval), State: desk.RemovalProposed, Cause: "late-look", Outcome: cordon.Synthetic,
		Reasons: verdict.Reasons, At: d.Now(), Item: r.Item, Link: "https://acme.example.my.salesforce.com/0695g000004QwErAAK"}
	return r.Removal.ID
}

// Removals, Removal, DecideRemoval and CountRemovals implement the removals of both doors.
func (d *Desk) Removals(_ context.Context, tenant cordon.TenantID, state cordon.State, after cordon.ID, limit int) ([]desk.Removal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return nil, d.Err
	}
	var out []desk.Removal
	for _, r := range d.proposed(tenant) {
		if state == "" || r.State == state {
			out = append(out, r)
		}
	}
	if i := slices.IndexFunc(out, func(r desk.Removal) bool { return r.ID == after }); i >= 0 {
		out = out[i+1:]
	}
	return out[:min(limit, len(out))], nil
}

// proposed lists the removals of a tenant, the latest first.
func (d *Desk) proposed(tenant cordon.TenantID) (out []desk.Removal) {
	for _, r := range d.items {
		if r.Item.Tenant == tenant && r.Removal != nil {
			one := *r.Removal
			one.Item = r.Item
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b desk.Removal) int { return b.At.Compare(a.At) })
	return out
}

func (d *Desk) Removal(_ context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Removal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.proposed(tenant) {
		if r.ID == id {
			return r, d.Err
		}
	}
	return desk.Removal{}, cordon.ErrNotFound
}

func (d *Desk) CountRemovals(_ context.Context, tenant cordon.TenantID) (map[cordon.State]int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[cordon.State]int{}
	for _, r := range d.proposed(tenant) {
		out[r.State]++
	}
	return out, d.Err
}

func (d *Desk) DecideRemoval(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (desk.Removal, error) {
	r, err := d.Removal(ctx, tenant, id)
	if err != nil {
		return r, err
	}
	if r.State != desk.RemovalProposed {
		return r, fmt.Errorf("%w: removal %s is %s", cordon.ErrConflict, id, r.State)
	}
	if dec.Version != 0 && dec.Version != r.Version {
		return r, fmt.Errorf("%w: the reasons of %s changed", cordon.ErrConflict, id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.State, r.DecidedAt, r.By, r.Review, r.Note = desk.RemovalAccepted, d.Now().Add(time.Second), by, dec.Outcome, dec.Note
	if dec.Outcome.Releases() {
		r.State = desk.RemovalDismissed
	}
	d.items[r.Item.ID].Removal = &r
	return r, nil
}
