package sim

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxBatch are the limits of one batch of the first Bulk API.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_bulkapi.htm
const (
	maxBatchRecords = 10_000
	maxBatchBytes   = 10 << 20
)

// batch is one load of rows of a job of the first Bulk API, or one query.
type batch struct {
	id      string
	state   string
	message string
	request []byte
	results []rowResult
	failed  int
	found   *found // of a query
}

// rowResult is what came of one record of a batch.
type rowResult struct {
	id      string
	created bool
	fault   *fault
}

// found is what a query of a batch found, under the id that its result has.
type found struct {
	id   string
	q    *query
	e    *entity
	rows []*record
}

// bulkTypes are the content types of a job, and the media type of its batches. With a zip
// come files that its records name.
var bulkTypes = map[string]string{"CSV": "text/csv", "XML": "application/xml", "JSON": "application/json",
	"ZIP_CSV": "zip/csv", "ZIP_XML": "zip/xml", "ZIP_JSON": "zip/json"}

// bulk1 answers the first Bulk API: open a job, add batches, close it, read the results.
func (o *Org) bulk1(w *exchange, r *http.Request, version string, p []string) {
	mediaType, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	mediaType = strings.TrimSpace(mediaType)
	wire := bulkWire{asJSON: mediaType == "application/json" || strings.HasPrefix(r.Header.Get("Accept"), "application/json")}
	s, f := o.authorize(w, r)
	if f != nil {
		code := map[string]string{"INVALID_SESSION_ID": "InvalidSessionId", "REQUEST_LIMIT_EXCEEDED": "ExceededQuota"}[f.code]
		if code == "" {
			code = "ClientInputError"
		}
		wire.refuse(w, r, http.StatusBadRequest, code, f.message)
		return
	}
	if _, bad := apiVersion("v" + version); bad != nil {
		wire.refuse(w, r, http.StatusBadRequest, "InvalidVersion", "Api version is invalid or retired: "+version)
		return
	}
	body, err := inflate(r)
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(body, maxInline+1))
	}
	if err != nil || len(text) > maxInline {
		wire.refuse(w, r, http.StatusBadRequest, "ClientInputError", "the body could not be read, or is larger than the API takes")
		return
	}
	o.mu.Lock()
	c := &call{tx: o.begin(s.who), method: r.Method, path: p}
	c.version, c.instance, c.source = version, o.address(r), text
	a, f := c.asyncCall(text, mediaType, &wire)
	o.mu.Unlock()
	c.tell()
	if f != nil {
		wire.refuse(w, r, f.status, f.code, f.message)
		return
	}
	w.answer(r, a)
}

// asyncCall carries a call out. It tells wire when the job's own content type is JSON.
func (c *call) asyncCall(text []byte, mediaType string, wire *bulkWire) (*answer, *fault) {
	no := func(code, format string, args ...any) (*answer, *fault) {
		return nil, newFault(http.StatusBadRequest, code, format, args...)
	}
	if c.at(0) != "job" {
		return no("InvalidUrl", "Destination URL not reset")
	}
	var info map[string]any
	if c.method == http.MethodPost && len(c.path) < 3 {
		var err error
		if info, err = bulkInfo(text, mediaType); err != nil {
			return no("InvalidJob", "the job could not be read: %v", err)
		}
	}
	if len(c.path) == 1 {
		if c.method != http.MethodPost {
			return no("InvalidUrl", "use POST")
		}
		return c.openFirstJob(info, wire)
	}
	id, _ := parseID(c.path[1])
	j := c.o.jobs[id]
	if c.mayUse(j, bulkFirst) != nil {
		return no("InvalidJob", "job not found")
	}
	if mediaType == "" {
		wire.asJSON = wire.asJSON || strings.HasSuffix(j.contentType, "JSON")
	}
	switch {
	case len(c.path) == 2 && c.method == http.MethodPost:
		if state, _ := info["state"].(string); state == "Closed" || state == "Aborted" {
			j.state = state
		}
		return wire.job(http.StatusOK, j), nil
	case len(c.path) == 2:
		return wire.job(http.StatusOK, j), nil
	case c.at(2) != "batch":
		return no("InvalidUrl", "no such resource")
	case len(c.path) == 3 && c.method == http.MethodPost:
		return c.addBatch(j, text, mediaType, wire)
	case len(c.path) == 3:
		return wire.batches(j), nil
	}
	batchID, _ := parseID(c.path[3])
	i := slices.IndexFunc(j.batches, func(b *batch) bool { return b.id == batchID })
	if i < 0 {
		return no("InvalidBatch", "batch not found")
	}
	b := j.batches[i]
	switch {
	case len(c.path) == 4:
		return wire.batch(http.StatusOK, j, b), nil
	case len(c.path) == 5 && c.at(4) == "request":
		return (&answer{status: http.StatusOK, raw: b.request}).with("Content-Type", bulkTypes[j.contentType]), nil
	case len(c.path) == 5 && c.at(4) == "result" && b.found != nil:
		return wire.resultList(j, b), nil
	case len(c.path) == 5 && c.at(4) == "result":
		return wire.results(j, b), nil
	case len(c.path) == 6 && c.at(4) == "result" && b.found != nil && strings.HasPrefix(b.found.id, c.path[5][:min(15, len(c.path[5]))]):
		a, err := c.queryResult(j, b.found)
		if err != nil {
			return no("InvalidBatch", "%s", asFault(err).message)
		}
		return a, nil
	}
	return no("InvalidUrl", "no such resource")
}

