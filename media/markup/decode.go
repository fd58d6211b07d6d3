package markup

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var declared = regexp.MustCompile(`^<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']`)

// encodings that clinical documents come in, beside UTF-8.
var encodings = map[string]encoding.Encoding{
	"iso-8859-1": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "iso-8859-15": charmap.ISO8859_15, "iso-8859-2": charmap.ISO8859_2,
	"windows-1252": charmap.Windows1252, "windows-1250": charmap.Windows1250,
}

// Decode returns a document in UTF-8: as it is, or made from the encoding that its first bytes
// or its declaration name.
func Decode(b []byte) ([]byte, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}), bytes.HasPrefix(b, []byte{0, '<', 0}):
		from = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{'<', 0, '?', 0}):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	default:
		m := declared.FindSubmatch(b[:min(len(b), 512)])
		if m == nil {
			return b, nil
		}
		name := strings.ToLower(string(m[1]))
		if name == "utf-8" || name == "utf8" || name == "us-ascii" {
			return b, nil
		}
		if from = encodings[name]; from == nil {
			return nil, fmt.Errorf("%w: its encoding %s is not read", ErrDamaged, name)
		}
	}
	out, err := from.NewDecoder().Bytes(b)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not in the encoding that it names", ErrDamaged)
	}
	return out, nil
}
