package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Limits of the composite family.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite.htm
const (
	maxSubrequests = 25
	maxCollected   = 200
	maxTree        = 200
	maxGraphs      = 75
	maxGraphNodes  = 500
	maxGraphDepth  = 15
	maxGraphTypes  = 15
	graphGivesUp   = 14 // failures after which the graphs that remain are not tried
)

func rolledBack() *fault {
	return newFault(http.StatusBadRequest, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
		"Record rolled back because not all records were valid and the request was using AllOrNone header").on()
}

func halted(message string) *fault {
	return newFault(http.StatusBadRequest, "PROCESSING_HALTED", "%s", message)
}

func invalidInput(format string, args ...any) *fault {
	return newFault(http.StatusBadRequest, "INVALID_INPUT", format, args...)
}

// composite answers everything under /composite.
func (c *call) composite() (*answer, error) {
	what := c.at(1)
	if c.inside && what != "sobjects" && what != "tree" {
		return nil, invalidInput("Invalid subrequest: composite resources cannot nest")
	}
	if what == "sobjects" {
		return c.collections()
	}
	if what == "" && c.method == http.MethodGet {
		out := object{}
		for _, name := range []string{"batch", "graph", "sobjects", "tree"} {
			out = append(out, member{name, c.base() + "/composite/" + name})
		}
		return ok(out), nil
	}
	if err := c.allow("POST"); err != nil {
		return nil, err
	}
	body, err := c.body.object()
	if err != nil {
		return nil, err
	}
	switch what {
	case "":
		list, err := subrequests(body["compositeRequest"], maxSubrequests)
		if err != nil {
			return nil, err
		}
		responses, _ := c.runAll(list, truth(body, "allOrNone"))
		return ok(object{{"compositeResponse", responses}}), nil
	case "batch":
		return c.batch(body)
	case "graph":
		return c.graphs(body)
	case "tree":
		if len(c.path) == 3 {
			return c.tree(body)
		}
	}
	return nil, notFound()
}

// subrequest is one call inside a composite request.
type subrequest struct {
	method, url, ref string
	header           map[string]any
	body             any
}

func subrequests(v any, most int) ([]subrequest, error) {
	list, is := v.([]any)
	if !is || len(list) == 0 {
		return nil, badJSON("The request needs a list of subrequests")
	}
	if len(list) > most {
		return nil, invalidInput("Limit of %d subrequests exceeded: %d", most, len(list))
	}
	seen := map[string]bool{}
	var out []subrequest
	for _, one := range list {
		m, _ := one.(map[string]any)
		s := subrequest{body: m["body"]}
		s.method, _ = m["method"].(string)
		s.url, _ = m["url"].(string)
		s.ref, _ = m["referenceId"].(string)
		s.header, _ = m["httpHeaders"].(map[string]any)
		s.method = strings.ToUpper(s.method)
		switch {
		case s.method == "" || s.url == "":
			return nil, invalidInput("Missing method or url in a subrequest")
		case !validReference.MatchString(s.ref):
			return nil, invalidInput("Provided referenceId ('%.60s') must start with a letter or a number, and can only contain letters, numbers and underscores ('_').", s.ref)
		case seen[s.ref]:
			return nil, invalidInput("Duplicate ReferenceId provided in the request: %s", s.ref)
		}
		seen[s.ref] = true
		out = append(out, s)
	}
	return out, nil
}

