package account

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// tokenPrefix lets secret scanners and people recognise a token that got lost.
const tokenPrefix = "crd_"

// Token is a bearer token in clear. It never prints; convert it to string to show it once.
type Token string

// NewToken returns a fresh token with 256 random bits.
func NewToken() Token {
	var b [32]byte
	rand.Read(b[:])
	return Token(tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:]))
}

// String hides the token from every print verb.
func (t Token) String() string { return tokenPrefix + "[hidden]" }

// GoString hides the token from %#v.
func (t Token) GoString() string { return t.String() }

func (t Token) wellFormed() bool {
	rest, ok := strings.CutPrefix(string(t), tokenPrefix)
	if !ok {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	return err == nil && len(b) == 32
}
