package sim

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// What the batches of the first Bulk API carry: records as CSV, JSON or XML, alone or in a
// zip with the files that they name.

// bulkInfo reads what a client says of a job, in either form, as one map.
func bulkInfo(text []byte, mediaType string) (map[string]any, error) {
	var v any
	var err error
	if mediaType == "application/json" {
		v, err = readJSON(text)
	} else {
		v, err = readXML(text)
	}
	if err != nil {
		return nil, err
	}
	o, is := v.(map[string]any)
	if !is {
		return nil, fmt.Errorf("it is not an object")
	}
	return o, nil
}

// batchRows carries out every record of a batch. An error means that the batch as a whole
// could not be read, and that nothing after it was carried out.
func (c *call) batchRows(j *job, b *batch, text []byte) error {
	kind := j.contentType
	attach := func(map[string]any) error { return nil }
	if bare, zipped := strings.CutPrefix(kind, "ZIP_"); zipped {
		var err error
		if text, attach, err = c.unzip(j, text); err != nil {
			return err
		}
		kind = bare
	}
	tell := func(id string, created bool, f *fault) {
		if f != nil {
			b.failed++
		}
		b.results = append(b.results, rowResult{id, created, f})
	}
	e := c.o.schema.entity(j.object)
	if j.contentType == "CSV" {
		if lines, err := readCSV(text); err != nil || len(lines) > maxBatchRecords+1 {
			if err == nil {
				err = tooManyRecords(len(lines) - 1)
			}
			return err
		}
		return c.rows(j.object, j.operation, j.key, ',', bytes.NewReader(text), func(_, _ []string, id string, created bool, f *fault) {
			tell(id, created, f)
		})
	}
	var records []map[string]any
	var err error
	switch kind {
	case "CSV":
		records, err = csvRecords(text)
	case "JSON":
		records, err = jsonRecords(text)
	default:
		records, err = xmlRecords(text)
	}
	if err != nil {
		return err
	}
	if len(records) > maxBatchRecords {
		return tooManyRecords(len(records))
	}
	for _, values := range records {
		id := ""
		for name, v := range values {
			if strings.EqualFold(name, "Id") && j.operation != "insert" {
				id, _ = v.(string)
				delete(values, name)
			}
		}
		if err := attach(values); err != nil {
			tell("", false, asFault(err))
			continue
		}
		tell(c.carryOut(e, j.operation, j.key, id, values))
	}
	return nil
}

func tooManyRecords(n int) error {
	return fmt.Errorf("the batch has %d records, and may have %d", n, maxBatchRecords)
}

func jsonRecords(text []byte) ([]map[string]any, error) {
	v, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	list, is := v.([]any)
	if !is {
		return nil, fmt.Errorf("the batch must be a list of records")
	}
	var out []map[string]any
	for _, one := range list {
		o, is := one.(map[string]any)
		if !is {
			return nil, fmt.Errorf("the batch must be a list of records")
		}
		out = append(out, o)
	}
	return out, nil
}

func xmlRecords(text []byte) ([]map[string]any, error) {
	root, err := parseXML(text)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, kid := range root.kids {
		if o, is := kid.plain().(map[string]any); is && strings.EqualFold(kid.name, "sObject") {
			for name, v := range o { // a relationship holds the record it refers to
				if inner, is := v.(map[string]any); is && len(inner) == 1 && inner["sObject"] != nil {
					o[name] = inner["sObject"]
				}
			}
			delete(o, "type")
			out = append(out, o)
		}
	}
	return out, nil
}

func csvRecords(text []byte) ([]map[string]any, error) {
	lines, err := readCSV(text)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, line := range lines[1:] {
		o := map[string]any{}
		for i, cell := range line {
			switch {
			case cell == "#N/A":
				o[lines[0][i]] = nil
			case cell != "":
				o[lines[0][i]] = cell
			}
		}
		out = append(out, o)
	}
	return out, nil
}

// unzip reads a batch of records with files: request.txt has the records, and a value that
// begins with # names the file beside it that a field of bytes takes.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/binary_intro.htm
func (c *call) unzip(j *job, text []byte) (request []byte, attach func(map[string]any) error, err error) {
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, nil, fmt.Errorf("the batch is not a zip: %w", err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[strings.TrimPrefix(f.Name, "./")] = f
	}
	if files["request.txt"] == nil {
		return nil, nil, fmt.Errorf("the zip has no request.txt")
	}
	in, err := files["request.txt"].Open()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	if request, err = io.ReadAll(io.LimitReader(in, maxBatchBytes+1)); err != nil || len(request) > maxBatchBytes {
		return nil, nil, fmt.Errorf("request.txt could not be read, or is larger than %d bytes", maxBatchBytes)
	}
	e := c.o.schema.entity(j.object)
	attach = func(values map[string]any) error {
		for name, v := range values {
			f := e.field(name)
			s, _ := v.(string)
			file, named := strings.CutPrefix(s, "#")
			if f == nil || f.kind != "base64" || !named {
				continue
			}
			if files[file] == nil {
				return newFault(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION", "the batch has no file %.80s", file).on(f.name)
			}
			in, err := files[file].Open()
			if err != nil {
				return err
			}
			b, err := c.o.blobs.take(in, maxBatchBytes)
			in.Close()
			if err != nil {
				return newFault(http.StatusBadRequest, "FILE_SIZE_LIMIT_EXCEEDED", "the file %.80s could not be read or is too large", file).on(f.name)
			}
			c.uploads = append(c.uploads, b)
			values[name] = b
		}
		return nil
	}
	return request, attach, nil
}

// firstBulkRows finds what a batch with a query asks for.
func (c *call) firstBulkRows(soql string, j *job) (*query, *entity, []*record, error) {
	q, e, rows, err := c.bulkRows(soql, j.operation == "queryAll")
	if err == nil && e.name != j.object {
		err = newFault(http.StatusBadRequest, "InvalidBatch", "The query is of %s, and the job of %s", e.name, j.object)
	}
	return q, e, rows, err
}

// queryResult answers what a query found, in the form of its job.
func (c *call) queryResult(j *job, in *found) (*answer, error) {
	if j.contentType == "CSV" {
		heads, err := c.bulkColumns(in.q, in.e)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		quotedLine(&b, heads, ',', "\n")
		for _, r := range in.rows {
			line := make([]string, len(in.q.fields))
			for i, s := range in.q.fields {
				steps, err := c.resolve(in.q, in.e, s.path, s.at)
				if err != nil {
					return nil, err
				}
				line[i] = c.cell(r, steps, s.path)
			}
			quotedLine(&b, line, ',', "\n")
		}
		return (&answer{status: http.StatusOK, raw: b.Bytes()}).with("Content-Type", "text/csv"), nil
	}
	records := []any{}
	for _, r := range in.rows {
		o, err := c.project(in.q, in.e, r)
		if err != nil {
			return nil, err
		}
		records = append(records, o)
	}
	if j.contentType == "JSON" {
		text, err := json.Marshal(records)
		return (&answer{status: http.StatusOK, raw: text}).with("Content-Type", "application/json"), err
	}
	var b bytes.Buffer
	b.WriteString(xmlHead + "<queryResult" + bulk1Space + ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`)
	for _, o := range records {
		rest, _ := o.(object)
		writeXML(&b, "records", rest[1:]) // without attributes
	}
	b.WriteString("</queryResult>")
	return (&answer{status: http.StatusOK, raw: b.Bytes()}).with("Content-Type", "application/xml;charset=UTF-8"), nil
}
