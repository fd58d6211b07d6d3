package inline

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const dataPath = "/services/data/v64.0"

// ordinary is a request of an ordinary client, which the gateway has no reason to refuse.
type ordinary struct {
	name, method, uri, body string
}

func TestOrdinaryRequestsPass(t *testing.T) {
	caseOf := func(text string) string { return `{"Subject":"s","Description":"` + text + `"}` }
	composite := func(method, address, body string) string {
		return `{"compositeRequest":[{"method":"` + method + `","url":"` + address + `","referenceId":"r","body":` + body + `}]}`
	}
	ids := `{"ids":["001xx0000000001AAA","001xx0000000002"],"fields":["Id","Name","Owner.Name"]}`
	list := []ordinary{
		{"retrieve by POST", "POST", dataPath + "/composite/sobjects/Account", ids},
		{"retrieve by POST in composite", "POST", dataPath + "/composite", composite("POST", dataPath+"/composite/sobjects/Account", ids)},
		{"retrieve by POST in a batch", "POST", dataPath + "/composite/batch", `{"batchRequests":[{"method":"POST","url":"v64.0/composite/sobjects/Account","richInput":` + ids + `}]}`},
		{"retrieve of files' fields", "POST", dataPath + "/composite/sobjects/ContentVersion", `{"ids":["068xx0000000001AAA"],"fields":["Title","VersionData"]}`},
		{"composite GET with an empty body", "POST", dataPath + "/composite", composite("GET", dataPath+"/limits", `{}`)},

		{"source of a class", "POST", dataPath + "/tooling/sobjects/ApexClass", `{"Name":"A","Body":"public class A {}"}`},
		{"source of a trigger, in a collection", "PATCH", dataPath + "/tooling/composite/sobjects", `{"records":[{"attributes":{"type":"ApexTrigger"},"Id":"01qxx0000000001AAA","Body":"trigger T on Account (before insert) {}"}]}`},
		{"text of a post", "PATCH", dataPath + "/sobjects/SocialPost/Ext__c/7", `{"Content":"a post"}`},
		{"text of a chat", "PATCH", dataPath + "/sobjects/LiveChatTranscript/Ext__c/7", `{"Body":"<p>hello</p>"}`},
		{"text of a chat, in a tree", "POST", dataPath + "/composite/tree/LiveChatTranscript", `{"records":[{"attributes":{"type":"LiveChatTranscript","referenceId":"r"},"Body":"<p>hello</p>"}]}`},
		{"text of a note, upserted in composite", "POST", dataPath + "/composite", composite("PATCH", dataPath+"/sobjects/Note/Ext__c/7", `{"Body":"hello"}`)},
		{"relation named as a field", "POST", dataPath + "/sobjects/Case", `{"Subject":"s","Document":{"Ext__c":"1"}}`},
		{"record through a relationship", "PATCH", dataPath + "/sobjects/Case/500xx000000bZzZAAU/Account", `{"Body":"hello"}`},
		{"parameter called type", "POST", dataPath + "/connect/communities/x/managed-content", `{"type":"Document","title":"t"}`},
		{"long token in a text field", "POST", dataPath + "/sobjects/Scan__c", `{"Token__c":"` + strings.Repeat("ab12", 40) + `"}`},
		{"byte order mark", "POST", dataPath + "/sobjects/Case", "\xef\xbb\xbf" + caseOf("x")},
		{"connect batch", "POST", dataPath + "/connect/batch", `{"batchRequests":[{"method":"GET","url":"v64.0/connect/organization"}]}`},

		// Nothing in these could be a file, so the org says what is wrong with them.
		{"a list for a record", "POST", dataPath + "/sobjects/Case", `[]`},
		{"composite without requests", "POST", dataPath + "/composite", `{"requests":[]}`},
		{"collections without records", "POST", dataPath + "/composite/sobjects", `{"record":{}}`},

		{"approval", "POST", dataPath + "/process/approvals", `{"requests":[{"actionType":"Submit","contextId":"001xx0000000001AAA"}]}`},
	}
	for i, text := range []string{
		"Uploaded by portal. Metadata: image/jpeg, 3024x4032, 2.1 MB", "Attached data: application/pdf, 2 pages", "Data: image/png, 3 MB",
		"Metadata:image/png,2MB", "(data: image/jpeg, 50% quality)", "the prefix data:image/png;base64 was missing", "meta-data:image/png,x",
		"See data: https://example.com/a/b, thanks", `he wrote \"data: image/jpeg, 2 MB\" there`, "update=1 and data: image/jpeg",
	} {
		list = append(list, ordinary{fmt.Sprintf("sentence %d", i+1), "POST", dataPath + "/sobjects/Case", caseOf(text)})
	}
	for _, o := range list {
		t.Run(o.name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.whole = true
			a := s.do(t, o.method, o.uri, jsonType, strings.NewReader(o.body))
			if a.status >= 300 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if got := s.org.write(t); string(got.body) != o.body || got.method != o.method {
				t.Errorf("the upstream saw %s %s", got.method, got.body)
			}
		})
	}
}