func (c *call) openFirstJob(info map[string]any, wire *bulkWire) (*answer, *fault) {
	no := func(code, format string, args ...any) (*answer, *fault) {
		return nil, newFault(http.StatusBadRequest, code, format, args...)
	}
	text := func(key string) string {
		s, _ := info[key].(string)
		return strings.TrimSpace(s)
	}
	j := &job{kind: bulkFirst, object: text("object"), operation: text("operation"), key: text("externalIdFieldName"), state: "Open",
		contentType: strings.ToUpper(text("contentType")), delimiter: "COMMA", version: c.version, who: c.who, created: c.now}
	if j.contentType == "" {
		j.contentType = "XML"
	}
	if bulkTypes[j.contentType] == "" {
		return no("InvalidJob", "Unable to parse Job: contentType %s", j.contentType)
	}
	if j.operation == "query" || j.operation == "queryAll" {
		e := c.o.schema.entity(j.object)
		if e == nil || e.event || strings.HasPrefix(j.contentType, "ZIP") {
			return no("InvalidJob", "Unable to query object %s as %s", j.object, j.contentType)
		}
		j.object = e.name
	} else if err := c.checkJob(j); err != nil {
		return no("InvalidJob", "%s", asFault(err).message)
	}
	j.id = c.o.nextID("750")
	c.o.jobs[j.id] = j
	c.o.jobOrder = append(c.o.jobOrder, j.id)
	return wire.job(http.StatusCreated, j), nil
}

// addBatch carries out a batch: at once, and each record by itself.
func (c *call) addBatch(j *job, text []byte, mediaType string, wire *bulkWire) (*answer, *fault) {
	no := func(code, format string, args ...any) (*answer, *fault) {
		return nil, newFault(http.StatusBadRequest, code, format, args...)
	}
	if j.state != "Open" {
		return no("InvalidJobState", "Job is not open")
	}
	kind := strings.Replace(mediaType, "text/xml", "application/xml", 1)
	reads := j.operation == "query" || j.operation == "queryAll"
	if want := bulkTypes[j.contentType]; kind != want && !(reads && (kind == "" || strings.HasPrefix(kind, "text/"))) {
		return no("InvalidBatch", "Content type %q does not match that of the job, %s", mediaType, want)
	}
	if len(text) > maxBatchBytes {
		return no("ClientInputError", "The batch is larger than %d bytes", maxBatchBytes)
	}
	b := &batch{id: c.o.nextID("751"), state: "Completed", request: text}
	j.batches = append(j.batches, b)
	if reads {
		q, e, rows, err := c.firstBulkRows(string(text), j)
		if err != nil {
			b.state, b.message = "Failed", "InvalidBatch : "+asFault(err).message
		} else {
			b.found = &found{id: c.o.nextID("752"), q: q, e: e, rows: rows}
		}
		return wire.batch(http.StatusCreated, j, b), nil
	}
	if err := c.batchRows(j, b, text); err != nil {
		b.state, b.message = "Failed", "InvalidBatch : "+asFault(err).message
	}
	return wire.batch(http.StatusCreated, j, b), nil
}
