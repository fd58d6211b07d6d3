package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

type routesBody struct {
	Routes []routeBody `json:"routes"`
	// NotInspected is what this release does not look into, whatever the route.
	NotInspected []desk.Path `json:"not_inspected_paths" doc:"Ways in that can carry media and are not looked into by this release."`
}

type routeBody struct {
	Name         string           `json:"name"`
	Channel      cordon.Channel   `json:"channel"`
	Owner        string           `json:"owner"`
	Flow         string           `json:"flow"`
	Mode         cordon.Mode      `json:"mode"`
	Fail         cordon.FailMode  `json:"fail" doc:"What a silent check means."`
	NotInspected cordon.FailMode  `json:"not_inspected" doc:"What happens to requests on paths that are not looked into."`
	WhenHeld     cordon.WhenHeld  `json:"when_held"`
	Class        cordon.DataClass `json:"class"`
	Callback     bool             `json:"callback" doc:"Whether an address for callbacks is declared."`
	Counts       routeCounts      `json:"counts"`
	LastSeen     *time.Time       `json:"last_seen" doc:"Null: never."`
}

type routeCounts struct {
	Inspected    int64 `json:"inspected"`
	Passed       int64 `json:"passed" doc:"Requests without media."`
	NotInspected int64 `json:"not_inspected" doc:"Could carry media on a path that is not looked into."`
	Refused      int64 `json:"refused"`
}

