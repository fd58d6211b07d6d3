package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// perPage is how many items a page of the list shows.
const perPage = 25

// listed are the states that the list offers, the waiting ones first.
var listed = []cordon.State{cordon.Held, cordon.Unsettled, cordon.Released, cordon.Rejected, cordon.Forwarding,
	cordon.Delivered, cordon.RefusedUpstream, cordon.Kept, cordon.Received, cordon.Inspected, cordon.Observed,
	cordon.Isolated, cordon.Restored, cordon.Removed, cordon.Erased}

type holdsPage struct {
	Lines  []holdLine
	State  cordon.State
	Owes   cordon.Debt // instead of a state
	Word   string
	Route  string
	States []choice
	Routes []choice
	First  string // address of the first page, "" when this is it
	Next   string // address of the next page, "" when this is the last
}

type choice struct {
	Value, Label string
	Chosen       bool
}

// holdLine is one item in a list.
type holdLine struct {
	ID       cordon.ID
	Short    string
	Age      moment
	Route    string
	Channel  string
	Type     string
	Size     int64
	Outcome  badge
	Sentence string
	State    string
	Next     string // what is owed
	Held     bool
}

func (s *Server) holdsPage(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	dq := desk.Query{States: []cordon.State{cordon.Held}, Route: q.Get("route"), Limit: perPage + 1, Oldest: true}
	if state := cordon.State(q.Get("state")); state != "" {
		if !slices.Contains(listed, state) {
			return fmt.Errorf("%w: %.40q is not a state the list offers", cordon.ErrInvalid, state)
		}
		dq.States[0] = state
	} else if owes := cordon.Debt(q.Get("owes")); owes != "" {
		if !slices.Contains(cordon.Debts(), owes) {
			return fmt.Errorf("%w: %.40q is nothing that an item can owe", cordon.ErrInvalid, owes)
		}
		dq.States, dq.Owes = nil, owes
	}
	if after := q.Get("after"); after != "" {
		id, err := cordon.ParseID(cordon.PrefixItem, after)
		if err != nil {
			return err
		}
		dq.After = id
	}
	items, err := s.Desk.Items(r.Context(), r.account.Tenant, dq)
	if err != nil {
		return fmt.Errorf("list items: %w", err)
	}
	routes, err := s.Desk.Routes(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	p := holdsPage{Owes: dq.Owes, Word: debtWords[dq.Owes], Route: dq.Route}
	if dq.Owes == "" {
		p.State, p.Word = dq.States[0], dq.States[0].Word()
	}
	if dq.After != "" {
		p.First = p.address("")
	}
	if len(items) > perPage {
		items = items[:perPage]
		p.Next = p.address(items[perPage-1].ID)
	}
	for _, item := range items {
		p.Lines = append(p.Lines, s.line(item))
	}
	for _, state := range listed {
		p.States = append(p.States, choice{string(state), state.Word(), state == p.State})
	}
	p.Routes = []choice{{"", "all routes", p.Route == ""}}
	for _, l := range routes {
		p.Routes = append(p.Routes, choice{l.Route.Name, l.Route.Name, l.Route.Name == p.Route})
	}
	if unknown := cordon.UnknownRoute().Name; !slices.ContainsFunc(p.Routes, func(c choice) bool { return c.Value == unknown }) {
		p.Routes = append(p.Routes, choice{unknown, "unknown (nobody declared it)", p.Route == unknown})
	}
	return s.render(w, r, http.StatusOK, "holds", "On hold", p)
}

func (p holdsPage) address(after cordon.ID) string {
	v := url.Values{}
	if p.Owes != "" {
		v.Set("owes", string(p.Owes))
	} else {
		v.Set("state", string(p.State))
	}
	if p.Route != "" {
		v.Set("route", p.Route)
	}
	if after != "" {
		v.Set("after", string(after))
	}
	return "/holds?" + v.Encode()
}

func (s *Server) line(i cordon.Item) holdLine {
	l := holdLine{ID: i.ID, Short: shortID(i.ID), Age: s.moment(i.ReceivedAt), Route: i.Route, Channel: words(i.Channel),
		Type: i.MediaType, Size: i.Size, Outcome: outcomeOf(i.Verdict), State: i.Stand().Name, Next: i.Stand().Next, Held: i.State == cordon.Held}
	if i.Verdict != nil && len(i.Verdict.Reasons) > 0 {
		l.Sentence = i.Verdict.Reasons[0].Text()
	}
	return l
}
