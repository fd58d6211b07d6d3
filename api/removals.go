package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Removals are proposals to take something out that the CRM has.
type Removals interface {
	// Removals lists removals of one state, or of any where it is "", the one that changed last first.
	Removals(ctx context.Context, tenant cordon.TenantID, state cordon.State, after cordon.ID, limit int) ([]desk.Removal, error)
	// Removal returns one removal, or cordon.ErrNotFound.
	Removal(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Removal, error)
	// DecideRemoval accepts a proposal as harmful, or dismisses it. It returns
	// cordon.ErrConflict when somebody has decided.
	DecideRemoval(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (desk.Removal, error)
	// CountRemovals returns how many stand in each state.
	CountRemovals(ctx context.Context, tenant cordon.TenantID) (map[cordon.State]int, error)
}

type removalBody struct {
	ID         cordon.ID       `json:"id"`
	Version    int64           `json:"version" doc:"Grows with every change, that of the reasons too. Give it with the decision, so that nobody decides on reasons that have changed since they were read."`
	State      string          `json:"state" doc:"proposed, accepted or dismissed."`
	Item       itemBody        `json:"item" doc:"What it is about, as it stands now. It stays where it is whatever is decided."`
	Cause      string          `json:"cause" doc:"late-look: a check that takes too long while a sender waits. rescan: one that had been silent. known-later: a list of known files."`
	Outcome    cordon.Outcome  `json:"outcome"`
	Reasons    []cordon.Reason `json:"reasons" doc:"That came to light after the item was let through."`
	ProposedAt time.Time       `json:"proposed_at"`
	DecidedAt  *time.Time      `json:"decided_at" doc:"Null while nobody has decided."`
	By         string          `json:"by" doc:"Who decided: a kind and a pseudonym. Empty while nobody has."`
	Review     string          `json:"review" doc:"harmful where it was accepted, genuine or lawful-synthetic where it was dismissed; empty while nobody has decided."`
	Note       string          `json:"note,omitempty" doc:"Only with the permission to see it, and while its key exists."`
	Link       string          `json:"link" doc:"The file in the CRM. Empty where the CRM has none that Cordon knows of."`
	ToDo       []string        `json:"to_do" doc:"What a person does now, in sentences. Cordon takes nothing out by itself."`
}

type removalsBody struct {
	Removals []removalBody `json:"removals"`
	Next     cordon.ID     `json:"next" doc:"Give it as after to get the next page; empty on the last one."`
	// Waiting is not of the page but of all.
	Waiting int `json:"waiting" doc:"Proposals that nobody has decided about, on whatever page."`
}

// removalNoticeBody is what others are told of a removal beside its item.
type removalNoticeBody struct {
	ID    cordon.ID `json:"id"`
	State string    `json:"state" doc:"proposed: it would be held now and a person decides. accepted: a person wants it taken out; it is still there. dismissed: it stays."`
}

func (s *Server) removalEndpoints() []endpoint {
	one := reply{200, "The removal as it stands now.", jsonOf(removalBody{}), nil}
	read, decide := []account.Permission{account.Read}, []account.Permission{account.Decide}
	return []endpoint{
		{method: "GET", path: "/v1/removals", summary: "List proposals to take files out", handle: s.removals, takes: read,
			about: "A file that was passed on and would be held now, because of a check that came late or a list that grew. It stays in the CRM until a person takes it out.",
			params: []param{
				{"query", "state", "proposed, accepted or dismissed; any by default.", schema{"type": "string", "enum": []string{"proposed", "accepted", "dismissed"}}},
				{"query", "limit", "How many at most, 1 to 200.", schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}},
				{"query", "after", "The `next` of the page before.", schema{"type": "string"}},
			},
			answers: []reply{{200, "A page of removals, the one that changed last first.", jsonOf(removalsBody{}), nil}}},
		{method: "GET", path: "/v1/removals/{id}", summary: "One removal", handle: s.removal, takes: read, answers: []reply{one}},
		{method: "POST", path: "/v1/removals/{id}/accept", summary: "Want a file taken out of the CRM", handle: s.removalDecide(false), takes: decide,
			about:   "It puts the decision on record and says what to do by hand. This release takes nothing out of the CRM itself. The reason is `harmful` and a note is required.",
			request: jsonOf(decisionBody{}), answers: []reply{one}},
		{method: "POST", path: "/v1/removals/{id}/dismiss", summary: "Let a file stay in the CRM", handle: s.removalDecide(true), takes: decide,
			about:   "The reason is `genuine` or `lawful-synthetic`. Cordon's copy of the file is destroyed.",
			request: jsonOf(decisionBody{}), answers: []reply{one}},
	}
}

func (s *Server) removals(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	state, text := cordon.State(q.Get("state")), q.Get("after")
	if state != "" && !slices.Contains(desk.RemovalStates(), state) {
		return fmt.Errorf("%w: %.40q is not a state of a removal; they are %v", cordon.ErrInvalid, state, desk.RemovalStates())
	}
	q.Del("after")
	dq, err := queryOf(q, nil)
	if err != nil {
		return err
	}
	var after cordon.ID
	if text != "" {
		if after, err = cordon.ParseID(cordon.PrefixRemoval, text); err != nil {
			return err
		}
	}
	found, err := s.Removals.Removals(r.Context(), r.account.Tenant, state, after, dq.Limit)
	if err != nil {
		return fmt.Errorf("list removals: %w", err)
	}
	counts, err := s.Removals.CountRemovals(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("count removals: %w", err)
	}
	out := removalsBody{Removals: make([]removalBody, 0, len(found)), Waiting: counts[desk.RemovalProposed]}
	for _, one := range found {
		out.Removals = append(out.Removals, removalOf(r, one))
	}
	if len(found) == dq.Limit {
		out.Next = found[len(found)-1].ID
	}
	return answer(w, http.StatusOK, out)
}

func (s *Server) removal(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixRemoval, r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := s.Removals.Removal(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	return answer(w, http.StatusOK, removalOf(r, found))
}

func (s *Server) removalDecide(stays bool) func(http.ResponseWriter, *request) error {
	return func(w http.ResponseWriter, r *request) error {
		id, d, err := decision(w, r, cordon.PrefixRemoval, stays)
		if err != nil {
			return err
		}
		decided, err := s.Removals.DecideRemoval(r.Context(), r.account.Tenant, id, r.actor, d)
		if err != nil {
			return fmt.Errorf("decide about %s: %w", id, err)
		}
		return answer(w, http.StatusOK, removalOf(r, decided))
	}
}

func removalOf(r *request, v desk.Removal) removalBody {
	out := removalBody{ID: v.ID, Version: v.Version, State: string(v.State), Item: bodyOf(v.Item), Cause: v.Cause, Outcome: v.Outcome, Reasons: v.Reasons, ProposedAt: v.At.UTC(),
		Review: string(v.Review), Link: v.Link, ToDo: v.ToDo()}
	if out.Reasons == nil {
		out.Reasons = []cordon.Reason{}
	}
	if !v.DecidedAt.IsZero() {
		at := v.DecidedAt.UTC()
		out.DecidedAt, out.By = &at, v.By.String()
	}
	if r.account.May(account.Personal) {
		out.Note = v.Note
	}
	return out
}

func removalNotice(v desk.View) *removalNoticeBody {
	if v.Removal == nil {
		return nil
	}
	return &removalNoticeBody{v.Removal.ID, string(v.Removal.State)}
}
