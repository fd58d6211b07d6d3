package signed

import "github.com/cordonhq/cordon/media/pdf"

const window = 8 << 10 // bytes that are read at a time

// maxValues is how many values an object has that may be a signature.
const maxValues = 100_000

// errUnread is wrapped where a signature, or what was added after it, cannot be checked.
var errUnread = pdf.ErrUnread

// document is a PDF file that may be signed.
type document struct {
	*pdf.File
	partners *partners // nil: nobody is asked after
}

// stapled are the lists of revoked certificates that the document keeps to be checked for long
// (DSS, ETSI EN 319 142-1).
func (d *document) stapled() (out [][]byte) {
	if d.partners == nil {
		return nil
	}
	v := d.Now()
	root, err := v.Catalog()
	if err != nil {
		return nil
	}
	dss, err := v.Follow(root["DSS"])
	if err != nil {
		return nil
	}
	list, err := v.Follow(pdf.Entries(dss)["CRLs"])
	if err != nil || list.V == nil {
		return nil
	}
	for _, one := range pdf.Elements(list) {
		ref, ok := one.V.(pdf.Ref)
		val, err := v.Follow(one)
		dict, isDict := val.V.(pdf.Dict)
		if o := v.Last[int64(ref)]; ok && err == nil && isDict && o.Stream > 0 && len(out) < maxCertificates {
			if b, err := d.Stream(o, dict); err == nil {
				out = append(out, b)
			}
		}
	}
	return out
}
