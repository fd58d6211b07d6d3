package console

import (
	"fmt"
	"net/http"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

type routesPage struct {
	AsOf   moment
	Routes []routeLine
	Paths  []desk.Path
}

type routeLine struct {
	desk.RouteLine
	Channel, Mode, Fail, WhenHeld, Class string
	Seen, Since                          moment
	Held                                 int
}

var modeWords = map[cordon.Mode]string{
	cordon.ModeInline:   "before the CRM has it",
	cordon.ModeEvent:    "as soon as the CRM has it",
	cordon.ModeBackfill: "long after",
	cordon.ModeShadow:   "shadow: recorded only, never kept back",
}

var failWords = map[cordon.FailMode]string{
	cordon.FailHold:          "hold",
	cordon.FailPassAndRescan: "pass, and examine again",
	cordon.FailRefuse:        "refuse",
}

var heldWords = map[cordon.WhenHeld]string{
	cordon.AnswerRefuse: "an error that names the receipt",
	cordon.AnswerStage:  "a placeholder",
}

func (s *Server) routesPage(w http.ResponseWriter, r *request) error {
	lines, err := s.Desk.Routes(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	census, err := s.Desk.Census(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("count items: %w", err)
	}
	held := map[string]int{}
	for _, h := range census.Held {
		held[h.Route] += h.Total()
	}
	p := routesPage{AsOf: s.moment(census.At), Paths: s.Paths}
	for _, l := range lines {
		p.Routes = append(p.Routes, routeLine{RouteLine: l, Channel: words(l.Route.Channel), Mode: modeWords[l.Route.Mode],
			Fail: failWords[l.Route.Fail], WhenHeld: heldWords[l.Route.WhenHeld], Class: words(l.Route.Class), Seen: s.moment(l.LastSeen), Since: s.moment(l.Since), Held: held[l.Route.Name]})
	}
	return s.render(w, r, http.StatusOK, "routes", "Routes", p)
}
