package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Alerts has files that others report looked at.
type Alerts interface {
	// Report puts a report on record and returns what came of it; where that takes longer than
	// wait, the alert as it stands, and looking goes on. The same External of the same actor
	// returns the first alert. Errors wrap cordon.ErrInvalid where the link names nothing in
	// the tenant's org, and cordon.ErrBusy where the actor reports too much.
	Report(ctx context.Context, tenant cordon.TenantID, by cordon.Actor, r desk.Report, wait time.Duration) (desk.Alert, error)
	// Alert returns one alert, or cordon.ErrNotFound.
	Alert(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Alert, error)
	// Alerts lists alerts without their items, the one that changed last first.
	Alerts(ctx context.Context, tenant cordon.TenantID, after cordon.ID, limit int) ([]desk.Alert, error)
}

type reportBody struct {
	URL      string `json:"url,omitempty" doc:"Address of a file or a record of the org, as a browser shows it, a download, a public link or a REST resource. Nobody opens it: only the ids in it are used."`
	ID       string `json:"id,omitempty" doc:"Id of a file or a record, 15 or 18 letters. One of url and id."`
	Source   string `json:"source,omitempty" doc:"Name of the tool that reports: at most 40 small letters, digits, '-', '.' and '_'."`
	Note     string `json:"note,omitempty" doc:"Free text, at most 2 000 bytes. It is sealed with the files and never enters the ledger."`
	External string `json:"external_id,omitempty" doc:"What you call the alert. The same report again, with the same token, gets the first alert; another report under it is refused with 409, external-id-reused."`
	Again    bool   `json:"again,omitempty" doc:"Look once more at what was looked at before."`
	Versions bool   `json:"versions,omitempty" doc:"Look at every version of a document, not only at the latest."`
}

type alertBody struct {
	ID         cordon.ID          `json:"id"`
	Receipt    string             `json:"url" doc:"Where this alert can be read again."`
	State      string             `json:"state" doc:"accepted: being looked at. answered: below is what came of it."`
	At         time.Time          `json:"at"`
	AnsweredAt *time.Time         `json:"answered_at" doc:"Null while it is being looked at."`
	By         string             `json:"by" doc:"Who reported: person or client, and a pseudonym."`
	Source     string             `json:"source"`
	What       string             `json:"what" doc:"Kind of thing that was named: ContentDocument, ContentVersion, Attachment, Document, EmailMessage, Case, ContentDistribution, ContentDocumentLink, public-link, or record for any other."`
	Count      int                `json:"count" doc:"Files that were looked at, or are on record."`
	Further    int                `json:"further" doc:"Files on the named record that were not looked at."`
	Elsewhere  int                `json:"elsewhere" doc:"Files that the org holds no bytes of: links and external files."`
	Missing    int                `json:"missing" doc:"Named files that the org does not show: deleted for good, never there, or not for Cordon to see."`
	Untold     bool               `json:"untold" doc:"The org does not tell Cordon what is behind the link."`
	Picture    bool               `json:"rich_text_picture" doc:"A picture of a rich-text field was named. Such pictures are not read; the files on its record were."`
	Calls      int64              `json:"api_calls" doc:"Calls of the org's API that the answer took."`
	Items      []alertItemBody    `json:"items,omitempty" doc:"Only where one alert is asked for."`
	Around     []neighboursBody   `json:"around,omitempty" doc:"Files near those that were named. Context, never evidence. Only where one alert is asked for."`
	Window     int                `json:"creator_window_minutes" doc:"How long before and after a file another of the same creator is listed."`
	Personal   *alertPersonalBody `json:"personal,omitempty" doc:"Only for the reporter and with the permission to see personal data, while the key exists."`
}

type alertPersonalBody struct {
	Named string `json:"named"`
	Note  string `json:"note" doc:"Empty where it lies with the items."`
}

type alertItemBody struct {
	Item   itemBody   `json:"item"`
	Copies []copyBody `json:"copies" doc:"Other items with the same bytes."`
	Known  bool       `json:"copies_known" doc:"False where copies cannot be told any more."`
}

type copyBody struct {
	ID         cordon.ID    `json:"id"`
	State      cordon.State `json:"state"`
	Object     string       `json:"object"`
	UpstreamID string       `json:"upstream_id"`
	Verdict    *verdictBody `json:"verdict"`
}

type neighboursBody struct {
	Relation string          `json:"relation" doc:"versions: of the same documents. copies: with the checksum and size that the org states. record: on the same records. creator: of the same creator at about the same time."`
	Complete bool            `json:"complete" doc:"False: the org did not tell, or not for each file."`
	More     int             `json:"more" doc:"Files that are not listed."`
	Files    []neighbourBody `json:"files"`
}

type neighbourBody struct {
	Object     string    `json:"object"`
	UpstreamID string    `json:"upstream_id"`
	DocumentID string    `json:"document_id"`
	Size       int64     `json:"size" doc:"Bytes, as the org states it."`
	CreatedAt  time.Time `json:"created_at"`
	Item       *copyBody `json:"item" doc:"Null: nobody looked at it. Report its id to have it looked at."`
}

type alertsBody struct {
	Alerts []alertBody `json:"alerts"`
	Next   cordon.ID   `json:"next" doc:"Give it as after to get the next page; empty on the last one."`
}

// maxReport bounds the body of a report, in bytes.
const maxReport = 16 << 10

