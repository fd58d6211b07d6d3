package c2pa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Use says what a trust list vouches for. A list for one use vouches for no other.
type Use string

// Uses of trust lists.
const (
	ForSigners    Use = "signers"     // authorities that certify signers of claims
	ForTimeStamps Use = "time-stamps" // authorities that certify time-stamp authorities
	ForAllowed    Use = "allowed"     // signers themselves, trusted without a chain
	ForIdentities Use = "identities"  // authorities that certify holders of CAWG identities
)

// List is one version of a trust list: the certificates as they were published, and what is
// known of the publication. Several versions of one list may be configured: at each time those
// count that were in force then, so that an old result can be found again.
type List struct {
	Use     Use
	Name    string
	Version string
	Source  string    // where it was published; told to people, never fetched
	Date    time.Time // of publication; zero: unknown
	From    time.Time // in force from here; zero: always was
	Until   time.Time // and no longer from here on; zero: still is
	PEM     []byte
}

// ListRecord says which list was used. It stays with each result.
type ListRecord struct {
	Use          Use        `json:"use"`
	Name         string     `json:"name"`
	Version      string     `json:"version"`
	Date         *time.Time `json:"date"` // of publication, null if unknown
	Source       string     `json:"source"`
	SHA256       string     `json:"sha256"` // of the PEM file
	Certificates int        `json:"certificates"`
}

// trustList is a list that has been read.
type trustList struct {
	List
	pool         *x509.CertPool
	certificates []*x509.Certificate
	digests      map[[32]byte]bool
	record       ListRecord
}

// ReadList checks that a list can be used and describes it. Certificates are its own, in the
// order of the file.
func ReadList(l List) (ListRecord, []*x509.Certificate, error) {
	t, err := openList(l)
	if err != nil {
		return ListRecord{}, nil, err
	}
	return t.record, t.certificates, nil
}

func openList(l List) (*trustList, error) {
	t := &trustList{List: l, pool: x509.NewCertPool(), digests: map[[32]byte]bool{},
		record: ListRecord{Use: l.Use, Name: l.Name, Version: l.Version, Source: l.Source, SHA256: digestHex(l.PEM)}}
	switch l.Use {
	case ForSigners, ForTimeStamps, ForAllowed, ForIdentities:
	default:
		return nil, fmt.Errorf("%q is no use of a trust list; it may be signers, time-stamps, allowed or identities", l.Use)
	}
	if !l.From.IsZero() && !l.Until.IsZero() && !l.From.Before(l.Until) {
		return nil, fmt.Errorf("it is in force from %s until %s, which is never", l.From.Format(time.DateOnly), l.Until.Format(time.DateOnly))
	}
	if !l.Date.IsZero() {
		date := l.Date.UTC()
		t.record.Date = &date
	}
	err := eachCertificate(l.PEM, func(b *pem.Block) error {
		t.digests[sha256.Sum256(b.Bytes)] = true
		t.record.Certificates++
		c, err := parseCertificate(b.Bytes)
		if err != nil && l.Use != ForAllowed { // of those only the digest counts
			return err
		}
		if err == nil {
			t.certificates = append(t.certificates, c)
			t.pool.AddCert(c)
		}
		return nil
	})
	return t, err
}

// InForce reports whether the list counts at the time.
func (l List) InForce(at time.Time) bool {
	return !at.Before(l.From) && (l.Until.IsZero() || at.Before(l.Until))
}

// force is what counts at one time.
type force struct {
	lists   map[Use][]*trustList
	sums    map[Use]string // SHA-256 of all lists for the use together
	records []ListRecord   // never nil
}

// force returns the lists in force at the time. There are as many answers as there are times at
// which some list begins or ends, so they are kept.
func (v *Validator) force(at time.Time) *force {
	key := make([]byte, len(v.lists))
	for i, l := range v.lists {
		if l.InForce(at) {
			key[i] = 1
		}
	}
	if f, ok := v.forces.Load(string(key)); ok {
		return f.(*force)
	}
	f := &force{lists: map[Use][]*trustList{}, sums: map[Use]string{}, records: []ListRecord{}}
	pems := map[Use][]byte{}
	for i, l := range v.lists {
		if key[i] == 1 {
			f.lists[l.Use] = append(f.lists[l.Use], l)
			f.records = append(f.records, l.record)
			pems[l.Use] = append(pems[l.Use], l.PEM...)
		}
	}
	for u, b := range pems {
		f.sums[u] = digestHex(b)
	}
	v.forces.Store(string(key), f)
	return f
}

// errDenied says that a chain leads to an anchor, through a certificate that the operator denies.
var errDenied = errors.New("on the operator's list of denied certificates")

// chains returns the list whose anchor the first certificate leads to at the given time, nil if
// there is none, and the way there. Name constraints, path lengths and unknown critical extensions count; purposes
// are checked by the caller, because the nesting rules of crypto/x509 refuse chains in good
// standing. The error is errDenied if there are only ways through denied certificates.
func (r *run) chains(u Use, chain []*x509.Certificate, at time.Time, proven bool) (*trustList, []*x509.Certificate, error) {
	var denied error
	for _, l := range r.force.lists[u] {
		if l.record.Certificates == 0 {
			continue
		}
		if err := r.b.sign(); err != nil {
			return nil, nil, err
		}
		for _, way := range r.v.waysTo(l, chain, at) {
			if denied = r.denied(way, at, proven); denied == nil {
				return l, way, nil
			}
		}
	}
	return nil, nil, denied
}

// eachCertificate calls visit for each certificate of a PEM list. Text between blocks is
// common in published lists and ignored.
func eachCertificate(list []byte, visit func(*pem.Block) error) error {
	for n := 1; ; n++ {
		var block *pem.Block
		if block, list = pem.Decode(list); block == nil {
			if n == 1 && len(bytes.TrimSpace(list)) > 0 {
				return errors.New("there is no PEM certificate in the list")
			}
			return nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if err := visit(block); err != nil {
			return fmt.Errorf("certificate %d of the list: %w", n, err)
		}
	}
}

func digestHex(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
