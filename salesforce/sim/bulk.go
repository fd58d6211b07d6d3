package sim

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

var bulkOperations = []string{"insert", "update", "upsert", "delete", "hardDelete"}

var delimiters = map[string]rune{"COMMA": ',', "TAB": '\t', "SEMICOLON": ';', "PIPE": '|', "CARET": '^', "BACKQUOTE": '`'}

// ingest answers everything under /jobs/ingest.
func (c *call) ingest() (*answer, error) {
	if len(c.path) == 2 {
		switch c.method {
		case http.MethodPost:
			return c.openJob()
		case http.MethodGet:
			list := []any{}
			for _, id := range c.o.jobOrder {
				if j := c.o.jobs[id]; j != nil && j.kind == bulkIngest {
					list = append(list, j.show(true))
				}
			}
			return ok(object{{"done", true}, {"records", list}, {"nextRecordsUrl", nil}}), nil
		}
		return nil, methodNotAllowed(c.method, "GET", "POST")
	}
	id, _ := parseID(c.path[2])
	j := c.o.jobs[id]
	if err := c.mayUse(j, bulkIngest); err != nil {
		return nil, err
	}
	if len(c.path) == 3 {
		switch c.method {
		case http.MethodGet:
			return ok(j.show(true)), nil
		case http.MethodPatch:
			return c.turnJob(j)
		case http.MethodDelete:
			if j.state == "Open" {
				return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "An open job cannot be deleted: abort it first")
			}
			delete(c.o.jobs, j.id)
			return noContent(), nil
		}
		return nil, methodNotAllowed(c.method, "GET", "PATCH", "DELETE")
	}
	switch what := c.at(3); {
	case what == "batches" && c.method == http.MethodPut:
		if j.state != "Open" {
			return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "Job is not open")
		}
		if j.data != nil {
			return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "Found multiple contents for job: <%s>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.", j.id)
		}
		c.body.raw.kept = true
		j.data = c.body.raw
		return &answer{status: http.StatusCreated}, nil
	case c.method != http.MethodGet:
		return nil, methodNotAllowed(c.method, "GET")
	case what == "successfulresults":
		return csvAnswer(append([]string{"sf__Id", "sf__Created"}, j.columns...), j.succeeded), nil
	case what == "failedresults":
		return csvAnswer(append([]string{"sf__Id", "sf__Error"}, j.columns...), j.failed), nil
	case what == "unprocessedrecords":
		return csvAnswer(j.columns, nil), nil
	}
	return nil, notFound()
}

func csvAnswer(head []string, rows [][]string) *answer {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(head)
	w.WriteAll(rows) // a bytes.Buffer does not fail
	return (&answer{status: http.StatusOK, raw: b.Bytes()}).with("Content-Type", "text/csv")
}

func (c *call) openJob() (*answer, error) {
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
	j := &job{object: text("object", ""), operation: text("operation", ""), key: text("externalIdFieldName", ""), state: "Open",
		delimiter: text("columnDelimiter", "COMMA"), ending: text("lineEnding", "LF"), version: c.version, who: c.who, created: c.now}
	if err := c.checkJob(j); err != nil {
		return nil, err
	}
	j.id = c.o.nextID("750")
	c.o.jobs[j.id] = j
	c.o.jobOrder = append(c.o.jobOrder, j.id)
	if content := c.body.parts["content"]; content != nil { // the job with its data, in one multipart body
		content.kept = true
		j.data, j.state = content, "UploadComplete"
		c.work(j)
	}
	out := j.show(false)
	return ok(out), nil
}

func (c *call) checkJob(j *job) error {
	e := c.o.schema.entity(j.object)
	switch {
	case e == nil || e.event:
		return newFault(http.StatusBadRequest, "INVALIDENTITY", "Unable to find object: %s", j.object)
	case !slices.Contains(bulkOperations, j.operation):
		return newFault(http.StatusBadRequest, "INVALIDOPERATION", "Invalid operation: %s", j.operation)
	case delimiters[j.delimiter] == 0:
		return newFault(http.StatusBadRequest, "INVALIDJOB", "Invalid columnDelimiter: %s", j.delimiter)
	case j.operation == "hardDelete" && !c.who.Profile.ModifyAllData:
		return newFault(http.StatusForbidden, "FEATURENOTENABLED", "hardDelete needs the permission Bulk API Hard Delete")
	}
	j.object = e.name
	if j.operation == "upsert" {
		f := e.field(j.key)
		if f == nil || !f.external && f.name != "Id" {
			return newFault(http.StatusBadRequest, "INVALIDJOB", "upsert needs externalIdFieldName, the name of an external id of %s", e.name)
		}
	}
	return nil
}

// turnJob sets the state that a client asked for.
func (c *call) turnJob(j *job) (*answer, error) {
	body, err := c.body.object()
	if err != nil {
		return nil, err
	}
	switch state, _ := body["state"].(string); {
	case state == "UploadComplete" && j.state == "Open":
		j.state = "UploadComplete"
		out := j.show(false)
		c.work(j)
		return ok(out), nil
	case state == "Aborted" && (j.state == "Open" || j.state == "UploadComplete"):
		j.state = "Aborted"
		c.dropData(j)
		return ok(j.show(false)), nil
	default:
		return nil, newFault(http.StatusBadRequest, "INVALIDJOBSTATE", "Invalid job state transition from %s to %.40s", j.state, state)
	}
}

