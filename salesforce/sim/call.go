package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is one call to a resource under /services/data/vXX.X: a request of its own, or
// one inside a composite request.
type call struct {
	*tx
	method string
	path   []string
	query  url.Values
	header http.Header
	body   payload
	inside bool // a composite request: no bytes, no further composite but collections
}

func (c *call) at(i int) string {
	if i < len(c.path) {
		return strings.ToLower(c.path[i])
	}
	return ""
}

// takesCSV says that the body is to be kept as it is.
func (c *call) takesCSV() bool {
	return c.method == http.MethodPut && c.at(0) == "jobs" && c.at(1) == "ingest" && c.at(3) == "batches"
}

// largestPart is the limit for one binary part of the request.
func (c *call) largestPart() int64 {
	if c.at(0) == "sobjects" && c.at(1) == "contentversion" || c.at(0) == "connect" || c.at(0) == "chatter" {
		return maxContentVersion
	}
	return maxOther
}

// allow refuses methods the resource does not know.
func (c *call) allow(methods ...string) error {
	if slices.Contains(methods, c.method) || c.method == http.MethodHead && slices.Contains(methods, http.MethodGet) {
		return nil
	}
	return methodNotAllowed(c.method, methods...)
}

func (c *call) dispatch() (*answer, error) {
	switch c.at(0) {
	case "":
		return c.resources()
	case "sobjects":
		return c.sobjects()
	case "query":
		return c.runQuery(false)
	case "queryall":
		return c.runQuery(true)
	case "tooling":
		if c.at(1) == "query" {
			c.path, c.tooling = c.path[1:], true
			return c.runQuery(false)
		}
	case "search":
		if len(c.path) == 1 {
			if err := c.allow("GET"); err != nil {
				return nil, err
			}
			return c.runSearch(c.query.Get("q"))
		}
	case "parameterizedsearch":
		if len(c.path) == 1 {
			return c.parameterized()
		}
	case "limits":
		return c.limits()
	case "composite":
		return c.composite()
	case "jobs":
		if c.at(1) == "ingest" {
			return c.ingest()
		}
		if c.at(1) == "query" {
			return c.queryJobs()
		}
	case "connect", "chatter":
		return c.connect()
	}
	return nil, notFound()
}

func (c *call) resources() (*answer, error) {
	if err := c.allow("GET"); err != nil {
		return nil, err
	}
	out := object{}
	for _, name := range []string{"chatter", "composite", "connect", "jobs", "limits", "parameterizedSearch", "query", "queryAll", "search", "sobjects"} {
		out = append(out, member{name, c.base() + "/" + name})
	}
	return ok(append(out, member{"identity", c.instance + "/id/" + c.o.orgID + "/" + c.who.id})), nil
}

func (c *call) limits() (*answer, error) {
	if err := c.allow("GET"); err != nil {
		return nil, err
	}
	share := func(most, left int64) object { return object{{"Max", most}, {"Remaining", max(0, left)}} }
	api := int64(c.o.conf.APILimit)
	storage := c.o.conf.StorageLimit
	if storage == 0 {
		storage = 1 << 40
	}
	return ok(object{
		{"DailyApiRequests", share(api, api-int64(c.o.used))},
		{"DailyBulkApiBatches", share(15000, 15000)},
		{"DailyBulkV2QueryJobs", share(10000, 10000)},
		{"DataStorageMB", share(c.o.conf.DataStorageLimit>>20, c.o.conf.DataStorageLimit>>20)},
		{"FileStorageMB", share(storage>>20, (storage-c.o.stored)>>20)},
	}), nil
}

