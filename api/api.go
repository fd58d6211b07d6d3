// Package api is the door for programs: the JSON API under /v1/, and the health, readiness and
// metrics that operators watch.
//
// Every request carries a bearer token that names an account; the account names the tenant, so
// that no request can reach another. Whoever asks for a verdict gets it signed, and can show it
// to others. What the API offers is described at /v1/openapi.json, which is made from the same
// table that registers the routes.
package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/room"
)

// Config tunes the API.
type Config struct {
	// Budget is how long an asker is kept waiting for a verdict before the answer is "202,
	// come back later". Default: 10 s.
	Budget time.Duration `json:"budget" yaml:"budget"`
	// MaxBody is the largest content that may be handed in, in bytes. Default: 256 MiB.
	MaxBody int64 `json:"max_body" yaml:"max_body"`
	// MaxAsks is how many may hand in content at the same time; further ones get 503 and
	// may try again. Half of them is set apart for the tenants, and no account has more than
	// half. Default: 64.
	MaxAsks int `json:"max_asks" yaml:"max_asks"`
	// Tenants is how many tenants share them. Default: 1.
	Tenants int `json:"tenants" yaml:"tenants"`
}

func (c Config) withDefaults() Config {
	if c.Budget <= 0 {
		c.Budget = 10 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 256 << 20
	}
	if c.MaxAsks <= 0 {
		c.MaxAsks = 64
	}
	return c
}

