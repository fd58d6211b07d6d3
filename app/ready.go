package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cordonhq/cordon/api"
)

// checks are the conditions of being ready. Hard ones take the process out of service.
func (a *App) checks(t *tenants) []api.Check {
	out := []api.Check{
		{Name: "records", Hard: true, Run: a.db.Ready},
		{Name: "bytes", Hard: true, Run: func(context.Context) error { return writable(filepath.Join(a.conf.path(a.conf.Data), "bytes")) }},
	}
	out = append(out, api.Check{Name: "bytes with a record", Run: a.tidier.aside})
	out = append(out, a.tools.checks(a.conf.Sandbox.Required)...)
	for _, tc := range a.conf.Tenants {
		out = append(out,
			api.Check{Name: "ledger of " + string(tc.ID), Run: func(context.Context) error {
				if st, ok := a.sequencer.Status(tc.ID); ok {
					return st.Err
				}
				return nil
			}},
			api.Check{Name: "Salesforce for " + string(tc.ID), Run: func(ctx context.Context) error { return t.crm.reach(ctx, tc.ID) }},
		)
	}
	if a.conf.wantsRiva() {
		out = append(out, api.Check{Name: "models", Run: func(context.Context) error {
			if err := t.models.absent; err != nil {
				return fmt.Errorf("marks made with RivaGAN are declared and not looked for: %w", err)
			}
			return nil
		}})
	}
	return out
}

// writable tries what every upload needs.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".ready-*")
	if err != nil {
		return fmt.Errorf("the folder for bytes cannot be written: %w", err)
	}
	f.Close()
	return os.Remove(f.Name())
}
