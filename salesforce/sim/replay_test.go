package sim_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// What real clients sent, byte for byte but for the token and for ids that must exist.
func TestReplayOfCapturedTraffic(t *testing.T) {
	dir := mediatest.Corpus(t, "salesforce/requests")
	want := map[string]struct {
		status int
		in     string // what the answer must contain
	}{
		"go-salesforce-composite-wrapping-collections": {200, `"httpStatusCode":200`},
		"go-salesforce-contentversion":                 {201, `"success":true`},
		"jsforce-attachment-base64":                    {201, `"id":"00P`},
		"jsforce-bulk1-job-xml":                        {201, `<state>Open</state>`},
		"jsforce-bulk2-close-job":                      {200, `"state":"UploadComplete"`},
		"jsforce-bulk2-create-job":                     {200, `"id":"750`},
		"jsforce-bulk2-csv":                            {201, ``},
		"jsforce-composite":                            {200, `"referenceId":"newCV"`},
		"jsforce-contentdocumentlink":                  {201, `"id":"06A`},
		"jsforce-contentversion-base64":                {201, `"id":"068`},
		"jsforce-delete-contentdocument":               {204, ``},
		"jsforce-oauth-password":                       {200, `"access_token"`},
		"jsforce-platform-event-publish":               {201, `OPERATION_ENQUEUED`},
		"jsforce-psa-expiration":                       {201, `"id":"0Pa`},
		"jsforce-richtext-data-uri":                    {204, ``},
		"jsforce-soap-login":                           {200, `<serverUrl>http://`},
		"jsforce-sobject-collections":                  {200, `"id":"068`},
		"jsforce-tree-nested-attachment":               {201, `"hasErrors":false`},
		"sfcli-contentversion-multipart":               {201, `"id":"068`},
		"simple-salesforce-contentversion":             {201, `"id": "068`},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests in %s: %v", dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".http")
		t.Run(name, func(t *testing.T) {
			expected, known := want[name]
			if !known {
				t.Fatal("a capture that nobody said the outcome of")
			}
			conf := sim.Demo()
			conf.Schema = "event Auth_Alert__e e01\n  Verdict__c string 255\n  File_Id__c string 18\n"
			conf.Users = append(conf.Users, sim.User{Username: "u@example.com", Password: "pw", LastName: "U", Profile: conf.Users[0].Profile})
			conf.Clients = append(conf.Clients, sim.Client{ID: "cid", Secret: "sec"})
			d := open(t, conf)
			version, doc, err := d.org.Upload("a.txt", []byte("a"))
			if err != nil {
				t.Fatal(err)
			}
			job := d.send("POST", "/jobs/ingest", map[string]any{"object": "ContentVersion", "operation": "insert"}).want(200)["id"].(string)
			if name == "jsforce-bulk2-close-job" {
				d.send("PUT", "/jobs/ingest/"+job+"/batches", "Title,PathOnClient,VersionData\na,a.txt,QQ==\n", "Content-Type", "text/csv").want(201)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			ids := strings.NewReplacer("500xx000000bZzZAAU", d.create("Case", map[string]any{"Subject": "s"}), "069xx0000000001AAA", doc,
				"068xx0000000001AAA", version, "750000000000015AAA", job, "005xx000001SwiUAAS", d.org.UserID("u@example.com"),
				"0PSxx0000000001AAA", d.create("PermissionSet", map[string]any{"Name": "p", "Label": "p"}))
			body = []byte(ids.Replace(string(body)))
			headers := []string{}
			for k := range r.Header {
				if k != "Content-Length" && k != "X-Captured-Transfer-Encoding" {
					headers = append(headers, k, strings.ReplaceAll(strings.ReplaceAll(r.Header.Get(k), "00Dxx0000001gER!REDACTED", d.token), "REDACTED", d.token))
				}
			}
			headers = append(headers, "Accept-Encoding", "identity")
			var in io.Reader = bytes.NewReader(body)
			if r.Header.Get("X-Captured-Transfer-Encoding") == "chunked" {
				in = struct{ io.Reader }{in} // its length unknown, the client sends it in chunks
			}
			got := d.send(r.Method, ids.Replace(r.URL.Path), in, headers...)
			if got.status != expected.status || !bytes.Contains(got.body, []byte(expected.in)) {
				t.Fatalf("%d, want %d with %q: %s", got.status, expected.status, expected.in, got.body)
			}
			if name == "jsforce-composite" {
				var answer struct {
					CompositeResponse []struct{ HTTPStatusCode int }
				}
				if err := json.Unmarshal(got.body, &answer); err != nil {
					t.Fatal(err)
				}
				for _, one := range answer.CompositeResponse {
					if one.HTTPStatusCode >= 300 {
						t.Errorf("%s", got.body)
					}
				}
			}
		})
	}
}
