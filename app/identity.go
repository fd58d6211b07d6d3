package app

import (
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Identity is Cordon's own identity in the org of a tenant; "" is the only tenant there is.
func (c Config) Identity(tenant cordon.TenantID) (salesforce.Config, error) {
	for _, t := range c.Tenants {
		if t.ID == tenant || tenant == "" && len(c.Tenants) == 1 {
			return c.identity(t)
		}
	}
	if tenant == "" {
		return salesforce.Config{}, fmt.Errorf("%w: the configuration has several tenants; name one with --tenant", cordon.ErrInvalid)
	}
	return salesforce.Config{}, fmt.Errorf("%w: the configuration has no tenant %s", cordon.ErrNotFound, tenant)
}
