package store

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// marks tell rows that Cordon wrote from those that somebody else did. Without keys nothing is
// marked and nothing checked: what such a store writes, one with keys refuses.
type marks struct {
	keys *rowmac.Keys
	// unmarked takes rows without a mark for good: those of a release that made none, until they
	// are sealed.
	unmarked bool
	log      *slog.Logger

	mu    sync.Mutex
	count map[string]int64
	said  map[string]bool
}

// of returns the mark of a row, nil without keys.
func (m *marks) of(r *rowmac.Row) any {
	if m.keys == nil {
		return nil
	}
	return m.keys.Mark(r)
}

// check returns an error that wraps cordon.ErrForged unless the row is as Cordon left it.
func (m *marks) check(table string, id cordon.ID, mark []byte, r *rowmac.Row) error {
	if m.keys == nil {
		return nil
	}
	err := m.keys.Check(mark, r)
	if err == nil || m.unmarked && errors.Is(err, rowmac.ErrMissing) {
		return nil
	}
	return m.forged(table, id, err.Error())
}

// mostSaid bounds how many rows are remembered as spoken of.
const mostSaid = 10_000

// forged counts a row that does not check out and says so in the log, once a row.
func (m *marks) forged(table string, id cordon.ID, why string) error {
	m.mu.Lock()
	m.count[table]++
	key := table + " " + string(id) + " " + why
	first := !m.said[key] && len(m.said) < mostSaid
	if first {
		m.said[key] = true
	}
	m.mu.Unlock()
	if first {
		m.log.Error("a row does not check out and nothing acts on it: something else than Cordon wrote to the database",
			"table", table, "id", id, "why", why)
	}
	return fmt.Errorf("%s %s: %w (%s)", table, id, cordon.ErrForged, why)
}

// Forged counts, by table, how often a row was met that something else than Cordon wrote, since
// this store was opened.
func (db *DB) Forged() map[string]int64 {
	db.marks.mu.Lock()
	defer db.marks.mu.Unlock()
	return maps.Clone(db.marks.count)
}

// markItem is what the mark of an item is of. verdict is the text as it is stored.
func markItem(it *cordon.Item, verdict string) *rowmac.Row {
	return rowmac.Of("items").Text(string(it.Tenant)).Text(string(it.ID)).Text(string(it.State)).Int(it.Version).
		Text(verdict).Int(ns(it.ChangedAt)).Text(it.Route).Text(string(it.Channel)).Text(string(it.Mode)).
		Text(string(it.Fail)).Text(string(it.WhenHeld)).Text(string(it.Class)).Int(it.Size).Text(it.MediaType).
		Text(it.DeclaredType).Text(string(it.Modality)).Text(string(it.Op)).Text(it.Object).Text(it.UpstreamID).
		Text(it.DocumentID).Text(it.Client).Bytes(it.Commitment).Text(string(it.Blob)).Text(string(it.KeyID)).
		Bytes(it.WrappedKey).Bytes(it.Sealed).Int(ns(it.ReceivedAt))
}

func markThing(t *cordon.Thing) *rowmac.Row {
	return rowmac.Of("things").Text(string(t.Tenant)).Text(string(t.Kind)).Text(string(t.ID)).Text(string(t.State)).
		Int(t.Version).Int(ns(t.ChangedAt)).Bytes(t.Value).Text(string(t.Subject)).Int(ns(t.DueAt))
}

// markEntry is of an entry and of the thing that its row says it is of, which is no part of the tree.
func markEntry(of cordon.Ref, id cordon.ID, body []byte) *rowmac.Row {
	return rowmac.Of("entries").Text(string(of.Tenant)).Text(string(of.Kind)).Text(string(of.ID)).Text(string(id)).Bytes(body)
}

// markEffect leaves out who is at it and how often it was tried. What is done was not always
// read before: nothing acts on it.
func markEffect(e *EffectLine) *rowmac.Row {
	if e.State == EffectDone {
		return markDone(e.Of.Tenant, e.ID)
	}
	return rowmac.Of("effects").Text(string(e.Of.Tenant)).Text(string(e.ID)).Text(string(e.Kind)).Text(string(e.Of.Kind)).
		Text(string(e.Of.ID)).Bytes(e.Payload).Int(ns(e.due)).Int(ns(e.CreatedAt)).Text(string(e.State))
}

func markDone(tenant cordon.TenantID, id cordon.ID) *rowmac.Row {
	return rowmac.Of("effects done").Text(string(tenant)).Text(string(id))
}

func markLookup(l cordon.Lookup, of cordon.Ref) *rowmac.Row {
	return rowmac.Of("lookups").Text(string(of.Tenant)).Text(l.Kind).Bytes(l.Value).Text(string(of.ID))
}

// newestEntry is the newest entry about a thing. Those that carry no mark are of an earlier release,
// or nobody's.
const newestEntry = `
	SELECT id, body, mac FROM entries WHERE tenant = $1 AND of_kind = $2 AND of_id = $3 AND mac IS NOT NULL
	ORDER BY seq DESC LIMIT 1`

// versionOf returns the version that an entry says its change made, if the entry is Cordon's; 0 if
// it says none.
func (m *marks) versionOf(of cordon.Ref, id cordon.ID, body, mark []byte) (int64, error) {
	if err := m.check("entries", id, mark, markEntry(of, id, body)); err != nil {
		return 0, err
	}
	e, err := cordon.ParseEntry(body)
	if err != nil {
		return 0, err
	}
	version, _ := e.Facts[cordon.FactVersion].(int64)
	return version, nil
}

// upToDate checks that a row is the one which its newest entry speaks of. An older row has a mark
// that fits, too: somebody may have put it back.
func (m *marks) upToDate(table string, id cordon.ID, row, newest int64) error {
	if m.keys == nil || newest == 0 || row == newest {
		return nil
	}
	return m.forged(table, id, fmt.Sprintf("it is of version %d and the ledger speaks of version %d", row, newest))
}
