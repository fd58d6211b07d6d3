package coverage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// partKey tells one part from another.
type partKey struct {
	channel         cordon.Channel
	creator, client string
}

// tally adds up files. Every file is counted; of those that nobody looked at, the newest keep
// are listed, or all if keep is negative.
type tally struct {
	desk.CoverageCount
	keep       int
	why        map[cordon.Reason]int
	parts      map[partKey]*desk.CoverageCount
	unexamined []desk.Unexamined
}

func newTally(keep int) *tally {
	return &tally{keep: keep, why: map[cordon.Reason]int{}, parts: map[partKey]*desk.CoverageCount{}}
}

func (t *tally) add(f File, m match) {
	c := desk.CoverageCount{Gained: 1}
	switch {
	case f.Elsewhere:
		c = desk.CoverageCount{Elsewhere: 1}
	case m.examined:
		if c.Examined = 1; m.partly {
			c.Partly = 1
		}
	case m.tried:
		c.Tried = 1
	}
	t.Add(c)
	k := partKey{m.channel, f.Creator, m.client}
	if t.parts[k] == nil {
		t.parts[k] = new(desk.CoverageCount)
	}
	t.parts[k].Add(c)
	if f.Elsewhere || m.examined {
		return
	}
	t.why[m.why]++
	t.unexamined = append(t.unexamined, desk.Unexamined{Object: f.Object, ID: f.ID, Channel: m.channel, Creator: f.Creator,
		Created: f.Created.UTC(), Size: f.Size, Why: m.why})
	if t.keep >= 0 && len(t.unexamined) > 2*t.keep+1000 {
		t.trim()
	}
}

// trim sorts the list and drops what is older than the newest keep.
func (t *tally) trim() {
	newestFirst(t.unexamined)
	if t.keep >= 0 && len(t.unexamined) > t.keep {
		t.unexamined = slices.Clip(t.unexamined[:t.keep])
	}
}

func newestFirst(list []desk.Unexamined) {
	slices.SortFunc(list, func(a, b desk.Unexamined) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
}

// list returns the parts as they are shown.
func (t *tally) list() []desk.CoveragePart {
	parts := make([]desk.CoveragePart, 0, len(t.parts))
	for k, c := range t.parts {
		parts = append(parts, desk.CoveragePart{Channel: k.channel, Creator: k.creator, Client: k.client, CoverageCount: *c})
	}
	return desk.MergeParts(parts)
}

// whys lists the reasons, most files first.
func whys(counts map[cordon.Reason]int) []desk.CoverageWhy {
	out := []desk.CoverageWhy{}
	for _, r := range slices.Sorted(maps.Keys(counts)) {
		if counts[r] > 0 {
			out = append(out, desk.CoverageWhy{Reason: r, Files: counts[r]})
		}
	}
	slices.SortStableFunc(out, func(a, b desk.CoverageWhy) int { return cmp.Compare(b.Files, a.Files) })
	return out
}

// lookUps is how many files are looked up in one query.
const lookUps = 500

// day is the length of one, in UTC, which has no other.
const day = 24 * time.Hour

func midnight(t time.Time) time.Time { return t.UTC().Truncate(day) }

// census counts one day by the org's lists and the ledger.
func (l *Law) census(ctx context.Context, on time.Time, t *tally) (calls int64, err error) {
	calls, err = l.Org.Gained(ctx, on, on.Add(day), func(page []File) error {
		for some := range slices.Chunk(page, lookUps) {
			ids := make([]string, len(some))
			for i, f := range some {
				ids[i] = f.ID
			}
			records, err := l.Records.Records(ctx, l.Tenant, ids)
			if err != nil {
				return err
			}
			for _, f := range some {
				t.add(f, matched(f, records[f.ID]))
			}
		}
		return nil
	})
	if err != nil {
		return calls, fmt.Errorf("count what the org gained on %s: %w", on.Format(time.DateOnly), err)
	}
	t.trim()
	return calls, nil
}
