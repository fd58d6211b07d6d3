package inline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/cordonhq/cordon/salesforce"
)

// jobs remembers which object a Bulk job writes. A job never changes its object.
type jobs struct {
	mu      sync.Mutex
	objects map[string]string // job id of 15 letters → object
}

const maxJobs = 50_000

func newJobs() *jobs { return &jobs{objects: make(map[string]string)} }

func (j *jobs) learn(id, object string) {
	if !salesforce.IsID(id) || !salesforce.IsName(object) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for k := range j.objects {
		if len(j.objects) < maxJobs {
			break
		}
		delete(j.objects, k)
	}
	j.objects[id[:15]] = object
}

func (j *jobs) object(id string) string {
	if !salesforce.IsID(id) {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.objects[id[:15]]
}

// jobRefusal says why a job for the object is not passed, "" if it is.
func jobRefusal(object string) string {
	if !salesforce.IsName(object) {
		return "the job does not name its object plainly"
	}
	if b, ok := salesforce.FindBlob(object); ok {
		return "a Bulk job for " + b.Object + " carries files"
	}
	return ""
}

// examineJob looks at the JSON that opens or moves a Bulk job.
func (t target) examineJob(n *node) (why, object string) {
	if n.kind != '{' {
		return "the job is not an object", ""
	}
	if why := examinePlain(n); why != "" {
		return why, ""
	}
	object = n.textOf("object")
	if object == "" {
		if t.job == "" {
			return "the job names no object", ""
		}
		return "", "" // a state change
	}
	return jobRefusal(object), object
}

// learnJob notes the id under which the upstream opens a job.
func (c *call) learnJob(object string) {
	c.rewrites = rewriteOwn // the answer is read, so it must not be compressed
	c.answered = func(resp *http.Response) error {
		if resp.StatusCode/100 != 2 {
			return nil
		}
		body, err := bufferAnswer(resp)
		if err != nil || body == nil {
			return err
		}
		var opened struct{ ID, Object string }
		if json.Unmarshal(body, &opened) == nil && strings.EqualFold(opened.Object, object) {
			c.tenant.jobs.learn(opened.ID, object)
		} else if id := xmlID(body); id != "" {
			c.tenant.jobs.learn(id, object)
		}
		return nil
	}
}

// bulkData streams the rows of a job, if the job is known to carry no files, and stops before the
// first piece that holds one.
func (g *Gateway) bulkData(c *call) error {
	media, params, err := mediaType(c.in.Header.Get("Content-Type"))
	if err != nil {
		return g.notInspected(c, "its Content-Type or charset cannot be read", nil)
	}
	object, err := c.jobObject()
	if err != nil {
		return err
	}
	if object == "" {
		return g.notInspected(c, "it is not known which object the Bulk job writes", nil)
	}
	if why := jobRefusal(object); why != "" {
		return g.notInspected(c, why, nil)
	}
	if media != "text/csv" {
		if c.target.class == classAsyncData && (isJSON(media) || media == "application/xml" || media == "text/xml") {
			c.target.class, c.target.object, c.target.rows = classRecord, object, true
			return g.bulkRecords(c, media, params)
		}
		return g.notInspected(c, "Bulk data of type "+cutRunes(media, 60)+" is not looked into", nil)
	}
	body, err := g.openBody(c, g.conf.MaxCSV)
	if err != nil {
		return g.refused(c, err)
	}
	scan := &scanReader{r: bufio.NewReaderSize(body, scanWindow)}
	scan.refuse = func(why string) error {
		f := g.notInspected(c, "a row holds "+why, func() error { return nil })
		if f == nil { // the route lets such rows pass
			return nil
		}
		return f
	}
	if err := scan.prime(); err != nil {
		return g.refused(c, err)
	}
	g.line.Touch(c.tenant.ID, c.routeName(), touchPassed)
	c.in.Body = io.NopCloser(scan)
	if c.in.Header.Get("Content-Encoding") != "" {
		c.in.Header.Del("Content-Encoding")
		c.in.ContentLength = -1
	}
	g.pass(c)
	return nil
}

// bulkRecords passes a batch in JSON or XML that was looked through.
func (g *Gateway) bulkRecords(c *call, media string, params map[string]string) error {
	body, release, err := g.readChecked(c, params)
	defer release()
	if err != nil {
		return g.refused(c, err)
	}
	why := ""
	if isJSON(media) {
		why = "its JSON cannot be read in one way only"
		if n, err := parseTree(body); err == nil {
			why = examineRows(&n, recordOf(c.target.object, c.target.version, c.asker()))
		}
	} else {
		why, _ = c.target.examineXML(body)
	}
	g.replay(c, body)
	if why != "" {
		return g.notInspected(c, why, nil)
	}
	g.line.Touch(c.tenant.ID, c.routeName(), touchPassed)
	g.pass(c)
	return nil
}

// examineRows looks through the array of records of a Bulk API 1.0 batch.
func examineRows(n *node, of record) string {
	if n.kind != '[' {
		return "its rows are not a list"
	}
	for i := range n.items {
		if n.items[i].kind != '{' {
			return "one of its rows is not an object"
		}
		if why := examineFields(&n.items[i], of); why != "" {
			return why
		}
	}
	return ""
}

// jobObject returns the object of the job that the path names, asking the CRM with the caller's
// own token when the job was not opened through this gateway.
func (c *call) jobObject() (string, error) {
	id := c.target.job
	if object := c.tenant.jobs.object(id); object != "" {
		return object, nil
	}
	creds, ok := credentialsOf(c.in)
	if !ok || !salesforce.IsID(id) {
		return "", nil
	}
	at := "/services/data/v" + c.target.version + "/jobs/ingest/" + id
	if c.target.class == classAsyncData {
		at = "/services/async/" + c.target.version + "/job/" + id
	}
	ctx, cancel := context.WithTimeout(c.in.Context(), askTimeout)
	defer cancel()
	var job struct {
		Object string `json:"object"`
	}
	err := c.tenant.callers.get(ctx, creds, at, "", 1<<20, &job)
	var native *nativeAnswer
	switch {
	case errors.As(err, &native) && (native.status == http.StatusUnauthorized || native.status == http.StatusForbidden):
		return "", err
	case err != nil:
		return "", nil // not known, and so not inspected
	}
	c.tenant.jobs.learn(id, job.Object)
	return job.Object, nil
}

// scanReader hands on text after it was looked through. It looks ahead, so that nothing of a file
// that it finds has left before.
type scanReader struct {
	r      *bufio.Reader
	buf    []byte // read and not handed on
	clear  int    // of buf: looked through with enough text after it
	err    error  // after buf
	refuse func(why string) error
	off    bool // the route lets files pass
}

const (
	scanWindow  = 64 << 10
	scanOverlap = 16 << 10 // longer than any start of a file by which it is known
)

// prime looks through the first window, so that most refusals come before anything is sent.
func (s *scanReader) prime() error {
	s.fill()
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	return nil
}

// fill reads a window more and looks through all that is there.
func (s *scanReader) fill() {
	for s.err == nil && len(s.buf) < scanWindow+scanOverlap {
		at := len(s.buf)
		s.buf = append(s.buf, make([]byte, scanWindow)...)
		n, err := s.r.Read(s.buf[at:])
		s.buf, s.err = s.buf[:at+n], err
	}
	if !s.off {
		why := scanText(string(s.buf), textRule)
		if bytes.IndexByte(s.buf, 0) >= 0 {
			why = "text that is not UTF-8" // in UTF-16 no file would be seen
		}
		if why != "" {
			if err := s.refuse(why); err != nil {
				s.buf, s.clear, s.err = nil, 0, fmt.Errorf("rows: %w", err)
				return
			}
			s.off = true
		}
	}
	s.clear = len(s.buf)
	if s.err == nil {
		s.clear -= scanOverlap
	}
}

func (s *scanReader) Read(p []byte) (int, error) {
	if s.clear == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.fill()
		if s.clear == 0 {
			return 0, s.err
		}
	}
	n := copy(p, s.buf[:s.clear])
	s.buf, s.clear = s.buf[n:], s.clear-n
	return n, nil
}