var (
	validReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_]{0,79}$`)
	reference      = regexp.MustCompile(`@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[[0-9]+\])*)\}`)
	referenceStep  = regexp.MustCompile(`\.([A-Za-z0-9_]+)|\[([0-9]+)\]`)
)

// runAll carries out subrequests in order, each able to use what earlier ones answered.
// With allOrNone the first that fails undoes all.
func (c *call) runAll(list []subrequest, allOrNone bool) (responses []any, failed bool) {
	start := c.mark()
	answers := map[string]any{}
	results := make([]*answer, len(list))
	for i, s := range list {
		if failed && allOrNone {
			break
		}
		a, err := c.runOne(s, answers, allOrNone)
		if err != nil {
			a = refusal(asFault(err))
		}
		results[i] = a
		if a.status >= 400 {
			failed = true
			continue
		}
		var plain any // as a client would see it, to take references from
		if text, err := marshal(a.body); err == nil {
			json.Unmarshal(text, &plain)
		}
		answers[s.ref] = plain
	}
	if failed && allOrNone {
		c.rollback(start)
	}
	responses = []any{}
	for i, s := range list {
		a := results[i]
		switch {
		case a == nil || failed && allOrNone && a.status < 400:
			a = refusal(halted("The transaction was rolled back since another operation in the same transaction failed."))
		}
		headers := object{}
		if location := a.header.Get("Location"); location != "" {
			headers = append(headers, member{"Location", location})
		}
		responses = append(responses, object{{"body", a.body}, {"httpHeaders", headers}, {"httpStatusCode", a.status}, {"referenceId", s.ref}})
	}
	return responses, failed
}

func (c *call) runOne(s subrequest, answers map[string]any, allOrNone bool) (*answer, error) {
	target, err := substitute(s.url, answers)
	if err != nil {
		return nil, err
	}
	body, err := substitute(s.body, answers)
	if err != nil {
		return nil, err
	}
	inner, err := c.inner(s.method, target.(string), body)
	if err != nil {
		return nil, err
	}
	for name, v := range s.header {
		inner.header.Set(name, fmt.Sprint(v))
	}
	if m, is := body.(map[string]any); is && allOrNone && inner.at(0) == "composite" {
		m["allOrNone"] = true // the outer wish overrides the inner one
	}
	mark := c.mark()
	a, err := inner.dispatch()
	if err != nil {
		c.rollback(mark)
		return nil, err
	}
	if a.status < 400 && allOrNone && inner.at(0) == "composite" && anyFailed(a.body) {
		a.status = http.StatusBadRequest
	}
	return a, nil
}

// anyFailed looks into the answer of a collection for a record that was not saved.
func anyFailed(body any) bool {
	list, _ := body.([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		o, is := v.(object)
		return is && o.get("success") == false
	})
}

// inner makes the call that a subrequest describes, on the same transaction.
func (c *call) inner(method, target string, body any) (*call, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, notFound()
	}
	p := segments(u)
	if len(p) < 3 || !strings.EqualFold(p[0], "services") || !strings.EqualFold(p[1], "data") {
		return nil, newFault(http.StatusBadRequest, "INVALID_INPUT", "Invalid subrequest URL: %.200s", target)
	}
	return &call{tx: c.tx, method: method, path: p[3:], query: u.Query(), header: http.Header{}, inside: true,
		body: payload{value: body, given: body != nil, parts: nil}}, nil
}

// substitute replaces @{ref.field} in every text of a value by what an earlier
// subrequest answered.
func substitute(v any, answers map[string]any) (any, error) {
	switch v := v.(type) {
	case string:
		var failed error
		out := reference.ReplaceAllStringFunc(v, func(match string) string {
			parts := reference.FindStringSubmatch(match)
			found, good := follow(answers, parts[1], parts[2])
			if !good {
				failed = newFault(http.StatusBadRequest, "INVALID_INPUT", "Invalid reference specified. No value for %s found in %s",
					strings.TrimSuffix(strings.TrimPrefix(match, "@{"), "}"), parts[1])
			}
			return found
		})
		return out, failed
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, one := range v {
			replaced, err := substitute(one, answers)
			if err != nil {
				return nil, err
			}
			out[k] = replaced
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			replaced, err := substitute(one, answers)
			if err != nil {
				return nil, err
			}
			out[i] = replaced
		}
		return out, nil
	}
	return v, nil
}

func follow(answers map[string]any, ref, path string) (string, bool) {
	here, known := answers[ref]
	if !known {
		return "", false
	}
	for _, step := range referenceStep.FindAllStringSubmatch(path, -1) {
		if step[2] != "" {
			list, is := here.([]any)
			var n int
			fmt.Sscan(step[2], &n)
			if !is || n >= len(list) {
				return "", false
			}
			here = list[n]
			continue
		}
		m, is := here.(map[string]any)
		if !is {
			return "", false
		}
		found := false
		for k, v := range m {
			if strings.EqualFold(k, step[1]) {
				here, found = v, true
				break
			}
		}
		if !found {
			return "", false
		}
	}
	switch here := here.(type) {
	case string:
		return here, true
	case float64, bool:
		return fmt.Sprint(here), true
	}
	return "", false
}

// batch runs independent calls; nothing is ever rolled back for another's sake.
func (c *call) batch(body map[string]any) (*answer, error) {
	list, is := body["batchRequests"].([]any)
	if !is || len(list) == 0 {
		return nil, badJSON("The request needs a list of batchRequests")
	}
	if len(list) > maxSubrequests {
		return nil, invalidInput("Limit of %d subrequests exceeded: %d", maxSubrequests, len(list))
	}
	results, hasErrors := []any{}, false
	for _, one := range list {
		m, _ := one.(map[string]any)
		method, _ := m["method"].(string)
		target, _ := m["url"].(string)
		if !strings.HasPrefix(strings.TrimLeft(target, "/"), "services/") {
			target = "/services/data/" + strings.TrimLeft(target, "/")
		}
		var a *answer
		if hasErrors && truth(body, "haltOnError") {
			a = refusal(newFault(http.StatusPreconditionFailed, "BATCH_PROCESSING_HALTED", "Batch processing was halted by request"))
		} else if inner, err := c.inner(strings.ToUpper(method), target, m["richInput"]); err != nil {
			a = refusal(asFault(err))
		} else if f := c.attempt(func() (err error) { a, err = inner.dispatch(); return err }); f != nil {
			a = refusal(f)
		}
		hasErrors = hasErrors || a.status >= 400
		results = append(results, object{{"statusCode", a.status}, {"result", a.body}})
	}
	return ok(object{{"hasErrors", hasErrors}, {"results", results}}), nil
}

// graphs runs composite graphs: each all or nothing, by itself.
func (c *call) graphs(body map[string]any) (*answer, error) {
	list, is := body["graphs"].([]any)
	if !is || len(list) == 0 {
		return nil, badJSON("The request needs a list of graphs")
	}
	if len(list) > maxGraphs {
		return nil, invalidInput("Limit of %d graphs exceeded: %d", maxGraphs, len(list))
	}
	out, failures, nodes := []any{}, 0, 0
	for _, one := range list {
		m, _ := one.(map[string]any)
		id, _ := m["graphId"].(string)
		if !validReference.MatchString(id) {
			return nil, invalidInput("Invalid graphId: %.60s", id)
		}
		requests, err := subrequests(m["compositeRequest"], maxGraphNodes)
		if err != nil {
			return nil, err
		}
		if nodes += len(requests); nodes > maxGraphNodes {
			return nil, invalidInput("Limit of %d nodes exceeded", maxGraphNodes)
		}
		if err := checkGraph(requests); err != nil {
			return nil, err
		}
		var responses []any
		failed := true
		if failures >= graphGivesUp {
			for _, s := range requests {
				responses = append(responses, object{{"body", []any{halted("Processing was halted because too many graphs failed.").json()}},
					{"httpHeaders", object{}}, {"httpStatusCode", http.StatusBadRequest}, {"referenceId", s.ref}})
			}
		} else if responses, failed = c.runAll(requests, true); failed {
			failures++
		}
		out = append(out, object{{"graphId", id}, {"graphResponse", object{{"compositeResponse", responses}}}, {"isSuccessful", !failed}})
	}
	return ok(object{{"graphs", out}}), nil
}

// checkGraph applies the limits on depth and on kinds of nodes.
func checkGraph(list []subrequest) error {
	depth := map[string]int{}
	kinds := map[string]bool{}
	for _, s := range list {
		text, err := marshal([]any{s.url, s.body})
		if err != nil {
			return err
		}
		depth[s.ref] = 1
		for _, match := range reference.FindAllStringSubmatch(string(text), -1) {
			depth[s.ref] = max(depth[s.ref], depth[match[1]]+1)
		}
		if depth[s.ref] > maxGraphDepth {
			return invalidInput("Limit of %d levels in a graph exceeded", maxGraphDepth)
		}
		_, rest, _ := strings.Cut(strings.ToLower(s.url), "/sobjects/")
		name, _, _ := strings.Cut(rest, "/")
		kinds[s.method+" "+name] = true
	}
	if len(kinds) > maxGraphTypes {
		return invalidInput("Limit of %d kinds of nodes in a graph exceeded", maxGraphTypes)
	}
	return nil
}

func truth(m map[string]any, key string) bool {
	b, _ := m[key].(bool)
	return b
}
