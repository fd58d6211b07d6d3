package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Tenants lists the tenants that have entries, in order. It is for the sequencer.
func (db *DB) Tenants(ctx context.Context) ([]cordon.TenantID, error) {
	out := []cordon.TenantID{}
	err := db.read(ctx, asSequencer, "", func(row scan) error {
		var t cordon.TenantID
		err := row(&t)
		out = append(out, t)
		return err
	}, `SELECT tenant FROM ledger_heads UNION SELECT tenant FROM unsequenced ORDER BY tenant`)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Pending returns up to limit entries that are committed and have no place in the log, in
// an order that keeps each thing's own. An entry whose transaction committed after later
// numbers were placed is returned too: only AppendLedger takes entries off the list. One that
// something else than Cordon wrote is never returned and never signed; it stays where it is, for
// people to look at. The result is never nil.
func (db *DB) Pending(ctx context.Context, tenant cordon.TenantID, limit int) ([]cordon.PendingEntry, error) {
	// Each try is one statement, of one moment: read in parts, an entry that was committed between
	// them would come behind a later one of the same thing.
	for most := limit; ; most *= 2 {
		out, rows := []cordon.PendingEntry{}, 0
		err := db.read(ctx, asSequencer, tenant, func(row scan) error {
			rows++
			p := cordon.PendingEntry{Of: cordon.Ref{Tenant: tenant}}
			var mark []byte
			if err := row(&p.ID, &p.Of.Kind, &p.Of.ID, &p.Body, &mark); err != nil {
				return err
			}
			if len(out) < limit && db.marks.check("entries", p.ID, mark, markEntry(p.Of, p.ID, p.Body)) == nil {
				out = append(out, p)
			}
			return nil
		}, `
			SELECT e.id, e.of_kind, e.of_id, e.body, e.mac FROM unsequenced u JOIN entries e ON e.seq = u.seq AND e.tenant = u.tenant
			WHERE u.tenant = $1 ORDER BY u.seq LIMIT $2`, tenant, most)
		if err != nil {
			return nil, err
		}
		if len(out) == limit || rows < most {
			return out, nil
		}
	}
}

// Lead makes holder the one who may append to the tenant's log for ttl, unless someone
// else is. The fence grows with every change of holder and AppendLedger refuses all but
// the newest. Lead with the same holder renews and keeps the fence; a ttl of 0 gives the
// lead up. A holder is one run of one process, never a name that comes back.
func (db *DB) Lead(ctx context.Context, tenant cordon.TenantID, holder string, ttl time.Duration) (fence int64, ok bool, err error) {
	err = db.write(ctx, asSequencer, tenant, func(tx txn) error {
		ok = false
		if err := tx.send(-1, nil, `
			INSERT INTO ledger_heads (tenant, size, root, at, holder, lease_until, fence)
			VALUES ($1, 0, $2, 0, '', 0, 0) ON CONFLICT (tenant) DO NOTHING`, tenant, make([]byte, 32)); err != nil {
			return err
		}
		return tx.query(func(row scan) error {
			ok = true
			return row(&fence)
		}, `
			UPDATE ledger_heads SET holder = $2, lease_until = now_ns() + CAST($3 AS bigint),
				fence = CASE WHEN holder = $2 THEN fence ELSE fence + 1 END
			WHERE tenant = $1 AND (holder = $2 OR lease_until <= now_ns()) RETURNING fence`,
			tenant, holder, ttl.Nanoseconds())
	})
	if err != nil {
		return 0, false, fmt.Errorf("lead the log of %s: %w", tenant, err)
	}
	return fence, ok, nil
}

// Head returns the head of the tenant's log, the zero head while it has no entries.
func (db *DB) Head(ctx context.Context, tenant cordon.TenantID) (cordon.LedgerHead, error) {
	var h cordon.LedgerHead
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var root []byte
		var when int64
		if err := row(&h.Size, &root, &h.Checkpoint, &when); err != nil {
			return err
		}
		if len(root) != len(h.Root) {
			return fmt.Errorf("head of %s: root is %d bytes", tenant, len(root))
		}
		copy(h.Root[:], root)
		h.At = at(when)
		return nil
	}, `SELECT size, root, checkpoint, at FROM ledger_heads WHERE tenant = $1`, tenant)
	return h, err
}

