package sim

import (
	"strconv"
	"strings"
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

// filterable says whether records can be looked for by the field.
func (f *field) filterable() bool {
	switch f.kind {
	case "base64", "textarea", "html", "address":
		return false
	}
	return true
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
	if f != nil && !f.filterable() {
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
