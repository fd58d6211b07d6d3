package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

const (
	reviewerPassword = "quiet-heron-lamp"
	auditorPassword  = "brass-kettle-noon"
	operatorPassword = "amber-thistle-gate"
)

// morning is when the tests take place.
var morning = time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)

type testConsole struct {
	*Server
	desk  *desktest.Desk
	first cordon.ID // an image held for a declared generator
	url   string
	log   *bytes.Buffer
}

func newConsole(t *testing.T) *testConsole {
	t.Helper()
	d := desktest.New()
	first := d.Day(morning)
	book, err := account.OpenStatic(
		account.Static{Login: "rhea", Tenant: desktest.Tenant, Roles: []account.Role{account.Reviewer}, Password: reviewerPassword},
		account.Static{Login: "otto", Tenant: desktest.Tenant, Roles: []account.Role{account.Auditor}, Password: auditorPassword},
		account.Static{Login: "ruth", Tenant: desktest.Tenant, Roles: []account.Role{account.Responder}, Password: "tall-cedar-dusk"},
		account.Static{Login: "ada", Tenant: desktest.Tenant, Roles: []account.Role{account.Admin}, Password: operatorPassword},
		account.Static{Login: "vera", Tenant: desktest.Tenant, Roles: []account.Role{account.Reviewer, account.Admin}, Password: operatorPassword},
		account.Static{Login: "other", Tenant: "globex", Roles: []account.Role{account.Reviewer}, Password: "green-anvil-rain"},
		account.Static{Login: "flow", Tenant: desktest.Tenant, Roles: []account.Role{account.Integration}, Password: "slow-copper-wave"},
	)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := New(Config{Environment: Demo}, Parts{Desk: d, Actors: d, Accounts: book, Sessions: account.NewMemory(), Inventories: d, Coverage: d, Alerts: d, Backfills: d, Removals: d, Lists: d,
		Shadows: d, ShadowPage: func(w io.Writer, r desk.Shadow) error {
			_, err := fmt.Fprintf(w, "<!doctype html><title>Report</title><h1>Shadow report of %s from %s</h1>", r.Tenant, r.From.Format(time.DateOnly))
			return err
		},
		Paths: []desk.Path{{Pattern: "/services/data/*/jobs/ingest", Carries: "Bulk API rows with file bodies"}, {Pattern: "/services/Soap/u/*", Carries: "SOAP calls with base64 bodies"}},
		Log:   slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.now = d.Now
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &testConsole{Server: s, desk: d, first: first, url: srv.URL, log: &log}
}

// visitor is somebody with a browser: it keeps cookies and says where forms come from.
type visitor struct {
	t    *testing.T
	c    *testConsole
	http *http.Client
	last *http.Response
}

func (c *testConsole) visitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, c: c, http: &http.Client{Jar: jar}}
}

func (c *testConsole) signedIn(t *testing.T, login, password string) *visitor {
	t.Helper()
	v := c.visitor(t)
	page := v.post("/sign-in", url.Values{"login": {login}, "password": {password}, "next": {"/routes"}})
	if v.last.StatusCode != http.StatusOK || !strings.Contains(page, "<h1 class=\"head\">Routes</h1>") {
		t.Fatalf("signing in as %s ended at %s with %d", login, v.last.Request.URL, v.last.StatusCode)
	}
	return v
}

func (v *visitor) do(req *http.Request) string {
	v.t.Helper()
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.last = resp
	return string(body)
}

