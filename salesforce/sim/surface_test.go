package sim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// What is no version is not found, and what was one is gone; each API says it in its own way.
func TestVersions(t *testing.T) {
	d := open(t, sim.Demo())
	for address, status := range map[string]int{"v64.0": 200, "V64.0": 200, "v31.0": 200, "v68.0": 200, "v64": 404, "64.0": 404, "v64.5": 404, "v064.0": 404,
		"v64.00": 404, "v69.0": 404, "v0.0": 404, "v-64.0": 404, "latest": 404, "v30.0": 410, "v20.0": 410} {
		if got := d.send("GET", "/services/data/"+address+"/limits", nil); got.status != status {
			t.Errorf("%s: %d %s", address, got.status, got.body)
		}
	}
	d.send("GET", "/services/data/v30.0/limits", nil).refused(410, "UNSUPPORTED_API_VERSION")
	if got := d.send("POST", "/services/Soap/u/30.0", `<Envelope><Body><getServerTimestamp/></Body></Envelope>`, "Content-Type", "text/xml"); got.status != 500 || !strings.Contains(string(got.body), "UNSUPPORTED_API_VERSION") {
		t.Errorf("SOAP: %d %s", got.status, got.body)
	}
}

// The server before the API answers what is too long, with a page.
func TestLongRequestLines(t *testing.T) {
	d := open(t, sim.Demo())
	ids := strings.TrimSuffix(strings.Repeat("'001000000000000AAA',", 900), ",")
	long := "/query?q=" + url.QueryEscape("SELECT Id FROM Account WHERE Id IN ("+ids+")")
	if got := d.send("GET", long, nil); got.status != 414 || !strings.Contains(string(got.body), "URI Too Long") {
		t.Errorf("address: %d %.80s", got.status, got.body)
	}
	if got := d.send("GET", "/limits", nil, "X-Long", strings.Repeat("x", 16_300)); got.status != 431 {
		t.Errorf("headers: %d %.80s", got.status, got.body)
	}
	if got := d.send("GET", "/limits", nil, "X-Long", strings.Repeat("x", 15_000)); got.status != 200 {
		t.Errorf("headers that fit: %d %.80s", got.status, got.body)
	}
}

// An encoding announced of nothing is no error, and of rubbish it is.
func TestEncodingOfNothing(t *testing.T) {
	d := open(t, sim.Demo())
	for _, encoding := range []string{"gzip", "deflate"} {
		d.send("GET", "/limits", nil, "Content-Encoding", encoding).want(200)
	}
	d.send("POST", "/sobjects/Account", "rubbish", "Content-Encoding", "gzip").refused(400, "INVALID_CONTENT_ENCODING")
}

// A value of another kind is spoken of as the platform's reader does; the members of an
// object are looked for as fields, the first as it came.
func TestWrongTypes(t *testing.T) {
	d := open(t, sim.Demo())
	file := func(value string) string { return `{"Title":"t","PathOnClient":"a.png","VersionData":` + value + `}` }
	for value, want := range map[string][2]string{
		`{"type":"Buffer","data":[1,2,3]}`: {"INVALID_FIELD", "No such column 'type' on sobject of type ContentVersion"},
		`{"data":[1],"type":"Buffer"}`:     {"INVALID_FIELD", "'data'"},
		`{}`:                               {"INVALID_FIELD", "''"},
		`[1,2,3]`:                          {"JSON_PARSER_ERROR", "START_ARRAY"},
		`12`:                               {"JSON_PARSER_ERROR", "VALUE_NUMBER_INT"},
		`1.5`:                              {"JSON_PARSER_ERROR", "VALUE_NUMBER_FLOAT"},
		`true`:                             {"JSON_PARSER_ERROR", "VALUE_TRUE"},
		`"no base64!!"`:                    {"JSON_PARSER_ERROR", "VALUE_STRING"},
	} {
		if got := d.send("POST", "/sobjects/ContentVersion", file(value)).refused(400, want[0]); !strings.Contains(got, want[1]) {
			t.Errorf("%s: %s", value, got)
		}
	}
	d.send("POST", "/sobjects/Account", `{"Name":{"x":1}}`).refused(400, "INVALID_FIELD")
	d.send("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Account"},"Name":{"x":1}}]}`)
	if got := d.send("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Account"},"Name":{"x":1}}]}`); !strings.Contains(string(got.body), "No such column 'x'") {
		t.Errorf("in a collection: %s", got.body)
	}
}

