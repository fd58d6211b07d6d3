package app

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/callback"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/store"
)

// tenants holds what belongs to each organisation: its policy, its detectors, its CRM.
type tenants struct {
	order    []cordon.TenantID
	configs  map[cordon.TenantID]TenantConfig
	policies map[cordon.TenantID]*decide.Policy
	examiner *examiner
	crm      *crm
	likes    *likes
	secrets  map[cordon.TenantID]callback.Secret // that sign callbacks
	models   models
}

func openTenants(conf Config, opt Options, db *store.DB, log *slog.Logger) (*tenants, error) {
	t := &tenants{
		configs:  map[cordon.TenantID]TenantConfig{},
		policies: map[cordon.TenantID]*decide.Policy{},
		examiner: &examiner{inspectors: map[cordon.TenantID]lanes{}, skipPixels: conf.Inspect.SkipPixels, latePixels: media.NewBudget(latePixels), furtherOne: make(chan struct{}, 1),
			queue: inspect.NewQueue(inspect.QueueConfig{Share: conf.Inspect.Budget / 2})},
		secrets: map[cordon.TenantID]callback.Secret{},
		likes:   newLikes(conf, db, log),
		models:  openModels(conf),
	}
	var err error
	if t.crm, err = openCRM(conf); err != nil {
		return nil, err
	}
	for _, tc := range conf.Tenants {
		t.order = append(t.order, tc.ID)
		t.configs[tc.ID] = tc
		if t.policies[tc.ID], err = openPolicy(conf.path(tc.Policy)); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
		}
		trust := Trust{Now: time.Now, Anchors: opt.TrustAnchors[tc.ID]}
		if trust.Lists, trust.Denied, err = tc.trust().read(conf.path); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
		}
		if trust.Partners, err = tc.Partners.read(conf.path); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
		}
		look := knownLists{tc.ID, t.likes}
		own := payloads(tc.Watermarks)
		inFront, err := detectors(trust, look, watermark.Config{Own: own})
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
		}
		beside, err := detectors(trust, look, watermark.Config{Own: own, Search: true, Riva: t.models.riva, RivaAbsent: t.models.why()})
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
		}
		budget := inspect.Config{Budget: conf.Inspect.Budget}
		t.examiner.inspectors[tc.ID] = lanes{inspect.New(inFront, budget), inspect.New(beside, budget), newLateLane(beside, conf.Inspect.Budget), newFurther(beside, conf.Inspect.Budget)}
		if tc.CallbackSecret != "" {
			if t.secrets[tc.ID], err = callback.ReadSecret(conf.path(tc.CallbackSecret)); err != nil {
				return nil, fmt.Errorf("tenant %s: %w", tc.ID, err)
			}
		}
	}
	return t, nil
}

func openPolicy(path string) (*decide.Policy, error) {
	if path == "" {
		return decide.Default(), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return decide.Parse(path, b)
}

// ids lists the tenants in the order of the configuration.
func (t *tenants) ids() []cordon.TenantID { return t.order }

func (t *tenants) policyOf(id cordon.TenantID) flow.Policy { return t.policies[id] }

func (t *tenants) routesOf(id cordon.TenantID) []cordon.Route {
	return append([]cordon.Route(nil), t.configs[id].Routes...)
}

func (t *tenants) route(id cordon.TenantID, name string) (cordon.Route, bool) {
	for _, r := range t.configs[id].Routes {
		if r.Name == name {
			return r, true
		}
	}
	return cordon.Route{}, false
}

// tells reports whether a route declares an address to be told at.
func (t *tenants) tells(id cordon.TenantID, route string) bool {
	r, ok := t.route(id, route)
	return ok && r.CallbackURL != ""
}

func (t *tenants) detectorsOf(id cordon.TenantID) []desk.Detector {
	var out []desk.Detector
	for _, d := range t.examiner.inspectors[id].inFront.Detectors() {
		name, version, _ := strings.Cut(d, " ")
		out = append(out, desk.Detector{Name: name, Version: version})
	}
	return out
}

func openAccounts(conf Config, opt Options) (*account.Book, error) {
	configs := make([]account.Config, len(conf.Accounts))
	for i, c := range conf.Accounts {
		c.PasswordFile, c.TokenFile = conf.path(c.PasswordFile), conf.path(c.TokenFile)
		configs[i] = c
	}
	if len(opt.Accounts) > 0 {
		return account.OpenStatic(opt.Accounts...)
	}
	return account.Open(configs)
}
