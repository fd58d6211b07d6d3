package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cordonhq/cordon"
)

var errAccident = errors.New("the line went dead")

func testBrokenSource(t *testing.T, s *Subject) {
	for _, n := range []int{0, 1, segment - 1, segment, segment + 1, 2*segment + 5} {
		// The body of a request that breaks off ends with io.ErrUnexpectedEOF.
		for _, cause := range []error{errAccident, io.ErrUnexpectedEOF, io.ErrNoProgress} {
			r := io.MultiReader(bytes.NewReader(content(n, 1)), iotest.ErrReader(cause))
			ref, sums, err := s.Put(t.Context(), newKey(), r)
			if !errors.Is(err, cause) || ref != "" || sums.Size != 0 {
				t.Errorf("source broke off after %d bytes: %q, %v, %v; want its error %v", n, ref, sums, err, cause)
			}
		}
	}
	if _, _, err := s.Put(t.Context(), newKey(), silent{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that never says anything: %v, want io.ErrNoProgress", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the source's panic was swallowed")
			}
		}()
		s.Put(t.Context(), newKey(), io.MultiReader(bytes.NewReader(content(2*segment, 1)), panicking{}))
	}()
	wantNothing(t, s)
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a parser above fell over") }

func testCancel(t *testing.T, s *Subject) {
	for _, after := range []int{0, 1, segment, 3 * segment} {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(bytes.NewReader(content(after, 1)), onRead(cancel), bytes.NewReader(content(segment, 2)))
		if _, _, err := s.Put(ctx, newKey(), r); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d bytes: %v", after, err)
		}
	}
	// In the very last read: the content is complete, the caller is gone.
	ctx, cancel := context.WithCancel(t.Context())
	if _, _, err := s.Put(ctx, newKey(), io.MultiReader(strings.NewReader("all of it"), onRead(cancel))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled at the end: %v", err)
	}
	if _, _, err := s.Put(ctx, newKey(), strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before the start: %v", err)
	}
	wantNothing(t, s)

	key := newKey()
	ref := put(t, s, key, []byte("x"))
	if _, err := s.Open(ctx, key, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("Open after cancel: %v", err)
	}
	if err := s.Delete(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete after cancel: %v", err)
	}
	wantContent(t, s, key, ref, []byte("x"))
}

type onRead func()

func (f onRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// testFaults makes every step of a Put go wrong, in pairs: it failed, and it failed but
// has happened.
func testFaults(t *testing.T, s *Subject) {
	if len(s.Steps) == 0 {
		t.Fatal("the subject names no steps that can fail")
	}
	key, want := newKey(), content(2*segment+9, 8)
	for _, step := range s.Steps {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s persisted=%t", step, persisted), func(t *testing.T) {
				s.Break(Fault{Step: step, Persisted: persisted})
				ref, _, err := s.Put(t.Context(), key, bytes.NewReader(want))
				if err == nil || ref != "" {
					t.Fatalf("Put = %q, %v; want an error and no name", ref, err)
				}
				for _, kind := range []error{cordon.ErrInvalid, cordon.ErrNotFound, cordon.ErrForbidden, cordon.ErrTooLarge} {
					if errors.Is(err, kind) {
						t.Errorf("the disk's fault is blamed on the caller: %v", err)
					}
				}
				wantNothing(t, s)
				again := put(t, s, key, want)
				wantContent(t, s, key, again, want)
				if err := s.Delete(t.Context(), again); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
