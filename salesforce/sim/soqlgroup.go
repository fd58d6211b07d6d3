package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Queries with aggregates and GROUP BY. As on the platform, which fields can be grouped is
// the field's property; a time is grouped by a function of it; and the groups come in one
// batch or not at all.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_groupby.htm

var aggregates = []string{"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"}

// dateFunctions turn a time into what the function's name says, in UTC.
var dateFunctions = map[string]func(day string) any{
	"CALENDAR_YEAR":  func(d string) any { return digits(d[:4]) },
	"CALENDAR_MONTH": func(d string) any { return digits(d[5:7]) },
	"DAY_IN_MONTH":   func(d string) any { return digits(d[8:10]) },
	"DAY_ONLY":       func(d string) any { return d[:10] },
}

func digits(s string) any {
	n, _ := strconv.Atoi(s)
	return float64(n)
}

func applyDate(apply string, v any) any {
	day, is := v.(string)
	if f := dateFunctions[apply]; f != nil && is && len(day) >= 10 {
		return f(day)
	}
	return v
}

// applied reads what is applied to what, after the function's name.
func (p *parser) applied(name token) (apply string, path []string, err error) {
	apply = strings.ToUpper(name.text)
	if _, isDate := dateFunctions[apply]; !isDate && apply != "FIELDS" && !slices.Contains(aggregates, apply) {
		return "", nil, p.unexpected(name)
	}
	if err := p.expect("("); err != nil {
		return "", nil, err
	}
	if inner := p.peek(); inner.kind == tokenWord {
		p.next()
		path = strings.Split(inner.text, ".")
	} else if apply != "COUNT" {
		return "", nil, p.unexpected(inner)
	}
	return apply, path, p.expect(")")
}

func (p *parser) groupBy(q *query) error {
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		t := p.next()
		if t.kind != tokenWord {
			return p.unexpected(t)
		}
		g := selected{path: strings.Split(t.text, "."), at: t.at}
		if p.peek().is("(") {
			var err error
			if g.apply, g.path, err = p.applied(t); err != nil {
				return err
			}
			if dateFunctions[g.apply] == nil {
				return p.unexpected(t)
			}
		}
		q.group = append(q.group, g)
		if !p.accept(",") {
			break
		}
	}
	if p.accept("HAVING") {
		var err error
		q.having, err = p.or()
		return err
	}
	return nil
}

// checkGroups refuses what only makes sense the other way: with groups, or without.
func (p *parser) checkGroups(q *query) error {
	if !q.grouped() {
		for _, s := range q.fields {
			if s.aside.text != "" {
				return p.unexpected(s.aside)
			}
		}
		for _, o := range q.order {
			if o.apply != "" {
				return malformed(q.soql, o.at, "unexpected token: '%s'", o.apply)
			}
		}
		return nil
	}
	for _, s := range q.fields {
		switch {
		case s.sub != nil || s.apply == "FIELDS" || slices.Contains(aggregates, s.apply) && s.path == nil:
			return malformed(q.soql, s.at, "Grouped query cannot use this here")
		case !slices.Contains(aggregates, s.apply) && !q.groupedBy(s.apply, s.path):
			return malformed(q.soql, s.at, "Field must be grouped or aggregated: %s", strings.Join(s.path, "."))
		}
	}
	return nil
}

// counts says that the query is for a number of records only: SELECT COUNT() FROM.
func (q *query) counts() bool {
	return len(q.group) == 0 && len(q.fields) == 1 && q.fields[0].apply == "COUNT" && q.fields[0].path == nil
}

// grouped says that the query answers with groups, perhaps one of all records.
func (q *query) grouped() bool {
	return len(q.group) > 0 || !q.counts() && slices.ContainsFunc(q.fields, func(s selected) bool { return s.apply != "" && s.apply != "FIELDS" })
}

func (q *query) groupedBy(apply string, path []string) bool {
	return slices.ContainsFunc(q.group, func(g selected) bool {
		return g.apply == apply && strings.EqualFold(strings.Join(g.path, "."), strings.Join(path, "."))
	})
}

// groupable says whether records can be grouped by the field.
func (f *field) groupable() bool {
	switch f.kind {
	case "base64", "textarea", "html", "datetime", "double", "currency":
		return false
	}
	// Sizes are numbers of their own kind: ask for ranges.
	return f.length <= 255 && f.name != "ContentSize" && f.name != "BodyLength"
}

// applies returns the field that a comparison with a function has, or why it cannot.
func (c *comparison) applies(q *query, f *field) (*field, error) {
	if f == nil || f.kind != "datetime" && f.kind != "date" || dateFunctions[c.apply] == nil {
		return nil, malformed(q.soql, c.at, "unexpected token: '%s'", c.apply)
	}
	kind := "int"
	if c.apply == "DAY_ONLY" {
		kind = "date"
	}
	return &field{name: f.name, kind: kind}, nil
}

// column is one value of a group: what it is grouped by, or an aggregate of its records.
type column struct {
	apply string
	path  []string
	steps []*field
}