// A restricted picklist takes its values, in any case, and no others.
func TestRestrictedPicklists(t *testing.T) {
	d := open(t, sim.Demo())
	version := d.create("ContentVersion", map[string]any{"Title": "t", "PathOnClient": "a.txt", "VersionData": "QQ=="})
	doc := d.query("SELECT ContentDocumentId FROM ContentVersion WHERE Id = '" + version + "'")[0]["ContentDocumentId"].(string)
	link := func(values map[string]any) reply {
		values["ContentDocumentId"], values["LinkedEntityId"] = doc, d.create("Account", map[string]any{"Name": "a"})
		return d.send("POST", "/sobjects/ContentDocumentLink", values)
	}
	for _, visibility := range []string{"AllUsers", "InternalUsers", "SharedUsers", "allusers"} {
		link(map[string]any{"ShareType": "V", "Visibility": visibility}).want(201)
	}
	link(map[string]any{"ShareType": "V", "Visibility": "Bogus"}).refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	link(map[string]any{"ShareType": "X"}).refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	d.send("POST", "/sobjects/ContentVersion", map[string]any{"Title": "t", "PathOnClient": "a.txt", "VersionData": "QQ==", "Origin": "X"}).
		refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	for _, f := range d.send("GET", "/sobjects/ContentDocumentLink/describe", nil).want(200)["fields"].([]any) {
		f := f.(map[string]any)
		if f["name"] == "Visibility" && (f["restrictedPicklist"] != true || len(f["picklistValues"].([]any)) != 3) {
			t.Errorf("describe: %v", f)
		}
	}
}

// A file at a record is for everybody, and for internal users only where there is a community.
func TestVisibilityByDefault(t *testing.T) {
	for want, communities := range map[string][]string{"AllUsers": nil, "InternalUsers": {"Patients"}} {
		conf := sim.Demo()
		conf.Communities = communities
		d := open(t, conf)
		account := d.create("Account", map[string]any{"Name": "a"})
		other := d.create("Account", map[string]any{"Name": "b"})
		version := d.create("ContentVersion", map[string]any{"Title": "t", "PathOnClient": "a.txt", "VersionData": "QQ==", "FirstPublishLocationId": account})
		doc := d.query("SELECT ContentDocumentId FROM ContentVersion WHERE Id = '" + version + "'")[0]["ContentDocumentId"].(string)
		d.create("ContentDocumentLink", map[string]any{"ContentDocumentId": doc, "LinkedEntityId": other})
		for _, at := range []string{account, other} {
			links := d.query("SELECT Visibility FROM ContentDocumentLink WHERE LinkedEntityId = '" + at + "'")
			if len(links) != 1 || links[0]["Visibility"] != want {
				t.Errorf("with communities %v: %v", communities, links)
			}
		}
	}
}

// A path leads through relationships: to parents, several in a row, and to children.
func TestRelationshipsByPath(t *testing.T) {
	conf := sim.Demo()
	conf.BatchSize = 200
	d := open(t, conf)
	account := d.create("Account", map[string]any{"Name": "clinic"})
	contact := d.create("Contact", map[string]any{"LastName": "L", "AccountId": account})
	kase := d.create("Case", map[string]any{"Subject": "s", "ContactId": contact})
	got := d.send("GET", "/sobjects/Account/"+account+"/Contacts?fields=LastName", nil).want(200)
	if rows := got["records"].([]any); got["totalSize"] != 1.0 || got["done"] != true || rows[0].(map[string]any)["LastName"] != "L" || rows[0].(map[string]any)["Id"] != contact {
		t.Errorf("children: %v", got)
	}
	if got := d.send("GET", "/sobjects/Case/"+kase+"/Contact/Account", nil).want(200); got["Name"] != "clinic" {
		t.Errorf("grandparent: %v", got)
	}
	if got := d.send("GET", "/sobjects/Case/"+kase+"/Contact/Account/Contacts", nil).want(200); got["totalSize"] != 1.0 {
		t.Errorf("children of a grandparent: %v", got)
	}
	d.send("PATCH", "/sobjects/Case/"+kase+"/Contact", map[string]any{"LastName": "M"}).want(204)
	if got := d.query("SELECT LastName FROM Contact")[0]["LastName"]; got != "M" {
		t.Errorf("through the relationship: %v", got)
	}
	d.send("POST", "/sobjects/Account/"+account+"/Contacts", map[string]any{"LastName": "N"}).refused(405, "METHOD_NOT_ALLOWED")
	d.send("GET", "/sobjects/Account/"+account+"/Nonsense", nil).refused(404, "NOT_FOUND")
	d.send("GET", "/sobjects/Account/"+account+"/Contacts?fields=Nonsense", nil).refused(400, "INVALID_FIELD")
	records := []any{}
	for range 200 {
		records = append(records, map[string]any{"attributes": map[string]any{"type": "Contact"}, "LastName": "x", "AccountId": account})
	}
	d.send("POST", "/composite/sobjects", map[string]any{"records": records}).want(200)
	page := d.send("GET", "/sobjects/Account/"+account+"/Contacts", nil).want(200)
	next, _ := page["nextRecordsUrl"].(string)
	if page["totalSize"] != 201.0 || page["done"] != false || len(d.send("GET", next, nil).want(200)["records"].([]any)) != 1 {
		t.Errorf("pages: %v %q", page["totalSize"], next)
	}
}

