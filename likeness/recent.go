package likeness

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/pdq"
)

// Prints has the perceptual hashes of one tenant's items, sealed.
type Prints interface {
	// Since returns up to limit items with a hash that were looked at since a time, the latest
	// first.
	Since(ctx context.Context, since time.Time, limit int) ([]cordon.Seen, error)
	// Open opens the hash of an item. It fails with cordon.ErrShredded once the key is gone.
	Open(ctx context.Context, s cordon.Seen) (pdq.Hash, error)
}

// RecentConfig bounds what Recent remembers. All fields are required.
type RecentConfig struct {
	For    time.Duration // how long
	Most   int           // and how many, the latest
	Shared bool          // whether other processes add items too
}

// Recent finds a tenant's own items of the last days that look alike. Items of this process
// are told by Saw; those of earlier and other ones are read. Safe for concurrent use.
type Recent struct {
	conf   RecentConfig
	prints Prints
	now    func() time.Time
	log    *slog.Logger

	mu    sync.Mutex // held while reading
	read  time.Time  // when was last read what is new
	whole time.Time  // when everything was
	looks pdq.Index[cordon.ID]
}

// NewRecent returns a Recent that reads when it is first asked or loaded.
func NewRecent(conf RecentConfig, prints Prints, log *slog.Logger) *Recent {
	return &Recent{conf: conf, prints: prints, now: time.Now, log: log}
}

const (
	// refresh is how old what other processes have seen may be.
	refresh = 2 * time.Second
	// overlap is how far back is read again: a commit may be seen later than it is stamped.
	overlap = time.Minute
)

// Near returns the items that look like a picture, nearest first.
func (r *Recent) Near(ctx context.Context, h pdq.Hash) ([]Match, error) {
	if err := r.Load(ctx); err != nil {
		return nil, err
	}
	return matches(r.looks.Near(h, pdq.Near)), nil
}

// Saw remembers an item whose hash is on record.
func (r *Recent) Saw(item cordon.ID, h pdq.Hash) { r.looks.Put(item, h) }

// Len is how many items are remembered.
func (r *Recent) Len() int { return r.looks.Len() }

// Load reads what is new elsewhere, and now and then everything, so that what has been
// forgotten or has aged leaves the memory.
func (r *Recent) Load(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	switch {
	case now.Sub(r.whole) > reconcile:
		if err := r.all(ctx, now); err != nil {
			return err
		}
		r.whole, r.read = now, now
	case r.conf.Shared && now.Sub(r.read) > refresh:
		seen, err := r.prints.Since(ctx, r.read.Add(-overlap), r.conf.Most)
		if err != nil {
			return fmt.Errorf("read what other nodes have looked at: %w", err)
		}
		r.put(ctx, seen)
		r.read = now
	}
	return nil
}

func (r *Recent) all(ctx context.Context, now time.Time) error {
	before := map[cordon.ID]bool{} // what Saw adds meanwhile stays
	r.looks.Keep(func(id cordon.ID) bool { before[id] = true; return true })
	seen, err := r.prints.Since(ctx, now.Add(-r.conf.For), r.conf.Most)
	if err != nil {
		return fmt.Errorf("read what was looked at: %w", err)
	}
	r.put(ctx, seen)
	for _, s := range seen {
		delete(before, s.Item)
	}
	r.looks.Keep(func(id cordon.ID) bool { return !before[id] })
	return nil
}

func (r *Recent) put(ctx context.Context, seen []cordon.Seen) {
	for _, s := range seen {
		if r.looks.Has(s.Item) {
			continue
		}
		if h, err := r.prints.Open(ctx, s); err == nil {
			r.looks.Put(s.Item, h)
		} else {
			r.log.Debug("what an item looks like cannot be read any more", "item", s.Item, "err", err)
		}
	}
}
