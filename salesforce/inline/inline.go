// Package inline is the gateway between API clients and Salesforce. Clients change a base URL
// and nothing else.
//
// It promises that on an enforcing route no byte of a file reaches Salesforce before the file
// was judged. What carries no media streams through untouched. What carries media in a form
// that is understood is parsed, stored, judged and written again from its parsed form; a body
// with media is never copied. What can carry media in a form that is not understood is
// refused, or let through and counted where its route says so. Names are compared without
// case, on the canonical path, after decompression and after every escape is undone.
//
// Errors have the platform's own shapes, so that clients handle them; those that concern an
// item name its receipt in the message and in the Cordon-Receipt header.
package inline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/room"
	"github.com/cordonhq/cordon/salesforce"
)

// Line is what the gateway needs of the house behind it. Safe for concurrent use.
type Line interface {
	// Spool stores the bytes encrypted and promises nothing. When r fails, nothing is left.
	Spool(ctx context.Context, tenant cordon.TenantID, r io.Reader) (cordon.Spooled, error)
	// Discard forgets spooled bytes.
	Discard(ctx context.Context, s cordon.Spooled)
	// Receive commits the arrival. With repeated, an earlier item answers and the spooled
	// bytes are forgotten.
	Receive(ctx context.Context, a cordon.Arrival, s cordon.Spooled) (item cordon.Item, repeated bool, err error)
	// Judge inspects, decides and commits; the state tells what was decided. Before an item is
	// held, refused is asked whether the CRM would take the write at all. When it returns an
	// error code of the CRM, nothing is kept and the item ends erased.
	Judge(ctx context.Context, item cordon.Item, refused func(context.Context) (code string)) (cordon.Item, error)
	// Forward commits the intent, calls send once, and commits how it ended.
	Forward(ctx context.Context, item cordon.Item, send func(context.Context, cordon.Content) (cordon.Delivery, error)) (cordon.Item, error)
	// Remember keeps, for ttl, which OAuth client a token was issued to.
	Remember(ctx context.Context, tenant cordon.TenantID, token, clientID string, ttl time.Duration)
	// ClientOf returns the OAuth client a token was issued to, "" if unknown.
	ClientOf(ctx context.Context, tenant cordon.TenantID, token string) string
	// Touch counts a use of a route: inspected, passed, not-inspected or refused. Cheap.
	Touch(tenant cordon.TenantID, route, what string)
}

// Stager is implemented by lines that support routes which answer a hold with a placeholder.
type Stager interface {
	// Staged records the placeholder that stands upstream for a held item.
	Staged(ctx context.Context, item cordon.Item, placeholder cordon.Delivery) (cordon.Item, error)
}

// What a route is touched with.
const (
	touchInspected    = "inspected"
	touchPassed       = "passed"
	touchNotInspected = "not-inspected"
	touchRefused      = "refused"
)

// Config says what the gateway serves and how much of it. The zero value of every field but
// Tenants works.
type Config struct {
	// Tenants are the organisations behind the gateway. At least one.
	Tenants []Tenant

	// MaxJSON is the largest JSON body with media, in bytes of text. Default: 50 MB.
	MaxJSON int64
	// MaxMultipartVersion is the largest multipart body for ContentVersion. Default: 2 GB.
	MaxMultipartVersion int64
	// MaxMultipartOther is the largest multipart body for any other object. Default: 500 MB.
	MaxMultipartOther int64
	// MaxFields is the size of all fields of a record beside its file, in bytes. Default: 1 MB.
	MaxFields int
	// MaxChecked is the largest body that is held in memory to show that it carries no
	// media, after decompression. Longer ones count as not inspected. Default: 8 MB.
	MaxChecked int64
	// MaxCSV is the largest Bulk CSV, after decompression. Default: 150 MB.
	MaxCSV int64
	// MaxUploads is the number of uploads at one time, those whose bodies are still arriving not
	// counted, of which there may be four times as many; the next is answered 503. Each tenant has
	// a part of the room that nobody takes from it, and no caller has more than half. Bodies
	// that arrive slowly are the listener's to cut, with cordon.ErrTooSlow. Default: 256.
	MaxUploads int64

	// WriteTimeout bounds judging and writing one upload once its bytes are safe, whether or
	// not the client still waits. Default: 15 min.
	WriteTimeout time.Duration
	// RetryAfter is what overloaded answers tell clients to wait. Default: 5 s.
	RetryAfter time.Duration

	// Quota, if set, is asked before each upload. A positive answer refuses it with
	// REQUEST_LIMIT_EXCEEDED and tells the caller to wait so long. caller is an opaque text
	// that is the same for one token.
	Quota func(tenant cordon.TenantID, caller string) (wait time.Duration)
	// Room, if set, is asked before each request. An error is answered 503, and the connection is
	// closed.
	Room func() error
	// Moved, if set, is called whenever the org sent a caller to another host, so that somebody
	// learns of it.
	Moved func(tenant cordon.TenantID)
	// TrustProxy believes X-Forwarded-Proto and the last address of X-Forwarded-For, for gateways
	// that are reached only through a proxy which ends TLS and sets both.
	TrustProxy bool
	// Log gets one line per refusal and fault. It never holds tokens, bodies or full paths.
	// Default: slog.Default().
	Log *slog.Logger
}

