package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Alerts has files that people report looked at. What each call promises is said in package api.
type Alerts interface {
	Report(ctx context.Context, tenant cordon.TenantID, by cordon.Actor, r desk.Report, wait time.Duration) (desk.Alert, error)
	Alert(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Alert, error)
	Alerts(ctx context.Context, tenant cordon.TenantID, after cordon.ID, limit int) ([]desk.Alert, error)
}

// alertWait is how long a browser waits for an answer before it gets the page without one.
const alertWait = 8 * time.Second

type alertsPage struct {
	MayReport bool
	Form      reportForm
	Lines     []alertLine
	First     bool
	Next      string
}

// reportForm is the form as it was sent, shown again when something was wrong.
type reportForm struct {
	Named, Note     string
	Again, Versions bool
	Problem         string
}

type alertLine struct {
	ID       cordon.ID
	At       moment
	Who      string
	What     string
	Sentence string
}

type alertPage struct {
	alertLine
	Alert       desk.Alert
	MayPersonal bool
	MayReport   bool
	Items       []alertItem
	Around      []aroundList
	Window      string
}

type alertItem struct {
	holdLine
	Gone   bool // with the item's key: copies cannot be told
	Copies []holdLine
}

type aroundList struct {
	Title, About, None string
	Timed              bool // within a stated time
	Known              bool
	More               int
	Files              []aroundFile
}

type aroundFile struct {
	Object, ID string
	Size       int64
	Created    moment
	Item       *holdLine
}

func (s *Server) alertsPage(w http.ResponseWriter, r *request) error {
	// Other pages lead here with the id of a file that nobody has looked at.
	return s.showAlerts(w, r, http.StatusOK, reportForm{Named: r.URL.Query().Get("named")})
}

func (s *Server) showAlerts(w http.ResponseWriter, r *request, status int, form reportForm) error {
	var after cordon.ID
	if text := r.URL.Query().Get("after"); text != "" {
		id, err := cordon.ParseID(cordon.PrefixAlert, text)
		if err != nil {
			return err
		}
		after = id
	}
	found, err := s.Alerts.Alerts(r.Context(), r.account.Tenant, after, perPage+1)
	if err != nil {
		return fmt.Errorf("list alerts: %w", err)
	}
	p := alertsPage{MayReport: r.account.May(account.Report), Form: form, First: after == ""}
	if len(found) > perPage {
		found = found[:perPage]
		p.Next = "/alerts?after=" + string(found[perPage-1].ID)
	}
	for _, a := range found {
		p.Lines = append(p.Lines, s.alertLine(r, a))
	}
	return s.render(w, r, status, "alerts", "Reported", p)
}

func (s *Server) alertLine(r *request, a desk.Alert) alertLine {
	reporter := who(a.By, r.actor)
	if a.Source != "" {
		reporter += " (" + a.Source + ")"
	}
	return alertLine{a.ID, s.moment(a.At), reporter, whatWord(a.What), came(a)}
}

// report puts on record what somebody pasted. What cannot be taken comes back as it was typed.
func (s *Server) report(w http.ResponseWriter, r *request) error {
	form := reportForm{Named: strings.TrimSpace(r.PostForm.Get("named")), Note: strings.TrimSpace(r.PostForm.Get("note")),
		Again: r.PostForm.Has("again"), Versions: r.PostForm.Has("versions")}
	a, err := s.Alerts.Report(r.Context(), r.account.Tenant, r.actor, desk.Report{Named: form.Named, Note: form.Note, Again: form.Again, Versions: form.Versions}, alertWait)
	if errors.Is(err, cordon.ErrInvalid) {
		form.Problem = strings.TrimPrefix(err.Error(), cordon.ErrInvalid.Error()+": ")
		return s.showAlerts(w, r, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return fmt.Errorf("report a file: %w", err)
	}
	http.Redirect(w, r.Request, "/alerts/"+string(a.ID), http.StatusSeeOther)
	return nil
}

func (s *Server) alertPage(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixAlert, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("%w: %w", cordon.ErrNotFound, err)
	}
	a, err := s.Alerts.Alert(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	p := alertPage{alertLine: s.alertLine(r, a), Alert: a, MayReport: r.account.May(account.Report),
		MayPersonal: r.account.May(account.Personal) || a.By == r.actor, Window: span(a.Window)}
	for _, it := range a.Items {
		line := alertItem{holdLine: s.line(it.Item), Gone: !it.Known}
		for _, c := range it.Copies {
			line.Copies = append(line.Copies, s.line(c))
		}
		p.Items = append(p.Items, line)
	}
	for _, list := range a.Around {
		words := aroundWords[list.Name]
		l := aroundList{Title: words.title, About: words.about, None: words.none, Timed: list.Name == "creator", Known: list.Known, More: list.More}
		for _, f := range list.Files {
			file := aroundFile{Object: f.Object, ID: f.ID, Size: f.Size, Created: s.moment(f.Created)}
			if f.Item != nil {
				file.Item = new(s.line(*f.Item))
			}
			l.Files = append(l.Files, file)
		}
		p.Around = append(p.Around, l)
	}
	return s.render(w, r, http.StatusOK, "alert", "Reported "+shortID(a.ID), p)
}

// aroundWords are the words for the lists of neighbours.
var aroundWords = map[string]struct{ title, about, none string }{
	"versions": {"Other versions", "Of the same document.", "The document has no other version."},
	"copies":   {"The same by checksum", "Files of the org with the checksum and size that the CRM states. A checksum of this kind can be forged: it is a hint.", "The CRM knows no other file like it."},
	"record":   {"On the same record", "Files that hang on the same records.", "Nothing else hangs there."},
	"creator":  {"By the same creator", "Files that the same user created at about the same time.", "The same user created nothing else then."},
}

// whatWords name what a link stood for.
var whatWords = map[string]string{
	"ContentDocument": "a file", "ContentVersion": "a version of a file", "Attachment": "an attachment", "Document": "a document of the classic kind",
	"EmailMessage": "an e-mail", "Case": "a case", "ContentDistribution": "a public link", "public-link": "a public link",
	"ContentDocumentLink": "a file on a record", "record": "a record",
}

func whatWord(what string) string {
	if w, ok := whatWords[what]; ok {
		return w
	}
	return what
}

// came says in sentences what came of an alert.
func came(a desk.Alert) string {
	if a.Answered.IsZero() {
		return "It is being looked at."
	}
	var out []string
	say := func(n int, one, many string) {
		switch {
		case n == 1:
			out = append(out, one)
		case n > 1:
			out = append(out, fmt.Sprintf(many, count(n)))
		}
	}
	say(a.Count, "One file is on record.", "%s files are on record.")
	say(a.Further, "One more file on the record was not looked at.", "%s more files on the record were not looked at.")
	say(a.Elsewhere, "One is only a link: the CRM does not hold its bytes.", "%s are only links: the CRM does not hold their bytes.")
	say(a.Missing, "The CRM shows Cordon no such file: it may be deleted for good, or not for Cordon to see.", "The CRM does not show Cordon %s of the named files.")
	if a.Untold {
		out = append(out, "The CRM does not tell Cordon what is behind the link.")
	}
	if a.Picture {
		out = append(out, "The picture in the text itself was not read: this release reads none.")
	}
	if len(out) == 0 {
		return "No file hangs there that the CRM shows Cordon."
	}
	return strings.Join(out, " ")
}
