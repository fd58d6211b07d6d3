package likeness

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
)

// table is a Source and Prints in memory.
type table struct {
	mu      sync.Mutex
	number  int64
	entries []Entry
	seen    []cordon.Seen
	closed  map[cordon.ID]bool // whose key is gone
	reads   int                // of everything or of what is new
	err     error
}

func (t *table) put(e ...Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.number++
	for _, e := range e {
		e.Number = t.number
		t.entries = append(t.entries, e)
	}
}

func (t *table) drop(id cordon.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.number++
	for i, e := range t.entries {
		if e.ID == id {
			t.entries = append(t.entries[:i], t.entries[i+1:]...)
			return
		}
	}
}

func (t *table) Number(context.Context) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.number, t.err
}

// Since returns the entries of one change at a time.
func (t *table) Since(_ context.Context, number int64) (out []Entry, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	for _, e := range t.entries {
		if e.Number > number && (len(out) == 0 || e.Number == out[0].Number) {
			out = append(out, e)
		}
	}
	return out, t.err
}

func (t *table) IDs(context.Context) (out []cordon.ID, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		out = append(out, e.ID)
	}
	return out, t.err
}

func picture(id string, b byte) Entry {
	h := pdq.Hash{}
	for i := range h {
		h[i] = b * byte(i+1)
	}
	return Entry{ID: cordon.ID(id), Kind: cordon.KnownPDQ, Value: h[:]}
}

func looks(t *testing.T, l *Lists, e Entry) (ids []cordon.ID) {
	t.Helper()
	found, err := l.Looks(t.Context(), pdq.Hash(e.Value))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		ids = append(ids, m.ID)
	}
	return ids
}

// Each look-up takes in what was changed by whomever; what is gone leaves the memory in a while.
func TestListsFollow(t *testing.T) {
	src := &table{}
	l := NewLists(src, slog.New(slog.DiscardHandler))
	now := time.Now()
	l.now = func() time.Time { return now }
	a, b := picture("a", 3), picture("b", 91)
	if got := looks(t, l, a); len(got) != 0 || src.reads != 0 {
		t.Fatalf("%v after %d reads of nothing", got, src.reads)
	}
	src.put(a)
	src.put(b, Entry{ID: "broken", Kind: cordon.KnownChromaprint, Value: []byte{1}}, Entry{ID: "short", Kind: cordon.KnownPDQ, Value: []byte{1}})
	if got := looks(t, l, a); len(got) != 1 || got[0] != "a" {
		t.Fatalf("%v", got)
	}
	if got := looks(t, l, b); len(got) != 1 || l.Len() != 2 {
		t.Fatalf("%v, %d in memory", got, l.Len())
	}
	reads := src.reads
	looks(t, l, b)
	if src.reads != reads {
		t.Error("what has not changed is read again")
	}
	a.Value = b.Value // another value under the same id
	src.drop("a")
	src.put(a)
	if got := looks(t, l, b); len(got) != 2 {
		t.Errorf("%v", got)
	}
	src.drop("b")
	looks(t, l, b)
	now = now.Add(reconcile + time.Second)
	if got := looks(t, l, b); len(got) != 1 || l.Len() != 1 {
		t.Errorf("what is gone is still there: %v", got)
	}
	src.err = errors.New("the database is gone")
	if _, err := l.Looks(t.Context(), pdq.Hash{}); !errors.Is(err, src.err) {
		t.Errorf("an old list answers for one that cannot be read: %v", err)
	}
}

func TestListsOfSounds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	whole := make(chromaprint.Print, 200)
	for i := range whole {
		whole[i] = r.Uint32()
	}
	src := &table{}
	l := NewLists(src, slog.New(slog.DiscardHandler))
	if some, err := l.HasSounds(t.Context()); some || err != nil {
		t.Fatal("an empty list has sounds", err)
	}
	src.put(Entry{ID: "call", Kind: cordon.KnownChromaprint, Value: whole.Encode()})
	found, err := l.Sounds(t.Context(), whole[50:150])
	if err != nil || len(found) != 1 || found[0].ID != "call" || found[0].Likeness < 0.99 {
		t.Fatalf("%+v %v", found, err)
	}
	if some, err := l.HasSounds(t.Context()); !some || err != nil {
		t.Error("a list with a sound has none", err)
	}
}

// Prints.
type prints struct{ *table }

func (p prints) Since(_ context.Context, since time.Time, limit int) (out []cordon.Seen, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	for _, s := range p.seen {
		if !s.At.Before(since) && len(out) < limit {
			out = append(out, s)
		}
	}
	return out, p.err
}

func (p prints) Open(_ context.Context, s cordon.Seen) (pdq.Hash, error) {
	if p.closed[s.Item] {
		return pdq.Hash{}, cordon.ErrShredded
	}
	return pdq.Hash(s.Print), nil
}

// A process finds what it saw itself, what was seen before it started, and what others see; what
// was forgotten or is old leaves the memory.
func TestRecentFollows(t *testing.T) {
	now := time.Now()
	src := prints{&table{closed: map[cordon.ID]bool{"erased": true}}}
	value := picture("", 7)
	see := func(id cordon.ID, ago time.Duration) {
		src.seen = append(src.seen, cordon.Seen{Item: id, At: now.Add(-ago), Print: value.Value})
	}
	see("before", time.Hour)
	see("erased", time.Hour)
	see("old", 48*time.Hour)
	r := NewRecent(RecentConfig{For: 24 * time.Hour, Most: 100, Shared: true}, src, slog.New(slog.DiscardHandler))
	r.now = func() time.Time { return now }
	near := func() int {
		t.Helper()
		found, err := r.Near(t.Context(), pdq.Hash(value.Value))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if n := near(); n != 1 {
		t.Fatalf("%d of earlier processes, want 1", n)
	}
	r.Saw("own", pdq.Hash(value.Value))
	see("own", 0)
	if n := near(); n != 2 {
		t.Errorf("%d with its own, want 2", n)
	}
	now = now.Add(time.Second)
	see("other", 0)
	if n := near(); n != 2 {
		t.Errorf("%d before it is time to look, want 2", n)
	}
	now = now.Add(refresh)
	if n := near(); n != 3 {
		t.Errorf("%d with those of others, want 3", n)
	}
	src.seen = src.seen[1:] // "before" was forgotten
	now = now.Add(reconcile + time.Second)
	if n := near(); n != 2 || r.Len() != 2 {
		t.Errorf("%d after one was forgotten, want 2", n)
	}
	now = now.Add(25 * time.Hour)
	if n := near(); n != 0 {
		t.Errorf("%d are older than a day", n)
	}
	src.err = errors.New("the database is gone")
	now = now.Add(time.Hour)
	if _, err := r.Near(t.Context(), pdq.Hash{}); !errors.Is(err, src.err) {
		t.Errorf("%v", err)
	}
}
