package inline

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/cordonhq/cordon"
)

// trick is one attempt to get a file past the gateway.
type trick struct {
	name    string
	method  string // default POST
	uri     string // default cvPath
	typ     string // default JSON; "-" for none
	body    string
	headers []string
	chunked bool
	// inspected: the file must have been seen, byte for byte. Otherwise the request must have
	// been refused in the platform's own shape before anything was received.
	inspected bool
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func inUTF16(s string) string {
	var b bytes.Buffer
	b.WriteString("\xfe\xff")
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// inEscapes spells every character of a JSON string as \uXXXX.
func inEscapes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\u%04x`, s[i])
	}
	return b.String()
}

func inLines(s, end string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + end)
		s = s[76:]
	}
	return b.String() + s
}

// form builds a multipart body from alternating headers and contents.
func form(boundary string, parts ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(parts); i += 2 {
		b.WriteString("--" + boundary + "\r\n" + parts[i] + "\r\n\r\n" + parts[i+1] + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

const (
	entityHead = "Content-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json"
	entity     = `{"Title":"t","PathOnClient":"t.png"}`
	binaryHead = "Content-Disposition: form-data; name=\"VersionData\"; filename=\"t.png\"\r\nContent-Type: image/png"
	formType   = "multipart/form-data; boundary=b"
)

func tricks() []trick {
	cv := cvJSON(photo)
	file := b64(photo)
	composite := func(method, address, body string) string {
		return `{"allOrNone":true,"compositeRequest":[{"method":"` + method + `","url":"` + address + `","referenceId":"r","body":` + body + `}]}`
	}
	list := []trick{
		{name: "object in other case", uri: "/services/data/v64.0/sobjects/cONTENTvERSION", inspected: true},
		{name: "path in other case", uri: "/SERVICES/Data/V64.0/SObjects/contentversion", inspected: true},
		{name: "field in other case", body: `{"title":"t","VERSIONDATA":"` + file + `"}`, inspected: true},
		{name: "long s in the object", uri: "/services/data/v64.0/sobjects/ContentVer%C5%BFion"},
		{name: "percent-encoded", uri: "/services/data/v64.0/sobjects/%43ontent%56ersion", inspected: true},
		{name: "percent-encoded twice", uri: "/services/data/v64.0/sobjects/%2543ontentVersion"},
		{name: "encoded slash", uri: "/services/data/v64.0/sobjects%2FContentVersion"},
		{name: "encoded dot segments", uri: "/services/data/v64.0/sobjects/Case/%2e%2e/ContentVersion", inspected: true},
		{name: "dot segments", uri: "/services/apexrest/../data/v64.0/./sobjects/Case/../ContentVersion", inspected: true},
		{name: "doubled slashes", uri: "//services///data/v64.0//sobjects//ContentVersion", inspected: true},
		{name: "trailing slash", uri: cvPath + "/", inspected: true},
		{name: "path parameter", uri: "/services/data/v64.0/sobjects/ContentVersion;x=y"},
		{name: "backslash", uri: "/services/data/v64.0/sobjects%5CContentVersion"},
		{name: "NUL in the path", uri: cvPath + "%00"},
		{name: "overlong slash", uri: "/services/data/v64.0/sobjects%c0%afContentVersion"},
		{name: "space behind the object", uri: cvPath + "%20"},
		{name: "format suffix", uri: cvPath + ".json", inspected: true},
		{name: "format suffix xml", uri: cvPath + ".XML", inspected: true},
		{name: "tooling", uri: "/services/data/v64.0/tooling/sobjects/ContentVersion"},

		{name: "_HttpMethod", uri: cvPath + "/068xx0000000001AAA?_HttpMethod=PATCH", inspected: true},
		{name: "_HttpMethod spelled oddly", uri: cvPath + "/068xx0000000001AAA?%5FhttpMETHOD=patch", inspected: true},
		{name: "_HttpMethod twice", uri: cvPath + "/068xx0000000001AAA?_HttpMethod=PATCH&_HttpMethod=GET"},
		{name: "_HttpMethod=GET", uri: cvPath + "?_HttpMethod=GET"},
		{name: "_HttpMethod on PATCH", method: "PATCH", uri: cvPath + "/068xx0000000001AAA?_HttpMethod=DELETE"},
		{name: "X-HTTP-Method-Override", headers: []string{"X-HTTP-Method-Override", "GET"}, inspected: true},
		{name: "GET with a body", method: "GET"},
		{name: "DELETE with a body", method: "DELETE", uri: cvPath + "/068xx0000000001AAA"},
		{name: "unknown method", method: "MERGE"},
		{name: "PUT", method: "PUT", uri: cvPath + "/068xx0000000001AAA"},

		{name: "gzip", body: zipped(cv), headers: []string{"Content-Encoding", "gzip"}, inspected: true},
		{name: "gzip in capitals", body: zipped(cv), headers: []string{"Content-Encoding", "GZIP"}, inspected: true},
		{name: "deflate", body: deflated(cv), headers: []string{"Content-Encoding", "deflate"}, inspected: true},
		{name: "gzip twice", body: zipped(zipped(cv)), headers: []string{"Content-Encoding", "gzip, gzip"}},
		{name: "gzip unannounced", body: zipped(cv)},
		{name: "brotli", headers: []string{"Content-Encoding", "br"}},
		{name: "gzip composite", uri: "/services/data/v64.0/composite", body: zipped(composite("POST", cvPath, cv)), headers: []string{"Content-Encoding", "gzip"}},
		{name: "chunked", chunked: true, inspected: true},
		{name: "expect 100-continue", headers: []string{"Expect", "100-continue"}, inspected: true},

		{name: "XML", typ: "application/xml", body: `<?xml version="1.0"?><ContentVersion><Title>t</Title><VersionData>` + file + `</VersionData></ContentVersion>`},
		{name: "XML unannounced", typ: "-", body: `<ContentVersion><VersionData>` + file + `</VersionData></ContentVersion>`},
		{name: "byte order mark", body: "\xef\xbb\xbf" + cv, inspected: true},
		{name: "UTF-16", body: inUTF16(cv)},
		{name: "UTF-16 announced", typ: "application/json; charset=utf-16", body: inUTF16(cv)},
		{name: "UTF-7 announced", typ: "application/json; charset=utf-7"},
		{name: "duplicate key", body: `{"Title":"t","VersionData":"` + b64(plain) + `","VersionData":"` + file + `"}`},
		{name: "duplicate key in other case", body: `{"Title":"t","VersionData":"` + b64(plain) + `","versiondata":"` + file + `"}`},
		{name: "duplicate key escaped", body: `{"VersionData":"` + file + `","Version\u0044ata":"` + b64(plain) + `"}`},
		{name: "escaped key", body: `{"Title":"t","` + inEscapes("VersionData") + `":"` + file + `"}`, inspected: true},
		{name: "escaped base64", body: `{"Title":"t","VersionData":"` + inEscapes(file) + `"}`, inspected: true},
		{name: "escaped slashes", body: strings.ReplaceAll(cv, "/", `\/`), inspected: true},
		{name: "base64 in lines", body: `{"Title":"t","VersionData":"` + inLines(file, `\r\n`) + `"}`, inspected: true},
		{name: "base64 URL alphabet", body: `{"VersionData":"` + base64.URLEncoding.EncodeToString(photo) + `"}`, inspected: true},
		{name: "base64 without padding", body: `{"VersionData":"` + base64.RawStdEncoding.EncodeToString(photo) + `"}`, inspected: true},
		{name: "file first", body: `{"VersionData":"` + file + `","PathOnClient":"t.png","Title":"t"}`, inspected: true},
		{name: "file in an object", body: `{"Title":"t","VersionData":{"data":"` + file + `"}}`},
		{name: "file in a list", body: `{"Title":"t","VersionData":["` + file + `"]}`},
		{name: "second value", body: `{"Title":"t"}` + cv},
		{name: "file beside the file", body: `{"Title":"t","Description":"` + file + `","VersionData":"` + b64(plain) + `"}`},
		{name: "data URI beside the file", body: `{"Description":"<img src='data:image/png;base64,` + file + `'>","VersionData":"` + b64(plain) + `"}`},

		{name: "multipart", typ: formType, body: form("b", entityHead, entity, binaryHead, string(photo)), inspected: true},
		{name: "multipart, binary first", typ: formType, body: form("b", binaryHead, string(photo), entityHead, entity), inspected: true},
		{name: "boundary inside a part", typ: formType,
			body: form("b", entityHead, entity, binaryHead, string(photo)+"\r\n--bb\r\n--b-\r\nx --b--"), inspected: true},
		{name: "file after the last boundary", typ: formType,
			body: form("b", entityHead, entity, binaryHead, string(photo)) + "--b\r\n" + binaryHead + "\r\n\r\nmore\r\n--b--\r\n", inspected: true},
		{name: "two binary parts", typ: formType, body: form("b", entityHead, entity, binaryHead, string(plain), binaryHead, string(photo))},
		{name: "two binary parts, two names", typ: formType, body: form("b", entityHead, entity, binaryHead, string(plain),
			"Content-Disposition: form-data; name=\"other\"; filename=\"x\"", string(photo))},
		{name: "two parts with fields", typ: formType, body: form("b", entityHead, entity, entityHead, entity, binaryHead, string(photo))},
		{name: "file in the fields and in a part", typ: formType, body: form("b", entityHead, cv, binaryHead, string(plain))},
		{name: "file in the fields only", typ: formType, body: form("b", entityHead, cv)},
		{name: "unknown part", typ: formType, body: form("b", entityHead, entity, binaryHead, string(plain), "Content-Disposition: form-data; name=\"x\"", string(photo))},
		{name: "part without a name", typ: formType, body: form("b", entityHead, entity, "Content-Type: image/png", string(photo))},
		{name: "nested multipart", typ: formType, body: form("b", entityHead, entity,
			"Content-Disposition: form-data; name=\"VersionData\"\r\nContent-Type: multipart/mixed; boundary=c", form("c", binaryHead, string(photo)))},
		{name: "base64 part", typ: formType, body: form("b", entityHead, entity, binaryHead+"\r\nContent-Transfer-Encoding: base64", file)},
		{name: "quoted-printable part", typ: formType, body: form("b", entityHead, entity, binaryHead+"\r\nContent-Transfer-Encoding: quoted-printable", "=89PNG")},
		{name: "type hidden: JSON says text", typ: "text/plain"},
		{name: "type hidden: form says JSON", typ: jsonType, body: form("b", entityHead, entity, binaryHead, string(photo))},
		{name: "type hidden: no type", typ: "-", inspected: true},
		{name: "type hidden: urlencoded", typ: "application/x-www-form-urlencoded", body: "VersionData=" + url.QueryEscape(file)},
		{name: "type hidden: picture says JSON", typ: formType, body: form("b", entityHead, entity,
			"Content-Disposition: form-data; name=\"versiondata\"; filename=\"t.json\"\r\nContent-Type: application/json", string(photo)), inspected: true},
		{name: "type hidden: by name", typ: formType, body: form("b", entityHead, entity,
			"Content-Disposition: form-data; name=\"whatever\"; filename=\"t.txt\"\r\nContent-Type: text/plain", string(photo)), inspected: true},
		{name: "two tokens", headers: []string{"Authorization", "Bearer nobody"}},
		{name: "two sessions", headers: []string{"X-SFDC-Session", "a", "X-SFDC-Session", "b"}},
		{name: "two content types", headers: []string{"Content-Type", "text/plain"}},
		{name: "multipart/mixed", typ: "multipart/mixed; boundary=b", body: form("b", entityHead, entity, binaryHead, string(photo))},

		{name: "attachment", uri: attachPath, body: `{"Name":"a.png","body":"` + file + `"}`, inspected: true},
		{name: "document", uri: "/services/data/v64.0/sobjects/Document/Ext__c/1", method: "PATCH", body: `{"Name":"a.png","Body":"` + file + `"}`, inspected: true},
		{name: "through a relationship", method: "PATCH", uri: "/services/data/v64.0/sobjects/ContentDocument/069xx0000000001AAA/LatestPublishedVersion",
			body: `{"versionData":"` + file + `"}`},
		{name: "static resource", uri: "/services/data/v64.0/sobjects/StaticResource", body: `{"Name":"x","Body":"` + file + `"}`},
		{name: "old chatter file", uri: "/services/data/v30.0/sobjects/FeedItem", body: `{"ParentId":"x","ContentData":"` + file + `"}`},
		{name: "article file", uri: "/services/data/v64.0/sobjects/Faq__kav", body: `{"Title":"x","Scan__Body__s":"` + file + `"}`},
		{name: "data URI in rich text", method: "PATCH", uri: "/services/data/v64.0/sobjects/Case/500xx000000bZzZAAU",
			body: `{"Notes__c":"<p><img src=\"data:image/png;base64,` + file + `\"></p>"}`},
		{name: "data URI with entities", uri: "/services/data/v64.0/sobjects/Case", body: `{"Notes__c":"<img src=\"d&#x61;ta&colon;image/png;base64,QUFB\">"}`},
		{name: "data URI escaped and broken", uri: "/services/data/v64.0/sobjects/Case", body: `{"Notes__c":"<img src=\" DA\u0009\u0074a:\nImage/PNG;BASE64,QUFB\">"}`},
		{name: "base64 in a text field", uri: "/services/data/v64.0/sobjects/Case", body: `{"Description":"see ` + file + `"}`},
		{name: "base64 behind a letter", uri: "/services/data/v64.0/sobjects/Case", body: `{"Description":"x` + file + `"}`},
		{name: "base64 in words", uri: "/services/data/v64.0/sobjects/Case", body: `{"Description":"see: ` + inLines(file, " ") + `"}`},
		{name: "hexadecimal", uri: "/services/data/v64.0/sobjects/Case", body: `{"Description":"` + strings.Repeat("89504e470d0a1a0a", 600) + `"}`},
		{name: "case with a type of its own", uri: "/services/data/v64.0/sobjects/Case", body: `{"attributes":{"type":"Attachment"},"Body":"` + file + `"}`},
		{name: "case as XML", uri: "/services/data/v64.0/sobjects/Case", typ: "application/xml",
			body: `<Case><Notes__c>&lt;img src="dat<!-- -->a:image/png;base64,QUFB"/></Notes__c></Case>`},
		{name: "case as XML with a DTD", uri: "/services/data/v64.0/sobjects/Case", typ: "application/xml",
			body: `<!DOCTYPE x [<!ENTITY d "data:image/png;base64,QUFB">]><Case><Notes__c>&d;</Notes__c></Case>`},
		{name: "case as a form", uri: "/services/data/v64.0/sobjects/Case", typ: formType, body: form("b", binaryHead, string(photo))},

		{name: "composite", uri: "/services/data/v64.0/composite", body: composite("POST", cvPath, cv)},
		{name: "composite, odd address", uri: "/services/data/v64.0/composite/", body: composite("post", "/services//data/v64.0/sobjects/x/../%43ontentversion", cv)},
		{name: "composite, override", uri: "/services/data/v64.0/composite", body: composite("POST", cvPath+"/068xx0000000001AAA?_HttpMethod=PATCH", cv)},
		{name: "composite, GET with a body", uri: "/services/data/v64.0/composite", body: composite("GET", cvPath, cv)},
		{name: "composite, object by reference", uri: "/services/data/v64.0/composite", body: composite("POST", "/services/data/v64.0/sobjects/@{q.records[0].Name}", cv)},
		{name: "composite in composite", uri: "/services/data/v64.0/composite",
			body: composite("POST", "/services/data/v64.0/composite", composite("POST", cvPath, cv))},
		{name: "collections in composite", uri: "/services/data/v64.0/composite",
			body: composite("POST", "/services/data/v64.0/composite/sobjects", `{"records":[{"attributes":{"type":"contentVersion"},"VersionData":"`+file+`"}]}`)},
		{name: "composite, key twice", uri: "/services/data/v64.0/composite",
			body: `{"compositeRequest":[],"compositeRequest":[{"method":"POST","url":"` + cvPath + `","body":` + cv + `}]}`},
		{name: "collections", uri: "/services/data/v64.0/composite/sobjects", body: `{"records":[{"attributes":{"type":"Attachment"},"Body":"` + file + `"}]}`},
		{name: "collections without a type", uri: "/services/data/v64.0/composite/sobjects", body: `{"records":[{"VersionData":"` + file + `"}]}`},
		{name: "collections, upsert", method: "PATCH", uri: "/services/data/v64.0/composite/sobjects/ContentVersion/Ext__c", body: `{"records":[{"VersionData":"` + file + `"}]}`},
		{name: "collections as a form", uri: "/services/data/v64.0/composite/sobjects", typ: formType, body: form("b", binaryHead, string(photo))},
		{name: "collections, file in another part", uri: "/services/data/v64.0/composite/sobjects",
			body: `{"records":[{"attributes":{"type":"Document","binaryPartName":"p","binaryPartNameAlias":"Body"},"Name":"x"}]}`},
		{name: "batch", uri: "/services/data/v64.0/composite/batch", body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/Attachment","richInput":{"Body":"` + file + `"}}]}`},
		{name: "batch, part", uri: "/services/data/v64.0/composite/batch", body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/Attachment","binaryPartName":"p"}]}`},
		{name: "graph", uri: "/services/data/v64.0/composite/graph", body: `{"graphs":[{"graphId":"1",` + composite("POST", cvPath, cv)[1:] + `]}`},
		{name: "tree", uri: "/services/data/v64.0/composite/tree/Account",
			body: `{"records":[{"attributes":{"type":"Account","referenceId":"r"},"Attachments":{"records":[{"attributes":{"type":"Attachment","referenceId":"s"},"Body":"` + file + `"}]}}]}`},
		{name: "composite, not JSON", uri: "/services/data/v64.0/composite", body: inUTF16(composite("POST", cvPath, cv))},

		{name: "bulk job", uri: "/services/data/v64.0/jobs/ingest", body: `{"object":"contentversion","operation":"insert"}`},
		{name: "bulk job with rows", uri: "/services/data/v64.0/jobs/ingest", typ: formType, body: form("b", entityHead, `{"object":"ContentVersion"}`, binaryHead, "VersionData\n"+file)},
		{name: "bulk rows of an unknown job", method: "PUT", uri: "/services/data/v64.0/jobs/ingest/750000000000015AAA/batches", typ: "text/csv", body: "Title,VersionData\nx," + file},
		{name: "bulk 1 job", uri: "/services/async/64.0/job", typ: "application/xml", body: `<jobInfo><operation>insert</operation><object>Atta<!---->chment</object></jobInfo>`},
		{name: "bulk 1 zip", uri: "/services/async/64.0/job/750000000000015AAA/batch", typ: "zip/csv", body: "PK\x03\x04" + string(photo)},
		{name: "soap create", uri: "/services/Soap/u/64.0", typ: "text/xml",
			body: `<e:Envelope xmlns:e="x"><e:Body><create xmlns="urn:partner.soap.sforce.com"><sObjects><type>Attachment</type><Body>` + file + `</Body></sObjects></create></e:Body></e:Envelope>`},
		{name: "soap, two calls", uri: "/services/Soap/u/64.0", typ: "text/xml", body: `<e:Envelope xmlns:e="x"><e:Body><logout/><create><Body>` + file + `</Body></create></e:Body></e:Envelope>`},
		{name: "soap with attachments", uri: "/services/Soap/u/64.0", typ: "multipart/related; boundary=b", body: form("b", binaryHead, string(photo))},
		{name: "metadata deploy", uri: "/services/Soap/m/64.0", typ: "text/xml", body: `<e:Envelope xmlns:e="x"><e:Body><deploy><ZipFile>` + file + `</ZipFile></deploy></e:Body></e:Envelope>`},
		{name: "apex rest", uri: "/services/apexrest/upload", body: `{"image":"` + file + `"}`},
		{name: "connect file", uri: "/services/data/v64.0/connect/files/users/me", typ: formType, body: form("b", binaryHead, string(photo))},
		{name: "ui-api record", uri: "/services/data/v64.0/ui-api/records", body: `{"apiName":"ContentVersion","fields":{"VersionData":"` + file + `"}}`},
		{name: "flow with a file", uri: "/services/data/v64.0/actions/custom/flow/Intake", body: `{"inputs":[{"image":"` + file + `"}]}`},
		{name: "graphql mutation", uri: "/services/data/v64.0/graphql", body: `{"query":"mutation x { uiapi { ContentVersionCreate(input: {}) { Record { Id } } } }"}`},
		{name: "user interface upload", uri: "/chatter/handlers/file/body", typ: formType, body: form("b", binaryHead, string(photo))},
		{name: "token endpoint with a picture", uri: "/services/oauth2/token", typ: "image/png", body: string(photo)},
	}
	for _, v := range []string{"v20.0", "v36.0", "v55.0", "v66.0", "v99.0", "v100.0"} {
		list = append(list, trick{name: "version " + v, uri: "/services/data/" + v + "/sobjects/ContentVersion", inspected: true})
	}
	for _, v := range []string{"v64", "64.0", "v64.0.1", "latest", "vv64.0"} {
		list = append(list, trick{name: "version " + v, uri: "/services/data/" + v + "/sobjects/ContentVersion"})
	}
	for i := range list {
		k := &list[i]
		k.method = orElse(k.method, "POST")
		k.uri = orElse(k.uri, cvPath)
		k.typ = strings.TrimPrefix(orElse(k.typ, jsonType), "-")
		k.body = orElse(k.body, cv)
	}
	return list
}

