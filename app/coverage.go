package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/coverage"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

func (c *CoverageConfig) fillDefaults() {
	if c.Every == 0 {
		c.Every = time.Hour
	}
	if c.Floor == 0 {
		c.Floor = 0.9
	}
	if c.Fall == 0 {
		c.Fall = 0.05
	}
}

func (c CoverageConfig) check(bad func(string, ...any)) {
	if c.Every < 0 {
		bad("every: %s is negative; use off: true to count nothing", c.Every)
	}
	if c.Floor != -1 && !(c.Floor >= 0 && c.Floor <= 1) {
		bad("floor: %v is not between 0 and 1, and not -1 for none", c.Floor)
	}
	if !(c.Fall >= 0 && c.Fall <= 1) {
		bad("fall: %v is not between 0 and 1", c.Fall)
	}
}

// Coverage returns the law of coverage for a tenant; cordon.ErrNotFound where the configuration
// has no such tenant, or counts nothing for it.
func (a *App) Coverage(tenant cordon.TenantID) (*coverage.Law, error) { return a.laws.of(tenant) }

// laws are the laws of coverage by tenant. Those that count nothing are absent.
type laws map[cordon.TenantID]*coverage.Law

func (l laws) of(tenant cordon.TenantID) (*coverage.Law, error) {
	if law := l[tenant]; law != nil {
		return law, nil
	}
	return nil, fmt.Errorf("%w: coverage is not counted for %q; see the key coverage of the tenant", cordon.ErrNotFound, tenant)
}

// coverageClerk answers what the doors ask of coverage.
type coverageClerk struct {
	laws laws
	db   *store.DB
}

func (a *App) coverage() coverageClerk { return coverageClerk{a.laws, a.db} }

// Coverage names clients as the configuration of the org does. Where nothing is counted,
// nothing is known.
func (c coverageClerk) Coverage(ctx context.Context, tenant cordon.TenantID, q desk.CoverageQuery) (desk.Coverage, error) {
	law := c.laws[tenant]
	if law == nil {
		return desk.Coverage{From: q.From, To: q.To}, nil
	}
	out, err := law.Coverage(ctx, q)
	if err != nil {
		return out, err
	}
	names := map[string]string{}
	for i, p := range out.Parts {
		if p.Client == "" {
			continue
		}
		name, known := names[p.Client]
		if !known {
			if name, err = c.db.ActorName(ctx, tenant, cordon.ID(p.Client)); errors.Is(err, cordon.ErrNotFound) || errors.Is(err, cordon.ErrForged) {
				name, err = p.Client, nil
			} else if err != nil {
				return out, err
			}
			names[p.Client] = name
		}
		out.Parts[i].Client = name
	}
	return out, nil
}

// coverDays is a coverageClerk for those who need no list.
type coverDays struct{ coverageClerk }

// Coverage returns cordon.ErrNotFound for more days than can be asked for.
func (c coverDays) Coverage(ctx context.Context, tenant cordon.TenantID, from, to time.Time) (desk.Coverage, error) {
	if to.Sub(from) > desk.MaxCoverageDays*24*time.Hour {
		return desk.Coverage{}, cordon.ErrNotFound
	}
	return c.coverageClerk.Coverage(ctx, tenant, desk.CoverageQuery{From: from, To: to})
}

func (a *App) openLaws(conf Config, ring *keyring.Ring) laws {
	out := laws{}
	for _, t := range conf.Tenants {
		c := t.Coverage
		if c.fillDefaults(); c.Off {
			continue
		}
		out[t.ID] = coverage.New(coverage.Config{Tenant: t.ID, Records: traces{a.db}, Keep: a.db, Seals: sealer{ring},
			Org:   &org{tenant: t.ID, client: a.clients[t.ID], named: t.Integrations, log: a.log},
			Floor: c.Floor, Fall: c.Fall, Log: a.log})
	}
	return out
}

