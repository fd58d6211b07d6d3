package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/likeness"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
	"github.com/cordonhq/cordon/store"
)

// within fills what is left open, for flow.
func (c AlikeConfig) within() flow.AlikeConfig {
	c = c.filled()
	if c.Off {
		return flow.AlikeConfig{}
	}
	return flow.AlikeConfig{Within: time.Duration(c.Days) * 24 * time.Hour, Burst: c.Burst, BurstWithin: c.BurstWithin}
}

func (c AlikeConfig) filled() AlikeConfig {
	for _, d := range []struct {
		value    *int
		standard int
	}{{&c.Days, 30}, {&c.Items, 100_000}, {&c.Burst, 10}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if c.BurstWithin == 0 {
		c.BurstWithin = time.Hour
	}
	return c
}

// likes is what is held in memory of what files look and sound like, for each tenant.
type likes struct {
	db     *store.DB
	flow   *flow.Flow // opens what is sealed; set, as ears are, once there is one
	conf   AlikeConfig
	lists  map[cordon.TenantID]*likeness.Lists
	recent map[cordon.TenantID]*likeness.Recent
	ears   ears
	log    *slog.Logger
}

var _ flow.Alike = (*likes)(nil)

func newLikes(conf Config, db *store.DB, log *slog.Logger) *likes {
	l := &likes{db: db, conf: conf.Inspect.Alike.filled(), log: log,
		lists: map[cordon.TenantID]*likeness.Lists{}, recent: map[cordon.TenantID]*likeness.Recent{}}
	recent := likeness.RecentConfig{For: time.Duration(l.conf.Days) * 24 * time.Hour, Most: l.conf.Items, Shared: conf.Database.URL != ""}
	for _, t := range conf.Tenants {
		l.lists[t.ID] = likeness.NewLists(entries{t.ID, l}, log)
		if !l.conf.Off {
			l.recent[t.ID] = likeness.NewRecent(recent, prints{t.ID, l}, log)
		}
	}
	return l
}

// Near implements flow.Alike.
func (l *likes) Near(ctx context.Context, tenant cordon.TenantID, print [32]byte) ([]flow.Near, error) {
	r := l.recent[tenant]
	if r == nil {
		return nil, nil
	}
	found, err := r.Near(ctx, print)
	out := make([]flow.Near, len(found))
	for i, m := range found {
		out[i] = flow.Near{Item: m.ID, Distance: m.Distance}
	}
	return out, err
}

// Saw implements flow.Alike.
func (l *likes) Saw(tenant cordon.TenantID, item cordon.ID, print [32]byte) {
	if r := l.recent[tenant]; r != nil {
		r.Saw(item, print)
	}
}

// How often is looked for entries that have come to their end, and for what has aged.
const (
	endEvery  = time.Minute
	dropEvery = time.Hour
)

// run reads what is needed for the first files, and then ends what has to end, until ctx does.
func (l *likes) run(ctx context.Context) {
	for tenant, lists := range l.lists {
		err := lists.Load(ctx)
		if r := l.recent[tenant]; r != nil && err == nil {
			err = r.Load(ctx)
		}
		if err != nil && ctx.Err() == nil {
			l.log.Warn("what known and recent files look like could not be read yet; it is read when it is first asked for", "tenant", tenant, "err", err)
		}
	}
	end, drop := time.NewTicker(endEvery), time.NewTicker(dropEvery)
	defer end.Stop()
	defer drop.Stop()
	for {
		l.each(ctx, "an end of entries of known files was not written down; it is tried again", l.end)
		select {
		case <-ctx.Done():
			return
		case <-end.C:
		case <-drop.C:
			l.each(ctx, "what was looked at long ago was not forgotten; it is tried again", l.drop)
		}
	}
}

func (l *likes) each(ctx context.Context, failed string, do func(context.Context, cordon.TenantID) error) {
	for tenant := range l.lists {
		if err := do(ctx, tenant); err != nil && ctx.Err() == nil {
			l.log.Warn(failed, "tenant", tenant, "err", err)
		}
	}
}

func (l *likes) end(ctx context.Context, tenant cordon.TenantID) error {
	n, err := l.flow.EndKnown(ctx, tenant)
	if n > 0 {
		l.log.Info("entries of known files came to their end", "tenant", tenant, "entries", n)
	}
	return err
}

func (l *likes) drop(ctx context.Context, tenant cordon.TenantID) error {
	before := time.Now().Add(-time.Duration(l.conf.Days) * 24 * time.Hour)
	if l.conf.Off {
		before = time.Now()
	}
	_, err := l.db.DropSeen(ctx, tenant, before, l.conf.Items)
	return err
}

// entries are the entries by likeness of one tenant's lists.
type entries struct {
	tenant cordon.TenantID
	l      *likes
}

func (e entries) Number(ctx context.Context) (int64, error) { return e.l.db.KnownNumber(ctx, e.tenant) }

func (e entries) IDs(ctx context.Context) ([]cordon.ID, error) {
	return e.l.db.KnownLikeIDs(ctx, e.tenant)
}

func (e entries) Since(ctx context.Context, number int64) ([]likeness.Entry, error) {
	const batch = 5000
	rows, err := e.l.db.KnownSince(ctx, e.tenant, number, batch)
	if err != nil {
		return nil, err
	}
	out := make([]likeness.Entry, len(rows))
	for i, k := range rows {
		out[i] = likeness.Entry{ID: k.ID, Number: k.Number, Kind: k.Kind}
		if opened, err := e.l.flow.OpenKnown(ctx, e.tenant, k); err == nil {
			out[i].Value = opened.Value
		} else if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}

// prints are what one tenant's items look like.
type prints struct {
	tenant cordon.TenantID
	l      *likes
}

func (p prints) Since(ctx context.Context, since time.Time, limit int) ([]cordon.Seen, error) {
	return p.l.db.SeenPrints(ctx, p.tenant, since, limit)
}

func (p prints) Open(ctx context.Context, s cordon.Seen) (pdq.Hash, error) {
	return p.l.flow.OpenSeen(ctx, p.tenant, s)
}

// knownLists are the lists that one tenant's files are looked up in. What is found in memory
// counts only if it is on record.
type knownLists struct {
	tenant cordon.TenantID
	l      *likes
}

var _ known.Lists = knownLists{}

func (k knownLists) Exact(ctx context.Context, sum [sha256.Size]byte) (known.Entry, bool, error) {
	f, err := k.l.flow.KnownExact(ctx, k.tenant, cordon.KnownSHA256, sum[:])
	if errors.Is(err, cordon.ErrNotFound) {
		return known.Entry{}, false, nil
	}
	return entryOf(f), err == nil, err
}

func (k knownLists) Looks(ctx context.Context, h pdq.Hash) ([]known.Match, error) {
	found, err := k.l.lists[k.tenant].Looks(ctx, h)
	if err != nil {
		return nil, err
	}
	return k.onRecord(ctx, found)
}

func (k knownLists) Sounds(ctx context.Context, p chromaprint.Print) ([]known.Match, error) {
	found, err := k.l.lists[k.tenant].Sounds(ctx, p)
	if err != nil {
		return nil, err
	}
	return k.onRecord(ctx, found)
}

// onRecord keeps what is on a list at this moment.
func (k knownLists) onRecord(ctx context.Context, found []likeness.Match) ([]known.Match, error) {
	const most = 200
	found = found[:min(len(found), most)]
	ids := make([]cordon.ID, len(found))
	for i, m := range found {
		ids[i] = m.ID
	}
	rows, err := k.l.db.KnownEntries(ctx, k.tenant, ids...)
	if err != nil {
		return nil, err
	}
	there := map[cordon.ID]cordon.Known{}
	for _, r := range rows {
		if !r.Expired(time.Now()) {
			there[r.ID] = r
		}
	}
	var out []known.Match
	for _, m := range found {
		row, ok := there[m.ID]
		if !ok {
			continue
		}
		f, err := k.l.flow.OpenKnown(ctx, k.tenant, row)
		if err != nil {
			return nil, err
		}
		out = append(out, known.Match{Entry: entryOf(f), Distance: m.Distance, Likeness: m.Likeness, Overlap: m.Overlap})
	}
	return out, nil
}

func entryOf(f cordon.KnownFile) known.Entry {
	return known.Entry{ID: f.ID, List: f.List, Kind: f.Kind, Source: f.Source, Ref: f.Ref, Added: f.At}
}
