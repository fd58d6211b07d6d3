package beside_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// alertJSON is an alert as the API gives it.
type alertJSON struct {
	ID                                 cordon.ID
	State, What, By                    string
	Count, Further, Elsewhere, Missing int
	Untold                             bool
	Picture                            bool  `json:"rich_text_picture"`
	Calls                              int64 `json:"api_calls"`
	Items                              []alertItemJSON
	Around                             []listJSON
	Personal                           *struct{ Named, Note string }
}

type listJSON struct {
	Relation string
	Complete bool
	More     int
	Files    []struct {
		UpstreamID string `json:"upstream_id"`
		Item       *e2e.ItemJSON
	}
}

type alertItemJSON struct {
	Item   e2e.ItemJSON
	Copies []e2e.ItemJSON
	Known  bool `json:"copies_known"`
}

// around are the ids of a list of neighbours, those on record marked.
func (a alertJSON) around(relation string) map[string]bool {
	out := map[string]bool{}
	for _, list := range a.Around {
		for _, f := range list.Files {
			if list.Relation == relation {
				out[f.UpstreamID] = f.Item != nil
			}
		}
	}
	return out
}

func (a alertJSON) ids() (ids []string) {
	for _, it := range a.Items {
		ids = append(ids, it.Item.UpstreamID)
	}
	slices.Sort(ids)
	return ids
}

// report sends a report and waits for its answer.
func (w *world) report(body map[string]any) (alertJSON, int) {
	w.T.Helper()
	var a alertJSON
	status := w.API("POST", "/v1/alerts", body, &a)
	if status < 300 {
		w.Until("the alert is answered", func() bool {
			return a.State == "answered" || w.API("GET", "/v1/alerts/"+string(a.ID), nil, &a) == http.StatusOK && a.State == "answered"
		})
	}
	return a, status
}

// ward is a case with a version, an e-mail and what hangs on both.
type ward struct {
	caseID, mail                       string
	version, document, second          string // two versions of one document on the case
	attachment, mailAttachment, folder string
}

func (w *world) create(object string, values map[string]any) string {
	w.T.Helper()
	id, err := w.Org.Create("admin@example.com", object, values)
	if err != nil {
		w.T.Fatal(err)
	}
	return id
}

// put uploads a file to a record, as a page of the CRM does, and returns version and document.
func (w *world) put(name, record, text string, more ...string) (version, document string) {
	w.T.Helper()
	values := map[string]any{"PathOnClient": name, "VersionData": base64.StdEncoding.EncodeToString([]byte(text)), "FirstPublishLocationId": record}
	if len(more) > 0 {
		delete(values, "FirstPublishLocationId")
		values["ContentDocumentId"] = more[0]
	}
	version = w.create("ContentVersion", values)
	for _, f := range w.Org.Files() {
		if f.ID == version {
			document = f.DocumentID
		}
	}
	return version, document
}

func (w *world) ward() (o ward) {
	o.caseID = w.create("Case", map[string]any{"Subject": "a wound"})
	o.mail = w.create("EmailMessage", map[string]any{"ParentId": o.caseID, "Subject": "photo"})
	o.version, o.document = w.put("wound.txt", o.caseID, "a text about a wound")
	o.second, _ = w.put("wound-2.txt", "", "a later text about a wound", o.document)
	body := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	o.attachment = w.create("Attachment", map[string]any{"ParentId": o.caseID, "Name": "referral.txt", "Body": body("a referral")})
	o.mailAttachment = w.create("Attachment", map[string]any{"ParentId": o.mail, "Name": "mail.txt", "Body": body("came by mail")})
	for _, f := range w.upstreamRows("SELECT Id FROM Folder") {
		o.folder = w.create("Document", map[string]any{"FolderId": f, "Name": "logo.txt", "Body": body("a logo")})
	}
	return o
}

// upstreamRows returns the ids that a query of the org's administrator finds.
func (w *world) upstreamRows(soql string) (ids []string) {
	w.T.Helper()
	var page struct{ Records []struct{ ID string } }
	w.rest("GET", "/query?q="+strings.ReplaceAll(soql, " ", "+"), &page)
	for _, r := range page.Records {
		ids = append(ids, r.ID)
	}
	return ids
}

