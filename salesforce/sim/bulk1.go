package sim

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

const bulk1Space = ` xmlns="http://www.force.com/2009/06/asyncapi/dataload"`

// bulk1 answers the first Bulk API, as far as loading CSV goes: open a job, add
// batches, close it, read the results. Zip files of attachments are refused.
func (o *Org) bulk1(w *exchange, r *http.Request, version string, p []string) {
	write := func(status int, body string) {
		w.Header().Set("Content-Type", "application/xml;charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+body)
	}
	refuse := func(status int, code, message string) {
		write(status, "<error"+bulk1Space+"><exceptionCode>"+code+"</exceptionCode><exceptionMessage>"+escapeXML(message)+"</exceptionMessage></error>")
	}
	s, f := o.authorize(w, r)
	if f != nil {
		code := map[string]string{"INVALID_SESSION_ID": "InvalidSessionId", "REQUEST_LIMIT_EXCEEDED": "ExceededQuota"}[f.code]
		if code == "" {
			code = "ClientInputError"
		}
		refuse(http.StatusBadRequest, code, f.message)
		return
	}
	body, err := inflate(r)
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(body, maxInline+1))
	}
	if err != nil || len(text) > maxInline {
		refuse(http.StatusBadRequest, "ClientInputError", "the body could not be read, or is larger than the API takes")
		return
	}
	o.mu.Lock()
	c := &call{tx: o.begin(s.who), method: r.Method, path: p}
	c.version = version
	status, out, f := c.asyncCall(text, r.Header.Get("Content-Type"))
	o.mu.Unlock()
	c.tell()
	if f != nil {
		refuse(f.status, f.code, f.message)
		return
	}
	if strings.HasPrefix(out, "\"") { // results are CSV
		w.Header().Set("Content-Type", "text/csv")
		w.WriteHeader(status)
		io.WriteString(w, out)
		return
	}
	write(status, out)
}

func (c *call) asyncCall(text []byte, mediaType string) (int, string, *fault) {
	no := func(code, format string, args ...any) (int, string, *fault) {
		return 0, "", newFault(http.StatusBadRequest, code, format, args...)
	}
	if c.at(0) != "job" {
		return no("InvalidUrl", "Destination URL not reset")
	}
	var info *node
	if c.method == http.MethodPost && len(c.path) < 3 {
		var err error
		if info, err = parseXML(text); err != nil {
			return no("InvalidJob", "the job could not be read: %v", err)
		}
	}
	if len(c.path) == 1 {
		if c.method != http.MethodPost {
			return no("InvalidUrl", "use POST")
		}
		if kind := strings.ToUpper(info.value("contentType")); kind != "" && kind != "CSV" {
			return no("FeatureNotEnabled", "Only CSV is simulated, not %s", kind)
		}
		j := &job{v1: true, object: info.value("object"), operation: info.value("operation"), key: info.value("externalIdFieldName"), state: "Open",
			delimiter: "COMMA", version: c.version, who: c.who, created: c.now}
		if err := c.checkJob(j); err != nil {
			return no("InvalidJob", "%s", asFault(err).message)
		}
		j.id = c.o.nextID("750")
		c.o.jobs[j.id] = j
		return http.StatusCreated, j.xml(), nil
	}
	id, _ := parseID(c.path[1])
	j := c.o.jobs[id]
	if j == nil || !j.v1 || j.who != c.who {
		return no("InvalidJob", "job not found")
	}
	switch {
	case len(c.path) == 2 && c.method == http.MethodPost:
		if state := info.value("state"); state == "Closed" || state == "Aborted" {
			j.state = state
		}
		return http.StatusOK, j.xml(), nil
	case len(c.path) == 2:
		return http.StatusOK, j.xml(), nil
	case c.at(2) != "batch":
		return no("InvalidUrl", "no such resource")
	case len(c.path) == 3 && c.method == http.MethodPost:
		if j.state != "Open" {
			return no("InvalidJobState", "Job is not open")
		}
		if !strings.Contains(mediaType, "csv") {
			return no("InvalidBatch", "Only text/csv is simulated, not %s", mediaType)
		}
		b := &batch{id: c.o.nextID("751"), state: "Completed"}
		j.batches = append(j.batches, b)
		err := c.rows(j.object, j.operation, j.key, ',', strings.NewReader(string(text)), func(_, _ []string, id string, created bool, f *fault) {
			if f != nil {
				b.failed++
				b.results = append(b.results, []string{id, "false", "false", bulkError(f)})
				return
			}
			b.results = append(b.results, []string{id, "true", fmt.Sprint(created), ""})
		})
		if err != nil {
			b.state, b.message = "Failed", "InvalidBatch : "+err.Error()
		}
		return http.StatusCreated, b.xml(j), nil
	case len(c.path) == 3:
		var list strings.Builder
		for _, b := range j.batches {
			list.WriteString(b.xml(j))
		}
		return http.StatusOK, "<batchInfoList" + bulk1Space + ">" + list.String() + "</batchInfoList>", nil
	}
	batchID, _ := parseID(c.path[3])
	i := slices.IndexFunc(j.batches, func(b *batch) bool { return b.id == batchID })
	switch {
	case i < 0:
		return no("InvalidBatch", "batch not found")
	case len(c.path) == 4:
		return http.StatusOK, j.batches[i].xml(j), nil
	case c.at(4) == "result":
		var out strings.Builder
		for _, row := range append([][]string{{"Id", "Success", "Created", "Error"}}, j.batches[i].results...) {
			for k, cell := range row {
				if k > 0 {
					out.WriteByte(',')
				}
				out.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
			}
			out.WriteByte('\n')
		}
		return http.StatusOK, out.String(), nil
	}
	return no("InvalidUrl", "no such resource")
}

func (j *job) xml() string {
	processed, failed := 0, 0
	for _, b := range j.batches {
		processed += len(b.results)
		failed += b.failed
	}
	n := len(j.batches)
	return fmt.Sprintf("<jobInfo%s><id>%s</id><operation>%s</operation><object>%s</object><createdById>%s</createdById><createdDate>%s</createdDate>"+
		"<systemModstamp>%s</systemModstamp><state>%s</state><concurrencyMode>Parallel</concurrencyMode><contentType>CSV</contentType>"+
		"<numberBatchesQueued>0</numberBatchesQueued><numberBatchesInProgress>0</numberBatchesInProgress><numberBatchesCompleted>%d</numberBatchesCompleted>"+
		"<numberBatchesFailed>0</numberBatchesFailed><numberBatchesTotal>%d</numberBatchesTotal><numberRecordsProcessed>%d</numberRecordsProcessed>"+
		"<numberRetries>0</numberRetries><apiVersion>%s</apiVersion><numberRecordsFailed>%d</numberRecordsFailed></jobInfo>",
		bulk1Space, j.id, j.operation, j.object, j.who.id, timestamp(j.created), timestamp(j.created), j.state, n, n, processed, escapeXML(j.version), failed)
}

func (b *batch) xml(j *job) string {
	message := ""
	if b.message != "" {
		message = "<stateMessage>" + escapeXML(b.message) + "</stateMessage>"
	}
	return fmt.Sprintf("<batchInfo%s><id>%s</id><jobId>%s</jobId><state>%s</state>%s<createdDate>%s</createdDate><systemModstamp>%s</systemModstamp>"+
		"<numberRecordsProcessed>%d</numberRecordsProcessed><numberRecordsFailed>%d</numberRecordsFailed></batchInfo>",
		bulk1Space, b.id, j.id, b.state, message, timestamp(j.created), timestamp(j.created), len(b.results), b.failed)
}
