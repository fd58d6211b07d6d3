package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
)

var quiet = slog.New(slog.DiscardHandler)

func TestSequenceGrowsLikeTheOracle(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Batch = 100 })
	r.check(0)
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 1, 1, 253, 1, 1, 254, 256, 255, 1, 300} {
		r.grow(n)
		r.check(r.size)
		r.compareWithOracle()
	}
	for range 10 {
		r.grow(rnd.IntN(200))
		r.check(r.size)
		r.compareWithOracle()
	}
}

func TestSequenceAcrossThreeLevels(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Batch = 4096 })
	r.grow(tileWidth*tileWidth - 3)
	for range 6 {
		r.grow(1) // the third tile level appears
	}
	r.grow(300)
	r.check(r.size)
	r.compareWithOracle()
}

// Each accident at the one write there is, followed by new entries, ends in the same log as
// no accident, and never are two roots signed for one size.
func TestSequenceErrors(t *testing.T) {
	down := errors.New("the database is down")
	for name, accident := range map[string]struct {
		store bool
		err   error
	}{
		"failed":                      {false, down},
		"failed but persisted":        {true, down},
		"timed out":                   {false, context.DeadlineExceeded},
		"timed out but persisted":     {true, context.DeadlineExceeded},
		"conflict that is none":       {false, cordon.ErrConflict},
		"conflict, and yet persisted": {true, cordon.ErrConflict},
	} {
		for _, times := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				r := newRig(t, func(c *Config) { c.Logger = quiet; c.Batch = 7 })
				r.grow(5)
				left := times
				r.accident = func(cordon.LedgerAppend) (bool, error) {
					if left--; left >= 0 {
						return accident.store, accident.err
					}
					return true, nil
				}
				failed := false
				for i := range times + 2 {
					r.commit(fixedEntries(acme, r.size, r.size+3+i)...)
					r.size += 3 + i
					if err := r.seq.Flush(t.Context(), acme); err != nil {
						failed = true
						if s, _ := r.seq.Status(acme); s.Err != nil && s.Err.Error() != err.Error() {
							t.Errorf("status says %v, the call %v", s.Err, err)
						}
					}
				}
				if !failed {
					t.Error("no accident happened")
				}
				r.check(r.size)
				r.compareWithOracle()
				if s, _ := r.seq.Status(acme); s.Err != nil || s.Size != int64(r.size) {
					t.Errorf("status after recovery: %+v", s)
				}
			})
		}
	}
}

// Random accidents, with the process replaced now and then: what was signed and lost in
// memory was never released, and the stored log stays whole.
func TestSequenceThroughManyAccidents(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		holder := 0
		config := func(c *Config) { c.Logger = quiet; c.Batch = 1 + rnd.IntN(9); c.Holder = "one" }
		r := newRig(t, config)
		r.accident = func(cordon.LedgerAppend) (bool, error) {
			switch rnd.IntN(4) {
			case 0:
				return false, errors.New("failed")
			case 1:
				return true, errors.New("failed but persisted")
			}
			return true, nil
		}
		for range 60 {
			n := rnd.IntN(12)
			r.commit(fixedEntries(acme, r.size, r.size+n)...)
			r.size += n
			r.seq.Flush(t.Context(), acme)
			if rnd.IntN(20) == 0 {
				holder++
				r.seq = r.sequencer(config)
				r.mu.Lock()
				r.signed[string(acme)] = nil // what the dead process signed and did not store is gone
				for _, h := range r.of(acme).heads {
					if r.signed[string(acme)] == nil {
						r.signed[string(acme)] = map[int64]cordon.LedgerHead{}
					}
					r.signed[string(acme)][h.Size] = h
				}
				r.mu.Unlock()
			}
		}
		r.accident = nil
		if err := r.seq.Flush(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if err := r.seq.Flush(t.Context(), acme); err != nil { // after settling
			t.Fatal(err)
		}
		r.check(r.size)
		r.compareWithOracle()
	}
}

func TestTwoProcessesShareALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		rnd := rand.New(rand.NewPCG(3, 3))
		var mu sync.Mutex
		r.accident = func(cordon.LedgerAppend) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			switch rnd.IntN(10) {
			case 0:
				return false, errors.New("failed")
			case 1:
				return true, errors.New("failed but persisted")
			}
			return true, nil
		}
		var running sync.WaitGroup
		stops := map[string]context.CancelFunc{}
		for i := range 3 {
			s := r.sequencer(func(c *Config) {
				c.Logger = quiet
				c.Holder = fmt.Sprint("process ", i)
				c.Batch = 5
				c.Lease = 2 * time.Second
			})
			ctx, stop := context.WithCancel(t.Context())
			stops[fmt.Sprint("process ", i)] = stop
			running.Go(func() { s.Run(ctx) })
		}
		for range 40 {
			r.commit(fixedEntries(acme, r.size, r.size+4)...)
			r.size += 4
			time.Sleep(300 * time.Millisecond)
		}
		for range 3 { // whoever leads is stopped, and the others take over
			r.commit(fixedEntries(acme, r.size, r.size+9)...)
			r.size += 9
			time.Sleep(20 * time.Second)
			r.mu.Lock()
			leader := r.of(acme).holder
			r.mu.Unlock()
			stops[leader]()
			synctest.Wait() // until it has ended
		}
		running.Wait()
		r.mu.Lock()
		// Signatures of a process that lost its lease were never released; the stored ones count.
		r.broken = nil
		fence := r.of(acme).fence
		r.mu.Unlock()
		r.check(r.size)
		r.compareWithOracle()
		if fence < 3 {
			t.Errorf("the leader changed %d times", fence)
		}
	})
}

