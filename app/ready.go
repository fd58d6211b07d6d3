package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/api"
	"github.com/cordonhq/cordon/keyring"
)

// checks are the conditions of being ready. Hard ones take the process out of service.
func (a *App) checks(t *tenants, ring *keyring.Ring) []api.Check {
	out := []api.Check{
		{Name: "records", Hard: true, Run: a.db.Ready},
		{Name: "bytes", Hard: true, Run: func(context.Context) error { return writable(filepath.Join(a.conf.path(a.conf.Data), "bytes")) }},
		{Name: "keys", Hard: true, Run: func(ctx context.Context) error { return opens(ctx, ring, t.ids()) }},
	}
	out = append(out, api.Check{Name: "file descriptors", Hard: true, Run: func(context.Context) error { return a.files.left() }})
	out = append(out, api.Check{Name: "bytes with a record", Run: a.tidier.aside}, api.Check{Name: "records of the ledger", Run: a.checkBehind})
	out = append(out, a.tools.checks(a.conf.Sandbox.Required)...)
	for _, tc := range a.conf.Tenants {
		out = append(out,
			api.Check{Name: "ledger of " + string(tc.ID), Tenant: tc.ID, Run: func(context.Context) error {
				if st, ok := a.sequencer.Status(tc.ID); ok {
					return st.Err
				}
				return nil
			}},
			api.Check{Name: "Salesforce for " + string(tc.ID), Tenant: tc.ID, Run: func(ctx context.Context) error { return t.crm.reach(ctx, tc.ID) }},
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

// readyBytes is the room that there must be, that of a usual upload: a disk that still takes a
// few bytes is full all the same.
const readyBytes = 1 << 20

// writable tries what every upload needs: a descriptor, room, and that what was written is safe.
func writable(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the folder for bytes takes none (look at its disk, its rights and the limit on open files): %w", err)
		}
	}()
	f, err := os.CreateTemp(dir, ".ready-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, readyBytes))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// opens tries what every item needs: a key that is wrapped can be unwrapped.
func opens(ctx context.Context, ring *keyring.Ring, tenants []cordon.TenantID) error {
	for _, id := range tenants {
		key := ring.NewDataKey()
		by, wrapped, err := ring.Wrap(ctx, id, "", key)
		if err != nil {
			return fmt.Errorf("a key cannot be wrapped: %w", err)
		}
		again, err := ring.Unwrap(ctx, id, by, wrapped)
		if err != nil {
			return fmt.Errorf("a key cannot be unwrapped: %w", err)
		}
		if !bytes.Equal(again.Bytes(), key.Bytes()) {
			return fmt.Errorf("%w: a key that was unwrapped is another", keyring.ErrDamaged)
		}
	}
	return nil
}
