package sim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func TestIDs(t *testing.T) {
	d := open(t, sim.Demo())
	id := d.create("Account", map[string]any{"Name": "a"})
	if len(id) != 18 || !strings.HasPrefix(id, "001") {
		t.Fatalf("id %s", id)
	}
	for _, form := range []string{id, id[:15], strings.ToUpper(id), strings.ToLower(id)} {
		if form == strings.ToLower(id[:15]) {
			continue
		}
		if got := d.send("GET", "/sobjects/account/"+form, nil).want(200); got["Id"] != id {
			t.Errorf("%s answers %v", form, got["Id"])
		}
	}
	// The same calls give the same ids.
	d.org.Reset()
	d.token = d.org.Token("demo@example.com")
	if again := d.create("Account", map[string]any{"Name": "a"}); again != id {
		t.Errorf("%s after a reset, %s before", again, id)
	}
}

// Refusals that the scripts of salesforce/conformance do not ask a real org for, since they
// need fields or records of the simulator's own. The rest is in those scripts (errors-*).
func TestNativeErrors(t *testing.T) {
	d := open(t, sim.Demo())
	id := d.create("Account", map[string]any{"Name": "a", "External_Id__c": "k"})
	kase := d.create("Case", map[string]any{"Subject": "s"})
	gone := d.create("Account", map[string]any{"Name": "gone"})
	d.send("DELETE", "/sobjects/Account/"+gone, nil).want(204)
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		{"POST", "/sobjects/Account", map[string]any{"Name": "b", "External_Id__c": "K"}, 400, "DUPLICATE_VALUE"},
		{"POST", "/sobjects/Account", map[string]any{"Name": "b", "OwnerId": kase}, 400, "MALFORMED_ID"},
		{"POST", "/sobjects/Account", map[string]any{"Name": "b", "ParentId": gone}, 400, "ENTITY_IS_DELETED"},
		{"POST", "/sobjects/Account", ``, 400, "JSON_PARSER_ERROR"},
		{"POST", "/sobjects/Attachment", map[string]any{"ParentId": kase, "Name": "a", "Body": "***"}, 400, "JSON_PARSER_ERROR"},
		{"POST", "/sobjects/Account/" + id, map[string]any{}, 405, "METHOD_NOT_ALLOWED"},
		{"GET", "/sobjects/Account/Name/x", nil, 404, "NOT_FOUND"},
		{"GET", "/services/data/v12.0/sobjects", nil, 410, "UNSUPPORTED_API_VERSION"},
		{"GET", "/services/nothing", nil, 404, "NOT_FOUND"},
	} {
		r := d.send(c.method, c.path, c.body)
		if msg := r.refused(c.status, c.code); msg == "" {
			t.Errorf("%s %s: no message", c.method, c.path)
		}
	}
	if msg := d.send("POST", "/sobjects/Account", map[string]any{}).refused(400, "REQUIRED_FIELD_MISSING"); msg != "Required fields are missing: [Name]" {
		t.Error(msg)
	}
}

// Names are read whatever their case, paths whatever their slashes, bodies in every
// form and packing the platform takes.
func TestManyWaysToSayTheSame(t *testing.T) {
	d := open(t, sim.Demo())
	zipped := func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		fmt.Fprint(z, s)
		z.Close()
		return b.Bytes()
	}
	for name, send := range map[string]func() reply{
		"case":    func() reply { return d.send("POST", v64+"/SOBJECTS/aCCOUNT", `{"nAME":"x"}`) },
		"slashes": func() reply { return d.send("POST", "//services//data/v64.0//sobjects/Account//", `{"Name":"x"}`) },
		"gzip": func() reply {
			return d.send("POST", "/sobjects/Account", zipped(`{"Name":"x"}`), "Content-Encoding", "gzip")
		},
		"override": func() reply { return d.send("POST", "/sobjects/Account?_HttpMethod=POST", `{"Name":"x"}`) },
		"charset": func() reply {
			return d.send("POST", "/sobjects/Account", `{"Name":"x"}`, "Content-Type", "application/json; charset=UTF-8")
		},
		"bom": func() reply { return d.send("POST", "/sobjects/Account", "\ufeff"+`{"Name":"x"}`) },
		"older scheme": func() reply {
			return d.send("POST", "/sobjects/Account", `{"Name":"x"}`, "Authorization", "OAuth "+d.token)
		},
	} {
		t.Run(name, func(t *testing.T) { send().want(201) })
	}
	xml := d.send("POST", "/sobjects/Account", `<?xml version="1.0"?><Account><Name>Müller &amp; Co</Name></Account>`, "Content-Type", "application/xml", "Accept", "application/xml")
	if !strings.HasPrefix(string(xml.body), `<?xml version="1.0" encoding="UTF-8"?><Result><id>001`) {
		t.Fatalf("%s", xml.body)
	}
	if got := d.query("SELECT Id FROM Account WHERE Name = 'müller & co'"); len(got) != 1 {
		t.Fatalf("%v", got)
	}
	bad := d.send("POST", "/sobjects/Account", `<Account/>`, "Content-Type", "application/xml", "Accept", "application/xml")
	if bad.status != 400 || !strings.Contains(string(bad.body), "<Errors><Error><message>Required fields are missing: [Name]</message><errorCode>REQUIRED_FIELD_MISSING</errorCode><fields>Name</fields></Error></Errors>") {
		t.Fatalf("%d %s", bad.status, bad.body)
	}
	got := d.send("GET", "/limits", nil, "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(bytes.NewReader(got.body))
	if err != nil || json.NewDecoder(z).Decode(&map[string]any{}) != nil {
		t.Fatalf("answer not in gzip: %v %v", err, got.header)
	}
	id := d.create("Account", map[string]any{"Name": "x"})
	d.send("POST", "/sobjects/Account/"+id+"?_HttpMethod=PATCH", `{"Name":"y"}`).want(204)
	d.send("POST", "/sobjects/Account/"+id+"?_HttpMethod=DELETE", nil).want(204)
}