func (c *call) column(q *query, e *entity, apply string, path []string, at int) (column, error) {
	steps, err := c.resolve(q, e, path, at)
	if err != nil {
		return column{}, err
	}
	f := steps[len(steps)-1]
	numeric := f != nil && (f.kind == "int" || f.kind == "double" || f.kind == "currency")
	isTime := f != nil && (f.kind == "datetime" || f.kind == "date")
	switch {
	case dateFunctions[apply] != nil && !isTime,
		(apply == "SUM" || apply == "AVG") && !numeric,
		slices.Contains(aggregates, apply) && f != nil && (f.kind == "base64" || f.kind == "textarea" || f.kind == "html" || f.kind == "boolean"):
		return column{}, malformed(q.soql, at, "field %s does not support aggregate operator %s", path[len(path)-1], apply)
	case apply == "" && f != nil && !f.groupable():
		return column{}, malformed(q.soql, at, "field '%s' can not be grouped in a query call", f.name)
	}
	return column{apply, path, steps}, nil
}

// value is the column's value of a group.
func (c *call) value(col column, rows []*record) any {
	if !slices.Contains(aggregates, col.apply) {
		v, _, _ := c.walk(rows[0], col.steps, col.path)
		return applyDate(col.apply, v)
	}
	n, sum := 0, 0.0
	var least, most any
	var distinct map[string]bool
	if col.apply == "COUNT_DISTINCT" {
		distinct = map[string]bool{}
	}
	for _, r := range rows {
		v, _, _ := c.walk(r, col.steps, col.path)
		if v == nil {
			continue
		}
		if x, is := v.(float64); is {
			sum += x
		}
		if n++; n == 1 || compareValues(v, least) < 0 {
			least = v
		}
		if n == 1 || compareValues(v, most) > 0 {
			most = v
		}
		if distinct != nil {
			distinct[keyOf(v)] = true
		}
	}
	switch col.apply {
	case "COUNT":
		return float64(n)
	case "COUNT_DISTINCT":
		return float64(len(distinct))
	case "MIN":
		return least
	case "MAX":
		return most
	}
	if n == 0 {
		return nil
	}
	if col.apply == "AVG" {
		return sum / float64(n)
	}
	return sum
}

// keyOf is what two values of one group share; case does not tell texts apart.
func keyOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "\x00"
	case string:
		return "s" + strings.ToLower(v)
	case float64:
		return "n" + strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return "b" + strconv.FormatBool(v)
	}
	return "?"
}

// aggregate answers a query with groups. Without GROUP BY there is one, of all records.
func (c *call) aggregate(q *query, e *entity, rows []*record) (*answer, error) {
	by := make([]column, len(q.group))
	for i, g := range q.group {
		var err error
		if by[i], err = c.column(q, e, g.apply, g.path, g.at); err != nil {
			return nil, err
		}
	}
	shown := make([]column, len(q.fields))
	for i, s := range q.fields {
		var err error
		if shown[i], err = c.column(q, e, s.apply, s.path, s.at); err != nil {
			return nil, err
		}
	}
	groups := c.groups(by, rows)
	if err := c.keepHaving(q, e, &groups); err != nil {
		return nil, err
	}
	if err := c.sortGroups(q, e, groups); err != nil {
		return nil, err
	}
	groups = groups[min(q.offset, len(groups)):]
	if q.limit >= 0 {
		groups = groups[:min(q.limit, len(groups))]
	}
	if len(groups) > c.o.conf.BatchSize {
		return nil, newFault(http.StatusInternalServerError, "EXCEEDED_ID_LIMIT", "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch")
	}
	records := []any{}
	for _, group := range groups {
		out := object{{"attributes", object{{"type", "AggregateResult"}}}}
		unnamed := 0
		for i, s := range q.fields {
			name := s.alias
			if name == "" && s.apply == "" {
				name = s.path[len(s.path)-1]
				if f := shown[i].steps[len(s.path)-1]; f != nil {
					name = f.name
				}
			} else if name == "" {
				name = "expr" + strconv.Itoa(unnamed)
				unnamed++
			}
			out = append(out, member{name, c.value(shown[i], group)})
		}
		records = append(records, out)
	}
	a := ok(object{{"totalSize", len(records)}, {"done", true}, {"records", records}})
	a.root = "QueryResult"
	return a, nil
}

func (c *call) groups(by []column, rows []*record) [][]*record {
	if len(by) == 0 {
		return [][]*record{rows}
	}
	var groups [][]*record
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
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// keepHaving drops the groups that HAVING does not want.
func (c *call) keepHaving(q *query, e *entity, groups *[][]*record) error {
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
	var holds func(condition, []*record) bool
	holds = func(cond condition, group []*record) bool {
		switch cond := cond.(type) {
		case *both:
			for _, term := range cond.terms {
				if holds(term, group) != cond.and {
					return !cond.and
				}
			}
			return cond.and
		case *negation:
			return !holds(cond.term, group)
		case *comparison:
			return cond.bound.compare(cond.op, c.value(columns[cond], group))
		}
		return false
	}
	*groups = slices.DeleteFunc(*groups, func(group []*record) bool { return !holds(q.having, group) })
	return nil
}

func (c *call) sortGroups(q *query, e *entity, groups [][]*record) error {
	for i := len(q.order) - 1; i >= 0; i-- { // stable, so the first key goes last
		o := q.order[i]
		if !slices.Contains(aggregates, o.apply) && !q.groupedBy(o.apply, o.path) || o.path == nil {
			return malformed(q.soql, o.at, "Ordered field must be grouped or aggregated: %s", strings.Join(o.path, "."))
		}
		col, err := c.column(q, e, o.apply, o.path, o.at)
		if err != nil {
			return err
		}
		slices.SortStableFunc(groups, func(a, b []*record) int {
			order := compareValues(c.value(col, a), c.value(col, b))
			if o.down {
				order = -order
			}
			return order
		})
	}
	return nil
}
