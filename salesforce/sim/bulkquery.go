package sim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Bulk API 2.0 query jobs. Like the other jobs here they are done as soon as they are made.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm

// maxBulkPage is how many records one set of results has unless the caller asks for fewer.
const maxBulkPage = 50_000

// queryJobs answers everything under /jobs/query.
func (c *call) queryJobs() (*answer, error) {
	if len(c.path) == 2 {
		switch c.method {
		case http.MethodPost:
			return c.openQueryJob()
		case http.MethodGet:
			list := []any{}
			for _, id := range c.o.jobOrder {
				if j := c.o.jobs[id]; j != nil && j.kind == bulkQuery && c.mayUse(j, bulkQuery) == nil {
					list = append(list, j.showQuery(true))
				}
			}
			return ok(object{{"done", true}, {"records", list}, {"nextRecordsUrl", nil}}), nil
		}
		return nil, methodNotAllowed(c.method, "GET", "POST")
	}
	id, _ := parseID(c.path[2])
	j := c.o.jobs[id]
	if err := c.mayUse(j, bulkQuery); err != nil {
		return nil, err
	}
	switch {
	case len(c.path) == 4 && c.at(3) == "results":
		return c.queryResults(j)
	case len(c.path) > 3:
		return nil, notFound()
	}
	switch c.method {
	case http.MethodGet:
		return ok(j.showQuery(true)), nil
	case http.MethodPatch:
		body, err := c.body.object()
		if err != nil {
			return nil, err
		}
		if state, _ := body["state"].(string); state != "Aborted" || j.state != "UploadComplete" && j.state != "InProgress" {
			return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "Invalid job state transition from %s to %.40v", j.state, body["state"])
		}
		j.state = "Aborted"
		return ok(j.showQuery(false)), nil
	case http.MethodDelete:
		if j.state == "UploadComplete" || j.state == "InProgress" {
			return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "Job in state %s cannot be deleted: abort it first", j.state)
		}
		delete(c.o.jobs, j.id)
		return noContent(), nil
	}
	return nil, methodNotAllowed(c.method, "GET", "PATCH", "DELETE")
}

func (c *call) openQueryJob() (*answer, error) {
	body, err := c.body.object()
	if err != nil {
		return nil, err
	}
	text := func(key, fallback string) string {
		if s, _ := body[key].(string); s != "" {
			return s
		}
		return fallback
	}
	for key := range body {
		switch key {
		case "operation", "query", "contentType", "columnDelimiter", "lineEnding":
		default:
			return nil, badJSON("Unrecognized field \"%s\", not marked as ignorable", key)
		}
	}
	j := &job{kind: bulkQuery, operation: text("operation", ""), soql: text("query", ""), delimiter: text("columnDelimiter", "COMMA"),
		ending: text("lineEnding", "LF"), version: c.version, who: c.who, created: c.now, state: "UploadComplete"}
	switch {
	case j.operation != "query" && j.operation != "queryAll":
		return nil, newFault(http.StatusBadRequest, "INVALIDOPERATION", "Invalid operation: %s", j.operation)
	case j.soql == "":
		return nil, newFault(http.StatusBadRequest, "INVALIDJOB", "A query is required")
	case !strings.EqualFold(text("contentType", "CSV"), "CSV"):
		return nil, newFault(http.StatusBadRequest, "INVALIDJOB", "Content type %s is not supported: only CSV is", text("contentType", ""))
	case delimiters[j.delimiter] == 0:
		return nil, newFault(http.StatusBadRequest, "INVALIDJOB", "Invalid columnDelimiter: %s", j.delimiter)
	case j.ending != "LF" && j.ending != "CRLF":
		return nil, newFault(http.StatusBadRequest, "INVALIDJOB", "Invalid lineEnding: %s", j.ending)
	}
	q, e, rows, err := c.bulkRows(j.soql, j.operation == "queryAll")
	if err != nil {
		return nil, err
	}
	j.object = e.name
	if j.columns, err = c.bulkColumns(q, e); err != nil {
		return nil, err
	}
	for _, r := range rows {
		line := make([]string, len(q.fields))
		for i, s := range q.fields {
			steps, err := c.resolve(q, e, s.path, s.at)
			if err != nil {
				return nil, err
			}
			line[i] = c.cell(r, steps, s.path)
		}
		j.rows = append(j.rows, line)
	}
	j.id = c.o.nextID("750")
	c.o.jobs[j.id] = j
	c.o.jobOrder = append(c.o.jobOrder, j.id)
	made := j.showQuery(false)
	j.state = "JobComplete"
	return ok(made), nil
}

