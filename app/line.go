package app

import (
	"context"
	"crypto/sha256"
	"net/url"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/salesforce/inline"
	"github.com/cordonhq/cordon/store"
)

// line is the line as the gateway sees it: flow, and the little that the gateway remembers
// of callers and routes.
type line struct {
	*flow.Flow
	db   *store.DB
	ring *keyring.Ring
}

var (
	_ inline.Line   = line{}
	_ inline.Stager = line{}
)

// Judge judges, and keeps nothing that the CRM would not take.
func (l line) Judge(ctx context.Context, item cordon.Item, refused func(context.Context) (code string)) (cordon.Item, error) {
	return l.JudgeUnless(ctx, item, refused)
}

// Remember keeps which client a token was issued to, as an HMAC: tokens are never stored.
func (l line) Remember(ctx context.Context, tenant cordon.TenantID, token, clientID string, ttl time.Duration) {
	key, err := l.tokenKey(ctx, tenant, token)
	if err == nil {
		err = l.db.RememberClient(ctx, tenant, key, clientID, time.Now().Add(ttl))
	}
	if err != nil {
		l.Log.Warn("the client of a token was not remembered; its requests count as from an unknown client", "err", err)
	}
}

func (l line) ClientOf(ctx context.Context, tenant cordon.TenantID, token string) string {
	key, err := l.tokenKey(ctx, tenant, token)
	if err != nil {
		return ""
	}
	client, err := l.db.ClientOf(ctx, tenant, key)
	if err != nil {
		return ""
	}
	return client
}

func (l line) tokenKey(ctx context.Context, tenant cordon.TenantID, token string) ([]byte, error) {
	sum := sha256.Sum256([]byte(token))
	return l.ring.Lookup(ctx, tenant, "token", sum[:])
}

func (l line) Touch(tenant cordon.TenantID, route, what string) {
	if err := l.db.TouchRoute(context.Background(), tenant, route, what, time.Now()); err != nil {
		l.Log.Warn("a use of a route was not counted", "route", route, "err", err)
	}
}

func (a *App) openGateway(t *tenants, ring *keyring.Ring) error {
	conf := inline.Config{
		MaxUploads: int64(a.conf.Limits.Uploads), MaxMultipartVersion: a.conf.Limits.ContentVersionBytes,
		MaxJSON: a.conf.Limits.JSONBytes, MaxFields: a.conf.Limits.FieldsBytes, MaxChecked: a.conf.Limits.CheckedBytes, MaxCSV: a.conf.Limits.CSVBytes,
		TrustProxy: a.conf.Gateway.TrustProxy, Moved: a.gauges.upstreamMoved, Room: a.files.left,
		MaxMultipartOther: a.conf.Limits.OtherBytes, WriteTimeout: a.conf.SettleAfter, Log: a.log,
	}
	if n := a.conf.Limits.CallerUploadsPerMinute; n > 0 {
		conf.Quota = newQuota(n, time.Now).wait
	}
	for _, tc := range a.conf.Tenants {
		upstream, err := url.Parse(tc.Upstream)
		if err != nil {
			return err
		}
		conf.Tenants = append(conf.Tenants, inline.Tenant{ID: tc.ID, Hosts: tc.Hosts, Upstream: upstream, Routes: tc.Routes})
	}
	var err error
	if a.gateway, err = inline.New(conf, line{a.flow, a.db, ring}); err != nil {
		return err
	}
	a.handlers.gateway = a.gateway
	return nil
}
