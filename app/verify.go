package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/store"
)

// Verification checks a ledger offline.
type Verification struct {
	// Path is a data folder, a demo's data folder, a folder of tiles, or a receipt.
	Path string
	// DatabaseURL is a PostgreSQL database instead.
	DatabaseURL string
	// Keys is the gateway's keys folder, to take verifier keys from.
	Keys string
	// VKeys are verifier keys that the caller trusts.
	VKeys []string
}

// LedgerReport is the result for one tenant, or for one receipt.
type LedgerReport struct {
	Name        string    `json:"name"`
	Entries     int64     `json:"entries"`
	Checkpoints int64     `json:"checkpoints"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Key         string    `json:"key"`     // the verifier key that was used
	Trusted     bool      `json:"trusted"` // somebody vouched for the key
	Problem     string    `json:"problem"` // "" when verified
}

// Run verifies. It returns a report for each ledger, and an error if any has a problem.
func (v Verification) Run(ctx context.Context) ([]LedgerReport, error) {
	switch {
	case v.DatabaseURL != "" && v.Path != "":
		return nil, fmt.Errorf("%w: give a path or a database, not both", cordon.ErrInvalid)
	case v.DatabaseURL != "":
		// A server has no read-only way to open it: the login decides, and the gateway's may not
		// change the ledger.
		return v.records(ctx, store.Config{URL: v.DatabaseURL}, v.Keys)
	case v.Path == "":
		return nil, fmt.Errorf("%w: name what to verify: a data folder, a folder of tiles or a receipt", cordon.ErrInvalid)
	}
	info, err := os.Stat(v.Path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return v.receipt()
	}
	for _, dir := range []struct{ data, keys string }{
		{v.Path, v.Keys},
		{filepath.Join(v.Path, "data"), filepath.Join(v.Path, "keys")},
	} {
		if db := filepath.Join(dir.data, "cordon.db"); exists(db) {
			return v.records(ctx, store.Config{Path: db, ReadOnly: true}, firstOf(v.Keys, dir.keys))
		}
	}
	if exists(filepath.Join(v.Path, "checkpoint")) {
		return v.tiles()
	}
	return nil, fmt.Errorf("%w: %q holds neither cordon.db nor a ledger's checkpoint", cordon.ErrNotFound, v.Path)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// records verifies every tenant's ledger in a database, and leaves that and its folder as they
// are.
func (v Verification) records(ctx context.Context, conf store.Config, keys string) ([]LedgerReport, error) {
	for {
		db, err := store.Open(ctx, conf)
		if err != nil {
			return nil, err
		}
		data := ""
		if conf.Path != "" {
			data = filepath.Dir(conf.Path)
		}
		reports, err := v.tenants(ctx, db, data, keys)
		overtaken := err != nil && db.Overtaken()
		db.Close()
		if !overtaken || ctx.Err() != nil {
			return reports, err
		}
		// A gateway was started meanwhile, and what was read may be half of its work: no word on
		// the ledger.
	}
}

func (v Verification) tenants(ctx context.Context, db *store.DB, data, keys string) ([]LedgerReport, error) {
	tenants, err := db.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	if len(tenants) == 0 {
		return nil, fmt.Errorf("%w: no ledger is here, or the database's login does not see it; on PostgreSQL give the sequencer's login", cordon.ErrNotFound)
	}
	var reports []LedgerReport
	var errs []error
	for _, t := range tenants {
		r, err := v.tenant(ctx, db, t, data, keys)
		reports = append(reports, r)
		errs = append(errs, err)
	}
	return reports, errors.Join(errs...)
}

// tenant verifies a ledger, and holds it against what was published of it in the data folder, where
// that is known.
func (v Verification) tenant(ctx context.Context, db *store.DB, t cordon.TenantID, data, keys string) (LedgerReport, error) {
	r := LedgerReport{Name: string(t)}
	key, err := v.keyOf(t, keys)
	if err != nil {
		r.Problem = err.Error()
		return r, err
	}
	r.Key, r.Trusted = key, true
	verifier, err := note.NewVerifier(key)
	if err != nil {
		err = fmt.Errorf("%w: verifier key %.40q: %w", cordon.ErrInvalid, key, err)
		r.Problem = err.Error()
		return r, err
	}
	rep, err := ledger.CheckLedger(ctx, db, t, verifier)
	r.Entries, r.Checkpoints, r.First, r.Last = rep.Entries, rep.Checkpoints, rep.First, rep.Last
	if err == nil && data != "" {
		_, err = ledger.CheckPublished(ctx, db, t, TilesFolder(data, t), verifier)
	}
	if err != nil {
		r.Problem = err.Error()
		return r, fmt.Errorf("ledger of %s: %w", t, err)
	}
	return r, nil
}

// keyOf finds the verifier key of a tenant: one the caller brought, or the gateway's own.
func (v Verification) keyOf(t cordon.TenantID, keys string) (string, error) {
	name := ledger.Origin(t)
	for _, k := range v.VKeys {
		if strings.HasPrefix(k, name+"+") {
			return k, nil
		}
	}
	if keys == "" {
		return "", fmt.Errorf("%w: no key for %s; give --key, or --keys with the gateway's keys folder", cordon.ErrNotFound, name)
	}
	s, err := ledger.LoadSigner(LedgerKey(keys, t))
	if err != nil {
		return "", err
	}
	// Whoever reads the keys folder is the operator: to them, their own key is trusted.
	return s.VKey(), nil
}

func (v Verification) oneKey() (string, error) {
	if len(v.VKeys) != 1 {
		return "", fmt.Errorf("%w: give the one verifier key with --key (cordon-verify also checks without one)", cordon.ErrInvalid)
	}
	return v.VKeys[0], nil
}

func (v Verification) tiles() ([]LedgerReport, error) {
	key, err := v.oneKey()
	if err != nil {
		return nil, err
	}
	rep, err := ledger.VerifyTiles(v.Path, key)
	r := LedgerReport{Name: string(rep.Tenant), Entries: rep.Entries, Checkpoints: rep.Checkpoints, First: rep.First, Last: rep.Last, Key: key, Trusted: true}
	if err != nil {
		r.Problem = err.Error()
	}
	return []LedgerReport{r}, err
}

func (v Verification) receipt() ([]LedgerReport, error) {
	key, err := v.oneKey()
	if err != nil {
		return nil, err
	}
	doc, err := os.ReadFile(v.Path)
	if err != nil {
		return nil, err
	}
	ver, err := ledger.VerifyReceipt(key, doc)
	r := LedgerReport{Name: v.Path, Key: key, Trusted: true}
	if err != nil {
		r.Problem = err.Error()
		return []LedgerReport{r}, err
	}
	r.Entries, r.Checkpoints = int64(len(ver.Entries)), 1
	if n := len(ver.Entries); n > 0 {
		r.First, r.Last = ver.Entries[0].At, ver.Entries[n-1].At
	}
	return []LedgerReport{r}, nil
}
