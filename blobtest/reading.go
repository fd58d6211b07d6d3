package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cordonhq/cordon"
)

func testRoundTrip(t *testing.T, s *Subject) {
	for _, n := range []int{0, 1, 15, 16, 17, segment - 1, segment, segment + 1, 2 * segment, 3*segment + 17} {
		want := content(n, uint64(n))
		for name, source := range map[string]func(io.Reader) io.Reader{
			"plain":         func(r io.Reader) io.Reader { return r },
			"data with EOF": iotest.DataErrReader,
			"halves":        iotest.HalfReader,
		} {
			key := newKey()
			ref, sums, err := s.Put(t.Context(), key, source(bytes.NewReader(want)))
			if err != nil || sums.Size != int64(n) {
				t.Fatalf("%d bytes, %s: sums %v, error %v", n, name, sums, err)
			}
			wantContent(t, s, key, ref, want)
		}
	}
	key, want := newKey(), content(3000, 1)
	ref, _, err := s.Put(t.Context(), key, iotest.OneByteReader(bytes.NewReader(want)))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, key, ref, want)
}

func testRandomAccess(t *testing.T, s *Subject) {
	for _, n := range []int{0, 1, segment, 5*segment + 4321} {
		key, want := newKey(), content(n, 7)
		r, err := s.Open(t.Context(), key, put(t, s, key, want))
		if err != nil {
			t.Fatal(err)
		}
		if r.Size() != int64(n) {
			t.Errorf("Size is %d, want %d", r.Size(), n)
		}
		if err := iotest.TestReader(struct {
			io.ReadSeeker
			io.ReaderAt
		}{r, r}, want); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		for range 400 {
			off, length := rng.IntN(n+10), rng.IntN(2*segment+10)
			if rng.IntN(3) == 0 { // most readers of headers ask for little
				length = rng.IntN(64)
			}
			p := bytes.Repeat([]byte{0xAA}, length)
			got, err := r.ReadAt(p, int64(off))
			wanted := want[min(off, n):min(off+length, n)]
			if !bytes.Equal(p[:got], wanted) || got < length && err != io.EOF || got == length && err != nil {
				t.Fatalf("ReadAt(%d bytes at %d of %d) = %d, %v", length, off, n, got, err)
			}
		}
		var out bytes.Buffer
		from := int64(n / 3)
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if m, err := r.WriteTo(&out); err != nil || m != int64(n)-from || !bytes.Equal(out.Bytes(), want[from:]) {
			t.Errorf("WriteTo from %d wrote %d bytes, error %v", from, m, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("read after Close: %v, want os.ErrClosed", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
}

func testReadersSideBySide(t *testing.T, s *Subject) {
	key, want := newKey(), content(9*segment+5, 3)
	r, err := s.Open(t.Context(), key, put(t, s, key, want))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if got, err := io.ReadAll(r.NewReader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
			rng := rand.New(rand.NewPCG(uint64(i), 9))
			p := make([]byte, 100)
			for range 300 {
				off := rng.IntN(len(want) - len(p))
				if _, err := r.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, want[off:off+len(p)]) {
					t.Errorf("reader %d at %d: %v", i, off, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func testNames(t *testing.T, s *Subject) {
	key := newKey()
	good := put(t, s, key, []byte("x"))
	for _, ref := range []cordon.BlobRef{"", "..", "../../etc/passwd", "blb_", "itm" + good[3:],
		good + "/", "/" + good, cordon.BlobRef(strings.ToUpper(string(good))), " " + good, good[:len(good)-1] + "/"} {
		if _, err := s.Open(t.Context(), key, ref); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Open(%q): %v, want cordon.ErrInvalid", ref, err)
		}
		if err := s.Delete(t.Context(), ref); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Delete(%q): %v, want cordon.ErrInvalid", ref, err)
		}
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, _, err := s.Put(t.Context(), cordon.NewDataKey(make([]byte, n)), strings.NewReader("x")); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Put under a key of %d bytes: %v, want cordon.ErrInvalid", n, err)
		}
	}
}

func testDelete(t *testing.T, s *Subject) {
	key := newKey()
	gone, stays := put(t, s, key, []byte("gone")), put(t, s, key, []byte("stays"))
	for range 2 {
		if err := s.Delete(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(t.Context(), key, gone); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("Open after Delete: %v, want cordon.ErrNotFound", err)
	}
	wantContent(t, s, key, stays, []byte("stays"))
}

func testList(t *testing.T, s *Subject) {
	before := time.Now().Add(-2 * time.Second)
	want := map[cordon.BlobRef]int64{}
	for n := range 60 {
		want[put(t, s, newKey(), content(n*3000, 5))] = int64(n * 3000)
	}
	got := map[cordon.BlobRef]int64{}
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime.Before(before) || info.ModTime.After(time.Now().Add(2*time.Second)) {
			t.Errorf("%s was put at %s?", info.Ref, info.ModTime)
		}
		got[info.Ref] = info.Size
	}
	if len(got) != len(want) {
		t.Errorf("%d blobs are listed, want %d", len(got), len(want))
	}
	for ref, n := range want {
		if size, ok := got[ref]; !ok || size != n {
			t.Errorf("%s is listed with %d bytes, want %d", ref, size, n)
		}
	}
	for range s.List(t.Context()) {
		break // a caller may stop early
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range s.List(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("List after cancel ends with %v", last)
	}
}

func testCallersSideBySide(t *testing.T, s *Subject) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var refs []cordon.BlobRef
	for i := range 12 {
		wg.Go(func() {
			for j := range 6 {
				key, want := newKey(), content(i*20000+j, uint64(i*100+j))
				ref, _, err := s.Put(t.Context(), key, bytes.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(t, s, key, ref); err != nil || !bytes.Equal(got, want) {
					t.Errorf("caller %d: read %d bytes, %v", i, len(got), err)
				}
				if j%2 == 0 {
					if err := s.Delete(t.Context(), ref); err != nil {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				refs = append(refs, ref)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(refs)
	if n := len(slices.Compact(refs)); n != 36 || len(s.AtRest(t)) != 36 {
		t.Errorf("%d names and %d blobs at rest, want 36 of both", n, len(s.AtRest(t)))
	}
}

// testMemory streams 256 MB (64 MB with -short, 2 GB with CORDON_LONG=1) in and out, and
// looks at the live heap on the way: it must not grow with the content.
func testMemory(t *testing.T, s *Subject) {
	size := int64(256 << 20)
	if testing.Short() {
		size = 64 << 20
	}
	if os.Getenv("CORDON_LONG") != "" {
		size = 2 << 30
	}
	const mayGrow = 8 << 20 // bytes
	heap := watchHeap()
	key := newKey()
	ref, sums, err := s.Put(t.Context(), key, &watched{r: io.LimitReader(new(pattern), size), heap: heap})
	if err != nil || sums.Size != size {
		t.Fatalf("Put: %d bytes, %v", sums.Size, err)
	}
	r, err := s.Open(t.Context(), key, ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	same := &comparing{}
	if n, err := io.Copy(same, &watched{r: r.NewReader(), heap: heap}); err != nil || n != size {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if same.err != nil {
		t.Fatal(same.err)
	}
	if grown := heap.grown(); grown > mayGrow {
		t.Errorf("the heap grew by %d bytes over %d bytes of content", grown, size)
	} else {
		t.Logf("the heap grew by %d KiB over %d MiB of content", grown>>10, size>>20)
	}
}

// pattern is an endless source that costs nothing to check.
type pattern struct{ at int64 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte((p.at + int64(i)) * 7 >> 3)
	}
	p.at += int64(len(b))
	return len(b), nil
}

type comparing struct {
	p   pattern
	buf []byte
	err error
}

func (c *comparing) Write(b []byte) (int, error) {
	c.buf = slices.Grow(c.buf[:0], len(b))[:len(b)]
	at := c.p.at
	c.p.Read(c.buf)
	if c.err == nil && !bytes.Equal(c.buf, b) {
		c.err = fmt.Errorf("other bytes than were put, near %d", at)
	}
	return len(b), nil
}
