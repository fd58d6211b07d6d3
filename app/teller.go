package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/callback"
	"github.com/cordonhq/cordon/flow"
)

// teller tells a route's address what became of an item, in the shape of the answer to
// POST /v1/items. It sends no name: whoever is told asks the API for more, with their own token.
type teller struct {
	tenants *tenants
	notice  func(ctx context.Context, it cordon.Item) (body []byte, state string, err error) // set once the API exists
}

var _ flow.Callback = (*teller)(nil)

var (
	errNoSecret = cordon.Permanent(cordon.CauseNotSet, "callbacks are not set up")
	errNotTaken = cordon.Permanent(cordon.CauseRefused, "the receiver will not take it")
)

func (t *teller) Tell(ctx context.Context, it cordon.Item) error {
	route, ok := t.tenants.route(it.Tenant, it.Route)
	secret, signed := t.tenants.secrets[it.Tenant]
	if !ok || !signed {
		return fmt.Errorf("%w: route %s declares a callback_url but tenant %s has no callback_secret", errNoSecret, it.Route, it.Tenant)
	}
	body, state, err := t.notice(ctx, it)
	if err != nil {
		return err
	}
	client := callback.New(callback.Config{AllowLoopback: t.tenants.configs[it.Tenant].AllowLoopbackCallbacks})
	// The same item in the same state is the same message: a receiver drops repeats by it.
	err = client.Post(ctx, route.CallbackURL, secret, string(it.ID)+"."+state, body)
	if errors.Is(err, callback.ErrPermanent) {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return err
}
