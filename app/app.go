package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/api"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/console"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/inline"
	"github.com/cordonhq/cordon/store"
)

// Options are what a caller of New may bring instead of files, for the demo and for tests.
type Options struct {
	Log *slog.Logger
	// GatewayTLS serves the gateway's TLS listener instead of the configured files.
	GatewayTLS *tls.Config
	// Accounts, if any, stand in for the configured ones.
	Accounts []account.Static
	// TrustAnchors are PEM certificates by tenant, added to the configured file.
	TrustAnchors map[cordon.TenantID][]byte
	// TuneBackfill changes how backfills work, in tests.
	TuneBackfill func(*events.BackfillConfig)
	// SetAside sets bytes without a record aside, however many there are.
	SetAside bool
}

var (
	_ ledger.Log    = (*store.DB)(nil)
	_ ledger.Reader = (*store.DB)(nil)
	_ flow.Store    = (*store.DB)(nil)
	_ flow.Keys     = (*keyring.Ring)(nil)
	_ keyring.Rows  = (*store.DB)(nil)
)

// App is a gateway with its console, ready to start.
type App struct {
	conf Config
	log  *slog.Logger
	lock *os.File // of the data folder

	files  *descriptors
	found  installation
	behind error // the records are older than what was published of them

	db        *store.DB
	flow      *flow.Flow
	likes     *likes
	laws      laws                                   // of coverage
	clients   map[cordon.TenantID]*salesforce.Client // Cordon's own, by tenant
	sequencer *ledger.Sequencer
	tidier    tidier
	publisher publisher
	backfills *backfills
	adopter   *adopter
	stock     *stocktaker
	gauges    *gauges
	heard     heard // what the orgs' events have told
	tools     tools // foreign programs, locked down
	gateway   *inline.Gateway
	runner    *store.Runner
	handlers  struct{ gateway, console, metrics http.Handler }
	tls       *tls.Config

	listeners struct{ gateway, gatewayTLS, console, consoleTLS, metrics *listener }
	stopWork  context.CancelFunc
	working   chan struct{}
	polling   sync.WaitGroup
	stopPolls context.CancelFunc
	pollers   []*poller
	failed    chan error

	stopOnce sync.Once
	stopErr  error
	closed   atomic.Bool
}