func (v *visitor) get(path string) string {
	v.t.Helper()
	req, err := http.NewRequest("GET", v.c.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(req)
}

func (v *visitor) post(path string, form url.Values) string {
	v.t.Helper()
	req, err := http.NewRequest("POST", v.c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", v.c.url)
	return v.do(req)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token reads the form token from a page, as a browser would send it.
func (v *visitor) token() string {
	v.t.Helper()
	m := tokenField.FindStringSubmatch(v.get("/"))
	if m == nil {
		v.t.Fatal("no form token on the page")
	}
	return m[1]
}

func (v *visitor) item() string { return "/items/" + string(v.c.first) }

func wants(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func lacks(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

func TestReviewerSeesWhatWaits(t *testing.T) {
	v := newConsole(t).signedIn(t, "rhea", reviewerPassword)
	wants(t, v.get("/"),
		"Look and decide", "likely synthetic", "3 h 12 min ago", "2026-11-20 05:18:00 UTC",
		"<b>4</b><span>on hold", "<b>1</b><span>unsettled: nobody knows whether the CRM has it",
		"anchored: never", "<dd>unknown</dd>", "no list of known files is configured", "Demo: sample files")
	page := v.get("/holds")
	wants(t, page, "likely synthetic", "likely altered", "cannot tell", "A check did not finish, and the policy keeps such files back.")
	if a, b := strings.Index(page, "3 h 12 min ago"), strings.Index(page, "12 min ago</span> <span class=\"exact\">2026-11-20 08:18:00"); a < 0 || b < a {
		t.Error("the list is not oldest first")
	}
	lacks(t, v.get("/holds?route=partner-api"), "likely synthetic", "likely altered")
	wants(t, v.get("/holds?state=rejected"), "No item is <i>kept out</i>.")
	wants(t, v.get("/routes"), "portal-uploads", "1\u202f842", "never", "/services/data/*/jobs/ingest")
}

func TestLimitsStandBesideEveryVerdict(t *testing.T) {
	c := newConsole(t)
	for login, password := range map[string]string{"rhea": reviewerPassword, "otto": auditorPassword} {
		wants(t, c.signedIn(t, login, password).get("/items/"+string(c.first)), "Known limits", "How many synthetic or altered files these checks miss is unknown", "This lane has not been tested")
	}
	wants(t, c.signedIn(t, "rhea", reviewerPassword).get("/"), "<dd>unknown</dd>", "unknown: no sample of passed files was reviewed")
}

func TestNothingWaits(t *testing.T) {
	c := newConsole(t)
	wants(t, c.signedIn(t, "other", "green-anvil-rain").get("/"), "Nothing waits", "No item has come yet")
}

func TestListTurnsPages(t *testing.T) {
	c := newConsole(t)
	for i := range perPage + 3 {
		at := morning.Add(time.Duration(i-100) * time.Hour)
		c.desk.Put(desk.View{Item: cordon.Item{Ref: cordon.Ref{Tenant: "globex", Kind: cordon.KindItem, ID: cordon.NewID(cordon.PrefixItem)}, State: cordon.Held, Route: "bulk", ReceivedAt: at}}, nil)
	}
	v := c.signedIn(t, "other", "green-anvil-rain")
	page := v.get("/holds")
	if n := strings.Count(page, "Open …"); n != perPage {
		t.Fatalf("the first page shows %d items", n)
	}
	next := regexp.MustCompile(`href="(/holds\?after=[^"]+)"`).FindStringSubmatch(page)
	if next == nil {
		t.Fatal("no link to the next page")
	}
	page = v.get(strings.ReplaceAll(next[1], "&amp;", "&"))
	if n := strings.Count(page, "Open …"); n != 3 {
		t.Errorf("the second page shows %d items, want 3", n)
	}
	lacks(t, page, "Next page")
	wants(t, page, "First page")
}

func TestAuditorSeesNoPersonAndNoContent(t *testing.T) {
	v := newConsole(t).signedIn(t, "otto", auditorPassword)
	page := v.get(v.item())
	wants(t, page, "What was found", "shown to reviewers only", "Content is shown to reviewers and responders only.", "entry 20000")
	lacks(t, page, "m.okafor@acme.example", "passport-photo.jpg", "0035g00000XyZ12AAF", "203.0.113.24", "Record the decision", "class=\"glimpse\"", "/preview")
	if v.get(v.item() + "/preview"); v.last.StatusCode != http.StatusForbidden {
		t.Errorf("the preview answers an auditor with %d", v.last.StatusCode)
	}
	page = v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"genuine"}})
	if v.last.StatusCode != http.StatusForbidden {
		t.Errorf("an auditor's decision is answered with %d", v.last.StatusCode)
	}
	wants(t, page, "Your account may not do this", "Nothing was changed.", "Reference <code>ref_")
	if view := v.c.view(t); view.Item.State != cordon.Held {
		t.Errorf("an auditor moved the item to %s", view.Item.State)
	}
}

func (c *testConsole) view(t *testing.T) desk.View {
	t.Helper()
	view, err := c.desk.Open(context.Background(), desktest.Tenant, c.first)
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func TestResponderLooksWithoutDeciding(t *testing.T) {
	v := newConsole(t).signedIn(t, "ruth", "tall-cedar-dusk")
	page := v.get(v.item())
	wants(t, page, "class=\"glimpse\"", "Show it clearly")
	lacks(t, page, "Record the decision", "m.okafor@acme.example")
	lacks(t, v.get("/"), "Look and decide")
}

func TestReviewerReleases(t *testing.T) {
	v := newConsole(t).signedIn(t, "rhea", reviewerPassword)
	page := v.get(v.item())
	wants(t, page, "Record the decision", "passport-photo.jpg", "m.okafor@acme.example", "0035g00000XyZ12AAF", "Title, FirstPublishLocationId",
		"A content credential in the file says that a trained model made it.", "evidence that anyone can check again", "is unknown",
		"default@5f0c2b9a71de")
	for _, order := range [][2]string{{">What is it<", ">What was found<"}, {">What was found<", ">Where would it go<"}, {">Where would it go<", ">History<"}, {">History<", ">Decide<"}} {
		if strings.Index(page, order[0]) > strings.Index(page, order[1]) {
			t.Errorf("%q comes after %q", order[0], order[1])
		}
	}
	page = v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"lawful-synthetic"}})
	if want := "/receipts/" + string(v.c.first); v.last.Request.URL.Path != want {
		t.Fatalf("deciding leads to %s, want %s", v.last.Request.URL.Path, want)
	}
	wants(t, page, "released, delivery is owed", "by you", "cordon-verify", "Proven.")
	last := v.c.view(t).History
	if e := last[len(last)-1].Entry; e.Kind != cordon.EntryReleased || e.Facts["review"] != "lawful-synthetic" || e.Actor.Kind != cordon.Person {
		t.Errorf("the last entry is %+v", e)
	}
	page = v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"genuine"}})
	if v.last.StatusCode != http.StatusConflict {
		t.Errorf("deciding twice is answered with %d", v.last.StatusCode)
	}
	wants(t, page, "That is not possible as things stand", "is released, not held", "Your decision was not carried out.", "Look at the item")
}

