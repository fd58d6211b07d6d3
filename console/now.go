package console

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// grouped is how many holds Now reads to group them by route and age.
const grouped = 500

type nowPage struct {
	Held, Unsettled, Judging, Owed int
	Oldest                         *holdLine
	Last                           *holdLine // the newest item of all
	Groups                         []holdGroup
	Partial                        bool // there are more holds than were grouped
	Detectors                      []desk.Detector
	Problems                       int
	Entries                        int64
	Checkpoint, Anchored           moment
	MayDecide                      bool
	Covered                        covered
	Proposed                       int // removals that wait for a decision
}

// holdGroup counts the holds of one route by how long they have waited.
type holdGroup struct {
	Route, Channel       string
	Hour, Shift, Day, Up int // under an hour, under eight, under a day, longer
	Total                int
	Oldest               moment
}

func (s *Server) nowPage(w http.ResponseWriter, r *request) error {
	ctx, tenant := r.Context(), r.account.Tenant
	counts, err := s.Desk.Counts(ctx, tenant)
	if err != nil {
		return fmt.Errorf("count items: %w", err)
	}
	held, err := s.Desk.Items(ctx, tenant, desk.Query{States: []cordon.State{cordon.Held}, Oldest: true, Limit: grouped})
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
	removals, err := s.Removals.CountRemovals(ctx, tenant)
	if err != nil {
		return fmt.Errorf("count removals: %w", err)
	}
	p := nowPage{
		Proposed: removals[desk.RemovalProposed],
		Held:     counts[cordon.Held], Unsettled: counts[cordon.Unsettled],
		Judging: counts[cordon.Received] + counts[cordon.Inspected], Owed: counts[cordon.Released] + counts[cordon.Forwarding],
		Groups: s.groups(held), Partial: len(held) == grouped,
		Detectors: slices.Clone(system.Detectors), Entries: system.Ledger.Size,
		Checkpoint: s.moment(system.Ledger.Checkpoint), Anchored: s.moment(system.Ledger.Anchored),
		MayDecide: r.account.May(account.Decide), Covered: s.coverageNow(r),
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

// groups counts holds, given oldest first, by route in the order of their oldest item.
func (s *Server) groups(held []cordon.Item) []holdGroup {
	var out []holdGroup
	at := map[string]int{}
	for _, item := range held {
		i, ok := at[item.Route]
		if !ok {
			i = len(out)
			at[item.Route] = i
			out = append(out, holdGroup{Route: item.Route, Channel: words(item.Channel), Oldest: s.moment(item.ReceivedAt)})
		}
		g := &out[i]
		g.Total++
		switch waited := s.now().Sub(item.ReceivedAt); {
		case waited < time.Hour:
			g.Hour++
		case waited < 8*time.Hour:
			g.Shift++
		case waited < 24*time.Hour:
			g.Day++
		default:
			g.Up++
		}
	}
	return out
}
