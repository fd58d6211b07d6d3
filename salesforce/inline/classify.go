package inline

import (
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// class says what a request with a body is, and so what is done with it.
type class int

const (
	classOpaque     class = iota // can carry media, and is not looked into
	classPass                    // stores nothing that could be media
	classAuth                    // issues or ends sessions
	classMedia                   // a file: inspected
	classRecord                  // a record's fields: passes when no media is in them
	classNested                  // requests inside a request: passes when each of them would
	classPlain                   // parameters as JSON: passes when all of it is plain text
	classGraphQL                 // passes when it only reads
	classIngest                  // Bulk API 2.0 job
	classIngestData              // its rows
	classAsync                   // Bulk API 1.0 job
	classAsyncData               // its batches
	classSOAP                    // passes when the call cannot write a file
)

// target is what a canonical path names. It says nothing of the method.
type target struct {
	class class
	name  string // of the path class, for logs: without ids
	why   string // for classOpaque: what could not be looked into, as half a sentence

	version string          // API version, for example "64.0"
	object  string          // sObject as the path spells it
	blob    salesforce.Blob // of object, zero if it has no base64 field
	record  string          // id, or "Field/value"
	deep    bool            // leads through a relationship to another object
	job     string          // Bulk job id
	nested  nesting
	xml     bool // the path asked for XML by its suffix
	rows    bool // the body lists records
	nowhere bool // the org has nothing there

	relation string // the relationship that a deep path takes, where it takes one
	ask      asker  // nil: nobody asks the org
}

// nesting is a shape of requests within requests.
type nesting int

const (
	nestComposite nesting = iota
	nestBatch
	nestGraph
	nestTree
	nestCollections
)

// anonymousApex names the resource that runs the code it is sent.
const anonymousApex = "tooling/executeAnonymous"

func opaque(name, why string) target { return target{class: classOpaque, name: name, why: why} }

// classify says what a canonical path names. Letters' case never matters.
func classify(path string) target {
	seg := strings.Split(strings.TrimPrefix(path, "/"), "/")
	at := func(i int) string {
		if i < len(seg) {
			return strings.ToLower(seg[i])
		}
		return ""
	}
	if at(0) == "cometd" {
		return target{class: classPass, name: "cometd"} // messages of a subscription; nothing is stored
	}
	if at(0) != "services" {
		return opaque("other", "the address "+firstSegments(path)+" is not an API that Cordon looks into")
	}
	switch at(1) {
	case "oauth2":
		return target{class: classAuth, name: "oauth2"}
	case "soap":
		return classifySOAP(at)
	case "async":
		return classifyAsync(seg)
	case "scim":
		return target{class: classPlain, name: "scim"}
	case "apexrest":
		return opaque("apexrest", "a custom Apex REST service takes what its author decided")
	case "data":
		if !isVersion(at(2)) {
			t := opaque("data", "the path names no API version")
			t.nowhere = true
			return t
		}
		t := classifyData(seg[3:])
		t.version = at(2)[1:]
		return t
	}
	return opaque("services", "the address "+firstSegments(path)+" is not an API that Cordon looks into")
}

// classifyData classifies what follows /services/data/vNN.N.
func classifyData(seg []string) target {
	at := func(i int) string {
		if i < len(seg) {
			return strings.ToLower(seg[i])
		}
		return ""
	}
	switch at(0) {
	case "sobjects":
		return classifyObject(seg[1:])
	case "composite":
		return classifyComposite(seg[1:])
	case "tooling":
		switch at(1) {
		case "sobjects":
			t := classifyObject(seg[2:])
			if t.class == classMedia {
				return opaque("tooling", "files are not written through the Tooling API")
			}
			t.name = "tooling/sobjects"
			return t
		case "composite":
			return classifyComposite(seg[2:])
		}
		if at(1) == "executeanonymous" {
			return opaque(anonymousApex, "anonymous Apex does what its author wrote")
		}
		return target{class: classPlain, name: "tooling"}
	case "jobs":
		switch {
		case at(1) == "ingest" && at(3) == "batches" && len(seg) == 4:
			return target{class: classIngestData, name: "jobs/ingest/batches", job: seg[2]}
		case at(1) == "ingest" && len(seg) <= 3:
			t := target{class: classIngest, name: "jobs/ingest"}
			if len(seg) == 3 {
				t.job = seg[2]
			}
			return t
		case at(1) == "query":
			return target{class: classPlain, name: "jobs/query"}
		}
		return opaque("jobs", "this kind of Bulk job is not looked into")
	case "graphql":
		return target{class: classGraphQL, name: "graphql"}
	case "connect":
		if at(1) == "batch" && len(seg) == 2 {
			return target{class: classNested, name: "connect/batch", nested: nestBatch}
		}
		return target{class: classPlain, name: "connect"}
	case "query", "queryall", "search", "parameterizedsearch", "actions", "process", "quickactions",
		"chatter", "ui-api":
		return target{class: classPlain, name: at(0)}
	}
	return opaque("data", "this resource is not looked into")
}

// classifyObject classifies what follows …/sobjects.
func classifyObject(seg []string) target {
	if len(seg) == 0 {
		return opaque("sobjects", "the path names no object")
	}
	t := target{class: classRecord, name: "sobjects"}
	// The platform once let a suffix choose the format of the answer.
	last := seg[len(seg)-1]
	if cut, ok := cutSuffixFold(last, ".json"); ok {
		last = cut
	} else if cut, ok := cutSuffixFold(last, ".xml"); ok {
		last, t.xml = cut, true
	}
	if len(seg) == 1 {
		t.object = last
	} else {
		t.object = seg[0]
	}
	if !salesforce.IsName(t.object) {
		return opaque("sobjects", "the path does not name its object plainly")
	}
	// X/Field/value is a record of X by an external id; X/id/Relation may be one of another object.
	t.deep = len(seg) > 3 || len(seg) == 3 && salesforce.IsID(seg[1])
	if t.deep && len(seg) == 3 {
		t.relation = last
	}
	if len(seg) > 1 {
		t.record = strings.Join(append(append([]string{}, seg[1:len(seg)-1]...), last), "/")
	}
	if len(seg) > 1 && strings.EqualFold(seg[1], "quickActions") {
		return target{class: classPlain, name: "sobjects/quickActions"}
	}
	blob, ok := salesforce.FindBlob(t.object)
	if !ok {
		return t
	}
	t.object, t.blob = blob.Object, blob
	if !blob.Inspected {
		return t
	}
	t.class, t.name = classMedia, "sobjects/"+blob.Object
	if len(seg) > 3 {
		return opaque("sobjects", "the path goes on beyond a record")
	}
	return t
}

func classifyComposite(seg []string) target {
	t := target{class: classNested}
	kind := ""
	if len(seg) > 0 {
		kind = strings.ToLower(seg[0])
	}
	switch {
	case len(seg) == 0:
		t.name, t.nested = "composite", nestComposite
	case kind == "batch" && len(seg) == 1:
		t.name, t.nested = "composite/batch", nestBatch
	case kind == "graph" && len(seg) == 1:
		t.name, t.nested = "composite/graph", nestGraph
	case kind == "tree" && len(seg) == 2 && salesforce.IsName(seg[1]):
		t.name, t.nested, t.object = "composite/tree", nestTree, seg[1]
	case kind == "sobjects" && len(seg) <= 3 && (len(seg) == 1 || salesforce.IsName(seg[1])):
		t.name, t.nested = "composite/sobjects", nestCollections
		if len(seg) > 1 {
			t.object = seg[1]
		}
	default:
		return opaque("composite", "this composite resource is not looked into")
	}
	return t
}

func classifySOAP(at func(int) string) target {
	switch at(2) {
	case "u", "c", "t", "m":
		return target{class: classSOAP, name: "Soap/" + at(2)}
	}
	return opaque("Soap", "a custom SOAP service takes what its author decided")
}

// classifyAsync classifies the Bulk API 1.0: /services/async/NN.N/job[/id[/batch]].
func classifyAsync(seg []string) target {
	if len(seg) < 4 || !strings.EqualFold(seg[3], "job") {
		return opaque("async", "this Bulk resource is not looked into")
	}
	t := target{class: classAsync, name: "async/job", version: seg[2]}
	if len(seg) > 4 {
		t.job = seg[4]
	}
	switch {
	case len(seg) <= 5:
		return t
	case len(seg) == 6 && strings.EqualFold(seg[5], "batch"):
		t.class, t.name = classAsyncData, "async/job/batch"
		return t
	}
	return opaque("async", "this Bulk resource is not looked into")
}

// isVersion reports whether s, in lower case, is like "v64.0".
func isVersion(s string) bool {
	major, minor, ok := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	return ok && strings.HasPrefix(s, "v") && len(s) <= 8 && major != "" && minor != "" &&
		strings.Trim(major+minor, "0123456789") == ""
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n > 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

// firstSegments shows where a path leads without the ids further down.
func firstSegments(path string) string {
	seg := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	if len(seg) > 2 {
		seg = append(seg[:2], "…")
	}
	return "/" + strings.Join(seg, "/")
}

// op is what a write with the method does to the target.
func (t target) op(method string) cordon.Operation {
	if t.record == "" && method == http.MethodPost {
		return cordon.OpCreate
	}
	return cordon.OpUpdate
}

func (t target) isSOAP() bool { return strings.HasPrefix(t.name, "Soap") }
