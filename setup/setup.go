// Package setup writes the first configuration: "cordon init".
//
// It promises that no secret is written into the configuration, that a file that is there is
// not overwritten unless that was asked for, that a key is never overwritten at all, and that
// nothing is written before everything was checked. It calls nobody.
package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cordonhq/cordon"
)

// Written is what Write did with one file.
type Written struct {
	Path string // as it can be opened from here
	Kept bool   // it was there and stays as it was
	What string
}

// file is one file to be written below the folder.
type file struct {
	name, what string
	mode       fs.FileMode
	body       []byte
	keep       bool // never overwritten
}

// Write writes the configuration, the keys that it needs and the metadata for the org. The
// answers must be complete. Without force it refuses to touch anything where a file of its own
// is there already.
func Write(a Answers, force bool) ([]Written, error) {
	if err := a.Complete(); err != nil {
		return nil, err
	}
	files := []file{
		{"cordon.yaml", "configuration", 0o644, a.configuration(), false},
		{filepath.Join("salesforce", "sfdx-project.json"), "project for the sf command", 0o644, project(), false},
		{filepath.Join("salesforce", "cordon", "permissionsets", "Cordon.permissionset-meta.xml"), "permission set", 0o644, a.permissionSet(), false},
	}
	if a.Access == Writes {
		files = append(files, file{filepath.Join("salesforce", "cordon", "objects", "ContentVersion", "fields", "Cordon_Key__c.field-meta.xml"), "field for Cordon's key", 0o644, keyField(), false})
	}
	keyPath := filepath.Join(a.Dir, keyFile)
	if a.Auth == JWT {
		if _, err := os.Stat(keyPath); errors.Is(err, fs.ErrNotExist) {
			key, cert, err := newKey(a.Tenant)
			if err != nil {
				return nil, err
			}
			files = append([]file{{keyFile, "private key of the connected app", 0o600, key, true},
				{certFile, "certificate to upload to the connected app", 0o644, cert, false}}, files...)
		} else if err != nil {
			return nil, fmt.Errorf("look for a key: %w", err)
		} else {
			files = append([]file{{name: keyFile, what: "private key of the connected app", keep: true}}, files...)
		}
	}
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(a.Dir, f.name)); err == nil {
			there = append(there, filepath.Join(a.Dir, f.name))
		}
	}
	if len(there) > 0 && !force {
		return nil, fmt.Errorf("%w: already there: %s; nothing was written (--force replaces all but keys)", cordon.ErrNotNow, strings.Join(there, ", "))
	}
	// A key or a secret will lie there, also where none is made now.
	if err := os.MkdirAll(filepath.Join(a.Dir, keysFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make the keys folder: %w", err)
	}
	var out []Written
	for _, f := range files {
		path := filepath.Join(a.Dir, f.name)
		if f.body == nil {
			out = append(out, Written{path, true, f.what})
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return out, fmt.Errorf("make the folder of %s: %w", f.name, err)
		}
		if err := write(path, f); err != nil {
			return out, err
		}
		out = append(out, Written{path, false, f.what})
	}
	return out, nil
}

// write makes the file beside its place and moves it there, so that no half of it is ever read.
func write(path string, f file) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".init-*") // mode 600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(f.body)
	if err = errors.Join(err, tmp.Chmod(f.mode), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if f.keep {
		err = os.Link(tmp.Name(), path) // fails where somebody made one meanwhile
	} else {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
