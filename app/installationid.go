package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// An installation has one id, and its four parts carry it: the keys folder, which is right where
// they differ, the folder of bytes, each published ledger, and the records. While the file in the
// keys folder ends in ".new" the installation has not begun: its parts may still be without the id,
// and get it. Once it has begun, a part without it is not the installation's.
const (
	idFile       = "installation"
	prefixID     = "ins"
	notYetBegun  = ".new"
	maxInstallID = 128
)

// MakeInstallation gives a keys folder the id of a new installation, unless it has one, or keys that
// data may be under. It returns the file with the id, "" where there is none.
func MakeInstallation(keysDir string) (path string, made bool, err error) {
	id, begun, err := keysID(keysDir)
	path = filepath.Join(keysDir, idFile+notYetBegun)
	switch {
	case err != nil:
		return "", false, err
	case begun:
		return filepath.Join(keysDir, idFile), false, nil
	case id != "":
		return path, false, nil
	case exists(masterKey(keysDir)):
		return "", false, nil
	}
	if err := os.MkdirAll(keysDir, 0o700); err != nil {
		return "", false, fmt.Errorf("make the folder %q: %w", keysDir, err)
	}
	return path, true, writeID(path, string(cordon.NewID(prefixID)))
}

// keysID reads the id of a keys folder, "" if it has none, and whether the installation has begun.
func keysID(keysDir string) (id string, begun bool, err error) {
	if id, err = readID(filepath.Join(keysDir, idFile)); err != nil || id != "" {
		return id, true, err
	}
	id, err = readID(filepath.Join(keysDir, idFile+notYetBegun))
	return id, false, err
}

// readID reads the id in a file, "" if there is no such file.
func readID(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxInstallID) {
		return "", fmt.Errorf("%w: %s is not the file with the id of an installation", cordon.ErrApart, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read which installation this is of: %w", err)
	}
	id, err := cordon.ParseID(prefixID, string(b))
	if err != nil {
		return "", fmt.Errorf("%w: %s holds no id of an installation; put it back from a backup: %w", cordon.ErrApart, path, err)
	}
	return string(id), nil
}

// bytesID reads the id of a folder of bytes, "" if it has none. It is the name of a folder in it, so
// that every file there is bytes of an item.
func bytesID(dir string) (id string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read which installation the bytes are of: %w", err)
	}
	for _, e := range entries {
		one, notID := cordon.ParseID(prefixID, e.Name())
		if notID != nil || !e.IsDir() {
			continue
		}
		if id != "" {
			return "", fmt.Errorf("%w: the folder of bytes %s is of two installations, %s and %s", cordon.ErrApart, dir, id, one)
		}
		id = string(one)
	}
	return id, nil
}