// TestFilesInThosePlacesDoNotPass holds the other side of each leniency: a real file in the same
// place is not let through.
func TestFilesInThosePlacesDoNotPass(t *testing.T) {
	file := b64(photo)
	small := base64.StdEncoding.EncodeToString([]byte("small"))
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("no magic of any kind ", 6)))
	caseOf := func(text string) string { return `{"Subject":"s","Description":"` + text + `"}` }
	for name, o := range map[string]ordinary{
		"data URI in a sentence":           {"", "POST", dataPath + "/sobjects/Case", caseOf("Metadata: data:image/png;base64," + file)},
		"short data URI":                   {"", "POST", dataPath + "/sobjects/Case", caseOf("<img src='data:image/png;base64,QUFB'>")},
		"data URI with blanks, as a value": {"", "POST", dataPath + "/sobjects/Case", caseOf("<img src=' data: image/png;base64, QUFB'>")},
		"data URI of markup":               {"", "POST", dataPath + "/sobjects/Case", caseOf("data: image/svg+xml, <svg xmlns='http://www.w3.org/2000/svg'/>")},
		"data URI in percent escapes":      {"", "POST", dataPath + "/sobjects/Case", caseOf("see data: image/png, %89PNG%0d%0a")},
		"data URI behind parameters":       {"", "POST", dataPath + "/sobjects/Case", caseOf("<img src='data:image/png;" + strings.Repeat("a=b;", 200) + "base64,QUFB'>")},
		"data URI behind many parameters":  {"", "POST", dataPath + "/sobjects/Case", caseOf("<img src='data:image/png;" + strings.Repeat("a=b;", 2000) + "base64,QUFB'>")},

		"data URI on a line of its own": {"", "POST", dataPath + "/sobjects/Case", caseOf(`a photo\ndata:image/png;base64,QUFB`)},
		"data URI behind a soft hyphen": {"", "POST", dataPath + "/sobjects/Case", caseOf(`a photo\u00addata:image/png;base64,QUFB`)},
		"data URI broken by lines":      {"", "POST", dataPath + "/sobjects/Case", caseOf(`photo <img src=\"d\na\tt\ra:image/png;base64,QUFB\">`)},

		"file beside ids":                {"", "POST", dataPath + "/composite/sobjects/ContentVersion", `{"ids":["` + file + `"],"fields":["Id"]}`},
		"records beside ids":             {"", "POST", dataPath + "/composite/sobjects/ContentVersion", `{"ids":[],"fields":[],"records":[{"VersionData":"` + small + `"}]}`},
		"records with ids":               {"", "PATCH", dataPath + "/composite/sobjects/ContentVersion", `{"ids":[],"fields":["x"],"records":[{"VersionData":"` + small + `"}]}`},
		"file in a retrieve":             {"", "POST", dataPath + "/composite", `{"compositeRequest":[{"method":"POST","url":"` + dataPath + `/composite/sobjects/Attachment","referenceId":"r","body":{"ids":["` + file + `"]}}]}`},
		"file in the source of a class":  {"", "POST", dataPath + "/tooling/sobjects/ApexClass", `{"Name":"A","Body":"String s = '` + file + `';"}`},
		"static resource, tooling":       {"", "POST", dataPath + "/tooling/sobjects/StaticResource", `{"Name":"A","Body":"` + small + `"}`},
		"file in a chat":                 {"", "PATCH", dataPath + "/sobjects/LiveChatTranscript/Ext__c/7", `{"Body":"<img src=\"data:image/png;base64,QUFB\">"}`},
		"attachment as a chat":           {"", "PATCH", dataPath + "/sobjects/LiveChatTranscript/Ext__c/7", `{"attributes":{"type":"Attachment"},"Body":"` + small + `"}`},
		"version through a relationship": {"", "PATCH", dataPath + "/sobjects/ContentDocument/069xx0000000001AAA/LatestPublishedVersion", `{"VersionData":"` + small + `"}`},
		"by an id of a field's length":   {"", "PATCH", dataPath + "/sobjects/Case/500xx000000bZzZ/Attachments", `{"Body":"` + small + `"}`},
		"field of type base64":           {"", "POST", dataPath + "/sobjects/Scan__c", `{"Picture__c":"` + long + `"}`},
		"field of type base64, typed":    {"", "POST", dataPath + "/composite/sobjects", `{"records":[{"attributes":{"type":"Scan__c"},"Picture__c":"` + long + `"}]}`},
		"object called by type":          {"", "POST", dataPath + "/actions/custom/apex/Make", `{"inputs":[{"record":{"type":"Document","Body":"` + small + `"}}]}`},
		"file in a connect batch":        {"", "POST", dataPath + "/connect/batch", `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/Attachment","richInput":{"Body":"` + small + `"}}]}`},
		"list of a record with a file":   {"", "POST", dataPath + "/sobjects/Case", `["` + file + `"]`},
		"composite under another name":   {"", "POST", dataPath + "/composite", `{"requests":[{"url":"` + cvPath + `","body":{"VersionData":"` + small + `"}}]}`},
		"GET with a file":                {"", "GET", dataPath + "/limits", cvJSON(photo)},
		"DELETE with a file":             {"", "DELETE", dataPath + "/sobjects/Account/001xx0000000001AAA", cvJSON(photo)},
		"composite DELETE with a file":   {"", "POST", dataPath + "/composite", `{"compositeRequest":[{"method":"DELETE","url":"` + cvPath + `","referenceId":"r","body":{"VersionData":"` + small + `"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.whole = true
			a := s.do(t, o.method, o.uri, jsonType, strings.NewReader(o.body))
			if a.code(t); a.status != 400 {
				t.Errorf("%d %s", a.status, a.body)
			}
			checkNothingPassed(t, s, false)
		})
	}
}

func TestBodiesThatMeanNothing(t *testing.T) {
	for _, method := range []string{"GET", "DELETE", "HEAD"} {
		for _, body := range []string{"", "{}", "[]", "null", `""`, " \r\n", `{"a":1}`} {
			t.Run(method+" "+body, func(t *testing.T) {
				s := newStand(t, nil)
				a := s.do(t, method, dataPath+"/sobjects/Account/001xx0000000001AAA", jsonType, struct{ io.Reader }{strings.NewReader(body)}) // chunked
				if a.status != 200 {
					t.Fatalf("%d %s", a.status, a.body)
				}
				got := s.org.got[0]
				if got.method != method || len(got.body) != 0 || got.header.Get("Content-Length") != "" && got.header.Get("Content-Length") != "0" {
					t.Errorf("the upstream saw %s %q %v", got.method, got.body, got.header)
				}
			})
		}
	}
	s := newStand(t, nil)
	if a := s.do(t, "GET", "/services/apexrest/report", jsonType, strings.NewReader(`{"a":1}`)); a.code(t) != "MALFORMED_REQUEST" || len(s.org.got) != 0 {
		t.Errorf("a service of its own may read the body: %d %s", a.status, a.body)
	}
}

// TestMistakesHaveTheOrgsCode holds that one cause has one code, wherever it is met.
func TestMistakesHaveTheOrgsCode(t *testing.T) {
	for name, test := range map[string]struct {
		method, uri, typ, body, code string
		status                       int
	}{
		"broken record":       {"POST", dataPath + "/sobjects/Case", jsonType, `{`, "JSON_PARSER_ERROR", 400},
		"broken composite":    {"POST", dataPath + "/composite", jsonType, `{"compositeRequest":[`, "JSON_PARSER_ERROR", 400},
		"broken upload":       {"POST", cvPath, jsonType, `{"Title":`, "JSON_PARSER_ERROR", 400},
		"name twice":          {"POST", dataPath + "/sobjects/Case", jsonType, `{"Subject":"a","subject":"b"}`, "JSON_PARSER_ERROR", 400},
		"name twice, upload":  {"POST", cvPath, jsonType, `{"Title":"a","Title":"b"}`, "JSON_PARSER_ERROR", 400},
		"no base64":           {"POST", cvPath, jsonType, `{"VersionData":"not base64!!"}`, "JSON_PARSER_ERROR", 400},
		"data URI for base64": {"POST", cvPath, jsonType, `{"VersionData":"data:image/png;base64,QUFB"}`, "JSON_PARSER_ERROR", 400},
		"bytes for base64":    {"POST", cvPath, jsonType, `{"VersionData":[1,2,3]}`, "JSON_PARSER_ERROR", 400},
		"a form":              {"POST", dataPath + "/sobjects/Case", "application/x-www-form-urlencoded", `a=b`, "UNSUPPORTED_MEDIA_TYPE", 415},
		"a form, upload":      {"POST", cvPath, "application/x-www-form-urlencoded", `a=b`, "UNSUPPORTED_MEDIA_TYPE", 415},
		"no such version":     {"POST", "/services/data/latest/sobjects/Case", jsonType, `{}`, "NOT_FOUND", 404},
		"charset":             {"POST", dataPath + "/sobjects/Case", jsonType + "; charset=utf-7", `{}`, "UNSUPPORTED_MEDIA_TYPE", 415},
		"charset, upload":     {"POST", cvPath, jsonType + "; charset=utf-7", `{}`, "UNSUPPORTED_MEDIA_TYPE", 415},
		"not ASCII in latin1": {"POST", cvPath, jsonType + "; charset=iso-8859-1", "{\"Title\":\"R\xf6ntgen\"}", "UNSUPPORTED_MEDIA_TYPE", 415},
		"coding":              {"POST", cvPath, jsonType, `{}`, "UNSUPPORTED_MEDIA_TYPE", 415},
		"form without fields": {"POST", cvPath, formType, form("b", binaryHead, "x"), "INVALID_MULTIPART_REQUEST", 400},
		"part of no field":    {"POST", cvPath, formType, form("b", entityHead, entity, `Content-Disposition: form-data; name="note"`, "x"), "INVALID_FIELD", 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.whole = true
			var headers []string
			if name == "coding" {
				headers = []string{"Content-Encoding", "utf-8"}
			}
			a := s.do(t, test.method, test.uri, test.typ, strings.NewReader(test.body), headers...)
			if a.code(t) != test.code || a.status != test.status {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a.header.Get(ReceiptHeader) != "" {
				t.Error("a receipt for nothing")
			}
			checkNothingPassed(t, s, false)
		})
	}
	s := newStand(t, nil)
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if strings.HasSuffix(r.URL.Path, "/describe") {
			w.WriteHeader(404)
			io.WriteString(w, `[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]`)
			return true
		}
		return false
	}
	a := s.do(t, "POST", dataPath+"/sobjects/Nope__c", jsonType, strings.NewReader(`{"VersionData":"`+b64(photo)+`"}`))
	if a.status != 404 || a.code(t) != "NOT_FOUND" {
		t.Errorf("an object that is not there: %d %s", a.status, a.body)
	}
}

// TestRequestsThatActWithoutABody holds that an address can carry what a body may not.
func TestRequestsThatActWithoutABody(t *testing.T) {
	code := "?anonymousBody=" + strings.ReplaceAll("insert new Attachment(Body=Blob.valueOf('x'));", " ", "%20")
	file := strings.ReplaceAll(b64(photo), "+", "%2B")
	batch := func(method, address string) string {
		return `{"batchRequests":[{"method":"` + method + `","url":"` + address + `"}]}`
	}
	for name, o := range map[string]ordinary{
		"anonymous Apex":                   {"", "GET", dataPath + "/tooling/executeAnonymous/" + code, ""},
		"anonymous Apex, oddly":            {"", "GET", "/services//data/v64.0/tooling/x/../EXECUTEANONYMOUS" + code, ""},
		"anonymous Apex, escaped":          {"", "GET", dataPath + "/tooling/%65xecuteAnonymous" + code, ""},
		"anonymous Apex by POST":           {"", "POST", dataPath + "/tooling/executeAnonymous" + code, ""},
		"anonymous Apex with an empty one": {"", "GET", dataPath + "/tooling/executeAnonymous" + code, "{}"},
		"anonymous Apex in a batch":        {"", "POST", dataPath + "/composite/batch", batch("GET", "v64.0/tooling/executeAnonymous/"+code)},
		"anonymous Apex in composite":      {"", "POST", dataPath + "/composite", `{"compositeRequest":[{"method":"GET","referenceId":"r","url":"` + dataPath + `/tooling/executeAnonymous/` + code + `"}]}`},
		"anonymous Apex in connect":        {"", "POST", dataPath + "/connect/batch", batch("GET", "v64.0/tooling/executeAnonymous/"+code)},
		"service with a file":              {"", "GET", "/services/apexrest/upload?image=" + file, ""},
		"service with a file, POST":        {"", "POST", "/services/apexrest/upload?image=" + file, ""},
		"service with a file, in a batch":  {"", "POST", dataPath + "/composite/batch", batch("GET", "/services/apexrest/upload?image="+file)},
		"action with a file":               {"", "POST", dataPath + "/actions/custom/flow/Intake?image=" + file, ""},
		"action with a file, in a batch":   {"", "POST", dataPath + "/composite/batch", batch("POST", "v64.0/actions/custom/flow/Intake?image="+file)},
		"override":                         {"", "POST", dataPath + "/sobjects/Case/500xx000000bZzZAAU?_HttpMethod=PATCH&image=" + file, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			var body io.Reader
			if o.body != "" {
				body = strings.NewReader(o.body)
			}
			a := s.do(t, o.method, o.uri, "", body, "Content-Type", jsonType)
			if a.code(t) != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || len(s.org.got) != 0 || s.line.touched["portal refused"] != 1 {
				t.Errorf("%d %s, the upstream saw %d, touched %v", a.status, a.body, len(s.org.got), s.line.touched)
			}
		})
	}
	for name, uri := range map[string]string{
		"approval": dataPath + "/process/approvals", "action": dataPath + "/actions/standard/emailSimple?x=1",
		"tests": dataPath + "/tooling/runTestsAsynchronous/?classids=01pxx0000000001AAA", "override": dataPath + "/sobjects/Case/500xx000000bZzZAAU?_HttpMethod=DELETE",
	} {
		s := newStand(t, nil)
		a := s.do(t, "POST", uri, "", nil)
		want := 1
		if name == "override" {
			want = 0 // what is deleted carries nothing
		}
		if a.status/100 != 2 || len(s.org.got) != 1 || s.line.touched["portal passed"] != want {
			t.Errorf("%s: %d %s, touched %v", name, a.status, a.body, s.line.touched)
		}
	}
	s := newStand(t, nil)
	if a := s.do(t, "GET", dataPath+"/query?q="+strings.Repeat("SELECT%0AId", 40), "", nil); a.status != 200 {
		t.Errorf("a long query only reads: %d", a.status)
	}
}

func FuzzDataURI(f *testing.F) {
	f.Add("Metadata: image/jpeg, 3024x4032")
	f.Add("d&#x61;ta&colon;image/png;base64,QUFB")
	f.Fuzz(func(t *testing.T, text string) {
		hasDataURI(text)
		if !hasDataURI(`<img src="data:image/png;base64,QUFBQUFB">` + text) {
			t.Errorf("an image before %q is not seen", text)
		}
	})
}

// TestRecordsBySOAP passes records without files, and holds what could be one.
func TestRecordsBySOAP(t *testing.T) {
	envelope := func(call, inside string) string {
		return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><` + call + ` xmlns="urn:partner.soap.sforce.com">` + inside + `</` + call + `></e:Body></e:Envelope>`
	}
	file := b64(photo)
	for name, test := range map[string]struct {
		body string
		pass bool
	}{
		"create":        {envelope("create", `<sObjects><type>Account</type><Name>x</Name></sObjects>`), true},
		"update":        {envelope("update", `<sObjects><type>Case</type><Id>500xx000000bZzZAAU</Id><Description>Metadata: image/jpeg, 3024x4032</Description></sObjects>`), true},
		"merge":         {envelope("merge", `<request><masterRecord><type>Account</type><Id>001xx0000000001AAA</Id></masterRecord></request>`), true},
		"convertLead":   {envelope("convertLead", `<leadConverts><leadId>00Qxx0000000001AAA</leadId></leadConverts>`), true},
		"attachment":    {envelope("create", `<sObjects><type>Attachment</type><Body>QUJD</Body></sObjects>`), false},
		"enterprise":    {envelope("upsert", `<sObjects xmlns:x="y" x:type="ContentVersion"><versionData>QUJD</versionData></sObjects>`), false},
		"body apart":    {envelope("create", `<sObjects><type>ContentVersion</type><ContentBodyId>05Txx0000000001AAA</ContentBodyId></sObjects>`), false},
		"data URI":      {envelope("create", `<sObjects><type>Case</type><Notes__c>&lt;img src="dat<!-- -->a:image/png;base64,QUFB"/></Notes__c></sObjects>`), false},
		"second record": {envelope("create", `<sObjects><type>Case</type><Notes__c>x</Notes__c></sObjects><sObjects><type>Case</type><Notes__c>data:image/png;base64,QUFB</Notes__c></sObjects>`), false},
		"encoded":       {envelope("update", `<sObjects><type>Case</type><Description>`+file+`</Description></sObjects>`), false},
		"in attributes": {envelope("update", `<sObjects a="`+file+`"><type>Case</type></sObjects>`), false},
		"mail":          {envelope("sendEmail", `<messages><fileAttachments><body>QUJD</body></fileAttachments></messages>`), false},
		"deploy":        {envelope("deploy", `<ZipFile>QUJD</ZipFile>`), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			a := s.do(t, "POST", "/services/Soap/u/64.0", "text/xml", strings.NewReader(test.body))
			if test.pass != (len(s.org.writes()) == 1) || !test.pass && !strings.Contains(a.body, "<faultstring>") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}
