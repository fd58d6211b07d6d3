package blob

import (
	"errors"
	"io"
	"os"
)

// disk is the part of the operating system that Put and Delete depend on, so that tests
// can make any step fail, or fail after it has happened.
type disk interface {
	create(path string) (file, error) // fails if the file exists
	rename(from, to string) error
	remove(path string) error
	syncFolder(path string) error // makes renames and removals in it survive losing power
}

type file interface {
	io.Writer
	Sync() error
	Close() error
}

type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
