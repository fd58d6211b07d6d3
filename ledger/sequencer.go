package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

// Config says how the Sequencer works. Only Signers is required.
type Config struct {
	// Signers holds the key of each tenant to sequence. A key's name is Origin(tenant).
	Signers map[cordon.TenantID]*Signer
	// Anchor knows the last checkpoint kept outside the operator's reach. Nil: there is
	// none, and Status says "anchored: never".
	Anchor Anchor
	// Holder names this run of this process among all that may lead; it must never come
	// back after a restart. Default: random.
	Holder string
	// Every is the longest time an entry waits when nobody calls Wake. Default: 500 ms.
	Every time.Duration
	// Gather is how long after Wake entries are gathered for one checkpoint. Default: 50 ms.
	Gather time.Duration
	// Batch is the largest number of entries in one append. Default: 1024.
	Batch int
	// Lease is how long another process waits for this one when it has died. Default: 10 s.
	Lease time.Duration
	// Logger is told when a tenant's sequencing fails and when it works again. Default: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Holder == "" {
		c.Holder = rand.Text()
	}
	if c.Every <= 0 {
		c.Every = 500 * time.Millisecond
	}
	if c.Gather <= 0 {
		c.Gather = 50 * time.Millisecond
	}
	if c.Batch <= 0 {
		c.Batch = 1024
	}
	if c.Lease <= 0 {
		c.Lease = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Sequencer gives entries their places and signs checkpoints, one tenant beside another.
// Any number of processes may run one on the same store: a fenced lease lets one of them
// write at a time. A signature leaves the process only by being committed, and a batch whose
// fate is unknown is settled, or tried again byte for byte, before anything else is signed:
// no size ever gets two roots.
type Sequencer struct {
	log   Log
	cfg   Config
	lines map[cordon.TenantID]*line
}

// Status is how one tenant's log stands, as the last round saw it.
type Status struct {
	Tenant   cordon.TenantID
	Size     int64     // entries under a checkpoint
	At       time.Time // of the last checkpoint; zero while there is none
	Leading  bool      // this process led when it last had something to write
	Anchored string    // "never", "at 1234 entries", or "unknown" until the anchor has answered
	Err      error     // why nothing is signed at present; nil when all is well
}

// line is one tenant's side of the Sequencer.
type line struct {
	tenant cordon.TenantID
	signer *Signer
	wake   chan struct{}

	mu        sync.Mutex // held during a step
	fence     int64
	until     time.Time            // of the lease, by our clock
	trusted   cordon.LedgerHead    // the newest head that was checked or written here
	edge      *edge                // of trusted
	unsettled *cordon.LedgerAppend // signed, and nobody knows whether it was stored
	anchor    anchorState

	statusMu sync.Mutex
	status   Status
}

// NewSequencer checks the configuration; Run starts the work.
func NewSequencer(log Log, cfg Config) (*Sequencer, error) {
	s := &Sequencer{log: log, cfg: cfg.withDefaults(), lines: map[cordon.TenantID]*line{}}
	for tenant, signer := range cfg.Signers {
		if signer == nil || signer.Name() != Origin(tenant) {
			return nil, fmt.Errorf("%w: tenant %q needs a signing key named %q", cordon.ErrInvalid, tenant, Origin(tenant))
		}
		l := &line{tenant: tenant, signer: signer, wake: make(chan struct{}, 1)}
		l.status = Status{Tenant: tenant, Anchored: anchoredUnknown}
		if cfg.Anchor == nil {
			l.status.Anchored = anchoredNever
		}
		s.lines[tenant] = l
	}
	return s, nil
}

// Run sequences until ctx ends, then gives up what it leads and returns.
func (s *Sequencer) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, l := range s.lines {
		running.Go(func() { s.run(ctx, l) })
	}
	running.Wait()
}

// Wake says that the tenant has new entries. It never blocks; not calling it costs latency only.
func (s *Sequencer) Wake(tenant cordon.TenantID) {
	if l := s.lines[tenant]; l != nil {
		select {
		case l.wake <- struct{}{}:
		default: // a wake is on its way already
		}
	}
}

// Status returns how a tenant's log stands, and false for a tenant without a key.
func (s *Sequencer) Status(tenant cordon.TenantID) (Status, bool) {
	l := s.lines[tenant]
	if l == nil {
		return Status{}, false
	}
	l.statusMu.Lock()
	defer l.statusMu.Unlock()
	return l.status, true
}

// Flush sequences what is pending now and returns once it is under a checkpoint. It
// returns nil without having done so while another process leads.
func (s *Sequencer) Flush(ctx context.Context, tenant cordon.TenantID) error {
	l := s.lines[tenant]
	if l == nil {
		return fmt.Errorf("%w: no signing key for tenant %q", cordon.ErrNotFound, tenant)
	}
	return s.round(ctx, l)
}

func (s *Sequencer) run(ctx context.Context, l *line) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer s.giveUp(ctx, l)
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.wake:
			// Whoever commits next would wake us again: one checkpoint serves them all.
			timer.Reset(s.cfg.Gather)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		if ctx.Err() != nil {
			return // both were ready: whoever was told to stop begins nothing more
		}
		s.round(ctx, l) // its error is in the status and in the log
		timer.Reset(s.cfg.Every)
	}
}