// A deposed leader that wakes up late writes nothing.
func TestDeposedLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Holder = "old"; c.Logger = quiet })
		r.grow(10)
		other := r.sequencer(func(c *Config) { c.Holder = "new" })

		// The old leader stalls inside its append until another has taken over.
		r.accident = func(cordon.LedgerAppend) (bool, error) {
			r.accident = nil
			r.mu.Unlock()
			time.Sleep(time.Minute)
			if err := other.Flush(t.Context(), acme); err != nil {
				t.Error(err)
			}
			r.mu.Lock()
			return true, nil
		}
		r.commit(fixedEntries(acme, 10, 15)...)
		err := r.seq.Flush(t.Context(), acme)
		if !errors.Is(err, cordon.ErrConflict) {
			t.Errorf("the deposed leader got %v, want a conflict", err)
		}
		r.check(15)
		if s, _ := other.Status(acme); !s.Leading || s.Size != 15 {
			t.Errorf("the new leader: %+v", s)
		}
		r.size = 15
		r.commit(fixedEntries(acme, 15, 20)...)
		if err := r.seq.Flush(t.Context(), acme); err != nil {
			t.Errorf("not leading is no error, got %v", err)
		}
		if s, _ := r.seq.Status(acme); s.Leading {
			t.Error("the deposed leader thinks that it leads")
		}
		r.check(15)
		time.Sleep(time.Minute)
		if err := r.seq.Flush(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		r.check(20)
	})
}

func TestRunLatencyAndIdleCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.seq.Run(ctx); close(done) }()
		size := func() int64 {
			synctest.Wait()
			s, ok := r.seq.Status(acme)
			if !ok || s.Err != nil {
				t.Fatalf("status: %+v, %v", s, ok)
			}
			return s.Size
		}

		time.Sleep(time.Second)
		r.commit(fixedEntries(acme, 0, 10)...)
		time.Sleep(time.Second)
		if got := size(); got != 10 {
			t.Errorf("one second after the commit %d of 10 entries are covered", got)
		}
		time.Sleep(10 * time.Millisecond)
		r.commit(fixedEntries(acme, 10, 20)...)
		for range 5 {
			r.seq.Wake(acme)
		}
		time.Sleep(60 * time.Millisecond)
		if got := size(); got != 20 {
			t.Errorf("60 ms after Wake %d of 20 entries are covered", got)
		}
		heads := len(r.snapshot(acme).heads)
		if heads != 2 {
			t.Errorf("%d checkpoints for two bursts", heads)
		}
		r.seq.Wake("nobody")

		time.Sleep(time.Minute)
		synctest.Wait()
		before := r.counted()
		time.Sleep(time.Minute)
		synctest.Wait()
		after := r.counted()
		for _, call := range []string{"lead", "append", "tile"} {
			if n := after[call] - before[call]; n != 0 {
				t.Errorf("an idle minute made %d calls of %s", n, call)
			}
		}
		for _, call := range []string{"head", "pending"} {
			if n := after[call] - before[call]; n > 120 {
				t.Errorf("an idle minute made %d calls of %s", n, call)
			}
		}
		if got := len(r.snapshot(acme).heads); got != heads {
			t.Errorf("%d checkpoints were made without growth", got-heads)
		}

		r.commit(fixedEntries(acme, 20, 21)...)
		time.Sleep(time.Second)
		stop()
		<-done
		if r.snapshot(acme).until.After(time.Now()) {
			t.Error("Run returned and kept its lease")
		}
		r.check(21)
	})
}

func TestSequencerLogsChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log countingHandler
		r := newRig(t, func(c *Config) { c.Logger = slog.New(&log) })
		r.accident = func(cordon.LedgerAppend) (bool, error) { return false, errors.New("disk full") }
		r.commit(fixedEntry(acme, 0))
		ctx, stop := context.WithCancel(t.Context())
		go r.seq.Run(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := log.n.Load(); n != 1 {
			t.Errorf("%d lines for one lasting failure", n)
		}
		r.mu.Lock()
		r.accident = nil
		r.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := log.n.Load(); n != 2 {
			t.Errorf("%d lines after recovery, want 2", n)
		}
		stop()
		synctest.Wait()
		r.check(1)
	})
}

type countingHandler struct {
	slog.Handler
	n atomic.Int64
}

func (h *countingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h *countingHandler) Handle(context.Context, slog.Record) error { h.n.Add(1); return nil }

func TestNewSequencerWantsTheRightKeys(t *testing.T) {
	other := fixedSigner("other", "test")
	for name, signers := range map[string]map[cordon.TenantID]*Signer{
		"another tenant's": {acme: other},
		"none":             {acme: nil},
	} {
		if _, err := NewSequencer(newMemory(), Config{Signers: signers}); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s key: %v", name, err)
		}
	}
	s, err := NewSequencer(newMemory(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context(), acme); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("flush without a key: %v", err)
	}
	if _, ok := s.Status(acme); ok {
		t.Error("a tenant without a key has a status")
	}
}

func TestTenantsHaveLogsOfTheirOwn(t *testing.T) {
	other := cordon.TenantID("other")
	signer := fixedSigner(other, "other")
	r := newRig(t, func(c *Config) { c.Signers[other] = signer })
	r.commit(fixedEntries(other, 0, 30)...)
	r.grow(20)
	if err := r.seq.Flush(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	r.check(20)
	report, err := CheckLedger(t.Context(), r.memory, other, signer.Verifier())
	if err != nil || report.Entries != 30 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := CheckLedger(t.Context(), r.memory, other, r.signer.Verifier()); err == nil {
		t.Error("one tenant's key opened another's log")
	}
}
