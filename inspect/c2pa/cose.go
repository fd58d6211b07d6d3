package c2pa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"

	"crypto/rsa"

	"github.com/fxamacker/cbor/v2"
)

// COSE header labels (RFC 9052, RFC 9360).
const (
	labelAlg         = int64(1)
	labelCrit        = int64(2)
	labelContentType = int64(3)
	labelChain       = int64(33)
)

// sign1 is a COSE_Sign1 message. Header maps have integer and text labels.
type sign1 struct {
	protectedRaw []byte
	protected    map[any]any
	unprotected  map[any]any
	payload      []byte
	attached     bool
	signature    []byte
}

var (
	errCOSE      = errors.New("signature is not a COSE_Sign1 message")
	errAlgorithm = errors.New("signature algorithm is not permitted")
	errSignature = errors.New("signature does not match")
	errPadding   = errors.New("padding of the signature is not zero")
)

// parseSign1 reads a tagged COSE_Sign1.
func parseSign1(b []byte) (*sign1, error) {
	var tag cbor.RawTag
	if err := decode(b, &tag); err != nil || tag.Number != 18 {
		return nil, fmt.Errorf("%w: tag 18 is missing", errCOSE)
	}
	var parts []cbor.RawMessage
	if err := decode(tag.Content, &parts); err != nil || len(parts) != 4 {
		return nil, fmt.Errorf("%w: not an array of four", errCOSE)
	}
	m := &sign1{protected: map[any]any{}}
	if err := decode(parts[0], &m.protectedRaw); err != nil {
		return nil, fmt.Errorf("%w: protected header: %w", errCOSE, err)
	}
	if len(m.protectedRaw) > 0 {
		if err := decode(m.protectedRaw, &m.protected); err != nil {
			return nil, fmt.Errorf("%w: protected header: %w", errCOSE, err)
		}
	}
	if err := decode(parts[1], &m.unprotected); err != nil {
		return nil, fmt.Errorf("%w: unprotected header: %w", errCOSE, err)
	}
	if len(parts[2]) != 1 || parts[2][0] != 0xF6 { // not null
		m.attached = true
		if err := decode(parts[2], &m.payload); err != nil {
			return nil, fmt.Errorf("%w: payload: %w", errCOSE, err)
		}
	}
	if err := decode(parts[3], &m.signature); err != nil {
		return nil, fmt.Errorf("%w: signature: %w", errCOSE, err)
	}
	if _, ok := m.protected[labelCrit]; ok {
		return nil, fmt.Errorf("%w: it has critical headers that nobody here understands", errCOSE)
	}
	return m, nil
}

// header looks for an integer label, then for a text label.
func header(h map[any]any, number int64, text string) any {
	if v, ok := h[number]; ok {
		return v
	}
	if v, ok := h[uint64(number)]; ok {
		return v
	}
	return h[text]
}

func (m *sign1) algorithm() (int64, bool) {
	switch v := header(m.protected, labelAlg, "alg").(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<31
	}
	return 0, false
}

// chain returns the DER certificates, signer first. Claims of version 2 and later must
// carry them in the protected header.
func (m *sign1) chain(alsoUnprotected bool) [][]byte {
	v := header(m.protected, labelChain, "x5chain")
	if v == nil && alsoUnprotected {
		v = header(m.unprotected, labelChain, "x5chain")
	}
	switch v := v.(type) {
	case []byte:
		return [][]byte{v}
	case []any:
		var out [][]byte
		for _, c := range v {
			der, ok := c.([]byte)
			if !ok || len(out) == maxChain {
				return nil
			}
			out = append(out, der)
		}
		return out
	}
	return nil
}

// maxChain is the longest certificate chain that is looked at.
const maxChain = 12

// zeroPadding refuses padding that could carry something: "pad" and "pad2" are not signed.
func (m *sign1) zeroPadding() error {
	for _, name := range []string{"pad", "pad2"} {
		switch v := m.unprotected[name].(type) {
		case nil:
		case []byte:
			if len(bytes.Trim(v, "\x00")) > 0 {
				return errPadding
			}
		default:
			return errPadding
		}
	}
	return nil
}

// toBeSigned is the Sig_structure of RFC 9052, 4.4.
func (m *sign1) toBeSigned(context string, payload []byte) []byte {
	protected := m.protectedRaw
	if protected == nil {
		protected = []byte{}
	}
	return encode([]any{context, protected, []byte{}, payload})
}

// algorithmName gives the names of COSE algorithms that C2PA permits.
var algorithmName = map[int64]string{-7: "ES256", -35: "ES384", -36: "ES512",
	-37: "PS256", -38: "PS384", -39: "PS512", -8: "EdDSA"}

// fits reports whether C2PA permits the algorithm with such a key: each size of ECDSA has its
// curve (C2PA 2.2, 13.2.1).
func fits(alg int64, key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return map[int64]int{-7: 256, -35: 384, -36: 521}[alg] == key.Curve.Params().BitSize
	case *rsa.PublicKey:
		return alg == -37 || alg == -38 || alg == -39
	case ed25519.PublicKey:
		return alg == -8
	}
	return false
}

// verify checks the signature over the payload with the key. The payload is what the
// caller knows to be signed; an attached one must be the same bytes.
func (m *sign1) verify(b *budget, key crypto.PublicKey, payload []byte) error {
	if m.attached && !bytes.Equal(m.payload, payload) {
		return fmt.Errorf("%w: the payload it carries is another one", errSignature)
	}
	alg, ok := m.algorithm()
	if _, known := algorithmName[alg]; !ok || !known {
		return errAlgorithm
	}
	if err := b.sign(); err != nil {
		return err
	}
	return verifyRaw(alg, key, m.toBeSigned("Signature1", payload), m.signature)
}

// verifyRaw checks one signature in COSE form: r and s side by side for ECDSA, salt as long
// as the digest for PSS.
func verifyRaw(alg int64, key crypto.PublicKey, message, signature []byte) error {
	hash := map[int64]crypto.Hash{-7: crypto.SHA256, -37: crypto.SHA256, -35: crypto.SHA384, -38: crypto.SHA384,
		-36: crypto.SHA512, -39: crypto.SHA512}[alg]
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if alg != -7 && alg != -35 && alg != -36 {
			return errAlgorithm
		}
		n := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*n {
			return fmt.Errorf("%w: %d bytes for a curve of %d bits", errSignature, len(signature), key.Curve.Params().BitSize)
		}
		r, s := new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:])
		if !ecdsa.Verify(key, digest, r, s) {
			return errSignature
		}
	case *rsa.PublicKey:
		if alg != -37 && alg != -38 && alg != -39 {
			return errAlgorithm
		}
		if rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
			return errSignature
		}
	case ed25519.PublicKey:
		if alg != -8 {
			return errAlgorithm
		}
		if !ed25519.Verify(key, message, signature) {
			return errSignature
		}
	default:
		return errAlgorithm
	}
	return nil
}