func TestUpsertByExternalID(t *testing.T) {
	d := open(t, sim.Demo())
	path := "/sobjects/Account/External_Id__c/" + url.PathEscape("a/b c")
	first := d.send("PATCH", path, `{"Name":"one"}`).want(201)
	if first["created"] != true {
		t.Fatalf("%v", first)
	}
	if second := d.send("PATCH", path, `{"Name":"two"}`).want(200); second["created"] != false || second["id"] != first["id"] {
		t.Fatalf("%v", second)
	}
	d.send("PATCH", strings.Replace(v64+path, "v64.0", "v45.0", 1), `{"Name":"three"}`).want(204)
	if got := d.send("GET", path, nil).want(200); got["Name"] != "three" || got["External_Id__c"] != "a/b c" {
		t.Fatalf("%v", got)
	}
	d.create("Contact", map[string]any{"LastName": "c", "Account": map[string]any{"External_Id__c": "a/b c"}})
	if got := d.query("SELECT Account.Name FROM Contact"); got[0]["Account"].(map[string]any)["Name"] != "three" {
		t.Fatalf("%v", got)
	}
	for range 2 {
		d.create("Account", map[string]any{"Name": "l", "Legacy_Id__c": "same"})
	}
	got := d.send("PATCH", "/sobjects/Account/Legacy_Id__c/same", `{"Name":"x"}`)
	var choices []string
	if err := json.Unmarshal(got.body, &choices); got.status != 300 || err != nil || len(choices) != 2 || !strings.HasPrefix(choices[0], v64+"/sobjects/Account/001") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	d.send("DELETE", path, nil).want(204)
	d.send("GET", path, nil).refused(404, "NOT_FOUND")
}

