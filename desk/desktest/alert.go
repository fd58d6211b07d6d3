package desktest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// alert is an alert of a tenant, under what its reporter calls it.
type alert struct {
	desk.Alert
	tenant cordon.TenantID
	key    string
}

// Report implements the alerts of both doors: whatever is named stands for the newest item
// that was delivered, with a neighbour that nobody looked at.
func (d *Desk) Report(_ context.Context, tenant cordon.TenantID, by cordon.Actor, r desk.Report, wait time.Duration) (desk.Alert, error) {
	if err := r.Check(); err != nil {
		return desk.Alert{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return desk.Alert{}, d.Err
	}
	key := string(by.ID) + "\x00" + r.External
	if i := slices.IndexFunc(d.alerts, func(a alert) bool { return r.External != "" && a.key == key && a.tenant == tenant }); i >= 0 {
		return d.alerts[i].Alert, nil
	}
	now := d.Now()
	a := desk.Alert{ID: cordon.NewID(cordon.PrefixAlert), At: now, By: by, Source: r.Source, What: "ContentVersion", Again: r.Again, Named: r.Named}
	if !d.Slow && wait > 0 {
		a.Answered, a.Window, a.Calls = now, time.Hour, 9
		for _, found := range d.items {
			if found.Item.Tenant == tenant && found.Item.State == cordon.Delivered {
				a.Items = append(a.Items, desk.AlertItem{Item: found.Item, Known: true, Copies: d.others(found.Item)})
			}
		}
		a.Count = len(a.Items)
		near := desk.Neighbour{Object: "ContentVersion", ID: "0685g00000XyZ12AAF", DocumentID: "0695g000004QwErAAK", Size: 48_211, Created: now.Add(-20 * time.Minute)}
		a.Around = []desk.Neighbours{{Name: "versions", Known: true}, {Name: "copies"}, {Name: "record", Known: true, Files: []desk.Neighbour{near}, More: 3}, {Name: "creator", Known: true}}
		for _, it := range a.Items {
			near.Item, near.ID = new(it.Item), "0685g00000XyZ13AAF"
			a.Around[3].Files = append(a.Around[3].Files, near)
		}
	}
	d.alerts = append(d.alerts, alert{a, tenant, key})
	return a, nil
}

// others are items of the tenant in the same state and of the same size.
func (d *Desk) others(of cordon.Item) (out []cordon.Item) {
	for _, r := range d.items {
		if r.Item.Tenant == of.Tenant && r.Item.ID != of.ID && r.Item.Size == of.Size {
			out = append(out, r.Item)
		}
	}
	return out
}

// PutAlert adds an alert as it is.
func (d *Desk) PutAlert(tenant cordon.TenantID, a desk.Alert) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alerts = append(d.alerts, alert{a, tenant, ""})
}

// Alert implements the alerts of both doors.
func (d *Desk) Alert(_ context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Alert, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.alerts {
		if a.tenant == tenant && a.ID == id {
			return a.Alert, d.Err
		}
	}
	return desk.Alert{}, cmp.Or(d.Err, fmt.Errorf("alert %s: %w", id, cordon.ErrNotFound))
}

// Alerts implements the alerts of both doors.
func (d *Desk) Alerts(_ context.Context, tenant cordon.TenantID, after cordon.ID, limit int) ([]desk.Alert, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []desk.Alert
	for _, a := range slices.Backward(d.alerts) {
		if a.tenant != tenant {
			continue
		}
		if a.ID == after {
			out = nil
			continue
		}
		a.Items, a.Around = nil, nil
		out = append(out, a.Alert)
	}
	return out[:min(len(out), limit)], d.Err
}
