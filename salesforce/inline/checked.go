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
	media, params, err := mediaType(c.in.Header.Get("Content-Type"))
	if err != nil {
		unread := err
		return g.notInspectedOr(c, "its Content-Type or charset cannot be read", nil, func() error { return unread })
	}
	body, release, err := g.readChecked(c, params)
	defer release()
	var big *refusal
	switch {
	case errors.As(err, &big) && big.status == http.StatusRequestEntityTooLarge:
		return g.notInspected(c, "it is too long to be looked through", nil)
	case err != nil:
		return g.refused(c, err)
	}
	c.target.ask = c.asker()
	why, opens, mistake := c.target.examine(c.method, media, body)
	g.replay(c, body)
	if why == "" && mistake != nil {
		why = "it cannot be read"
	}
	if why != "" {
		return g.notInspectedOr(c, why, nil, func() error {
			if mistake != nil {
				return mistake
			}
			return c.notThere()
		})
	}
	g.line.Touch(c.tenant.ID, c.routeName(), touchPassed)
	switch {
	case c.target.class == classSOAP && opens == "login":
		c.rewrites = rewriteSOAP
	case c.target.class != classSOAP && opens != "":
		c.learnJob(opens)
	case c.target.class != classRecord: // records may come back
		c.rewrites = rewriteRecords
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
	return g.notInspectedOr(c, why, send, nil)
}

// notInspectedOr is notInspected for a request that the org would not take either: what own
// returns, if anything, is then the answer.
func (g *Gateway) notInspectedOr(c *call, why string, send, own func() error) error {
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
	if own != nil {
		if err := own(); err != nil {
			return err
		}
	}
	return refusalf(http.StatusBadRequest, salesforce.CodeValidation,
		"This gateway cannot look into the request: %s. Send each file as a ContentVersion, Attachment or Document record of its own "+
			"(JSON or multipart/form-data). It came by the route %q.", why, route.Name)
}

// examine says why a body cannot be shown to be free of media, "" if it can. opens is the sObject of
// a Bulk job that the request would open, or the name of a SOAP call. A mistake is one of the
// client's own, for which the org would not take the body either.
func (t target) examine(method, media string, body []byte) (why, opens string, mistake error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return "", "", nil
	}
	isXML := media == "application/xml" || media == "text/xml" || media == "application/soap+xml" ||
		media == "" && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	switch {
	case t.class == classSOAP && isXML:
		why, opens = examineSOAP(body)
		return why, opens, nil
	case t.class == classSOAP:
		return "it is not a plain SOAP envelope", "", nil
	case isXML:
		why, opens = t.examineXML(body)
		return why, opens, nil
	case media != "" && !isJSON(media):
		if t.takesRecords() && media != "multipart/form-data" {
			mistake = unsupportedType(media)
		}
		return "a body of type " + media[:min(len(media), 60)] + " is not looked into here", "", mistake
	}
	n, err := parseTree(body)
	if err != nil {
		return "its JSON cannot be read in one way only", "", err
	}
	switch t.class {
	case classIngest, classAsync:
		why, opens = t.examineJob(&n)
		return why, opens, nil
	}
	return t.examineJSON(method, &n, 0), "", nil
}

// takesRecords reports whether the org reads bodies here as JSON, XML or a form, and nothing else.
func (t target) takesRecords() bool {
	return t.class == classRecord || t.class == classMedia || t.class == classNested
}

func unsupportedType(media string) *refusal {
	return refusalf(http.StatusUnsupportedMediaType, salesforce.CodeMediaType, "Content type '%.60s' is not supported", media)
}

// parseTree reads one JSON value and nothing after it.
func parseTree(body []byte) (node, error) {
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
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
		return t.examineNested(method, n, depth)
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

// examinePlain looks through parameters of calls whose effect is not known: whatever could be a
// file in any encoding counts.
func examinePlain(n *node) string {
	if why := examineNames(n, n); why != "" {
		return why
	}
	return scanValue(n, plainRule)
}

// examineNames looks for objects and fields that carry files, wherever they are named. The word
// "type" has other uses: it names such an object only where one of its files is in the request.
func examineNames(n, request *node) string {
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
				b, ok := salesforce.FindBlob(m.value.text)
				if ok && m.value.kind == '"' && b.Object != "FeedItem" && (name != "type" || hasMember(request, b)) {
					return "it writes a " + b.Object
				}
			}
			if why := examineNames(&m.value, request); why != "" {
				return why
			}
		}
	case '[':
		for i := range n.items {
			if why := examineNames(&n.items[i], request); why != "" {
				return why
			}
		}
	}
	return ""
}

// hasMember reports whether a value has a member named like a file of the object, at any depth.
func hasMember(n *node, b salesforce.Blob) bool {
	for i := range n.members {
		if m := &n.members[i]; m.value.kind != 'n' && b.HasField(m.name) || hasMember(&m.value, b) {
			return true
		}
	}
	for i := range n.items {
		if hasMember(&n.items[i], b) {
			return true
		}
	}
	return false
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
