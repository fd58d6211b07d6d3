// Package inventory counts what an org holds, without reading a file or a record's content:
// versions, attachments and documents by object, channel, creator, size and age, who may bring
// more, and what runs when they come.
//
// It asks for groups and not for rows, so that an org of any size costs a few dozen API calls;
// the platform gives at most 2 000 groups at a time and no next page, so a question with more
// is asked again for halves of the time. Where the org does not group by a field, the rows are
// read. An answer that fails for a reason that may pass is asked for again; one that the org
// refuses leaves its part unknown, with the platform's code for why. Nothing in between: an
// inventory that could not be finished is an error, never a part of the truth.
//
//	got, err := inventory.Take(ctx, inventory.Config{Source: client})
package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
)

// Source is an org, read as Cordon. *salesforce.Client is one.
type Source interface {
	Query(ctx context.Context, soql string, each func(json.RawMessage) error) error
	QueryAll(ctx context.Context, soql string, each func(json.RawMessage) error) error
	Tooling(ctx context.Context, soql string, each func(json.RawMessage) error) error
	Describe(ctx context.Context, object string) (salesforce.Description, error)
}

// Config says which org to count and how. Source is required.
type Config struct {
	Source Source
	// Integrations are the ids of users whose files count as coming by the API.
	Integrations []string
	// Progress, if set, is told what is asked next.
	Progress func(step string)
	// Attempts is how often a question is asked before it is given up. Default: 6.
	Attempts int
	// Backoff is the wait after the first failed attempt; it doubles. Default: 500 ms.
	Backoff time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// recounts is how often an org that changes while it is counted is counted.
const recounts = 3

// Take counts an org.
func Take(ctx context.Context, c Config) (desk.Inventory, error) {
	if c.Attempts <= 0 {
		c.Attempts = 6
	}
	if c.Backoff <= 0 {
		c.Backoff = 500 * time.Millisecond
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	began := c.Now().UTC()
	var calls int64
	for i := 1; ; i++ {
		a := &asker{Config: c, inv: empty(), users: map[string]desk.InventoryPart{}}
		err := a.all(ctx)
		calls += a.calls
		a.inv.Began, a.inv.Taken, a.inv.Calls = began, c.Now().UTC(), calls
		if err != nil {
			return a.inv, fmt.Errorf("count what the org holds: %w", err)
		}
		if !a.inv.Changed || i == recounts {
			return a.inv, nil
		}
	}
}

// empty has no null arrays.
func empty() desk.Inventory {
	inv := desk.Inventory{Elsewhere: -1}
	for _, p := range []*[]desk.InventoryPart{&inv.Channels, &inv.Creators, &inv.CreatorTypes, &inv.Parents, &inv.Types, &inv.Sizes, &inv.Links} {
		*p = []desk.InventoryPart{}
	}
	inv.Objects, inv.Months, inv.Versions = []desk.InventoryObject{}, []desk.InventoryMonth{}, []desk.InventoryDepth{}
	inv.Apps, inv.Packages, inv.Automations = []desk.InventoryApp{}, []desk.InventoryPackage{}, []desk.InventoryAutomation{}
	inv.Routes = []desk.InventoryRoute{}
	inv.RichText, inv.Ways, inv.Questions = []desk.InventoryField{}, []desk.InventoryWay{}, []desk.InventoryQuestion{}
	return inv
}

// all asks everything. Files come first: the rest is matched with their creators.
func (a *asker) all(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.files, a.links, a.richText, a.apps, a.packages, a.automations, a.ways} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
