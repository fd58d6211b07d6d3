package sim_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func upload() map[string]any { return map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a")} }

// Accidents come in pairs: it failed, and it failed but was done.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault  sim.Fault
		status int // 0: no answer
		stored int
	}{
		"answered with a status":  {sim.Fault{Object: "contentversion", Status: 503}, 503, 0},
		"delayed":                 {sim.Fault{Verb: sim.Delay, Wait: 1}, 201, 1},
		"cut before anything":     {sim.Fault{Verb: sim.Cut, Method: "post"}, 0, 0},
		"cut in the body":         {sim.Fault{Verb: sim.CutInBody, Bytes: 10, Path: "/services/data/*/sobjects/*"}, 0, 0},
		"done, answer lost":       {sim.Fault{Verb: sim.LoseAnswer}, 0, 1},
		"done, answer broken off": {sim.Fault{Verb: sim.Truncate}, 0, 1},
		"token expired":           {sim.Fault{Verb: sim.ExpireToken}, 401, 0},
		"of another object":       {sim.Fault{Object: "Account", Status: 503}, 201, 1},
		"of another path":         {sim.Fault{Path: "/services/oauth2", Status: 503}, 201, 1},
		"of another method":       {sim.Fault{Method: "GET", Status: 503}, 201, 1},
		"only after other calls":  {sim.After(1, 503), 201, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, sim.Demo())
			d.org.Fail(c.fault)
			got, err := d.try("POST", "/sobjects/ContentVersion", upload())
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("answered %d %s", got.status, got.body)
			case c.status != 0 && (err != nil || got.status != c.status):
				t.Errorf("%v %d %s", err, got.status, got.body)
			}
			if n := len(d.org.Files()); n != c.stored {
				t.Errorf("%d files, want %d", n, c.stored)
			}
			if log := d.org.Log(); len(log) != 1 || log[0].Path != v64+"/sobjects/ContentVersion" {
				t.Errorf("log %+v", log)
			}
		})
	}
}

func TestFaultsCount(t *testing.T) {
	d := open(t, sim.Demo())
	d.org.Fail(sim.Fault{Status: 503, After: 2, Times: 2})
	var got []int
	for range 6 {
		got = append(got, d.send("GET", "/limits", nil).status)
	}
	want := []int{200, 200, 503, 503, 200, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	d.org.Fail(sim.Fault{Status: 500, Times: -1})
	for range 3 {
		d.send("GET", "/limits", nil).refused(500, "UNKNOWN_EXCEPTION")
	}
	d.org.Heal()
	d.send("GET", "/limits", nil).want(200)
	if left := d.org.Faults(); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	conf := sim.Demo()
	d := open(t, conf)
	d.send("GET", "/sim/faults", nil).want(404)
	conf.Control = true
	d = open(t, conf)
	d.send("POST", "/sim/faults", `{"verb":"answer","status":503,"path":"/services/data"}`).want(200)
	d.send("POST", "/sim/faults", `[{"status":502}]`).want(200)
	d.send("POST", "/sim/faults", `nonsense`).want(400)
	d.send("GET", "/limits", nil).refused(503, "SERVER_UNAVAILABLE")
	d.send("DELETE", "/sim/faults", nil).want(200)
	d.send("GET", "/limits", nil).want(200)
	if got := d.send("GET", "/sim/log", nil); bytes.Count(got.body, []byte(`"path"`)) != 2 {
		t.Errorf("%s", got.body)
	}
	if _, _, err := d.org.Upload("a.txt", []byte("a")); err != nil {
		t.Fatal(err)
	}
	var files []sim.File
	if got := d.send("GET", "/sim/files", nil); json.Unmarshal(got.body, &files) != nil || len(files) != 1 || files[0].SHA256 != sha256.Sum256([]byte("a")) {
		t.Errorf("%s", got.body)
	}
	d.send("POST", "/sim/expire", nil).want(200)
	d.send("GET", "/limits", nil).refused(401, "INVALID_SESSION_ID")
}

func TestLogTellsWhatCame(t *testing.T) {
	d := open(t, sim.Demo())
	body := `{"Name":"a"}`
	d.send("POST", "/sobjects/Account?x=1", body, "X-Forwarded-For", "192.0.2.1").want(201)
	log := d.org.Log()
	line := log[len(log)-1]
	if line.Method != "POST" || line.Query != "x=1" || line.Status != 201 || line.User != "demo@example.com" || line.Size != int64(len(body)) ||
		line.SHA256 != sha256.Sum256([]byte(body)) || !line.Whole || line.Header["X-Forwarded-For"] != "192.0.2.1" || line.Header["Authorization"] != "" {
		t.Errorf("%+v", line)
	}
}

func TestChangesAreTold(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	conf := sim.Demo()
	conf.OnChange = func(c sim.Change) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, c.Kind+" "+c.Object)
	}
	d := open(t, conf)
	id := d.create("Account", map[string]any{"Name": "a"})
	d.send("PATCH", "/sobjects/Account/"+id, `{"Name":"b"}`).want(204)
	d.send("POST", "/sobjects/Account", `{}`).want(400)
	d.send("POST", "/composite/sobjects", `{"allOrNone":true,"records":[{"attributes":{"type":"Account"},"Name":"x"},{"attributes":{"type":"Account"}}]}`).want(200)
	d.send("DELETE", "/sobjects/Account/"+id, nil).want(204)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"CREATE Account", "UPDATE Account", "DELETE Account"}; len(seen) != 3 || seen[0] != want[0] || seen[1] != want[1] || seen[2] != want[2] {
		t.Errorf("%v", seen)
	}
}

func TestApexRESTIsTheOwners(t *testing.T) {
	conf := sim.Demo()
	conf.ApexREST = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Write(append([]byte(r.URL.Path+" "), text...))
	})
	d := open(t, conf)
	if got := d.send("POST", "/services/apexrest/intake/v1", "hello"); string(got.body) != "/services/apexrest/intake/v1 hello" {
		t.Errorf("%s", got.body)
	}
	d.token = "x"
	d.send("POST", "/services/apexrest/intake/v1", "hello").refused(401, "INVALID_SESSION_ID")
}

func TestManyAtOnce(t *testing.T) {
	d := open(t, sim.Demo())
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got, err := d.try("PATCH", "/sobjects/ContentVersion/Cordon_Key__c/one", map[string]any{"PathOnClient": "a.txt", "VersionData": b64("a")})
				if err == nil && got.status != 201 && got.status != 400 { // VersionData cannot be written twice
					err = errors.New(string(got.body))
				}
				if err == nil {
					_, err = d.try("GET", "/query?q=SELECT+Id,ContentDocument.Title+FROM+ContentVersion", nil)
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	if n := len(d.org.Files()); n != 1 {
		t.Errorf("%d files for one key", n)
	}
}
