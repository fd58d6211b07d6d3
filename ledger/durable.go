package ledger

import (
	"errors"
	"os"
	"path/filepath"
)

// writeFile puts a whole file in place: the old bytes or the new ones are there, never a
// mixture. Its bytes are on disk when it returns; its name is after syncFolder on its folder.
// The temporary file lies in scratch, which must be on the same file system.
func writeFile(scratch, path string, data []byte) error {
	f, err := os.CreateTemp(scratch, tempPrefix+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// tempPrefix marks files that a crash may leave behind.
const tempPrefix = ".cordon-part-"

// sweep removes what an interrupted writeFile left in scratch.
func sweep(scratch string) error {
	left, err := filepath.Glob(filepath.Join(scratch, tempPrefix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// syncFolder makes the names in a folder survive losing power.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