// New opens everything that the configuration names and puts it together. Nothing listens
// and nothing moves before Start.
func New(ctx context.Context, conf Config, opt Options) (*App, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	a := &App{conf: conf, log: opt.Log, tls: opt.GatewayTLS, failed: make(chan error, 5)}
	if a.log == nil {
		a.log = slog.Default()
	}
	if err := a.put(ctx, opt); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// put puts the parts together.
func (a *App) put(ctx context.Context, opt Options) (err error) {
	conf := a.conf
	dataDir, keysDir := conf.path(conf.Data), conf.path(conf.Keys)
	if err := keyring.CheckApart(keysDir, dataDir); err != nil {
		return err
	}
	for _, dir := range []string{dataDir, keysDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the folder %q: %w", dir, err)
		}
	}
	if a.lock, err = lockFolder(dataDir); err != nil {
		return err
	}
	if a.files, err = openDescriptors(a.log); err != nil {
		return err
	}
	ring, blobs, err := a.openParts(ctx, opt)
	if err != nil {
		return err
	}

	a.tools = openTools(conf.Sandbox)
	tenants, err := openTenants(conf, opt, a.db, a.log)
	if err != nil {
		return err
	}
	tenants.examiner.decodeWith(a.tools.decoder)
	a.clients = tenants.crm.clients
	if err := checkConnected(conf.Inspect.Costs, tenants); err != nil {
		return err
	}
	tell := &teller{tenants: tenants}
	a.gauges = newGauges(a.db, blobs, conf.Tenants)
	a.flow = flow.New(flow.Config{
		Store: a.db, Blobs: files{blobs}, Keys: ring, Examiner: tenants.examiner, CRM: tenants.crm,
		Policy: tenants.policyOf, Callback: tell, Tells: tenants.tells,
		KeepPassed: conf.KeepPassed, LateWithin: conf.Inspect.LateWithin, LateEnded: a.gauges.lateEnded, GaveUp: a.gauges.gaveUpOn, ForwardWithin: conf.SettleAfter, RepeatWithin: conf.RepeatWithin, Log: a.log,
		Alike: tenants.likes, AlikeConfig: conf.Inspect.Alike.within(),
	})
	a.likes = tenants.likes
	a.likes.flow, a.likes.ears = a.flow, ears{a.tools.decoder}

	a.backfills = a.newBackfills(opt.TuneBackfill)
	a.adopter = newAdopter(a.db, a.flow, tenants, min(time.Minute, conf.SettleAfter), a.integrations, a.log)
	a.laws = a.openLaws(conf, ring)

	signers, err := openSigners(keysDir, conf.Tenants)
	if err != nil {
		return err
	}
	if a.behind, err = a.found.checkLedgers(ctx, a.db, signers); err != nil {
		return err
	}
	if a.behind != nil {
		a.freeze() // what older records lack is not left behind
	} else if err := a.found.checkBytes(ctx, a.tidier); err != nil {
		// No other process works on this folder, so at a start no upload can be between its bytes
		// and its record.
		return err
	}
	if a.sequencer, err = ledger.NewSequencer(a.db, ledger.Config{Signers: signers, Logger: a.log}); err != nil {
		return err
	}
	a.db.Committed(a.sequencer.Wake)
	a.heard.things = a.db
	a.publisher = publisher{log: a.db, dir: dataDir, tenants: tenants.ids(), logger: a.log, one: new(sync.Mutex)}

	if err := a.openGateway(tenants, ring); err != nil {
		return err
	}
	if err := a.openDoors(tenants, ring, tell, keysDir, opt); err != nil {
		return err
	}
	a.publisher.id, err = a.found.begin(ctx, a.db)
	return err
}

// openParts opens records, keys and bytes, if they belong together.
func (a *App) openParts(ctx context.Context, opt Options) (*keyring.Ring, *blob.Files, error) {
	conf, slots := a.conf, a.conf.Limits.Uploads+otherSlots
	found, err := lookAtInstallation(ctx, conf)
	if err != nil {
		return nil, nil, err
	}
	if err := found.check(slots); err != nil {
		return nil, nil, err
	}
	check := func(db *store.DB) error { return found.checkRecordsID(ctx, db) }
	if a.db, err = openStore(ctx, conf, check, a.log); err != nil {
		return nil, nil, err
	}
	a.found = found
	keysDir := conf.path(conf.Keys)
	if err := found.checkRecords(ctx, a.db, keysDir, conf.Tenants); err != nil {
		return nil, nil, err
	}
	ring, err := openRing(keysDir, a.db)
	if err != nil {
		return nil, nil, err
	}
	if err := authenticate(ctx, a.db, ring, keysDir, a.log); err != nil {
		return nil, nil, err
	}
	if err := found.checkKeys(ctx, a.db, ring, conf.Tenants); err != nil {
		return nil, nil, err
	}
	blobs, err := blob.OpenFiles(found.bytesFolder())
	if err != nil {
		return nil, nil, err
	}
	a.tidier = tidier{db: a.db, blobs: blobs, ring: ring, log: a.log, slots: slots, force: opt.SetAside}
	return ring, blobs, nil
}

