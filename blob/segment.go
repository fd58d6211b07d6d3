package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/cordonhq/cordon"
)

// A blob at rest is a header and then one or more sealed segments:
//
//	"cordonb1"   8 bytes
//	salt        32 bytes, random
//	check       32 bytes
//	segment 0   65 536 bytes of plaintext under AES-256-GCM, and a tag of 16 bytes
//	…
//	segment n   the rest: 1 to 65 536 bytes and a tag; 0 bytes only if the content is empty
//
// check and the segments' key are the two halves of 64 bytes of HKDF-SHA-256 over the data
// key, the salt, and the blob's own name. So a header vouches for its salt, its key and its
// place, and a blob cannot be made to open under two different keys, which plain GCM would
// allow. The nonce is the segment's number and whether it is the last, as in the STREAM
// construction: segments cannot change places, and the end cannot be cut off unseen.
// https://eprint.iacr.org/2015/189 and docs/decisions/0001-segments-of-our-own.md
const (
	magic       = "cordonb1"
	saltSize    = 32
	checkSize   = 32
	headerSize  = len(magic) + saltSize + checkSize
	segmentSize = 64 << 10
	tagSize     = 16
	sealedSize  = segmentSize + tagSize
)

// segments seals and opens the segments of one blob.
type segments struct{ aead cipher.AEAD }

// newHeader returns a fresh header for the blob, and what seals its segments.
func newHeader(key cordon.DataKey, ref cordon.BlobRef) ([]byte, segments, error) {
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails: the runtime ends the program instead
	check, s, err := derive(key, ref, salt[:])
	if err != nil {
		return nil, s, err
	}
	header := append([]byte(magic), salt[:]...)
	return append(header, check...), s, nil
}

// openHeader checks that the header was made for this key and this name.
func openHeader(key cordon.DataKey, ref cordon.BlobRef, header []byte) (segments, error) {
	if len(header) != headerSize || string(header[:len(magic)]) != magic {
		return segments{}, fmt.Errorf("%w: %s does not begin like a blob of this format", ErrDamaged, ref)
	}
	salt, check := header[len(magic):len(magic)+saltSize], header[len(magic)+saltSize:]
	want, s, err := derive(key, ref, salt)
	if err != nil {
		return s, err
	}
	if subtle.ConstantTimeCompare(check, want) != 1 {
		return segments{}, fmt.Errorf("%w: header of %s", ErrDamaged, ref)
	}
	return s, nil
}

func derive(key cordon.DataKey, ref cordon.BlobRef, salt []byte) (check []byte, s segments, err error) {
	if len(key.Bytes()) != 32 {
		return nil, s, fmt.Errorf("%w: data key of %d bytes, 32 are needed", cordon.ErrInvalid, len(key.Bytes()))
	}
	b, err := hkdf.Key(sha256.New, key.Bytes(), salt, "cordon blob 1 "+string(ref), checkSize+32)
	if err != nil {
		return nil, s, err
	}
	block, err := aes.NewCipher(b[checkSize:])
	if err != nil {
		return nil, s, err
	}
	s.aead, err = cipher.NewGCM(block)
	return b[:checkSize], s, err
}

// seal appends segment i to dst.
func (s segments) seal(dst []byte, i int64, last bool, plain []byte) []byte {
	n := nonce(i, last)
	return s.aead.Seal(dst, n[:], plain, nil)
}

// open appends the plaintext of segment i to dst.
func (s segments) open(dst []byte, i int64, last bool, sealed []byte) ([]byte, error) {
	n := nonce(i, last)
	return s.aead.Open(dst, n[:], sealed, nil)
}

func nonce(i int64, last bool) (n [12]byte) {
	binary.BigEndian.PutUint64(n[3:11], uint64(i))
	if last {
		n[11] = 1
	}
	return n
}

// measure returns how many bytes of plaintext in how many segments a blob holds that is
// atRest bytes long, and whether a blob can have that length at all.
func measure(atRest int64) (size, count int64, ok bool) {
	body := atRest - int64(headerSize)
	if body < tagSize {
		return 0, 0, false
	}
	count = (body + sealedSize - 1) / sealedSize
	last := body - (count-1)*sealedSize
	if last < tagSize || last == tagSize && count > 1 {
		return 0, 0, false
	}
	return body - count*tagSize, count, true
}
