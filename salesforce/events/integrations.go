package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon/salesforce"
)

// Integrations returns the ids of users whose files count as coming by the API: those named, by
// id or by user name, and those of whom the org says that they can use nothing but the API
// (the permission "API Only User", by profile or permission set). untold says that the org did
// not let Cordon ask for the latter, which takes View Setup and Configuration; files of such
// users then count as made at the user interface unless they are named. Names that nobody has
// are left out.
func Integrations(ctx context.Context, source Source, named []string) (ids []string, untold bool, err error) {
	l := lister{Config: Config{Source: source}.withDefaults(), calls: new(atomic.Int64)}
	return l.integrations(ctx, named)
}

func (l lister) integrations(ctx context.Context, named []string) (ids []string, untold bool, err error) {
	var names []string
	for _, n := range named {
		if salesforce.IsID(n) && strings.HasPrefix(n, userPrefix) {
			ids = append(ids, salesforce.LongID(n))
		} else {
			names = append(names, salesforce.QuoteSOQL(n))
		}
	}
	for some := range slices.Chunk(names, 100) {
		found, err := l.people(ctx, "SELECT Id FROM User WHERE Username IN ("+strings.Join(some, ",")+")")
		if err != nil {
			return nil, false, fmt.Errorf("look for the users named as integrations: %w", err)
		}
		ids = append(ids, found...)
	}
	for _, soql := range []string{
		"SELECT Id FROM User WHERE Profile.PermissionsApiUserOnly = true",
		"SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSet.PermissionsApiUserOnly = true",
	} {
		found, err := l.people(ctx, soql)
		if p := problem(err); p != nil && !salesforce.MayPass(err) && !spent(err) {
			untold = true
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("ask which users can only use the API: %w", err)
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), untold, nil
}

func (l lister) people(ctx context.Context, soql string) (ids []string, err error) {
	err = l.retry(ctx, func() error {
		ids = ids[:0]
		l.calls.Add(1)
		return l.Source.Query(ctx, soql, func(record json.RawMessage) error {
			var r struct {
				ID         string `json:"Id"`
				AssigneeID string `json:"AssigneeId"`
			}
			err := json.Unmarshal(record, &r)
			for _, id := range []string{r.ID, r.AssigneeID} {
				if strings.HasPrefix(id, userPrefix) {
					ids = append(ids, salesforce.LongID(id))
				}
			}
			return err
		})
	})
	return ids, err
}

// ask adds to Integrations who the org says they are. Without an answer their files count as
// made at its pages. Nothing may be looked at meanwhile.
func (l *looker) ask(ctx context.Context, named []string) {
	ids, _, err := l.integrations(ctx, named)
	if err != nil && ctx.Err() == nil {
		l.Log.Warn("the org did not say who its integrations are; their files count as made at its pages", "tenant", l.Tenant, "err", err)
	}
	ids = append(ids, l.Integrations...)
	slices.Sort(ids)
	l.Integrations = slices.Compact(ids) // a new list: whoever shares the Config keeps the old one
}

// learnEvery is how often a poller asks who the integrations are.
const learnEvery = 12 * time.Hour

// learn asks who the integrations are, if it is time.
func (p *Poller) learn(ctx context.Context) error {
	if p.learnedAt.IsZero() {
		p.given = p.Integrations
	} else if since := p.Now().Sub(p.learnedAt); since >= 0 && since < learnEvery {
		return nil
	}
	ids, untold, err := p.integrations(ctx, p.named)
	if err != nil {
		return err
	}
	if untold && p.learnedAt.IsZero() {
		p.Log.Info("the org does not say which users can only use the API; name integrations in the configuration, or give Cordon's user View Setup and Configuration", "tenant", p.Tenant)
	}
	p.Integrations, p.learnedAt = append(slices.Clone(p.given), ids...), p.Now()
	return nil
}