func TestKeepingOutTakesAReason(t *testing.T) {
	v := newConsole(t).signedIn(t, "rhea", reviewerPassword)
	page := v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"harmful"}, "note": {"  "}})
	if v.last.StatusCode != http.StatusUnprocessableEntity || v.c.view(t).Item.State != cordon.Held {
		t.Fatalf("keeping out without a reason: %d, item %s", v.last.StatusCode, v.c.view(t).Item.State)
	}
	wants(t, page, "Write in a sentence why", `value="harmful" checked`, `role="alert"`)
	page = v.post(v.item()+"/decide", url.Values{"token": {v.token()}})
	wants(t, page, "Choose one of the three outcomes.")
	page = v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "note": {"typed <b>already</b>"}, "outcome": {"wrong"}})
	wants(t, page, "typed &lt;b&gt;already&lt;/b&gt;")

	v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"harmful"}, "note": {"Not the patient."}})
	view := v.c.view(t)
	if view.Item.State != cordon.Rejected || len(view.Personal.Notes) != 1 || view.Personal.Notes[0].Text != "Not the patient." {
		t.Errorf("item is %s with note %q", view.Item.State, view.Personal.Notes)
	}
	for _, l := range view.History {
		if body, err := l.Entry.Canonical(); err != nil || bytes.Contains(body, []byte("patient")) {
			t.Errorf("the note is in the ledger, or the entry is unfit: %s %v", body, err)
		}
	}
}

