// Package console is the door for people: pages that show what waits, what was found, and let a
// reviewer decide.
//
// Pages are plain HTML made on the server. They work without scripts, and the content security
// policy forbids any. Original bytes never reach the browser: it gets freshly encoded previews,
// blurred until somebody asks, and asking is on record. What may point to a person is shown to
// reviewers only.
package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Environment says on every page what a mistake would mean.
type Environment string

// Environments.
const (
	Production Environment = "production"
	Sandbox    Environment = "sandbox"
	Demo       Environment = "demo"
)

// Config tunes the console.
type Config struct {
	// Environment is production, sandbox or demo. Default: production.
	Environment Environment `json:"environment" yaml:"environment"`
	// SessionLife is how long a sign-in lasts. Default: 10 h.
	SessionLife time.Duration `json:"session_life" yaml:"session_life"`
	// TrustedProxy says that the console is reached through a proxy that ends TLS and sets
	// X-Forwarded-For, whose last address is then taken for the caller's. Without it, all who
	// come through a proxy look like one, and the wrong passwords of some slow down all.
	TrustedProxy bool `json:"trusted_proxy" yaml:"trusted_proxy"`
}

// Desk answers what the console asks. It is safe for concurrent use. Where an item of the
// tenant does not exist, it returns cordon.ErrNotFound.
type Desk interface {
	Items(ctx context.Context, tenant cordon.TenantID, q desk.Query) ([]cordon.Item, error)
	Open(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.View, error)
	// Release and Reject return cordon.ErrConflict when the item is no longer held.
	Release(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (cordon.Item, error)
	Reject(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, d desk.Decision) (cordon.Item, error)
	// Settle returns cordon.ErrConflict when the item is no longer unsettled or the CRM has what is
	// to be sent again, cordon.ErrInvalid when the record named is not the item, and
	// cordon.ErrShredded when there is nothing to send.
	Settle(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, s desk.Settlement) (cordon.Item, error)
	// Preview returns a fresh encoding (PNG or JPEG) without metadata. That by looked is on
	// record before it returns. By cordon.Cordon nobody looks: the console makes a few coarse
	// grey patches of the picture, and nothing is recorded. It returns
	// cordon.ErrNotFound where the kind of content has no preview, and cordon.ErrShredded.
	Preview(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor) (data []byte, mediaType string, err error)
	// Receipt returns the proof as JSON. ready is false until a checkpoint covers all of it.
	Receipt(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (doc []byte, ready bool, err error)
	// Census counts everything at one instant.
	Census(ctx context.Context, tenant cordon.TenantID) (cordon.Census, error)
	Routes(ctx context.Context, tenant cordon.TenantID) ([]desk.RouteLine, error)
	System(ctx context.Context, tenant cordon.TenantID) (desk.System, error)
}

// Actors gives the pseudonym under which an account acts. It is stable.
type Actors interface {
	ActorFor(ctx context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error)
}

// Parts are what the console is put together from. All but Coverage, Inventories, Paths and Log are needed.
type Parts struct {
	Desk     Desk
	Actors   Actors
	Accounts *account.Book
	Sessions account.Sessions
	// Inventories counts what the org holds. Without it there is no such page.
	Inventories Inventories
	// Coverage says what the org gained. Nil: nobody counts, and it is unknown.
	Coverage Coverage
	// Shadows makes shadow reports, and ShadowPage writes one as a page of HTML.
	Shadows    Shadows
	ShadowPage func(io.Writer, desk.Shadow) error
	// Alerts has files looked at that people report.
	Alerts Alerts
	// Removals are proposals to take something out that the CRM has.
	Removals Removals
	// Lists are the lists of known files.
	Lists Lists
	// Backfills go through what the org holds.
	Backfills Backfills
	// Paths lists the ways in that can carry media and are not looked into by this release.
	Paths []desk.Path
	Log   *slog.Logger
}

// Server answers the console's pages. It is safe for concurrent use.
type Server struct {
	Parts
	conf Config
	mux  http.Handler
	now  func() time.Time
}

// New puts the console together.
func New(conf Config, p Parts) (*Server, error) {
	if p.Desk == nil || p.Actors == nil || p.Accounts == nil || p.Sessions == nil || p.Shadows == nil || p.ShadowPage == nil || p.Alerts == nil || p.Backfills == nil || p.Removals == nil || p.Lists == nil {
		return nil, errors.New("console: desk, actors, accounts, sessions, shadows, alerts, backfills and removals are all needed")
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	switch conf.Environment {
	case "":
		conf.Environment = Production
	case Production, Sandbox, Demo:
	default:
		return nil, errors.New("console: environment must be production, sandbox or demo, not " + string(conf.Environment))
	}
	if conf.SessionLife <= 0 {
		conf.SessionLife = 10 * time.Hour
	}
	s := &Server{Parts: p, conf: conf, now: time.Now}
	mux := http.NewServeMux()
	for _, p := range s.pages() {
		mux.Handle(p.pattern, s.serve(p))
	}
	s.mux = mux
	return s, nil
}

// page is one line of the table of pages.
type page struct {
	pattern string
	open    bool // needs nobody signed in
	takes   account.Permission
	handle  func(http.ResponseWriter, *request) error
}

func (s *Server) pages() []page {
	return []page{
		{pattern: "GET /sign-in", open: true, handle: s.signInPage},
		{pattern: "POST /sign-in", open: true, handle: s.signIn},
		{pattern: "POST /sign-out", handle: s.signOut},
		{pattern: "GET /static/{file}", open: true, handle: s.static},
		{pattern: "GET /{$}", takes: account.Read, handle: s.nowPage},
		{pattern: "GET /holds", takes: account.Read, handle: s.holdsPage},
		{pattern: "GET /items/{id}", takes: account.Read, handle: s.itemPage},
		{pattern: "GET /items/{id}/preview", takes: account.Preview, handle: s.preview},
		{pattern: "POST /items/{id}/show", takes: account.Preview, handle: s.show},
		{pattern: "POST /items/{id}/decide", takes: account.Decide, handle: s.decide},
		{pattern: "POST /items/{id}/settle", takes: account.Decide, handle: s.settle},
		{pattern: "GET /receipts/{id}", takes: account.Read, handle: s.receiptPage},
		{pattern: "GET /receipts/{id}/download", takes: account.Read, handle: s.receiptFile},
		{pattern: "GET /coverage", takes: account.Read, handle: s.coveragePage},
		{pattern: "GET /alerts", takes: account.Read, handle: s.alertsPage},
		{pattern: "POST /alerts", takes: account.Report, handle: s.report},
		{pattern: "GET /alerts/{id}", takes: account.Read, handle: s.alertPage},
		{pattern: "GET /removals", takes: account.Read, handle: s.removalsPage},
		{pattern: "GET /removals/{id}", takes: account.Read, handle: s.removalPage},
		{pattern: "POST /removals/{id}/decide", takes: account.Decide, handle: s.removalDecide},
		{pattern: "GET /known", takes: account.Lists, handle: s.knownPage},
		{pattern: "POST /known", takes: account.Lists, handle: s.knownAdd},
		{pattern: "POST /known/{id}/remove", takes: account.Lists, handle: s.knownRemove},
		{pattern: "GET /routes", takes: account.Read, handle: s.routesPage},
		{pattern: "GET /inventory", takes: account.Read, handle: s.inventoryPage},
		{pattern: "POST /inventory", takes: account.Read, handle: s.takeInventory},
		{pattern: "GET /reports", takes: account.Read, handle: s.reportsPage},
		{pattern: "GET /reports/shadow", takes: account.Read, handle: s.shadowReport},
		{pattern: "POST /reports/shadow", takes: account.Read, handle: s.shadowReplay},
		{pattern: "GET /backfill", takes: account.Read, handle: s.backfillPage},
		{pattern: "POST /backfill", takes: account.Operate, handle: s.backfillStart},
		{pattern: "GET /backfill/{name}", takes: account.Read, handle: s.backfillOnePage},
		{pattern: "POST /backfill/{name}/{act}", takes: account.Operate, handle: s.backfillTurn},
		{pattern: "/", open: true, handle: func(http.ResponseWriter, *request) error { return errNoPage }},
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// request is an HTTP request with whoever makes it.
type request struct {
	*http.Request
	account account.Account
	actor   cordon.Actor
	secret  string // what only this browser has; "" while nobody is signed in
}

// policy lets a page load its own style sheet and pictures, send forms home, and nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// serve does for every page what none may forget: headers, who is asking, what they may,
// whether a form came from our own page, and what is shown when something went wrong.
func (s *Server) serve(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		r := &request{Request: hr}
		err := s.admit(p, w, r)
		if err == nil {
			err = p.handle(w, r)
		}
		switch {
		case err == nil:
		case errors.Is(err, errSignedOut) && hr.Method == http.MethodGet && !isPicture(hr):
			http.Redirect(w, hr, "/sign-in?next="+queryEscape(hr.URL.RequestURI()), http.StatusSeeOther)
		default:
			s.fail(w, r, err)
		}
	})
}

// isPicture keeps a sign-in page from being sent where a picture was asked for.
func isPicture(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/preview") }

func (s *Server) admit(p page, w http.ResponseWriter, r *request) error {
	if err := s.identify(r); err != nil {
		return err
	}
	if !p.open && r.secret == "" {
		return errSignedOut
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := s.checkForm(r); err != nil {
			return err
		}
	}
	if p.takes != "" && !r.account.May(p.takes) {
		return errNotPermitted
	}
	return nil
}
