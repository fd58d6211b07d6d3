package sim

import (
	"strings"
)

// maxRollup is how many fields ROLLUP and CUBE take.
const maxRollup = 3

// group is the records that share the values a query groups by.
type group struct {
	rows []*record
	over []selected // what a subtotal does not tell apart
}

// allGroups are the groups of a query, with the subtotals that ROLLUP or CUBE adds.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_group_by_rollup.htm
func (c *call) allGroups(q *query, by []column, rows []*record) []group {
	out := c.groups(by, rows)
	if q.rollup == "" || len(rows) == 0 {
		return out
	}
	// Bits of keep say which fields a level of subtotals still tells apart.
	for keep := 1<<len(by) - 2; keep >= 0; keep-- {
		if q.rollup == "ROLLUP" && keep&(keep+1) != 0 {
			continue // ROLLUP drops fields from the right only
		}
		var kept []column
		var over []selected
		for i := range by {
			if keep>>i&1 == 1 {
				kept = append(kept, by[i])
			} else {
				over = append(over, q.group[i])
			}
		}
		for _, g := range c.groups(kept, rows) {
			g.over = over
			out = append(out, g)
		}
	}
	return out
}

func (c *call) groups(by []column, rows []*record) []group {
	if len(by) == 0 {
		return []group{{rows: rows}}
	}
	var groups []group
	at := map[string]int{}
	var key strings.Builder
	for _, r := range rows {
		key.Reset()
		for _, col := range by {
			v, _, _ := c.walk(r, col.steps, col.path)
			key.WriteString(keyOf(applyDate(col.apply, v)))
			key.WriteByte(0)
		}
		i, known := at[key.String()]
		if !known {
			i = len(groups)
			at[key.String()] = i
			groups = append(groups, group{})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	return groups
}
