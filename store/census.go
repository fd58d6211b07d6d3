package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// purposeIs selects the items of each purpose.
var purposeIs = func() map[cordon.Purpose]string {
	out := map[cordon.Purpose]string{}
	for _, mode := range cordon.Modes() {
		ops := map[cordon.Purpose][]string{}
		for _, op := range append(cordon.Operations(), "") {
			if p, ok := cordon.PurposeOf(op, mode); ok {
				ops[p] = append(ops[p], "'"+string(op)+"'")
			}
		}
		for p, names := range ops {
			if out[p] != "" {
				out[p] += " OR "
			}
			out[p] += "mode = '" + string(mode) + "' AND op IN (" + strings.Join(names, ", ") + ")"
		}
	}
	for p, sql := range out {
		out[p] = "(" + sql + ")"
	}
	return out
}()

// purposesAre selects the items of any of the purposes.
func purposesAre(purposes []cordon.Purpose) string {
	var sql []string
	for _, p := range purposes {
		sql = append(sql, purposeIs[p])
	}
	return "(" + strings.Join(sql, " OR ") + ")"
}

// mayStand selects the items that can be in a state at all, beginning with " AND ".
var mayStand = func() map[cordon.State]string {
	out := map[cordon.State]string{}
	for _, s := range cordon.States() {
		may := slices.DeleteFunc(cordon.Purposes(), func(p cordon.Purpose) bool {
			_, ok := p.Stand(s)
			return !ok
		})
		out[s] = " AND " + purposesAre(may)
	}
	return out
}()

// unexamined selects what passed while a check was silent and can still be looked at.
const unexamined = `state = 'delivered' AND blob <> '' AND (verdict = '' OR verdict LIKE '%"passed-unscanned"%')`

// contradictory selects what is in a state that it cannot be in: no commit takes it there.
var contradictory = func() string {
	known := "FALSE"
	for _, s := range cordon.States() {
		known += " OR state = '" + string(s) + "'" + mayStand[s]
	}
	return "NOT (" + known + ")"
}()

// owing selects the items that owe a debt, one condition for each state.
func owing(d cordon.Debt) (out []string) {
	for _, s := range cordon.States() {
		if purposes := s.Purposes(d); len(purposes) > 0 {
			out = append(out, "state = '"+string(s)+"' AND "+purposesAre(purposes))
		}
	}
	switch d {
	case cordon.OweRescan:
		out = append(out, unexamined)
	case cordon.OweSettlement:
		out = append(out, contradictory)
	}
	return out
}

// Census counts what there is of a tenant, in one statement and so at one instant.
func (db *DB) Census(ctx context.Context, tenant cordon.TenantID, now time.Time) (cordon.Census, error) {
	out := cordon.Census{At: now, Stands: []cordon.StandCount{}, Held: []cordon.HeldCount{}, Removals: map[cordon.State]int{}}
	sums := ""
	for _, p := range cordon.Purposes() {
		sums += ", count(CASE WHEN " + purposeIs[p] + " THEN 1 END)"
	}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var what, name, channel string
		var oldest int64
		var n [4]int
		var total int
		if err := row(&what, &name, &channel, &total, &n[0], &n[1], &n[2], &n[3], &oldest); err != nil {
			return err
		}
		switch what {
		case "state":
			for i, p := range cordon.Purposes() {
				if n[i] > 0 {
					out.Stands = append(out.Stands, cordon.StandCount{State: cordon.State(name), Purpose: p, Items: n[i]})
				}
				total -= n[i]
			}
			if total > 0 {
				out.Stands = append(out.Stands, cordon.StandCount{State: cordon.State(name), Items: total})
			}
		case "held":
			out.Held = append(out.Held, cordon.HeldCount{Route: name, Channel: cordon.Channel(channel),
				Hour: n[0], Shift: n[1], Day: n[2], Up: n[3], Oldest: at(oldest)})
		case "unexamined":
			out.Unexamined = total
		case "removal":
			out.Removals[cordon.State(name)] = total
		}
		return nil
	}, `
		SELECT 'state', s.v, '', count(*)`+sums+`, 0
		FROM unnest($6::text[]) WITH ORDINALITY AS s(v, ord) CROSS JOIN items WHERE items.state = s.v AND items.tenant = $1 GROUP BY s.v
		UNION ALL
		SELECT 'held', '' || route, channel, count(*), count(CASE WHEN received_at > $2 THEN 1 END),
			count(CASE WHEN received_at <= $2 AND received_at > $3 THEN 1 END),
			count(CASE WHEN received_at <= $3 AND received_at > $4 THEN 1 END),
			count(CASE WHEN received_at <= $4 THEN 1 END), min(received_at)
		FROM items WHERE tenant = $1 AND state = 'held' GROUP BY '' || route, channel
		UNION ALL
		SELECT 'unexamined', '', '', count(*), 0, 0, 0, 0, 0 FROM items WHERE tenant = $1 AND `+unexamined+`
		UNION ALL
		SELECT 'removal', state, '', count(*), 0, 0, 0, 0, 0 FROM things WHERE tenant = $1 AND kind = $5 GROUP BY state`,
		tenant, ns(now.Add(-time.Hour)), ns(now.Add(-8*time.Hour)), ns(now.Add(-24*time.Hour)), cordon.KindRemoval, texts(cordon.States()))
	slices.SortFunc(out.Held, func(a, b cordon.HeldCount) int { return a.Oldest.Compare(b.Oldest) })
	if err != nil {
		return out, fmt.Errorf("count what there is: %w", err)
	}
	return out, nil
}