// Desk answers what the API asks. It is safe for concurrent use. Where an item or receipt of
// the tenant does not exist, it returns cordon.ErrNotFound.
type Desk interface {
	// Ask stores the content, gives it a record and judges it. When wait has passed before
	// the verdict is there, it returns the item as it stands, without a verdict, and judging
	// goes on. An error means that nothing was kept. A repeated IdempotencyKey of the same
	// CallerKey returns the first item. Personal stays readable for minutes after the verdict,
	// or a repeated question cannot be answered with a signature.
	Ask(ctx context.Context, a cordon.Arrival, body io.Reader, wait time.Duration) (cordon.Item, error)
	Items(ctx context.Context, tenant cordon.TenantID, q desk.Query) ([]cordon.Item, error)
	Open(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.View, error)
	// Release and Reject return cordon.ErrConflict when the item is no longer held.
	Release(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (cordon.Item, error)
	Reject(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (cordon.Item, error)
	// Settle returns cordon.ErrConflict when the item is no longer unsettled or the CRM has what is
	// to be sent again, cordon.ErrInvalid when the record named is not the item, and
	// cordon.ErrShredded when there is nothing to send.
	Settle(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, s desk.Settlement) (cordon.Item, error)
	// Receipt returns the proof as JSON. ready is false until a checkpoint covers all of it.
	Receipt(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (doc []byte, ready bool, err error)
	// Census counts everything at one instant.
	Census(ctx context.Context, tenant cordon.TenantID) (cordon.Census, error)
	Routes(ctx context.Context, tenant cordon.TenantID) ([]desk.RouteLine, error)
}

// Actors gives the pseudonym under which an account acts. It is stable.
type Actors interface {
	ActorFor(ctx context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error)
}

// Ledger reads the record.
type Ledger interface {
	// Checkpoint returns the newest signed note, or cordon.ErrNotFound while the log is empty.
	Checkpoint(ctx context.Context, tenant cordon.TenantID) ([]byte, error)
	// Proof returns the inclusion proof of one entry as JSON, or cordon.ErrNotFound while no
	// checkpoint covers it.
	Proof(ctx context.Context, tenant cordon.TenantID, entry cordon.ID) ([]byte, error)
}

// Check is one condition of being ready.
type Check struct {
	Name string
	// Tenant is the organisation that the check is about. It is shown to accounts of that
	// tenant and to nobody else. "": the machine, shown to everybody.
	Tenant cordon.TenantID
	// Hard checks take the process out of service; others only show.
	Hard bool
	// Run returns nil, or what is wrong and what to do. It must heed ctx.
	Run func(ctx context.Context) error
}

// Parts are what the API is put together from. All but Metrics, Checks, Paths and Log are needed.
type Parts struct {
	Desk     Desk
	Actors   Actors
	Ledger   Ledger
	Accounts *account.Book
	Signer   *Signer
	// Lists are the lists of known files.
	Lists Lists
	// Backfills go through what the org holds.
	Backfills Backfills
	// Shadows makes shadow reports, and ShadowPage writes one as a page of HTML.
	Shadows    Shadows
	ShadowPage func(io.Writer, desk.Shadow) error
	// Alerts looks at what others report.
	Alerts Alerts
	// Removals are proposals to take something out that the CRM has.
	Removals Removals
	// Inventories counts what the org holds. Without it nothing was ever counted.
	Inventories Inventories
	// Coverage says what the org gained. Nil: nobody counts, and it is unknown.
	Coverage Coverage
	// Routes returns the declared routes of a tenant.
	Routes func(cordon.TenantID) []cordon.Route
	// Paths lists the ways in that can carry media and are not looked into by this release.
	Paths  []desk.Path
	Checks []Check
	// Metrics answers with the figures of one tenant and of the machine, or with those of the
	// machine alone for "".
	Metrics func(cordon.TenantID) http.Handler
	Log     *slog.Logger
}

// Server answers the API. It is safe for concurrent use.
type Server struct {
	Parts
	conf  Config
	mux   *http.ServeMux
	asks  *room.Room
	ready readiness
	table []endpoint
	doc   []byte // the OpenAPI document
}

// New puts the API together.
func New(conf Config, p Parts) (*Server, error) {
	if p.Desk == nil || p.Actors == nil || p.Ledger == nil || p.Accounts == nil || p.Signer == nil || p.Lists == nil || p.Alerts == nil ||
		p.Routes == nil || p.Shadows == nil || p.ShadowPage == nil || p.Backfills == nil || p.Removals == nil {
		return nil, errors.New("api: desk, actors, ledger, accounts, signer, lists, alerts, routes, shadows, backfills and removals are all needed")
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Metrics == nil {
		p.Metrics = func(cordon.TenantID) http.Handler { return http.NotFoundHandler() }
	}
	conf = conf.withDefaults()
	s := &Server{Parts: p, conf: conf, mux: http.NewServeMux(), asks: room.New(int64(conf.MaxAsks), conf.Tenants, 0.5)}
	s.table = s.endpoints()
	var err error
	if s.doc, err = document(s.table); err != nil {
		return nil, err
	}
	for _, e := range s.table {
		s.mux.Handle(e.method+" "+e.path, s.serve(e))
	}
	s.mux.Handle("/", s.serve(endpoint{open: true, handle: func(http.ResponseWriter, *request) error {
		return errNoSuchPath
	}}))
	return s, nil
}

// Paths under which the wiring mounts the server beside the console.
var Prefixes = []string{"/v1/", "/healthz", "/readyz", "/metrics"}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// request is an HTTP request with whoever makes it.
type request struct {
	*http.Request
	account account.Account
	actor   cordon.Actor
}

// serve does for every endpoint what none may forget: it finds the account, checks its
// permission, and renders and logs errors.
func (s *Server) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		r := &request{Request: hr}
		err := s.admit(e, r)
		if err == nil {
			err = e.handle(w, r)
		}
		if err != nil {
			s.fail(w, hr, err)
		}
	})
}

func (s *Server) admit(e endpoint, r *request) (err error) {
	token, ok := bearer(r.Header.Get("Authorization"))
	if e.open && (!ok || len(e.takes) == 0) {
		return nil // nobody asks, or everybody is told the same
	}
	if !ok {
		return errNoToken
	}
	if r.account, err = s.Accounts.Bearer(token); err != nil {
		return errBadToken
	}
	if e.open && !e.permits(r.account) {
		r.account = account.Account{} // it is told what everybody is told
	}
	if !e.open && !e.permits(r.account) {
		return errNotPermitted(r.account, e)
	}
	if e.open {
		return nil // it reads nothing under a name, and answers when the records are away
	}
	r.actor, err = s.Actors.ActorFor(r.Context(), r.account.Tenant, r.account.Kind(), r.account.Login)
	return err
}
