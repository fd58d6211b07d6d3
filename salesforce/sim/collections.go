package sim

import (
	"fmt"
	"net/http"
	"strings"
)

// collections answers /composite/sobjects: up to 200 records of any kinds in one call.
func (c *call) collections() (*answer, error) {
	if len(c.path) == 2 {
		switch c.method {
		case http.MethodPost, http.MethodPatch:
			return c.saveCollection(nil, nil)
		case http.MethodDelete:
			return c.deleteCollection()
		}
		return nil, methodNotAllowed(c.method, "POST", "PATCH", "DELETE")
	}
	e := c.o.schema.entity(c.path[2])
	if e == nil {
		return nil, notFound()
	}
	if len(c.path) == 4 {
		f := e.field(c.path[3])
		if f == nil || !f.external && f.name != "Id" {
			return nil, newFault(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", c.path[3])
		}
		if err := c.allow("PATCH"); err != nil {
			return nil, err
		}
		return c.saveCollection(e, f)
	}
	return c.fetchCollection(e)
}

// saveCollection creates, updates, or, with a key, upserts.
func (c *call) saveCollection(only *entity, key *field) (*answer, error) {
	body, err := c.body.object()
	if err != nil {
		return nil, err
	}
	records, is := body["records"].([]any)
	if !is {
		return nil, badJSON("The request needs a list of records")
	}
	if len(records) > maxCollected {
		return nil, newFault(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records in this call", maxCollected)
	}
	allOrNone := truth(body, "allOrNone")
	return c.each(len(records), allOrNone, func(i int) (object, error) {
		in, is := records[i].(map[string]any)
		attributes, _ := in["attributes"].(map[string]any)
		name, _ := attributes["type"].(string)
		e := c.o.schema.entity(name)
		switch {
		case !is || name == "":
			return nil, newFault(http.StatusBadRequest, "INVALID_INPUT", "Each record needs attributes with a type").on()
		case e == nil:
			return nil, newFault(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", name).on()
		case only != nil && e != only:
			return nil, newFault(http.StatusBadRequest, "INVALID_INPUT", "Record type %s differs from %s in the URL", name, only.name).on()
		}
		values := map[string]any{}
		id := ""
		for k, v := range in {
			if strings.EqualFold(k, "id") && (c.method == http.MethodPatch) && (key == nil || key.name == "Id") {
				id, _ = v.(string)
				continue
			}
			values[k] = v
		}
		if err := c.attach(values, attributes); err != nil {
			return nil, err
		}
		switch {
		case c.method == http.MethodPost:
			id, err := c.create(e, values)
			if err == nil && e.event {
				return queued(id), nil
			}
			return saved(id, nil), err
		case key == nil && id == "":
			return nil, newFault(http.StatusBadRequest, "MISSING_ARGUMENT", "Id not specified in an update call").on()
		case key == nil:
			full, _ := parseID(id)
			return saved(full, nil), c.update(e, id, values)
		case key.name == "Id" && id == "":
			id, err := c.create(e, values)
			created := true
			return saved(id, &created), err
		case key.name == "Id":
			full, _ := parseID(id)
			created := false
			return saved(full, &created), c.update(e, id, values)
		}
		value := ""
		for k, v := range values {
			if strings.EqualFold(k, key.name) {
				value = fmt.Sprint(v)
			}
		}
		if value == "" {
			return nil, newFault(http.StatusBadRequest, "MISSING_ARGUMENT", "%s not specified", key.name).on()
		}
		id, created, several, err := c.upsert(e, key, value, values)
		if several != nil {
			return nil, newFault(http.StatusBadRequest, "DUPLICATE_EXTERNAL_ID", "%s: more than one record found for external id field: %s", key.name, several).on(key.name)
		}
		return saved(id, &created), err
	})
}

// attach puts in the bytes of a record whose attributes name a binary part of the body.
func (c *call) attach(values, attributes map[string]any) error {
	part, named := attributes["binaryPartName"].(string)
	if !named {
		return nil
	}
	field, _ := attributes["binaryPartNameAlias"].(string)
	b := c.body.parts[part]
	if b == nil || field == "" {
		return newFault(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", "No binary part named %s", part).on()
	}
	values[field] = b
	return nil
}

// each runs n saves, and answers with a list of their results.
func (c *call) each(n int, allOrNone bool, save func(i int) (object, error)) (*answer, error) {
	start := c.mark()
	results, failed := []any{}, false
	for i := range n {
		var o object
		f := c.attempt(func() (err error) { o, err = save(i); return err })
		if f != nil {
			failed = true
			o = object{{"success", false}, {"errors", []any{f.inResult()}}}
		}
		results = append(results, o)
	}
	if failed && allOrNone {
		c.rollback(start)
		for i, r := range results {
			if r.(object).get("success") == true {
				results[i] = object{{"success", false}, {"errors", []any{rolledBack().inResult()}}}
			}
		}
	}
	a := ok(results)
	a.root = "Results"
	return a, nil
}

func (c *call) deleteCollection() (*answer, error) {
	ids := strings.Split(c.query.Get("ids"), ",")
	if c.query.Get("ids") == "" {
		return nil, newFault(http.StatusBadRequest, "MISSING_ARGUMENT", "The parameter ids is needed")
	}
	if len(ids) > maxCollected {
		return nil, newFault(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records in this call", maxCollected)
	}
	return c.each(len(ids), c.query.Get("allOrNone") == "true", func(i int) (object, error) {
		id, good := parseID(strings.TrimSpace(ids[i]))
		e := c.o.schema.byPrefix(id)
		if !good || e == nil {
			return nil, newFault(http.StatusBadRequest, "MALFORMED_ID", "malformed id %.80s", ids[i]).on()
		}
		err := c.remove(e, id)
		if f, is := err.(*fault); is && f.code == "NOT_FOUND" {
			err = badParent()
		}
		return saved(id, nil), err
	})
}

// fetchCollection reads several records of one kind; those it cannot find are null.
func (c *call) fetchCollection(e *entity) (*answer, error) {
	var ids, names []string
	switch c.method {
	case http.MethodGet:
		ids, names = strings.Split(c.query.Get("ids"), ","), strings.Split(c.query.Get("fields"), ",")
	case http.MethodPost:
		body, err := c.body.object()
		if err != nil {
			return nil, err
		}
		ids, names = texts(body["ids"]), texts(body["fields"])
	default:
		return nil, methodNotAllowed(c.method, "GET", "POST")
	}
	if len(ids) > 2000 {
		return nil, newFault(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 2000 records in this call")
	}
	list := []any{}
	for _, raw := range ids {
		id, _ := parseID(strings.TrimSpace(raw))
		r := c.o.tables[e].rows[id]
		if r == nil || r.deleted() || !c.mayRead(r) {
			list = append(list, nil)
			continue
		}
		out := object{{"attributes", c.attributes(r)}}
		for _, name := range names {
			f := e.field(strings.TrimSpace(name))
			if f == nil {
				return nil, noSuchColumn(strings.TrimSpace(name), e.name)
			}
			out = append(out, member{f.name, c.render(r, f)})
		}
		list = append(list, out)
	}
	return ok(list), nil
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, one := range list {
		s, _ := one.(string)
		out = append(out, s)
	}
	return out
}

// tree creates records with the records that hang on them, all or nothing.
func (c *call) tree(body map[string]any) (*answer, error) {
	root := c.o.schema.entity(c.path[2])
	if root == nil {
		return nil, notFound()
	}
	results, errs, count := []any{}, []any{}, 0
	seen := map[string]bool{}
	start := c.mark()
	var plant func(e *entity, records any, parent string, link *field, depth int) error
	plant = func(e *entity, records any, parent string, link *field, depth int) error {
		list, is := records.([]any)
		if !is || depth > 5 {
			return invalidInput("Records must be a list, at most 5 levels deep")
		}
		for _, one := range list {
			in, _ := one.(map[string]any)
			attributes, _ := in["attributes"].(map[string]any)
			ref, _ := attributes["referenceId"].(string)
			name, _ := attributes["type"].(string)
			if count++; count > maxTree {
				return invalidInput("Limit of %d records exceeded", maxTree)
			}
			switch {
			case !validReference.MatchString(ref) || seen[ref]:
				return invalidInput("Each record needs a referenceId of its own: %.60q", ref)
			case c.o.schema.entity(name) != e:
				return newFault(http.StatusBadRequest, "INVALID_TYPE", "Record %s must be of type %s", ref, e.name)
			}
			seen[ref] = true
			values := map[string]any{}
			type branch struct {
				e       *entity
				link    *field
				records any
			}
			var kids []branch
			for k, v := range in {
				inner, is := v.(map[string]any)
				if child, via := c.o.schema.child(e, k); is && child != nil && inner["records"] != nil {
					kids = append(kids, branch{child, via, inner["records"]})
					continue
				}
				values[k] = v
			}
			if link != nil {
				values[link.name] = parent
			}
			id := ""
			if f := c.attempt(func() (err error) { id, err = c.create(e, values); return err }); f != nil {
				errs = append(errs, object{{"referenceId", ref}, {"errors", []any{f.inResult()}}})
				continue
			}
			results = append(results, object{{"referenceId", ref}, {"id", id}})
			for _, k := range kids {
				if err := plant(k.e, k.records, id, k.link, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := plant(root, body["records"], "", nil, 1); err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		c.rollback(start)
		return &answer{status: http.StatusBadRequest, body: object{{"hasErrors", true}, {"results", errs}}}, nil
	}
	return &answer{status: http.StatusCreated, body: object{{"hasErrors", false}, {"results", results}}}, nil
}
