package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

// askedBody is the answer to a question.
type askedBody struct {
	ID       cordon.ID          `json:"id" doc:"The item. The same text is the number of its receipt."`
	State    cordon.State       `json:"state"`
	Standing standingBody       `json:"standing" doc:"What the state means for this item, what is owed, and who must act."`
	Verdict  *verdictBody       `json:"verdict" doc:"Null while judging goes on."`
	Findings []cordon.Finding   `json:"findings" doc:"What each check says. A null score is not zero."`
	Limits   []string           `json:"limits" doc:"What is known of the verdict's limits, as sentences."`
	Receipt  string             `json:"receipt" doc:"Where the proof will be."`
	Signed   string             `json:"signed_verdict" doc:"Compact JWS, checked with the keys at /v1/keys. Empty while there is no verdict."`
	Removal  *removalNoticeBody `json:"removal,omitempty" doc:"Where something came to light after it was let through."`
}

type verdictBody struct {
	Outcome cordon.Outcome  `json:"outcome"`
	Action  cordon.Action   `json:"action"`
	Reasons []cordon.Reason `json:"reasons"`
	Policy  string          `json:"policy" doc:"Name and digest of the policy that decided."`
	At      time.Time       `json:"at"`
}

type itemBody struct {
	ID         cordon.ID          `json:"id"`
	State      cordon.State       `json:"state"`
	Standing   standingBody       `json:"standing" doc:"What the state means for this item, what is owed, and who must act."`
	Version    int64              `json:"version"`
	Route      string             `json:"route"`
	Channel    cordon.Channel     `json:"channel"`
	Mode       cordon.Mode        `json:"mode"`
	Class      cordon.DataClass   `json:"class"`
	Size       int64              `json:"size" doc:"Bytes."`
	MediaType  string             `json:"media_type" doc:"By content."`
	Declared   string             `json:"declared_type" doc:"As the sender named it; never trusted."`
	Modality   cordon.Modality    `json:"modality"`
	Op         cordon.Operation   `json:"operation"`
	Object     string             `json:"object"`
	UpstreamID string             `json:"upstream_id"`
	DocumentID string             `json:"document_id"`
	Verdict    *verdictBody       `json:"verdict"`
	Findings   []cordon.Finding   `json:"findings,omitempty" doc:"Only where one item is asked for."`
	Limits     []string           `json:"limits,omitempty" doc:"Only where one item is asked for: what is known of the verdict's limits, as sentences."`
	Personal   *personalBody      `json:"personal,omitempty" doc:"Only where one item is asked for, with the permission to see it, and while the item's key exists."`
	Signed     string             `json:"signed_verdict,omitempty" doc:"For whoever handed the item in, while its digest is known."`
	Removal    *removalNoticeBody `json:"removal,omitempty" doc:"Only where one item is asked for: what came to light after it was let through."`
	Receipt    string             `json:"receipt"`
	ReceivedAt time.Time          `json:"received_at"`
	ChangedAt  time.Time          `json:"changed_at"`
}

type personalBody struct {
	Name     string `json:"name"`
	Subject  string `json:"subject"`
	Address  string `json:"address"`
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	SHA256   string `json:"sha256"`
	Note     string `json:"note"`
}

type itemsBody struct {
	Items []itemBody `json:"items"`
	Next  cordon.ID  `json:"next" doc:"Give it as after to get the next page; empty on the last one."`
}

type decisionBody struct {
	Reason cordon.Review `json:"reason" doc:"To release: genuine or lawful-synthetic. To reject: harmful."`
	Note   string        `json:"note,omitempty" doc:"Free text, required to reject. It is sealed with the item and never enters the ledger."`

	Version int64 `json:"version,omitempty" doc:"Of a proposal only: its version as it was read. If it has changed since, the answer is 409 and nothing is decided."`
}

type settlementBody struct {
	As   cordon.Settlement `json:"as" doc:"there: the CRM has it, as the record named by id. send-again: it does not, and is to get it. give-up: nobody will know; the bytes and their key are destroyed."`
	ID   string            `json:"id,omitempty" doc:"With there: the id of the record. Its bytes are compared with the item's where the CRM gives them out, else their number."`
	Note string            `json:"note,omitempty" doc:"Free text. It is sealed with the item and never enters the ledger. With give-up it is not kept."`
}

type historyBody struct {
	Entries []historyLine `json:"entries"`
}

type historyLine struct {
	ID    cordon.ID        `json:"id"`
	Kind  cordon.EntryKind `json:"kind"`
	At    time.Time        `json:"at"`
	Actor string           `json:"actor" doc:"A kind and a pseudonym."`
	Facts map[string]any   `json:"facts"`
	Index *int64           `json:"index" doc:"The place in the ledger; null while it has none."`
}

