package signed

import (
	"bytes"

	"github.com/cordonhq/cordon/media/pdf"
)

// added counts what was written behind the bytes that a signature covers. None of it changes
// what the signed pages show.
type added struct {
	From       int64 `json:"from"` // bytes of the file
	To         int64 `json:"to"`
	Signatures int   `json:"signatures"` // with time stamps and what is kept to check them for long
	Filled     int   `json:"fields_or_notes"`
	Other      int   `json:"other_objects"`

	refilled bool // what was there when it was signed has been filled in or annotated since
}

// addedSince lists what follows a byte, nil if that is nothing but white space.
func (d *document) addedSince(was, is *view) (*added, error) {
	end := was.End
	b, err := d.Read(end, window)
	if err != nil {
		return nil, err
	}
	if len(b) < window && len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	out := &added{From: end, To: d.Size}
	for number, o := range is.Last {
		if o.At < end {
			continue
		}
		val, err := is.Object(number)
		if err != nil {
			return nil, err
		}
		dict, _ := val.V.(pdf.Dict)
		switch t := dict["Type"]; {
		case dict["ByteRange"] != nil, t == pdf.Name("Sig"), t == pdf.Name("DocTimeStamp"), t == pdf.Name("DSS"), t == pdf.Name("VRI"),
			dict["FT"] == pdf.Name("Sig"):
			out.Signatures++
		case dict["FT"] != nil, t == pdf.Name("Annot"), dict["Subtype"] != nil && dict["Rect"] != nil:
			out.Filled++
			if _, old := was.Last[number]; !old && dict["Subtype"] == pdf.Name("Widget") {
				continue // the field of a signature may be split in two
			}
			out.refilled = true
		case t == pdf.Name("XRef"), t == pdf.Name("ObjStm"):
		default:
			out.Other++
		}
	}
	return out, nil
}
