package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// EffectState says where an effect stands.
type EffectState string

// States of an effect.
const (
	EffectOwed  EffectState = "owed"
	EffectDone  EffectState = "done"
	EffectStuck EffectState = "stuck" // retrying will not help; a person looks
)

// EffectLine is an effect as people look at it.
type EffectLine struct {
	cordon.Effect
	State     EffectState
	Code      string    // why the last attempt came to nothing: failed, panicked, not-done, lost, permanent or not-authentic
	Holder    string    // who is at it now
	Until     time.Time // when it is free again unless the holder says that it lives
	CreatedAt time.Time
	DoneAt    time.Time

	due  time.Time // from when on it was owed as it was committed; NotBefore moves with each try
	mark []byte
}

const effectColumns = `tenant, id, kind, of_kind, of_id, payload, not_before, attempts, state, code, holder, lease_until, created_at, done_at, due_at, mac`

func scanEffect(row scan) (EffectLine, error) {
	var e EffectLine
	var notBefore, until, created, done, due int64
	err := row(&e.Of.Tenant, &e.ID, &e.Kind, &e.Of.Kind, &e.Of.ID, &e.Payload, &notBefore, &e.Attempts,
		&e.State, &e.Code, &e.Holder, &until, &created, &done, &due, &e.mark)
	e.NotBefore, e.Until, e.CreatedAt, e.DoneAt = at(notBefore), at(until), at(created), at(done)
	e.due = at(due)
	return e, err
}

