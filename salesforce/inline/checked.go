package inline

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// checked passes a body of a kind that can carry media when all of it was read and none is in it.
func (g *Gateway) checked(c *call) error {
	media, _, err := mediaType(c.in.Header.Get("Content-Type"))
	if err != nil {
		return g.notInspected(c, "its Content-Type or charset cannot be read", nil)
	}
	body, release, err := g.readChecked(c)
	defer release()
	var big *refusal
	switch {
	case errors.As(err, &big) && big.status == http.StatusRequestEntityTooLarge:
		return g.notInspected(c, "it is too long to be looked through", nil)
	case err != nil:
		return g.refused(c, err)
	}
	why, opens := c.target.examine(c.method, media, body)
	g.replay(c, body)
	if why != "" {
		return g.notInspected(c, why, nil)
	}
	g.line.Touch(c.tenant.ID, c.routeName(), touchPassed)
	switch {
	case c.target.class == classSOAP && opens == "login":
		c.rewrites = rewriteSOAP
	case c.target.class != classSOAP && opens != "":
		c.learnJob(opens)
	}
	g.pass(c)
	return nil
}

// replay puts a body that was read back into the request, decompressed.
func (g *Gateway) replay(c *call, body []byte) {
	c.in.Body = io.NopCloser(bytes.NewReader(body))
	c.in.ContentLength = int64(len(body))
	c.in.TransferEncoding = nil
	c.in.Header.Del("Content-Encoding")
	c.in.Header.Del("Content-Length")
}

// notInspected answers, as the route declares, a request that can carry media and was not looked
// into. why completes "Cordon cannot look into this request: ". send, if given, sends the request
// on; without it the body streams through as it is.
func (g *Gateway) notInspected(c *call, why string, send func() error) error {
	route := c.route()
	if route.NotInspected == cordon.FailPassAndRescan || route.Mode == cordon.ModeShadow {
		g.line.Touch(c.tenant.ID, route.Name, touchNotInspected)
		if send != nil {
			return send()
		}
		g.pass(c)
		return nil
	}
	g.line.Touch(c.tenant.ID, route.Name, touchRefused)
	return refusalf(http.StatusBadRequest, salesforce.CodeValidation,
		"This gateway cannot look into the request: %s. Send each file as a ContentVersion, Attachment or Document record of its own "+
			"(JSON or multipart/form-data). It came by the route %q.", why, route.Name)
}

// examine says why a body cannot be shown to be free of media, "" if it can. opens is the sObject of
// a Bulk job that the request would open, or the name of a SOAP call.
func (t target) examine(method, media string, body []byte) (why, opens string) {
	if len(bytes.TrimSpace(body)) == 0 {
		return "", ""
	}
	isXML := media == "application/xml" || media == "text/xml" || media == "application/soap+xml" ||
		media == "" && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	switch {
	case t.class == classSOAP && isXML:
		return examineSOAP(body)
	case t.class == classSOAP:
		return "it is not a plain SOAP envelope", ""
	case isXML:
		return t.examineXML(body)
	case media != "" && !isJSON(media):
		return "a body of type " + media[:min(len(media), 60)] + " is not looked into here", ""
	}
	n, err := parseTree(body)
	if err != nil {
		return "its JSON cannot be read in one way only", ""
	}
	switch t.class {
	case classIngest, classAsync:
		return t.examineJob(&n)
	}
	return t.examineJSON(method, &n, 0), ""
}

// parseTree reads one JSON value and nothing after it.
func parseTree(body []byte) (node, error) {
	j := &jsonReader{r: bufio.NewReaderSize(bytes.NewReader(body), min(max(len(body), 16), 32<<10)), nodes: 200_000, text: len(body)}
	c, err := j.next()
	if err != nil {
		return node{}, err
	}
	n, err := j.value(c)
	if err != nil {
		return node{}, err
	}
	return n, j.end()
}