// Accounts have entity tags, every row and describe has a time; a condition not met is told.
func TestConditionalRequests(t *testing.T) {
	d := open(t, sim.Demo())
	account := "/sobjects/Account/" + d.create("Account", map[string]any{"Name": "a"})
	first := d.send("GET", account, nil)
	tag, at := first.header.Get("ETag"), first.header.Get("Last-Modified")
	if tag == "" || at == "" {
		t.Fatalf("no validators: %v", first.header)
	}
	if got := d.send("GET", account, nil, "If-None-Match", `"other", `+tag); got.status != http.StatusNotModified || len(got.body) != 0 {
		t.Errorf("not modified: %d %s", got.status, got.body)
	}
	d.send("GET", account, nil, "If-None-Match", `"other"`).want(200)
	d.send("GET", account, nil, "If-Match", `"other"`).refused(412, "PRECONDITION_FAILED")
	d.send("PATCH", account, map[string]any{"Name": "b"}, "If-Match", `"other"`).refused(412, "PRECONDITION_FAILED")
	d.send("PATCH", account, map[string]any{"Name": "b"}, "If-None-Match", tag).refused(412, "PRECONDITION_FAILED")
	d.send("PATCH", account, map[string]any{"Name": "b"}, "If-Match", "no quotes").refused(400, "INVALID_HTTP_HEADER")
	d.send("PATCH", account, map[string]any{"Name": "b"}, "If-Match", tag).want(204)
	d.send("GET", account, nil, "If-None-Match", tag).want(200) // it changed
	if got := d.send("GET", account, nil, "If-Modified-Since", "Tue, 01 Jan 2080 00:00:00 GMT"); got.status != http.StatusNotModified {
		t.Errorf("since: %d", got.status)
	}
	d.send("GET", account, nil, "If-Modified-Since", "Tue, 01 Jan 2008 00:00:00 GMT").want(200)
	d.send("PATCH", account, map[string]any{"Name": "c"}, "If-Unmodified-Since", "Tue, 01 Jan 2008 00:00:00 GMT").refused(412, "PRECONDITION_FAILED")
	if got := d.send("GET", "/sobjects/Case/describe", nil, "If-Modified-Since", "Tue, 01 Jan 2080 00:00:00 GMT"); got.status != http.StatusNotModified {
		t.Errorf("describe: %d", got.status)
	}
	kase := "/sobjects/Case/" + d.create("Case", map[string]any{"Subject": "s"})
	if got := d.send("GET", kase, nil); got.header.Get("ETag") != "" || got.header.Get("Last-Modified") == "" {
		t.Errorf("a case: %v", got.header)
	}
}

// Scripts of listed origins may read answers, refusals too; others find nothing.
func TestCrossOrigin(t *testing.T) {
	conf := sim.Demo()
	conf.CORS = []string{"https://portal.example", "https://*.clinic.example"}
	d := open(t, conf)
	preflight := func(origin, path string) reply {
		return d.send("OPTIONS", path, nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type", "Authorization", "")
	}
	for origin, listed := range map[string]bool{"https://portal.example": true, "https://a.clinic.example": true, "https://clinic.example": false,
		"https://evil.example": false, "http://portal.example": false, "https://portal.example.evil.example": false, "https://x@a.clinic.example": false} {
		got := preflight(origin, "/sobjects/ContentVersion")
		allowed := got.header.Get("Access-Control-Allow-Origin")
		if listed && (got.status != 200 || allowed != origin || !strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "PATCH") ||
			got.header.Get("Access-Control-Allow-Headers") != "authorization,content-type") || !listed && (got.status != 404 || allowed != "") {
			t.Errorf("%s: %d %v", origin, got.status, got.header)
		}
		for path, status := range map[string]int{"/limits": 200, "/sobjects/Nonsense": 404} {
			got := d.send("GET", path, nil, "Origin", origin)
			if got.status != status || (got.header.Get("Access-Control-Allow-Origin") == origin) != listed || got.header.Get("Vary") == "" {
				t.Errorf("%s %s: %d %v", origin, path, got.status, got.header)
			}
		}
	}
	if got := preflight("https://portal.example", "/services/Soap/u/64.0"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("SOAP: %v", got.header)
	}
}

// Two functions of fields are unbounded and need a limit; the standard fields are not.
func TestFieldsAndOffsets(t *testing.T) {
	d := open(t, sim.Demo())
	d.create("Account", map[string]any{"Name": "a"})
	if rows := d.query("SELECT FIELDS(STANDARD) FROM Account"); rows[0]["Name"] != "a" || rows[0]["External_Id__c"] != nil {
		t.Errorf("%v", rows)
	}
	for soql, code := range map[string]string{"SELECT FIELDS(ALL) FROM Account": "MALFORMED_QUERY", "SELECT FIELDS(CUSTOM) FROM Account LIMIT 201": "MALFORMED_QUERY",
		"SELECT Id FROM Account LIMIT 1 OFFSET 2001": "NUMBER_OUTSIDE_VALID_RANGE"} {
		d.send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(400, code)
	}
}