// rest calls the org past the gateway, as its administrator.
func (w *world) rest(method, path string, out any) {
	w.T.Helper()
	req, err := http.NewRequest(method, w.OrgURL+"/services/data/v64.0"+path, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Org.Token("admin@example.com"))
	a, err := w.Do(req)
	if err != nil || a.Status > 299 {
		w.T.Fatalf("%s %s: %d %s, %v", method, path, a.Status, a.Body, err)
	}
	if out != nil {
		if err := json.Unmarshal(a.Body, out); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Every kind of link that people paste leads to the files it means, and each of them is
// looked at.
func TestReportedLinks(t *testing.T) {
	e2e.Engines(t, func(t *testing.T, db app.DatabaseConfig) {
		w := newWorld(t, func(c *app.Config) { c.Database, c.Tenants[0].Sites = db, []string{"portal.clinic.example"} })
		o := w.ward()
		public := w.create("ContentDistribution", map[string]any{"Name": "public", "ContentVersionId": o.version})
		all := []string{o.second, o.attachment, o.mailAttachment}
		slices.Sort(all)
		for link, want := range map[string][]string{
			o.document:     {o.second},
			o.version[:15]: {o.version},
			o.attachment:   {o.attachment},
			o.folder:       {o.folder},
			o.caseID:       all,
			o.mail:         {o.mailAttachment},
			public:         {o.version},
			w.OrgURL + "/lightning/r/ContentDocument/" + o.document + "/view":                                          {o.second},
			w.OrgURL + "/lightning/r/Case/" + o.caseID + "/view":                                                       all,
			w.OrgURL + "/sfc/servlet.shepherd/version/download/" + o.version:                                           {o.version},
			w.OrgURL + "/sfc/servlet.shepherd/document/download/" + o.document + "?operationContext=S1":                {o.second},
			w.OrgURL + "/sfc/servlet.shepherd/version/renditionDownload?rendition=ORIGINAL_Png&versionId=" + o.version: {o.version},
			w.OrgURL + "/" + o.attachment[:15]:                                                                         {o.attachment},
			w.OrgURL + "/servlet/servlet.FileDownload?file=" + o.attachment:                                            {o.attachment},
			w.OrgURL + "/services/data/v64.0/sobjects/ContentVersion/" + o.version + "/VersionData":                    {o.version},
			w.OrgURL + "/sfc/p/#" + public[:15]:                                                                        {o.version},
			"https://portal.clinic.example/s/contentdocument/" + o.document:                                            {o.second},
			"https://portal.clinic.example/s/case/" + o.caseID + "/wound":                                              all,
			w.Gateway + "/" + o.document:                                                                               {o.second},
			w.OrgURL + "/servlet/rtaImage?eid=" + o.caseID + "&feoid=00N5g000000AbCd&refid=0EM5g000000AbCdGAK":         all,
		} {
			a, status := w.report(map[string]any{"url": link})
			if !strings.Contains(link, "/") {
				a, status = w.report(map[string]any{"id": link})
			}
			if status != http.StatusOK || !slices.Equal(a.ids(), want) || a.Missing > 0 || a.Untold || a.Picture != strings.Contains(link, "refid") {
				t.Errorf("%s: %d, %v (%+v); want %v", link, status, a.ids(), a, want)
			}
			for _, it := range a.Items {
				if it.Item.State != cordon.Kept || it.Item.Verdict == nil || !it.Known {
					t.Errorf("%s: %+v", link, it)
				}
			}
		}
		if a, _ := w.report(map[string]any{"id": o.document, "versions": true}); len(a.Items) != 2 {
			t.Errorf("versions: %+v", a)
		}
		if n := len(w.Items("")); n != 5 {
			t.Errorf("%d items are on record; each file is observed once", n)
		}
		var page struct{ Alerts []alertJSON }
		if w.API("GET", "/v1/alerts?limit=200", nil, &page); len(page.Alerts) < 20 || page.Alerts[0].Items != nil {
			t.Errorf("%d alerts are listed", len(page.Alerts))
		}
	})
}

// Nothing is asked anywhere because of a link to another place, and what names nothing leaves
// no record; what the org does not show leaves one that says so.
func TestReportedNothing(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Hosts = []string{"crm.clinic.example"} })
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a foreign host was called") }))
	defer foreign.Close()
	version, document := w.put("gone.txt", w.create("Case", nil), "soon gone")
	user := w.Org.UserID("demo@example.com")
	for _, link := range []string{foreign.URL + "/" + version, "https://evil.my.salesforce.com/" + version, w.OrgURL + "@evil.example/" + version,
		"the photo", "", user, w.OrgURL + "/" + user, w.OrgURL + "/lightning/page/home", version + "' OR Id != '", strings.Repeat("0685g", 2000)} {
		if a, status := w.report(map[string]any{"url": link}); status != http.StatusBadRequest {
			t.Errorf("%.60s: %d %+v", link, status, a)
		}
	}
	for _, body := range []map[string]any{{}, {"id": version, "url": version}, {"id": version, "note": strings.Repeat("x", 3000)}, {"id": version, "colour": "red"},
		{"id": version, "source": "A Tool of Anna's"}, {"id": version, "external_id": "ü"}} {
		if _, status := w.report(body); status != http.StatusBadRequest {
			t.Errorf("%v: %d", body, status)
		}
	}
	if n := len(w.Org.Log()); n > 0 && slices.ContainsFunc(w.Org.Log(), func(l sim.Logged) bool { return strings.Contains(l.Path, "/query") }) {
		t.Errorf("the org was asked %d times", n)
	}
	var page struct{ Alerts []alertJSON }
	if w.API("GET", "/v1/alerts", nil, &page); len(page.Alerts) != 0 {
		t.Errorf("on record: %+v", page.Alerts)
	}

	// No such file: an alert with nothing behind it.
	a, status := w.report(map[string]any{"id": "068000000000ZZZ"})
	if status != http.StatusOK || a.Missing != 1 || a.Count != 0 || a.Personal == nil || a.Personal.Named != "068000000000ZZZ" {
		t.Errorf("no such file: %d %+v", status, a)
	}
	// Deleted: it was there, and that is on record.
	w.rest("DELETE", "/sobjects/ContentDocument/"+document, nil)
	a, _ = w.report(map[string]any{"id": version, "note": "look at this"})
	if len(a.Items) != 1 || !slices.Contains(a.Items[0].Item.Verdict.Reasons, cordon.ReasonGone) || a.Personal.Note != "" {
		t.Errorf("deleted: %+v", a)
	}
	// Not for Cordon to read.
	withheld, _ := w.put("withheld.txt", w.create("Case", nil), "withheld")
	w.Org.Fail(sim.Fault{Path: "/services/data/v64.0/sobjects/ContentVersion/" + withheld, Times: -1, Status: http.StatusForbidden,
		Body: `[{"errorCode":"INSUFFICIENT_ACCESS","message":"no"}]`})
	a, _ = w.report(map[string]any{"id": withheld})
	if len(a.Items) != 1 || !slices.Contains(a.Items[0].Item.Verdict.Reasons, cordon.ReasonNotReadable) {
		t.Errorf("withheld: %+v", a)
	}
	// Once it may be read, reporting it again has it looked at.
	w.Org.Heal()
	a, _ = w.report(map[string]any{"id": withheld})
	if len(a.Items) != 1 || slices.Contains(a.Items[0].Item.Verdict.Reasons, cordon.ReasonNotReadable) {
		t.Errorf("no longer withheld: %+v", a)
	}
}

