package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Conditional requests: entity tags for accounts only, times for every row and every
// describe. Deletes know no conditions, and a write with a condition that cannot be read
// is refused rather than carried out.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_conditional_requests.htm

// validators are what a condition is compared with.
type validators struct {
	etag     string // "" where the resource has none
	modified time.Time
}

func (c *call) validatorsOf(r *record) validators {
	at, _ := parseTime(r.text("SystemModstamp"))
	v := validators{modified: at.Truncate(time.Second)}
	if r.e.name == "Account" {
		h := sha256.New()
		for _, f := range r.e.fields {
			text, _ := marshal(c.render(r, f))
			h.Write(text)
			h.Write([]byte{0})
		}
		v.etag = `"` + base64.StdEncoding.EncodeToString(h.Sum(nil)) + `--gzip"`
	}
	return v
}

func (v validators) onto(a *answer) *answer {
	if v.etag != "" {
		a.with("ETag", v.etag)
	}
	return a.with("Last-Modified", v.modified.UTC().Format(http.TimeFormat))
}

// conditions says what the condition of a request makes of it: nil to go on, an answer of
// 304, or a refusal.
func (c *call) conditions(v validators) (*answer, error) {
	if c.header == nil || c.method == http.MethodDelete {
		return nil, nil
	}
	reads := c.method == http.MethodGet || c.method == http.MethodHead
	failed := newFault(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The precondition of the request was not met")
	if v.etag != "" {
		match, badMatch := tags(c.header.Get("If-Match"))
		none, badNone := tags(c.header.Get("If-None-Match"))
		if (badMatch || badNone) && !reads {
			return nil, newFault(http.StatusBadRequest, "INVALID_HTTP_HEADER", "If-Match and If-None-Match take entity tags in quotes")
		}
		switch {
		case match != nil && !holdsTag(match, v.etag):
			return nil, failed
		case none != nil && holdsTag(none, v.etag) && reads:
			return v.onto(&answer{status: http.StatusNotModified}), nil
		case none != nil && holdsTag(none, v.etag):
			return nil, failed
		case none != nil:
			return nil, nil // a tag is the stronger condition
		}
	}
	if text := c.header.Get("If-Unmodified-Since"); text != "" {
		since, err := http.ParseTime(text)
		if err != nil && !reads {
			return nil, newFault(http.StatusBadRequest, "INVALID_HTTP_HEADER", "If-Unmodified-Since takes a date of HTTP")
		}
		if err == nil && v.modified.After(since) {
			return nil, failed
		}
	}
	if since, err := http.ParseTime(c.header.Get("If-Modified-Since")); err == nil && reads && !v.modified.After(since) {
		return v.onto(&answer{status: http.StatusNotModified}), nil
	}
	return nil, nil
}

// tags reads a list of entity tags; nil: there is none.
func tags(header string) (list []string, bad bool) {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == "" {
			continue
		}
		if tag != "*" && (len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"') {
			bad = true
			continue
		}
		list = append(list, tag)
	}
	return list, bad
}

// holdsTag compares without the mark that compression leaves on a tag.
func holdsTag(list []string, tag string) bool {
	bare := func(t string) string { return strings.TrimRight(strings.TrimSuffix(t, `-gzip"`), `-"`) }
	return slices.ContainsFunc(list, func(t string) bool { return t == "*" || bare(t) == bare(tag) })
}
