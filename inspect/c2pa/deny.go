package c2pa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/csv"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Denial is one certificate, or key, whose signatures the operator does not accept, whatever
// vouches for it.
type Denial struct {
	Kind   string // certificate, key or serial
	Value  string // SHA-256 of the certificate or of its SubjectPublicKeyInfo, or the serial number; hex
	Issuer string // with a serial number: the issuer's name as RFC 2253 writes it
	// Since is when the signatures of it stop counting: what a trusted time stamp proves to be
	// older still counts. Zero: none ever did.
	Since  time.Time
	Reason string
}

// denyHeader is the first line of a deny list.
var denyHeader = []string{"kind", "value", "issuer", "since", "reason"}

// ReadDenyList reads a list of denials: CSV with the columns kind, value, issuer, since (a day,
// or empty) and reason. Lines that start with # are remarks.
func ReadDenyList(b []byte) ([]Denial, error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', len(denyHeader), true
	var out []Denial
	for n := 0; ; n++ {
		record, err := r.Read()
		switch {
		case err == io.EOF && n == 0 && len(bytes.TrimSpace(b)) > 0:
			return nil, fmt.Errorf("the first line must be %q", strings.Join(denyHeader, ","))
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if n == 0 {
			if strings.Join(record, ",") != strings.Join(denyHeader, ",") {
				return nil, fmt.Errorf("the first line must be %q", strings.Join(denyHeader, ","))
			}
			continue
		}
		d, err := readDenial(record)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		out = append(out, d)
	}
}

func readDenial(record []string) (d Denial, err error) {
	d = Denial{Kind: record[0], Value: strings.ToLower(strings.ReplaceAll(record[1], ":", "")), Issuer: record[2], Reason: record[4]}
	value, hexErr := hex.DecodeString(d.Value)
	switch {
	case hexErr != nil || len(value) == 0:
		return d, fmt.Errorf("value %.80q is not written in hex", record[1])
	case (d.Kind == "certificate" || d.Kind == "key") && len(value) != sha256.Size:
		return d, fmt.Errorf("value %.80q is not a SHA-256", record[1])
	case d.Kind == "serial" && d.Issuer == "":
		return d, errors.New("a serial number means nothing without its issuer")
	case d.Kind != "certificate" && d.Kind != "key" && d.Kind != "serial":
		return d, fmt.Errorf("kind %.20q may be certificate, key or serial", d.Kind)
	case d.Reason == "":
		return d, errors.New("say why: the column reason is empty")
	}
	if record[3] != "" {
		if d.Since, err = time.Parse(time.DateOnly, record[3]); err != nil {
			return d, fmt.Errorf("since %.20q is not a day like 2025-09-01", record[3])
		}
	}
	return d, nil
}

// deniedAll makes denials of PEM certificates.
func deniedAll(list []byte) ([]Denial, error) {
	var out []Denial
	err := eachCertificate(list, func(b *pem.Block) error {
		out = append(out, Denial{Kind: "certificate", Value: digestHex(b.Bytes), Reason: "denied"})
		return nil
	})
	return out, err
}

// denies maps what is looked up to what is denied.
type denies map[string]Denial

func newDenies(list []Denial) denies {
	out := denies{}
	for _, d := range list {
		key := d.Kind + " " + d.Value
		if d.Kind == "serial" {
			key = d.Kind + " " + strings.TrimLeft(d.Value, "0") + " " + d.Issuer
		}
		if other, ok := out[key]; !ok || d.Since.Before(other.Since) {
			out[key] = d
		}
	}
	return out
}

// denied returns an error that wraps errDenied and says why, if one of the certificates is denied
// for signatures of the given time. Only a time that a trusted stamp proves can be before a
// denial.
func (r *run) denied(chain []*x509.Certificate, at time.Time, proven bool) error {
	if len(r.v.deny) == 0 {
		return nil
	}
	for _, c := range chain {
		certificate, key := sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo)
		for _, k := range []string{"certificate " + hex.EncodeToString(certificate[:]), "key " + hex.EncodeToString(key[:]),
			"serial " + strings.TrimLeft(hex.EncodeToString(c.SerialNumber.Bytes()), "0") + " " + c.Issuer.String()} {
			if d, ok := r.v.deny[k]; ok && !(proven && at.Before(d.Since)) {
				return fmt.Errorf("%w: %s", errDenied, d.Reason)
			}
		}
	}
	return nil
}