func (s *Server) routes(w http.ResponseWriter, r *request) error {
	lines, err := s.Desk.Routes(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	out := routesBody{Routes: make([]routeBody, 0, len(lines)), NotInspected: s.Paths}
	if out.NotInspected == nil {
		out.NotInspected = []desk.Path{}
	}
	for _, l := range lines {
		b := routeBody{Name: l.Route.Name, Channel: l.Route.Channel, Owner: l.Route.Owner, Flow: l.Route.Flow,
			Mode: l.Route.Mode, Fail: l.Route.Fail, NotInspected: l.Route.NotInspected, WhenHeld: l.Route.WhenHeld,
			Class: l.Route.Class, Callback: l.Route.CallbackURL != "",
			Counts: routeCounts{l.Inspected, l.Passed, l.NotInspected, l.Refused}}
		if !l.LastSeen.IsZero() {
			at := l.LastSeen.UTC()
			b.LastSeen = &at
		}
		out.Routes = append(out.Routes, b)
	}
	return answer(w, http.StatusOK, out)
}

type countsBody struct {
	AsOf      time.Time      `json:"as_of" doc:"The instant at which everything here was counted."`
	States    map[string]int `json:"states" doc:"Every state is listed, those without items as 0. What a state means depends on what the items are for: see standings."`
	Standings []countBody    `json:"standings" doc:"The same items by state and purpose, those without items left out."`
	Owed      map[string]int `json:"owed" doc:"Items for which something is owed, by what: decision and settlement by a person, the others by Cordon. Every debt is listed. An item owes one thing at most."`
	Waiting   int            `json:"removals_waiting" doc:"Proposals that nobody has decided about."`
}

type countBody struct {
	State   cordon.State   `json:"state"`
	Purpose cordon.Purpose `json:"purpose" doc:"write, record (a route in shadow), answer (only a verdict was asked for) or watch (the CRM had it); empty where the record contradicts itself."`
	Items   int            `json:"items"`
	standingBody
}

// standingBody says in words how an item stands.
type standingBody struct {
	Name  string           `json:"name" doc:"Completes the sentence: this item is …"`
	Next  string           `json:"next" doc:"What is owed, and who must act, as a sentence."`
	Owes  cordon.Debt      `json:"owes" doc:"decision, settlement, delivery, rescan, verdict or outcome; empty: nothing."`
	By    cordon.ActorKind `json:"by" doc:"Who must act: person or cordon; empty where nothing is owed."`
	Place cordon.Place     `json:"place" doc:"Where its content is, seen from the CRM: before, going, in, out, was, unknown or nowhere."`
}

func standingOf(s cordon.Stand) standingBody {
	return standingBody{s.Name, s.Next, s.Owes, s.Owes.By(), s.Place}
}

func (s *Server) counts(w http.ResponseWriter, r *request) error {
	census, err := s.Desk.Census(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("count items: %w", err)
	}
	out := countsBody{AsOf: census.At.UTC(), States: map[string]int{}, Standings: []countBody{}, Owed: map[string]int{},
		Waiting: census.Removals[desk.RemovalProposed]}
	for _, state := range cordon.States() {
		out.States[string(state)] = census.In(state)
	}
	for _, debt := range cordon.Debts() {
		out.Owed[string(debt)] = census.Owing(debt)
	}
	for _, line := range census.Stands {
		out.Standings = append(out.Standings, countBody{line.State, line.Purpose, line.Items, standingOf(line.Stand())})
	}
	return answer(w, http.StatusOK, out)
}

func (s *Server) keys(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	return answer(w, http.StatusOK, s.Signer.keys())
}

func (s *Server) openapi(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(s.doc)
	return nil
}

type healthBody struct {
	Status string `json:"status"`
}

func (s *Server) healthz(w http.ResponseWriter, _ *request) error {
	return answer(w, http.StatusOK, healthBody{"alive"})
}

type readyBody struct {
	Ready  bool        `json:"ready"`
	Checks []checkBody `json:"checks"`
}

type checkBody struct {
	Name   string `json:"name"`
	Hard   bool   `json:"hard" doc:"Whether failing takes the process out of service."`
	OK     bool   `json:"ok"`
	Reason string `json:"reason" doc:"What is wrong and what to do; empty when all is well."`
}

const (
	// checkTime is how long all checks together may take.
	checkTime = 3 * time.Second
	// checkGrace is how long a check may take to notice that the time is over.
	checkGrace = 100 * time.Millisecond
	// checkLife is how long their answers serve everybody who asks: they write and sync, and
	// strangers may ask as often as they like.
	checkLife = time.Second
)

// readiness is what the checks said last.
type readiness struct {
	mu     sync.Mutex // held while they run, so that all who wait get one answer
	at     time.Time
	checks []checkBody
	asked  map[int]chan error // checks that have not answered yet, since the disk hangs for example
}

// run asks every check, unless they have just been asked.
func (r *readiness) run(ctx context.Context, checks []Check) []checkBody {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checks != nil && time.Since(r.at) < checkLife {
		return r.checks
	}
	// Whoever asks first may leave; the others still want the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	if r.asked == nil {
		r.asked = map[int]chan error{}
	}
	for i, c := range checks {
		if r.asked[i] == nil {
			answer := make(chan error, 1)
			r.asked[i] = answer
			go func() { answer <- c.Run(ctx) }()
		}
	}
	out := make([]checkBody, len(checks))
	for i, c := range checks {
		var err error
		select {
		case err = <-r.asked[i]:
			delete(r.asked, i)
		case <-ctx.Done():
			select {
			case err = <-r.asked[i]:
				delete(r.asked, i)
			case <-time.After(checkGrace):
				err = fmt.Errorf("it did not answer within %s", checkTime)
			}
		}
		if out[i] = (checkBody{Name: c.Name, Hard: c.Hard, OK: err == nil}); err != nil {
			out[i].Reason = err.Error()
		}
	}
	r.at, r.checks = time.Now(), out
	return out
}

func (s *Server) readyz(w http.ResponseWriter, r *request) error {
	out, status := readyBody{Ready: true, Checks: []checkBody{}}, http.StatusOK
	for i, c := range s.ready.run(r.Context(), s.Checks) {
		if c.Hard && !c.OK {
			out.Ready, status = false, http.StatusServiceUnavailable
			w.Header().Set("Retry-After", strconv.Itoa(busySeconds))
		}
		if about := s.Checks[i].Tenant; about == "" || about == r.account.Tenant {
			out.Checks = append(out.Checks, c)
		}
	}
	return answer(w, status, out)
}

func (s *Server) metrics(w http.ResponseWriter, r *request) error {
	s.Metrics(r.account.Tenant).ServeHTTP(w, r.Request)
	return nil
}
