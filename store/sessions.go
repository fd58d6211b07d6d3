package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Session is a signed-in browser.
type Session struct {
	Tenant    cordon.TenantID
	TokenHash []byte // SHA-256 of the cookie
	Actor     cordon.Actor
	CreatedAt time.Time
	Until     time.Time // it is gone from then on
}

// PutSession stores a session, and forgets the tenant's expired ones.
func (db *DB) PutSession(ctx context.Context, s Session) error {
	return db.write(ctx, asApp, s.Tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `DELETE FROM sessions WHERE tenant = $1 AND until <= now_ns()`, s.Tenant); err != nil {
			return err
		}
		return tx.send(1, nil, `
			INSERT INTO sessions (tenant, token, actor_kind, actor_id, created_at, until) VALUES ($1, $2, $3, $4, $5, $6)`,
			s.Tenant, s.TokenHash, s.Actor.Kind, s.Actor.ID, ns(s.CreatedAt), ns(s.Until))
	})
}

// Session returns a session that has not ended, or cordon.ErrNotFound.
func (db *DB) Session(ctx context.Context, tenant cordon.TenantID, tokenHash []byte) (Session, error) {
	s := Session{Tenant: tenant, TokenHash: tokenHash}
	var created, until int64
	err := db.one(ctx, asApp, tenant, []any{&s.Actor.Kind, &s.Actor.ID, &created, &until}, `
		SELECT actor_kind, actor_id, created_at, until FROM sessions
		WHERE tenant = $1 AND token = $2 AND until > now_ns()`, tenant, tokenHash)
	if err != nil {
		return Session{}, fmt.Errorf("session: %w", err)
	}
	s.CreatedAt, s.Until = at(created), at(until)
	return s, nil
}

// DeleteSession ends a session. Ending what is not there is no error.
func (db *DB) DeleteSession(ctx context.Context, tenant cordon.TenantID, tokenHash []byte) error {
	_, err := db.exec(ctx, asApp, tenant, `DELETE FROM sessions WHERE tenant = $1 AND token = $2`, tenant, tokenHash)
	return err
}
