package account

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
)

// Argon2id with 19 MiB and two passes, the smaller of the two settings that OWASP recommends.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	argonKey    = 32       // bytes
)

// maxPassword bounds what a stranger can make us hash.
const maxPassword = 1024

type password struct {
	salt [16]byte
	hash [argonKey]byte
}

func hashPassword(s string) password {
	var p password
	rand.Read(p.salt[:])
	copy(p.hash[:], argon2.IDKey([]byte(s), p.salt[:], argonTime, argonMemory, 1, argonKey))
	return p
}

// fits compares in constant time.
func (p password) fits(s string) bool {
	if len(s) > maxPassword {
		return p.fits(s[:maxPassword-1]) && false // takes as long as any other wrong one
	}
	got := argon2.IDKey([]byte(s), p.salt[:], argonTime, argonMemory, 1, argonKey)
	return subtle.ConstantTimeCompare(got, p.hash[:]) == 1
}

// Format hides the hash from every print verb.
func (p password) Format(f fmt.State, _ rune) { io.WriteString(f, "[password]") }