// Copies are found by their bytes, neighbours by record, document and creator; what is not on
// record is said to be so.
func TestReportedWithWhatIsAround(t *testing.T) {
	w := newWorld(t)
	o := w.ward()
	elsewhere, _ := w.put("same.txt", w.create("Case", nil), "a later text about a wound")
	if a, _ := w.report(map[string]any{"id": elsewhere}); len(a.Items) != 1 {
		t.Fatalf("%+v", a)
	}
	a, _ := w.report(map[string]any{"id": o.document})
	if len(a.Items) != 1 || len(a.Items[0].Copies) != 1 || a.Items[0].Copies[0].UpstreamID != elsewhere {
		t.Errorf("copies on record: %+v", a.Items)
	}
	for relation, want := range map[string]map[string]bool{
		"versions": {o.version: false},
		"copies":   {elsewhere: true},
		"record":   {o.attachment: false},
		"creator":  {o.version: false, elsewhere: true, o.attachment: false, o.mailAttachment: false},
	} {
		if got := a.around(relation); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", relation, got, want)
		}
	}
	if a.Calls > 20 {
		t.Errorf("it took %d calls", a.Calls)
	}
	for _, it := range a.Items { // the org says that its administrator is no integration
		var full struct{ Channel string }
		if w.API("GET", "/v1/items/"+string(it.Item.ID), nil, &full); full.Channel != "ui" {
			t.Errorf("it came by %s", full.Channel)
		}
	}
	// Who looks again later sees what has been looked at meanwhile.
	w.report(map[string]any{"id": o.attachment})
	if w.API("GET", "/v1/alerts/"+string(a.ID), nil, &a); !a.around("record")[o.attachment] {
		t.Errorf("later: %v", a.around("record"))
	}
	// An org that does not tell makes them unknown, not none.
	w.Org.Fail(sim.Fault{Path: "/services/data/*/query", Method: "GET", After: 1, Times: 1, Status: 400, Body: `[{"errorCode":"INVALID_FIELD","message":"no"}]`})
	b, _ := w.report(map[string]any{"id": o.folder})
	w.Org.Heal()
	if !slices.ContainsFunc(b.Around, func(l listJSON) bool { return l.Relation == "copies" && !l.Complete }) {
		t.Errorf("a Document has no checksum, and its copies count as known: %+v", b.Around)
	}
}

