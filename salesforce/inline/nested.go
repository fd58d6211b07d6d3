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

// examineNested says which request or record of a composite body could carry media.
func (t target) examineNested(n *node, depth int) string {
	if depth >= maxNesting {
		return "its requests nest too deep"
	}
	if n.kind != '{' {
		return "its body is not an object"
	}
	switch t.nested {
	case nestComposite:
		return examineRequests(n, "compositeRequest", depth)
	case nestBatch:
		return examineRequests(n, "batchRequests", depth)
	case nestGraph:
		return examineGraphs(n, depth)
	case nestTree:
		return examineRecords(n, t.object)
	default:
		return examineRecords(n, t.object)
	}
}

func examineGraphs(n *node, depth int) string {
	graphs := n.get("graphs")
	if graphs == nil || graphs.kind != '[' {
		return "it names no graphs"
	}
	for i := range graphs.items {
		if graphs.items[i].kind != '{' {
			return "one of its graphs is not an object"
		}
		if why := examineRequests(&graphs.items[i], "compositeRequest", depth); why != "" {
			return why
		}
	}
	return ""
}

func examineRequests(n *node, list string, depth int) string {
	requests := n.get(list)
	if requests == nil || requests.kind != '[' {
		return "it has no list of requests"
	}
	for i := range requests.items {
		if why := examineRequest(&requests.items[i], depth); why != "" {
			return fmt.Sprintf("request %d in it: %s", i+1, why)
		}
	}
	return ""
}

// examineRequest says why a request in a body would not pass on its own.
func examineRequest(n *node, depth int) string {
	if n.kind != '{' {
		return "it is not an object"
	}
	method := strings.ToUpper(strings.TrimSpace(n.textOf("method")))
	address := n.textOf("url")
	if method == "" || address == "" {
		return "it lacks a method or an address"
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
	method, _, err = methodOf(method, u.RawQuery)
	if err != nil {
		return "its method cannot be read"
	}
	if body == nil || body.kind == 'n' {
		return "" // no content
	}
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodDelete {
		return "it carries a body that it should not have"
	}
	path, err := salesforce.Canonical(u.EscapedPath())
	if err != nil {
		return "its address can be read in two ways"
	}
	if seg, _, _ := strings.Cut(path[1:], "/"); isVersion(strings.ToLower(seg)) {
		path = "/services/data" + path // batch addresses begin with the version
	}
	t := classify(path)
	if t.class == classPlain {
		return examinePlain(body)
	}
	return t.examineJSON(method, body, depth+1)
}

// examineRecords looks through {"records": […]} of collections and trees. object is the one that
// the path names, if it does.
func examineRecords(n *node, object string) string {
	records := n.get("records")
	if records == nil || records.kind != '[' {
		return "it has no list of records"
	}
	blob, _ := salesforce.FindBlob(object)
	for i := range records.items {
		r := &records.items[i]
		if r.kind != '{' {
			return fmt.Sprintf("record %d in it is not an object", i+1)
		}
		if why := examineFields(r, blob, object == "" && !isTyped(r)); why != "" {
			return fmt.Sprintf("record %d in it: %s", i+1, why)
		}
		if a := r.get("attributes"); a != nil && (a.get("binaryPartName") != nil || a.get("binaryPartNameAlias") != nil) {
			return fmt.Sprintf("record %d in it takes a file from another part", i+1)
		}
	}
	return ""
}