func (s *Server) items(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	var states []cordon.State
	for name := range strings.SplitSeq(q.Get("state"), ",") {
		if name == "" {
			continue
		}
		if !slices.Contains(cordon.States(), cordon.State(name)) {
			return fmt.Errorf("%w: %.40q is not a state; the states are %v", cordon.ErrInvalid, name, cordon.States())
		}
		states = append(states, cordon.State(name))
	}
	owes := cordon.Debt(q.Get("owes"))
	switch {
	case owes != "" && !slices.Contains(cordon.Debts(), owes):
		return fmt.Errorf("%w: %.40q is nothing that an item can owe; there are %v", cordon.ErrInvalid, owes, cordon.Debts())
	case owes != "" && len(states) > 0:
		return fmt.Errorf("%w: give state or owes, and not both", cordon.ErrInvalid)
	}
	return s.page(w, r, desk.Query{States: states, Owes: owes})
}

func (s *Server) unsettled(w http.ResponseWriter, r *request) error {
	return s.page(w, r, desk.Query{Owes: cordon.OweSettlement})
}

func (s *Server) page(w http.ResponseWriter, r *request, which desk.Query) error {
	dq, err := queryOf(r.URL.Query(), which.States)
	if err != nil {
		return err
	}
	dq.Owes = which.Owes
	found, err := s.Desk.Items(r.Context(), r.account.Tenant, dq)
	if err != nil {
		return fmt.Errorf("list items: %w", err)
	}
	out := itemsBody{Items: make([]itemBody, 0, len(found))}
	for _, item := range found {
		out.Items = append(out.Items, bodyOf(item))
	}
	if len(found) == dq.Limit {
		out.Next = found[len(found)-1].ID
	}
	return answer(w, http.StatusOK, out)
}

func queryOf(q url.Values, states []cordon.State) (desk.Query, error) {
	dq := desk.Query{States: states, Route: q.Get("route"), Limit: defaultLimit}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return dq, fmt.Errorf("%w: limit is a number from 1 to %d", cordon.ErrInvalid, maxLimit)
		}
		dq.Limit = n
	}
	if text := q.Get("after"); text != "" {
		id, err := cordon.ParseID(cordon.PrefixItem, text)
		if err != nil {
			return dq, err
		}
		dq.After = id
	}
	switch q.Get("order") {
	case "", "newest":
	case "oldest":
		dq.Oldest = true
	default:
		return dq, fmt.Errorf("%w: order is newest or oldest", cordon.ErrInvalid)
	}
	return dq, nil
}

// open reads the item that the path names. Whoever may read only their own items is told of
// others that they do not exist.
func (s *Server) open(r *request) (desk.View, error) {
	id, err := cordon.ParseID(cordon.PrefixItem, r.PathValue("id"))
	if err != nil {
		return desk.View{}, err
	}
	view, err := s.Desk.Open(r.Context(), r.account.Tenant, id)
	if err != nil {
		return desk.View{}, fmt.Errorf("open %s: %w", id, err)
	}
	if !r.account.May(account.Read) && !s.owns(r, view.Item) {
		return desk.View{}, fmt.Errorf("open %s of someone else: %w", id, cordon.ErrNotFound)
	}
	return view, nil
}

func (s *Server) owns(r *request, item cordon.Item) bool {
	return item.Op == cordon.OpAsk && item.Client != "" && item.Client == string(r.actor.ID)
}

func (s *Server) item(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	out := bodyOf(view.Item)
	out.Findings, out.Limits, out.Removal = findingsOf(view), cordon.Limits(view.Item, view.Findings), removalNotice(view)
	if !view.PersonalGone {
		if r.account.May(account.Personal) {
			p := view.Personal
			out.Personal = &personalBody{p.Name, p.Subject, p.Address, p.UserID, p.Username, p.SHA256, lastNote(p)}
		}
		if view.Item.Verdict != nil && s.owns(r, view.Item) {
			if out.Signed, err = s.Signer.Sign(view.Item, view.Personal.SHA256); err != nil {
				return err
			}
		}
	}
	return answer(w, http.StatusOK, out)
}

func (s *Server) history(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	out := historyBody{Entries: make([]historyLine, 0, len(view.History))}
	for _, l := range view.History {
		line := historyLine{ID: l.Entry.ID, Kind: l.Entry.Kind, At: l.Entry.At.UTC(), Actor: l.Entry.Actor.String(), Facts: l.Entry.Facts}
		if line.Facts == nil {
			line.Facts = map[string]any{}
		}
		if l.Index >= 0 {
			line.Index = &l.Index
		}
		out.Entries = append(out.Entries, line)
	}
	return answer(w, http.StatusOK, out)
}

