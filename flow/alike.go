package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/pdq"
)

// Alike finds items that look alike. Safe for concurrent use.
type Alike interface {
	// Near returns items of the last days whose pictures differ from one in a few bits,
	// nearest first. Some of them may have been forgotten meanwhile.
	Near(ctx context.Context, tenant cordon.TenantID, print [32]byte) ([]Near, error)
	// Saw is told of an item once it is on record.
	Saw(tenant cordon.TenantID, item cordon.ID, print [32]byte)
}

// Near is an item that looks like another.
type Near struct {
	Item     cordon.ID
	Distance int // bits of 256
}

// AlikeConfig says how items are compared with those before them.
type AlikeConfig struct {
	Within time.Duration // how far back; 0: items are not compared
	// Burst files that look the same within BurstWithin are many. 0: it is not asked.
	Burst       int
	BurstWithin time.Duration
}

// Print is what a picture looks like, where that says anything.
type Print struct{ Hash [32]byte }

const (
	alikeName, alikeVersion = "alike", "1"
	// mostAlike bounds what is read of items that look like one: beyond it all that is said is
	// that there are more.
	mostAlike = 200
)

// seen is what is to be committed with an inspection: by what later look-alikes are told.
type seen struct {
	record *cordon.Seen
	print  *Print
	as     string // what is looked at, however often
}

// looking are the items that are being looked at and are not on record yet: a page of files
// that a poll has brought is committed together, and its files count for one another. Safe for
// concurrent use.
type looking struct {
	mu sync.Mutex
	at map[string]lookedAt
}

type lookedAt struct {
	seen   cordon.Seen
	tenant cordon.TenantID
	digest []byte
	print  *Print
}

// lookingFor is how long something counts that never came on record.
const lookingFor = 10 * time.Minute

// enter returns those that are the same or look the same, with their distances, and enters one
// behind them: of two at the same time, one was first.
func (l *looking) enter(as string, one lookedAt) (before []cordon.Seen, distances []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.at = map[string]lookedAt{}
	}
	for other, o := range l.at {
		switch {
		case one.seen.At.Sub(o.seen.At) > lookingFor:
			delete(l.at, other)
		case other == as || o.tenant != one.tenant:
		case bytes.Equal(o.digest, one.digest):
			before, distances = append(before, o.seen), append(distances, 0)
		case o.print != nil && one.print != nil:
			if d := pdq.Hash(o.print.Hash).Distance(one.print.Hash); d <= pdq.Near {
				before, distances = append(before, o.seen), append(distances, d)
			}
		}
	}
	l.at[as] = one
	return before, distances
}

func (l *looking) leave(as string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.at, as)
}

// compare says of an item how many came before that are the same or look the same, and for how
// many records, as context. It returns what has to be committed with the inspection.
func (f *Flow) compare(ctx context.Context, it cordon.Item, p cordon.Personal, look Look, found []cordon.Finding, as string) ([]cordon.Finding, seen, error) {
	conf := f.AlikeConfig
	if conf.Within <= 0 || p.SHA256 == "" {
		return found, seen{}, nil
	}
	now := f.Now().UTC()
	start := time.Now()
	note := seen{record: &cordon.Seen{Item: it.ID, At: now, Past: it.Mode == cordon.ModeBackfill}, print: look.Print, as: as}
	if p.Subject != "" {
		value, err := f.RecordValue(ctx, it.Tenant, p.Subject)
		if err != nil {
			return found, note, err
		}
		note.record.Record = value
	}
	if ordinary(found) {
		note.print = nil // nothing is to be found by it
		return with(found, f.notCounted()), note, nil
	}
	if note.print != nil {
		var err error
		if note.record.Key, note.record.Print, err = f.Keys.SealFor(ctx, it.Tenant, p.Subject, seenBound(it.ID), note.print.Hash[:]); err != nil {
			return found, note, err
		}
	}
	earlier, nearest, more, err := f.earlierAlike(ctx, it, p, note, now.Add(-conf.Within))
	if err != nil {
		return found, note, fmt.Errorf("look for files that look the same: %w", err)
	}
	out := f.tellAlike(it, note.record.Record, earlier, nearest, more, now)
	for i := range out {
		out[i].Took = time.Since(start)
	}
	return with(found, out...), note, nil
}

// ordinary reports whether a list says that much looks like the file.
func ordinary(found []cordon.Finding) bool {
	return slices.ContainsFunc(found, func(f cordon.Finding) bool {
		return f.Label == cordon.LabelKnownOrdinary && f.Status == cordon.StatusFound && f.Part == ""
	})
}

// earlierAlike returns what was looked at since a time and is or looks the same, and the nearest
// distance of pictures, 0 for the same bytes.
func (f *Flow) earlierAlike(ctx context.Context, it cordon.Item, p cordon.Personal, note seen, since time.Time) (out []cordon.Seen, nearest int, more bool, err error) {
	sum, err := digestOf(p)
	if err != nil {
		return nil, 0, false, err
	}
	value, err := f.Keys.Lookup(ctx, it.Tenant, lookupDigest, sum)
	if err != nil {
		return nil, 0, false, err
	}
	pending, distances := f.looking.enter(note.as, lookedAt{*note.record, it.Tenant, value, note.print})
	same, err := f.Store.SeenSame(ctx, it.Tenant, lookupDigest, value, since, mostAlike+1) // the item itself is one of them
	if err != nil {
		return nil, 0, false, err
	}
	more = len(same) >= mostAlike
	nearest = 256
	there := map[cordon.ID]bool{it.ID: true}
	add := func(s cordon.Seen, distance int) {
		if !there[s.Item] && !s.At.Before(since) {
			there[s.Item] = true
			out, nearest = append(out, s), min(nearest, distance)
		}
	}
	for _, s := range same {
		add(s, 0)
	}
	for i, s := range pending {
		add(s, distances[i])
	}
	if note.print == nil || f.Alike == nil {
		return out, nearest, more, nil
	}
	near, err := f.Alike.Near(ctx, it.Tenant, note.print.Hash)
	if err != nil {
		return nil, 0, false, err
	}
	if len(near) > mostAlike {
		near, more = near[:mostAlike], true
	}
	ids, distance := make([]cordon.ID, len(near)), map[cordon.ID]int{}
	for i, n := range near {
		ids[i], distance[n.Item] = n.Item, n.Distance
	}
	rows, err := f.Store.SeenItems(ctx, it.Tenant, ids...)
	for _, s := range rows {
		if s.Print != nil { // else it is known by its exact bytes alone
			add(s, distance[s.Item])
		}
	}
	return out, nearest, more, err
}

