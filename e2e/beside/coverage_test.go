package beside_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/coverage"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// counts has coverage counted, by the test and not by the clock.
func counts(c *app.Config) { c.Tenants[0].Coverage = app.CoverageConfig{Every: 24 * time.Hour} }

// law is the law of the clinic, at a time.
func (w *world) law(now time.Time) *coverage.Law {
	w.T.Helper()
	law, err := w.App.Coverage("clinic")
	if err != nil {
		w.T.Fatal(err)
	}
	c := law.Config
	c.Now = func() time.Time { return now }
	return coverage.New(c)
}

// on returns what is on record of each of the org's records, as the API lists it.
func (w *world) on() map[string]e2e.ItemJSON {
	out := map[string]e2e.ItemJSON{}
	for _, it := range w.Items("") {
		if it.UpstreamID != "" {
			out[it.UpstreamID] = it
		}
	}
	return out
}

// judged reports whether the verdict of an item rests on its content.
func judged(it e2e.ItemJSON) bool {
	v := it.Verdict
	return v != nil && v.Outcome != cordon.NotTested && !slices.ContainsFunc(v.Reasons, func(r cordon.Reason) bool {
		return r == cordon.ReasonGone || r == cordon.ReasonNotReadable || r == cordon.ReasonPassedUnscanned || r == cordon.ReasonDetectorSilent
	})
}

