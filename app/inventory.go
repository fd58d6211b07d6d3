package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/inventory"
	"github.com/cordonhq/cordon/store"
)

var _ inventory.Source = (*salesforce.Client)(nil)

// stocktaker takes inventories of the tenants' orgs and keeps the last of each, sealed under a
// key of its own, since it names users of the org.
type stocktaker struct {
	db      *store.DB
	keys    flow.Keys
	tenants *tenants
	routes  func(context.Context, cordon.TenantID) ([]desk.RouteLine, error)
	log     *slog.Logger

	mu      sync.Mutex
	running map[cordon.TenantID]*stock
	closing bool
	ends    context.Context // when the process does
	end     context.CancelFunc
	work    sync.WaitGroup
}

// stock is a count under way.
type stock struct {
	began time.Time
	step  string
}

// States of the setting that keeps the last inventory.
const (
	stockRunning cordon.State = "running"
	stockTaken   cordon.State = "taken"
)

// inventorySetting names the setting, and the key that its value is sealed under.
const inventorySetting = "inventory"

// keptInventory is the setting's value.
type keptInventory struct {
	Began  time.Time `json:"began"`            // of the running one
	Failed string    `json:"failed,omitempty"` // code of the last attempt
	Key    cordon.ID `json:"key,omitempty"`
	Data   []byte    `json:"data,omitempty"`   // the wrapped data key
	Sealed []byte    `json:"sealed,omitempty"` // gzip of the JSON
}

func newStocktaker(clerk *deskClerk, log *slog.Logger) *stocktaker {
	s := &stocktaker{db: clerk.db, keys: clerk.flow.Keys, tenants: clerk.tenants, routes: clerk.Routes, log: log, running: map[cordon.TenantID]*stock{}}
	s.ends, s.end = context.WithCancel(context.Background())
	return s
}

func inventoryOf(tenant cordon.TenantID) cordon.Ref {
	return cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: inventorySetting}
}

// resume starts those again that an earlier process did not end. Nothing of them is lost: a
// count is some seconds long and has changed nothing.
func (s *stocktaker) resume(ctx context.Context) error {
	for _, tenant := range s.tenants.ids() {
		thing, _, err := s.kept(ctx, tenant)
		if err != nil {
			return err
		}
		if thing.State == stockRunning {
			s.start(tenant)
		}
	}
	return nil
}

// stop ends what runs; the next start begins it again.
func (s *stocktaker) stop() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Inventory returns the last count, with what the gateway itself has seen of each way in.
func (s *stocktaker) Inventory(ctx context.Context, tenant cordon.TenantID) (desk.InventoryState, error) {
	thing, kept, err := s.kept(ctx, tenant)
	if err != nil {
		return desk.InventoryState{}, err
	}
	state := desk.InventoryState{Running: thing.State == stockRunning, Failed: kept.Failed}
	if state.Running {
		state.Began = kept.Began
	}
	s.mu.Lock()
	if run := s.running[tenant]; run != nil {
		state.Step = run.step
	}
	s.mu.Unlock()
	if kept.Sealed == nil {
		return state, nil
	}
	inv, err := s.open(ctx, tenant, kept)
	if errors.Is(err, cordon.ErrShredded) { // its key was destroyed: it has to be taken anew
		return state, nil
	}
	if err != nil {
		return state, err
	}
	if err := s.guards(ctx, tenant, &inv); err != nil {
		return state, err
	}
	state.Last = &inv
	return state, nil
}

// TakeInventory starts a count, unless one runs.
func (s *stocktaker) TakeInventory(ctx context.Context, tenant cordon.TenantID, by cordon.Actor) (desk.InventoryState, error) {
	thing, kept, err := s.kept(ctx, tenant)
	if err != nil {
		return desk.InventoryState{}, err
	}
	if thing.State == stockRunning && time.Since(kept.Began) < time.Hour {
		return s.Inventory(ctx, tenant) // here, or in another process
	}
	kept.Began, kept.Failed = time.Now().UTC(), ""
	err = s.note(ctx, tenant, thing, stockRunning, kept, by, map[string]any{"act": "take"})
	if err != nil && !errors.Is(err, cordon.ErrConflict) { // somebody else has just started one
		return desk.InventoryState{}, err
	}
	if err == nil {
		s.start(tenant)
	}
	return s.Inventory(ctx, tenant)
}

// start counts in the background.
func (s *stocktaker) start(tenant cordon.TenantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.running[tenant] != nil {
		return
	}
	run := &stock{began: time.Now()}
	s.running[tenant] = run
	s.work.Go(func() {
		inv, err := s.count(s.ends, tenant, func(step string) {
			s.mu.Lock()
			run.step = step
			s.mu.Unlock()
		})
		if s.ends.Err() == nil {
			if err = s.finish(s.ends, tenant, inv, err); err != nil {
				s.log.Warn("an inventory did not end; ask for it again", "tenant", tenant, "err", err)
			}
		}
		s.mu.Lock()
		delete(s.running, tenant)
		s.mu.Unlock()
	})
}

// count asks the org. Who its integrations are is part of what it is asked: without an answer
// their files would count as made by people.
func (s *stocktaker) count(ctx context.Context, tenant cordon.TenantID, progress func(string)) (desk.Inventory, error) {
	progress("User")
	client := counted{Source: s.tenants.crm.clients[tenant]}
	integrations, _, err := events.Integrations(ctx, &client, s.tenants.configs[tenant].Integrations)
	if err != nil {
		return desk.Inventory{}, err
	}
	inv, err := inventory.Take(ctx, inventory.Config{Source: s.tenants.crm.clients[tenant], Integrations: integrations, Progress: progress})
	inv.Calls += client.calls
	return inv, err
}

