package conformance

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// rewriting returns a handler that changes the answers of an org. change gets the request and
// the body of its answer, decompressed, and may set a status by changing the recorder's code.
func rewriting(change func(r *http.Request, a *httptest.ResponseRecorder) []byte) func(http.Handler) http.Handler {
	return func(org http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Accept-Encoding")
			a := httptest.NewRecorder()
			org.ServeHTTP(a, r)
			body := change(r, a)
			for k, v := range a.Header() {
				w.Header()[k] = v
			}
			w.Header().Del("Content-Length")
			w.WriteHeader(a.Code)
			if a.Code != http.StatusNoContent {
				w.Write(body)
			}
		})
	}
}

// kinds counts differences by kind and path.
func kinds(list []Difference) map[string]int {
	m := map[string]int{}
	for _, d := range list {
		m[d.Kind+" "+d.Path]++
	}
	return m
}

// state finds the result of a script.
func (r *Report) state(name string) Result {
	for _, s := range r.Scripts {
		if s.Name == name {
			return s
		}
	}
	return Result{}
}

// What an org lacks, words or types differently is listed where it is, and nothing else is.
func TestForeignOrgs(t *testing.T) {
	replacing := func(path, from, to string) func(http.Handler) http.Handler {
		return rewriting(func(r *http.Request, a *httptest.ResponseRecorder) []byte {
			if !strings.Contains(r.URL.Path, path) {
				return a.Body.Bytes()
			}
			return bytes.ReplaceAll(a.Body.Bytes(), []byte(from), []byte(to))
		})
	}
	for name, c := range map[string]struct {
		conf  func(*sim.Config)
		wrap  func(http.Handler) http.Handler
		fault []sim.Fault
		want  []Difference      // without the step, where it does not matter
		state map[string]string // of scripts that are not the same
		check func(*testing.T, *Report)
	}{
		"another field type": {wrap: replacing("ContentVersion/describe", `"name":"Checksum"`, `"name":"Checksun"`),
			want: []Difference{
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].createable", Kind: Less, Org: "absent", Sim: "false"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].filterable", Kind: Less, Org: "absent", Sim: "true"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].groupable", Kind: Less, Org: "absent", Sim: "true"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].nillable", Kind: Less, Org: "absent", Sim: "true"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].polymorphicForeignKey", Kind: Less, Org: "absent", Sim: "false"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].relationshipName", Kind: Less, Org: "absent", Sim: "null"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].soapType", Kind: Less, Org: "absent", Sim: `"xsd:string"`},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].sortable", Kind: Less, Org: "absent", Sim: "true"},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].type", Kind: Less, Org: "absent", Sim: `"string"`, Want: `"string"`},
				{Script: "describe-ContentVersion", Path: ".fields[Checksum].updateable", Kind: Less, Org: "absent", Sim: "false"},
			},
			state: map[string]string{"describe-ContentVersion": Differs}},
		"another wording": {wrap: replacing("", "duplicate value found", "das gibt es schon"),
			want:  []Difference{{Script: "content-link", Path: "[0].message", Kind: Wording, Org: "text of 74 characters", Sim: `"duplicate value found: <unknown> duplicates value on record with id: <unknown>"`, Want: ""}},
			state: map[string]string{"content-link": Differs}},
		"another code": {wrap: replacing("", "MALFORMED_ID", "INVALID_ID_FIELD"),
			want: []Difference{{Script: "errors-record", Path: "[0].errorCode", Kind: Other, Org: `"INVALID_ID_FIELD"`, Sim: `"MALFORMED_ID"`, Want: `"MALFORMED_ID"`},
				{Script: "errors-record", Path: "[0].errorCode", Kind: Other, Org: `"INVALID_ID_FIELD"`, Sim: `"MALFORMED_ID"`, Want: `"MALFORMED_ID" | "FIELD_INTEGRITY_EXCEPTION"`},
				{Script: "errors-path", Path: "[0].errorCode", Kind: Other, Org: `"INVALID_ID_FIELD"`, Sim: `"MALFORMED_ID"`, Want: `"MALFORMED_ID"`}},
			state: map[string]string{"errors-record": Differs, "errors-path": Differs}},
		"another digest": {wrap: replacing("/query", sum(png), "0123"),
			want: []Difference{{Script: "content-version-json", Path: ".records[0].Checksum", Kind: Other, Org: "text of 4 characters", Sim: `"` + sum(png) + `"`, Want: `"` + sum(png) + `"`},
				{Script: "content-version-multipart", Path: ".records[0].Checksum", Kind: Other, Org: "text of 4 characters", Sim: `"` + sum(png) + `"`, Want: `"` + sum(png) + `"`}},
			state: map[string]string{"content-version-json": Differs, "content-version-multipart": Differs}},
		"times in another form": {wrap: replacing("/query", `+0000"`, `"`), check: func(t *testing.T, r *Report) {
			if len(r.Differences) < 5 {
				t.Errorf("%+v", r.Differences)
			}
			for _, d := range r.Differences {
				if d.Org != "time 2006-01-02T15:04:05.000" && d.Script != "order" {
					t.Errorf("%+v", d)
				}
			}
		}},
		"no package": {conf: func(c *sim.Config) { c.CordonPackage = false }, state: map[string]string{"cordon-key": Absent}},
		"busy once": {fault: []sim.Fault{{Verb: sim.Answer, Method: "POST", Object: "ContentVersion", Status: 503}},
			want:  []Difference{{Script: "content-version-json", Path: "status", Kind: Unavailable, Org: "503 SERVER_UNAVAILABLE", Sim: "201", Want: "201"}},
			state: map[string]string{"content-version-json": Stopped}},
		"an answer that is lost": {fault: []sim.Fault{{Verb: sim.LoseAnswer, Method: "POST", Object: "Attachment"}},
			want:  []Difference{{Script: "attachment", Path: "status", Kind: Unavailable, Org: "the org did not answer", Sim: "201", Want: "201"}},
			state: map[string]string{"attachment": Stopped}},
		"slow": {fault: []sim.Fault{{Verb: sim.Delay, Times: 20, Wait: 5 * time.Millisecond}}},
		"busy while cleaning up": {fault: []sim.Fault{{Verb: sim.Answer, Method: "GET", Path: "/services/data/v64.0/queryall", After: 6, Status: 503},
			{Verb: sim.Cut, Method: "POST", Path: "/services/Soap/u/64.0", After: 2}}},
		"no right to create files": {conf: func(c *sim.Config) {
			i := slices.IndexFunc(c.Users, func(u sim.User) bool { return u.Username == "nofiles@example.com" })
			c.Users[0], c.Users[i] = c.Users[i], c.Users[0]
		}, check: func(t *testing.T, r *Report) {
			for _, name := range []string{"content-version-json", "content-new-version", "attachment", "document", "aggregate"} {
				if s := r.state(name); s.State != Stopped || s.At != "create" {
					t.Errorf("%+v", s)
				}
			}
			for _, name := range []string{"sign-in", "recycle-bin", "bulk", "order", "errors-path"} {
				if s := r.state(name); s.State != Same {
					t.Errorf("%+v", s)
				}
			}
			d := Difference{Script: "content-version-json", Step: "create", Path: "status", Kind: Other, Org: "400 CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Sim: "201", Want: "201"}
			if !slices.Contains(r.Differences, d) {
				t.Errorf("%+v", kinds(r.Differences))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			conf := sim.Demo()
			if c.conf != nil {
				c.conf(&conf)
			}
			w := open(t, conf, c.wrap)
			w.run.Scripts = slices.DeleteFunc(w.run.Scripts, func(s Script) bool { return s.Name == "pages" }) // the longest by far
			before := w.counts()
			w.org.Fail(c.fault...)
			report := w.do()
			if c.check != nil {
				c.check(t, report)
			} else {
				for _, s := range report.Scripts {
					if want := c.state[s.Name]; s.State != want && (want != "" || s.State != Same) {
						t.Errorf("%s is %s at %q, want %s", s.Name, s.State, s.At, want)
					}
				}
				got := slices.Clone(report.Differences)
				for i := range got {
					got[i].Step = ""
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("differences\n got: %+v\nwant: %+v", got, c.want)
				}
			}
			if !report.Removal.Clean() {
				t.Errorf("%+v\n%s", report.Removal, w.notes.String())
			}
			if after := w.counts(); after != before {
				t.Errorf("the org is not as it was:\n%s\n%s", before, after)
			}
		})
	}
}