// Tenant is one organisation.
type Tenant struct {
	// ID names it in the record.
	ID cordon.TenantID
	// Hosts are the names by which clients reach the gateway for it, without port.
	Hosts []string
	// Upstream is the org's own origin, for example https://acme.my.salesforce.com.
	Upstream *url.URL
	// Routes are the declared ways in; the first with a matching rule applies.
	Routes []cordon.Route
	// Transport reaches the upstream. Default: a pooled one of its own.
	Transport http.RoundTripper
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// What nobody has a reason to set.
const (
	// maxParts is the number of parts a multipart body may have before it is refused. A file
	// needs two.
	maxParts = 8
	// maxPartHeader is the size of all headers of one part, in bytes.
	maxPartHeader = 16 << 10
	// checkingAtOnce is how many bodies of MaxChecked are held in memory together.
	checkingAtOnce = 8
	// askTimeout bounds one question to the CRM about a caller.
	askTimeout = 10 * time.Second
	// answerFor is how long an answer about a caller's rights is used.
	answerFor = time.Minute
	// tokenTTL is how long the client of an issued token is remembered: sessions are extended by use.
	tokenTTL = 30 * 24 * time.Hour
)

func (c *Config) setDefaults() {
	def(&c.MaxJSON, salesforce.MaxJSON)
	def(&c.MaxMultipartVersion, salesforce.MaxMultipartVersion)
	def(&c.MaxMultipartOther, salesforce.MaxMultipartOther)
	def(&c.MaxFields, 1<<20)
	def(&c.MaxChecked, 8<<20)
	def(&c.MaxCSV, 150<<20)
	def(&c.MaxUploads, 256)
	def(&c.WriteTimeout, 15*time.Minute)
	def(&c.RetryAfter, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Gateway serves the gateway listener. It is safe for concurrent use.
type Gateway struct {
	conf    Config
	line    Line
	tenants map[string]*tenant // by host, lower case
	log     *slog.Logger

	bodies   *room.Room // one an upload whose body arrives
	uploads  *room.Room // one an upload that runs
	checking *room.Room // bytes held to be checked

	drain struct {
		sync.Mutex
		closed  bool
		running int
		done    chan struct{} // made by Drain, closed when closed and running is 0
	}
}

var _ http.Handler = (*Gateway)(nil)

// New returns a gateway in front of the configured tenants.
func New(conf Config, line Line) (*Gateway, error) {
	conf.setDefaults()
	if len(conf.Tenants) == 0 {
		return nil, fmt.Errorf("%w: the gateway has no tenant; add one under tenants", cordon.ErrInvalid)
	}
	g := &Gateway{
		conf: conf, line: line, log: conf.Log,
		tenants:  make(map[string]*tenant),
		bodies:   room.New(bodiesPerUpload*conf.MaxUploads, len(conf.Tenants), 0.5),
		uploads:  room.New(conf.MaxUploads, len(conf.Tenants), 0.5),
		checking: room.New(checkingAtOnce*conf.MaxChecked, len(conf.Tenants), 0.75),
	}
	for _, t := range conf.Tenants {
		if err := g.addTenant(t); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// errBusy is answered as a native 503.
var errBusy = errors.New("as many uploads as configured are running")

// ServeHTTP answers one request of a client.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := g.tenantOf(r.Host)
	if t == nil {
		g.refuse(w, r, unknownHost(r.Host))
		return
	}
	c := &call{gateway: g, tenant: t, w: w, in: r, host: r.Host, secure: g.isSecure(r)}
	if g.conf.Room != nil {
		if err := g.conf.Room(); err != nil {
			w.Header().Set("Connection", "close")
			g.fail(c, g.away(err))
			return
		}
	}
	if err := g.serve(c); err != nil {
		g.fail(c, err)
	}
}

// serve decides by class. An error it returns has not been answered yet.
func (g *Gateway) serve(c *call) error {
	r := c.in
	stripOverrides(r)
	if !hasBody(r) && bodyless(r.Method) && !runsCode(r.URL.Path) {
		if why := tellsService(r); why != "" {
			c.target = classify("/services/apexrest")
			return g.notInspected(c, why, nil)
		}
		c.rewrites = rewritesFor(r.URL.Path)
		g.pass(c)
		return nil
	}
	method, query, err := effectiveMethod(r)
	if err != nil {
		return err
	}
	path, err := salesforce.Canonical(r.URL.EscapedPath())
	if err != nil {
		return refusalf(http.StatusBadRequest, salesforce.CodeMalformed, "%s", pathMessage(err))
	}
	c.method, c.query, c.path = method, query, path
	c.target = classify(path)
	if c.target.xml {
		r.Header.Set("Accept", "application/xml")
	}
	if bodyless(method) && hasBody(r) {
		if err := g.dropBody(c); err != nil {
			return err
		}
	}
	if !hasBody(r) && c.target.class != classAuth {
		return g.withoutBody(c)
	}
	if err := oneOfEach(r); err != nil {
		return err
	}
	switch c.target.class {
	case classPass:
		g.pass(c)
		return nil
	case classAuth:
		return g.auth(c)
	case classMedia:
		return g.upload(c)
	case classIngestData, classAsyncData:
		return g.bulkData(c)
	case classOpaque:
		return g.notInspectedOr(c, c.target.why, nil, func() error {
			if c.target.nowhere {
				return refusalf(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
			}
			return nil
		})
	default:
		return g.checked(c)
	}
}

// pathMessage is the part of a Canonical error that helps the caller.
func pathMessage(err error) string {
	_, why, _ := strings.Cut(err.Error(), salesforce.ErrAmbiguous.Error()+": ")
	if why == "" {
		return "The path cannot be read."
	}
	return strings.ToUpper(why[:1]) + why[1:] + "."
}
