package inline

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// recordMembers hold addresses of the org among the members of records and of pages of them,
// whatever the names of its hosts. What people wrote into text fields is theirs and stays.
var recordMembers = [][]byte{[]byte("nextRecordsUrl"), []byte("VersionDataUrl")}

// addressBegins is what stands between such a name and its address: in JSON, in the JSON of the
// user interface's API, which wraps each value, and in XML.
var addressBegins = regexp.MustCompile(`^(?:"\s*:\s*(?:\{[^{}\[\]]{0,200}?"value"\s*:\s*)?"|>)(https?:)`)

const (
	// addressWindow is how much behind a name is needed to see its address whole.
	addressWindow = 2 << 10
	longestMember = len("nextRecordsUrl")
	addressChunk  = 32 << 10
)

// amendRecords makes the addresses in records lead to the gateway. Short answers of a known
// length keep one; longer ones are amended as they stream.
func (c *call) amendRecords(resp *http.Response) error {
	media, _, _ := strings.Cut(strings.ToLower(resp.Header.Get("Content-Type")), ";")
	if media = strings.TrimSpace(media); !isJSON(media) && media != "application/xml" && media != "text/xml" {
		return nil
	}
	if resp.Header.Get("Content-Encoding") != "" || resp.Request.Method == http.MethodHead || resp.StatusCode/100 != 2 {
		return nil
	}
	if resp.ContentLength >= 0 && resp.ContentLength <= maxRewritten {
		body, err := bufferAnswer(resp)
		if err != nil || body == nil {
			return err
		}
		if to, changed := c.amendText(body); changed {
			setBody(resp, to)
		}
		return nil
	}
	resp.ContentLength = -1
	resp.Header.Del("Content-Length")
	resp.Body = struct {
		io.Reader
		io.Closer
	}{&addressReader{c: c, r: resp.Body}, resp.Body}
	return nil
}

// addressReader amends a stream.
type addressReader struct {
	c    *call
	r    io.Reader
	raw  []byte // read and not amended
	done []byte // amended and not handed on
	err  error
}

func (a *addressReader) Read(p []byte) (int, error) {
	for len(a.done) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		at := len(a.raw)
		if cap(a.raw)-at < addressChunk {
			a.raw = append(make([]byte, 0, at+2*addressChunk), a.raw...)
		}
		n, err := a.r.Read(a.raw[at : at+addressChunk])
		a.raw, a.err = a.raw[:at+n], err
		ready := len(a.raw)
		if err == nil {
			ready = a.settled()
		}
		a.done, _ = a.c.amendText(a.raw[:ready])
		a.raw = a.raw[ready:]
	}
	n := copy(p, a.done)
	a.done = a.done[n:]
	return n, nil
}

// settled is how much of what was read can be amended without what follows.
func (a *addressReader) settled() int {
	ready := max(0, len(a.raw)-longestMember)
	tail := max(0, len(a.raw)-addressWindow-longestMember)
	for _, name := range recordMembers {
		if i := bytes.Index(a.raw[tail:], name); i >= 0 {
			ready = min(ready, tail+i)
		}
	}
	return ready
}

// amendText returns the text with its addresses amended: the text itself when none is.
func (c *call) amendText(text []byte) (_ []byte, changed bool) {
	var out []byte
	from := 0
	for {
		at := -1
		for _, name := range recordMembers {
			if i := bytes.Index(text[from:], name); i >= 0 && (at < 0 || from+i+len(name) < at) {
				at = from + i + len(name)
			}
		}
		if at < 0 {
			break
		}
		window := text[at:min(len(text), at+addressWindow)]
		m := addressBegins.FindSubmatchIndex(window)
		if m == nil {
			out, from = append(out, text[from:at]...), at
			continue
		}
		begin := at + m[2]
		end := begin + bytes.IndexAny(window[m[2]:], "\"< \n")
		if end < begin { // longer than any address of the org's
			out, from = append(out, text[from:begin]...), begin
			continue
		}
		address := strings.ReplaceAll(string(text[begin:end]), `\/`, "/")
		out = append(out, text[from:begin]...)
		if to := c.own(address, false); to != address {
			out, changed = append(out, to...), true
		} else {
			out = append(out, text[begin:end]...)
		}
		from = end
	}
	if out == nil {
		return text, false
	}
	return append(out, text[from:]...), changed
}
