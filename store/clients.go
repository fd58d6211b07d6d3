package store

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
)

// RememberClient keeps, until the time given, which OAuth client a token was issued to.
// tokenHMAC is keyed; the token itself never comes here.
func (db *DB) RememberClient(ctx context.Context, tenant cordon.TenantID, tokenHMAC []byte, clientID string, until time.Time) error {
	return db.write(ctx, asApp, tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `DELETE FROM clients WHERE tenant = $1 AND until <= now_ns()`, tenant); err != nil {
			return err
		}
		return tx.send(1, nil, `
			INSERT INTO clients (tenant, token, client, until) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, token) DO UPDATE SET client = excluded.client, until = excluded.until`,
			tenant, tokenHMAC, clientID, ns(until))
	})
}

// ClientOf returns the client the token was issued to, or cordon.ErrNotFound.
func (db *DB) ClientOf(ctx context.Context, tenant cordon.TenantID, tokenHMAC []byte) (string, error) {
	var client string
	err := db.one(ctx, asApp, tenant, []any{&client},
		`SELECT client FROM clients WHERE tenant = $1 AND token = $2 AND until > now_ns()`, tenant, tokenHMAC)
	return client, err
}
