package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/store"
)

// installation is what has to belong together at a start: records, bytes, keys and the published
// ledger. They are looked at before anything is made or changed, since a start with the wrong
// ones would make new keys, sign another ledger, and take what it finds for left behind.
type installation struct {
	data, records, master string // where they are, in words
	sqlite                bool   // the records are a file in data

	bytes     int                       // files of bytes, those set aside included
	published map[cordon.TenantID]int64 // entries of the ledgers in data
	noRecords bool                      // the file of records is not there
	noMaster  bool                      // nor is the master key
	identity  identity
}

// lookAtInstallation looks at the folders of a configuration and changes nothing.
func lookAtInstallation(ctx context.Context, conf Config) (installation, error) {
	p := installation{data: conf.path(conf.Data), master: masterKey(conf.path(conf.Keys)), published: map[cordon.TenantID]int64{}}
	p.records, p.sqlite = "the PostgreSQL database", conf.Database.URL == ""
	if p.sqlite {
		p.records = filepath.Join(p.data, "cordon.db")
		if _, err := os.Stat(p.records); errors.Is(err, fs.ErrNotExist) {
			p.noRecords = true
		}
	}
	if _, err := os.Stat(p.master); errors.Is(err, fs.ErrNotExist) {
		p.noMaster = true
	}
	n, err := blob.Count(ctx, p.bytesFolder())
	if err != nil {
		return p, err
	}
	p.bytes = n
	tenants, err := publishedTenants(p.data)
	if err != nil {
		return p, err
	}
	for _, tenant := range tenants {
		if size := publishedSize(TilesFolder(p.data, tenant)); size > 0 {
			p.published[tenant] = size
		}
	}
	p.identity, err = lookAtIdentity(p.data, conf.path(conf.Keys))
	return p, err
}

