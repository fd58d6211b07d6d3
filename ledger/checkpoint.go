package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint bounds a checkpoint with its signatures, in bytes.
const maxCheckpoint = 64 << 10

// maxSize bounds the size that a checkpoint may claim: JSON readers keep it exactly, and
// tlog's arithmetic, which does not end beyond 2^62, is safe with it.
const maxSize = 1<<53 - 1

// signCheckpoint returns the C2SP checkpoint of a tree as a signed note: origin, size and
// root on a line each, without extension lines. https://c2sp.org/tlog-checkpoint
func signCheckpoint(s *Signer, tree tlog.Tree) ([]byte, error) {
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", s.Name(), tree.N, tree.Hash)}, s)
}

// OpenCheckpoint checks the signature of a checkpoint and returns the tree it commits to.
// The origin must be the verifier's name: one key never speaks for another log. It returns
// an error that wraps ErrUntrustedKey when the verifier's key did not sign it, and
// cordon.ErrInvalid when it is malformed or the signature is wrong.
func OpenCheckpoint(msg []byte, verifier note.Verifier) (tlog.Tree, error) {
	if len(msg) > maxCheckpoint {
		return tlog.Tree{}, fmt.Errorf("%w: a checkpoint of %d bytes", cordon.ErrTooLarge, len(msg))
	}
	n, err := note.Open(msg, note.VerifierList(verifier))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		if _, _, err := parseCheckpoint(unverified.Note); err != nil {
			return tlog.Tree{}, err
		}
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w %s+%08x", ErrUntrustedKey, verifier.Name(), verifier.KeyHash())
	}
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: checkpoint: %v", cordon.ErrInvalid, err)
	}
	origin, tree, err := parseCheckpoint(n)
	if err != nil {
		return tlog.Tree{}, err
	}
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("%w: checkpoint of %q signed by the key of %q", cordon.ErrInvalid, origin, verifier.Name())
	}
	return tree, nil
}

// parseCheckpoint reads the three lines. It refuses every other spelling of the same
// numbers, so that a byte changed anywhere is seen.
func parseCheckpoint(n *note.Note) (origin string, tree tlog.Tree, err error) {
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return "", tlog.Tree{}, fmt.Errorf("%w: a checkpoint has three lines", cordon.ErrInvalid)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxSize || strconv.FormatInt(size, 10) != lines[1] {
		return "", tlog.Tree{}, fmt.Errorf("%w: size %.40q of a checkpoint", cordon.ErrInvalid, lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return "", tlog.Tree{}, fmt.Errorf("%w: root %.60q of a checkpoint", cordon.ErrInvalid, lines[2])
	}
	for _, list := range [][]note.Signature{n.Sigs, n.UnverifiedSigs} {
		for _, sig := range list {
			// note.Open forgives set bits behind the last byte.
			b, err := base64.StdEncoding.Strict().DecodeString(sig.Base64)
			if err != nil || len(b) < 5 {
				return "", tlog.Tree{}, fmt.Errorf("%w: signature of %q is not strict base64", cordon.ErrInvalid, sig.Name)
			}
		}
	}
	return lines[0], tlog.Tree{N: size, Hash: root}, nil
}
