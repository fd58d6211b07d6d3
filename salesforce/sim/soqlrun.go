package sim

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bound is a comparison made ready for the schema: what to look at and what for.
type bound struct {
	steps  []*field            // the last is the field compared; nil when only the record tells
	any    []any               // values of =, != and IN
	spans  [][2]string         // for date literals: from, and before
	within map[string]bool     // ids of a subquery
	match  func(s string) bool // of LIKE
}

func badField(q *query, at int, column, on string) *fault {
	f := malformed(q.soql, at, "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", column, on)
	f.code = "INVALID_FIELD"
	return f
}

// resolve follows a path from an entity to fields. Beyond a reference to anything only
// the record can tell what is there, so the path ends in nil.
func (t *tx) resolve(q *query, e *entity, path []string, at int) ([]*field, error) {
	var steps []*field
	here := e
	for i, name := range path {
		last := i == len(path)-1
		if here == nil {
			return append(steps, nil), nil
		}
		if i == 0 && strings.EqualFold(name, here.name) && !last && here.byRelation[strings.ToLower(name)] == nil {
			continue // SELECT Account.Name FROM Account
		}
		f := here.field(name)
		if !last {
			if f = here.byRelation[strings.ToLower(name)]; f == nil {
				g := badField(q, at, name, here.name)
				g.message = strings.Replace(g.message, "No such column '"+name+"' on entity '"+here.name+"'",
					"Didn't understand relationship '"+name+"' in field path", 1)
				return nil, g
			}
		}
		if f == nil {
			return nil, badField(q, at, name, here.name)
		}
		steps = append(steps, f)
		if !last {
			if here = nil; len(f.to) == 1 && f.to[0] != "*" {
				here = t.o.schema.entity(f.to[0])
			}
		}
	}
	return steps, nil
}

// walk returns the value at the end of a path, and the field it was found in.
func (t *tx) walk(r *record, steps []*field, path []string) (any, *record, *field) {
	for i, f := range steps {
		if i == len(steps)-1 {
			if f == nil {
				name := path[len(path)-1]
				if strings.EqualFold(name, "Type") { // of Name, which is what lies beyond: the object, whatever fields that has
					return r.e.name, r, nil
				}
				if f = r.e.field(name); f == nil {
					return nil, r, nil
				}
			}
			return r.get(f), r, f
		}
		if r = t.find(r.text(f.name)); r == nil {
			return nil, nil, nil
		}
	}
	return nil, r, nil
}

// bind makes every comparison of a condition ready.
func (t *tx) bind(q *query, e *entity, c condition) error {
	switch c := c.(type) {
	case *both:
		for _, term := range c.terms {
			if err := t.bind(q, e, term); err != nil {
				return err
			}
		}
	case *negation:
		return t.bind(q, e, c.term)
	case *comparison:
		return t.bindComparison(q, e, c)
	}
	return nil
}

