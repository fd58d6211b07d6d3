package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// Session is a signed-in browser.
type Session struct {
	Tenant    cordon.TenantID
	TokenHash []byte // SHA-256 of the cookie
	Actor     cordon.Actor
	CreatedAt time.Time
	Until     time.Time // it is gone from then on
}

func markSession(s *Session) *rowmac.Row {
	return rowmac.Of("sessions").Text(string(s.Tenant)).Bytes(s.TokenHash).Text(string(s.Actor.Kind)).Text(string(s.Actor.ID)).
		Int(ns(s.CreatedAt)).Int(ns(s.Until))
}

// sessionRef names a session where its end is on record, by which nobody finds the cookie.
func sessionRef(tenant cordon.TenantID, tokenHash []byte) cordon.Ref {
	sum := sha256.Sum256(append([]byte("session"), tokenHash...))
	return cordon.Ref{Tenant: tenant, Kind: cordon.KindSession, ID: cordon.ID("ses_" + hex.EncodeToString(sum[:13]))}
}

// PutSession stores a session, and forgets the tenant's expired ones.
func (db *DB) PutSession(ctx context.Context, s Session) error {
	return db.write(ctx, asApp, s.Tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `DELETE FROM sessions WHERE tenant = $1 AND until <= now_ns()`, s.Tenant); err != nil {
			return err
		}
		return tx.send(1, nil, `
			INSERT INTO sessions (tenant, token, actor_kind, actor_id, created_at, until, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			s.Tenant, s.TokenHash, s.Actor.Kind, s.Actor.ID, ns(s.CreatedAt), ns(s.Until), db.marks.of(markSession(&s)))
	})
}

// Session returns a session that has not ended, or cordon.ErrNotFound. The error is
// cordon.ErrForged if something else than Cordon wrote it, or put it back after it was ended.
func (db *DB) Session(ctx context.Context, tenant cordon.TenantID, tokenHash []byte) (Session, error) {
	s := Session{Tenant: tenant, TokenHash: tokenHash}
	of := sessionRef(tenant, tokenHash)
	var created, until int64
	var mark []byte
	var ended bool
	err := db.one(ctx, asApp, tenant, []any{&s.Actor.Kind, &s.Actor.ID, &created, &until, &mark, &ended}, `
		SELECT actor_kind, actor_id, created_at, until, mac, EXISTS (
			SELECT 1 FROM entries WHERE tenant = $1 AND of_kind = $3 AND of_id = $4) FROM sessions
		WHERE tenant = $1 AND token = $2 AND until > now_ns()`, tenant, tokenHash, of.Kind, of.ID)
	s.CreatedAt, s.Until = at(created), at(until)
	if err == nil {
		err = db.marks.check("sessions", of.ID, mark, markSession(&s))
	}
	if err == nil && ended {
		err = db.marks.forged("sessions", of.ID, "the ledger says that it was ended")
	}
	if err != nil {
		return Session{}, fmt.Errorf("session: %w", err)
	}
	return s, nil
}

// DeleteSession ends a session, which is an entry: no row decides that it is over by not being
// there. Ending what is not there is no error.
func (db *DB) DeleteSession(ctx context.Context, tenant cordon.TenantID, tokenHash []byte) error {
	s, err := db.Session(ctx, tenant, tokenHash)
	if err == nil {
		of := sessionRef(tenant, tokenHash)
		err = db.Commit(ctx, cordon.Change{Of: of, To: "ended", Entries: []cordon.Entry{
			cordon.NewEntry(cordon.EntrySignOut, of, time.Now().UTC(), s.Actor, nil)}})
	}
	if err != nil && !errors.Is(err, cordon.ErrNotFound) && !errors.Is(err, cordon.ErrConflict) && !errors.Is(err, cordon.ErrForged) {
		return err
	}
	_, err = db.exec(ctx, asApp, tenant, `DELETE FROM sessions WHERE tenant = $1 AND token = $2`, tenant, tokenHash)
	return err
}