func TestCordonKeyComesWithThePackage(t *testing.T) {
	conf := sim.Demo()
	d := open(t, conf)
	path := "/sobjects/ContentVersion/Cordon_Key__c/itm_1"
	id := d.send("PATCH", path, map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a")}).want(201)["id"]
	if again := d.send("PATCH", path, map[string]any{"Title": "again"}).want(200); again["id"] != id {
		t.Fatalf("%v", again)
	}
	if n := len(d.org.Files()); n != 1 {
		t.Fatalf("%d files", n)
	}
	conf.CordonPackage = false
	d = open(t, conf)
	d.send("PATCH", path, map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a")}).refused(404, "NOT_FOUND")
}

func TestPermissions(t *testing.T) {
	d := open(t, sim.Demo())
	kase := d.create("Case", map[string]any{"Subject": "s"})
	version := d.create("ContentVersion", map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a"), "FirstPublishLocationId": kase})
	loose := d.create("ContentVersion", map[string]any{"PathOnClient": "b.txt", "VersionData": b64("b")})
	doc := d.query("SELECT ContentDocumentId FROM ContentVersion WHERE Id = '" + version + "'")[0]["ContentDocumentId"].(string)

	no := d.as("nofiles@example.com")
	no.send("POST", "/sobjects/ContentVersion", map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a")}).refused(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	if got := no.send("GET", "/sobjects/ContentVersion/describe", nil).want(200); got["createable"] != false {
		t.Error("describe offers what create refuses")
	}
	if got := d.send("GET", "/sobjects/ContentVersion/describe", nil).want(200); got["createable"] != true || got["deletable"] != false {
		t.Error("describe refuses what create does")
	}

	responder := d.as("responder@example.com")
	responder.send("DELETE", "/sobjects/ContentDocument/"+doc, nil).refused(400, "INSUFFICIENT_ACCESS_OR_READONLY")
	responder.send("POST", "/sobjects/Account", map[string]any{"Name": "a"}).refused(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	// A file reached only through a record shows when it is named, not in a list.
	if got := responder.query("SELECT Id FROM ContentVersion"); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if got := responder.query("SELECT Id FROM ContentVersion WHERE Id = '" + version + "'"); len(got) != 1 {
		t.Errorf("named %v", got)
	}
	if got := responder.query("SELECT Id FROM ContentVersion WHERE Id = '" + loose + "'"); len(got) != 0 {
		t.Errorf("private file shown %v", got)
	}
	responder.send("GET", "/sobjects/ContentVersion/"+loose+"/VersionData", nil).refused(404, "NOT_FOUND")
	if got := d.query("SELECT Id FROM ContentVersion"); len(got) != 2 {
		t.Errorf("Query All Files lists %v", got)
	}
	d.as("admin@example.com").send("DELETE", "/sobjects/ContentDocument/"+doc, nil).want(204)

	access := d.query("SELECT RecordId, HasReadAccess, HasEditAccess, HasDeleteAccess, MaxAccessLevel FROM UserRecordAccess WHERE UserId = '" +
		d.org.UserID("responder@example.com") + "' AND RecordId IN ('" + kase + "')")
	if len(access) != 1 || access[0]["HasEditAccess"] != true || access[0]["HasDeleteAccess"] != false || access[0]["MaxAccessLevel"] != "Edit" {
		t.Errorf("%v", access)
	}
}

func TestPrivateObjects(t *testing.T) {
	conf := sim.Demo()
	conf.Private = []string{"case"}
	d := open(t, conf)
	kase := d.as("admin@example.com").create("Case", map[string]any{"Subject": "s"})
	responder := d.as("responder@example.com")
	responder.send("GET", "/sobjects/Case/"+kase, nil).refused(404, "NOT_FOUND")
	responder.send("POST", "/sobjects/ContentVersion", map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a"), "FirstPublishLocationId": kase}).
		refused(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
	if n := len(d.org.Files()); n != 0 {
		t.Fatalf("%d files of a refused upload", n)
	}
}

func TestAPILimit(t *testing.T) {
	conf := sim.Demo()
	conf.APILimit = 2
	d := open(t, conf)
	if got := d.send("GET", "/limits", nil); got.header.Get("Sforce-Limit-Info") != "api-usage=1/2" {
		t.Fatalf("%v", got.header)
	}
	// A composite call counts once, whatever is in it.
	d.send("POST", "/composite/batch", `{"batchRequests":[{"method":"GET","url":"v64.0/limits"},{"method":"GET","url":"v64.0/limits"}]}`).want(200)
	d.send("GET", "/limits", nil).refused(403, "REQUEST_LIMIT_EXCEEDED")
}

func TestDiscovery(t *testing.T) {
	d := open(t, sim.Demo())
	var versions []struct{ Label, URL, Version string }
	got := d.send("GET", "/services/data", nil)
	if err := json.Unmarshal(got.body, &versions); err != nil || len(versions) != 11 || versions[10].Version != "68.0" || versions[0].Label != "Summer '23" || versions[8].Label != "Spring '26" || versions[10].Label != "Winter '27" {
		t.Fatalf("%v %v", err, versions)
	}
	if root := d.send("GET", "/services/data/v64.0/", nil).want(200); root["identity"] != d.server.URL+"/id/"+d.org.OrgID()+"/"+d.org.UserID("demo@example.com") {
		t.Fatalf("%v", root)
	}
	describe := d.send("GET", "/sobjects/Case/describe", nil).want(200)
	fields := map[string]map[string]any{}
	for _, f := range describe["fields"].([]any) {
		fields[f.(map[string]any)["name"].(string)] = f.(map[string]any)
	}
	if fields["Notes__c"]["htmlFormatted"] != true || fields["CaseNumber"]["createable"] != false || fields["OwnerId"]["relationshipName"] != "Owner" {
		t.Fatalf("%v", fields)
	}
}

func TestGetUpdatedAndDeleted(t *testing.T) {
	d := open(t, sim.Demo())
	kept := d.create("Account", map[string]any{"Name": "a"})
	gone := d.create("Account", map[string]any{"Name": "b"})
	d.send("DELETE", "/sobjects/Account/"+gone, nil).want(204)
	span := url.Values{"start": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "end": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}.Encode()
	if got := d.send("GET", "/sobjects/Account/updated?"+span, nil).want(200)["ids"].([]any); len(got) != 1 || got[0] != kept {
		t.Errorf("%v", got)
	}
	if got := d.send("GET", "/sobjects/Account/deleted?"+span, nil).want(200)["deletedRecords"].([]any); len(got) != 1 || got[0].(map[string]any)["id"] != gone {
		t.Errorf("%v", got)
	}
}