// What was looked at before is looked at again only when that is asked for; both are on record.
func TestReportedAgain(t *testing.T) {
	w := newWorld(t)
	through, err := w.UploadJSON("through", "through.txt", []byte("a text that came through the gateway"))
	if err != nil || through.Status != 201 {
		t.Fatalf("%+v, %v", through, err)
	}
	past, _ := w.put("past.txt", w.create("Case", nil), "a text that came past it")
	reports := func(id string, again bool) (cordon.ID, []string) {
		a, _ := w.report(map[string]any{"id": id, "again": again, "note": "seen on the ward"})
		if len(a.Items) != 1 {
			t.Fatalf("%+v", a)
		}
		var h struct{ Entries []struct{ Kind string } }
		w.API("GET", "/v1/items/"+string(a.Items[0].Item.ID)+"/history", nil, &h)
		var kinds []string
		for _, e := range h.Entries {
			kinds = append(kinds, strings.TrimPrefix(e.Kind, "item."))
		}
		return a.Items[0].Item.ID, kinds
	}
	reports(past, false)
	reports(past, false)
	id, kinds := reports(past, true)
	if got := strings.Join(kinds, " "); got != "observed inspected kept reported reported rescanned reported" {
		t.Errorf("history of %s: %s", id, got)
	}
	var it struct{ Personal struct{ Note string } }
	if w.API("GET", "/v1/items/"+string(id), nil, &it); it.Personal.Note != "seen on the ward" {
		t.Errorf("the note is %q", it.Personal.Note)
	}
	_, kinds = reports(through.ID(), true)
	if got := strings.Join(kinds, " "); !strings.HasSuffix(got, "rescanned reported") || strings.Contains(got, "observed") {
		t.Errorf("history of what came through: %s", got)
	}
	if n := len(w.Items("")); n != 2 {
		t.Errorf("%d items", n)
	}
	for _, text := range []string{"seen on the ward", past} {
		for _, l := range w.ledger() {
			if bytes.Contains(l, []byte(text)) {
				t.Errorf("the ledger holds %q: %s", text, l)
			}
		}
	}
}

// ledger returns every entry of the record.
func (w *world) ledger() (lines [][]byte) {
	w.T.Helper()
	for _, it := range w.Items("") {
		var raw []byte
		w.API("GET", "/v1/items/"+string(it.ID)+"/history", nil, &raw)
		lines = append(lines, raw)
	}
	return lines
}

