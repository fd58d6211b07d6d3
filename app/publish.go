package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/ledger"
)

// publisher writes each tenant's ledger as tiles into a folder of its own, in the layout of
// C2SP tlog-tiles, so that an auditor can copy it and check it without the gateway.
type publisher struct {
	log     ledger.Reader
	dir     string // holds one folder a tenant
	tenants []cordon.TenantID
	logger  *slog.Logger
	id      string      // of the installation: each folder carries it
	one     *sync.Mutex // publishes at a time
}

// TilesFolder is where the tiles of a tenant's ledger lie.
func TilesFolder(dataDir string, tenant cordon.TenantID) string {
	return filepath.Join(dataDir, "ledger", string(tenant))
}

// publish brings every folder up to the newest checkpoint.
func (p publisher) publish(ctx context.Context) error {
	p.one.Lock()
	defer p.one.Unlock()
	var errs []error
	for _, t := range p.tenants {
		h, err := p.log.Head(ctx, t)
		if err == nil && h.Size > 0 {
			err = p.mark(TilesFolder(p.dir, t))
		}
		if err == nil && h.Size > 0 {
			_, err = ledger.WriteTiles(ctx, p.log, t, TilesFolder(p.dir, t))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("publish the ledger of %s: %w", t, err))
		}
	}
	return errors.Join(errs...)
}

// mark says in a ledger's folder which installation it is of, before anything is published there.
func (p publisher) mark(dir string) error {
	path := filepath.Join(dir, idFile)
	if exists(path) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeID(path, p.id)
}

// run publishes once a minute until ctx ends, and more often at first: what somebody has just
// set up can be checked soon.
func (p publisher) run(ctx context.Context) {
	for wait := 2 * time.Second; ; wait = min(2*wait, time.Minute) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			if err := p.publish(ctx); err != nil {
				p.logger.Warn("the ledger's folder is behind and is brought up next time", "err", err)
			}
		}
	}
}