func (s *Server) alertEndpoints() []endpoint {
	report := []account.Permission{account.Report}
	look := []account.Permission{account.Report, account.Read}
	return []endpoint{
		{method: "POST", path: "/v1/alerts", summary: "Report a file or a record of the CRM", handle: s.report, takes: report,
			about:   "What is named becomes observed items with verdicts; the answer tells of copies and neighbours as well. At most 25 files of a record are looked at, the newest first. 30 alerts a minute for each account.",
			request: jsonOf(reportBody{}),
			answers: []reply{
				{200, "What came of it.", jsonOf(alertBody{}), nil},
				{202, "It is on record and being looked at. Look at Location.", jsonOf(alertBody{}), []string{"Location", "Retry-After"}},
			}},
		{method: "GET", path: "/v1/alerts", summary: "List alerts", handle: s.alerts, takes: look,
			about: "The one that changed last first, without items. Accounts without `read` see their own.",
			params: []param{
				{"query", "limit", "How many alerts at most, 1 to 200.", schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}},
				{"query", "after", "The `next` of the page before.", schema{"type": "string"}},
			},
			answers: []reply{{200, "A page of alerts.", jsonOf(alertsBody{}), nil}}},
		{method: "GET", path: "/v1/alerts/{id}", summary: "One alert", handle: s.alert, takes: look,
			about:   "With its items, their copies and neighbours as they stand now. Accounts without `read` see their own.",
			answers: []reply{{200, "The alert.", jsonOf(alertBody{}), nil}}},
	}
}

func (s *Server) report(w http.ResponseWriter, r *request) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReport))
	dec.DisallowUnknownFields()
	var in reportBody
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf(`%w: the body must be {"url": "…"} or {"id": "…"}: %w`, cordon.ErrInvalid, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON object", cordon.ErrInvalid)
	}
	if (in.URL == "") == (in.ID == "") {
		return fmt.Errorf(`%w: send one of "url" and "id"`, cordon.ErrInvalid)
	}
	if in.ID != "" && strings.ContainsAny(in.ID, "/.:#?") {
		return fmt.Errorf(`%w: an id has letters and digits only; send an address as "url"`, cordon.ErrInvalid)
	}
	a, err := s.Alerts.Report(r.Context(), r.account.Tenant, r.actor, desk.Report{Named: in.URL + in.ID, Note: in.Note, Source: in.Source,
		External: in.External, Again: in.Again, Versions: in.Versions}, s.conf.Budget)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if a.Answered.IsZero() {
		status = http.StatusAccepted
		w.Header().Set("Location", "/v1/alerts/"+string(a.ID))
		w.Header().Set("Retry-After", "2")
	}
	return answer(w, status, s.alertOf(r, a))
}

func (s *Server) alert(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixAlert, r.PathValue("id"))
	if err != nil {
		return err
	}
	a, err := s.Alerts.Alert(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	if !r.account.May(account.Read) && a.By != r.actor {
		return fmt.Errorf("open %s of someone else: %w", id, cordon.ErrNotFound)
	}
	return answer(w, http.StatusOK, s.alertOf(r, a))
}

func (s *Server) alerts(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	text := q.Get("after")
	q.Del("after")
	dq, err := queryOf(q, nil)
	if err != nil {
		return err
	}
	var after cordon.ID
	if text != "" {
		if after, err = cordon.ParseID(cordon.PrefixAlert, text); err != nil {
			return err
		}
	}
	found, err := s.Alerts.Alerts(r.Context(), r.account.Tenant, after, dq.Limit)
	if err != nil {
		return fmt.Errorf("list alerts: %w", err)
	}
	out := alertsBody{Alerts: []alertBody{}}
	for _, a := range found {
		if r.account.May(account.Read) || a.By == r.actor {
			out.Alerts = append(out.Alerts, s.alertOf(r, a))
		}
	}
	if len(found) == dq.Limit {
		out.Next = found[len(found)-1].ID
	}
	return answer(w, http.StatusOK, out)
}

func (s *Server) alertOf(r *request, a desk.Alert) alertBody {
	out := alertBody{ID: a.ID, Receipt: "/v1/alerts/" + string(a.ID), State: "accepted", At: a.At.UTC(), By: a.By.String(), Source: a.Source, What: a.What,
		Count: a.Count, Further: a.Further, Elsewhere: a.Elsewhere, Missing: a.Missing, Untold: a.Untold, Picture: a.Picture, Calls: a.Calls, Window: int(a.Window.Minutes())}
	if !a.Answered.IsZero() {
		at := a.Answered.UTC()
		out.State, out.AnsweredAt = "answered", &at
	}
	if !a.ReportGone && (a.By == r.actor || r.account.May(account.Personal)) {
		out.Personal = &alertPersonalBody{a.Named, a.Note}
	}
	for _, it := range a.Items {
		body := alertItemBody{Item: bodyOf(it.Item), Copies: []copyBody{}, Known: it.Known}
		for _, c := range it.Copies {
			body.Copies = append(body.Copies, copyOf(c))
		}
		out.Items = append(out.Items, body)
	}
	for _, list := range a.Around {
		body := neighboursBody{Relation: list.Name, Complete: list.Known && list.More == 0, More: list.More, Files: []neighbourBody{}}
		for _, f := range list.Files {
			n := neighbourBody{Object: f.Object, UpstreamID: f.ID, DocumentID: f.DocumentID, Size: f.Size, CreatedAt: f.Created.UTC()}
			if f.Item != nil {
				c := copyOf(*f.Item)
				n.Item = &c
			}
			body.Files = append(body.Files, n)
		}
		out.Around = append(out.Around, body)
	}
	return out
}

func copyOf(i cordon.Item) copyBody {
	return copyBody{i.ID, i.State, i.Object, i.UpstreamID, verdictOf(i)}
}