// An org that looks like production is refused before anything is made, and is told what
// forcing it would do.
func TestProductionIsRefused(t *testing.T) {
	production := func(trial string) func(http.Handler) http.Handler {
		return rewriting(func(r *http.Request, a *httptest.ResponseRecorder) []byte {
			b := bytes.ReplaceAll(a.Body.Bytes(), []byte(`"IsSandbox":true`), []byte(`"IsSandbox":false`))
			return bytes.ReplaceAll(b, []byte(`"TrialExpirationDate":null`), []byte(`"TrialExpirationDate":`+trial))
		})
	}
	w := open(t, sim.Demo(), production("null"))
	w.only("attachment")
	_, err := w.run.Do(t.Context())
	if !errors.Is(err, cordon.ErrForbidden) || !strings.Contains(err.Error(), "--force-production it would make up to 4 records in 8 calls") {
		t.Fatalf("%v", err)
	}
	for _, line := range w.org.Log() {
		if line.Method != http.MethodGet {
			t.Errorf("%s %s", line.Method, line.Path)
		}
	}
	w.run.ForceProduction = true
	if r := w.do(); r.Kind != "production" || r.state("attachment").State != Same {
		t.Errorf("%+v", r)
	}
	w = open(t, sim.Demo(), production(`"2027-01-01T00:00:00.000+0000"`))
	w.only("limits")
	if r := w.do(); r.Kind != "trial" {
		t.Errorf("%+v", r)
	}
	w = open(t, sim.Demo(), rewriting(func(r *http.Request, a *httptest.ResponseRecorder) []byte {
		if strings.Contains(r.URL.RawQuery, "Organization") {
			a.Code = 400
			return []byte(`[{"message":"no","errorCode":"INVALID_TYPE"}]`)
		}
		return a.Body.Bytes()
	}))
	if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrForbidden) || !strings.Contains(err.Error(), "400 INVALID_TYPE") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsRefusedAtTheStart(t *testing.T) {
	w := open(t, sim.Demo(), nil)
	w.run.Org.Version = "43.0"
	if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrInvalid) || !strings.Contains(err.Error(), "--api-version") {
		t.Errorf("%v", err)
	}
	w.run.Org.Version, w.run.Budget = "64.0", 10
	if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrInvalid) || !strings.Contains(err.Error(), "too small") {
		t.Errorf("%v", err)
	}
	w.run.Budget = 0
	w.run.Org.Token = "wrong"
	if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrForbidden) || strings.Contains(err.Error(), "wrong ") {
		t.Errorf("%v", err)
	}
	conf := sim.Demo()
	conf.APILimit = 300
	w = open(t, conf, nil)
	if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrBusy) || !strings.Contains(err.Error(), "298 API calls left") {
		t.Errorf("%v", err)
	}
	if _, err := Find([]string{"content-*", "nothing"}); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if found, err := Find([]string{"content-*"}); err != nil || len(found) != 7 {
		t.Errorf("%d %v", len(found), err)
	}
}