// AppendLedger gives entries their places, stores the tiles and moves the head, in one
// transaction. It returns cordon.ErrConflict if the fence is stale, the log is not
// a.From long, or an entry is unknown or has its place already. Entries must be in the
// order of Pending, and at least one.
func (db *DB) AppendLedger(ctx context.Context, tenant cordon.TenantID, fence int64, a cordon.LedgerAppend) error {
	n := int64(len(a.Entries))
	if n == 0 || a.Head.Size != a.From+n {
		return fmt.Errorf("%w: %d entries from %d do not make a log of %d", cordon.ErrInvalid, n, a.From, a.Head.Size)
	}
	err := db.write(ctx, asSequencer, tenant, func(tx txn) error {
		if err := tx.send(1, fmt.Errorf("%w: the log is longer than %d or someone else leads it", cordon.ErrConflict, a.From), `
			UPDATE ledger_heads SET size = $4, root = $5, checkpoint = $6, at = $7
			WHERE tenant = $1 AND fence = $2 AND size = $3`,
			tenant, fence, a.From, a.Head.Size, a.Head.Root[:], orNull(a.Head.Checkpoint), ns(a.Head.At)); err != nil {
			return err
		}
		if err := placeEntries(tx, tenant, a); err != nil {
			return err
		}
		for _, t := range a.Tiles {
			if err := tx.send(1, nil, `
				INSERT INTO ledger_tiles (tenant, level, n, data) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, level, n) DO UPDATE SET data = excluded.data`,
				tenant, t.Level, t.N, t.Data); err != nil {
				return err
			}
		}
		if len(a.Head.Checkpoint) == 0 {
			return nil
		}
		return tx.send(1, nil, `INSERT INTO checkpoints (tenant, size, note, at) VALUES ($1, $2, $3, $4)`,
			tenant, a.Head.Size, a.Head.Checkpoint, ns(a.Head.At))
	})
	if err != nil {
		return fmt.Errorf("append %d entries to the log of %s: %w", n, tenant, notStored(err))
	}
	return nil
}

func placeEntries(tx txn, tenant cordon.TenantID, a cordon.LedgerAppend) error {
	n, ids := int64(len(a.Entries)), texts(a.Entries)
	placed := fmt.Errorf("%w: an entry is unknown or has its place in the log already", cordon.ErrConflict)
	// CROSS JOIN keeps SQLite to this order of tables; it would go through the list for
	// each entry that waits.
	if err := tx.send(n, placed, `
		INSERT INTO leaves (tenant, idx, seq)
		SELECT e.tenant, CAST($2 AS bigint) + x.ord - 1, e.seq
		FROM unnest($3::text[]) WITH ORDINALITY AS x(v, ord) CROSS JOIN entries e CROSS JOIN unsequenced u
		WHERE e.tenant = $1 AND e.id = x.v AND u.tenant = $1 AND u.seq = e.seq
		ORDER BY x.ord`, tenant, a.From, ids); err != nil {
		return err
	}
	return tx.send(n, placed, `
		DELETE FROM unsequenced WHERE tenant = $1 AND seq IN (
			SELECT seq FROM leaves WHERE tenant = $1 AND idx >= $2)`, tenant, a.From)
}

// Tile returns one tile of hashes, or cordon.ErrNotFound.
func (db *DB) Tile(ctx context.Context, tenant cordon.TenantID, level int, n int64) ([]byte, error) {
	var data []byte
	err := db.one(ctx, asApp, tenant, []any{&data},
		`SELECT data FROM ledger_tiles WHERE tenant = $1 AND level = $2 AND n = $3`, tenant, level, n)
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d of %s: %w", level, n, tenant, err)
	}
	return data, nil
}

// LeafEntries returns the canonical bytes of the entries at from, from+1, … to-1, or of as
// many of them as there are. The result is never nil.
func (db *DB) LeafEntries(ctx context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error) {
	out := [][]byte{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var body []byte
		err := row(&body)
		out = append(out, body)
		return err
	}, `
		SELECT e.body FROM leaves l JOIN entries e ON e.seq = l.seq
		WHERE l.tenant = $1 AND l.idx >= $2 AND l.idx < $3 ORDER BY l.idx`, tenant, from, to)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// EntryIndex returns the place of an entry in the log, -1 if it has none yet, or
// cordon.ErrNotFound.
func (db *DB) EntryIndex(ctx context.Context, tenant cordon.TenantID, entry cordon.ID) (int64, error) {
	var idx int64
	err := db.one(ctx, asApp, tenant, []any{&idx}, `
		SELECT coalesce(l.idx, -1) FROM entries e LEFT JOIN leaves l ON l.tenant = e.tenant AND l.seq = e.seq
		WHERE e.tenant = $1 AND e.id = $2`, tenant, entry)
	if err != nil {
		return -1, fmt.Errorf("entry %s: %w", entry, err)
	}
	return idx, nil
}

// Checkpoints returns up to limit signed heads of more than after entries, smallest first,
// without their roots: the signed note is what counts. The result is never nil.
func (db *DB) Checkpoints(ctx context.Context, tenant cordon.TenantID, after int64, limit int) ([]cordon.LedgerHead, error) {
	out := []cordon.LedgerHead{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var h cordon.LedgerHead
		var when int64
		err := row(&h.Size, &h.Checkpoint, &when)
		h.At = at(when)
		out = append(out, h)
		return err
	}, `SELECT size, note, at FROM checkpoints WHERE tenant = $1 AND size > $2 ORDER BY size LIMIT $3`, tenant, after, limit)
	if err != nil {
		return nil, err
	}
	return out, nil
}