// count counts each tenant's coverage until ctx ends. Of several nodes one does.
func (a *App) count(ctx context.Context) {
	for _, t := range a.conf.Tenants {
		law := a.laws[t.ID]
		if law == nil {
			continue
		}
		every := t.Coverage
		every.fillDefaults()
		a.polling.Go(func() {
			a.alone(ctx, t.ID, "coverage", func(ctx context.Context) { law.Run(ctx, every.Every) })
		})
	}
}

// org lists what was gained, in the words of the law.
type org struct {
	tenant cordon.TenantID
	client *salesforce.Client
	named  []string // integrations, by the configuration
	log    *slog.Logger

	mu     sync.Mutex
	census *events.Census
	since  time.Time // when the org was asked who its integrations are
}

// lists asks the org now and then whose files come by the API.
func (o *org) lists(ctx context.Context) *events.Census {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.census == nil || time.Since(o.since) >= time.Hour {
		ids, _, err := events.Integrations(ctx, o.client, o.named)
		if err != nil && ctx.Err() == nil {
			o.log.Warn("the org did not say who its integrations are; their files count as made at its pages", "tenant", o.tenant, "err", err)
		}
		o.census, o.since = events.NewCensus(events.Config{Tenant: o.tenant, Source: o.client, Integrations: ids, Log: o.log}), time.Now()
	}
	return o.census
}

func (o *org) Gained(ctx context.Context, from, to time.Time, each func([]coverage.File) error) (int64, error) {
	return o.lists(ctx).Gained(ctx, from, to, func(page []events.Gained) error {
		files := make([]coverage.File, len(page))
		for i, g := range page {
			files[i] = coverage.File{Object: g.Object, ID: g.ID, Channel: g.Channel, Creator: g.CreatedBy, Created: g.Created, Size: g.Size, Elsewhere: g.Elsewhere}
		}
		return each(files)
	})
}

// traces tells what the ledger says of files.
type traces struct{ db *store.DB }

func (t traces) Records(ctx context.Context, tenant cordon.TenantID, ids []string) (map[string][]coverage.Record, error) {
	found, err := t.db.Traces(ctx, tenant, ids)
	out := make(map[string][]coverage.Record, len(found))
	for id, list := range found {
		for _, f := range list {
			out[id] = append(out[id], coverage.Record{Object: f.Object, Channel: f.Channel, Client: f.Client, Entries: f.Entries, Judged: f.Judged})
		}
	}
	return out, err
}

// coverageSubject is whose key seals what coverage keeps of people and files: nobody's. No
// record of the CRM has such an id.
const coverageSubject = "cordon/coverage"

// sealer seals under a key of its own each time, which is wrapped by the tenant's for coverage.
// What it makes is the id of the wrapping key, the wrapped key, and the data, the first two
// with their lengths in a byte each before them.
type sealer struct{ ring *keyring.Ring }

func (s sealer) Seal(ctx context.Context, of cordon.Ref, data []byte) ([]byte, error) {
	key := s.ring.NewDataKey()
	id, wrapped, err := s.ring.Wrap(ctx, of.Tenant, coverageSubject, key)
	if err != nil {
		return nil, err
	}
	if data, err = s.ring.Seal(key, []byte(of.String()), data); err != nil {
		return nil, err
	}
	out := append([]byte{byte(len(id)), byte(len(wrapped))}, id...)
	return append(append(out, wrapped...), data...), nil
}

func (s sealer) Open(ctx context.Context, of cordon.Ref, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 || len(sealed) < 2+int(sealed[0])+int(sealed[1]) {
		return nil, fmt.Errorf("%w: %s ends too soon", keyring.ErrDamaged, of)
	}
	id, rest := sealed[2:2+int(sealed[0])], sealed[2+int(sealed[0]):]
	wrapped, data := rest[:sealed[1]], rest[sealed[1]:]
	key, err := s.ring.Unwrap(ctx, of.Tenant, cordon.ID(id), wrapped)
	if err != nil {
		return nil, err
	}
	return s.ring.OpenSealed(key, []byte(of.String()), data)
}
