package app

import (
	"context"
	"errors"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/store"
)

// sessions keeps sign-ins in the store, under the account's pseudonym.
type sessions struct {
	db      *store.DB
	tenants []cordon.TenantID
}

var _ account.Sessions = sessions{}

func (s sessions) PutSession(ctx context.Context, hash []byte, tenant cordon.TenantID, login string, until time.Time) error {
	actor, err := s.db.ActorFor(ctx, tenant, cordon.Person, login)
	if err != nil {
		return err
	}
	return s.db.PutSession(ctx, store.Session{Tenant: tenant, TokenHash: hash, Actor: actor, CreatedAt: time.Now(), Until: until})
}

// Session looks with each tenant, because the cookie does not say whose it is and no query
// crosses tenants.
func (s sessions) Session(ctx context.Context, hash []byte) (cordon.TenantID, string, time.Time, error) {
	for _, tenant := range s.tenants {
		found, err := s.db.Session(ctx, tenant, hash)
		if errors.Is(err, cordon.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", "", time.Time{}, err
		}
		login, err := s.db.ActorName(ctx, tenant, found.Actor.ID)
		return tenant, login, found.Until, err
	}
	return "", "", time.Time{}, cordon.ErrNotFound
}

func (s sessions) DeleteSession(ctx context.Context, hash []byte) error {
	for _, tenant := range s.tenants {
		if err := s.db.DeleteSession(ctx, tenant, hash); err != nil {
			return err
		}
	}
	return nil
}