// sobjects answers everything under /sobjects.
func (c *call) sobjects() (*answer, error) {
	if len(c.path) == 1 {
		if err := c.allow("GET"); err != nil {
			return nil, err
		}
		v := validators{modified: c.o.started}
		if a, err := c.conditions(v); a != nil || err != nil {
			return a, err
		}
		list := []any{}
		for _, e := range c.o.schema.order {
			if c.access(e).Read || c.access(e).Create {
				list = append(list, c.describeShort(e))
			}
		}
		return v.onto(ok(object{{"encoding", "UTF-8"}, {"maxBatchSize", 200}, {"sobjects", list}})), nil
	}
	e := c.o.schema.entity(c.path[1])
	if a := (Access{}); e == nil || c.access(e) == a {
		return nil, notFound()
	}
	switch rest := c.path[2:]; {
	case len(rest) == 0:
		return c.collectionOf(e)
	case len(rest) == 1 && strings.EqualFold(rest[0], "describe"):
		if err := c.allow("GET"); err != nil {
			return nil, err
		}
		v := validators{modified: c.o.started}
		if a, err := c.conditions(v); a != nil || err != nil {
			return a, err
		}
		return v.onto(ok(c.describe(e))), nil
	case len(rest) == 1 && (c.at(2) == "updated" || c.at(2) == "deleted"):
		return c.replicated(e, c.at(2) == "deleted")
	case len(rest) == 1:
		return c.row(e, rest[0])
	case len(rest) == 2 && e.field(rest[0]) != nil:
		return c.byKey(e, e.field(rest[0]), rest[1])
	case len(rest) <= 1+maxRelations:
		return c.partOf(e, rest[0], rest[1:])
	}
	return nil, notFound()
}

func (c *call) collectionOf(e *entity) (*answer, error) {
	if err := c.allow("GET", "POST", "HEAD"); err != nil {
		return nil, err
	}
	if c.method != http.MethodPost {
		return ok(object{{"objectDescribe", c.describeShort(e)}, {"recentItems", []any{}}}), nil
	}
	in, err := c.record()
	if err != nil {
		return nil, err
	}
	id, err := c.create(e, in)
	if err != nil {
		return nil, err
	}
	a := ok(saved(id, nil)).with("Location", c.base()+"/sobjects/"+e.name+"/"+id)
	if e.event {
		a.body = queued(id)
	}
	a.status = http.StatusCreated
	return a, nil
}

// queued is the answer to a published platform event.
func queued(id string) object {
	return object{{"id", id}, {"success", true}, {"errors", []any{
		object{{"statusCode", "OPERATION_ENQUEUED"}, {"message", id}, {"fields", []string{}}}}}}
}

// record is the body of a write with its binary parts put in as fields.
func (c *call) record() (map[string]any, error) {
	in, err := c.body.object()
	if err != nil {
		return nil, err
	}
	for name, b := range c.body.parts {
		in[name] = b
	}
	return in, nil
}