// TestCoverageIsTheTruth counts an org with a past, of which a part was looked at, and holds
// every day against what the generator wrote down and what the API says of each item: no file
// that the org gained is neither examined nor listed. The org fails again and again while it is
// counted, and the gateway is started anew in the middle.
func TestCoverageIsTheTruth(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { coverageIsTheTruth(t, app.DatabaseConfig{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		db := pgcluster.Start(t)
		coverageIsTheTruth(t, app.DatabaseConfig{URL: db.App, OwnerURL: db.Owner, WorkerURL: db.Worker, SequencerURL: db.Sequencer})
	})
}

func coverageIsTheTruth(t *testing.T, db app.DatabaseConfig) {
	w := newWorld(t, counts, func(c *app.Config) {
		c.Database, c.Tenants[0].Integrations = db, []string{"demo@example.com"}
	})
	const day = 24 * time.Hour
	// At noon, whenever it runs: a day is counted for good some minutes after its midnight.
	today := time.Now().UTC().Truncate(day)
	now := today.Add(day / 2)
	truth, err := sim.Generate(w.Org, sim.Population{Seed: 91, Files: 400, From: today.Add(-9 * day), To: today.Add(-time.Second),
		Content: func(n int) (string, []byte) { // of which the real detectors have something to say
			if n%8 == 0 {
				return "jpg", e2e.Media.Camera.Bytes
			}
			return "", nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.law(today.Add(-9 * day).Add(time.Hour)).Count(t.Context()); err != nil {
		t.Fatal(err) // the first day of all
	}
	backfill := func(from, to time.Duration) {
		b := w.startBackfill(desk.BackfillPlan{From: today.Add(from), To: today.Add(to)})
		w.Until("the backfill is done", func() bool { return w.backfill(b.Name).State == "done" })
	}
	backfill(-8*day-7*time.Hour, -5*day+3*time.Hour)

	w.Org.Fail(sim.Fault{Verb: sim.Answer, Path: "/services/data/*/queryAll", After: 9, Times: 6, Status: 503})
	for i := range 6 {
		w.Org.Fail(sim.Fault{Verb: []sim.Verb{sim.Answer, sim.Truncate, sim.Cut}[i%3], Path: "/services/data/*/queryAll", After: 2 * i, Status: 503})
	}
	for attempt := 0; ; attempt++ {
		if err = w.law(now).Count(t.Context()); err == nil {
			if attempt == 0 {
				t.Error("the org's failing was not noticed")
			}
			break
		}
		if attempt == 5 {
			t.Fatal(err)
		}
		w.Restart() // and it goes on with the day that it had come to
	}
	if left := w.Org.Faults(); len(left) > 0 {
		t.Errorf("the org was to fail more: %+v", left)
	}
	w.matchesTruth(truth, today, now)
	if a, _ := w.law(now).Alarm(t.Context()); a == nil || a.Cause != desk.CoverageBelowFloor {
		t.Errorf("most was not looked at, and the alarm is %+v", a)
	}
	var metrics []byte
	if w.API("GET", "/metrics", nil, &metrics); !strings.Contains(string(metrics), `cordon_coverage_alarm{tenant="clinic"} 1`) ||
		!strings.Contains(string(metrics), `cordon_coverage_share{day="full",tenant="clinic"} 0`) {
		t.Error("the metrics say nothing of the alarm")
	}

	// What is looked at later counts from then on. What no check covers stays uncovered.
	backfill(-9*day, day)
	later := now.Add(day)
	if err := w.law(later).Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.matchesTruth(truth, today, later)
}

// matchesTruth compares both ways to ask with the truth.
func (w *world) matchesTruth(truth sim.Truth, today, now time.Time) {
	w.T.Helper()
	on, first := w.on(), today.Add(-9*24*time.Hour)
	for _, fresh := range []bool{false, true} {
		c, err := w.law(now).Coverage(w.T.Context(), desk.CoverageQuery{From: first, To: today.Add(24 * time.Hour), Limit: 2000, Fresh: fresh})
		if err != nil {
			w.T.Fatal(err)
		}
		var want desk.CoverageCount
		days, missed := map[time.Time]desk.CoverageCount{}, map[string]cordon.Reason{}
		channels := map[string]string{}
		for _, m := range truth.Files {
			channels[m.ID] = m.Channel
			n := desk.CoverageCount{Gained: 1}
			switch it, recorded := on[m.ID]; {
			case recorded && judged(it):
				n.Examined = 1
				if it.Verdict.Partly() {
					n.Partly = 1
				}
			case recorded:
				n.Tried, missed[m.ID] = 1, "tried"
			default:
				missed[m.ID] = ""
			}
			want.Add(n)
			d := days[m.CreatedAt.Truncate(24*time.Hour)]
			d.Add(n)
			days[m.CreatedAt.Truncate(24*time.Hour)] = d
		}
		if want.Examined == 0 || want.Tried == 0 || c.CoverageCount != want {
			w.T.Errorf("fresh %v: counted %+v, the truth is %+v", fresh, c.CoverageCount, want)
		}
		for _, d := range c.Days {
			if d.CoverageCount != days[d.Day] || d.Final != d.Day.Before(now.Truncate(24*time.Hour)) {
				w.T.Errorf("fresh %v: %s is counted as %+v, the truth is %+v", fresh, d.Day, d, days[d.Day])
			}
			delete(days, d.Day)
		}
		if len(days) > 0 {
			w.T.Errorf("fresh %v: days that were not counted: %v", fresh, days)
		}
		if c.More != 0 || len(c.Unexamined) != len(missed) {
			w.T.Errorf("fresh %v: %d are listed and %d more, the truth is %d", fresh, len(c.Unexamined), c.More, len(missed))
		}
		for _, u := range c.Unexamined {
			why, there := missed[u.ID]
			delete(missed, u.ID)
			if !there || (why == "") != (u.Why == "") || string(u.Channel) != channels[u.ID] {
				w.T.Errorf("fresh %v: listed is %+v, the truth is %v %q", fresh, u, there, why)
			}
		}
		for id := range missed {
			w.T.Errorf("fresh %v: %s is neither examined nor listed", fresh, id)
		}
		w.T.Logf("fresh %v: %+v over %d days", fresh, c.CoverageCount, len(c.Days))
	}
}

// TestCoverageOfEachWayIn: what came through the gateway is known with its route and client,
// what came past it and was polled is known, and what came past while nobody polled, or was
// written over or deleted since, is listed. A held file stands for itself where its placeholder is.
func TestCoverageOfEachWayIn(t *testing.T) {
	w := newWorld(t, counts, func(c *app.Config) {
		c.Tenants[0].Routes = []cordon.Route{{Name: "portal", Channel: cordon.ChannelPortal, WhenHeld: cordon.AnswerStage, Match: []cordon.Match{{}}}}
	})
	now := time.Now()
	resp, err := http.PostForm(w.Gateway+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo"}})
	if err != nil {
		t.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&token)
	resp.Body.Close()
	if err != nil || token.AccessToken == "" {
		t.Fatal("no token through the gateway: ", err)
	}
	w.Caller = token.AccessToken
	through, err := w.UploadJSON("through", "through.jpg", e2e.Media.Camera.Bytes)
	if err != nil || through.Status != 201 {
		t.Fatalf("%+v, %v", through, err)
	}
	held, err := w.UploadJSON("held", "held.jpg", e2e.Media.Generated.Bytes)
	if err != nil || held.Status != 201 {
		t.Fatalf("%+v, %v", held, err)
	}
	// Polling begins when the placeholder is on record: a poll between the two takes it for
	// somebody else's file.
	w.Stop()
	w.Conf.Tenants[0].Poll = 20 * time.Millisecond
	w.Start()
	upload := func(name string, data []byte) string {
		id, _, err := w.Org.Upload(name, data)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	polled := upload("polled.jpg", e2e.Media.Camera.Bytes)
	text := upload("polled.txt", []byte("a text that no check covers"))
	w.Until("what came past is observed", func() bool { on := w.on(); return on[polled].State != "" && on[text].State != "" })

	w.Stop()
	w.Conf.Tenants[0].Poll = 0
	w.Start()
	missed := upload("missed.jpg", e2e.Media.Camera.Bytes)
	deleted, document, err := w.Org.Upload("deleted.jpg", e2e.Media.Camera.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	w.remove("ContentDocument", document)
	attachment, err := w.Org.Create("demo@example.com", "Case", map[string]any{"Subject": "Claim"})
	if err == nil {
		attachment, err = w.Org.Create("demo@example.com", "Attachment", map[string]any{"Name": "a.jpg", "ParentId": attachment, "Body": base64.StdEncoding.EncodeToString(e2e.Media.Camera.Bytes)})
	}
	if err != nil {
		t.Fatal(err)
	}

	if err := w.law(time.Now()).Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	var body struct {
		Gained, Examined, Tried, More int
		Parts                         []struct {
			Channel, Client  string
			Gained, Examined int
		}
		Unexamined []struct{ ID, Why, Creator string }
	}
	if s := w.API("GET", "/v1/coverage?from="+now.UTC().Format(time.DateOnly), nil, &body); s != 200 {
		t.Fatalf("status %d", s)
	}
	if body.Gained != 7 || body.Examined != 3 || body.Tried != 1 || body.More != 0 {
		t.Errorf("%+v", body)
	}
	got := map[string]string{}
	for _, u := range body.Unexamined {
		got[u.ID] = u.Why
		if u.Creator == "" {
			t.Errorf("nobody made %s", u.ID)
		}
	}
	if len(got) != 4 || got[text] != "not-covered" {
		t.Errorf("listed are %v", got)
	}
	for _, id := range []string{missed, deleted, attachment} {
		if why, listed := got[id]; !listed || why != "" {
			t.Errorf("%s: listed %v, why %q", id, listed, why)
		}
	}
	byClient := 0
	for _, p := range body.Parts {
		if p.Channel == "portal" && p.Client == "demo" {
			byClient += p.Examined
		}
	}
	if byClient != 2 {
		t.Errorf("through the gateway came: %+v", body.Parts)
	}
	var metrics []byte
	w.API("GET", "/metrics", nil, &metrics)
	for _, line := range []string{`cordon_coverage_gained{day="today",tenant="clinic"} 7`, `cordon_coverage_examined{day="today",tenant="clinic"} 3`,
		`cordon_coverage_unexamined{day="today",tenant="clinic"} 4`, `cordon_coverage_alarm{tenant="clinic"} 0`} {
		if !strings.Contains(string(metrics), line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	// Nothing of it stands at rest in clear.
	for _, secret := range []string{missed, deleted, w.Org.UserID("demo@example.com")} {
		w.notAtRest(secret)
	}
}

// remove puts a record of the org into its recycle bin.
func (w *world) remove(object, id string) {
	w.T.Helper()
	req, err := http.NewRequest("DELETE", w.OrgURL+"/services/data/v64.0/sobjects/"+object+"/"+id, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Org.Token("admin@example.com"))
	if a, err := w.Do(req); err != nil || a.Status != http.StatusNoContent {
		w.T.Fatalf("delete %s: %d %s %v", id, a.Status, a.Body, err)
	}
}

// notAtRest checks that a text stands in no file of the data folder.
func (w *world) notAtRest(text string) {
	w.T.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(w.Dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if files++; bytes.Contains(b, []byte(text)) {
			w.T.Errorf("%s can be read in %s", text, path)
		}
		return err
	})
	if err != nil || files == 0 {
		w.T.Errorf("%d files were read, %v", files, err)
	}
}

// What runs by itself counts, and a tenant without it is unknown.
func TestCoverageRuns(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Coverage = app.CoverageConfig{Every: 20 * time.Millisecond} })
	var body struct {
		AsOf   *time.Time `json:"as_of"`
		Gained int
	}
	if _, _, err := w.Org.Upload("past.png", e2e.Media.Camera.Bytes); err != nil {
		t.Fatal(err)
	}
	w.Until("it is counted", func() bool {
		w.API("GET", "/v1/coverage", nil, &body)
		return body.AsOf != nil && body.Gained == 1
	})
	off := newWorld(t)
	if off.API("GET", "/v1/coverage", nil, &body); body.AsOf != nil {
		t.Errorf("%+v", body)
	}
	if _, err := off.App.Coverage("clinic"); err == nil {
		t.Error("it is off, and there is a law")
	}
}
