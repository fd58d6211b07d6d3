package inline

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

// maxNesting bounds requests within requests within requests. Salesforce allows fewer.
const maxNesting = 4

// examineNested says which request or record of a composite body could carry media. A body that
// is not put as such a body is: it holds no request or record that the org would act on, and is
// passed, for the org to say so, when nothing in it could be a file.
func (t target) examineNested(method string, n *node, depth int) string {
	if depth >= maxNesting {
		return "its requests nest too deep"
	}
	if n.kind != '{' {
		return examinePlain(n)
	}
	switch t.nested {
	case nestComposite:
		return t.examineRequests(n, "compositeRequest", depth)
	case nestBatch:
		return t.examineRequests(n, "batchRequests", depth)
	case nestGraph:
		return t.examineGraphs(n, depth)
	case nestCollections:
		if method == http.MethodPost && t.object != "" && n.get("records") == nil {
			return scanValue(n, textRule) // {"ids": […], "fields": […]} only reads
		}
	}
	return t.examineRecords(n)
}

func (t target) examineGraphs(n *node, depth int) string {
	graphs := n.get("graphs")
	if graphs == nil || graphs.kind != '[' {
		return examinePlain(n)
	}
	for i := range graphs.items {
		if graphs.items[i].kind != '{' {
			return "one of its graphs is not an object"
		}
		if why := t.examineRequests(&graphs.items[i], "compositeRequest", depth); why != "" {
			return why
		}
	}
	return ""
}

func (t target) examineRequests(n *node, list string, depth int) string {
	requests := n.get(list)
	if requests == nil || requests.kind != '[' {
		return examinePlain(n)
	}
	for i := range requests.items {
		if why := t.examineRequest(&requests.items[i], depth); why != "" {
			return fmt.Sprintf("request %d in it: %s", i+1, why)
		}
	}
	return ""
}

// examineRequest says why a request in a body would not pass on its own.
func (t target) examineRequest(n *node, depth int) string {
	if n.kind != '{' {
		return examinePlain(n)
	}
	method := strings.ToUpper(strings.TrimSpace(n.textOf("method")))
	address := n.textOf("url")
	if method == "" || address == "" {
		return examinePlain(n)
	}
	if n.get("binaryPartName") != nil || n.get("binaryPartNameAlias") != nil {
		return "it takes a file from another part"
	}
	body := n.get("body")
	if rich := n.get("richInput"); rich != nil {
		if body != nil {
			return "it has two bodies"
		}
		body = rich
	}
	u, err := url.Parse(address)
	if err != nil || u.Host != "" || u.Opaque != "" || strings.Contains(address, "#") {
		return "its address cannot be read"
	}
	method, query, err := methodOf(method, u.RawQuery)
	if err != nil {
		return "its method cannot be read"
	}
	path, err := salesforce.Canonical(u.EscapedPath())
	if err != nil {
		return "its address can be read in two ways"
	}
	if seg, _, _ := strings.Cut(path[1:], "/"); isVersion(strings.ToLower(seg)) {
		path = "/services/data" + path // batch addresses begin with the version
	}
	in := classify(path)
	in.ask = t.ask
	if why := in.examineQuery(method, query); why != "" {
		return why
	}
	if body == nil || body.kind == 'n' {
		return "" // no content
	}
	if bodyless(method) {
		if !meansNothing(body) {
			return "it carries a body that it should not have"
		}
		return ""
	}
	if in.class == classPlain {
		return examinePlain(body)
	}
	return in.examineJSON(method, body, depth+1)
}

// examineRecords looks through {"records": […]} of collections and trees.
func (t target) examineRecords(n *node) string {
	records := n.get("records")
	if records == nil || records.kind != '[' {
		return examinePlain(n)
	}
	of := recordOf(t.object, t.version, t.ask)
	for i := range records.items {
		r := &records.items[i]
		if r.kind != '{' {
			if why := examinePlain(r); why != "" {
				return fmt.Sprintf("record %d in it: %s", i+1, why)
			}
			continue
		}
		of.deep = t.object == "" && !isTyped(r)
		if why := examineFields(r, of); why != "" {
			return fmt.Sprintf("record %d in it: %s", i+1, why)
		}
		if a := r.get("attributes"); a != nil && (a.get("binaryPartName") != nil || a.get("binaryPartNameAlias") != nil) {
			return fmt.Sprintf("record %d in it takes a file from another part", i+1)
		}
	}
	return ""
}
