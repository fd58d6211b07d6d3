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

// formats show a value in the caller's words. With one language and one currency in the org,
// they show it as it is.
var formats = []string{"TOLABEL", "FORMAT", "CONVERTCURRENCY"}

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
	if _, isDate := dateFunctions[apply]; !isDate && apply != "FIELDS" && apply != "GROUPING" && !slices.Contains(formats, apply) && !slices.Contains(aggregates, apply) {
		return "", nil, p.unexpected(name)
	}
	if err := p.expect("("); err != nil {
		return "", nil, err
	}
	if inner := p.peek(); inner.kind == tokenWord {
		p.next()
		path = strings.Split(inner.text, ".")
		if slices.Contains(formats, apply) && p.peek().is("(") { // FORMAT(convertCurrency(Amount))
			if _, path, err = p.applied(inner); err != nil {
				return "", nil, err
			}
		}
	} else if apply != "COUNT" {
		return "", nil, p.unexpected(inner)
	}
	return apply, path, p.expect(")")
}

func (p *parser) groupBy(q *query) error {
	if err := p.expect("BY"); err != nil {
		return err
	}
	for _, word := range []string{"ROLLUP", "CUBE"} {
		if p.peek().is(word) && p.tokens[p.pos+1].is("(") {
			p.next()
			p.next()
			q.rollup = word
		}
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
	if q.rollup != "" {
		if err := p.expect(")"); err != nil {
			return err
		}
		if len(q.group) > maxRollup {
			return malformed(p.soql, q.group[maxRollup].at, "%s takes at most %d fields", q.rollup, maxRollup)
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
		case s.sub != nil || s.of != nil || s.from != nil || s.apply == "FIELDS" || slices.Contains(aggregates, s.apply) && s.path == nil:
			return malformed(q.soql, s.at, "Grouped query cannot use this here")
		case s.apply == "GROUPING" && (q.rollup == "" || !q.groupedBy("", s.path)):
			return malformed(q.soql, s.at, "GROUPING takes a field of GROUP BY ROLLUP or CUBE")
		case s.apply == "GROUPING":
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
	return len(q.group) > 0 || !q.counts() && slices.ContainsFunc(q.fields, func(s selected) bool {
		return s.apply == "GROUPING" || slices.Contains(aggregates, s.apply) || dateFunctions[s.apply] != nil
	})
}

func (q *query) groupedBy(apply string, path []string) bool {
	return slices.ContainsFunc(q.group, func(g selected) bool {
		return g.apply == apply && strings.EqualFold(strings.Join(g.path, "."), strings.Join(path, "."))
	})
}

// groupable says whether records can be grouped by the field.
func (f *field) groupable() bool {
	switch f.kind {
	case "base64", "textarea", "html", "datetime", "double", "currency", "address":
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
		slices.Contains(aggregates, apply) && f != nil && (!f.filterable() || f.kind == "boolean"):
		return column{}, malformed(q.soql, at, "field %s does not support aggregate operator %s", path[len(path)-1], apply)
	case apply == "" && f != nil && !f.groupable():
		return column{}, malformed(q.soql, at, "field '%s' can not be grouped in a query call", f.name)
	}
	return column{apply, path, steps}, nil
}

// value is the column's value of a group.
func (c *call) value(col column, g group) any {
	rows := g.rows
	if !slices.Contains(aggregates, col.apply) {
		over := slices.ContainsFunc(g.over, func(o selected) bool {
			return strings.EqualFold(strings.Join(o.path, "."), strings.Join(col.path, ".")) && (col.apply == "GROUPING" || o.apply == col.apply)
		})
		switch {
		case col.apply == "GROUPING" && over:
			return 1.0
		case col.apply == "GROUPING":
			return 0.0
		case over:
			return nil
		}
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
	groups := c.allGroups(q, by, rows)
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