func (c *call) dropData(j *job) {
	if j.data != nil {
		j.data.kept = false
		c.uploads = append(c.uploads, j.data)
		j.data = nil
	}
}

// show is the job as its answers carry it.
func (j *job) show(counts bool) object {
	o := object{{"id", j.id}, {"operation", j.operation}, {"object", j.object}, {"createdById", j.who.id}, {"createdDate", timestamp(j.created)},
		{"systemModstamp", timestamp(j.created)}, {"state", j.state}, {"concurrencyMode", "Parallel"}, {"contentType", "CSV"},
		{"apiVersion", jsonVersion(j.version)}, {"contentUrl", "services/data/v" + j.version + "/jobs/ingest/" + j.id + "/batches"},
		{"lineEnding", j.ending}, {"columnDelimiter", j.delimiter}}
	if j.key != "" {
		o = append(o, member{"externalIdFieldName", j.key})
	}
	if counts {
		o = append(o, object{{"jobType", "V2Ingest"}, {"retries", 0}, {"totalProcessingTime", 1}, {"apiActiveProcessingTime", 1}, {"apexProcessingTime", 0},
			{"numberRecordsProcessed", len(j.succeeded) + len(j.failed)}, {"numberRecordsFailed", len(j.failed)}}...)
		if j.message != "" {
			o = append(o, member{"errorMessage", j.message})
		}
	}
	return o
}

// jsonVersion keeps 64.0 from becoming 64.
type jsonVersion string

func (v jsonVersion) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// work processes the rows of a job. Each stands by itself.
func (c *call) work(j *job) {
	defer c.dropData(j)
	j.state = "JobComplete"
	if j.data == nil {
		return
	}
	source, err := j.data.open()
	if err != nil {
		j.state, j.message = "Failed", "InternalServerError : "+err.Error()
		return
	}
	defer source.Close()
	err = c.rows(j.object, j.operation, j.key, delimiters[j.delimiter], source, func(columns, row []string, id string, created bool, f *fault) {
		j.columns = columns
		if f != nil {
			j.failed = append(j.failed, append([]string{id, bulkError(f)}, row...))
			return
		}
		j.succeeded = append(j.succeeded, append([]string{id, fmt.Sprint(created)}, row...))
	})
	if err != nil {
		j.state, j.message = "Failed", "InvalidBatch : "+err.Error()
	}
}

func bulkError(f *fault) string {
	return f.code + ":" + f.message + ":" + strings.Join(f.fields, " ") + "--"
}

// rows reads CSV and carries out the operation on each row, telling what came of it.
func (c *call) rows(objectName, operation, key string, comma rune, from io.Reader, tell func(columns, row []string, id string, created bool, f *fault)) error {
	e := c.o.schema.entity(objectName)
	r := csv.NewReader(from)
	r.Comma = comma
	columns, err := r.Read()
	if err == io.EOF {
		return fmt.Errorf("the file has no header row")
	}
	if err != nil {
		return err
	}
	columns[0] = strings.TrimPrefix(columns[0], "\ufeff")
	for _, name := range columns {
		first, _, related := strings.Cut(name, ".")
		if e.field(first) == nil && !related || related && e.byRelation[strings.ToLower(first)] == nil {
			//lint:ignore ST1005 these are the platform's own words
			return fmt.Errorf("Field name not found : %s", name)
		}
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		values, id := map[string]any{}, ""
		for i, cell := range row {
			first, rest, related := strings.Cut(columns[i], ".")
			var v any = cell
			if cell == "#N/A" {
				v = nil
			} else if cell == "" {
				continue // an empty cell leaves the field as it is
			}
			switch {
			case related:
				values[first] = map[string]any{rest: v}
			case strings.EqualFold(first, "Id") && operation != "insert":
				id = cell
			default:
				values[first] = v
			}
		}
		id, created, f := c.carryOut(e, operation, key, id, values)
		tell(columns, row, id, created, f)
	}
}

// readCSV reads all lines, the head first.
func readCSV(text []byte) ([][]string, error) {
	lines, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))).ReadAll()
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("the file has no header row")
	}
	return lines, err
}

// carryOut does with one record what its job is for.
func (c *call) carryOut(e *entity, operation, key, id string, values map[string]any) (_ string, created bool, f *fault) {
	f = c.attempt(func() (err error) {
		switch operation {
		case "insert":
			created = true
			id, err = c.create(e, values)
		case "update":
			err = c.update(e, id, values)
		case "delete":
			err = c.remove(e, id)
		case "hardDelete":
			if err = c.remove(e, id); err == nil {
				err = c.purge(id)
			}
		case "upsert":
			id, created, err = c.upsertRow(e, e.field(key), id, values)
		}
		return err
	})
	return id, created, f
}

func (c *call) upsertRow(e *entity, key *field, id string, values map[string]any) (string, bool, error) {
	if key.name == "Id" {
		if id != "" {
			return id, false, c.update(e, id, values)
		}
		id, err := c.create(e, values)
		return id, true, err
	}
	for name, v := range values {
		if strings.EqualFold(name, key.name) && v != nil {
			id, created, several, err := c.upsert(e, key, fmt.Sprint(v), values)
			if several != nil {
				err = newFault(http.StatusBadRequest, "DUPLICATE_EXTERNAL_ID", "%s: more than one record found for external id field", key.name).on(key.name)
			}
			return id, created, err
		}
	}
	return "", false, newFault(http.StatusBadRequest, "MISSING_ARGUMENT", "%s not specified", key.name).on()
}
