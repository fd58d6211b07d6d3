package store

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// RememberClient keeps, until the time given, which OAuth client a token was issued to.
// tokenHMAC is keyed; the token itself never comes here.
func (db *DB) RememberClient(ctx context.Context, tenant cordon.TenantID, tokenHMAC []byte, clientID string, until time.Time) error {
	return db.write(ctx, asApp, tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `DELETE FROM clients WHERE tenant = $1 AND until <= now_ns()`, tenant); err != nil {
			return err
		}
		return tx.send(1, nil, `
			INSERT INTO clients (tenant, token, client, until, mac) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant, token) DO UPDATE SET client = excluded.client, until = excluded.until, mac = excluded.mac`,
			tenant, tokenHMAC, clientID, ns(until), db.marks.of(markClient(tenant, tokenHMAC, clientID, ns(until))))
	})
}

func markClient(tenant cordon.TenantID, token []byte, client string, until int64) *rowmac.Row {
	return rowmac.Of("clients").Text(string(tenant)).Bytes(token).Text(client).Int(until)
}

// ClientOf returns the client the token was issued to, or cordon.ErrNotFound. The error is
// cordon.ErrForged if something else than Cordon wrote the row.
func (db *DB) ClientOf(ctx context.Context, tenant cordon.TenantID, tokenHMAC []byte) (string, error) {
	var client string
	var until int64
	var mark []byte
	err := db.one(ctx, asApp, tenant, []any{&client, &until, &mark},
		`SELECT client, until, mac FROM clients WHERE tenant = $1 AND token = $2 AND until > now_ns()`, tenant, tokenHMAC)
	if err == nil {
		err = db.marks.check("clients", "", mark, markClient(tenant, tokenHMAC, client, until))
	}
	if err != nil {
		return "", err
	}
	return client, nil
}
