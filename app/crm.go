package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
)

// crm speaks to each tenant's org as Cordon.
type crm struct {
	clients map[cordon.TenantID]*salesforce.Client
}

var _ flow.CRM = (*crm)(nil)

func openCRM(conf Config) (*crm, error) {
	c := &crm{clients: map[cordon.TenantID]*salesforce.Client{}}
	for _, t := range conf.Tenants {
		identity, err := conf.identity(t)
		if err != nil {
			return nil, err
		}
		c.clients[t.ID], err = salesforce.NewClient(identity)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: crm: %w", t.ID, err)
		}
	}
	return c, nil
}

// reach tells whether Cordon can sign in to the org.
func (c *crm) reach(ctx context.Context, tenant cordon.TenantID) error {
	_, err := c.clients[tenant].Userinfo(ctx)
	return err
}

func (c *crm) MayEdit(ctx context.Context, tenant cordon.TenantID, userID, record string) (bool, error) {
	client := c.clients[tenant]
	if object, rest, named := strings.Cut(record, "/"); named {
		field, value, _ := strings.Cut(rest, "/")
		ids, err := client.Named(ctx, object, field, value)
		if err != nil || len(ids) == 0 {
			return err == nil, err // whether it may be made is asked when it is
		}
		record = ids[0]
	}
	a, err := client.UserRecordAccess(ctx, userID, record)
	return a.Edit, err
}

func (c *crm) Write(ctx context.Context, tenant cordon.TenantID, s cordon.Staged, body cordon.Content) (cordon.Delivery, error) {
	return c.clients[tenant].Write(ctx, s, body)
}

// Find is certain of its answer only where the write carried Cordon's key and the org keeps it
// unique.
func (c *crm) Find(ctx context.Context, tenant cordon.TenantID, q flow.Traces) (found []cordon.Delivery, certain bool, err error) {
	client := c.clients[tenant]
	found, err = client.Find(ctx, q.Staged, q.SHA256, q.Size, salesforce.Window{From: q.From, To: q.To})
	if err != nil || q.Staged.Key == "" || q.Staged.Op == cordon.OpUpdate {
		return found, false, err
	}
	d, err := client.Describe(ctx, q.Staged.Object)
	return found, d.Keyed(), err
}

// Shows says by what a record is what a write has made.
func (c *crm) Shows(ctx context.Context, tenant cordon.TenantID, q flow.Traces, id string) (cordon.Delivery, cordon.Proof, error) {
	return c.clients[tenant].Shows(ctx, q.Staged, q.SHA256, q.Size, id)
}