// giveUp ends the lease, so that another process need not wait for it to run out.
func (s *Sequencer) giveUp(ctx context.Context, l *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	// Failing is harmless: the lease runs out by itself.
	s.log.Lead(ctx, l.tenant, s.cfg.Holder, 0)
	l.until = time.Time{}
}

// round steps until nothing is left to do.
func (s *Sequencer) round(ctx context.Context, l *line) error {
	for {
		more, err := s.step(ctx, l)
		if ctx.Err() == nil {
			s.note(ctx, l, err)
		}
		if err != nil || !more {
			return err
		}
	}
}

// note keeps the outcome of a step, and logs when it changes rather than each time.
func (s *Sequencer) note(ctx context.Context, l *line, err error) {
	l.statusMu.Lock()
	defer l.statusMu.Unlock()
	switch was := l.status.Err; {
	case err != nil && (was == nil || was.Error() != err.Error()):
		s.cfg.Logger.ErrorContext(ctx, "ledger: nothing is signed", "tenant", l.tenant, "err", err)
	case err == nil && was != nil:
		s.cfg.Logger.InfoContext(ctx, "ledger: signing again", "tenant", l.tenant)
	}
	l.status.Err = err
}

// step settles or appends one batch, and reports whether there may be more.
func (s *Sequencer) step(ctx context.Context, l *line) (more bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	head, err := s.log.Head(ctx, l.tenant)
	if err != nil {
		return false, fmt.Errorf("read the head of ledger %s: %w", l.tenant, err)
	}
	if err := s.trust(ctx, l, head); err != nil {
		return false, err
	}
	if l.unsettled == nil {
		// An idle tenant costs this one look and the head, and takes no lease.
		if some, err := s.log.Pending(ctx, l.tenant, 1); err != nil || len(some) == 0 {
			return false, err
		}
	}
	if ok, err := s.lead(ctx, l); err != nil || !ok {
		return false, err
	}
	// What was read before the fence was ours may have been another leader's to change.
	if head, err = s.log.Head(ctx, l.tenant); err != nil {
		return false, fmt.Errorf("read the head of ledger %s: %w", l.tenant, err)
	}
	if err := s.trust(ctx, l, head); err != nil {
		return false, err
	}
	if l.unsettled != nil && head.Size != l.unsettled.From {
		l.unsettled = nil // it was stored, or another leader's batch was: the log has settled it
		return true, nil
	}
	if l.unsettled == nil {
		if l.unsettled, err = s.build(ctx, l); err != nil || l.unsettled == nil {
			return false, err
		}
	}
	return s.append(ctx, l)
}

// lead takes or renews the lease.
func (s *Sequencer) lead(ctx context.Context, l *line) (bool, error) {
	now := time.Now()
	if now.Add(s.cfg.Lease / 2).Before(l.until) {
		return true, nil
	}
	fence, ok, err := s.log.Lead(ctx, l.tenant, s.cfg.Holder, s.cfg.Lease)
	if err != nil {
		return false, fmt.Errorf("take the leadership of ledger %s: %w", l.tenant, err)
	}
	l.fence, l.until = fence, now.Add(s.cfg.Lease)
	if !ok {
		l.until = time.Time{}
	}
	l.statusMu.Lock()
	l.status.Leading = ok
	l.statusMu.Unlock()
	return ok, nil
}

// build reads a batch and signs the tree it makes. It returns nil when nothing is pending.
func (s *Sequencer) build(ctx context.Context, l *line) (*cordon.LedgerAppend, error) {
	pending, err := s.log.Pending(ctx, l.tenant, s.cfg.Batch)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	from := l.edge.size
	a := &cordon.LedgerAppend{From: from, Entries: make([]cordon.ID, 0, len(pending))}
	tile := func(level int, n int64, hashes []tlog.Hash) error {
		a.Tiles = append(a.Tiles, cordon.LedgerTile{Level: level, N: n, Data: bytesOf(hashes)})
		return nil
	}
	next := l.edge.clone()
	for _, p := range pending {
		a.Entries = append(a.Entries, p.ID)
		next.add(tlog.RecordHash(p.Body), tile)
	}
	next.partial(func(level int, n int64, hashes []tlog.Hash) error {
		if from>>(tileHeight*level) == next.size>>(tileHeight*level) {
			return nil // as it was before
		}
		return tile(level, n, hashes)
	})
	root := next.root()
	checkpoint, err := signCheckpoint(l.signer, tlog.Tree{N: next.size, Hash: root})
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint of %s at %d entries: %w", l.tenant, next.size, err)
	}
	a.Head = cordon.LedgerHead{Size: next.size, Root: root, Checkpoint: checkpoint, At: time.Now().UTC()}
	return a, nil
}

// append stores the unsettled batch. After an error nobody knows whether it was stored, so
// it stays unsettled until a later step has read the head again.
func (s *Sequencer) append(ctx context.Context, l *line) (more bool, err error) {
	a := l.unsettled
	err = s.log.AppendLedger(ctx, l.tenant, l.fence, *a)
	if errors.Is(err, cordon.ErrConflict) {
		l.until = time.Time{} // the fence is not ours any more
	}
	if err != nil {
		return false, fmt.Errorf("append entries %d to %d of ledger %s: %w", a.From, a.Head.Size-1, l.tenant, err)
	}
	if err := s.trust(ctx, l, a.Head); err != nil {
		return false, err
	}
	l.unsettled = nil
	return len(a.Entries) == s.cfg.Batch, nil
}