// A record with hundreds of files: the newest are looked at, the rest is counted.
func TestReportedRecordWithManyFiles(t *testing.T) {
	w := newWorld(t)
	record := w.create("Case", nil)
	for i := range 500 {
		w.put(fmt.Sprintf("%d.txt", i), record, fmt.Sprint("text ", i))
	}
	a, status := w.report(map[string]any{"id": record})
	if status > 202 || a.Count != 25 || a.Further != 475 {
		t.Fatalf("%d %+v", status, a)
	}
	if n := len(w.Items("")); n != 25 {
		t.Errorf("%d items", n)
	}
	for _, list := range a.Around {
		if list.Relation == "record" && (len(list.Files) != 25 || list.More != 450 || list.Complete) {
			t.Errorf("neighbours: %d and %d more", len(list.Files), list.More)
		}
	}
}

// Many at once make one item of a file and one alert of an external id; others' alerts are not
// for a tool to see.
func TestReportedByManyAtOnce(t *testing.T) {
	radar, other := string(account.NewToken()), string(account.NewToken())
	w := newWorldWith(t, e2e.WorldOptions{Options: func(o *app.Options) {
		o.Accounts = append(o.Accounts, account.Static{Login: "radar", Tenant: "clinic", Roles: []account.Role{account.Reporter}, Token: radar},
			account.Static{Login: "other", Tenant: "clinic", Roles: []account.Role{account.Reporter}, Token: other})
	}})
	version, _ := w.put("one.txt", w.create("Case", nil), "one text")
	reviewer := w
	w = &world{w.As(radar)}
	var mu sync.Mutex
	alerts := map[cordon.ID]bool{}
	var many sync.WaitGroup
	for i := range 12 {
		many.Go(func() {
			body := map[string]any{"id": version, "source": "radar"}
			if i%2 == 0 {
				body["external_id"] = "incident 7"
			}
			var a alertJSON
			if status := w.API("POST", "/v1/alerts", body, &a); status > 202 {
				t.Errorf("status %d", status)
			}
			mu.Lock()
			defer mu.Unlock()
			alerts[a.ID] = true
		})
	}
	many.Wait()
	if len(alerts) != 7 {
		t.Errorf("%d alerts, want 6 and one for all with the external id", len(alerts))
	}
	for id := range alerts {
		var a alertJSON
		w.Until("it is answered", func() bool { w.API("GET", "/v1/alerts/"+string(id), nil, &a); return a.State == "answered" })
		if a.Count != 1 || !strings.HasPrefix(a.By, "client/") {
			t.Errorf("%+v", a)
		}
		stranger := w.As(other)
		if status := stranger.API("GET", "/v1/alerts/"+string(id), nil, nil); status != http.StatusNotFound {
			t.Errorf("another tool reads it: %d", status)
		}
		if status := w.API("GET", "/v1/items/"+string(a.Items[0].Item.ID), nil, nil); status != http.StatusForbidden {
			t.Errorf("a tool that may only report reads items: %d", status)
		}
	}
	if n := len(reviewer.Items("")); n != 1 {
		t.Errorf("%d items", n)
	}
	for i := 0; ; i++ { // one reporter cannot keep the org busy
		if status := w.API("POST", "/v1/alerts", map[string]any{"id": version}, nil); status == http.StatusServiceUnavailable {
			break
		} else if status > 202 || i > 200 {
			t.Fatalf("after %d: %d", i, status)
		}
	}
}