// examineJSON says what in a call with the JSON body could be media. depth counts requests
// within requests.
func (t target) examineJSON(method string, n *node, depth int) string {
	switch t.class {
	case classPass:
		return scanValue(n, textRule)
	case classRecord, classMedia:
		return t.examineRecord(n)
	case classNested:
		return t.examineNested(n, depth)
	case classPlain:
		return examinePlain(n)
	case classGraphQL:
		return examineGraphQL(n)
	}
	if t.why != "" {
		return t.why
	}
	return "a request to " + t.name + " is not looked into here"
}

// examineRecord looks through the fields of one record, and of records within it.
func (t target) examineRecord(n *node) string {
	if n.kind == 'n' {
		return ""
	}
	if n.kind != '{' {
		return "its record is not an object"
	}
	return examineFields(n, t.blob, t.deep)
}

// examineFields looks through a record of an object with the given base64 fields. With deep the
// object is not known for certain, so every such field of any object counts.
func examineFields(n *node, blob salesforce.Blob, deep bool) string {
	if attributes := n.get("attributes"); attributes != nil {
		if typ := attributes.textOf("type"); typ != "" {
			if !salesforce.IsName(typ) {
				return "a record does not name its object plainly"
			}
			if other, ok := salesforce.FindBlob(typ); ok && blob.Object == "" {
				blob = other
			} else if ok && other.Object != blob.Object {
				deep = true
			}
		}
	}
	for i := range n.members {
		m := &n.members[i]
		name := strings.TrimSpace(m.name)
		if m.value.kind != 'n' {
			switch {
			case blob.HasField(name), deep && salesforce.IsBlobField(name):
				return "it carries a file in the field " + cutRunes(name, 80)
			case strings.EqualFold(name, salesforce.FieldContentBodyID):
				return "a record takes its content from one uploaded apart from it (ContentBodyId)"
			}
		}
		switch m.value.kind {
		case '{':
			if why := examineFields(&m.value, salesforce.Blob{}, deep || !isTyped(&m.value)); why != "" {
				return why
			}
		case '[':
			for k := range m.value.items {
				item := &m.value.items[k]
				if item.kind != '{' {
					continue
				}
				if why := examineFields(item, salesforce.Blob{}, deep || !isTyped(item)); why != "" {
					return why
				}
			}
		}
		if why := scanValue(&m.value, textRule); why != "" {
			return "the field " + cutRunes(name, 80) + " holds " + why
		}
	}
	return ""
}

// isTyped reports whether a record within a record says which object it is.
func isTyped(n *node) bool {
	a := n.get("attributes")
	return a != nil && a.textOf("type") != ""
}

// examinePlain looks through parameters of calls whose effect is not known: whatever could be a
// file in any encoding counts.
func examinePlain(n *node) string {
	if why := examineNames(n); why != "" {
		return why
	}
	return scanValue(n, plainRule)
}

// examineNames looks for objects and fields that carry files, wherever they are named.
func examineNames(n *node) string {
	switch n.kind {
	case '{':
		for i := range n.members {
			m := &n.members[i]
			switch name := strings.ToLower(strings.TrimSpace(m.name)); {
			case name == "versiondata", name == "contentbodyid", salesforce.IsArticleFile(name):
				if m.value.kind != 'n' {
					return "it carries a file in the field " + cutRunes(m.name, 80)
				}
			case name == "apiname" || name == "sobject" || name == "sobjecttype" || name == "type" || name == "object":
				if b, ok := salesforce.FindBlob(m.value.text); ok && m.value.kind == '"' && b.Object != "FeedItem" {
					return "it writes a " + b.Object
				}
			}
			if why := examineNames(&m.value); why != "" {
				return why
			}
		}
	case '[':
		for i := range n.items {
			if why := examineNames(&n.items[i]); why != "" {
				return why
			}
		}
	}
	return ""
}

// examineGraphQL passes what only reads.
func examineGraphQL(n *node) string {
	query := n.textOf("query")
	switch {
	case n.kind != '{' || query == "":
		return "it is not a single GraphQL query"
	case strings.Contains(strings.ToLower(query), "mutation"):
		return "a GraphQL mutation is not looked into"
	}
	return examinePlain(n)
}
