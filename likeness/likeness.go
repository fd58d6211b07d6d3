// Package likeness finds, in memory, what looks or sounds like something: entries of a tenant's
// lists of known files, and the tenant's own items of the last days.
//
// Perceptual hashes are in clear here and nowhere else. What is found is a candidate only: an
// entry may have been taken off, or an item been forgotten, by another process a moment ago.
// Whoever asks reads the record of what was found before it counts.
package likeness

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
)

// Match is something that is near what was asked for.
type Match struct {
	ID       cordon.ID
	Distance int // of pictures: bits of 256
	// Likeness of recordings, 0 to 1: the share of bits that agree where they overlap.
	Likeness float64
	Overlap  time.Duration // of recordings: how much of them agrees
}

// Entry is an entry of a list, opened.
type Entry struct {
	ID     cordon.ID
	Number int64 // of the change it is from
	Kind   cordon.KnownKind
	Value  []byte
}

// Source has the entries of one tenant.
type Source interface {
	// Number is that of the last change. Who sees it sees that change and all before it.
	Number(ctx context.Context) (int64, error)
	// Since returns at least the next entries by likeness that changed after a number, in the
	// order of changes; none if there are no further ones.
	Since(ctx context.Context, number int64) ([]Entry, error)
	// IDs returns every entry by likeness that is there.
	IDs(ctx context.Context) ([]cordon.ID, error)
}

// reconcile is how often what is gone elsewhere is looked for. Until then it takes memory, and
// never counts.
const reconcile = 10 * time.Minute

// Lists finds entries of one tenant's lists. It follows what this process and others change:
// each look-up first takes in what is new. Safe for concurrent use.
type Lists struct {
	source Source
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex // held while taking in
	number  int64
	checked time.Time
	looks   pdq.Index[cordon.ID]
	sounds  chromaprint.Index[cordon.ID]
}

// NewLists returns Lists that are empty until they are first asked or loaded.
func NewLists(source Source, log *slog.Logger) *Lists {
	return &Lists{source: source, now: time.Now, log: log}
}

// Looks returns the entries that look like a picture, nearest first.
func (l *Lists) Looks(ctx context.Context, h pdq.Hash) ([]Match, error) {
	if err := l.Load(ctx); err != nil {
		return nil, err
	}
	return matches(l.looks.Near(h, pdq.Near)), nil
}

// Sounds returns the entries that sound like a recording, the most alike first.
func (l *Lists) Sounds(ctx context.Context, p chromaprint.Print) ([]Match, error) {
	if err := l.Load(ctx); err != nil {
		return nil, err
	}
	var out []Match
	for _, m := range l.sounds.Near(p) {
		out = append(out, Match{ID: m.Value, Likeness: m.Likeness, Overlap: m.Overlap})
	}
	return out, nil
}

// HasSounds reports whether there is any recording to be compared with.
func (l *Lists) HasSounds(ctx context.Context) (bool, error) {
	err := l.Load(ctx)
	return l.sounds.Len() > 0, err
}

// Len is how many entries are in memory.
func (l *Lists) Len() int { return l.looks.Len() + l.sounds.Len() }

func matches(near []pdq.Match[cordon.ID]) []Match {
	out := make([]Match, len(near))
	for i, m := range near {
		out[i] = Match{ID: m.Value, Distance: m.Distance}
	}
	return out
}

// Load takes in what has changed since the last time.
func (l *Lists) Load(ctx context.Context) error {
	number, err := l.source.Number(ctx)
	if err != nil {
		return fmt.Errorf("ask whether the lists of known files have changed: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.checked.IsZero()
	for l.number < number {
		entries, err := l.source.Since(ctx, l.number)
		if err != nil {
			return fmt.Errorf("read what has changed in the lists of known files: %w", err)
		}
		for _, e := range entries {
			l.put(e)
		}
		if len(entries) == 0 {
			l.number = number
			break
		}
		l.number = entries[len(entries)-1].Number
	}
	if first {
		l.looks.Build()
	}
	if now := l.now(); first || now.Sub(l.checked) > reconcile {
		if err := l.drop(ctx); err != nil {
			return err
		}
		l.checked = now
	}
	return nil
}

func (l *Lists) put(e Entry) {
	switch {
	case e.Kind == cordon.KnownPDQ && len(e.Value) == len(pdq.Hash{}):
		l.looks.Put(e.ID, pdq.Hash(e.Value))
	case e.Kind == cordon.KnownChromaprint:
		p, err := chromaprint.Decode(e.Value)
		if err == nil {
			l.sounds.Put(e.ID, p)
			return
		}
		fallthrough
	default:
		l.log.Error("an entry of the lists of known files cannot be used; take it off and add it again", "entry", e.ID, "kind", e.Kind)
	}
}

// drop forgets the entries that are not there any more.
func (l *Lists) drop(ctx context.Context) error {
	ids, err := l.source.IDs(ctx)
	if err != nil {
		return fmt.Errorf("compare the lists of known files: %w", err)
	}
	there := make(map[cordon.ID]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	keep := func(id cordon.ID) bool { return there[id] }
	l.looks.Keep(keep)
	l.sounds.Keep(keep)
	return nil
}
