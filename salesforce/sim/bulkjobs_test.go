package sim_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// A query job is made, polled, read in sets by the locator, aborted too late and deleted.
func TestBulkQueryJob(t *testing.T) {
	d := open(t, sim.Demo())
	for i := range 5 {
		d.create("Account", map[string]any{"Name": fmt.Sprintf("a%d, \"x\"", i), "NumberOfEmployees": i})
	}
	job := d.send("POST", "/jobs/query", map[string]any{"operation": "query", "query": "select id, name, owner.name, NumberOfEmployees from account order by Name"}).want(200)
	if job["state"] != "UploadComplete" || job["object"] != "Account" || job["contentType"] != "CSV" {
		t.Errorf("%v", job)
	}
	path := "/jobs/query/" + job["id"].(string)
	if got := d.send("GET", path, nil).want(200); got["state"] != "JobComplete" || got["jobType"] != "V2Query" || got["numberRecordsProcessed"] != 5.0 {
		t.Errorf("%v", got)
	}
	var lines [][]string
	locator, sets := "", 0
	for locator != "null" {
		got := d.send("GET", path+"/results?maxRecords=2&locator="+locator, nil)
		got.want(200)
		rows, err := csv.NewReader(bytes.NewReader(got.body)).ReadAll()
		if err != nil || got.header.Get("Sforce-NumberOfRecords") != fmt.Sprint(len(rows)-1) || !bytes.HasPrefix(got.body, []byte(`"Id","Name","Owner.Name","NumberOfEmployees"`)) {
			t.Fatalf("%v %s %v", err, got.body, got.header)
		}
		lines, locator = append(lines, rows[1:]...), got.header.Get("Sforce-Locator")
		sets++
	}
	if len(lines) != 5 || sets != 3 || lines[4][1] != `a4, "x"` || lines[4][2] != "Demo Integration" || lines[4][3] != "4" {
		t.Errorf("%d sets: %v", sets, lines)
	}
	d.send("GET", path+"/results?locator=rubbish", nil).refused(400, "INVALIDLOCATOR")
	d.send("GET", "/services/data/v60.0"+path+"/results", nil).refused(409, "API_VERSION_MISMATCH")
	d.send("PATCH", path, map[string]any{"state": "Aborted"}).refused(400, "INVALIDJOBSTATE")
	if got := d.send("GET", "/jobs/query", nil).want(200)["records"].([]any); len(got) != 1 {
		t.Errorf("list: %v", got)
	}
	d.as("responder@example.com").send("GET", path+"/results", nil).refused(403, "INSUFFICIENT_ACCESS")
	d.send("DELETE", path, nil).want(204)
	d.send("GET", path, nil).refused(404, "INVALIDJOB")
}

func TestBulkQueryJobRefused(t *testing.T) {
	d := open(t, sim.Demo())
	for body, code := range map[string]string{
		`{"operation":"insert","query":"SELECT Id FROM Account"}`:                                 "INVALIDOPERATION",
		`{"operation":"query"}`:                                                                   "INVALIDJOB",
		`{"operation":"query","query":"SELECT Id FROM"}`:                                          "MALFORMED_QUERY",
		`{"operation":"query","query":"SELECT Id FROM Nonsense"}`:                                 "INVALID_TYPE",
		`{"operation":"query","query":"SELECT Nonsense FROM Account"}`:                            "INVALID_FIELD",
		`{"operation":"query","query":"SELECT COUNT(Id) FROM Account"}`:                           "FEATURENOTENABLED",
		`{"operation":"query","query":"SELECT Id, (SELECT Id FROM Contacts) FROM Account"}`:       "FEATURENOTENABLED",
		`{"operation":"query","query":"SELECT Id FROM Account OFFSET 1"}`:                         "FEATURENOTENABLED",
		`{"operation":"query","query":"SELECT VersionData FROM ContentVersion"}`:                  "INVALIDFIELD",
		`{"operation":"query","query":"SELECT Id FROM Account","contentType":"JSON"}`:             "INVALIDJOB",
		`{"operation":"query","query":"SELECT Id FROM Account","object":"Account"}`:               "JSON_PARSER_ERROR",
		`{"operation":"query","query":"SELECT Id FROM Account","columnDelimiter":"SLASH"}`:        "INVALIDJOB",
		`{"operation":"query","query":"SELECT Id FROM Account","lineEnding":"CR"}`:                "INVALIDJOB",
		`{"operation":"queryAll","query":"SELECT Id FROM ContentDocumentLink","lineEnding":"LF"}`: "",
	} {
		if got := d.send("POST", "/jobs/query", body); code != "" {
			got.refused(400, code)
		} else {
			got.want(200)
		}
	}
}

