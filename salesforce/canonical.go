package salesforce

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// MaxPath is the longest path that Canonical reads, in bytes.
const MaxPath = 8 << 10

// ErrAmbiguous says that two servers could read a path differently.
var ErrAmbiguous = errors.New("ambiguous path")

// Canonical returns the one reading of an escaped URL path: percent-decoded, without doubled
// slashes, dot segments and a trailing slash. Letters keep their case; names are compared
// without it. The empty path is "/".
//
// It refuses, with an error wrapping ErrAmbiguous and cordon.ErrInvalid, what could mean
// something else to the next server: a second layer of percent-encoding, encoded slashes,
// backslashes, control characters, bytes that are not UTF-8, path parameters (";"), a dot
// segment above the root, broken escapes and more than MaxPath bytes.
func Canonical(path string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %w: the path %s; send it plainly", cordon.ErrInvalid, ErrAmbiguous, why)
	}
	if len(path) > MaxPath {
		return refuse("is too long")
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
				return refuse("has a broken percent escape")
			}
			c = byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
			i += 2
			if c == '/' {
				return refuse("has an encoded slash")
			}
		}
		switch {
		case c < 0x20 || c == 0x7f:
			return refuse("has a control character")
		case c == '\\':
			return refuse("has a backslash")
		case c == ';':
			return refuse("has a parameter")
		}
		decoded = append(decoded, c)
	}
	if !utf8.Valid(decoded) {
		return refuse("is not UTF-8")
	}
	for i := 0; i+2 < len(decoded); i++ {
		if decoded[i] == '%' && unhex(decoded[i+1]) >= 0 && unhex(decoded[i+2]) >= 0 {
			return refuse("is percent-encoded twice")
		}
	}
	var kept []string
	for seg := range strings.SplitSeq(string(decoded), "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(kept) == 0 {
				return refuse("climbs above the root")
			}
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, seg)
		}
	}
	return "/" + strings.Join(kept, "/"), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
