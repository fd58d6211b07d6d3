// Package blob keeps the bytes of items at rest, encrypted.
//
// What Put has returned survives losing power, and is readable only with the data key it
// was put under. What Put has not returned leaves nothing behind: not when the source
// breaks off, not when the caller gives up, not when the disk refuses.
//
// A Reader gives out plaintext only from segments that have been authenticated. A flipped
// bit, a cut end, segments or files that changed places and a wrong key are errors, never
// other bytes. Plaintext is never written to disk.
package blob

import (
	"crypto/sha256"
	"time"

	"github.com/cordonhq/cordon"
)

// ErrDamaged means that bytes at rest are not what was put there, or that the key is not
// theirs. The two cannot be told apart: that is what authenticated encryption means.
var ErrDamaged = cordon.Permanent(cordon.CauseBytesDamaged, "stored bytes are damaged, or this is not their key")

// Sums describes the plaintext that Put stored.
type Sums struct {
	SHA256 [sha256.Size]byte
	Size   int64 // bytes
}

// Info is what can be known of a blob without its key.
type Info struct {
	Ref     cordon.BlobRef
	Size    int64 // bytes of plaintext, judged by the length at rest; -1 if no whole blob has that length
	ModTime time.Time
}