// bulk1 is a client of the first Bulk API that speaks JSON, as simple-salesforce does.
func (d *desk) bulk1(method, path string, body any) []byte {
	d.Helper()
	got := d.send(method, "/services/async/64.0/job"+path, body, "X-SFDC-Session", d.token, "Authorization", "", "Content-Type", "application/json")
	if got.status >= 300 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		d.Fatalf("%s %s: %d %v %s", method, path, got.status, got.header, got.body)
	}
	return got.body
}

func read[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// The first Bulk API with JSON: each operation from the job to its results.
func TestBulk1JSON(t *testing.T) {
	d := open(t, sim.Demo())
	type info struct {
		ID, State, JobID, ContentType                     string
		NumberRecordsProcessed, NumberRecordsFailed       int
		NumberBatchesTotal, NumberBatchesCompleted        int
		ExternalIDFieldName                               *string
		StateMessage                                      *string
		APIVersion                                        float64
		BatchInfo                                         []struct{ ID string }
		ExceptionCode, ExceptionMessage, ConcurrencyModel string
	}
	type result struct {
		ID      *string
		Success bool
		Created bool
		Errors  []struct{ StatusCode, Message string }
	}
	run := func(job map[string]any, records any) []result {
		t.Helper()
		job["contentType"] = "JSON"
		made := read[info](t, d.bulk1("POST", "", job))
		if made.State != "Open" || made.ContentType != "JSON" || made.APIVersion != 64 {
			t.Errorf("%+v", made)
		}
		b := read[info](t, d.bulk1("POST", "/"+made.ID+"/batch", records))
		if closed := read[info](t, d.bulk1("POST", "/"+made.ID, map[string]any{"state": "Closed"})); closed.State != "Closed" || closed.NumberBatchesTotal != 1 {
			t.Errorf("%+v", closed)
		}
		if again := read[info](t, d.bulk1("GET", "/"+made.ID+"/batch/"+b.ID, nil)); again.State != "Completed" || again.JobID != made.ID {
			t.Errorf("%+v", again)
		}
		if list := read[info](t, d.bulk1("GET", "/"+made.ID+"/batch", nil)); len(list.BatchInfo) != 1 || list.BatchInfo[0].ID != b.ID {
			t.Errorf("%+v", list)
		}
		return read[[]result](t, d.bulk1("GET", "/"+made.ID+"/batch/"+b.ID+"/result", nil))
	}
	got := run(map[string]any{"operation": "insert", "object": "Account"}, []any{map[string]any{"Name": "a", "External_Id__c": "A"}, map[string]any{"Name": nil}})
	if len(got) != 2 || !got[0].Success || !got[0].Created || got[1].Success || got[1].ID != nil || got[1].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" {
		t.Fatalf("%+v", got)
	}
	id := *got[0].ID
	run(map[string]any{"operation": "update", "object": "Account"}, []any{map[string]any{"Id": id, "Phone": "1"}})
	got = run(map[string]any{"operation": "upsert", "object": "Account", "externalIdFieldName": "External_Id__c"},
		[]any{map[string]any{"External_Id__c": "A", "Fax": "2"}, map[string]any{"External_Id__c": "B", "Name": "b"}})
	if got[0].Created || !got[1].Created || *got[0].ID != id {
		t.Errorf("%+v", got)
	}
	got = run(map[string]any{"operation": "insert", "object": "Contact"}, []any{map[string]any{"LastName": "l", "Account": map[string]any{"External_Id__c": "A"}}})
	if rows := d.query("SELECT AccountId, Account.Phone, Account.Fax FROM Contact"); !got[0].Success || rows[0]["AccountId"] != id || rows[0]["Account"].(map[string]any)["Fax"] != "2" {
		t.Errorf("%+v %v", got, rows)
	}
	got = run(map[string]any{"operation": "insert", "object": "Attachment"}, []any{map[string]any{"Name": "a.txt", "ParentId": id, "Body": "QQ=="}})
	if files := d.org.Files(); !got[0].Success || len(files) != 1 || files[0].Size != 1 {
		t.Errorf("%+v %v", got, files)
	}

	made := read[info](t, d.bulk1("POST", "", map[string]any{"operation": "query", "object": "Account", "contentType": "JSON"}))
	b := read[info](t, d.bulk1("POST", "/"+made.ID+"/batch", "SELECT Id, Name FROM Account ORDER BY Name"))
	results := read[[]string](t, d.bulk1("GET", "/"+made.ID+"/batch/"+b.ID+"/result", nil))
	rows := read[[]map[string]any](t, d.bulk1("GET", "/"+made.ID+"/batch/"+b.ID+"/result/"+results[0], nil))
	if len(rows) != 2 || rows[1]["Name"] != "b" || rows[0]["attributes"] == nil {
		t.Errorf("%v", rows)
	}
	if bad := read[info](t, d.bulk1("POST", "/"+made.ID+"/batch", "SELECT Id FROM Contact")); bad.State != "Failed" || bad.StateMessage == nil {
		t.Errorf("%+v", bad)
	}

	got = run(map[string]any{"operation": "delete", "object": "Account"}, []any{map[string]any{"Id": id}})
	if !got[0].Success || d.count("Account") != 1 {
		t.Errorf("%+v", got)
	}
	refused := d.send("POST", "/services/async/64.0/job", `{"operation":"insert","object":"Nonsense","contentType":"JSON"}`)
	if why := read[info](t, refused.body); refused.status != 400 || why.ExceptionCode != "InvalidJob" {
		t.Errorf("%d %s", refused.status, refused.body)
	}
	retired := d.send("POST", "/services/async/30.0/job", `{"operation":"insert","object":"Account","contentType":"JSON"}`)
	if why := read[info](t, retired.body); retired.status != 400 || why.ExceptionCode != "InvalidVersion" {
		t.Errorf("%d %s", retired.status, retired.body)
	}
}

