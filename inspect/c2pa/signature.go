package c2pa

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// verifySignature checks the claim signature of m, its time stamp and its certificate.
func (r *run) verifySignature(m *manifest, ingredient bool) error {
	uri := m.uri("c2pa.signature")
	say := func(k kind, code, note string) { r.add(k, code, uri, ingredient, note) }

	label, path, ok := splitURI(m.claim.Signature)
	if !ok || path != "c2pa.signature" || label != "" && label != m.label {
		say(failure, codeSignatureMissing, "the claim names another signature")
	}
	if m.signature == nil {
		say(failure, codeSignatureMissing, "there is no signature box")
		return nil
	}
	sig, err := parseSign1(m.signature)
	if err != nil {
		say(failure, codeSignatureMismatch, err.Error())
		return nil
	}
	chain, err := parseChain(sig.chain(m.claim.version == 1))
	if err != nil {
		say(failure, codeInvalid, err.Error())
		return nil
	}
	leaf := chain[0]
	out := signer{name: subject(leaf)}
	if alg, ok := sig.algorithm(); ok {
		out.algorithm = algorithmName[alg]
	}
	stamp, err := r.verifyStamp(m, sig, say)
	if err != nil {
		return err
	}
	at := r.now
	if stamp != nil {
		at, out.at = stamp.at, &stamp.at
	}
	by, way, err := r.verifyCredential(chain, at, stamp != nil, say)
	if err != nil {
		return err
	}
	if by != nil {
		out.trustedBy = by.record.SHA256
	}
	if len(way) > len(chain) { // the anchor may be the issuer, and need not be in the file
		chain = way
	}
	r.verifyRevocation(m, sig, chain, at, stamp != nil, say)

	if alg, ok := sig.algorithm(); ok && algorithmName[alg] != "" && !fits(alg, leaf.PublicKey) {
		say(failure, codeInvalid, "its key is not for "+algorithmName[alg])
	}
	switch err := sig.verify(r.b, leaf.PublicKey, m.claimRaw); {
	case errors.Is(err, errAlgorithm):
		say(failure, codeAlgorithm, err.Error())
		say(failure, codeSignatureMismatch, "it cannot be checked")
	case errors.Is(err, errSignature):
		say(failure, codeSignatureMismatch, err.Error())
	case err != nil:
		return err
	default:
		if err := sig.zeroPadding(); err != nil {
			say(failure, codeSignatureMismatch, err.Error())
			break
		}
		say(success, codeSignatureValidated, "")
		if within(leaf, at) {
			say(success, codeInsideValidity, "")
		}
	}
	r.signed[m] = out
	return nil
}

// verifyCredential judges the signer's certificate at the time of signing, and returns the list
// that vouches for it, nil if none does, and the way from it to the anchor.
func (r *run) verifyCredential(chain []*x509.Certificate, at time.Time, stamped bool, say func(kind, string, string)) (*trustList, []*x509.Certificate, error) {
	leaf := chain[0]
	if !within(leaf, at) {
		say(failure, codeExpired, "valid from "+leaf.NotBefore.Format(time.DateOnly)+" to "+leaf.NotAfter.Format(time.DateOnly))
	} else if err := checkProfile(leaf); err != nil {
		say(failure, codeInvalid, err.Error())
	}
	var by *trustList
	var way []*x509.Certificate
	for _, l := range r.force.lists[ForAllowed] {
		if l.digests[sha256.Sum256(leaf.Raw)] {
			by = l
		}
	}
	denied := r.denied(chain, at, stamped)
	if by == nil {
		var err error
		if by, way, err = r.chains(ForSigners, chain, at, stamped); errors.Is(err, errDenied) {
			denied = err
		} else if err != nil {
			return nil, nil, err
		}
	}
	if errors.Is(checkPurpose(leaf), errPurpose) {
		by = nil
	}
	if denied != nil {
		say(failure, codeDenied, denied.Error())
		by = nil
	}
	if by == nil {
		say(failure, codeUntrusted, "")
		return nil, way, nil
	}
	say(success, codeTrusted, "")
	return by, way, nil
}