// row answers /sobjects/X/id.
func (c *call) row(e *entity, id string) (*answer, error) {
	if err := c.allow("GET", "PATCH", "DELETE", "HEAD"); err != nil {
		return nil, err
	}
	if _, good := parseID(id); !good && c.method != http.MethodPatch {
		return nil, newFault(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	switch c.method {
	case http.MethodPatch:
		in, err := c.record()
		if err != nil {
			return nil, err
		}
		if r, err := c.target(e, id); err == nil {
			if a, err := c.conditions(c.validatorsOf(r)); a != nil || err != nil {
				return a, err
			}
		}
		if err := c.update(e, id, in); err != nil {
			return nil, err
		}
		return noContent(), nil
	case http.MethodDelete:
		if err := c.remove(e, id); err != nil {
			return nil, err
		}
		return noContent(), nil
	}
	r, err := c.target(e, id)
	if err != nil {
		return nil, err
	}
	return c.show(r)
}

// show is the record as GET answers it, whole or with ?fields= only these.
func (c *call) show(r *record) (*answer, error) {
	v := c.validatorsOf(r)
	if a, err := c.conditions(v); a != nil || err != nil {
		return a, err
	}
	fields, err := c.fields(r.e)
	if err != nil {
		return nil, err
	}
	return v.onto(ok(c.showing(r, fields))), nil
}

// fields are those that ?fields= asks for, or all.
func (c *call) fields(e *entity) ([]*field, error) {
	fields := e.fields
	if list := c.query.Get("fields"); list != "" {
		fields = nil
		for name := range strings.SplitSeq(list, ",") {
			f := e.field(strings.TrimSpace(name))
			if f == nil {
				return nil, noSuchColumn(strings.TrimSpace(name), e.name)
			}
			fields = append(fields, f)
		}
		if fields[0].name != "Id" {
			fields = append(slices.Clip(fields), e.field("Id"))
		}
	}
	return fields, nil
}

func (t *tx) showing(r *record, fields []*field) object {
	out := object{{"attributes", t.attributes(r)}}
	for _, f := range fields {
		out = append(out, member{f.name, t.render(r, f)})
	}
	return out
}

func (t *tx) attributes(r *record) object {
	return object{{"type", r.e.name}, {"url", t.base() + "/sobjects/" + r.e.name + "/" + r.id}}
}

// byKey answers /sobjects/X/ExternalField/value.
func (c *call) byKey(e *entity, f *field, value string) (*answer, error) {
	if err := c.allow("GET", "PATCH", "DELETE", "HEAD"); err != nil {
		return nil, err
	}
	if f.name == "Id" {
		return c.row(e, value)
	}
	if !f.external {
		return nil, newFault(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", f.name)
	}
	if c.method != http.MethodPatch {
		found := c.o.tables[e].lookup(f, value)
		switch {
		case len(found) > 1:
			return c.choices(e, found), nil
		case len(found) == 0 || !c.mayRead(found[0]):
			return nil, notFound()
		case c.method == http.MethodDelete:
			if err := c.remove(e, found[0].id); err != nil {
				return nil, err
			}
			return noContent(), nil
		}
		return c.show(found[0])
	}
	in, err := c.record()
	if err != nil {
		return nil, err
	}
	id, created, several, err := c.upsert(e, f, value, in)
	if err != nil {
		return nil, err
	}
	if several != nil {
		return c.choices(e, c.o.tables[e].lookup(f, value)), nil
	}
	if !created && c.version < "46.0" { // versions on the path have two digits
		return noContent(), nil
	}
	a := ok(saved(id, &created))
	if created {
		a.status = http.StatusCreated
		a.with("Location", c.base()+"/sobjects/"+e.name+"/"+id)
	}
	return a, nil
}

// choices answers 300 with the records that share an external id.
func (c *call) choices(e *entity, found []*record) *answer {
	list := []any{}
	for _, r := range found {
		list = append(list, c.base()+"/sobjects/"+e.name+"/"+r.id)
	}
	return &answer{status: http.StatusMultipleChoices, body: list}
}

// replicated answers /sobjects/X/updated and /deleted for a span of time.
func (c *call) replicated(e *entity, deleted bool) (*answer, error) {
	if err := c.allow("GET"); err != nil {
		return nil, err
	}
	from, err1 := parseTime(strings.ReplaceAll(c.query.Get("start"), " ", "+"))
	to, err2 := parseTime(strings.ReplaceAll(c.query.Get("end"), " ", "+"))
	if err1 != nil || err2 != nil || !from.Before(to) {
		return nil, newFault(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "start and end must be dates and times, start before end")
	}
	ids, gone := []string{}, []any{}
	for _, r := range c.o.tables[e].all() {
		if !c.mayRead(r) {
			continue
		}
		at, _ := parseTime(r.text("SystemModstamp"))
		if r.deleted() && deleted && !r.deletedAt.Before(from) && r.deletedAt.Before(to) {
			gone = append(gone, object{{"deletedDate", timestamp(r.deletedAt)}, {"id", r.id}})
		}
		if !r.deleted() && !at.Before(from) && at.Before(to) {
			ids = append(ids, r.id)
		}
	}
	if deleted {
		return ok(object{{"deletedRecords", gone}, {"earliestDateAvailable", timestamp(c.now.Add(-binLife))},
			{"latestDateCovered", timestamp(to)}}), nil
	}
	return ok(object{{"ids", ids}, {"latestDateCovered", timestamp(to)}}), nil
}