// The same with XML, and with files in a zip beside their records.
func TestBulk1XMLAndZip(t *testing.T) {
	d := open(t, sim.Demo())
	account := d.create("Account", map[string]any{"Name": "a", "External_Id__c": "A"})
	call := func(method, path string, body any, mediaType string) string {
		t.Helper()
		return string(d.send(method, "/services/async/64.0/job"+path, body, "Content-Type", mediaType).body)
	}
	between := func(s, tag string) string {
		_, s, _ = strings.Cut(s, "<"+tag+">")
		s, _, _ = strings.Cut(s, "</")
		return s
	}
	job := between(call("POST", "", `<jobInfo xmlns="x"><operation>insert</operation><object>Contact</object><contentType>XML</contentType></jobInfo>`, "application/xml"), "id")
	batch := call("POST", "/"+job+"/batch", `<sObjects xmlns="x"><sObject><LastName>l</LastName><Account><sObject><External_Id__c>A</External_Id__c></sObject></Account></sObject><sObject><FirstName>f</FirstName></sObject></sObjects>`, "application/xml")
	if between(batch, "numberRecordsFailed") != "1" {
		t.Errorf("%s", batch)
	}
	got := call("GET", "/"+job+"/batch/"+between(batch, "id")+"/result", nil, "")
	if !strings.Contains(got, "<success>true</success><created>true</created>") || !strings.Contains(got, "<statusCode>REQUIRED_FIELD_MISSING</statusCode>") || d.query("SELECT AccountId FROM Contact")[0]["AccountId"] != account {
		t.Errorf("%s", got)
	}

	for kind, records := range map[string]string{"CSV": "Name,ParentId,Body\nb.txt," + account + ",#files/b.txt\nc.txt," + account + ",#missing.txt\n",
		"JSON": `[{"Name":"b.txt","ParentId":"` + account + `","Body":"#files/b.txt"},{"Name":"c","ParentId":"` + account + `","Body":"#missing.txt"}]`,
		"XML":  `<sObjects><sObject><Name>b.txt</Name><ParentId>` + account + `</ParentId><Body>#files/b.txt</Body></sObject><sObject><Name>c</Name><ParentId>` + account + `</ParentId><Body>#missing.txt</Body></sObject></sObjects>`} {
		before := len(d.org.Files())
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		for name, text := range map[string]string{"request.txt": records, "files/b.txt": "bytes of " + kind} {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, text)
		}
		z.Close()
		job := between(call("POST", "", `<jobInfo><operation>insert</operation><object>Attachment</object><contentType>ZIP_`+kind+`</contentType></jobInfo>`, "application/xml"), "id")
		batch := call("POST", "/"+job+"/batch", packed.Bytes(), "zip/"+strings.ToLower(kind))
		files := d.org.Files()
		if between(batch, "numberRecordsProcessed") != "2" || between(batch, "numberRecordsFailed") != "1" || len(files) != before+1 || files[len(files)-1].Size != int64(len("bytes of "+kind)) {
			t.Errorf("%s: %s %v", kind, batch, files)
		}
		if got := call("POST", "/"+job+"/batch", "no zip", "zip/"+strings.ToLower(kind)); between(got, "state") != "Failed" {
			t.Errorf("%s: %s", kind, got)
		}
		if got := d.send("POST", "/services/async/64.0/job/"+job+"/batch", records, "Content-Type", "text/csv"); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", kind, got.status, got.body)
		}
	}
}
