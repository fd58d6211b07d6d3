package desktest

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// SetCoverage says what was counted of a tenant; of one that it was not called for, nothing was.
func (d *Desk) SetCoverage(tenant cordon.TenantID, c desk.Coverage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.covers == nil {
		d.covers = map[cordon.TenantID]desk.Coverage{}
	}
	d.covers[tenant] = c
}

// Coverage answers with what was set, whatever days are asked for.
func (d *Desk) Coverage(_ context.Context, tenant cordon.TenantID, q desk.CoverageQuery) (desk.Coverage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return desk.Coverage{}, d.Err
	}
	c, counted := d.covers[tenant]
	if !counted {
		return desk.Coverage{From: q.From, To: q.To}, nil
	}
	if n := len(c.Unexamined); !q.Fresh && n > q.Limit {
		c.Unexamined, c.More = c.Unexamined[:q.Limit], c.More+n-q.Limit
	}
	return c, nil
}

// Week is the coverage of a clinic's org in the week before a morning: one connected app has
// brought files past the gateway since yesterday.
func Week(now time.Time) desk.Coverage {
	const clerk, app, guest = "0055g000004QwErAAK", "0055g000009LabAAAT", "0055g000007GuestAA"
	midnight := now.UTC().Truncate(24 * time.Hour)
	c := desk.Coverage{From: midnight.AddDate(0, 0, -7), To: midnight.AddDate(0, 0, 1), AsOf: now.Add(-18 * time.Minute), Unexamined: []desk.Unexamined{}}
	for i, n := range []desk.CoverageCount{{Gained: 181, Examined: 179, Tried: 2}, {Gained: 176, Examined: 176}, {Gained: 190, Examined: 186, Tried: 3},
		{Gained: 168, Examined: 167, Tried: 1}, {Gained: 41, Examined: 41}, {Gained: 38, Examined: 38}, {Gained: 212, Examined: 171, Tried: 2, Elsewhere: 3}, {Gained: 64, Examined: 56}} {
		c.Days = append(c.Days, desk.CoverageDay{Day: c.From.AddDate(0, 0, i), CoverageCount: n, Final: i < 7, Counted: now.Add(-18 * time.Minute)})
		c.Add(n)
	}
	c.Parts = desk.MergeParts([]desk.CoveragePart{
		{Channel: cordon.ChannelAPI, Creator: app, CoverageCount: desk.CoverageCount{Gained: 47}},
		{Channel: cordon.ChannelUI, Creator: clerk, CoverageCount: desk.CoverageCount{Gained: 388, Examined: 380, Tried: 7, Elsewhere: 3}},
		{Channel: cordon.ChannelPortal, Creator: guest, Client: "portal-connected-app", CoverageCount: desk.CoverageCount{Gained: 635, Examined: 634, Tried: 1}},
	})
	for i := range 40 {
		c.Unexamined = append(c.Unexamined, desk.Unexamined{Object: "ContentVersion", ID: fmt.Sprintf("0685g0000%06dAAA", 4200-i), Channel: cordon.ChannelAPI,
			Creator: app, Created: now.Add(-time.Duration(i) * 31 * time.Minute), Size: int64(210_000 + 977*i)})
	}
	c.Unexamined[3].Why, c.Unexamined[3].Channel, c.Unexamined[3].Creator = cordon.ReasonGone, cordon.ChannelUI, clerk
	c.More = c.NotExamined() - len(c.Unexamined)
	c.Why = []desk.CoverageWhy{{Files: 48}, {Reason: cordon.ReasonNotCovered, Files: 5}, {Reason: cordon.ReasonGone, Files: 3}}
	c.Alarm = &desk.CoverageAlarm{Day: midnight.AddDate(0, 0, -1), Cause: desk.CoverageBelowFloor, Share: 0.8066, Bound: 0.9, Raised: midnight.Add(20 * time.Minute)}
	return c
}