// openStore opens the records. check sees them before their tables are brought up to date.
func openStore(ctx context.Context, conf Config, check func(*store.DB) error, log *slog.Logger) (*store.DB, error) {
	sc := store.Config{Log: log}
	if d := conf.Database; d.URL != "" {
		sc.URL, sc.OwnerURL, sc.WorkerURL, sc.SequencerURL = d.URL, d.OwnerURL, d.WorkerURL, d.SequencerURL
	} else {
		sc.Path = filepath.Join(conf.path(conf.Data), "cordon.db")
	}
	db, err := store.Open(ctx, sc)
	if err != nil {
		return nil, fmt.Errorf("open the records: %w", err)
	}
	if err := check(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.Migrate(ctx); err != nil {
		if cordon.Unavailable(err) {
			err = fmt.Errorf("the database took no writes (look at its disk and whether it runs), so its tables were left as they are: %w", err)
		} else {
			err = fmt.Errorf("bring the records' tables up to date: %w", err)
		}
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openRing opens the master key, and creates it on the first start.
func openRing(dir string, db *store.DB) (*keyring.Ring, error) {
	path := masterKey(dir)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := keyring.Create(path); err != nil {
			return nil, err
		}
	}
	return keyring.Open(path, db)
}

func verdictKey(keysDir string) string { return filepath.Join(keysDir, "verdict.key") }

func masterKey(keysDir string) string { return filepath.Join(keysDir, "master.key") }

// openSigners opens each tenant's ledger key, and creates it on the first start.
func openSigners(dir string, tenants []TenantConfig) (map[cordon.TenantID]*ledger.Signer, error) {
	signers := map[cordon.TenantID]*ledger.Signer{}
	for _, t := range tenants {
		path := LedgerKey(dir, t.ID)
		s, err := ledger.LoadSigner(path)
		if errors.Is(err, os.ErrNotExist) {
			s, err = ledger.CreateSigner(path, ledger.Origin(t.ID))
		}
		if err != nil {
			return nil, err
		}
		signers[t.ID] = s
	}
	return signers, nil
}

// LedgerKey is where the key lies that signs a tenant's ledger.
func LedgerKey(keysDir string, tenant cordon.TenantID) string {
	return filepath.Join(keysDir, "ledger-"+string(tenant)+".key")
}

func (a *App) openDoors(t *tenants, ring *keyring.Ring, tell *teller, keysDir string, opt Options) error {
	book, err := openAccounts(a.conf, opt)
	if err != nil {
		return err
	}
	signer, err := openVerdictKey(verdictKey(keysDir), a.issuer())
	if err != nil {
		return err
	}
	desk := &deskClerk{db: a.db, flow: a.flow, sequencer: a.sequencer, tenants: t}
	a.stock = newStocktaker(desk, a.log)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), a.gauges, a.openPollers(), newCoverageGauges(a.laws), newSandboxGauges(a.tools), newOwedGauges(a.db, a.conf.Tenants), &a.heard,
		newSignIns(book), newChecking(t.examiner.queue))

	shadows := a.shadower(t)
	server, err := api.New(api.Config{Budget: a.conf.Inspect.Budget, MaxBody: a.conf.Limits.AskBytes, Tenants: len(a.conf.Tenants)}, api.Parts{
		Desk: desk, Actors: a.db, Ledger: desk, Accounts: book, Signer: signer, Lists: desk, Alerts: a.adopter, Removals: desk, Inventories: a.stock, Backfills: a.backfills, Coverage: a.coverage(),
		Shadows: shadows, ShadowPage: shadowPage,
		Routes: t.routesOf, Paths: notInspected(), Checks: a.checks(t, ring),
		Metrics: figures{registry}.of, Log: a.log,
	})
	if err != nil {
		return err
	}
	tell.notice = func(ctx context.Context, it cordon.Item) ([]byte, string, error) {
		view, err := desk.Open(ctx, it.Tenant, it.ID)
		if err != nil {
			return nil, "", err
		}
		state := string(it.State)
		if view.Removal != nil {
			state += "." + string(view.Removal.State)
		}
		body, err := server.Notice(view)
		return body, state, err
	}
	pages, err := console.New(console.Config{Environment: console.Environment(a.conf.Environment), TrustedProxy: a.conf.Console.TrustProxy, SessionLife: a.conf.SessionLife}, console.Parts{
		Desk: desk, Actors: a.db, Accounts: book, Lists: desk, Sessions: sessions{a.db, t.ids()}, Inventories: a.stock, Backfills: a.backfills, Alerts: a.adopter, Removals: desk, Coverage: a.coverage(), Paths: notInspected(), Log: a.log,
		Shadows: shadows, ShadowPage: shadowPage,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, path := range api.Prefixes {
		mux.Handle(path, server)
	}
	mux.Handle("/", pages)
	a.handlers.console, a.handlers.metrics = mux, figures{registry}.all()
	return nil
}

// issuer names this gateway in signed verdicts.
func (a *App) issuer() string {
	if a.conf.Console.URL != "" {
		return a.conf.Console.URL
	}
	return "cordon"
}

// Start opens the listeners, settles what an earlier process left in mid-move, and starts
// working.
func (a *App) Start(ctx context.Context) error {
	if err := a.open(); err != nil {
		return errors.Join(err, a.close())
	}
	if a.behind != nil { // answers, and moves nothing
		for _, l := range a.all() {
			go l.serve(a.failed)
		}
		return nil
	}
	work, cancel := context.WithCancel(context.Background())
	a.stopWork, a.working = cancel, make(chan struct{})
	go func() {
		defer close(a.working)
		a.sequencer.Run(work)
	}()
	if err := a.flow.Recover(ctx, a.conf.Database.URL == ""); err != nil {
		a.log.Warn("some items could not be settled yet; they are tried again", "err", err)
	}
	if err := a.tidier.sweep(ctx); err != nil {
		a.log.Warn("tidying up did not end; it is tried again tomorrow", "err", err)
	}
	later := a.tidier
	later.after, later.force = a.conf.SettleAfter, false
	go later.run(work)
	go a.publisher.run(work)
	go a.flow.Watch(work, min(time.Minute, a.conf.SettleAfter))

	var err error
	carrier := a.flow.Carrier()
	carrier[cordon.EffectAdopt] = a.adopter.Carry
	a.runner, err = a.db.Work(work, store.WorkConfig{Handle: carrier.Handle})
	if err != nil {
		return errors.Join(fmt.Errorf("start carrying out what is owed: %w", err), a.Stop(ctx))
	}
	for _, l := range a.all() {
		go l.serve(a.failed)
	}
	polls, cancel := context.WithCancel(work)
	a.stopPolls = cancel
	a.poll(polls)
	a.count(polls)
	if err := a.stock.resume(ctx); err != nil {
		a.log.Warn("an inventory could not be resumed; ask for it again", "err", err)
	}
	a.polling.Go(func() { a.backfills.run(polls) })
	a.polling.Go(func() { a.likes.run(polls) })
	return nil
}

func (a *App) open() (err error) {
	ls := &a.listeners
	if ls.gateway, err = listen(a.conf.Gateway.Listen, false, a.handlers.gateway, a.conf.Limits.bodies(), nil, a.files, a.log); err != nil {
		return err
	}
	if ls.console, err = listen(a.conf.Console.Listen, true, a.handlers.console, a.conf.Limits.bodies(), nil, a.files, a.log); err != nil {
		return err
	}
	if ls.gatewayTLS, err = a.openTLS(a.conf.Gateway, false, a.handlers.gateway, a.tls); err != nil {
		return err
	}
	if ls.consoleTLS, err = a.openTLS(a.conf.Console, true, a.handlers.console, nil); err != nil {
		return err
	}
	if at := a.conf.Metrics.Listen; at != "" {
		ls.metrics, err = listen(at, true, a.handlers.metrics, a.conf.Limits.bodies(), nil, a.files, a.log)
	}
	return err
}

// openTLS opens the second address of a door, or none if there is none.
func (a *App) openTLS(conf ListenConfig, own bool, h http.Handler, given *tls.Config) (*listener, error) {
	if conf.TLSListen == "" {
		return nil, nil
	}
	if given == nil {
		var err error
		if given, err = loadTLS(a.conf.path(conf.Cert), a.conf.path(conf.Key)); err != nil {
			return nil, err
		}
	}
	return listen(conf.TLSListen, own, h, a.conf.Limits.bodies(), given, a.files, a.log)
}

func (a *App) all() []*listener {
	var out []*listener
	for _, l := range []*listener{a.listeners.gateway, a.listeners.gatewayTLS, a.listeners.console, a.listeners.consoleTLS, a.listeners.metrics} {
		if l != nil {
			out = append(out, l)
		}
	}
	return out
}

// GatewayURL, GatewayTLSURL, ConsoleURL, ConsoleTLSURL and MetricsURL are the addresses after Start; ""
// before, or where there is no such listener.
func (a *App) GatewayURL() string    { return urlOf(a.listeners.gateway) }
func (a *App) GatewayTLSURL() string { return urlOf(a.listeners.gatewayTLS) }
func (a *App) ConsoleTLSURL() string { return urlOf(a.listeners.consoleTLS) }
func (a *App) MetricsURL() string    { return urlOf(a.listeners.metrics) }
func (a *App) ConsoleURL() string {
	if a.conf.Console.URL != "" {
		return a.conf.Console.URL
	}
	return urlOf(a.listeners.console)
}

func urlOf(l *listener) string {
	if l == nil {
		return ""
	}
	return l.URL()
}

// Failed delivers an error when a listener ends by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Stop admits nothing new, lets running uploads and deliveries end, and closes everything before
// ctx ends: two thirds of the time are for uploads to arrive, of which the rest are cut; a sixth
// for answers to those that did; a sixth for what must be on disk. Whoever was cut has no receipt.
// Deliveries that did not end are settled at the next start.
//
// Stopping again waits for the first stop and returns what it did; after a Start that failed
// there is nothing left to stop.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		if a.closed.Load() {
			return
		}
		a.stopErr = a.halt(ctx)
	})
	return a.stopErr
}

