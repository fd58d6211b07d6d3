package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// cursor is a query whose answer takes more than one page.
type cursor struct {
	q    *query
	e    *entity
	rows []*record
	page int
	who  *person
}

// runQuery answers /query?q= and /query/cursor.
func (c *call) runQuery(all bool) (*answer, error) {
	if err := c.allow("GET"); err != nil {
		return nil, err
	}
	if len(c.path) > 1 {
		return c.more(c.path[0], c.path[1])
	}
	q, err := parseSOQL(c.query.Get("q"))
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(q.from, "UserRecordAccess") {
		return c.userRecordAccess(q)
	}
	if strings.EqualFold(q.from, "UserPermissionAccess") {
		return c.userPermissionAccess(q)
	}
	if e := c.o.schema.entity(q.from); e != nil && e.derived && e.field("LinkedEntityId") != nil {
		return nil, newFault(http.StatusBadRequest, "INVALID_TYPE_FOR_OPERATION", "entity type %s does not support query", e.name)
	}
	rows, e, err := c.selectRows(q, all)
	if err != nil {
		return nil, err
	}
	if err := c.checkSelection(q, e); err != nil {
		return nil, err
	}
	if c.query.Get("columns") == "true" {
		return c.columns(q, e)
	}
	if q.counts() {
		a := ok(object{{"totalSize", len(rows)}, {"done", true}, {"records", []any{}}})
		a.root = "QueryResult"
		return a, nil
	}
	if q.grouped() {
		return c.aggregate(q, e, rows)
	}
	return c.firstPage(q, e, rows, c.path[0])
}

