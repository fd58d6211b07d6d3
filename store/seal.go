package store

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Empty reports whether nothing is on record of any tenant.
func (db *DB) Empty(ctx context.Context) (bool, error) {
	var there bool
	for _, q := range []struct {
		as  login
		sql string
	}{
		{asWorker, `SELECT EXISTS (SELECT 1 FROM items) OR EXISTS (SELECT 1 FROM effects) OR EXISTS (SELECT 1 FROM keys)`},
		{asSequencer, `SELECT EXISTS (SELECT 1 FROM entries) OR EXISTS (SELECT 1 FROM ledger_heads)`},
	} {
		if err := db.one(ctx, q.as, "", []any{&there}, q.sql); err != nil || there {
			return false, err
		}
	}
	return true, nil
}

// sealBatch is how many rows are marked in one transaction.
const sealBatch = 500

// Seal marks every row of an earlier release that anything acts on, as it stands, and says how many
// there were. Nobody else may be at work, and Authenticate has said that rows without marks are
// good. Sessions end: whoever was signed in does so again. Done twice it changes nothing more.
func (db *DB) Seal(ctx context.Context) (rows int64, err error) {
	tenants, err := db.Tenants(ctx)
	if err != nil {
		return 0, err
	}
	for _, tenant := range tenants {
		pending := 0
		if err := db.one(ctx, asSequencer, tenant, []any{&pending}, `SELECT count(*) FROM unsequenced WHERE tenant = $1`, tenant); err != nil {
			return rows, err
		}
		if pending > 0 {
			return rows, fmt.Errorf("%w: %d entries of %s wait for their place in the ledger; start the gateway, let it place them, stop it and seal again",
				cordon.ErrNotNow, pending, tenant)
		}
		n, err := db.sealTenant(ctx, tenant)
		if rows += n; err != nil {
			return rows, fmt.Errorf("seal the records of %s: %w", tenant, err)
		}
	}
	return rows, nil
}

// sealing is how the rows of one table are marked: those behind the last key, in its order.
type sealing struct {
	as     login
	key    []string // columns that name a row, beside the tenant
	query  string   // of rows without a mark, all but the condition on the key
	marked func(scan) (key []any, mark any, err error)
	table  string
}

func (db *DB) sealTenant(ctx context.Context, tenant cordon.TenantID) (n int64, err error) {
	m := db.marks
	for _, s := range []sealing{
		{asApp, []string{"id"}, `SELECT ` + itemColumns + ` FROM items`, func(row scan) ([]any, any, error) {
			it, err := m.scanItem(row)
			return []any{it.ID}, m.of(markItem(&it.Item, it.verdict)), err
		}, "items"},
		{asApp, []string{"kind", "id"}, `SELECT kind, id, ` + thingColumns + ` FROM things`, func(row scan) ([]any, any, error) {
			t := cordon.Thing{Ref: cordon.Ref{Tenant: tenant}}
			var mark []byte
			err := scanThing(func(dest ...any) error { return row(append([]any{&t.Kind, &t.ID}, dest...)...) }, &t, &mark)
			return []any{t.Kind, t.ID}, m.of(markThing(&t)), err
		}, "things"},
		{asApp, []string{"id"}, `SELECT ` + effectColumns + ` FROM effects`, func(row scan) ([]any, any, error) {
			e, err := scanEffect(row)
			return []any{e.ID}, m.of(markEffect(&e)), err
		}, "effects"},
		{asApp, []string{"kind", "value", "item"}, `SELECT kind, value, item FROM lookups`, func(row scan) ([]any, any, error) {
			var l cordon.Lookup
			of := cordon.Ref{Tenant: tenant}
			err := row(&l.Kind, &l.Value, &of.ID)
			return []any{l.Kind, l.Value, of.ID}, m.of(markLookup(l, of)), err
		}, "lookups"},
		{asApp, []string{"id"}, knownSelect, func(row scan) ([]any, any, error) {
			k, err := m.scanKnown(tenant, row)
			return []any{k.ID}, m.of(markKnown(tenant, &k)), err
		}, "known"},
		{asApp, []string{"id"}, `SELECT id, kind, name, created_at FROM actors`, func(row scan) ([]any, any, error) {
			var a cordon.Actor
			var name string
			var created int64
			err := row(&a.ID, &a.Kind, &name, &created)
			return []any{a.ID}, m.of(markActor(tenant, a, name, created)), err
		}, "actors"},
		{asApp, []string{"token"}, `SELECT token, client, until FROM clients`, func(row scan) ([]any, any, error) {
			var token []byte
			var client string
			var until int64
			err := row(&token, &client, &until)
			return []any{token}, m.of(markClient(tenant, token, client, until)), err
		}, "clients"},
	} {
		some, err := db.sealTable(ctx, tenant, s)
		if n += some; err != nil {
			return n, fmt.Errorf("%s: %w", s.table, err)
		}
	}
	if _, err := db.exec(ctx, asApp, tenant, `DELETE FROM sessions WHERE tenant = $1`, tenant); err != nil {
		return n, err
	}
	return n, db.sealSums(ctx, tenant)
}

func (db *DB) sealTable(ctx context.Context, tenant cordon.TenantID, s sealing) (n int64, err error) {
	keys, where := "", "tenant = $1"
	for i, k := range s.key {
		if i > 0 {
			keys += ", "
		}
		keys += k
		where += fmt.Sprintf(" AND %s = $%d", k, i+2)
	}
	var last []any
	for {
		behind, args := "", []any{tenant}
		if last != nil {
			behind = " AND (" + keys + ") > ("
			for i := range last {
				if i > 0 {
					behind += ", "
				}
				behind += fmt.Sprintf("$%d", i+2)
			}
			behind += ")"
			args = append(args, last...)
		}
		var found int
		err := db.write(ctx, s.as, tenant, func(tx txn) error {
			found = 0
			type marked struct {
				key  []any
				mark any
			}
			var rows []marked
			if err := tx.query(func(row scan) error {
				key, mark, err := s.marked(row)
				rows = append(rows, marked{key, mark})
				return err
			}, s.query+` WHERE tenant = $1`+behind+fmt.Sprintf(` AND mac IS NULL ORDER BY %s LIMIT %d`, keys, sealBatch), args...); err != nil {
				return err
			}
			for _, r := range rows {
				args := append(append([]any{tenant}, r.key...), r.mark)
				if err := tx.send(1, nil, fmt.Sprintf(`UPDATE %s SET mac = $%d WHERE %s`, s.table, len(args), where), args...); err != nil {
					return err
				}
				last = r.key
			}
			found = len(rows)
			return nil
		})
		if n += int64(found); err != nil || found < sealBatch {
			return n, err
		}
	}
}

// sealSums sums the lists of known files as they stand.
func (db *DB) sealSums(ctx context.Context, tenant cordon.TenantID) error {
	return db.write(ctx, asApp, tenant, func(tx txn) error {
		setting, err := newStanding(db.marks).lockThing(tx, knownRef(tenant))
		if err != nil || setting.Version == 0 {
			return err
		}
		s := &knownSums{tenant: tenant, number: setting.Version}
		if err := tx.query(func(row scan) error {
			k, err := db.marks.scanKnown(tenant, row)
			s.add(db.marks, &k)
			return err
		}, knownSelect+`WHERE tenant = $1 ORDER BY value`, tenant); err != nil {
			return err
		}
		return s.write(db.marks, tx)
	})
}