func (t *tx) bindComparison(q *query, e *entity, c *comparison) error {
	steps, err := t.resolve(q, e, c.path, c.at)
	if err != nil {
		return err
	}
	b := &bound{steps: steps}
	c.bound = b
	f := steps[len(steps)-1]
	if c.apply != "" {
		if f, err = c.applies(q, f); err != nil {
			return err
		}
	}
	if f != nil && (f.kind == "base64" || f.kind == "textarea" || f.kind == "html") {
		g := malformed(q.soql, c.at, "field '%s' can not be filtered in a query call", f.name)
		g.code = "INVALID_FIELD"
		return g
	}
	if c.sub != nil {
		b.within = map[string]bool{}
		rows, inner, err := t.selectRows(c.sub, false)
		if err != nil {
			return err
		}
		steps, err := t.resolve(c.sub, inner, c.sub.fields[0].path, c.sub.fields[0].at)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if v, _, _ := t.walk(r, steps, c.sub.fields[0].path); v != nil {
				s, _ := v.(string)
				b.within[strings.ToLower(s)] = true
			}
		}
		return nil
	}
	for _, v := range c.values {
		if err := t.bindValue(q, c, b, f, v); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) bindValue(q *query, c *comparison, b *bound, f *field, v token) error {
	kind := "string"
	if f != nil {
		kind = f.kind
	}
	wrong := func(want string) error {
		g := malformed(q.soql, v.at, "value of filter criterion for field '%s' must be of type %s and should not be enclosed in quotes", c.path[len(c.path)-1], want)
		g.code = "INVALID_FIELD"
		return g
	}
	if v.kind == tokenWord && strings.EqualFold(v.text, "null") {
		b.any = append(b.any, nil)
		return nil
	}
	switch kind {
	case "boolean":
		if v.kind != tokenWord || !strings.EqualFold(v.text, "true") && !strings.EqualFold(v.text, "false") {
			return wrong("boolean")
		}
		b.any = append(b.any, strings.EqualFold(v.text, "true"))
	case "int", "double", "currency":
		n, err := strconv.ParseFloat(v.text, 64)
		if v.kind != tokenNumber || err != nil {
			return wrong(kind)
		}
		b.any = append(b.any, n)
	case "date", "datetime":
		if v.kind == tokenWord {
			from, to, known := dateLiteral(v.text, t.now)
			if !known {
				return malformed(q.soql, v.at, "unexpected token: %s", v)
			}
			layout := dateTimeLayout
			if kind == "date" {
				layout = dateLayout
			}
			b.spans = append(b.spans, [2]string{from.Format(layout), to.Format(layout)})
			return nil
		}
		at, err := parseTime(v.text)
		switch {
		case v.kind != tokenDate:
			return wrong(map[string]string{"date": "date", "datetime": "dateTime"}[kind])
		case kind == "date" && len(v.text) == len(dateLayout):
			b.any = append(b.any, v.text)
		case kind == "date" || err != nil:
			return wrong(map[string]string{"date": "date", "datetime": "dateTime"}[kind])
		default:
			b.any = append(b.any, timestamp(at))
		}
	case "id", "reference":
		if v.kind != tokenString {
			return malformed(q.soql, v.at, "unexpected token: %s", v)
		}
		if c.op == "LIKE" {
			g := malformed(q.soql, c.at, "invalid operator on id field")
			g.code = "INVALID_QUERY_FILTER_OPERATOR"
			return g
		}
		id, good := parseID(v.text)
		if !good && v.text != "" {
			g := malformed(q.soql, v.at, "invalid ID field: %s", v.text)
			g.code = "INVALID_QUERY_FILTER_OPERATOR"
			return g
		}
		b.any = append(b.any, orNil(id))
	default:
		if v.kind != tokenString {
			g := malformed(q.soql, v.at, "value of filter criterion for field '%s' must be of type string and should be enclosed in quotes", c.path[len(c.path)-1])
			g.code = "INVALID_FIELD"
			return g
		}
		if c.op == "LIKE" {
			b.match = likeMatcher(v)
			return nil
		}
		b.any = append(b.any, orNil(v.text))
	}
	return nil
}

// dateLiteral resolves TODAY, LAST_N_DAYS:3 and their kin to a span of time.
func dateLiteral(text string, now time.Time) (from, to time.Time, known bool) {
	name, count, _ := strings.Cut(strings.ToUpper(text), ":")
	n, err := strconv.Atoi(count)
	if strings.Contains(name, "_N_") && (err != nil || n < 0 || n > 100_000) {
		return from, to, false
	}
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	year := time.Date(now.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	week := today.AddDate(0, 0, -int(today.Weekday()))
	switch name {
	case "TODAY":
		return today, today.AddDate(0, 0, 1), true
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today, true
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2), true
	case "THIS_WEEK":
		return week, week.AddDate(0, 0, 7), true
	case "LAST_WEEK":
		return week.AddDate(0, 0, -7), week, true
	case "THIS_MONTH":
		return month, month.AddDate(0, 1, 0), true
	case "LAST_MONTH":
		return month.AddDate(0, -1, 0), month, true
	case "THIS_YEAR":
		return year, year.AddDate(1, 0, 0), true
	case "LAST_YEAR":
		return year.AddDate(-1, 0, 0), year, true
	case "LAST_N_DAYS":
		return today.AddDate(0, 0, -n), today.AddDate(0, 0, 1), true
	case "NEXT_N_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, n+1), true
	}
	return from, to, false
}