func orElse(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func TestNoWayAround(t *testing.T) {
	for _, k := range tricks() {
		t.Run(k.name, func(t *testing.T) {
			s := newStand(t, nil)
			var body io.Reader = strings.NewReader(k.body)
			if k.chunked {
				body = struct{ io.Reader }{body}
			}
			a := s.do(t, k.method, k.uri, k.typ, body, k.headers...)
			checkNothingPassed(t, s, k.inspected)
			if a.status < 400 || a.status >= 500 && !strings.Contains(a.body, "Fault") {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			switch {
			case strings.HasPrefix(a.body, "<"):
				if !strings.Contains(a.body, "<Errors><Error><message>") && !strings.Contains(a.body, "<faultstring>") {
					t.Errorf("not a native error: %s", a.body)
				}
			default:
				a.code(t)
			}
			if k.inspected && a.header.Get(ReceiptHeader) == "" {
				t.Error("no receipt")
			}
		})
	}
}

// checkNothingPassed asserts that the upstream saw nothing of the file, and that the line saw all
// of it or nothing.
func checkNothingPassed(t *testing.T, s *stand, inspected bool) {
	t.Helper()
	if w := s.org.writes(); len(w) != 0 {
		t.Errorf("the upstream saw %s %s with %d bytes", w[0].method, w[0].uri, len(w[0].body))
	}
	switch {
	case inspected && len(s.line.seen) != 1:
		t.Errorf("the line saw %d files, want 1", len(s.line.seen))
	case inspected && !bytes.HasPrefix(s.line.seen[0], photo):
		t.Errorf("the line saw other bytes: %.60q", s.line.seen[0])
	case !inspected && len(s.line.seen) != 0:
		t.Errorf("the line saw %.60q", s.line.seen[0])
	case !inspected && len(s.line.spooled) != 0:
		t.Errorf("%d files were left behind", len(s.line.spooled))
	}
}

// TestTricksPassWhereTheRouteSaysSo holds the other declared answer: what is not looked into goes
// on, and is counted.
func TestTricksPassWhereTheRouteSaysSo(t *testing.T) {
	s := newStand(t, func(c *Config) {
		c.Tenants[0].Routes = []cordon.Route{declared("open", func(r *cordon.Route) { r.NotInspected = cordon.FailPassAndRescan })}
	})
	body := `{"compositeRequest":[{"method":"POST","url":"` + cvPath + `","referenceId":"r","body":` + cvJSON(photo) + `}]}`
	a := s.do(t, "POST", "/services/data/v64.0/composite", jsonType, strings.NewReader(body))
	if a.status != 200 || string(s.org.write(t).body) != body || s.line.touched["open not-inspected"] != 1 {
		t.Errorf("%d %s %v", a.status, a.body, s.line.touched)
	}
	a = s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)))
	if a.status != 400 || len(s.org.writes()) != 1 {
		t.Errorf("a file that can be inspected is not let through: %d", a.status)
	}
}

