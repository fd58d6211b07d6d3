package console

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

type nowPage struct {
	AsOf                 moment // of every number about items and proposals
	Held, Unsettled      int
	Owed                 []owedLine // what Cordon itself owes
	Waits                bool       // something waits for a person
	Oldest               *holdLine
	Last                 *holdLine // the newest item of all
	Groups               []holdGroup
	Detectors            []desk.Detector
	Problems             int
	Entries              int64
	Checkpoint, Anchored moment
	MayDecide            bool
	Covered              covered
	Proposed             int // removals that wait for a decision
}

// owedLine is how many items something is owed for.
type owedLine struct {
	Owes  cordon.Debt
	Word  string
	Items int
}

// holdGroup counts the holds of one route by how long they have waited.
type holdGroup struct {
	cordon.HeldCount
	Channel string
	Oldest  moment
}

func (s *Server) nowPage(w http.ResponseWriter, r *request) error {
	ctx, tenant := r.Context(), r.account.Tenant
	// The items first: what one of them is shown to wait for is then in the numbers, too.
	held, err := s.Desk.Items(ctx, tenant, desk.Query{States: []cordon.State{cordon.Held}, Oldest: true, Limit: 1})
	if err != nil {
		return fmt.Errorf("list holds: %w", err)
	}
	newest, err := s.Desk.Items(ctx, tenant, desk.Query{Limit: 1})
	if err != nil {
		return fmt.Errorf("find the newest item: %w", err)
	}
	system, err := s.Desk.System(ctx, tenant)
	if err != nil {
		return fmt.Errorf("read the state of the system: %w", err)
	}
	census, err := s.Desk.Census(ctx, tenant)
	if err != nil {
		return fmt.Errorf("count items: %w", err)
	}
	p := nowPage{
		AsOf: s.moment(census.At), Proposed: census.Removals[desk.RemovalProposed],
		Held: census.In(cordon.Held), Unsettled: census.Owing(cordon.OweSettlement),
		Detectors: slices.Clone(system.Detectors), Entries: system.Ledger.Size,
		Checkpoint: s.moment(system.Ledger.Checkpoint), Anchored: s.moment(system.Ledger.Anchored),
		MayDecide: r.account.May(account.Decide), Covered: s.coverageNow(r),
	}
	for _, debt := range cordon.Debts() {
		n := census.Owing(debt)
		p.Waits = p.Waits || n > 0 && debt.By() == cordon.Person
		if debt.By() == cordon.Self {
			p.Owed = append(p.Owed, owedLine{debt, debtWords[debt], n})
		}
	}
	p.Waits = p.Waits || p.Proposed > 0
	for _, h := range census.Held {
		p.Groups = append(p.Groups, holdGroup{h, words(h.Channel), s.moment(h.Oldest)})
	}
	for i, d := range p.Detectors {
		p.Detectors[i].Name = detectorWord(d.Name)
		if d.Problem != "" {
			p.Problems++
		}
	}
	if len(held) > 0 {
		p.Oldest = new(s.line(held[0]))
	}
	if len(newest) > 0 {
		p.Last = new(s.line(newest[0]))
	}
	return s.render(w, r, http.StatusOK, "now", "Now", p)
}
