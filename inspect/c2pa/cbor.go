package c2pa

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// strict refuses what could make two readers disagree (repeated keys, text that is not
// UTF-8) and what could make one reader work too hard (nesting, counts).
var strict = must(cbor.DecOptions{
	DupMapKey:        cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:  32,
	MaxArrayElements: 1 << 16,
	MaxMapPairs:      1 << 12,
	IntDec:           cbor.IntDecConvertNone,
	UTF8:             cbor.UTF8RejectInvalid,
}.DecMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// decode reads one CBOR value that fills b. Zero bytes may follow: signers reserve space.
func decode(b []byte, into any) error {
	rest, err := strict.UnmarshalFirst(b, into)
	if err != nil {
		return fmt.Errorf("CBOR: %w", err)
	}
	if len(bytes.Trim(rest, "\x00")) > 0 {
		return fmt.Errorf("CBOR: %d bytes follow the value", len(rest))
	}
	return nil
}

// encode writes deterministic CBOR; it is used for the few structures that are hashed or
// signed but not stored.
func encode(v any) []byte {
	return must(cbor.Marshal(v))
}

// hashedURI points to a box and says what it must hash to.
type hashedURI struct {
	URL  string `cbor:"url"`
	Alg  string `cbor:"alg"`
	Hash []byte `cbor:"hash"`
}
