package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/signed"
)

// PartnersConfig is a list of those whose signatures on documents count: PDF signatures, signed
// clinical documents (CDA), FHIR resources and JWS. Without one, signatures are checked and
// nobody is asked after. Nothing is fetched: to revoke somebody, change the list. Its name,
// version, date and digest stand in each finding, so change version and date whenever it changes.
type PartnersConfig struct {
	// Name and Version say which list it is, for example "referring practices" and "7".
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	// Date is when the list was made, for example 2026-11-21.
	Date string `yaml:"date"`
	// Anchors is a PEM file with certificates of authorities, or of partners themselves.
	Anchors string `yaml:"anchors"`
	// Keys are files with JSON Web Key Sets of partners.
	Keys []string `yaml:"keys"`
	// Denied are SHA-256 digests of certificates or thumbprints of keys that count no more.
	Denied []string `yaml:"denied"`
	// CRLs are files with lists of revoked certificates, as authorities publish them.
	CRLs []string `yaml:"crls"`
}

// read opens the files of a list; nil where there is none.
func (p PartnersConfig) read(path func(string) string) (*signed.Partners, error) {
	if p.Name == "" && p.Version == "" && p.Anchors == "" && len(p.Keys) == 0 {
		if len(p.Denied)+len(p.CRLs) > 0 || p.Date != "" {
			return nil, fmt.Errorf("%w: partners: give the list a name and a version, and anchors or keys", cordon.ErrInvalid)
		}
		return nil, nil
	}
	out := &signed.Partners{Name: p.Name, Version: p.Version, Date: p.Date, Denied: p.Denied}
	var err error
	if p.Anchors != "" {
		if out.Anchors, err = os.ReadFile(path(p.Anchors)); err != nil {
			return nil, fmt.Errorf("partners: read the anchors: %w", err)
		}
	}
	all := func(names []string) (out [][]byte, err error) {
		for _, name := range names {
			b, e := os.ReadFile(path(name))
			err = errors.Join(err, e)
			out = append(out, b)
		}
		return out, err
	}
	if out.Keys, err = all(p.Keys); err != nil {
		return nil, fmt.Errorf("partners: read the keys: %w", err)
	}
	if out.CRLs, err = all(p.CRLs); err != nil {
		return nil, fmt.Errorf("partners: read the lists of revoked certificates: %w", err)
	}
	return out, nil
}

// readPartners reads a list that has a file of its own, with the keys of PartnersConfig.
func readPartners(file string) (*signed.Partners, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the list of partners: %w", err)
	}
	var p PartnersConfig
	if err := yaml.UnmarshalWithOptions(b, &p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%w: the list of partners %s: %s", cordon.ErrInvalid, file, yaml.FormatError(err, false, true))
	}
	return p.read(func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(file), name)
	})
}
