package sim

import (
	"net/http"
	"slices"
	"strings"
)

// pins returns the values that a condition ties a field to, if it does: with all the
// rest of WHERE, a record that matches has one of them.
func pins(c condition, name string) (values []any, tied bool) {
	switch c := c.(type) {
	case *both:
		if c.and {
			for _, term := range c.terms {
				if values, tied = pins(term, name); tied {
					return values, true
				}
			}
		}
	case *comparison:
		if len(c.path) == 1 && c.apply == "" && strings.EqualFold(c.path[0], name) && (c.op == "=" || c.op == "IN") {
			for id := range c.bound.within {
				values = append(values, id)
			}
			return append(values, c.bound.any...), true
		}
	}
	return nil, false
}

// selectRows finds the records a query asks for, in its order, before LIMIT and OFFSET
// have been left to the caller only for what a cursor needs.
func (t *tx) selectRows(q *query, all bool) ([]*record, *entity, error) {
	e := t.o.schema.entity(q.from)
	if e == nil || e.event || e.tooling && !t.tooling || !t.access(e).Read {
		f := malformed(q.soql, q.fromAt, "sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", q.from)
		f.code = "INVALID_TYPE"
		return nil, nil, f
	}
	if err := t.bind(q, e, q.where); err != nil {
		return nil, nil, err
	}
	_, byID := pins(q.where, "Id")
	_, byDocument := pins(q.where, "ContentDocumentId")
	_, byEntity := pins(q.where, "LinkedEntityId")
	// Query All Files lifts the restriction.
	// https://help.salesforce.com/s/articleView?id=experience.collab_files_query.htm
	everyFile := t.who.Profile.QueryAllFiles && t.who.Profile.ViewAllData
	if e.name == "ContentDocumentLink" && !byID && !byDocument && !byEntity && !everyFile {
		return nil, nil, newFault(http.StatusBadRequest, "MALFORMED_QUERY",
			"Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN operator.")
	}
	if q.grouped() { // order and limit are those of the groups
		whole := *q
		whole.order, whole.limit, whole.offset = nil, -1, 0
		q = &whole
	}
	among, ordered := t.candidates(e, q)
	enough := len(among)
	if ordered && q.limit >= 0 {
		enough = q.offset + q.limit
	}
	var rows []*record
	for _, r := range among {
		if len(rows) >= enough {
			break
		}
		if r.deleted() && (!all || t.now.Sub(r.deletedAt) > binLife) || !t.holds(r, q.where) || !t.mayList(r, byID || byDocument) {
			continue
		}
		if q.scope == "MINE" && r.text("OwnerId") != t.who.id {
			continue
		}
		rows = append(rows, r)
	}
	if err := t.sortRows(q, e, rows); err != nil {
		return nil, nil, err
	}
	rows = rows[min(q.offset, len(rows)):]
	if q.limit >= 0 {
		rows = rows[:min(q.limit, len(rows))]
	}
	return rows, e, nil
}

// mayList says whether a query shows the record. Files that a person can reach only
// through a record are shown only to a query that names them.
func (t *tx) mayList(r *record, named bool) bool {
	if named || t.access(r.e).ViewAll {
		return t.mayRead(r)
	}
	switch r.e.name {
	case "ContentDocument":
		return t.access(r.e).Read && t.sharing(r, false) != ""
	case "ContentVersion":
		doc := t.find(r.text("ContentDocumentId"))
		return doc != nil && t.access(r.e).Read && t.sharing(doc, false) != ""
	}
	return t.mayRead(r)
}

// candidates are the records that can match: those an id, an external id or a time leads
// to, or all; and whether they come in the order that the query asks for.
func (t *tx) candidates(e *entity, q *query) (rows []*record, ordered bool) {
	if e.derived {
		return t.derivedRows(e, q.where), false
	}
	if rows, tied := t.tied(e, q.where); tied {
		return rows, false
	}
	if rows, ordered, ok := t.o.tables[e].inTime(q); ok {
		return rows, ordered
	}
	return t.o.tables[e].all(), false
}

// tied are the records that an id or external id leads to.
func (t *tx) tied(e *entity, where condition) (rows []*record, ok bool) {
	table := t.o.tables[e]
	if ids, tied := pins(where, "Id"); tied {
		seen := map[*record]bool{}
		for _, id := range ids {
			text, _ := id.(string)
			full, _ := parseID(text)
			for _, r := range []*record{table.rows[text], table.rows[full]} {
				if r != nil && !seen[r] {
					seen[r] = true
					rows = append(rows, r)
				}
			}
		}
		if whole := anyWithin(where); whole {
			return nil, false // a subquery's ids lost their case
		}
		return rows, true
	}
	for name, index := range table.index {
		values, tied := pins(where, name)
		if !tied || slices.Contains(values, nil) {
			continue
		}
		seen := map[*record]bool{}
		for _, v := range values {
			text, _ := v.(string)
			for _, r := range index[strings.ToLower(text)] {
				if !seen[r] {
					seen[r] = true
					rows = append(rows, r)
				}
			}
		}
		return rows, true
	}
	return nil, false
}

func anyWithin(c condition) bool {
	switch c := c.(type) {
	case *both:
		return slices.ContainsFunc(c.terms, anyWithin)
	case *negation:
		return anyWithin(c.term)
	case *comparison:
		return c.bound != nil && c.bound.within != nil
	}
	return false
}

func (t *tx) sortRows(q *query, e *entity, rows []*record) error {
	keys := make([][]*field, len(q.order))
	for i, o := range q.order {
		steps, err := t.resolve(q, e, o.path, o.at)
		if err != nil {
			return err
		}
		keys[i] = steps
	}
	slices.SortStableFunc(rows, func(a, b *record) int {
		for i, o := range q.order {
			x, _, _ := t.walk(a, keys[i], o.path)
			y, _, _ := t.walk(b, keys[i], o.path)
			order := compareValues(x, y)
			if (x == nil) != (y == nil) {
				// Nulls come first whichever way the values go, unless asked for last.
				if o.nullsLast {
					order = -order
				}
			} else if o.down {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return nil
}