// publishedTenants are those with a folder among the published ledgers.
func publishedTenants(dataDir string) (tenants []cordon.TenantID, err error) {
	folders, err := os.ReadDir(filepath.Join(dataDir, "ledger"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for published ledgers: %w", err)
	}
	for _, f := range folders {
		if f.IsDir() {
			tenants = append(tenants, cordon.TenantID(f.Name()))
		}
	}
	return tenants, nil
}

func (p installation) bytesFolder() string { return filepath.Join(p.data, "bytes") }

// publishedSize is how many entries the checkpoint in a ledger's folder covers, 0 without one.
// Nothing is believed of it here but that a ledger was published.
func publishedSize(dir string) int64 {
	b, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return 0
	}
	lines := strings.SplitN(string(b), "\n", 3)
	if len(lines) < 2 {
		return 1 // damaged, but there
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// says is what is where, for whoever has to put it right.
func (p installation) says() string {
	var out []string
	there := func(missing bool) string {
		if missing {
			return "not there"
		}
		return "there"
	}
	if p.sqlite {
		out = append(out, fmt.Sprintf("records %s: %s", p.records, there(p.noRecords)))
	} else {
		out = append(out, "records: "+p.records)
	}
	out = append(out, fmt.Sprintf("master key %s: %s", p.master, there(p.noMaster)), fmt.Sprintf("bytes %s: %d files", p.bytesFolder(), p.bytes))
	for tenant, size := range p.published {
		out = append(out, fmt.Sprintf("published ledger %s: %d entries", TilesFolder(p.data, tenant), size))
	}
	return strings.Join(out, "; ")
}

// refuse says why a start is refused, what is where and what to do.
func (p installation) refuse(why, do string) error {
	return fmt.Errorf("%w: %s. Nothing was moved or deleted. Found: %s. %s", cordon.ErrApart, why, p.says(), do)
}

// otherSlots is how many files may be on their way beside uploads: what is asked about, and
// what is read from the CRM by polling and backfills.
const otherSlots = 128

const putBack = "Put back what belongs together, from a backup if need be, and start again. To begin anew with nothing, move the data folder and the keys folder away first, and give an empty database if it is PostgreSQL."

// check refuses what can be told from the folders alone.
func (p installation) check(slots int) error {
	switch {
	case p.noMaster && (p.bytes > 0 || len(p.published) > 0):
		return p.refuse("there is data and no master key, without which none of it can be read", "Put the master key back where it was. "+putBack)
	case p.noRecords && len(p.published) > 0:
		return p.refuse("there are a published ledger and no records", putBack)
	case p.noRecords && p.bytes > slots:
		return p.refuse("there are bytes and no records", putBack)
	}
	return p.checkIdentity()
}

// checkRecords refuses records that are empty beside a ledger that is not, and keys that are
// missing or not those of the records.
func (p installation) checkRecords(ctx context.Context, db *store.DB, keysDir string, tenants []TenantConfig) error {
	for _, t := range tenants {
		head, err := db.Head(ctx, t.ID)
		if err != nil && !errors.Is(err, cordon.ErrNotFound) {
			return err
		}
		if head.Size == 0 && p.published[t.ID] > 0 {
			return p.refuse(fmt.Sprintf("the records of tenant %s are empty and its published ledger is not", t.ID), putBack)
		}
		if _, err := os.Stat(LedgerKey(keysDir, t.ID)); errors.Is(err, fs.ErrNotExist) && head.Size > 0 {
			return p.refuse(fmt.Sprintf("tenant %s has a ledger of %d entries, and the key that signs it, %s, is not there", t.ID, head.Size, LedgerKey(keysDir, t.ID)),
				"Put the key back where it was. "+putBack)
		}
		_, err = db.KeyNamed(ctx, t.ID, "lookup", "1")
		if err != nil && !errors.Is(err, cordon.ErrNotFound) {
			return err
		}
		if err == nil && p.noMaster {
			return p.refuse(fmt.Sprintf("the records of tenant %s have keys, and the master key that opens them is not there", t.ID),
				"Put the master key back where it was. "+putBack)
		}
	}
	return nil
}

// checkLedgers holds each ledger against what was published of it. What does not fit is refused. A
// ledger that is shorter is no reason not to start, since what carries no media can go on, and is
// returned as behind.
func (p installation) checkLedgers(ctx context.Context, db *store.DB, signers map[cordon.TenantID]*ledger.Signer) (behind, err error) {
	for tenant, s := range signers {
		_, err := ledger.CheckPublished(ctx, db, tenant, TilesFolder(p.data, tenant), s.Verifier())
		switch {
		case errors.Is(err, ledger.ErrBehind):
			behind = errors.Join(behind, fmt.Errorf("tenant %s: %w", tenant, err))
		case errors.Is(err, ledger.ErrDistrusted):
			return nil, p.refuse(fmt.Sprintf("tenant %s: %v", tenant, err), putBack)
		case err != nil:
			return nil, err
		}
	}
	return behind, nil
}

// checkKeys refuses a master key that is not the one of the records.
func (p installation) checkKeys(ctx context.Context, db *store.DB, ring *keyring.Ring, tenants []TenantConfig) error {
	for _, t := range tenants {
		if _, err := db.KeyNamed(ctx, t.ID, "lookup", "1"); errors.Is(err, cordon.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if _, err := ring.Lookup(ctx, t.ID, "start"); errors.Is(err, keyring.ErrDamaged) {
			return fmt.Errorf("%w: %w", p.refuse("the master key is not the one of the records of tenant "+string(t.ID), putBack), err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// checkBytes refuses records that know too few of the bytes.
func (p installation) checkBytes(ctx context.Context, t tidier) error {
	s, err := t.strays(ctx)
	if err != nil || t.force {
		return err
	}
	if err := s.belong(t.slots); err != nil {
		return fmt.Errorf("%w. Nothing was moved or deleted. Found: %s. Most likely these are not the records that the bytes belong to: put the right ones back and start again. "+
			"If they are the right ones, as after an older backup was restored on purpose, start once with --set-aside: the files are moved to %s and kept for 30 days",
			err, p.says(), filepath.Join(p.bytesFolder(), "aside"))
	}
	return nil
}
