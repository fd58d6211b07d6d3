package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/cordonhq/cordon/inspect/c2pa"
	"github.com/cordonhq/cordon/inspect/signed"
)

// Trust is whom the provenance detector believes, and when.
type Trust struct {
	Anchors    []byte // PEM
	TSAAnchors []byte // PEM
	Lists      []c2pa.List
	Denied     []c2pa.Denial
	Partners   *signed.Partners
	Now        func() time.Time
}

// TrustConfig names trust lists: files of PEM certificates as their publishers have them. What is
// known of a file stands in a second one beside it, of the same name and ".yaml". Several versions
// of one list may be named: each counts for the time that it is in force. See docs/c2pa.md.
type TrustConfig struct {
	// Signers are lists of authorities that certify who signs content credentials.
	Signers []string `yaml:"signers"`
	// TimeStamps are lists of authorities that certify time-stamp services.
	TimeStamps []string `yaml:"time_stamps"`
	// Allowed are lists of signers that are trusted without a chain.
	Allowed []string `yaml:"allowed"`
	// Identities are lists of authorities that certify holders of CAWG identities.
	Identities []string `yaml:"identities"`
	// Denied is a list of certificates whose signatures are not accepted whatever vouches for
	// them: CSV with the columns kind, value, issuer, since and reason.
	Denied string `yaml:"denied"`
}

// trust names all lists of a tenant.
func (t TenantConfig) trust() TrustConfig {
	c := t.Trust
	if t.TrustAnchors != "" {
		c.Signers = append([]string{t.TrustAnchors}, c.Signers...)
	}
	if t.TSAAnchors != "" {
		c.TimeStamps = append([]string{t.TSAAnchors}, c.TimeStamps...)
	}
	return c
}

// aboutList is the file beside a trust list.
type aboutList struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Date    string `yaml:"date"`   // of publication
	Source  string `yaml:"source"` // where it was published
	From    string `yaml:"from"`   // in force from this day
	Until   string `yaml:"until"`  // and no longer from this day on
	SHA256  string `yaml:"sha256"` // of the list; another is refused
}

// read opens all files. path makes a name of the configuration one that can be opened.
func (c TrustConfig) read(path func(string) string) (lists []c2pa.List, denied []c2pa.Denial, err error) {
	for _, one := range []struct {
		use   c2pa.Use
		files []string
	}{{c2pa.ForSigners, c.Signers}, {c2pa.ForTimeStamps, c.TimeStamps}, {c2pa.ForAllowed, c.Allowed}, {c2pa.ForIdentities, c.Identities}} {
		for _, file := range one.files {
			l, err := readTrustList(path(file), one.use)
			if err != nil {
				return nil, nil, err
			}
			lists = append(lists, l)
		}
	}
	if c.Denied == "" {
		return lists, nil, nil
	}
	b, err := os.ReadFile(path(c.Denied))
	if err != nil {
		return nil, nil, fmt.Errorf("read the deny list: %w", err)
	}
	if denied, err = c2pa.ReadDenyList(b); err != nil {
		return nil, nil, fmt.Errorf("deny list %s: %w", path(c.Denied), err)
	}
	return lists, denied, nil
}

// readTrustList reads a list and what stands beside it about it.
func readTrustList(file string, use c2pa.Use) (c2pa.List, error) {
	l := c2pa.List{Use: use, Name: filepath.Base(file)} // results name it: no path of this machine
	fail := func(err error) (c2pa.List, error) { return l, fmt.Errorf("trust list %s: %w", file, err) }
	var err error
	if l.PEM, err = os.ReadFile(file); err != nil {
		return l, fmt.Errorf("read a trust list: %w", err)
	}
	beside, err := os.ReadFile(file + ".yaml")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	var about aboutList
	if err := yaml.NewDecoder(bytes.NewReader(beside), yaml.Strict()).Decode(&about); err != nil && !errors.Is(err, io.EOF) {
		return fail(fmt.Errorf("%s.yaml: %w", file, err))
	}
	if sum := sha256.Sum256(l.PEM); about.SHA256 != "" && !strings.EqualFold(about.SHA256, hex.EncodeToString(sum[:])) {
		return fail(fmt.Errorf("its SHA-256 is %x, and %s.yaml says %s: get the list again, or say which version it is now", sum, file, about.SHA256))
	}
	if about.Name != "" {
		l.Name = about.Name
	}
	l.Version, l.Source = about.Version, about.Source
	for _, d := range []struct {
		key, text string
		day       *time.Time
	}{{"date", about.Date, &l.Date}, {"from", about.From, &l.From}, {"until", about.Until, &l.Until}} {
		if d.text == "" {
			continue
		}
		if *d.day, err = time.Parse(time.DateOnly, d.text); err != nil {
			return fail(fmt.Errorf("%s.yaml: %s %q is not a day like 2026-11-21", file, d.key, d.text))
		}
	}
	if _, _, err := c2pa.ReadList(l); err != nil {
		return fail(err)
	}
	return l, nil
}