func TestPreviewIsBlurredUntilAskedFor(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	lacks(t, v.get(v.item()), "/preview?")
	before := len(c.view(t).History)
	if n := strings.Count(v.get(v.item()), "<rect x="); n == 0 || n > coarse*coarse {
		t.Errorf("the glimpse has %d patches", n)
	}
	if len(c.view(t).History) != before {
		t.Error("a glimpse went on record as a look")
	}
	if v.get(v.item() + "/preview"); v.last.StatusCode != http.StatusForbidden {
		t.Errorf("the clear preview comes unasked: %d", v.last.StatusCode)
	}

	page := v.post(v.item()+"/show", url.Values{"token": {v.token()}})
	src := regexp.MustCompile(`src="(/items/[^"]+/preview\?show=[^"]+)"`).FindStringSubmatch(page)
	if src == nil {
		t.Fatal("after asking, the page has no clear preview")
	}
	v.get(src[1])
	h := v.last.Header
	if v.last.StatusCode != http.StatusOK || h.Get("Content-Disposition") != "inline" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") != "image/png" {
		t.Errorf("preview: %d, %v", v.last.StatusCode, h)
	}
	lines := c.view(t).History
	if e := lines[len(lines)-1].Entry; e.Kind != cordon.EntryViewed || e.Actor.Kind != cordon.Person {
		t.Errorf("the look is not on record; the last entry is %s by %s", e.Kind, e.Actor)
	}

	// The grant is this session's and ends.
	if w := c.signedIn(t, "ruth", "tall-cedar-dusk"); w.get(src[1]) == "" || w.last.StatusCode != http.StatusForbidden {
		t.Errorf("another person's grant is honoured: %d", w.last.StatusCode)
	}
	c.now = func() time.Time { return morning.Add(showLife) }
	if v.get(src[1]); v.last.StatusCode != http.StatusForbidden {
		t.Errorf("an old grant is honoured: %d", v.last.StatusCode)
	}
}

func TestOtherTenantsDoNotExist(t *testing.T) {
	v := newConsole(t).signedIn(t, "other", "green-anvil-rain")
	for _, path := range []string{v.item(), v.item() + "/preview", "/receipts/" + string(v.c.first), "/receipts/" + string(v.c.first) + "/download"} {
		if page := v.get(path); v.last.StatusCode != http.StatusNotFound || strings.Contains(page, "passport") {
			t.Errorf("%s answers another tenant with %d", path, v.last.StatusCode)
		}
	}
	v.post(v.item()+"/decide", url.Values{"token": {v.token()}, "outcome": {"genuine"}})
	if v.last.StatusCode != http.StatusNotFound {
		t.Errorf("deciding for another tenant is answered with %d", v.last.StatusCode)
	}
}

