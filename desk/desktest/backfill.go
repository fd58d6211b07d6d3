package desktest

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// PutBackfill adds a backfill as it is.
func (d *Desk) PutBackfill(b desk.Backfill) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.backfills = append([]desk.Backfill{b}, d.backfills...)
}

// Fill ends whatever backfill is under way.
func (d *Desk) Fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.backfills {
		if b := &d.backfills[i]; b.State == "running" || b.State == "paused" {
			b.State, b.Ended, b.Waiting, b.Speed = "done", d.Now(), nil, nil
		}
	}
}

// Backfills implements the desks of both doors.
func (d *Desk) Backfills(context.Context, cordon.TenantID) ([]desk.Backfill, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]desk.Backfill{}, d.backfills...), d.Err
}

// Backfill implements the desks of both doors.
func (d *Desk) Backfill(_ context.Context, tenant cordon.TenantID, name string) (desk.Backfill, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.backfill(tenant, name)
	if err != nil {
		return desk.Backfill{}, err
	}
	return *b, nil
}

func (d *Desk) backfill(tenant cordon.TenantID, name string) (*desk.Backfill, error) {
	for i := range d.backfills {
		if d.backfills[i].Name == name && tenant == Tenant && d.Err == nil {
			return &d.backfills[i], nil
		}
	}
	if d.Err != nil {
		return nil, d.Err
	}
	return nil, fmt.Errorf("backfill %s: %w", name, cordon.ErrNotFound)
}

// EstimateBackfill implements the desks of both doors.
func (d *Desk) EstimateBackfill(_ context.Context, _ cordon.TenantID, plan desk.BackfillPlan) (desk.BackfillEstimate, error) {
	if plan.Sample < 0 {
		return desk.BackfillEstimate{}, fmt.Errorf("%w: a sample of %d files", cordon.ErrInvalid, plan.Sample)
	}
	e := desk.BackfillEstimate{Files: 41_200, Take: 41_200, Bytes: 96_000_000_000, Calls: 41_223, LeastHours: 3.8, MostHours: 29.5, Days: 2.1, DailyCalls: 100_000,
		Objects: []desk.BackfillObject{{Object: "ContentVersion", Files: 38_000, Bytes: 93_000_000_000}, {Object: "Attachment", Files: 3200, Bytes: 3_000_000_000}},
		Money:   desk.Money{Sums: []desk.Sum{}}}
	if plan.Sample > 0 {
		e.Take = min(e.Take, plan.Sample)
	}
	return e, d.Err
}

// StartBackfill implements the desks of both doors.
func (d *Desk) StartBackfill(ctx context.Context, tenant cordon.TenantID, name string, plan desk.BackfillPlan, _ cordon.Actor) (desk.Backfill, error) {
	e, err := d.EstimateBackfill(ctx, tenant, plan)
	if err != nil {
		return desk.Backfill{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.backfills {
		if b.State == "running" || b.State == "paused" {
			return desk.Backfill{}, fmt.Errorf("%w: the backfill %s is %s", cordon.ErrConflict, b.Name, b.State)
		}
	}
	if name == "" {
		name = fmt.Sprintf("%s-%d", d.Now().UTC().Format(time.DateOnly), len(d.backfills)+1)
	}
	b := desk.Backfill{Name: name, State: "running", Plan: plan, Estimate: e, Started: d.Now(), AsOf: d.Now(), NotExamined: []desk.BackfillCount{},
		Spent: desk.Money{Sums: []desk.Sum{}}, Waits: []desk.BackfillWait{}, ByObject: []desk.BackfillPart{}, ByChannel: []desk.BackfillPart{},
		Outcomes: []desk.BackfillCount{}, Reasons: []desk.BackfillCount{}}
	d.backfills = append([]desk.Backfill{b}, d.backfills...)
	return b, nil
}

// TurnBackfill implements the desks of both doors.
func (d *Desk) TurnBackfill(_ context.Context, tenant cordon.TenantID, name, act string, _ cordon.Actor) (desk.Backfill, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.backfill(tenant, name)
	if err != nil {
		return desk.Backfill{}, err
	}
	to := map[string]string{"pause/running": "paused", "resume/paused": "running", "stop/running": "stopped", "stop/paused": "stopped"}[act+"/"+b.State]
	if to == "" {
		return *b, fmt.Errorf("%w: the backfill %s is %s", cordon.ErrConflict, name, b.State)
	}
	if b.State = to; to == "stopped" {
		b.Ended = d.Now()
	}
	return *b, nil
}

// PaceBackfill implements the desks of both doors.
func (d *Desk) PaceBackfill(_ context.Context, tenant cordon.TenantID, name string, pace desk.BackfillPace, _ cordon.Actor) (desk.Backfill, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.backfill(tenant, name)
	if err != nil {
		return desk.Backfill{}, err
	}
	b.Plan.BackfillPace = pace
	return *b, nil
}
