package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/store"
)

// Doctor says what "cordon doctor" is to examine: what this configuration would open.
func (c Config) Doctor() (doctor.Config, error) {
	d := doctor.Config{
		Environment: c.Environment,
		Data:        c.path(c.Data), Keys: c.path(c.Keys),
		KeysApart: keyring.CheckApart,
		Records:   c.examineRecords(), Models: c.examineModels(),
		Gateway: c.door(c.Gateway), Console: c.door(c.Console),
		Decoders: func() []doctor.Decoder { return examineDecoders(c.Sandbox) },
	}
	for _, t := range c.Tenants {
		identity, err := c.identity(t)
		if err != nil {
			return d, err
		}
		org := doctor.Org{Tenant: t.ID, Identity: identity, Polling: c.examinePolling(t),
			Inline: slices.ContainsFunc(t.Routes, func(r cordon.Route) bool { return r.Mode == cordon.ModeInline })}
		if address := t.pubsubAddress(); address != "" && t.Poll > 0 {
			org.PubSub = address
			d.Destinations = append(d.Destinations, doctor.Destination{URL: strings.TrimPrefix(address, "http://"), For: "being told of changes of files (Pub/Sub API)"})
		}
		d.Orgs = append(d.Orgs, org)
		d.Gateway.Hosts = append(d.Gateway.Hosts, t.Hosts...)
		for _, r := range t.Routes {
			if r.CallbackURL != "" {
				d.Destinations = append(d.Destinations, doctor.Destination{URL: r.CallbackURL, For: "callbacks of route " + r.Name})
			}
		}
	}
	if u, err := url.Parse(c.Console.URL); err == nil && u.Hostname() != "" && u.Scheme == "https" {
		d.Console.Hosts = []string{u.Hostname()}
	}
	// Only host and port leave this function: the address may carry a password.
	if u, err := url.Parse(c.Database.URL); err == nil && u.Hostname() != "" {
		port := u.Port()
		if port == "" {
			port = "5432"
		}
		d.Destinations = append(d.Destinations, doctor.Destination{URL: net.JoinHostPort(u.Hostname(), port), For: "the database", Needed: true})
	}
	return d, nil
}

func (c Config) door(l ListenConfig) doctor.Door {
	return doctor.Door{Listen: l.Listen, TLSListen: l.TLSListen, Cert: c.path(l.Cert), Key: c.path(l.Key)}
}

// identity is Cordon's own identity in a tenant's org.
func (c Config) identity(t TenantConfig) (salesforce.Config, error) {
	org, err := url.Parse(t.Upstream)
	if err != nil {
		return salesforce.Config{}, err
	}
	return salesforce.Config{
		Org: org, Version: t.CRM.APIVersion, ClientID: t.CRM.ClientID, SecretFile: c.path(t.CRM.ClientSecretFile),
		KeyFile: c.path(t.CRM.PrivateKey), Username: t.CRM.Username, Audience: t.CRM.Audience,
	}, nil
}

// examineRecords looks at the database without changing it: SQLite is opened to be read.
func (c Config) examineRecords() doctor.Records {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if c.Database.URL != "" {
		return doctor.Records{Name: "the PostgreSQL database", Ready: func(ctx context.Context) (string, error) {
			return c.ready(ctx, store.Config{URL: c.Database.URL, Log: quiet}, "signed in with the application's login; tables, roles and row security as they should be")
		}}
	}
	path := filepath.Join(c.path(c.Data), "cordon.db")
	return doctor.Records{Name: "SQLite database", Ready: func(ctx context.Context) (string, error) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: %w", path, cordon.ErrNotFound)
		}
		return c.ready(ctx, store.Config{Path: path, ReadOnly: true, Log: quiet}, path+": opened to be read, tables up to date")
	}}
}

func (c Config) ready(ctx context.Context, sc store.Config, evidence string) (string, error) {
	db, err := store.Open(ctx, sc)
	if err != nil {
		return "", err
	}
	return evidence, errors.Join(db.Ready(ctx), db.Close())
}
