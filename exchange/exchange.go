// Package exchange reads and writes lists of known files in the forms in which organisations
// hand them on: CSV, STIX 2.1 and JSON in the style of Meta's ThreatExchange.
//
// Reading never stops at the first mistake: each line or object is an entry or says what is
// wrong with it, and whoever reads decides that one mistake spoils the whole.
package exchange

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// Format is a form of lists.
type Format string

// Forms.
const (
	CSV            Format = "csv"
	STIX           Format = "stix"
	ThreatExchange Format = "threatexchange"
)

// Formats returns every form.
func Formats() []Format { return []Format{CSV, STIX, ThreatExchange} }

// MediaType is what the form is called on the wire.
func (f Format) MediaType() string {
	switch f {
	case CSV:
		return "text/csv"
	case STIX:
		return "application/stix+json"
	}
	return "application/json"
}

// Options say what a list leaves open.
type Options struct {
	// List is where every entry goes. Empty: each says so itself. Entries that say otherwise
	// are mistakes.
	List cordon.KnownList
	// Source is who the list is from, where an entry does not say.
	Source string
	// Max is how many entries there may be. Default: 1 000 000.
	Max int
	// Now tells what has expired. Default: time.Now.
	Now time.Time
}

// Row is one line or object of a list.
type Row struct {
	At   int // line of a CSV, the first is 1; place of an object, the first is 1
	File cordon.KnownFile
	Err  error // what is wrong with it; nil: File is fit to be put on a list
}

// List is what was read.
type List struct {
	Rows    []Row
	Skipped int // objects of other kinds, and indicators that were revoked
}

// Mistakes counts the rows that are none.
func (l List) Mistakes() (n int) {
	for _, r := range l.Rows {
		if r.Err != nil {
			n++
		}
	}
	return n
}

// Files returns the entries of all rows without a mistake.
func (l List) Files() []cordon.KnownFile {
	out := make([]cordon.KnownFile, 0, len(l.Rows))
	for _, r := range l.Rows {
		if r.Err == nil {
			out = append(out, r.File)
		}
	}
	return out
}

// Read reads a list. The error is of the list as a whole: it is not in the form, or too long.
func Read(f Format, r io.Reader, o Options) (List, error) {
	o.Max = cmp.Or(o.Max, 1_000_000)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.List != "" && !o.List.Valid() {
		return List{}, fmt.Errorf("%w: there is no list %.20q; there are blocked, watched, lawful and ordinary", cordon.ErrInvalid, o.List)
	}
	l := &reading{Options: o}
	var err error
	switch f {
	case CSV:
		err = l.csv(r)
	case STIX:
		err = l.stix(r)
	case ThreatExchange:
		err = l.threatExchange(r)
	default:
		err = fmt.Errorf("%w: there is no form %.20q; there are csv, stix and threatexchange", cordon.ErrInvalid, f)
	}
	if err != nil {
		return List{}, err
	}
	return l.got, nil
}

// reading is a list as far as it was read.
type reading struct {
	Options
	got List
}

// add takes one entry, or what is wrong with it.
func (l *reading) add(at int, k cordon.KnownFile, err error) error {
	if len(l.got.Rows) >= l.Max {
		return fmt.Errorf("%w: more than %d entries; split the list", cordon.ErrTooLarge, l.Max)
	}
	if err == nil {
		k.List, err = l.list(k.List)
	}
	if k.Source == "" && k.Ref == "" {
		k.Source = l.Source
	}
	k.Expires = k.Expires.Truncate(time.Second)
	if err == nil {
		err = k.Check(l.Now)
	}
	l.got.Rows = append(l.got.Rows, Row{at, k, err})
	return nil
}

func (l *reading) list(said cordon.KnownList) (cordon.KnownList, error) {
	switch {
	case said == "" && l.List == "":
		return "", fmt.Errorf("%w: it does not say on which list it belongs; say so for the whole", cordon.ErrInvalid)
	case said == "" || said == l.List:
		return cmp.Or(l.List, said), nil
	case l.List == "":
		return said, nil
	}
	return "", fmt.Errorf("%w: it says %.20q, and the whole is for the list %s", cordon.ErrInvalid, said, l.List)
}

// valueOf reads hexadecimal digits.
func valueOf(text string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ToLower(strings.TrimSpace(text)))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%w: the value %.20q is not written in hexadecimal digits", cordon.ErrInvalid, text)
	}
	return b, nil
}

// Write writes entries in a form. next returns them one after the other, and false after the
// last.
func Write(f Format, w io.Writer, next func() (cordon.KnownFile, bool, error)) error {
	switch f {
	case CSV:
		return writeCSV(w, next)
	case STIX:
		return writeSTIX(w, next)
	case ThreatExchange:
		return writeThreatExchange(w, next)
	}
	return fmt.Errorf("%w: there is no form %.20q; there are csv, stix and threatexchange", cordon.ErrInvalid, f)
}

// Each returns a next for Write that goes through a slice.
func Each(files []cordon.KnownFile) func() (cordon.KnownFile, bool, error) {
	return func() (cordon.KnownFile, bool, error) {
		if len(files) == 0 {
			return cordon.KnownFile{}, false, nil
		}
		k := files[0]
		files = files[1:]
		return k, true, nil
	}
}