// tellAlike makes findings of what came before.
func (f *Flow) tellAlike(it cordon.Item, record []byte, earlier []cordon.Seen, nearest int, more bool, now time.Time) []cordon.Finding {
	conf := f.AlikeConfig
	days := max(1, int(conf.Within.Hours()/24))
	said := cordon.Finding{Detector: alikeName, Version: alikeVersion, Status: cordon.StatusNone, Class: cordon.Context, Label: cordon.LabelNotSeen,
		Sentence: fmt.Sprintf("No file that is or looks the same was looked at in the last %d days.", days), Detail: map[string]any{"days": days, "count": 0}}
	if len(earlier) == 0 {
		return []cordon.Finding{said}
	}
	others, nowhere, lately := map[string]bool{}, 0, 1
	for _, s := range earlier {
		switch {
		case s.Record == nil:
			nowhere++
		case string(s.Record) != string(record):
			others[string(s.Record)] = true
		}
		if !s.Past && it.Mode != cordon.ModeBackfill && now.Sub(s.At) <= conf.BurstWithin {
			lately++
		}
	}
	said.Status, said.Label = cordon.StatusFound, cordon.LabelSeenBefore
	if len(others) > 0 {
		said.Label = cordon.LabelSeenForOthers
	}
	atLeast := ""
	if more {
		atLeast = "at least "
	}
	looks := "A file that looks the same"
	if nearest == 0 {
		looks = "The same file, or one that looks the same,"
	}
	said.Sentence = fmt.Sprintf("%s came %s%s before in the last %d days, %s.", looks, atLeast, times(len(earlier)), days, forRecords(len(others), nowhere, record == nil))
	said.Detail = map[string]any{"days": days, "count": len(earlier), "more": more, "other_records": len(others), "without_record": nowhere, "nearest_bits": nearest}
	out := []cordon.Finding{said}
	if conf.Burst > 0 && lately >= conf.Burst {
		burst := said
		burst.Label = cordon.LabelBurst
		burst.Sentence = fmt.Sprintf("It is one of %s%d files that look the same and came within %s.", atLeast, lately, spell(conf.BurstWithin))
		burst.Detail = map[string]any{"count": lately, "more": more, "within_minutes": int(conf.BurstWithin.Minutes())}
		out = append(out, burst)
	}
	return out
}

func (f *Flow) notCounted() cordon.Finding {
	return cordon.Finding{Detector: alikeName, Version: alikeVersion, Status: cordon.StatusNotApplicable, Class: cordon.Context, Label: cordon.LabelNotSeen,
		Sentence: "It is on a list of ordinary files, so files that look the same are not counted.", Detail: map[string]any{}}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func forRecords(others, nowhere int, here bool) string {
	switch {
	case others == 1:
		return "for 1 other record"
	case others > 1:
		return fmt.Sprintf("for %d other records", others)
	case nowhere > 0 || here:
		return "as far as is known for no other record"
	}
	return "all for the same record"
}

func spell(d time.Duration) string {
	if d%time.Hour == 0 {
		return strings.TrimSuffix(fmt.Sprintf("%d hours", d/time.Hour), map[bool]string{true: "s"}[d == time.Hour])
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// with adds findings where their check stands in the order of checks.
func with(found []cordon.Finding, more ...cordon.Finding) []cordon.Finding {
	out := append(slices.Clone(found), more...)
	slices.SortStableFunc(out, func(a, b cordon.Finding) int { return strings.Compare(a.Detector, b.Detector) })
	return out
}

// saw tells whoever compares pictures that an item is on record.
func (f *Flow) saw(it cordon.Item, s seen) {
	if f.Alike != nil && s.print != nil {
		f.Alike.Saw(it.Tenant, it.ID, s.print.Hash)
	}
	f.looking.leave(s.as)
}

func seenBound(item cordon.ID) []byte { return []byte("seen/" + string(item)) }

// OpenSeen returns what an item looks like; cordon.ErrShredded once the key is gone,
// cordon.ErrNotFound if that was never told.
func (f *Flow) OpenSeen(ctx context.Context, tenant cordon.TenantID, s cordon.Seen) (hash [32]byte, err error) {
	if s.Print == nil {
		return hash, fmt.Errorf("what item %s looks like: %w", s.Item, cordon.ErrNotFound)
	}
	b, err := f.Keys.OpenBy(ctx, tenant, s.Key, seenBound(s.Item), s.Print)
	if err == nil && copy(hash[:], b) != len(hash) {
		err = errors.New("it is no perceptual hash")
	}
	if err != nil {
		return hash, fmt.Errorf("what item %s looks like: %w", s.Item, err)
	}
	return hash, nil
}
