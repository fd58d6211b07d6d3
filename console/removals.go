package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Removals are proposals to take something out that the CRM has. What each call promises is said
// in package api.
type Removals interface {
	Removals(ctx context.Context, tenant cordon.TenantID, state cordon.State, after cordon.ID, limit int) ([]desk.Removal, error)
	Removal(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Removal, error)
	DecideRemoval(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (desk.Removal, error)
}

var removalWords = map[cordon.State]string{
	desk.RemovalProposed:  "waits for a decision",
	desk.RemovalAccepted:  "to be taken out",
	desk.RemovalDismissed: "stays where it is",
}

// causeWords follow "This file was passed on and delivered."
var causeWords = map[string]string{
	"late-look":   "A later check, which takes too long while a sender waits, found something that would have kept it back.",
	"rescan":      "A check that had not finished then has finished now, and what it found would have kept it back.",
	"known-later": "It was put on a list of known files afterwards, which would have kept it back.",
}

type removalsPage struct {
	Lines  []removalLine
	State  cordon.State
	States []choice
	First  string
	Next   string
}

type removalLine struct {
	holdLine
	Removal  cordon.ID
	Proposed moment
	Stands   string
	Why      string
}

type removalPage struct {
	removalLine
	View        desk.Removal
	Reasons     []string
	Findings    []findingLine // that came to light late
	WordingGone bool
	ToDo        []string
	Asked       bool // nobody wrote it into the CRM
	Decided     moment
	Who         string
	Review      string
	MayPersonal bool
	MayDecide   bool
	Decision    decision
}

func (s *Server) removalsPage(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	state := desk.RemovalProposed
	if text := cordon.State(q.Get("state")); text != "" {
		if state = text; !slices.Contains(desk.RemovalStates(), state) {
			return fmt.Errorf("%w: %.40q is not a state the list offers", cordon.ErrInvalid, text)
		}
	}
	var after cordon.ID
	if text := q.Get("after"); text != "" {
		id, err := cordon.ParseID(cordon.PrefixRemoval, text)
		if err != nil {
			return err
		}
		after = id
	}
	found, err := s.Removals.Removals(r.Context(), r.account.Tenant, state, after, perPage+1)
	if err != nil {
		return fmt.Errorf("list removals: %w", err)
	}
	p := removalsPage{State: state}
	address := "/removals?state=" + string(state)
	if after != "" {
		p.First = address
	}
	if len(found) > perPage {
		found = found[:perPage]
		p.Next = address + "&after=" + string(found[perPage-1].ID)
	}
	for _, one := range found {
		p.Lines = append(p.Lines, s.removalLine(one))
	}
	for _, one := range desk.RemovalStates() {
		p.States = append(p.States, choice{string(one), removalWords[one], one == state})
	}
	return s.render(w, r, http.StatusOK, "removals", "Proposals", p)
}

func (s *Server) removalLine(v desk.Removal) removalLine {
	l := removalLine{holdLine: s.line(v.Item), Removal: v.ID, Proposed: s.moment(v.At), Stands: removalWords[v.State], Why: causeWords[v.Cause]}
	l.Outcome = outcomeOf(&cordon.Verdict{Outcome: v.Outcome})
	if len(v.Reasons) > 0 {
		l.Sentence = v.Reasons[0].Text()
	}
	return l
}

func (s *Server) removalPage(w http.ResponseWriter, r *request) error {
	return s.showRemoval(w, r, http.StatusOK, decision{})
}

func (s *Server) showRemoval(w http.ResponseWriter, r *request, status int, form decision) error {
	id, err := cordon.ParseID(cordon.PrefixRemoval, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("%w: %w", cordon.ErrNotFound, err)
	}
	v, err := s.Removals.Removal(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	item, err := s.Desk.Open(r.Context(), r.account.Tenant, v.Item.ID)
	if err != nil {
		return fmt.Errorf("open %s: %w", v.Item.ID, err)
	}
	p := removalPage{removalLine: s.removalLine(v), View: v, ToDo: v.ToDo(), Asked: v.Item.Op == cordon.OpAsk,
		Decided: s.moment(v.DecidedAt), Who: who(v.By, r.actor), Review: words(v.Review),
		MayPersonal: r.account.May(account.Personal), MayDecide: r.account.May(account.Decide) && v.State == desk.RemovalProposed, Decision: form}
	for _, reason := range v.Reasons {
		p.Reasons = append(p.Reasons, reason.Text())
	}
	for _, f := range tellingFirst(item.Findings) {
		if f.Late {
			p.Findings = append(p.Findings, s.findingLine(f))
			p.WordingGone = p.WordingGone || f.Sentence == ""
		}
	}
	return s.render(w, r, status, "removal", "Proposal "+shortID(v.ID), p)
}

// removalDecide carries a person's decision out. What cannot be taken as it is comes back as it
// was typed, with what is missing.
func (s *Server) removalDecide(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixRemoval, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("%w: %w", cordon.ErrNotFound, err)
	}
	form := decision{Outcome: cordon.Review(r.PostForm.Get("outcome")), Note: strings.TrimSpace(r.PostForm.Get("note"))}
	d := desk.Decision{Outcome: form.Outcome, Note: form.Note}
	if read := r.PostForm.Get("version"); read != "" {
		if d.Version, err = strconv.ParseInt(read, 10, 64); err != nil {
			return fmt.Errorf("%w: the version of the proposal is a number", cordon.ErrInvalid)
		}
	}
	switch err := d.Check(d.Outcome.Releases()); {
	case form.Outcome == "":
		form.Problem = "Choose one of the three outcomes."
	case errors.Is(err, cordon.ErrInvalid) && form.Outcome == cordon.Harmful && form.Note == "":
		form.Problem = "Write in a sentence why it is to be taken out. Whoever sent it may ask."
	case err != nil:
		form.Problem = strings.TrimPrefix(err.Error(), cordon.ErrInvalid.Error()+": ")
	}
	if form.Problem != "" {
		return s.showRemoval(w, r, http.StatusUnprocessableEntity, form)
	}
	if _, err := s.Removals.DecideRemoval(r.Context(), r.account.Tenant, id, r.actor, d); err != nil {
		return fmt.Errorf("decide about %s: %w", id, err)
	}
	http.Redirect(w, r.Request, "/removals/"+string(id), http.StatusSeeOther)
	return nil
}