func (s *Server) release(w http.ResponseWriter, r *request) error {
	id, d, err := decision(w, r, cordon.PrefixItem, true)
	if err != nil {
		return err
	}
	item, err := s.Desk.Release(r.Context(), r.account.Tenant, id, r.actor, d)
	if err != nil {
		return fmt.Errorf("release %s: %w", id, err)
	}
	return answer(w, http.StatusOK, bodyOf(item))
}

func (s *Server) reject(w http.ResponseWriter, r *request) error {
	id, d, err := decision(w, r, cordon.PrefixItem, false)
	if err != nil {
		return err
	}
	item, err := s.Desk.Reject(r.Context(), r.account.Tenant, id, r.actor, d)
	if err != nil {
		return fmt.Errorf("keep %s out: %w", id, err)
	}
	return answer(w, http.StatusOK, bodyOf(item))
}

func (s *Server) settle(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixItem, r.PathValue("id"))
	if err != nil {
		return err
	}
	var body settlementBody
	if err := readBody(w, r, &body, `{"as": "…", "id": "…", "note": "…"}`); err != nil {
		return err
	}
	settlement := desk.Settlement{As: body.As, UpstreamID: body.ID, Note: body.Note}
	if err := settlement.Check(); err != nil {
		return err
	}
	item, err := s.Desk.Settle(r.Context(), r.account.Tenant, id, r.actor, settlement)
	if err != nil {
		return fmt.Errorf("settle %s: %w", id, err)
	}
	return answer(w, http.StatusOK, bodyOf(item))
}

// readBody reads a small JSON object that has to look as it is said.
func readBody(w http.ResponseWriter, r *request, into any, looks string) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf(`%w: the body must be %s: %w`, cordon.ErrInvalid, looks, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON object", cordon.ErrInvalid)
	}
	return nil
}

func decision(w http.ResponseWriter, r *request, prefix string, release bool) (cordon.ID, desk.Decision, error) {
	var d desk.Decision
	id, err := cordon.ParseID(prefix, r.PathValue("id"))
	if err != nil {
		return id, d, err
	}
	var body decisionBody
	if err := readBody(w, r, &body, `{"reason": "…", "note": "…"}`); err != nil {
		return id, d, err
	}
	d = desk.Decision{Outcome: body.Reason, Note: body.Note, Version: body.Version}
	if d.Version != 0 && prefix != cordon.PrefixRemoval {
		return id, d, fmt.Errorf("%w: only the decision on a proposal names a version", cordon.ErrInvalid)
	}
	return id, d, d.Check(release)
}

func bodyOf(i cordon.Item) itemBody {
	return itemBody{
		ID: i.ID, State: i.State, Standing: standingOf(i.Stand()), Version: i.Version, Route: i.Route, Channel: i.Channel, Mode: i.Mode, Class: i.Class,
		Size: i.Size, MediaType: i.MediaType, Declared: i.DeclaredType, Modality: i.Modality,
		Op: i.Op, Object: i.Object, UpstreamID: i.UpstreamID, DocumentID: i.DocumentID,
		Verdict: verdictOf(i), Receipt: "/v1/receipts/" + string(i.ID),
		ReceivedAt: i.ReceivedAt.UTC(), ChangedAt: i.ChangedAt.UTC(),
	}
}

func verdictOf(i cordon.Item) *verdictBody {
	v := i.Verdict
	if v == nil {
		return nil
	}
	reasons := v.Reasons
	if reasons == nil {
		reasons = []cordon.Reason{}
	}
	return &verdictBody{v.Outcome, v.Action, reasons, v.Policy, v.At.UTC()}
}

func findingsOf(v desk.View) []cordon.Finding {
	out := make([]cordon.Finding, 0, len(v.Findings))
	for _, f := range v.Findings {
		if f.Detail == nil {
			f.Detail = map[string]any{}
		}
		out = append(out, f)
	}
	return out
}

// notice is the payload of a callback.
func notice(signer *Signer, view desk.View) ([]byte, error) {
	out := askedBody{ID: view.Item.ID, State: view.Item.State, Standing: standingOf(view.Item.Stand()), Verdict: verdictOf(view.Item),
		Findings: findingsOf(view), Limits: cordon.Limits(view.Item, view.Findings), Receipt: "/v1/receipts/" + string(view.Item.ID), Removal: removalNotice(view)}
	if out.Verdict != nil && !view.PersonalGone {
		var err error
		if out.Signed, err = signer.Sign(view.Item, view.Personal.SHA256); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// lastNote is what the reviewer wrote on deciding.
func lastNote(p cordon.Personal) string {
	if len(p.Notes) == 0 {
		return ""
	}
	return p.Notes[len(p.Notes)-1].Text
}
