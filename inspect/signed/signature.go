package signed

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon/media/pdf"
)

// Limits of signatures.
const (
	maxSignatures = 100
	maxContents   = 2 << 20 // bytes of one, as it is written in hexadecimal
)

// signature is one signature of the document, or one time stamp over it.
type signature struct {
	Object    int64   `json:"object"`
	At        int64   `json:"at"`         // byte of the file at which its object starts
	Format    string  `json:"format"`     // /SubFilter
	ByteRange []int64 `json:"byte_range"` // as it is written
	Whole     bool    `json:"covers_whole_file"`
	// State is intact, broken or unread; changed: intact, but pages show something else; resaved: a
	// certified form that another program wrote anew; usage-rights: nobody's statement.
	State       string        `json:"state"`
	Why         string        `json:"why,omitempty"`
	Certificate string        `json:"certificate_sha256,omitempty"` // who that is was not checked
	Permits     int64         `json:"permits_changes,omitempty"`    // DocMDP: 1 none, 2 filling in, 3 notes too
	Changed     []changedPage `json:"changed,omitempty"`
	Added       *added        `json:"added,omitempty"`
	Signer      *standing     `json:"signer,omitempty"` // nil where there is no list of partners

	end int64
	err error
}

// signatures finds the signature dictionaries (ISO 32000-2, 12.8.1) and checks each. One that
// was prepared and not signed, its value all zeros, is none.
func (d *document) signatures() (out []signature, err error) {
	for _, o := range d.Objects {
		if o.Packed != nil { // its bytes have no place that a range could leave out
			continue
		}
		raw, err := d.BytesOf(o)
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(bytes.TrimLeft(raw, "\x00\t\n\f\r "), []byte("<<")) {
			continue
		}
		values := maxValues
		p := pdf.Parser{B: raw, Whole: true, Values: &values}
		v, err := p.Value(0)
		if err != nil {
			continue
		}
		dict, _ := v.(pdf.Dict)
		if dict["ByteRange"] == nil {
			continue
		}
		all := pdf.Entries(pdf.Value{Raw: bytes.Clone(raw), V: v})
		contents, ok := all["Contents"]
		if !ok {
			continue
		}
		if len(out) == maxSignatures {
			return nil, fmt.Errorf("%w: the document has more than %d signatures", errUnread, maxSignatures)
		}
		s := signature{Object: o.Number, At: o.At, ByteRange: []int64{}}
		if name, ok := dict["SubFilter"].(pdf.Name); ok {
			s.Format = string(name)
		}
		blank, err := d.check(&s, o, dict, contents)
		if blank {
			continue
		}
		s.State = "intact"
		switch {
		case d.usageRights(o, dict):
			s.State = "usage-rights"
		case errors.Is(err, errMoved) && s.Permits >= 2 && d.form():
			s.State, s.Why, s.err = "resaved", err.Error(), err
		case errors.Is(err, errBroken):
			s.State, s.Why, s.err = "broken", err.Error(), err
		case errors.Is(err, errUnread):
			s.State, s.Why, s.err = "unread", err.Error(), err
		case err != nil:
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// check checks one signature; blank reports that it is none.
func (d *document) check(s *signature, o pdf.Object, dict pdf.Dict, contents pdf.Value) (blank bool, err error) {
	der, err := d.contents(contents)
	if err != nil {
		return false, err
	}
	if len(bytes.Trim(der, "\x00")) == 0 {
		return true, nil
	}
	s.Permits = d.permits(dict)
	list, _ := dict["ByteRange"].([]any)
	for _, n := range list[:min(len(list), 16)] {
		i, ok := n.(int64)
		if !ok {
			return false, fmt.Errorf("%w: its byte range has something else than numbers", errUnread)
		}
		s.ByteRange = append(s.ByteRange, i)
	}
	if len(list) != 4 {
		return false, fmt.Errorf("%w: its byte range has %d numbers, not 4", errUnread, len(list))
	}
	r := [4]int64(s.ByteRange)
	if r[1] > d.Size || r[2] > d.Size || r[3] > d.Size || r[2]+r[3]+d.Shift > d.Size {
		if s.Permits >= 2 {
			return false, fmt.Errorf("%w: its byte range ends behind the file", errMoved)
		}
		return false, fmt.Errorf("%w: its byte range ends behind the file", errUnread)
	}
	first, gap, next := r[0]+d.Shift, r[0]+r[1]+d.Shift, r[2]+d.Shift
	s.end = next + r[3]
	s.Whole = s.end == d.Size
	if r[0] != 0 || next < gap {
		return false, fmt.Errorf("%w: its byte range does not start with the file", errBroken)
	}
	if err := d.gap(gap, next, o, contents); err != nil {
		return false, err
	}
	c, err := readCMS(der)
	if err != nil {
		return false, err
	}
	if sum, ok := c.fingerprint(); ok {
		s.Certificate = hex.EncodeToString(sum[:])
	}
	covered := func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		if err := d.Hash(w, first, gap); err != nil {
			return nil, err
		}
		if err := d.Hash(w, next, s.end); err != nil {
			return nil, err
		}
		return w.Sum(nil), nil
	}
	if err := c.over(s.Format, covered); err != nil {
		return false, err
	}
	if cert, ok := c.Signer(); ok {
		var others [][]byte
		for _, o := range c.Certificates {
			if !bytes.Equal(o.Raw, cert.Raw) {
				others = append(others, o.Raw)
			}
		}
		s.Signer = d.partners.certificate(cert.Raw, others, append(c.CRLs, d.stapled()...))
	}
	return false, nil
}

// over checks the signature in the way of its format (ISO 32000-2, table 260).
func (c *message) over(format string, covered func(crypto.Hash) ([]byte, error)) error {
	inside := func(h crypto.Hash) ([]byte, error) { return hashOf(h, c.Content), nil }
	wants := func(h crypto.Hash, stated []byte) error {
		sum, err := covered(h)
		if err == nil && !bytes.Equal(sum, stated) {
			err = fmt.Errorf("%w: the digest in it is not that of the signed bytes", errBroken)
		}
		return err
	}
	switch format {
	case "adbe.pkcs7.detached", "ETSI.CAdES.detached":
		if len(c.Content) > 0 {
			return fmt.Errorf("%w: it carries content although it is detached", errUnread)
		}
		return c.verify(covered)
	case "adbe.pkcs7.sha1":
		if err := wants(crypto.SHA1, c.Content); err != nil {
			return err
		}
		return c.verify(inside)
	case "ETSI.RFC3161":
		h, stated, err := c.imprint()
		if err == nil {
			err = wants(h, stated)
		}
		if err != nil {
			return err
		}
		return c.verify(inside)
	}
	return fmt.Errorf("%w: its format is not supported", errUnread)
}

// contents decodes the value of a signature, which must be written in hexadecimal.
func (d *document) contents(val pdf.Value) ([]byte, error) {
	if len(val.Raw) > maxContents {
		return nil, fmt.Errorf("%w: it has more than %d KiB", errUnread, maxContents>>10)
	}
	digits, ok := hexadecimal(val.Raw)
	if !ok {
		return nil, fmt.Errorf("%w: its value is not written in hexadecimal", errUnread)
	}
	return digits, nil
}

// hexadecimal decodes <...>, with white space anywhere.
func hexadecimal(raw []byte) ([]byte, bool) {
	kept := make([]byte, 0, len(raw))
	for _, c := range raw {
		if !pdf.IsSpace(c) {
			kept = append(kept, c)
		}
	}
	if len(kept) < 2 || kept[0] != '<' || kept[len(kept)-1] != '>' {
		return nil, false
	}
	kept = kept[1 : len(kept)-1]
	if len(kept)%2 == 1 {
		kept = append(kept, '0')
	}
	n, err := hex.Decode(kept, kept)
	return kept[:n], err == nil
}

// gap wants that what the byte range leaves out is the value of this very signature: whatever
// else is left out could be changed unseen. Some writers leave the brackets in.
func (d *document) gap(from, to int64, o pdf.Object, contents pdf.Value) error {
	broken := fmt.Errorf("%w: its byte range leaves out more than its own value", errMoved)
	if from < o.Body || to > o.End || to-from > maxContents {
		return broken
	}
	raw, err := d.BytesOf(o)
	if err != nil {
		return err
	}
	left := bytes.TrimSpace(raw[from-o.Body : to-o.Body])
	if !bytes.Equal(left, contents.Raw) && (len(left) == 0 || !bytes.Equal(left, contents.Raw[1:len(contents.Raw)-1])) {
		return broken
	}
	return nil
}

// errMoved is errBroken where the signature is not in the place that it names: programs that write
// a document anew leave it so.
var errMoved = fmt.Errorf("%w", errBroken)

// usageRights reports whether a signature only lets the maker's reader do more with the document
// (ISO 32000-1, 12.8.2.3). It says nothing of what the document says, and every other program that
// saves the document breaks it.
func (d *document) usageRights(o pdf.Object, dict pdf.Dict) bool {
	refs, _ := d.Resolve(dict["Reference"], 0).([]any)
	rights := false
	for _, r := range refs[:min(len(refs), 8)] {
		one, _ := d.Resolve(r, 0).(pdf.Dict)
		switch one["TransformMethod"] {
		case pdf.Name("UR3"), pdf.Name("UR"):
			rights = true
		case pdf.Name("DocMDP"), pdf.Name("FieldMDP"), pdf.Name("Identity"):
			return false
		}
	}
	if rights {
		return true
	}
	root, err := d.Now().Catalog()
	if err != nil {
		return false
	}
	perms, err := d.Now().Follow(root["Perms"])
	if err != nil {
		return false
	}
	for _, key := range []string{"UR3", "UR"} {
		if ref, ok := pdf.Entries(perms)[key].V.(pdf.Ref); ok && int64(ref) == o.Number {
			return true
		}
	}
	return false
}

// form reports whether the document has fields to fill in beside those of signatures.
func (d *document) form() bool {
	for _, o := range d.Objects {
		if o.Stream > 0 {
			continue
		}
		raw, err := d.BytesOf(o)
		if err != nil {
			return false
		}
		for _, kind := range []string{"/Tx", "/Btn", "/Ch"} {
			if i := bytes.Index(raw, []byte("/FT")); i >= 0 && bytes.HasPrefix(bytes.TrimLeft(raw[i+3:], " \t\r\n"), []byte(kind)) {
				return true
			}
		}
	}
	return false
}

// permits reads what a certifying signature permits to change (DocMDP), 0 for others.
func (d *document) permits(dict pdf.Dict) int64 {
	refs, _ := dict["Reference"].([]any)
	latest := func(v any) pdf.Dict {
		if ref, ok := v.(pdf.Ref); ok {
			got, err := d.Now().Object(int64(ref))
			if err != nil {
				return nil
			}
			v = got.V
		}
		out, _ := v.(pdf.Dict)
		return out
	}
	for _, r := range refs[:min(len(refs), 8)] {
		one := latest(r)
		if one["TransformMethod"] != pdf.Name("DocMDP") {
			continue
		}
		if p := latest(one["TransformParams"]).Integer("P"); p >= 1 && p <= 3 {
			return p
		}
		return 2 // what is meant where nothing is said
	}
	return 0
}
