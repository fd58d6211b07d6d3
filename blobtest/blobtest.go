// Package blobtest is the contract of blob stores: what every one of them must do, and
// must survive.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
)

// Blobs is a store under test.
type Blobs interface {
	Put(ctx context.Context, key cordon.DataKey, r io.Reader) (cordon.BlobRef, blob.Sums, error)
	Open(ctx context.Context, key cordon.DataKey, ref cordon.BlobRef) (*blob.Reader, error)
	Delete(ctx context.Context, ref cordon.BlobRef) error
	List(ctx context.Context) iter.Seq2[blob.Info, error]
}

// Fault is one step of a Put that goes wrong. Persisted: it reports an error, and has
// happened all the same.
type Fault struct {
	Step      string
	Persisted bool
}

// Subject is a store with the means to look under it and to break it.
type Subject struct {
	Blobs
	// AtRest returns everything that lies in the store, whole blobs and leftovers.
	AtRest func(t testing.TB) map[string][]byte
	// Bytes returns a blob as it lies in the store.
	Bytes func(t testing.TB, ref cordon.BlobRef) []byte
	// Overwrite puts other bytes in a blob's place.
	Overwrite func(t testing.TB, ref cordon.BlobRef, b []byte)
	// Steps names the steps of a Put that can be made to fail.
	Steps []string
	// Break makes the next such step fail, once.
	Break func(f Fault)
}

// Run holds a store to the contract. open returns an empty store each time.
func Run(t *testing.T, open func(t testing.TB) *Subject) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, s *Subject)
	}{
		{"what is put can be read", testRoundTrip},
		{"any part can be read in any order", testRandomAccess},
		{"readers work side by side", testReadersSideBySide},
		{"names of other things are refused", testNames},
		{"delete can be repeated", testDelete},
		{"list shows what is there", testList},
		{"callers work side by side", testCallersSideBySide},
		{"no plaintext at rest", testNoPlaintext},
		{"equal content does not look equal", testUnlinkable},
		{"another key opens nothing", testWrongKey},
		{"any flipped bit is seen", testFlips},
		{"any cut or growth is seen", testCuts},
		{"segments cannot change places", testSwappedSegments},
		{"blobs cannot change places", testSwappedBlobs},
		{"a source that breaks off leaves nothing", testBrokenSource},
		{"a caller who gives up leaves nothing", testCancel},
		{"a step that fails leaves nothing", testFaults},
		{"large content needs little memory", testMemory},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open(t)) })
	}
}

// segment is the size that the interesting lengths lie around. A store with another one
// passes as well, with fewer of its edges looked at.
const segment = 64 << 10

func newKey() cordon.DataKey {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return cordon.NewDataKey(b)
}

// content returns n bytes that differ from call to call only by seed.
func content(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func put(t testing.TB, s *Subject, key cordon.DataKey, b []byte) cordon.BlobRef {
	t.Helper()
	ref, sums, err := s.Put(t.Context(), key, bytes.NewReader(b))
	if err != nil {
		t.Fatalf("Put of %d bytes: %v", len(b), err)
	}
	if want := (blob.Sums{SHA256: sha256.Sum256(b), Size: int64(len(b))}); sums != want {
		t.Fatalf("Put of %d bytes: sums %x of %d bytes, want %x", len(b), sums.SHA256, sums.Size, want.SHA256)
	}
	return ref
}

// read returns the whole plaintext, or the first error of opening and reading.
func read(t testing.TB, s *Subject, key cordon.DataKey, ref cordon.BlobRef) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), key, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if verr := r.Verify(t.Context()); (err == nil) != (verr == nil) {
		t.Errorf("reading all says %v, Verify says %v", err, verr)
	}
	return b, err
}

func wantContent(t testing.TB, s *Subject, key cordon.DataKey, ref cordon.BlobRef, want []byte) {
	t.Helper()
	got, err := read(t, s, key, ref)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes, error %v; want the %d bytes that were put", len(got), err, len(want))
	}
}

// wantDamage checks that the blob cannot be read whole, and that what was given out before
// the damage is a beginning of the original.
func wantDamage(t testing.TB, s *Subject, key cordon.DataKey, ref cordon.BlobRef, original []byte, what string) {
	t.Helper()
	got, err := read(t, s, key, ref)
	if !errors.Is(err, blob.ErrDamaged) {
		t.Fatalf("%s: error %v, want blob.ErrDamaged", what, err)
	}
	if !bytes.HasPrefix(original, got) {
		t.Fatalf("%s: %d bytes were given out that were never put", what, len(got))
	}
}

func wantNothing(t testing.TB, s *Subject) {
	t.Helper()
	for name, b := range s.AtRest(t) {
		t.Errorf("%s is left with %d bytes", name, len(b))
	}
	for info, err := range s.List(context.WithoutCancel(t.Context())) {
		t.Errorf("listed: %v, %v", info, err)
	}
}