func (db *DB) effects(ctx context.Context, as login, tenant cordon.TenantID, sql string, args ...any) ([]EffectLine, error) {
	out := []EffectLine{}
	err := db.read(ctx, as, tenant, func(row scan) error {
		e, err := scanEffect(row)
		out = append(out, e)
		return err
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// EffectsOf lists what is or was owed for a thing, oldest first. The result is never nil.
func (db *DB) EffectsOf(ctx context.Context, of cordon.Ref) ([]EffectLine, error) {
	return db.effects(ctx, asApp, of.Tenant, `SELECT `+effectColumns+`
		FROM effects WHERE tenant = $1 AND of_kind = $2 AND of_id = $3 ORDER BY created_at, id`, of.Tenant, of.Kind, of.ID)
}

// Effect returns one effect, or cordon.ErrNotFound.
func (db *DB) Effect(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (EffectLine, error) {
	found, err := db.effects(ctx, asApp, tenant, `SELECT `+effectColumns+` FROM effects WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil && len(found) == 0 {
		err = cordon.ErrNotFound
	}
	if err != nil {
		return EffectLine{}, fmt.Errorf("effect %s: %w", id, err)
	}
	return found[0], nil
}

// OwedEffects lists what is owed, longest due first, of all tenants: it is for Cordon's
// own housekeeping and figures. The result is never nil.
func (db *DB) OwedEffects(ctx context.Context, limit int) ([]EffectLine, error) {
	return db.effects(ctx, asWorker, "", `SELECT `+effectColumns+`
		FROM effects WHERE state = 'owed' ORDER BY not_before, id LIMIT $1`, limit)
}

// Owed is how many effects of one kind a tenant owes.
type Owed struct {
	Tenant cordon.TenantID
	Kind   cordon.EffectKind
	Due    int       // to be carried out now, or being carried out
	Later  int       // whose time has not come
	Since  time.Time // when the first of those due became so; zero if none is
	Stuck  int       // set aside for a person
}

// Owed counts what is owed or set aside, of all tenants, by tenant and kind. Kinds of which there is
// none are absent.
func (db *DB) Owed(ctx context.Context) ([]Owed, error) {
	out := []Owed{}
	err := db.read(ctx, asWorker, "", func(row scan) error {
		var o Owed
		var since int64
		err := row(&o.Tenant, &o.Kind, &o.Due, &o.Later, &o.Stuck, &since)
		o.Since = at(since)
		out = append(out, o)
		return err
	}, `
		SELECT tenant, kind, CAST(sum(due) AS bigint), CAST(sum(later) AS bigint), CAST(sum(stuck) AS bigint), coalesce(min(since), 0) FROM (
			SELECT tenant, kind, count(*) AS due, 0 AS later, 0 AS stuck, min(CASE WHEN not_before > created_at THEN not_before ELSE created_at END) AS since
				FROM effects WHERE state = 'owed' AND not_before <= $1 GROUP BY tenant, kind
			UNION ALL
			SELECT tenant, kind, 0, count(*), 0, NULL FROM effects WHERE state = 'owed' AND not_before > $1 GROUP BY tenant, kind
			UNION ALL
			SELECT tenant, kind, 0, 0, count(*), NULL FROM effects WHERE state = 'stuck' GROUP BY tenant, kind
		) AS counted GROUP BY tenant, kind ORDER BY tenant, kind`, ns(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("count what is owed: %w", err)
	}
	return out, nil
}

// LogSize is the size in bytes of the log that commits go to before they reach the database's file.
// PostgreSQL keeps its own; has is false there.
func (db *DB) LogSize() (bytes int64, has bool) { return db.engine.logSize() }

// StuckEffects lists what was set aside for a person. The result is never nil.
func (db *DB) StuckEffects(ctx context.Context, tenant cordon.TenantID, limit int) ([]EffectLine, error) {
	return db.effects(ctx, asApp, tenant, `SELECT `+effectColumns+`
		FROM effects WHERE state = 'stuck' AND tenant = $1 ORDER BY not_before, id LIMIT $2`, tenant, limit)
}

// early is how long before its time an effect may be claimed, so that a job which fires a
// little early by another clock is not wasted.
const early = time.Second

// ClaimEffect leases an effect that is owed and due to the holder. Until the lease ends
// nobody else can claim it. It returns cordon.ErrConflict if the effect is done, stuck, not
// due, leased (to the same holder too) or unknown, and cordon.ErrForged if something else than
// Cordon wrote it: it is then set aside.
func (db *DB) ClaimEffect(ctx context.Context, tenant cordon.TenantID, id cordon.ID, holder string, lease time.Duration) (cordon.Effect, error) {
	e, err := db.claim(ctx, tenant, id, holder, lease)
	return e.Effect, err
}

func (db *DB) claim(ctx context.Context, tenant cordon.TenantID, id cordon.ID, holder string, lease time.Duration) (EffectLine, error) {
	var e EffectLine
	var forged error
	err := db.write(ctx, asWorker, tenant, func(tx txn) error {
		e, forged = EffectLine{}, nil
		err := tx.query(func(row scan) (err error) {
			e, err = scanEffect(row)
			return err
		}, `
			UPDATE effects SET holder = $3, lease_until = now_ns() + CAST($4 AS bigint), attempts = attempts + 1, job = 0
			WHERE tenant = $1 AND id = $2 AND state = 'owed' AND lease_until <= now_ns() AND not_before <= now_ns() + CAST($5 AS bigint)
				AND due_at <= now_ns() + CAST($5 AS bigint)
			RETURNING `+effectColumns, tenant, id, holder, lease.Nanoseconds(), early.Nanoseconds())
		if err != nil {
			return err
		}
		if e.ID == "" {
			// The job that asked is used up, and the sweeper has to know if it was the only one.
			return tx.send(-1, nil, `UPDATE effects SET job = 0 WHERE tenant = $1 AND id = $2 AND state = 'owed' AND job = 1`, tenant, id)
		}
		if forged = db.marks.check("effects", e.ID, e.mark, markEffect(&e)); forged == nil {
			return nil
		}
		return putAside(tx, tenant, id)
	})
	if err == nil && forged == nil && e.ID != "" {
		if forged, err = db.doneBefore(ctx, e); forged != nil {
			err = db.write(ctx, asWorker, tenant, func(tx txn) error { return putAside(tx, tenant, id) })
		}
	}
	switch {
	case err == nil && forged != nil:
		err = forged
	case err == nil && e.ID == "":
		err = fmt.Errorf("%w: it is not owed, not due or somebody is at it", cordon.ErrConflict)
	}
	if err != nil {
		return EffectLine{}, fmt.Errorf("claim effect %s: %w", id, err)
	}
	return e, nil
}

// putAside sets an effect that is not Cordon's aside as it is, without a mark that would make it so.
func putAside(tx txn, tenant cordon.TenantID, id cordon.ID) error {
	return tx.send(1, nil, `
		UPDATE effects SET state = 'stuck', holder = '', lease_until = 0, code = 'not-authentic'
		WHERE tenant = $1 AND id = $2`, tenant, id)
}

// doneBefore looks whether the ledger says that an effect is done, whatever its row says.
func (db *DB) doneBefore(ctx context.Context, e EffectLine) (forged, err error) {
	if db.marks.keys == nil {
		return nil, nil
	}
	err = db.read(ctx, asApp, e.Of.Tenant, func(row scan) error {
		var entry cordon.ID
		var body, mark []byte
		if err := row(&entry, &body, &mark); err != nil {
			return err
		}
		if bytes.Contains(body, []byte(`"`+e.ID+`"`)) && db.marks.check("entries", entry, mark, markEntry(e.Of, entry, body)) == nil {
			forged = db.marks.forged("effects", e.ID, "the ledger says that it is done")
		}
		return nil
	}, `SELECT id, body, mac FROM entries WHERE tenant = $1 AND of_kind = $2 AND of_id = $3 AND mac IS NOT NULL`,
		e.Of.Tenant, e.Of.Kind, e.Of.ID)
	return forged, err
}

// renewEffect prolongs a lease, or returns cordon.ErrConflict if it was lost or the effect
// is no longer owed.
func (db *DB) renewEffect(ctx context.Context, tenant cordon.TenantID, id cordon.ID, holder string, lease time.Duration) error {
	return db.write(ctx, asWorker, tenant, func(tx txn) error {
		return tx.send(1, cordon.ErrConflict, `
			UPDATE effects SET lease_until = now_ns() + CAST($4 AS bigint)
			WHERE tenant = $1 AND id = $2 AND holder = $3 AND state = 'owed'`, tenant, id, holder, lease.Nanoseconds())
	})
}

// RetryEffect ends the holder's lease and has the effect tried again at notBefore. An empty
// holder is a person's wish: it applies to an effect that nobody is at, a stuck one too. It
// returns cordon.ErrConflict if the effect is done or someone else is at it, and cordon.ErrForged
// if a person wishes for what something else than Cordon wrote.
func (db *DB) RetryEffect(ctx context.Context, tenant cordon.TenantID, id cordon.ID, holder string, notBefore time.Time, code string) error {
	return db.write(ctx, asWorker, tenant, func(tx txn) error {
		j := job{Tenant: tenant, Effect: id, at: notBefore}
		if holder != "" { // it stays owed, which is all that its mark says
			return again(tx, j, `
				UPDATE effects SET holder = '', lease_until = 0, not_before = $4, code = $5, job = 1
				WHERE tenant = $1 AND id = $2 AND state = 'owed' AND holder = $3
				RETURNING kind`, tenant, id, holder, ns(notBefore), code)
		}
		var e EffectLine
		if err := tx.query(func(row scan) (err error) {
			e, err = scanEffect(row)
			return err
		}, `SELECT `+effectColumns+` FROM effects WHERE tenant = $1 AND id = $2 FOR UPDATE`, tenant, id); err != nil {
			return err
		}
		if e.ID == "" || e.State == EffectDone {
			return fmt.Errorf("effect %s: %w", id, cordon.ErrConflict)
		}
		if err := db.marks.check("effects", id, e.mark, markEffect(&e)); err != nil {
			return err
		}
		e.State = EffectOwed
		return again(tx, j, `
			UPDATE effects SET state = 'owed', holder = '', lease_until = 0, not_before = $3, code = $4, job = 1, mac = $5
			WHERE tenant = $1 AND id = $2 AND state <> 'done' AND lease_until <= now_ns()
			RETURNING kind`, tenant, id, ns(notBefore), code, db.marks.of(markEffect(&e)))
	})
}

// again updates one effect, by a statement that returns its kind, and enqueues a job for it.
func again(tx txn, j job, sql string, args ...any) error {
	found := false
	err := tx.query(func(row scan) error {
		var kind cordon.EffectKind
		err := row(&kind)
		found, j.slow = true, kind.Slow()
		return err
	}, sql, args...)
	if err == nil && !found {
		err = fmt.Errorf("effect %s: %w", j.Effect, cordon.ErrConflict)
	}
	if err == nil {
		tx.enqueue(j)
	}
	return err
}

// GiveBack ends the holder's lease without counting the attempt: the process is stopping.
func (db *DB) GiveBack(ctx context.Context, tenant cordon.TenantID, id cordon.ID, holder string) error {
	return db.write(ctx, asWorker, tenant, func(tx txn) error {
		return again(tx, job{Tenant: tenant, Effect: id}, `
			UPDATE effects SET holder = '', lease_until = 0, attempts = attempts - 1, job = 1
			WHERE tenant = $1 AND id = $2 AND holder = $3 AND state = 'owed'
			RETURNING kind`, tenant, id, holder)
	})
}

// setAside marks an effect that retrying cannot help.
func (db *DB) setAside(ctx context.Context, e EffectLine, holder string) error {
	e.State = EffectStuck
	return db.write(ctx, asWorker, e.Of.Tenant, func(tx txn) error {
		return tx.send(1, fmt.Errorf("effect %s: %w", e.ID, cordon.ErrConflict), `
			UPDATE effects SET state = 'stuck', holder = '', lease_until = 0, code = 'permanent', mac = $4
			WHERE tenant = $1 AND id = $2 AND holder = $3 AND state = 'owed'`, e.Of.Tenant, e.ID, holder, db.marks.of(markEffect(&e)))
	})
}