// bulkRows finds what a bulk query asks for. It takes plain fields of one object and of what
// that object refers to.
func (c *call) bulkRows(soql string, all bool) (*query, *entity, []*record, error) {
	q, err := parseSOQL(soql)
	if err != nil {
		return nil, nil, nil, err
	}
	unsupported := func(what string) error {
		return newFault(http.StatusBadRequest, "FEATURENOTENABLED", "%s is not supported in a bulk query", what)
	}
	if q.grouped() || q.counts() {
		return nil, nil, nil, unsupported("An aggregate or GROUP BY")
	}
	if q.offset > 0 {
		return nil, nil, nil, unsupported("OFFSET")
	}
	for _, s := range q.fields {
		if s.path == nil || s.apply != "" {
			return nil, nil, nil, unsupported("A nested query, TYPEOF or a function")
		}
	}
	rows, e, err := c.selectRows(q, all)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := c.checkSelection(q, e); err != nil {
		return nil, nil, nil, err
	}
	for _, s := range q.fields {
		steps, err := c.resolve(q, e, s.path, s.at)
		if err != nil {
			return nil, nil, nil, err
		}
		if f := steps[len(steps)-1]; f != nil && f.kind == "base64" {
			return nil, nil, nil, newFault(http.StatusBadRequest, "INVALIDFIELD", "Bulk queries cannot return the base64 field %s", f.name)
		}
	}
	return q, e, rows, nil
}

// bulkColumns are the heads of the columns: proper names, with the relationships before them.
func (c *call) bulkColumns(q *query, e *entity) ([]string, error) {
	var heads []string
	for _, s := range q.fields {
		steps, err := c.resolve(q, e, s.path, s.at)
		if err != nil {
			return nil, err
		}
		var parts []string
		for i, f := range steps {
			switch {
			case f == nil:
				parts = append(parts, s.path[len(s.path)-1])
			case i < len(steps)-1:
				parts = append(parts, f.relation)
			default:
				parts = append(parts, f.name)
			}
		}
		heads = append(heads, strings.Join(parts, "."))
	}
	return heads, nil
}

// cell is the value at the end of a path as a column of CSV has it.
func (c *call) cell(r *record, steps []*field, path []string) string {
	v, at, f := c.walk(r, steps, path)
	if f != nil {
		v = c.render(at, f)
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// showQuery is the job as its answers carry it.
func (j *job) showQuery(whole bool) object {
	o := object{{"id", j.id}, {"operation", j.operation}, {"object", j.object}, {"createdById", j.who.id}, {"createdDate", timestamp(j.created)},
		{"systemModstamp", timestamp(j.created)}, {"state", j.state}, {"concurrencyMode", "Parallel"}, {"contentType", "CSV"},
		{"apiVersion", jsonVersion(j.version)}}
	if whole {
		o = append(o, object{{"jobType", "V2Query"}}...)
	}
	o = append(o, object{{"lineEnding", j.ending}, {"columnDelimiter", j.delimiter}}...)
	if whole {
		o = append(o, object{{"numberRecordsProcessed", len(j.rows)}, {"retries", 0}, {"totalProcessingTime", 1}, {"isPkChunkingSupported", true}}...)
	}
	return o
}

// queryResults answers one set of a job's results, and says in headers where the next begins.
func (c *call) queryResults(j *job) (*answer, error) {
	if err := c.allow("GET"); err != nil {
		return nil, err
	}
	switch {
	case j.version != c.version:
		return nil, newFault(http.StatusConflict, "API_VERSION_MISMATCH", "Get the results with API version %s, which made the job", j.version)
	case j.state != "JobComplete":
		return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "The job is %s: it has no results", j.state)
	}
	from, most := 0, maxBulkPage
	if locator := c.query.Get("locator"); locator != "" {
		text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(locator, "="))
		n, bad := strconv.Atoi(string(text))
		if err != nil || bad != nil || n < 0 || n > len(j.rows) {
			return nil, newFault(http.StatusBadRequest, "INVALIDLOCATOR", "Invalid locator: %.80s", locator)
		}
		from = n
	}
	if text := c.query.Get("maxRecords"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, newFault(http.StatusBadRequest, "INVALIDQUERYPARAMETER", "Invalid maxRecords: %.40s", text)
		}
		most = min(most, n)
	}
	to := min(len(j.rows), from+most)
	var b bytes.Buffer
	ending := map[string]string{"LF": "\n", "CRLF": "\r\n"}[j.ending]
	for _, line := range append([][]string{j.columns}, j.rows[from:to]...) {
		quotedLine(&b, line, delimiters[j.delimiter], ending)
	}
	next := "null"
	if to < len(j.rows) {
		next = base64.RawStdEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return (&answer{status: http.StatusOK, raw: b.Bytes()}).with("Content-Type", "text/csv").
		with("Sforce-Locator", next).with("Sforce-NumberOfRecords", strconv.Itoa(to-from)), nil
}

// quotedLine writes a line of CSV with every value in quotes, as results come.
func quotedLine(b *bytes.Buffer, line []string, delimiter rune, ending string) {
	for i, value := range line {
		if i > 0 {
			b.WriteRune(delimiter)
		}
		b.WriteString(`"` + strings.ReplaceAll(value, `"`, `""`) + `"`)
	}
	b.WriteString(ending)
}