// counted is a source that counts what is asked.
type counted struct {
	events.Source
	calls int64
}

func (c *counted) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	c.calls++
	return c.Source.Query(ctx, soql, each)
}

// finish keeps a count, or that there is none.
func (s *stocktaker) finish(ctx context.Context, tenant cordon.TenantID, inv desk.Inventory, failed error) error {
	thing, kept, err := s.kept(ctx, tenant)
	if err != nil || thing.State != stockRunning {
		return errors.Join(failed, err) // another process was first
	}
	facts := map[string]any{"act": "taken", "files": inv.Files, "calls": inv.Calls}
	if failed != nil {
		kept.Failed = failureOf(failed)
		facts = map[string]any{"act": "failed", "why": kept.Failed}
	} else if kept, err = s.seal(ctx, tenant, inv); err != nil {
		return err
	}
	err = s.note(ctx, tenant, thing, stockTaken, kept, cordon.Cordon, facts)
	if errors.Is(err, cordon.ErrConflict) {
		err = nil
	}
	return errors.Join(failed, err)
}

// failureOf is a code for why there is no inventory. The error itself is logged.
func failureOf(err error) string {
	switch {
	case salesforce.HasCode(err, "REQUEST_LIMIT_EXCEEDED"):
		return "no-calls-left"
	case errors.Is(err, cordon.ErrForbidden):
		return "not-permitted"
	case errors.Is(err, cordon.ErrNotSent):
		return "org-not-reached"
	}
	return "org-did-not-answer"
}

func (s *stocktaker) note(ctx context.Context, tenant cordon.TenantID, was cordon.Thing, to cordon.State, kept keptInventory, by cordon.Actor, facts map[string]any) error {
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	of := inventoryOf(tenant)
	facts["setting"] = inventorySetting
	return s.db.Commit(ctx, cordon.Change{Of: of, From: was.State, To: to, Value: value, Version: was.Version,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntrySetting, of, time.Now().UTC(), by, facts)}})
}

// kept reads the setting; its state is "" before the first.
func (s *stocktaker) kept(ctx context.Context, tenant cordon.TenantID) (cordon.Thing, keptInventory, error) {
	var kept keptInventory
	thing, err := s.db.Thing(ctx, inventoryOf(tenant))
	if errors.Is(err, cordon.ErrNotFound) {
		return thing, kept, nil
	}
	if err == nil {
		err = json.Unmarshal(thing.Value, &kept)
	}
	if err != nil {
		err = fmt.Errorf("read the last inventory: %w", err)
	}
	return thing, kept, err
}

func (s *stocktaker) seal(ctx context.Context, tenant cordon.TenantID, inv desk.Inventory) (kept keptInventory, err error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(inv), z.Close()); err != nil {
		return kept, err
	}
	key := s.keys.NewDataKey()
	if kept.Key, kept.Data, err = s.keys.Wrap(ctx, tenant, inventorySetting, key); err != nil {
		return kept, err
	}
	kept.Sealed, err = s.keys.Seal(key, []byte(inventorySetting+"\x00"+string(tenant)), b.Bytes())
	return kept, err
}

// maxInventory bounds what a sealed inventory may unfold to.
const maxInventory = 16 << 20

func (s *stocktaker) open(ctx context.Context, tenant cordon.TenantID, kept keptInventory) (inv desk.Inventory, err error) {
	key, err := s.keys.Unwrap(ctx, tenant, kept.Key, kept.Data)
	if err != nil {
		return inv, fmt.Errorf("open the last inventory: %w", err)
	}
	b, err := s.keys.OpenSealed(key, []byte(inventorySetting+"\x00"+string(tenant)), kept.Sealed)
	if err != nil {
		return inv, fmt.Errorf("open the last inventory: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return inv, fmt.Errorf("open the last inventory: %w", err)
	}
	return inv, json.NewDecoder(io.LimitReader(z, maxInventory)).Decode(&inv)
}

// guards says what of Cordon stands in front of each way in, and what came by each declared
// route. Only programs come through the gateway; what comes by pages, sites and e-mail is in
// the org before anybody can look.
func (s *stocktaker) guards(ctx context.Context, tenant cordon.TenantID, inv *desk.Inventory) error {
	lines, err := s.routes(ctx, tenant)
	if err != nil {
		return err
	}
	var looked int64
	inv.Routes = []desk.InventoryRoute{}
	for _, l := range lines {
		if l.Route.Mode == cordon.ModeInline {
			looked += l.Inspected
		}
		inv.Routes = append(inv.Routes, desk.InventoryRoute{Name: l.Route.Name, Channel: l.Route.Channel, Mode: l.Route.Mode,
			Inspected: l.Inspected, NotInspected: l.NotInspected, Last: l.LastSeen})
	}
	behind := "none"
	if s.tenants.configs[tenant].Poll > 0 {
		behind = "afterwards"
	}
	for i := range inv.Ways {
		w := &inv.Ways[i]
		w.Guard = behind
		if w.Channel == cordon.ChannelAPI && looked > 0 {
			w.Guard, w.Passed = "inline", looked
		}
	}
	return nil
}
