package sim

import "strings"

// base62 is the alphabet of the platform's record ids, in the order they count up.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// suffixAlphabet spells the three letters that make an id safe where case is lost.
const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// pod stands where real ids name the instance they were made on.
const pod = "Si0"

// newID returns the 18-character id of the n-th record with the key prefix.
func newID(prefix string, n int64) string {
	var tail [9]byte
	for i := len(tail) - 1; i >= 0; i-- {
		tail[i] = base62[n%62]
		n /= 62
	}
	id := prefix + pod + string(tail[:])
	return id + idSuffix(id)
}

// idSuffix computes the last three characters from the first fifteen: one letter for
// each group of five, whose bits say which of the five are capitals.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/field_types.htm
func idSuffix(id15 string) string {
	var out [3]byte
	for g := range out {
		bits := 0
		for i := range 5 {
			if c := id15[g*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		out[g] = suffixAlphabet[bits]
	}
	return string(out[:])
}

// parseID accepts an id of 15 or 18 characters and returns it with 18. As on the
// platform, an 18-character id whose case was lost is put right by its suffix.
func parseID(s string) (string, bool) {
	if len(s) != 15 && len(s) != 18 {
		return "", false
	}
	for i := range len(s) {
		if !strings.Contains(base62, s[i:i+1]) {
			return "", false
		}
	}
	if len(s) == 15 {
		return s + idSuffix(s), true
	}
	if idSuffix(s[:15]) == s[15:] {
		return s, true
	}
	restored := []byte(s[:15])
	for g := range 3 {
		bits := strings.IndexByte(suffixAlphabet, upper(s[15+g]))
		if bits < 0 {
			return "", false
		}
		for i := range 5 {
			c := &restored[g*5+i]
			switch want := bits>>i&1 == 1; {
			case want && (*c < 'A' || upper(*c) > 'Z'):
				return "", false // a digit cannot be a capital
			case want:
				*c = upper(*c)
			case *c >= 'A' && *c <= 'Z':
				*c += 'a' - 'A'
			}
		}
	}
	id := string(restored)
	return id + idSuffix(id), true
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}
