package sim

import (
	"net/http"
	"strings"
)

// maxRelations is how many relationships one path may follow, as many as a query may.
const maxRelations = 5

// partOf answers what follows a record on a path: the bytes of a field, the record that a
// relationship leads to, or the records of a child relationship.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_relationship_traversal.htm
func (c *call) partOf(e *entity, id string, names []string) (*answer, error) {
	if _, good := parseID(id); !good {
		return nil, newFault(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	r, err := c.target(e, id)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		last := i == len(names)-1
		if f := r.e.field(name); last && f != nil && f.kind == "base64" {
			return c.bytesOf(r, f)
		}
		if child, f := c.o.schema.child(r.e, name); last && child != nil {
			return c.kids(r, child, f)
		}
		f := r.e.byRelation[strings.ToLower(name)]
		if f == nil {
			return nil, notFound()
		}
		to := c.live(r.text(f.name))
		if to == nil || !c.mayRead(to) {
			return nil, newFault(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		}
		r = to
	}
	return c.row(r.e, r.id) // a parent is read, changed and deleted as at its own address
}

func (c *call) bytesOf(r *record, f *field) (*answer, error) {
	if err := c.allow("GET", "HEAD"); err != nil {
		return nil, err
	}
	if c.inside {
		return nil, newFault(http.StatusBadRequest, "INVALID_REQUEST", "Binary fields cannot be retrieved in a composite request")
	}
	b, is := r.values[f.name].(*blob)
	if !is {
		return nil, notFound()
	}
	mediaType := r.text("ContentType")
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	return (&answer{status: http.StatusOK, blob: b}).with("Content-Type", mediaType), nil
}

// kids answers the records of a child relationship as a query would, all their fields or
// those that ?fields= names.
func (c *call) kids(parent *record, e *entity, f *field) (*answer, error) {
	if err := c.allow("GET", "HEAD"); err != nil {
		return nil, err
	}
	if !c.access(e).Read {
		return nil, notFound()
	}
	fields, err := c.fields(e)
	if err != nil {
		return nil, err
	}
	q := &query{from: e.name, limit: -1,
		where: &comparison{path: []string{f.name}, op: "=", values: []token{{kind: tokenString, text: parent.id}}}}
	for _, f := range fields {
		q.fields = append(q.fields, selected{path: []string{f.name}})
	}
	rows, e, err := c.selectRows(q, false)
	if err != nil {
		return nil, err
	}
	return c.firstPage(q, e, rows, "query")
}