// writeID puts a file with an id in place so that it survives losing power.
func writeID(path, id string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".cordon-part-*")
	if err != nil {
		return fmt.Errorf("say which installation this is of: %w", err)
	}
	_, err = f.WriteString(id + "\n")
	// It is no secret, and whoever copies a published ledger reads it.
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("say which installation this is of: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// identity is what the parts say of the installation they are of.
type identity struct {
	keysDir string
	id      string // of the keys folder
	begun   bool
	bytes   string                     // "" where the folder of bytes says nothing
	ledgers map[cordon.TenantID]string // of the published ledgers that there are
}

func lookAtIdentity(dataDir, keysDir string) (identity, error) {
	i := identity{keysDir: keysDir, ledgers: map[cordon.TenantID]string{}}
	var err error
	if i.id, i.begun, err = keysID(keysDir); err != nil {
		return i, err
	}
	if i.bytes, err = bytesID(filepath.Join(dataDir, "bytes")); err != nil {
		return i, err
	}
	tenants, err := publishedTenants(dataDir)
	if err != nil {
		return i, err
	}
	for _, tenant := range tenants {
		id, err := readID(filepath.Join(TilesFolder(dataDir, tenant), idFile))
		if err != nil {
			return i, err
		}
		if id != "" || publishedSize(TilesFolder(dataDir, tenant)) > 0 {
			i.ledgers[tenant] = id
		}
	}
	return i, nil
}

// differs says how a part does not belong to the keys folder, "" where it does.
func (i identity) differs(part, id string) string {
	switch {
	case id == i.id, id == "" && !i.begun:
		return ""
	case i.id == "":
		return fmt.Sprintf("%s: of installation %s, and the keys folder %s is of none", part, id, i.keysDir)
	case id == "":
		return fmt.Sprintf("%s: of no installation, and the keys folder %s is of %s, which has begun", part, i.keysDir, i.id)
	}
	return fmt.Sprintf("%s: of installation %s, and the keys folder %s is of %s", part, id, i.keysDir, i.id)
}

// checkIdentity refuses parts of other installations, as far as the folders tell.
func (p installation) checkIdentity() error {
	found := []string{p.identity.differs("the folder of bytes "+p.bytesFolder(), p.identity.bytes)}
	for tenant, id := range p.identity.ledgers {
		found = append(found, p.identity.differs("the published ledger "+TilesFolder(p.data, tenant), id))
	}
	if err := p.apart(found...); err != nil || !p.identity.begun {
		return err
	}
	switch {
	case p.noRecords:
		return p.refuse("installation "+p.identity.id+" has begun, and its records are not there", putBack)
	case p.noMaster:
		return p.refuse("installation "+p.identity.id+" has begun, and its master key is not there", "Put the master key back where it was. "+putBack)
	case !exists(verdictKey(p.identity.keysDir)):
		return p.refuse("installation "+p.identity.id+" has begun, and the key of its verdicts, "+verdictKey(p.identity.keysDir)+", is not there",
			"Put it back where it was: without it nobody can check the verdicts that were given. "+putBack)
	}
	return nil
}

// checkRecordsID refuses records of another installation, before anything in them is changed.
func (p installation) checkRecordsID(ctx context.Context, db *store.DB) error {
	id, err := db.Installation(ctx)
	if err != nil {
		return err
	}
	return p.apart(p.identity.differs("the records, "+p.records, id))
}

// apart refuses if any part differs.
func (p installation) apart(found ...string) error {
	var differ []string
	for _, f := range found {
		if f != "" {
			differ = append(differ, f)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	return p.refuse(strings.Join(differ, "; "), "The keys folder says which installation this is. "+putBack)
}

// begin gives every part the id of the installation, if it has not begun, and then has it begin. A
// crash in between is repeated: until the end nothing was accepted.
func (p installation) begin(ctx context.Context, db *store.DB) (id string, err error) {
	i := p.identity
	if i.begun {
		return i.id, nil
	}
	notYet := filepath.Join(i.keysDir, idFile+notYetBegun)
	if i.id == "" {
		i.id = string(cordon.NewID(prefixID))
		if err := writeID(notYet, i.id); err != nil {
			return "", err
		}
	}
	if i.bytes == "" {
		if err := os.Mkdir(filepath.Join(p.bytesFolder(), i.id), 0o700); err != nil {
			return "", fmt.Errorf("say which installation the bytes are of: %w", err)
		}
		if err := syncDir(p.bytesFolder()); err != nil {
			return "", err
		}
	}
	for tenant := range i.ledgers {
		if err := writeID(filepath.Join(TilesFolder(p.data, tenant), idFile), i.id); err != nil {
			return "", err
		}
	}
	if err := db.SetInstallation(ctx, i.id); errors.Is(err, cordon.ErrConflict) {
		return "", p.refuse(err.Error(), putBack) // another process was first
	} else if err != nil {
		return "", err
	}
	if err := os.Rename(notYet, filepath.Join(i.keysDir, idFile)); err != nil {
		return "", fmt.Errorf("begin installation %s: %w", i.id, err)
	}
	return i.id, syncDir(i.keysDir)
}
