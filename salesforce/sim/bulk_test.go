package sim_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func (d *desk) bulk(job map[string]any, data string) (id string, info map[string]any) {
	d.Helper()
	id = d.send("POST", "/jobs/ingest", job).want(200)["id"].(string)
	d.send("PUT", "/jobs/ingest/"+id+"/batches", data, "Content-Type", "text/csv").want(201)
	if got := d.send("PATCH", "/jobs/ingest/"+id, `{"state":"UploadComplete"}`).want(200); got["state"] != "UploadComplete" {
		d.Fatalf("%v", got)
	}
	return id, d.send("GET", "/jobs/ingest/"+id, nil).want(200)
}

func (d *desk) csv(path string) [][]string {
	d.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(d.send("GET", path, nil).body))).ReadAll()
	if err != nil {
		d.Fatal(err)
	}
	return rows
}

func TestBulk2(t *testing.T) {
	d := open(t, sim.Demo())
	id, info := d.bulk(map[string]any{"object": "contentversion", "operation": "insert"},
		"title,PathOnClient,VersionData\none,1.txt,"+b64("1")+"\n\"two, \"\"quoted\"\"\",2.txt,"+b64("2")+"\nthree,,"+b64("3")+"\nfour,4.txt,***\n")
	if info["state"] != "JobComplete" || info["numberRecordsProcessed"] != 4.0 || info["numberRecordsFailed"] != 2.0 {
		t.Fatalf("%v", info)
	}
	good, bad := d.csv("/jobs/ingest/"+id+"/successfulResults"), d.csv("/jobs/ingest/"+id+"/failedResults/")
	if len(good) != 3 || good[0][0] != "sf__Id" || good[1][1] != "true" || good[2][2] != `two, "quoted"` {
		t.Errorf("%v", good)
	}
	if len(bad) != 3 || !strings.HasPrefix(bad[1][1], "REQUIRED_FIELD_MISSING:Required fields are missing: [PathOnClient]") || bad[1][2] != "three" {
		t.Errorf("%v", bad)
	}
	if n := len(d.org.Files()); n != 2 {
		t.Errorf("%d files", n)
	}

	key := map[string]any{"object": "Account", "operation": "upsert", "externalIdFieldName": "External_Id__c"}
	_, info = d.bulk(key, "External_Id__c,Name,Industry\nk,a,Health\nk,b,#N/A\n")
	if got := d.query("SELECT Name, Industry FROM Account"); info["numberRecordsFailed"] != 0.0 || len(got) != 1 || got[0]["Name"] != "b" || got[0]["Industry"] != nil {
		t.Errorf("%v %v", info, got)
	}
	_, info = d.bulk(map[string]any{"object": "Contact", "operation": "insert"}, "LastName,Account.External_Id__c\nx,k\ny,nope\n")
	if info["numberRecordsFailed"] != 1.0 {
		t.Errorf("%v", info)
	}
	_, info = d.bulk(map[string]any{"object": "Account", "operation": "insert"}, "Nope\nx\n")
	if info["state"] != "Failed" || !strings.Contains(info["errorMessage"].(string), "Field name not found : Nope") {
		t.Errorf("%v", info)
	}
	d.send("POST", "/jobs/ingest", map[string]any{"object": "Nope", "operation": "insert"}).refused(400, "INVALIDENTITY")
	d.send("POST", "/jobs/ingest", map[string]any{"object": "Account", "operation": "hardDelete"}).refused(403, "FEATURENOTENABLED")
	d.send("GET", "/jobs/ingest/750000000000001AAA", nil).refused(404, "INVALIDJOB")
	d.send("PATCH", "/jobs/ingest/"+id, `{"state":"Aborted"}`).refused(400, "INVALIDJOBSTATE")
	d.as("responder@example.com").send("GET", "/jobs/ingest/"+id, nil).refused(403, "INSUFFICIENT_ACCESS")
	d.send("DELETE", "/jobs/ingest/"+id, nil).want(204)
}

// The CSV files that jsforce tests itself with.
func TestBulkOfCapturedFiles(t *testing.T) {
	dir := mediatest.Corpus(t, "salesforce/bulk")
	for file, delimiter := range map[string]string{"jsforce-Account_bulk2_test.csv": "COMMA", "jsforce-Account_bulk2_test_backquote.csv": "BACKQUOTE"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, sim.Demo())
		_, info := d.bulk(map[string]any{"object": "Account", "operation": "insert", "columnDelimiter": delimiter}, string(text))
		if info["state"] != "JobComplete" || info["numberRecordsFailed"] != 0.0 || info["numberRecordsProcessed"] == 0.0 {
			t.Errorf("%s: %v", file, info)
		}
	}
}

func TestBulkInOneMultipartBody(t *testing.T) {
	d := open(t, sim.Demo())
	body, contentType := form(part{"Content-Disposition: form-data; name=\"job\"\nContent-Type: application/json", `{"object":"Account","operation":"insert"}`},
		part{"Content-Disposition: form-data; name=\"content\"; filename=\"a.csv\"\nContent-Type: text/csv", "Name\na\nb\n"})
	d.send("POST", "/jobs/ingest", body, "Content-Type", contentType).want(200)
	if n := d.count("Account"); n != 2 {
		t.Errorf("%d accounts", n)
	}
}

func TestBulk1(t *testing.T) {
	d := open(t, sim.Demo())
	call := func(method, path, body, mediaType string) string {
		t.Helper()
		r := d.send(method, "/services/async/64.0/job"+path, body, "X-SFDC-Session", d.token, "Authorization", "", "Content-Type", mediaType)
		return string(r.body)
	}
	between := func(s, tag string) string {
		_, s, _ = strings.Cut(s, "<"+tag+">")
		s, _, _ = strings.Cut(s, "</")
		return s
	}
	job := call("POST", "", `<jobInfo><operation>insert</operation><object>Account</object><contentType>CSV</contentType></jobInfo>`, "application/xml")
	id := between(job, "id")
	batch := between(call("POST", "/"+id+"/batch", "Name,Phone\na,1\n,2\n", "text/csv"), "id")
	if got := call("POST", "/"+id, `<jobInfo><state>Closed</state></jobInfo>`, "application/xml"); between(got, "state") != "Closed" || between(got, "numberRecordsFailed") != "1" {
		t.Errorf("%s", got)
	}
	if got := call("GET", "/"+id+"/batch/"+batch, "", ""); between(got, "state") != "Completed" {
		t.Errorf("%s", got)
	}
	rows, err := csv.NewReader(strings.NewReader(call("GET", "/"+id+"/batch/"+batch+"/result", "", ""))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][1] != "true" || !strings.HasPrefix(rows[2][3], "REQUIRED_FIELD_MISSING") {
		t.Errorf("%v %v", rows, err)
	}
	if got := call("POST", "", `<jobInfo><operation>insert</operation><object>Attachment</object><contentType>PDF</contentType></jobInfo>`, "application/xml"); !strings.Contains(got, "InvalidJob") {
		t.Errorf("%s", got)
	}
}