// firstPage answers with as many rows as fit on a page, and keeps the rest for later.
func (c *call) firstPage(q *query, e *entity, rows []*record, resource string) (*answer, error) {
	page := c.o.conf.BatchSize
	for option := range strings.SplitSeq(c.header.Get("Sforce-Query-Options"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		if n, err := strconv.Atoi(value); err == nil && strings.EqualFold(name, "batchSize") {
			page = min(page, max(200, min(n, 2000)))
		}
	}
	cur := &cursor{q: q, e: e, rows: rows, page: page, who: c.who}
	id := ""
	if len(rows) > page {
		id = c.o.nextID("01g")
		c.o.cursors[id[:15]] = cur
	}
	return c.page(cur, resource, id, 0)
}

// checkSelection refuses what a query selects in vain, whether or not a row shows it.
func (c *call) checkSelection(q *query, e *entity) error {
	for _, s := range q.fields {
		switch {
		case s.sub != nil:
			child, _ := c.o.schema.child(e, s.sub.from)
			if child == nil {
				return noSuchChild(s.sub)
			}
			if err := c.checkSelection(s.sub, child); err != nil {
				return err
			}
		case s.of != nil:
			if err := c.checkTypeof(q, e, s.of); err != nil {
				return err
			}
		case s.from != nil:
			if f := e.field(s.from.field); f == nil || f.kind != "address" {
				return badField(q, s.at, s.from.field, e.name)
			}
		case s.apply == "FIELDS":
			if which := strings.ToUpper(s.path[0]); which != "ALL" && which != "STANDARD" && which != "CUSTOM" {
				return malformed(q.soql, s.at, "unexpected token: '%s'", s.path[0])
			}
			if which := strings.ToUpper(s.path[0]); which != "STANDARD" && (q.limit < 0 || q.limit > 200) {
				return malformed(q.soql, s.at, "The SOQL FIELDS function must have a LIMIT of at most 200")
			}
		case s.path != nil:
			if _, err := c.resolve(q, e, s.path, s.at); err != nil {
				return err
			}
		}
	}
	return nil
}

func noSuchChild(sub *query) *fault {
	f := malformed(sub.soql, sub.fromAt, "Didn't understand relationship '%s' in FROM part of query call. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name.", sub.from)
	f.code = "INVALID_TYPE"
	return f
}

// more answers the next page of a query.
func (c *call) more(resource, locator string) (*answer, error) {
	id, position, _ := strings.Cut(locator, "-")
	cur := c.o.cursors[id[:min(15, len(id))]]
	from, err := strconv.Atoi(position)
	if cur == nil || cur.who != c.who || err != nil || from < 0 || from > len(cur.rows) {
		return nil, newFault(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return c.page(cur, resource, id, from)
}

func (c *call) page(cur *cursor, resource, id string, from int) (*answer, error) {
	to := min(len(cur.rows), from+cur.page)
	records := []any{}
	for _, r := range cur.rows[from:to] {
		o, err := c.project(cur.q, cur.e, r)
		if err != nil {
			return nil, err
		}
		records = append(records, o)
	}
	out := object{{"totalSize", len(cur.rows)}, {"done", to == len(cur.rows)}}
	if to < len(cur.rows) {
		out = append(out, member{"nextRecordsUrl", fmt.Sprintf("%s/%s/%s-%d", c.base(), resource, id, to)})
	}
	a := ok(append(out, member{"records", records}))
	a.root = "QueryResult"
	return a, nil
}

// project shows the fields of a record that the query selected.
func (c *call) project(q *query, e *entity, r *record) (object, error) {
	out, unnamed := object{{"attributes", c.attributes(r)}}, 0
	for _, s := range q.fields {
		switch {
		case s.sub != nil:
			children, err := c.children(s.sub, e, r)
			if err != nil {
				return nil, err
			}
			out = append(out, member{s.sub.from, children})
		case s.apply == "FIELDS":
			for _, f := range e.fieldsOf(s.path[0]) {
				out = append(out, member{f.name, c.render(r, f)})
			}
		case s.of != nil:
			out = append(out, c.showTypeof(q, e, r, s.of))
		case s.from != nil:
			name := s.alias
			if name == "" {
				name = "expr" + strconv.Itoa(unnamed)
				unnamed++
			}
			out = append(out, member{name, s.from.of(r)})
		case slices.Contains(formats, s.apply) && s.alias != "":
			steps, err := c.resolve(q, e, s.path, s.at)
			if err != nil {
				return nil, err
			}
			v, at, f := c.walk(r, steps, s.path)
			if f != nil {
				v = c.render(at, f)
			}
			out = append(out, member{s.alias, v})
		case s.apply != "" && !slices.Contains(formats, s.apply):
			return nil, malformed(q.soql, s.at, "unexpected token: '%s'", s.apply)
		default:
			steps, err := c.resolve(q, e, s.path, s.at)
			if err != nil {
				return nil, err
			}
			out = c.place(out, r, steps, s.path)
		}
	}
	return out, nil
}

// place puts the value at the end of a path into an object, nested as the path is.
func (c *call) place(out object, r *record, steps []*field, path []string) object {
	f := steps[0]
	if len(steps) == 1 {
		if f == nil { // beyond a reference to anything
			v, _, found := c.walk(r, steps, path)
			if found == nil {
				return append(out, member{path[len(path)-1], v})
			}
			f = found
		}
		return append(out, member{f.name, c.render(r, f)})
	}
	to := c.find(r.text(f.name))
	i := 0
	for i < len(out) && out[i].key != f.relation {
		i++
	}
	if i == len(out) {
		var inner any
		if to != nil {
			attributes := c.attributes(to)
			if len(f.to) > 1 || f.to[0] == "*" {
				attributes[0].value = "Name" // what the platform calls whatever a reference may point to
			}
			inner = object{{"attributes", attributes}}
		}
		out = append(out, member{f.relation, inner})
	}
	if inner, is := out[i].value.(object); is && to != nil {
		out[i].value = c.place(inner, to, steps[1:], path[1:])
	}
	return out
}

// children answers a subquery over a child relationship of one record.
func (c *call) children(sub *query, parent *entity, r *record) (any, error) {
	e, f := c.o.schema.child(parent, sub.from)
	if e == nil {
		return nil, noSuchChild(sub)
	}
	inner := *sub
	inner.from = e.name
	mine := &comparison{path: []string{f.name}, op: "=", values: []token{{kind: tokenString, text: r.id}}}
	inner.where = mine
	if sub.where != nil {
		inner.where = &both{and: true, terms: []condition{mine, sub.where}}
	}
	rows, _, err := c.selectRows(&inner, false)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	records := []any{}
	for _, kid := range rows {
		o, err := c.project(&inner, e, kid)
		if err != nil {
			return nil, err
		}
		records = append(records, o)
	}
	return object{{"totalSize", len(rows)}, {"done", true}, {"records", records}}, nil
}

// userRecordAccess answers what a user may do with records. The object has no rows:
// the filter on UserId and RecordId says which to make.
func (c *call) userRecordAccess(q *query) (*answer, error) {
	users, records := []token{}, []token{}
	var read func(condition) bool
	read = func(cond condition) bool {
		switch cond := cond.(type) {
		case *both:
			for _, term := range cond.terms {
				if !cond.and || !read(term) {
					return false
				}
			}
			return true
		case *comparison:
			if cond.op == "=" || cond.op == "IN" {
				switch strings.ToLower(strings.Join(cond.path, ".")) {
				case "userid":
					users = append(users, cond.values...)
					return true
				case "recordid":
					records = append(records, cond.values...)
					return true
				case "hasreadaccess", "haseditaccess", "hasdeleteaccess":
					return true // applied to the rows below
				}
			}
		}
		return false
	}
	if !read(q.where) || len(users) != 1 || len(records) == 0 || len(records) > 200 {
		return nil, newFault(http.StatusBadRequest, "MALFORMED_QUERY",
			"UserRecordAccess needs a filter by a single UserId and by RecordId with the equals or IN operator, at most 200 records")
	}
	userID, _ := parseID(users[0].text)
	var who *person
	for _, p := range c.o.people {
		if p.id == userID {
			who = p
		}
	}
	rows := []any{}
	for _, token := range records {
		id, good := parseID(token.text)
		if !good {
			return nil, newFault(http.StatusBadRequest, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: %s", token.text)
		}
		r := c.live(id)
		if r == nil || who == nil {
			continue
		}
		as := *c.tx
		as.who, as.system = who, false
		read, edit, remove := as.mayRead(r), as.mayEdit(r), as.mayDelete(r)
		level := "None"
		switch {
		case remove && as.access(r.e).ModifyAll:
			level = "All"
		case remove:
			level = "Delete"
		case edit:
			level = "Edit"
		case read:
			level = "Read"
		}
		values := map[string]any{"id": nil, "userid": userID, "recordid": r.id, "hasreadaccess": read, "haseditaccess": edit,
			"hasdeleteaccess": remove, "hastransferaccess": edit, "hasallaccess": level == "All", "maxaccesslevel": level}
		names := map[string]string{"id": "Id", "userid": "UserId", "recordid": "RecordId", "hasreadaccess": "HasReadAccess", "haseditaccess": "HasEditAccess",
			"hasdeleteaccess": "HasDeleteAccess", "hastransferaccess": "HasTransferAccess", "hasallaccess": "HasAllAccess", "maxaccesslevel": "MaxAccessLevel"}
		out := object{{"attributes", object{{"type", "UserRecordAccess"}, {"url", c.base() + "/sobjects/UserRecordAccess/" + r.id + "AAA"}}}}
		for _, s := range q.fields {
			key := strings.ToLower(strings.Join(s.path, "."))
			if names[key] == "" {
				return nil, badField(q, s.at, strings.Join(s.path, "."), "UserRecordAccess")
			}
			out = append(out, member{names[key], values[key]})
		}
		if accessFilter(q.where, values) {
			rows = append(rows, out)
		}
	}
	a := ok(object{{"totalSize", len(rows)}, {"done", true}, {"records", rows}})
	a.root = "QueryResult"
	return a, nil
}

// accessFilter applies HasEditAccess = true and the like.
func accessFilter(c condition, values map[string]any) bool {
	switch c := c.(type) {
	case *both:
		for _, term := range c.terms {
			if !accessFilter(term, values) {
				return false
			}
		}
	case *comparison:
		have, is := values[strings.ToLower(c.path[0])].(bool)
		if is {
			return have == strings.EqualFold(c.values[0].text, "true")
		}
	}
	return true
}