// rawRequest writes bytes to the gateway as they are and returns the status line and all that follows.
func rawRequest(t *testing.T, s *stand, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(bufio.NewReader(conn))
	return string(b)
}

func TestNoWayAroundByFraming(t *testing.T) {
	cv := cvJSON(photo)
	head := "POST " + cvPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n"
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(cv), cv)
	smuggled := "POST " + cvPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
	for name, request := range map[string]string{
		"both lengths":          head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
		"two lengths":           head + fmt.Sprintf("Content-Length: %d\r\nContent-Length: 2\r\n\r\n%s", len(cv), cv),
		"coding in odd case":    head + "Content-Length: 4\r\ntransfer-encoding: \tChunKed\r\n\r\n" + chunks,
		"unknown coding":        head + "Transfer-Encoding: xchunked\r\n\r\n" + chunks,
		"space before colon":    head + "Transfer-Encoding : chunked\r\n\r\n" + chunks,
		"request in a GET body": "GET " + cvPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(smuggled), smuggled),
		"two hosts":             "POST " + cvPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"negative length":       head + "Content-Length: -5\r\n\r\n" + cv,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			answer := rawRequest(t, s, request)
			status, _, _ := strings.Cut(answer, "\r\n")
			if !strings.HasPrefix(status, "HTTP/1.1 4") && !strings.HasPrefix(status, "HTTP/1.1 501") {
				t.Errorf("answered %q", status)
			}
			if w := s.org.writes(); len(w) != 0 {
				t.Errorf("the upstream saw %+v", w)
			}
			for _, seen := range s.line.seen {
				if !bytes.Equal(seen, photo) {
					t.Errorf("the line saw other bytes: %.60q", seen)
				}
			}
		})
	}
}

// TestExpectIsHonouredOnlyForCallersWhoMayWrite reads the interim answer from the wire.
func TestExpectIsHonouredOnlyForCallersWhoMayWrite(t *testing.T) {
	for _, deny := range []bool{false, true} {
		s := newStand(t, nil)
		s.org.deny = deny
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		cv := cvJSON(photo)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", cvPath, token, len(cv))
		br := bufio.NewReader(conn)
		line, err := br.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.HasPrefix(line, "HTTP/1.1 100"); got == deny {
			t.Errorf("denied %v: %q", deny, line)
		}
		if !deny {
			br.ReadString('\n')
			io.WriteString(conn, cv)
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			checkNothingPassed(t, s, true)
		}
	}
}
