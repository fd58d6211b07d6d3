package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint bounds a checkpoint with its signatures, in bytes.
const maxCheckpoint = 64 << 10

// maxSize bounds the size that a checkpoint may claim: tlog's arithmetic does not end beyond 2^62.
const maxSize = 1<<53 - 1

// A checkpoint is the signed head of a log. https://c2sp.org/tlog-checkpoint
type checkpoint struct {
	origin string
	tree   tlog.Tree
	text   string // what was signed
	sigs   []note.Signature
	raw    []byte
}

// parseCheckpoint reads a checkpoint without believing it. It permits one spelling only.
func parseCheckpoint(raw []byte) (checkpoint, error) {
	if len(raw) > maxCheckpoint {
		return checkpoint{}, fmt.Errorf("checkpoint of %d bytes", len(raw))
	}
	_, err := note.Open(raw, nil)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c := checkpoint{text: unverified.Note.Text, sigs: unverified.Note.UnverifiedSigs, raw: raw}
	lines := strings.SplitAfter(c.text, "\n")
	if len(lines) != 4 || lines[3] != "" || len(lines[0]) < 2 {
		return checkpoint{}, errors.New("checkpoint: not three lines")
	}
	c.origin = strings.TrimSuffix(lines[0], "\n")
	if c.tree.N, err = strconv.ParseInt(strings.TrimSuffix(lines[1], "\n"), 10, 64); err != nil {
		return checkpoint{}, errors.New("checkpoint: no size on its second line")
	}
	if c.tree.Hash, err = parseHash(strings.TrimSuffix(lines[2], "\n")); err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: root: %w", err)
	}
	if again := fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.tree.N, c.tree.Hash); c.tree.N < 0 || c.tree.N > maxSize || again != c.text {
		return checkpoint{}, errors.New("checkpoint: not in its one permitted form")
	}
	own := false
	for _, s := range c.sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return checkpoint{}, fmt.Errorf("checkpoint: signature of %s: %w", s.Name, err)
		}
		own = own || s.Name == c.origin
	}
	if !own {
		return checkpoint{}, fmt.Errorf("checkpoint: %s did not sign it under its own name", c.origin)
	}
	return c, nil
}

// parseHash reads 32 bytes in strict base64: no bit is left over to be changed unseen.
func parseHash(s string) (h tlog.Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != 44 {
		return h, fmt.Errorf("%.60q is not a hash", s)
	}
	return tlog.Hash(b), nil
}

// trust is what the user believes in.
type trust struct {
	key       note.Verifier // nil: none was given
	witnesses []witness
}

// untrustedError: all fits together, but nothing ties it to a key that the user gave.
type untrustedError struct{ why string }

func (e *untrustedError) Error() string { return e.why }

func newTrust(key string, witnesses []string) (t trust, err error) {
	if key != "" {
		if t.key, err = note.NewVerifier(key); err != nil {
			return trust{}, fmt.Errorf("--key %q is not a verifier key (name+hash+key): %w", key, err)
		}
	}
	for _, vkey := range witnesses {
		w, err := newWitness(vkey)
		if err != nil {
			return trust{}, fmt.Errorf("--witness %q is not a verifier key (name+hash+key): %w", vkey, err)
		}
		t.witnesses = append(t.witnesses, w)
	}
	return t, nil
}

// check decides whether the user's keys signed the checkpoint. It returns an
// *untrustedError when no signature is there that could be checked, and any other error
// when one is wrong or a witness is missing.
func (t trust) check(c checkpoint) ([]cosigned, error) {
	var by []cosigned
	for _, w := range t.witnesses {
		at, err := w.check(c)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", w.name, err)
		}
		by = append(by, cosigned{w.name, at})
	}
	if t.key == nil {
		return by, &untrustedError{"no --key was given; the checkpoint is signed by " + signersOf(c)}
	}
	_, err := note.Open(c.raw, note.VerifierList(t.key))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return by, &untrustedError{fmt.Sprintf("the key given is %s+%08x; the checkpoint is signed by %s", t.key.Name(), t.key.KeyHash(), signersOf(c))}
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if t.key.Name() != c.origin {
		return nil, fmt.Errorf("the key of %s signed a checkpoint of %s", t.key.Name(), c.origin)
	}
	return by, nil
}

func signersOf(c checkpoint) string {
	var names []string
	for _, s := range c.sigs {
		names = append(names, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return strings.Join(names, ", ")
}

// A witness cosigns checkpoints that it found to continue what it saw before.
type witness struct {
	name string
	hash uint32
	alg  byte
	key  ed25519.PublicKey
}

// Signature types of verifier keys. https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature
const (
	algEd25519     = 1
	algCosignature = 4
)

func newWitness(vkey string) (witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return witness{}, errors.New("not of three parts")
	}
	hash, err := hex.DecodeString(parts[1])
	if err != nil || len(hash) != 4 {
		return witness{}, errors.New("its second part is not a key hash")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algEd25519 && key[0] != algCosignature {
		return witness{}, errors.New("its third part is not an Ed25519 key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if [4]byte(hash) != [4]byte(sum[:4]) {
		return witness{}, errors.New("its parts do not belong together")
	}
	return witness{name: parts[0], hash: binary.BigEndian.Uint32(hash), alg: key[0], key: key[1:]}, nil
}

// check verifies the witness's signature, and returns when it was made where it says so.
func (w witness) check(c checkpoint) (time.Time, error) {
	for _, s := range c.sigs {
		if s.Name != w.name || s.Hash != w.hash {
			continue
		}
		b, err := base64.StdEncoding.Strict().DecodeString(s.Base64)
		if err != nil {
			return time.Time{}, err
		}
		sig, text, at := b[4:], c.text, time.Time{}
		if w.alg == algCosignature {
			if len(sig) != 8+ed25519.SignatureSize {
				return time.Time{}, errors.New("its cosignature has the wrong length")
			}
			seconds := binary.BigEndian.Uint64(sig)
			sig = sig[8:]
			at = time.Unix(int64(seconds), 0)
			text = fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
		}
		if !ed25519.Verify(w.key, []byte(text), sig) {
			return time.Time{}, errors.New("its signature is wrong")
		}
		return at, nil
	}
	return time.Time{}, errors.New("it did not sign the checkpoint")
}
