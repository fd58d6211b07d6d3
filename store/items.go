package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// itemBody are the columns that only change when a Change carries an item; itemValues are
// their values in the same order.
const itemBody = `route, channel, mode, fail, when_held, class, size, media_type, declared_type, modality,
	op, object, upstream_id, document_id, client, commitment, blob, key_id, wrapped_key, sealed, received_at`

func itemValues(it *cordon.Item) []any {
	return []any{it.Route, it.Channel, it.Mode, it.Fail, it.WhenHeld, it.Class, it.Size, it.MediaType, it.DeclaredType,
		it.Modality, it.Op, it.Object, it.UpstreamID, it.DocumentID, it.Client, orNull(it.Commitment), it.Blob, it.KeyID,
		orNull(it.WrappedKey), orNull(it.Sealed), ns(it.ReceivedAt)}
}

const itemColumns = `tenant, id, state, version, verdict, changed_at, mac, ` + itemBody

func (db *DB) items(ctx context.Context, as login, tenant cordon.TenantID, sql string, args ...any) ([]cordon.Item, error) {
	out := []cordon.Item{}
	err := db.read(ctx, as, tenant, func(row scan) error {
		it, err := db.marks.scanItem(row)
		out = append(out, it.Item)
		return err
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Item returns one item, or cordon.ErrNotFound, also for another tenant's. The error is
// cordon.ErrForged if something else than Cordon wrote the row, or put back an older one.
func (db *DB) Item(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.Item, error) {
	of := cordon.Ref{Tenant: tenant, Kind: cordon.KindItem, ID: id}
	var it cordon.Item
	newest := int64(0)
	// One statement: the row and its newest entry are of the same moment.
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var entry *cordon.ID
		var body, mark []byte
		read, err := db.marks.scanItem(func(dest ...any) error { return row(append(dest, &entry, &body, &mark)...) })
		it = read.Item
		if err == nil && entry != nil {
			newest, err = db.marks.versionOf(of, *entry, body, mark)
		}
		return err
	}, `
		SELECT `+prefixed("i", itemColumns)+`, e.id, e.body, e.mac FROM items i LEFT JOIN (`+newestEntry+`) e ON TRUE
		WHERE i.tenant = $1 AND i.id = $3`, tenant, cordon.KindItem, id)
	switch {
	case err == nil && it.ID == "":
		err = cordon.ErrNotFound
	case err == nil && it.Forged:
		err = cordon.ErrForged
	case err == nil:
		err = db.marks.upToDate("items", id, it.Version, newest)
	}
	if err != nil {
		return cordon.Item{}, fmt.Errorf("item %s: %w", id, err)
	}
	return it, nil
}

// prefixed puts the name of a table before each of a list of columns.
func prefixed(table, columns string) string {
	names := strings.Split(columns, ",")
	for i, n := range names {
		names[i] = table + "." + strings.TrimSpace(n)
	}
	return strings.Join(names, ", ")
}

// ItemQuery selects items of one tenant. Zero fields select everything.
type ItemQuery struct {
	States []cordon.State
	Owes   cordon.Debt // instead of States: those that owe this
	Route  string
	Before time.Time // received before
	Oldest bool      // oldest first; default: newest first
	After  cordon.ID // continue after this item, in the order asked for
	Limit  int       // default: 100; at most 1000
}

// Items lists items by the time of their arrival. The result is never nil.
func (db *DB) Items(ctx context.Context, tenant cordon.TenantID, q ItemQuery) ([]cordon.Item, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	where, args := `tenant = $1`, []any{tenant}
	and := func(cond string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" AND "+cond, len(args))
	}
	if q.Route != "" {
		and("route = $%d", q.Route)
	}
	if !q.Before.IsZero() {
		and("+received_at < $%d", ns(q.Before)) // along the order asked for, which the limit cuts
	}
	order := "DESC"
	if q.Oldest {
		order = "ASC"
	}
	if q.After != "" && q.Oldest {
		and("id > $%d", q.After)
	} else if q.After != "" {
		and("id < $%d", q.After)
	}
	and("TRUE ORDER BY id "+order+" LIMIT $%d", q.Limit)
	var these []string // one condition a state
	switch {
	case q.Owes != "":
		these = owing(q.Owes)
	case len(q.States) == 0:
		these = []string{"TRUE"}
	}
	for _, s := range q.States {
		if q.Owes == "" && slices.Contains(cordon.States(), s) {
			these = append(these, "state = '"+string(s)+"'")
		}
	}
	// One query a state: each can then walk its index in order and stop at the limit.
	out := []cordon.Item{}
	for _, state := range these {
		some, err := db.items(ctx, asApp, tenant, `SELECT `+itemColumns+` FROM items WHERE `+state+` AND `+where, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortFunc(out, func(a, b cordon.Item) int {
		if q.Oldest {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	return out[:min(len(out), q.Limit)], nil
}

// ItemByLookup returns the items that carry the look-up value, newest first. One that only a row
// of somebody else's says so of is not among them. The result is never nil.
func (db *DB) ItemByLookup(ctx context.Context, tenant cordon.TenantID, kind string, value []byte) ([]cordon.Item, error) {
	out := []cordon.Item{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var mark []byte
		it, err := db.marks.scanItem(func(dest ...any) error { return row(append(dest, &mark)...) })
		if err == nil && db.marks.check("lookups", it.ID, mark, markLookup(cordon.Lookup{Kind: kind, Value: value}, it.Ref)) == nil {
			out = append(out, it.Item)
		}
		return err
	}, `
		SELECT `+prefixed("i", itemColumns)+`, l.mac FROM lookups l JOIN items i ON i.tenant = l.tenant AND i.id = l.item
		WHERE l.tenant = $1 AND l.kind = $2 AND l.value = $3 ORDER BY i.id DESC LIMIT 1000`, tenant, kind, value)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ItemsSame returns the items that carry the look-up value and are of one record of the CRM, or
// are on their way there and have no id of it yet, newest first. It costs the same however
// many other records have the value, such as the same logo in every mail. The result is never
// nil.
func (db *DB) ItemsSame(ctx context.Context, tenant cordon.TenantID, kind string, value []byte, upstreamID string) ([]cordon.Item, error) {
	return db.items(ctx, asApp, tenant, `
		SELECT `+itemColumns+` FROM items WHERE tenant = $1 AND id IN (
			SELECT id FROM items WHERE tenant = $1 AND upstream_id = $4 AND upstream_id <> ''
			UNION ALL
			SELECT id FROM items WHERE tenant = $1 AND state IN ('forwarding', 'unsettled') AND upstream_id = '')
		AND EXISTS (SELECT 1 FROM lookups WHERE tenant = $1 AND kind = $2 AND value = $3 AND item = items.id)
		ORDER BY id DESC LIMIT 1000`, tenant, kind, value, upstreamID)
}

// ItemsUpstream returns the items of one record of the CRM, by its id, newest first. The
// result is never nil.
func (db *DB) ItemsUpstream(ctx context.Context, tenant cordon.TenantID, upstreamID string) ([]cordon.Item, error) {
	return db.items(ctx, asApp, tenant, `
		SELECT `+itemColumns+` FROM items WHERE tenant = $1 AND upstream_id = $2 AND upstream_id <> ''
		ORDER BY id DESC LIMIT 1000`, tenant, upstreamID)
}

// ItemsIn lists the items of all tenants in one state, oldest change first. It is for what
// Cordon itself does at its start, settling what a crash left behind; nobody's request may
// lead here.
func (db *DB) ItemsIn(ctx context.Context, state cordon.State, limit int) ([]cordon.Item, error) {
	return db.items(ctx, asWorker, "", `
		SELECT `+itemColumns+` FROM items WHERE state = $1 ORDER BY changed_at, id LIMIT $2`, state, limit)
}

// Findings returns what was found of an item, in the order it was added. The result is
// never nil.
func (db *DB) Findings(ctx context.Context, tenant cordon.TenantID, id cordon.ID) ([]cordon.Finding, error) {
	out := []cordon.Finding{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var body string
		var took int64
		if err := row(&body, &took); err != nil {
			return err
		}
		var f cordon.Finding
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			return fmt.Errorf("finding of %s: %w", id, err)
		}
		f.Took = time.Duration(took)
		out = append(out, f)
		return nil
	}, `SELECT body, took FROM findings WHERE tenant = $1 AND item = $2 ORDER BY seq`, tenant, id)
	if err != nil {
		return nil, err
	}
	return out, nil
}
