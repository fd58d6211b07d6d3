package sim

import (
	"slices"
	"strings"
)

// keepHaving drops the groups that HAVING does not want.
func (c *call) keepHaving(q *query, e *entity, groups *[]group) error {
	if q.having == nil {
		return nil
	}
	columns := map[*comparison]column{}
	var bind func(condition) error
	bind = func(cond condition) error {
		switch cond := cond.(type) {
		case *both:
			for _, term := range cond.terms {
				if err := bind(term); err != nil {
					return err
				}
			}
		case *negation:
			return bind(cond.term)
		case *comparison:
			if cond.sub != nil || cond.path == nil || !slices.Contains(aggregates, cond.apply) && !q.groupedBy(cond.apply, cond.path) {
				return malformed(q.soql, cond.at, "HAVING takes aggregates and fields of GROUP BY")
			}
			col, err := c.column(q, e, cond.apply, cond.path, cond.at)
			if err != nil {
				return err
			}
			columns[cond] = col
			f := col.steps[len(col.steps)-1]
			if strings.HasPrefix(cond.apply, "COUNT") || cond.apply == "SUM" || cond.apply == "AVG" {
				f = &field{name: cond.apply, kind: "double"}
			} else if dateFunctions[cond.apply] != nil {
				if f, err = cond.applies(q, f); err != nil {
					return err
				}
			}
			cond.bound = &bound{}
			for _, v := range cond.values {
				if err := c.bindValue(q, cond, cond.bound, f, v); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := bind(q.having); err != nil {
		return err
	}
	var holds func(condition, group) bool
	holds = func(cond condition, g group) bool {
		switch cond := cond.(type) {
		case *both:
			for _, term := range cond.terms {
				if holds(term, g) != cond.and {
					return !cond.and
				}
			}
			return cond.and
		case *negation:
			return !holds(cond.term, g)
		case *comparison:
			return cond.bound.compare(cond.op, c.value(columns[cond], g))
		}
		return false
	}
	*groups = slices.DeleteFunc(*groups, func(g group) bool { return !holds(q.having, g) })
	return nil
}

func (c *call) sortGroups(q *query, e *entity, groups []group) error {
	for i := len(q.order) - 1; i >= 0; i-- { // stable, so the first key goes last
		o := q.order[i]
		if !slices.Contains(aggregates, o.apply) && !q.groupedBy(o.apply, o.path) || o.path == nil {
			return malformed(q.soql, o.at, "Ordered field must be grouped or aggregated: %s", strings.Join(o.path, "."))
		}
		col, err := c.column(q, e, o.apply, o.path, o.at)
		if err != nil {
			return err
		}
		slices.SortStableFunc(groups, func(a, b group) int {
			order := compareValues(c.value(col, a), c.value(col, b))
			if o.down {
				order = -order
			}
			return order
		})
	}
	return nil
}
