package sim

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	bulk1Space = ` xmlns="http://www.force.com/2009/06/asyncapi/dataload"`
	xmlHead    = `<?xml version="1.0" encoding="UTF-8"?>`
)

// bulkWire words the answers of the first Bulk API, as XML or as JSON.
type bulkWire struct{ asJSON bool }

func (w bulkWire) refuse(x *exchange, r *http.Request, status int, code, message string) {
	x.answer(r, w.say(status, "error", object{{"exceptionCode", code}, {"exceptionMessage", message}}))
}

// say is an answer of one object. XML leaves out what is not there.
func (w bulkWire) say(status int, name string, o object) *answer {
	if w.asJSON {
		text, err := marshal(o)
		if err != nil {
			return refusal(asFault(err))
		}
		return (&answer{status: status, raw: text}).with("Content-Type", "application/json;charset=UTF-8")
	}
	return (&answer{status: status, raw: []byte(xmlHead + bulkXML(name, bulk1Space, o))}).with("Content-Type", "application/xml;charset=UTF-8")
}

func bulkXML(name, space string, o object) string {
	var b strings.Builder
	b.WriteString("<" + name + space + ">")
	for _, m := range o {
		if m.value != nil {
			b.WriteString("<" + m.key + ">" + escapeXML(fmt.Sprint(m.value)) + "</" + m.key + ">")
		}
	}
	b.WriteString("</" + name + ">")
	return b.String()
}

func (w bulkWire) job(status int, j *job) *answer {
	processed, failed, done, broken := 0, 0, 0, 0
	for _, b := range j.batches {
		processed += len(b.results)
		failed += b.failed
		if b.found != nil {
			processed += len(b.found.rows)
		}
		if b.state == "Completed" {
			done++
		} else {
			broken++
		}
	}
	return w.say(status, "jobInfo", object{{"id", j.id}, {"operation", j.operation}, {"object", j.object}, {"createdById", j.who.id},
		{"createdDate", timestamp(j.created)}, {"systemModstamp", timestamp(j.created)}, {"state", j.state}, {"externalIdFieldName", orNil(j.key)},
		{"concurrencyMode", "Parallel"}, {"contentType", j.contentType}, {"numberBatchesQueued", 0}, {"numberBatchesInProgress", 0},
		{"numberBatchesCompleted", done}, {"numberBatchesFailed", broken}, {"numberBatchesTotal", len(j.batches)},
		{"numberRecordsProcessed", processed}, {"numberRetries", 0}, {"apiVersion", jsonVersion(j.version)}, {"numberRecordsFailed", failed},
		{"totalProcessingTime", 0}, {"apiActiveProcessingTime", 0}, {"apexProcessingTime", 0}})
}

func (b *batch) info(j *job) object {
	n := len(b.results)
	if b.found != nil {
		n = len(b.found.rows)
	}
	return object{{"id", b.id}, {"jobId", j.id}, {"state", b.state}, {"stateMessage", orNil(b.message)}, {"createdDate", timestamp(j.created)},
		{"systemModstamp", timestamp(j.created)}, {"numberRecordsProcessed", n}, {"numberRecordsFailed", b.failed},
		{"totalProcessingTime", 0}, {"apiActiveProcessingTime", 0}, {"apexProcessingTime", 0}}
}

func (w bulkWire) batch(status int, j *job, b *batch) *answer {
	return w.say(status, "batchInfo", b.info(j))
}

func (w bulkWire) batches(j *job) *answer {
	if w.asJSON {
		list := []any{}
		for _, b := range j.batches {
			list = append(list, b.info(j))
		}
		return w.say(http.StatusOK, "", object{{"batchInfo", list}})
	}
	var list strings.Builder
	for _, b := range j.batches {
		list.WriteString(bulkXML("batchInfo", "", b.info(j)))
	}
	return (&answer{status: http.StatusOK, raw: []byte(xmlHead + "<batchInfoList" + bulk1Space + ">" + list.String() + "</batchInfoList>")}).
		with("Content-Type", "application/xml;charset=UTF-8")
}

// resultList names the results of a query.
func (w bulkWire) resultList(j *job, b *batch) *answer {
	if strings.HasSuffix(j.contentType, "JSON") {
		text, _ := marshal([]string{b.found.id}) // a list of text has no other outcome
		return (&answer{status: http.StatusOK, raw: text}).with("Content-Type", "application/json;charset=UTF-8")
	}
	return (&answer{status: http.StatusOK, raw: []byte(xmlHead + "<result-list" + bulk1Space + "><result>" + b.found.id + "</result></result-list>")}).
		with("Content-Type", "application/xml;charset=UTF-8")
}

// results answers what came of each record, in the form of the job.
func (w bulkWire) results(j *job, b *batch) *answer {
	switch strings.TrimPrefix(j.contentType, "ZIP_") {
	case "CSV":
		var out bytes.Buffer
		quotedLine(&out, []string{"Id", "Success", "Created", "Error"}, ',', "\n")
		for _, r := range b.results {
			message := ""
			if r.fault != nil {
				message = bulkError(r.fault)
			}
			quotedLine(&out, []string{r.id, strconv.FormatBool(r.fault == nil), strconv.FormatBool(r.created && r.fault == nil), message}, ',', "\n")
		}
		return (&answer{status: http.StatusOK, raw: out.Bytes()}).with("Content-Type", "text/csv")
	case "JSON":
		list := []any{}
		for _, r := range b.results {
			errors := []any{}
			if r.fault != nil {
				o := r.fault.inResult()
				errors = append(errors, append(object{{"extendedErrorDetails", nil}}, o...))
			}
			list = append(list, object{{"success", r.fault == nil}, {"created", r.created && r.fault == nil}, {"id", orNil(r.id)}, {"errors", errors}})
		}
		text, err := marshal(list)
		if err != nil {
			return refusal(asFault(err))
		}
		return (&answer{status: http.StatusOK, raw: text}).with("Content-Type", "application/json;charset=UTF-8")
	}
	var out strings.Builder
	out.WriteString(xmlHead + "<results" + bulk1Space + ">")
	for _, r := range b.results {
		out.WriteString("<result>")
		if r.fault != nil {
			out.WriteString("<errors>")
			for _, name := range r.fault.fields {
				out.WriteString("<fields>" + escapeXML(name) + "</fields>")
			}
			out.WriteString("<message>" + escapeXML(r.fault.message) + "</message><statusCode>" + r.fault.code + "</statusCode></errors>")
		}
		if r.id != "" {
			out.WriteString("<id>" + r.id + "</id>")
		}
		fmt.Fprintf(&out, "<success>%t</success><created>%t</created></result>", r.fault == nil, r.created && r.fault == nil)
	}
	out.WriteString("</results>")
	return (&answer{status: http.StatusOK, raw: []byte(out.String())}).with("Content-Type", "application/xml;charset=UTF-8")
}