func TestHeadersOnEveryPage(t *testing.T) {
	v := newConsole(t).signedIn(t, "rhea", reviewerPassword)
	for _, path := range []string{"/", "/holds", v.item(), "/receipts/" + string(v.c.first), "/routes", "/nowhere", "/sign-in"} {
		page := v.get(path)
		h := v.last.Header
		if h.Get("Content-Security-Policy") != "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'" {
			t.Errorf("%s: policy %q", path, h.Get("Content-Security-Policy"))
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
		lacks(t, strings.ToLower(page), "<script", "style=\"", "onclick", "javascript:")
		wants(t, page, `href="#main"`, `<html lang="en">`, "<main id=\"main\"")
	}
	css := regexp.MustCompile(`/static/console-[0-9a-f]+\.css`).FindString(v.get("/"))
	if v.get(css); v.last.StatusCode != http.StatusOK || !strings.Contains(v.last.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: %d %v", v.last.StatusCode, v.last.Header)
	}
}

func TestReceiptBeforeItsCheckpoint(t *testing.T) {
	c := newConsole(t)
	c.desk.Behind = true
	v := c.signedIn(t, "otto", auditorPassword)
	page := v.get("/receipts/" + string(c.first))
	wants(t, page, "On record, not proven yet.")
	lacks(t, page, "Proven.", "Download the proof")
	c.desk.Behind = false
	if doc := v.get("/receipts/" + string(c.first) + "/download"); !strings.Contains(doc, `"checkpoint"`) || !strings.Contains(v.last.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("download: %v %.80s", v.last.Header, doc)
	}
}

func TestErrorsTellTheOperatorAndNotTheReader(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	c.desk.Err = io.ErrUnexpectedEOF
	page := v.get(v.item())
	if v.last.StatusCode != http.StatusInternalServerError {
		t.Fatalf("status %d", v.last.StatusCode)
	}
	lacks(t, page, "unexpected EOF")
	ref := regexp.MustCompile(`ref_[0-9a-z]{26}`).FindString(page)
	if ref == "" || !strings.Contains(c.log.String(), ref) || !strings.Contains(c.log.String(), "unexpected EOF") {
		t.Errorf("reference %q is not in the log:\n%s", ref, c.log)
	}
}

func TestItemsWithoutPreview(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	for _, item := range []struct{ route, says string }{{"partner-api", "this is application/pdf"}, {"wound-photos", "Show it clearly"}} {
		id := regexp.MustCompile(`/items/itm_[0-9a-z]+`).FindString(v.get("/holds?route=" + item.route))
		wants(t, v.get(id), item.says)
	}
	put := func(preview []byte, change func(*desk.View)) string {
		view := c.view(t)
		view.Item.ID = cordon.NewID(cordon.PrefixItem)
		change(&view)
		c.desk.Put(view, preview)
		return v.get("/items/" + string(view.Item.ID))
	}
	page := put([]byte("no picture"), func(*desk.View) {})
	wants(t, page, "No preview could be made", "Record the decision")
	lacks(t, page, "Show it clearly")
	page = put(nil, func(view *desk.View) {
		view.Item.Blob, view.PersonalGone, view.Personal, view.Item.State = "", true, cordon.Personal{}, cordon.Delivered
	})
	wants(t, page, "The bytes are gone", "gone with the item's key")
	lacks(t, page, "Record the decision", "Show it clearly")
}

// Of a document the reviewer sees the place to look at, and how to ask its source.
func TestDocumentsAreComparedWithTheirSource(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	page := v.get("/holds")
	pick := regexp.MustCompile(`href="(/items/[^"]+)"`)
	var document string
	for _, m := range pick.FindAllStringSubmatch(page, -1) {
		if item := v.get(m[1]); strings.Contains(item, "Layout of documents") {
			document = item
		}
	}
	wants(t, document, "Page 1, object 12, 218 to 238 across and 667 to 679 up (points from the lower left), revision 2 of the file",
		"Revisions of the file: 2", "Before you decide, ask the source", "with a number or address that you already have")
	lacks(t, v.get(v.item()), "ask the source")
}

// Whoever has production and a sandbox open side by side can tell them apart on every page.
func TestEnvironmentIsOnEveryPage(t *testing.T) {
	for environment, band := range map[Environment]string{
		Production: "Production: decisions here reach the CRM",
		Sandbox:    "Sandbox: nothing here reaches production",
		Demo:       "Demo: sample files and a simulated CRM",
	} {
		c := newConsole(t)
		c.conf.Environment = environment
		v := c.signedIn(t, "vera", operatorPassword)
		start := v.get("/")
		links := regexp.MustCompile(`<li><a href="(/[a-z]*)"`).FindAllStringSubmatch(start, -1)
		if len(links) < 6 {
			t.Fatalf("the start page leads to %d pages", len(links))
		}
		for _, link := range links {
			wants(t, v.get(link[1]), band)
		}
		wants(t, v.get("/items/"+string(c.first)), band)
		wants(t, v.get("/no-such-page"), band)
	}
}

// What a stranger wrote is shown as it is: no page holds a character that turns the order of others
// around, that cannot be seen, or that a terminal obeys; and nothing of ours needs one.
func TestNamesAreShownAsTheyAre(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	view := c.view(t)
	view.Item.ID = cordon.NewID(cordon.PrefixItem)
	view.Personal.Name = "letter\u202efdp.exe \u2066x\u2069 pay\u200bpal \x1b[31m"
	view.Personal.Notes = []cordon.Note{{Text: "as he said:\u202e ok"}}
	c.desk.Put(view, nil)
	page := v.get("/items/" + string(view.Item.ID))
	wants(t, page, `letter\u202efdp.exe \u2066x\u2069 pay\u200bpal \u001b[31m`, `as he said:\u202e ok`)
	lacks(t, page, "\u202e", "\u2066", "\u2069", "\u200b", "\x1b")
	for _, path := range []string{"/", "/holds", "/removals", "/alerts", "/coverage", "/routes", "/inventory", "/backfill", "/reports"} {
		lacks(t, v.get(path), `\u`)
	}
}

// What the console stands on may be full or away: that is no fault, and the page says what to do.
func TestUnavailableIsNeverAFault(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	for _, err := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		context.DeadlineExceeded, cordon.ErrBusy, cordon.ErrUnavailable,
	} {
		c.desk.Err = fmt.Errorf("count: %w", err)
		v.get(v.item())
		if v.last.StatusCode != http.StatusServiceUnavailable || v.last.Header.Get("Retry-After") == "" {
			t.Errorf("%v: %d %v", err, v.last.StatusCode, v.last.Header)
		}
	}
}