// What Cordon may not see is not shown to it, and that is what the answer says.
func TestReportedAndNotForCordonToSee(t *testing.T) {
	w := newWorldWith(t, e2e.WorldOptions{Org: func(c *sim.Config) {
		for i := range c.Users {
			if p := &c.Users[i].Profile; c.Users[i].Username == "cordon@example.com" {
				p.ViewAllData, p.ModifyAllData, p.QueryAllFiles, p.Default = false, false, false, sim.Access{Read: true}
			}
		}
	}})
	version, document, err := w.Org.Upload("private.txt", []byte("in somebody's own library"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{version, document} {
		if a, status := w.report(map[string]any{"id": id}); status != http.StatusOK || a.Missing != 1 || a.Count != 0 || len(a.Around) != 0 {
			t.Errorf("%d %+v", status, a)
		}
	}
}

// Who may report cannot use up the org's calls: a tenth of the day's stays for others.
func TestReportedWithFewCallsLeft(t *testing.T) {
	w := newWorldWith(t, e2e.WorldOptions{Org: func(c *sim.Config) { c.APILimit = 200 }})
	version, _ := w.put("one.txt", w.create("Case", nil), "one text")
	answered, waiting := 0, 0
	for range 28 {
		var a alertJSON
		if status := w.API("POST", "/v1/alerts", map[string]any{"id": version, "again": true}, &a); status == http.StatusOK {
			answered++
		} else if status == http.StatusAccepted {
			waiting++
		}
	}
	calls := 0
	for _, l := range w.Org.Log() {
		if strings.HasPrefix(l.Path, "/services/data/") {
			calls++
		}
	}
	if answered < 5 || waiting < 5 || calls > 200 {
		t.Errorf("%d answered, %d wait, after %d calls of 200", answered, waiting, calls)
	}
}

// While the org is away a report is on record and is answered when it is back.
func TestReportedWhileTheOrgIsAway(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.SettleAfter, c.Inspect.Budget = time.Second, 200*time.Millisecond })
	version, _ := w.put("one.txt", w.create("Case", nil), "one text")
	w.Org.Fail(sim.Fault{Path: "/services/data", Status: 503, Times: -1})
	var a alertJSON
	if status := w.API("POST", "/v1/alerts", map[string]any{"id": version}, &a); status != http.StatusAccepted || a.State != "accepted" {
		t.Fatalf("%d %+v", status, a)
	}
	if n := len(w.Items("")); n != 0 {
		t.Errorf("%d items", n)
	}
	w.Org.Heal()
	w.Until("the alert is answered", func() bool {
		w.API("GET", "/v1/alerts/"+string(a.ID), nil, &a)
		return a.State == "answered"
	})
	if a.Count != 1 {
		t.Errorf("%+v", a)
	}
}

// A process killed in the middle leaves nothing, or an alert that the next one answers with all
// of its items.
func TestReportedAndKilled(t *testing.T) {
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("CORDON_KILLS")); err == nil {
		kills = n
	}
	e2e.Engines(t, func(t *testing.T, db app.DatabaseConfig) {
		v := e2e.NewVictim(t, db, 2*time.Second)
		w := &world{v.World}

		records := map[string][]string{} // files by record
		for k := range kills {
			record := w.create("Case", nil)
			for i := range 8 {
				version, _ := w.put(fmt.Sprintf("%d-%d.txt", k, i), record, fmt.Sprint("text ", k, i))
				records[record] = append(records[record], version)
			}
			v.Start()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				req, err := http.NewRequest("POST", v.Console+"/v1/alerts", e2e.JsonBody(map[string]any{"id": record, "external_id": record}))
				if err != nil {
					return
				}
				req.Header.Set("Authorization", "Bearer "+v.Token)
				if resp, err := http.DefaultClient.Do(req); err == nil {
					resp.Body.Close()
				}
			}()
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			v.Kill()
			<-gone
		}
		v.Start()
		defer v.End()
		for record, files := range records { // as the tool would, which got no answer
			var a alertJSON
			if status := v.API("POST", "/v1/alerts", map[string]any{"id": record, "external_id": record}, &a); status > 202 {
				t.Fatalf("status %d", status)
			}
			v.Until("the alert is answered", func() bool {
				return v.API("GET", "/v1/alerts/"+string(a.ID), nil, &a) == 200 && a.State == "answered"
			})
			slices.Sort(files)
			if !slices.Equal(a.ids(), files) {
				t.Errorf("%s: %v, want %v", record, a.ids(), files)
			}
		}
		once := map[string]int{}
		for _, it := range v.Items("") {
			once[it.UpstreamID]++
			var h struct{ Entries []struct{ Kind string } }
			v.API("GET", "/v1/items/"+string(it.ID)+"/history", nil, &h)
			if len(h.Entries) != 4 || h.Entries[3].Kind != "item.reported" {
				t.Errorf("history of %s: %+v", it.ID, h.Entries)
			}
		}
		for id, n := range once {
			if n != 1 {
				t.Errorf("%s is there %d times", id, n)
			}
		}
	})
}
