package ledger

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
)

// A place keeps one checkpoint, or fails.
type place struct {
	mu         sync.Mutex
	checkpoint []byte
	err        error
	asked      int
}

func (p *place) Last(context.Context, cordon.TenantID) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return p.checkpoint, p.err
}

// reach makes the place answer with err, and returns how often it was asked until now.
func (p *place) reach(err error) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	return p.asked
}

func anchored(p *place) func(*Config) {
	return func(c *Config) { c.Anchor = p; c.Logger = quiet }
}

func TestAnchorAgrees(t *testing.T) {
	r := newRig(t)
	if s, _ := r.seq.Status(acme); s.Anchored != "never" {
		t.Errorf("without an anchor: %q", s.Anchored)
	}
	r.grow(300)
	p := &place{}
	s := r.sequencer(anchored(p))
	if st, _ := s.Status(acme); st.Anchored != "unknown" {
		t.Errorf("before the anchor has answered: %q", st.Anchored)
	}
	if err := s.Flush(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if st, _ := s.Status(acme); st.Anchored != "never" {
		t.Errorf("an anchor that holds nothing: %q", st.Anchored)
	}

	at300 := r.of(acme).head.Checkpoint
	for _, grow := range []int{0, 1, 500} {
		r.grow(grow)
		p := &place{checkpoint: at300}
		s := r.sequencer(anchored(p))
		for range 3 {
			if err := s.Flush(t.Context(), acme); err != nil {
				t.Fatalf("%d entries later: %v", grow, err)
			}
		}
		if st, _ := s.Status(acme); st.Anchored != "at 300 entries" || p.asked != 1 {
			t.Errorf("%q after asking %d times", st.Anchored, p.asked)
		}
	}
}

// Putting an old copy of the database back rolls the log back: signing on would fork it.
func TestAnchorRefuses(t *testing.T) {
	r := newRig(t)
	r.grow(100)
	old := r.snapshot(acme)
	r.grow(50)
	at150 := r.of(acme).head.Checkpoint

	other := newRig(t)
	other.commit(fixedEntry(acme, 999))
	other.grow(140) // 141 entries, other ones
	foreign := fixedSigner("other", "other")
	strange, err := signCheckpoint(foreign, treeOf(old))
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		anchor []byte
		store  *memoryLog
		says   string
	}{
		"rolled back":          {at150, old, "100 entries, and 150 were anchored"},
		"emptied":              {at150, newMemory().of(acme), "0 entries, and 150 were anchored"},
		"another history":      {other.of(acme).head.Checkpoint, r.snapshot(acme), "first 141 entries are not those"},
		"another log's anchor": {strange, r.snapshot(acme), "the anchored checkpoint"},
		"not a checkpoint":     {[]byte("hello\n"), r.snapshot(acme), "the anchored checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			r.restore(acme, c.store)
			size := c.store.head.Size
			p := &place{checkpoint: c.anchor}
			s := r.sequencer(anchored(p))
			r.commit(fixedEntry(acme, 5000))
			for range 3 {
				err := s.Flush(t.Context(), acme)
				if !errors.Is(err, ErrDistrusted) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want a refusal that says %q", err, c.says)
				}
			}
			if st, _ := s.Status(acme); st.Err == nil || st.Anchored != "unknown" {
				t.Errorf("status %+v", st)
			}
			if p.asked != 1 {
				t.Errorf("the anchor was asked %d times in a moment", p.asked)
			}
			if got := r.of(acme).head.Size; got != size {
				t.Errorf("the log was signed on to %d entries", got)
			}
		})
	}
}

func TestAnchorUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.grow(10)
		p := &place{err: errors.New("no route to host")}
		s := r.sequencer(anchored(p), func(c *Config) { c.Holder = "second" })
		r.commit(fixedEntries(acme, 10, 12)...)
		time.Sleep(time.Minute) // the first one's lease
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if st, _ := s.Status(acme); st.Err == nil || errors.Is(st.Err, ErrDistrusted) || r.snapshot(acme).head.Size != 10 {
			t.Errorf("unreachable: %+v", st)
		}
		if asked := p.reach(nil); asked > 7 {
			t.Errorf("asked %d times in a minute", asked)
		}
		time.Sleep(anchorRetry + time.Second)
		synctest.Wait()
		if st, _ := s.Status(acme); st.Err != nil || st.Size != 12 || st.Anchored != "never" {
			t.Errorf("reachable again: %+v", st)
		}
		stop()
		<-done
	})
}

// The sequencer stops when the store no longer holds what it saw or signed itself.
func TestSequencerDistrustsTheStore(t *testing.T) {
	signer := fixedSigner(acme, "test")
	for name, c := range map[string]struct {
		fresh  bool // whether a new process looks
		change func(*memoryLog)
		says   string
	}{
		"rolled back under a running process": {false, func(l *memoryLog) { *l = *rolledBack(t) }, "had 700 a moment ago"},
		"head's root changed":                 {true, func(l *memoryLog) { l.head.Root[0]++ }, "its head says"},
		"head's size changed":                 {true, func(l *memoryLog) { l.head.Size-- }, "its head says"},
		"no checkpoint":                       {true, func(l *memoryLog) { l.head.Checkpoint = nil }, "its head"},
		"edge tile changed":                   {true, func(l *memoryLog) { l.tiles[[2]int64{0, 2}][5]++ }, "do not make the root"},
		"upper tile changed":                  {true, func(l *memoryLog) { l.tiles[[2]int64{1, 0}][5]++ }, "do not make the root"},
		"edge tile cut":                       {true, func(l *memoryLog) { l.tiles[[2]int64{0, 2}] = l.tiles[[2]int64{0, 2}][:32] }, "hashes are needed"},
		"signed by another key": {true, func(l *memoryLog) {
			l.head.Checkpoint, _ = signCheckpoint(fixedSigner(acme, "another"), treeOf(l))
		}, "another key"},
		"history rewritten with our own key": {false, func(l *memoryLog) {
			forged := newRig(t)
			forged.commit(fixedEntry(acme, 9999))
			forged.grow(720)
			*l = *forged.of(acme)
		}, "first 700 entries are not those"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Logger = quiet })
			r.signer = signer
			r.grow(700)
			if c.fresh {
				r.seq = r.sequencer(func(c *Config) { c.Logger = quiet })
			}
			c.change(r.of(acme))
			size := r.of(acme).head.Size
			r.commit(fixedEntries(acme, 8000, 8003)...)
			for range 2 {
				if err := r.seq.Flush(t.Context(), acme); !errors.Is(err, ErrDistrusted) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want a refusal that says %q", err, c.says)
				}
			}
			if got := r.of(acme).head.Size; got != size {
				t.Errorf("signed on to %d entries", got)
			}
		})
	}
}

func rolledBack(t *testing.T) *memoryLog {
	r := newRig(t)
	r.grow(650)
	return r.of(acme)
}

func TestTilesUnreadableIsNoDistrust(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Logger = quiet })
	r.grow(300)
	r.seq = r.sequencer(func(c *Config) { c.Logger = quiet })
	r.failTile = errors.New("input/output error")
	r.commit(fixedEntry(acme, 300))
	if err := r.seq.Flush(t.Context(), acme); err == nil || errors.Is(err, ErrDistrusted) {
		t.Errorf("got %v, want an ordinary error", err)
	}
	r.failTile = nil
	r.seq.Flush(t.Context(), acme)
	r.check(300) // the dead process's lease still runs
}
