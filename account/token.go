package account

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
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

// String names the token without telling it.
func (t Token) String() string { return tokenPrefix + "[hidden]" }

// Format hides the token from every print verb.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// MarshalText hides the token from JSON and from logs in JSON.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t Token) wellFormed() bool {
	rest, ok := strings.CutPrefix(string(t), tokenPrefix)
	if !ok {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	return err == nil && len(b) == 32
}