// verifyStamp returns the time stamp of the signature if it holds and may be relied on.
func (r *run) verifyStamp(m *manifest, sig *sign1, say func(kind, string, string)) (*timestamp, error) {
	token, message := r.stampOf(m, sig)
	if token == nil {
		return nil, nil
	}
	stamp, err := readToken(r.b, token, message)
	switch {
	case errors.Is(err, errTokenMismatch):
		say(informational, codeStampMismatch, err.Error())
		return nil, nil
	case errors.Is(err, errTokenMalformed), errors.Is(err, errTokenSignature):
		say(informational, codeStampMalformed, err.Error())
		return nil, nil
	case err != nil:
		return nil, err
	}
	tsa := stamp.chain[0]
	if !within(tsa, stamp.at) {
		say(informational, codeStampOutside, "")
		return nil, nil
	}
	say(success, codeStampValidated, "")
	trusted := m.claim.version == 1 // before 2.0 there was no list of time-stamp authorities
	if !trusted && hasPurpose(tsa, x509.ExtKeyUsageTimeStamping) {
		by, _, err := r.chains(ForTimeStamps, stamp.chain, stamp.at, false)
		if err != nil && !errors.Is(err, errDenied) {
			return nil, err
		}
		trusted = by != nil
	}
	if r.denied(stamp.chain, stamp.at, false) != nil {
		trusted = false // whoever certifies the time may not say that it was before the denial
	}
	if !trusted {
		say(informational, codeStampUntrusted, "")
		return nil, nil
	}
	say(success, codeStampTrusted, "")
	return stamp, nil
}

// stampOf returns the token of a signature and what it must be of.
func (r *run) stampOf(m *manifest, sig *sign1) (token, message []byte) {
	if t := tokenIn(sig.unprotected["sigTst2"]); t != nil {
		return t, sig.toBeSigned("CounterSignature", encode(sig.signature))
	}
	if t := tokenIn(sig.unprotected["sigTst"]); t != nil {
		return t, sig.toBeSigned("CounterSignature", m.claimRaw)
	}
	if t := r.stamps[m.label]; t != nil {
		return t, sig.toBeSigned("CounterSignature", encode(sig.signature))
	}
	return nil, nil
}

// tokenIn reads {"tstTokens": [{"val": bytes}]}. Only one token is permitted.
func tokenIn(v any) []byte {
	outer, _ := v.(map[any]any)
	tokens, _ := outer["tstTokens"].([]any)
	if len(tokens) != 1 {
		return nil
	}
	token, _ := tokens[0].(map[any]any)
	b, _ := token["val"].([]byte)
	return b
}

// maxStapled is how many revocation answers of one file are looked at.
const maxStapled = 16

// verifyRevocation reads the answers about the signer that travel with the signature or
// with a certificate-status assertion. Nobody is asked over the network.
func (r *run) verifyRevocation(m *manifest, sig *sign1, chain []*x509.Certificate, at time.Time, stamped bool, say func(kind, string, string)) {
	var answers []any
	if v, ok := sig.unprotected["rVals"].(map[any]any); ok {
		answers, _ = v["ocspVals"].([]any)
	}
	for _, other := range r.store.manifests {
		for _, a := range other.named("c2pa.certificate-status") {
			var v struct {
				Values [][]byte `cbor:"ocspVals"`
			}
			if decode(a.box.content("cbor"), &v) == nil {
				for _, b := range v.Values {
					answers = append(answers, b)
				}
			}
		}
	}
	if len(answers) == 0 {
		say(informational, codeNoOCSP, "")
		return
	}
	for _, v := range answers[:min(len(answers), maxStapled)] {
		der, _ := v.([]byte)
		switch revocation(r.b, der, chain, at, stamped) {
		case ocsp.Good:
			say(success, codeNotRevoked, "")
			return
		case ocsp.Revoked:
			say(failure, codeRevoked, "")
			return
		}
	}
}

// revocation says what a stapled answer means at the time of signing: ocsp.Good,
// ocsp.Revoked or ocsp.Unknown.
func revocation(b *budget, der []byte, chain []*x509.Certificate, at time.Time, stamped bool) int {
	if len(chain) < 2 || b.sign() != nil {
		return ocsp.Unknown
	}
	answer, err := ocsp.ParseResponseForCert(der, chain[0], chain[1])
	if err != nil {
		return ocsp.Unknown
	}
	if c := answer.Certificate; c != nil && !c.Equal(chain[1]) && !hasPurpose(c, x509.ExtKeyUsageOCSPSigning) {
		return ocsp.Unknown
	}
	switch answer.Status {
	case ocsp.Revoked:
		// A revocation after a proven time of signing does not reach back.
		if stamped && answer.RevokedAt.After(at) && answer.RevocationReason != ocsp.KeyCompromise {
			return ocsp.Unknown
		}
		return ocsp.Revoked
	case ocsp.Good:
		if at.Before(answer.ThisUpdate.Add(-time.Hour)) && !stamped || !answer.NextUpdate.IsZero() && at.After(answer.NextUpdate) {
			return ocsp.Unknown
		}
		return ocsp.Good
	}
	return ocsp.Unknown
}

// subject is the name a certificate gives its holder. Anyone can write one: only a chain to
// an anchor makes it mean something.
func subject(c *x509.Certificate) string {
	parts := make([]string, 0, 2)
	if c.Subject.CommonName != "" {
		parts = append(parts, c.Subject.CommonName)
	}
	for _, o := range c.Subject.Organization {
		if o != c.Subject.CommonName {
			parts = append(parts, o)
			break
		}
	}
	return strings.Join(parts, ", ")
}