func (a *App) halt(ctx context.Context) error {
	var errs []error
	if a.stopPolls != nil {
		a.stopPolls()
		a.polling.Wait()
	}
	a.stock.stop()
	arrive, answer, done := stages(ctx)
	defer done()
	if a.gateway.Drain(arrive) != nil {
		for _, l := range a.all() {
			if n := l.coming.cut(); n > 0 {
				a.log.Warn("uploads are cut that were still coming; their senders have no receipt", "address", l.URL(), "uploads", n)
			}
		}
		if a.gateway.Drain(answer) != nil {
			a.log.Warn("uploads are still at work and are cut off; what is on record is settled at the next start")
		}
	}
	for _, l := range a.all() {
		errs = append(errs, l.stop(answer))
	}
	a.adopter.close()
	if a.runner != nil {
		errs = append(errs, a.runner.Stop(ctx))
	}
	if a.behind == nil {
		for _, t := range a.conf.Tenants { // a clean stop leaves no entry without a checkpoint
			errs = append(errs, a.sequencer.Flush(ctx, t.ID))
		}
		errs = append(errs, a.publisher.publish(ctx))
	}
	if a.stopWork != nil {
		a.stopWork()
		<-a.working
	}
	return errors.Join(append(errs, a.close())...)
}

// stages divides the time until ctx ends.
func stages(ctx context.Context) (arrive, answer context.Context, done func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, ctx, func() {}
	}
	left := time.Until(deadline)
	arrive, first := context.WithDeadline(ctx, deadline.Add(-left/3))
	answer, second := context.WithDeadline(ctx, deadline.Add(-left/6))
	return arrive, answer, func() { first(); second() }
}

func (a *App) close() error {
	if a.closed.Swap(true) {
		return nil
	}
	var errs []error
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.files != nil {
		errs = append(errs, a.files.close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}
