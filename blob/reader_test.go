package blob_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
)

const anyRef = cordon.BlobRef("blb_00000000000000000000000000")

// A file that shrinks under an open reader is damage, and never an early end.
func TestShrinksWhileOpen(t *testing.T) {
	dir := t.TempDir()
	files, err := blob.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	ref, _, err := files.Put(t.Context(), key(1), strings.NewReader(strings.Repeat("0123456789", 40_000)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := files.Open(t.Context(), key(1), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(pathOf(t, dir, ref), 100_000); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if !errors.Is(err, blob.ErrDamaged) || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, error %v; want blob.ErrDamaged", len(b), err)
	}
}

// The format is a promise to every later release: a blob written by the first one opens.
func TestFirstFormatStillOpens(t *testing.T) {
	b, err := hex.DecodeString(firstFormat)
	if err != nil {
		t.Fatal(err)
	}
	r, err := blob.OpenBytes(bytes.NewReader(b), int64(len(b)), key(1), anyRef)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if want := "a scan of a left knee"; err != nil || string(got) != want {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

const firstFormat = "636f72646f6e623102922670afaf58d68fbe4605e8ae711492eb1eb726b4fab6084f2c72" +
	"0e2c71d228d1af08497c90f55707a3977d8f45f598f11f051f3f846c5972c6409466d132" +
	"6a752ee29d2cbd9fb3d841357c94ccf525334a4ad7ca2cd1a1bfd47e0fb1e679dc66f54f" +
	"ca"

// FuzzReader feeds a stranger's bytes to the reader under a key that the stranger knows.
// Whatever opens and reads to its end must be exactly what sealing that plaintext gives:
// there is one way to write a content down, and nothing else is accepted.
func FuzzReader(f *testing.F) {
	first, err := hex.DecodeString(firstFormat)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first, int64(0), 10)
	header := first[:blob.HeaderSize]
	for _, n := range []int{0, 1, 64 << 10, 64<<10 + 1} {
		b, err := blob.Reseal(key(1), anyRef, header, make([]byte, n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, int64(n/2), n)
		f.Add(b[:len(b)-16], int64(n), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, off int64, n int) {
		r, err := blob.OpenBytes(bytes.NewReader(b), int64(len(b)), key(1), anyRef)
		if err != nil {
			return
		}
		defer r.Close()
		piece := make([]byte, min(max(n, 0), 1<<20))
		got, pieceErr := r.ReadAt(piece, off)
		plain, err := io.ReadAll(r)
		if verr := r.Verify(t.Context()); (err == nil) != (verr == nil) {
			t.Fatalf("reading says %v, Verify says %v", err, verr)
		}
		if err != nil {
			return
		}
		if int64(len(plain)) != r.Size() {
			t.Fatalf("Size is %d, %d bytes were read", r.Size(), len(plain))
		}
		again, err := blob.Reseal(key(1), anyRef, b[:blob.HeaderSize], plain)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%d bytes opened that nobody could have written (%v)", len(b), err)
		}
		if off >= 0 {
			from := min(off, int64(len(plain)))
			if !bytes.HasPrefix(plain[from:], piece[:got]) || got < len(piece) && pieceErr == nil {
				t.Fatalf("ReadAt(%d bytes at %d) = %d, %v", len(piece), off, got, pieceErr)
			}
		}
	})
}