// likeMatcher makes a test of a LIKE pattern: % any run, _ any one, case ignored.
func likeMatcher(v token) func(string) bool {
	type piece struct {
		r    rune
		wild bool
	}
	var pattern []piece
	for i, r := range v.text {
		pattern = append(pattern, piece{r, (r == '%' || r == '_') && !v.plain[i]})
	}
	for i := range pattern {
		if !pattern[i].wild {
			pattern[i].r = lowerRune(pattern[i].r)
		}
	}
	return func(s string) bool {
		text := []rune(strings.ToLower(s))
		// The usual two-pointer walk: on a mismatch, let the last % take one more.
		p, i, star, mark := 0, 0, -1, 0
		for i < len(text) {
			switch {
			case p < len(pattern) && pattern[p].wild && pattern[p].r == '%':
				star, mark = p, i
				p++
			case p < len(pattern) && (pattern[p].wild || pattern[p].r == text[i]):
				p++
				i++
			case star >= 0:
				mark++
				p, i = star+1, mark
			default:
				return false
			}
		}
		for p < len(pattern) && pattern[p].wild && pattern[p].r == '%' {
			p++
		}
		return p == len(pattern)
	}
}

func lowerRune(r rune) rune { return []rune(strings.ToLower(string(r)))[0] }

// holds says whether a record meets a bound condition.
func (t *tx) holds(r *record, c condition) bool {
	switch c := c.(type) {
	case nil:
		return true
	case *both:
		for _, term := range c.terms {
			if t.holds(r, term) != c.and {
				return !c.and
			}
		}
		return c.and
	case *negation:
		return !t.holds(r, c.term)
	case *comparison:
		v, _, _ := t.walk(r, c.bound.steps, c.path)
		return c.bound.compare(c.op, applyDate(c.apply, v))
	}
	return false
}

func (b *bound) compare(op string, v any) bool {
	text, _ := v.(string)
	if b.within != nil {
		return b.within[strings.ToLower(text)] == (op == "IN")
	}
	switch op {
	case "LIKE":
		return v != nil && b.match != nil && b.match(text)
	case "=", "IN":
		return b.equalsAny(v)
	case "!=", "NOT IN":
		return !b.equalsAny(v)
	}
	if v == nil {
		return false
	}
	if len(b.spans) > 0 {
		from, to := b.spans[0][0], b.spans[0][1]
		switch op {
		case "<":
			return text < from
		case "<=":
			return text < to
		case ">":
			return text >= to
		}
		return text >= from
	}
	order := compareValues(v, b.any[0])
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (b *bound) equalsAny(v any) bool {
	text, isText := v.(string)
	for _, span := range b.spans {
		if isText && text >= span[0] && text < span[1] {
			return true
		}
	}
	for _, want := range b.any {
		if w, is := want.(string); is && isText && strings.EqualFold(w, text) || want == v {
			return true
		}
	}
	return false
}

// compareValues orders two values of one field; null comes first.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case float64:
		if b, is := b.(float64); is {
			return cmp.Compare(a, b)
		}
	case bool:
		if b, is := b.(bool); is && a != b {
			if a {
				return 1
			}
			return -1
		}
	case string:
		if b, is := b.(string); is {
			if a == b {
				return 0
			}
			return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
		}
	}
	return 0
}

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
