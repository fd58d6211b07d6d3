package marks

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdf"
)

// readPDF reads what a document says of itself, in every revision: its information dictionary, and
// XMP packets, packed or not, those of its pictures too. What lies open at both ends is read
// although the document cannot be followed.
func readPDF(f *fields, m *media.Media) {
	b, err := head(m, 1<<20)
	if err != nil {
		return
	}
	if m.Size() > int64(len(b)) {
		tail := make([]byte, min(1<<20, m.Size()-int64(len(b))))
		n, _ := m.ReadAt(tail, m.Size()-int64(len(tail)))
		b = append(b, tail[:n]...)
	}
	findXMP(f, b)
	d, err := m.PDF(f.ctx)
	if err != nil && !errors.Is(err, pdf.ErrUnread) && !errors.Is(err, pdf.ErrDamaged) {
		f.err = err
		return
	}
	if d.Encrypted() {
		return // its texts too; that it is encrypted is said of its parts
	}
	for _, key := range []string{"Producer", "Creator"} {
		for _, v := range pdfStrings(b, "/"+key) {
			f.add("pdf", key, v)
		}
	}
	for _, o := range d.Infos() {
		readInfo(f, d, o)
	}
	for _, o := range d.Objects {
		if f.stopped() {
			return
		}
		if o.Packed != nil && bytes.Contains(o.Packed, []byte("/Producer")) {
			readInfo(f, d, o)
		}
		if o.Stream == 0 {
			continue
		}
		dict, err := d.Dict(o, "Filter", "F", "DecodeParms", "DP", "Type", "Subtype")
		if err != nil || dict["Type"] != pdf.Name("Metadata") && dict["Subtype"] != pdf.Name("XML") {
			continue
		}
		switch b, _, err := d.Decoded(o, dict, maxSqueezed*f.block()); {
		case errors.Is(err, cordon.ErrTooLarge):
			f.limit("an XMP packet that unpacks to more than %d MiB", maxSqueezed*f.block()>>20)
		case len(b) > 0:
			readXMP(f, b)
		}
	}
}

// readInfo reads the texts of a dictionary, whatever they are called.
func readInfo(f *fields, d *pdf.File, o pdf.Object) {
	raw, err := d.BytesOf(o)
	if err != nil || len(raw) > maxBlock {
		return
	}
	raw = bytes.Clone(raw)
	dict, err := d.Dict(o)
	if err != nil || dict == nil {
		return
	}
	entries := pdf.Entries(pdf.Value{Raw: raw, V: dict})
	keys := make([]string, 0, len(entries))
	for key := range entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value := entries[key]
		if ref, ok := value.V.(pdf.Ref); ok { // the text is an object of its own
			if at, ok := d.Now().Last[int64(ref)]; ok {
				if b, err := d.BytesOf(at); err == nil {
					value.Raw = bytes.Clone(b)
				}
			}
		}
		if text, ok := pdfText(value.Raw); ok {
			f.add("pdf", key, text)
		}
	}
}

// pdfText decodes a string of either form. ISO 32000-2, 7.3.4 and 7.9.2.
func pdfText(raw []byte) (string, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '(' && raw[0] != '<' || raw[1] == '<' {
		return "", false
	}
	var b []byte
	if raw[0] == '<' {
		digits := bytes.Join(bytes.Fields(bytes.TrimRight(raw[1:], ">")), nil)
		if len(digits)%2 == 1 {
			digits = append(digits, '0')
		}
		b = make([]byte, len(digits)/2)
		if _, err := hex.Decode(b, digits); err != nil {
			return "", false
		}
	} else {
		b = unescaped(raw[1:])
	}
	switch {
	case bytes.HasPrefix(b, []byte("\xFE\xFF")), bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return utf16Text(b, true), true
	}
	return string(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))), true
}

// unescaped is a literal string behind its parenthesis, up to the one that closes it.
func unescaped(b []byte) (out []byte) {
	for depth := 1; len(b) > 0; b = b[1:] {
		switch c := b[0]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return out
			}
		case '\\':
			if len(b) < 2 {
				return out
			}
			n := 1
			for n < 4 && n < len(b) && b[n] >= '0' && b[n] <= '7' {
				n++
			}
			if n > 1 {
				v, _ := strconv.ParseUint(string(b[1:n]), 8, 16)
				out, b = append(out, byte(v)), b[n-1:]
				continue
			}
			b = b[1:]
			if i := strings.IndexByte("nrtbf", b[0]); i >= 0 {
				out = append(out, "\n\r\t\b\f"[i])
			} else if b[0] == '\r' && len(b) > 1 && b[1] == '\n' {
				b = b[1:]
			} else if b[0] != '\n' && b[0] != '\r' {
				out = append(out, b[0])
			}
			continue
		}
		out = append(out, b[0])
	}
	return out
}

// pdfStrings returns the literal strings that follow a name.
func pdfStrings(b []byte, name string) []string {
	var out []string
	for len(out) < 4 {
		i := bytes.Index(b, []byte(name))
		if i < 0 {
			break
		}
		b = bytes.TrimLeft(b[i+len(name):], " \t\r\n")
		if len(b) == 0 || b[0] != '(' {
			continue
		}
		if text, ok := pdfText(b[:min(len(b), 1024)]); ok {
			out = append(out, text)
		}
	}
	return out
}

func head(m *media.Media, n int64) ([]byte, error) {
	b := make([]byte, min(n, m.Size()))
	got, err := m.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:got], err
}
