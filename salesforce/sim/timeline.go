package sim

import (
	"cmp"
	"slices"
	"strings"
)

// timelines names the fields by whose order clients read whole tables, page after page.
var timelines = []string{"SystemModstamp", "CreatedDate"}

// timeline holds the records of a table by a time and, at the same instant, by id. It is
// put in order when it is read, so that writing costs no more than an append.
type timeline struct {
	field  string
	sorted []moment
	fresh  []moment // not sorted in yet
}

type moment struct {
	at, id string // id in lower case, which is how comparisons see it
	r      *record
}

func (l *timeline) note(r *record, at string) {
	l.fresh = append(l.fresh, moment{at, strings.ToLower(r.id), r})
}

func compareMoments(a, b moment) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
}

// stands says that a moment is still true of its record.
func (t *table) stands(l *timeline, m moment) bool {
	return m.r.values[l.field] == m.at && t.rows[m.r.id] == m.r
}

// settle sorts the fresh moments in and forgets what no longer stands.
func (t *table) settle(l *timeline) {
	if len(l.fresh) == 0 {
		return
	}
	slices.SortFunc(l.fresh, compareMoments)
	all := make([]moment, 0, len(l.sorted)+len(l.fresh))
	old, fresh := l.sorted, l.fresh
	for len(old)+len(fresh) > 0 {
		var m moment
		if len(fresh) == 0 || len(old) > 0 && compareMoments(old[0], fresh[0]) <= 0 {
			m, old = old[0], old[1:]
		} else {
			m, fresh = fresh[0], fresh[1:]
		}
		again := len(all) > 0 && all[len(all)-1] == m
		if !again && t.stands(l, m) {
			all = append(all, m)
		}
	}
	l.sorted, l.fresh = all, nil
}

// inTime returns the records that a query's WHERE leaves between two times, in the order of
// time and id, and whether that is the order that the query asks for.
func (t *table) inTime(q *query) (rows []*record, ordered, ok bool) {
	name := ""
	if len(q.order) > 0 && len(q.order[0].path) == 1 {
		name = q.order[0].path[0]
	}
	for _, l := range t.lines {
		if !strings.EqualFold(l.field, name) {
			continue
		}
		t.settle(l)
		ordered = !q.order[0].down && (len(q.order) == 1 ||
			len(q.order) == 2 && len(q.order[1].path) == 1 && strings.EqualFold(q.order[1].path[0], "Id") && !q.order[1].down)
		from, to := 0, len(l.sorted)
		if least, bounded := limitOf(q.where, l.field, true); bounded {
			from, _ = slices.BinarySearchFunc(l.sorted, least, func(m moment, at string) int { return cmp.Compare(m.at, at) })
		}
		if most, bounded := limitOf(q.where, l.field, false); bounded {
			to, _ = slices.BinarySearchFunc(l.sorted, most+"\xff", func(m moment, at string) int { return cmp.Compare(m.at, at) })
		}
		for _, m := range l.sorted[min(from, to):to] {
			if t.stands(l, m) {
				rows = append(rows, m.r)
			}
		}
		return rows, ordered, true
	}
	return nil, false, false
}

// limitOf returns the least (or the greatest) time that a bound condition leaves to a field.
func limitOf(c condition, field string, least bool) (limit string, bounded bool) {
	tighter := func(a, b string) bool { return least == (a > b) }
	switch c := c.(type) {
	case *both:
		for i, term := range c.terms {
			one, has := limitOf(term, field, least)
			switch {
			case c.and && has && (!bounded || tighter(one, limit)):
				limit, bounded = one, true
			case !c.and && !has:
				return "", false
			case !c.and && (i == 0 || tighter(limit, one)):
				limit, bounded = one, true
			}
		}
		return limit, bounded
	case *comparison:
		if len(c.path) != 1 || c.apply != "" || !strings.EqualFold(c.path[0], field) || len(c.bound.any) != 1 || len(c.bound.spans) > 0 {
			return "", false
		}
		at, is := c.bound.any[0].(string)
		switch c.op {
		case "=":
			return at, is
		case ">", ">=":
			return at, is && least
		case "<", "<=":
			return at, is && !least
		}
	}
	return "", false
}