// Another version of the API is compared with the simulator's of that version.
func TestAnotherVersion(t *testing.T) {
	w := open(t, sim.Demo(), nil)
	w.run.Org.Version, w.run.Simulator.Version = "60.0", "60.0"
	if r := w.do(); len(r.Differences) != 0 || r.Version != "60.0" {
		t.Errorf("%+v", r.Differences)
	}
}

// counts says how many records of each object there are, the recycle bin included, and how many
// bulk jobs.
func (w *world) counts() string {
	w.Helper()
	var out strings.Builder
	ask := func(path, count string) string {
		r := httptest.NewRequest(http.MethodGet, "/services/data/v64.0/"+path, nil)
		r.Header.Set("Authorization", "Bearer "+w.org.Token("admin@example.com"))
		a := httptest.NewRecorder()
		w.org.Handler().ServeHTTP(a, r)
		if a.Code != 200 {
			w.Fatalf("%d %s", a.Code, a.Body)
		}
		return strings.Join(at(a.Body.Bytes(), count), " ")
	}
	for _, object := range []string{"Account", "Contact", "Case", "Attachment", "Document", "ContentDocument", "ContentVersion", "User"} {
		out.WriteString(object + " " + ask("queryAll?q=SELECT+COUNT()+FROM+"+object, ".totalSize") + "\n")
	}
	return out.String() + "jobs " + ask("jobs/ingest", ".records[*].id") + "\n"
}
