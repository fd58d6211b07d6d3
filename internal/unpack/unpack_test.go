package unpack_test

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
)

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func TestAll(t *testing.T) {
	text := make([]byte, 3<<20)
	for r := rand.NewChaCha8([32]byte{}); ; {
		r.Read(text)
		break
	}
	small := packed(t, text)
	for name, r := range map[string]io.Reader{
		"at once": flate.NewReader(bytes.NewReader(small)), "byte by byte": iotest.OneByteReader(bytes.NewReader(text)),
		"with its end": iotest.DataErrReader(bytes.NewReader(text)), "in halves": iotest.HalfReader(bytes.NewReader(text)),
	} {
		if b, err := unpack.All(t.Context(), r, func() int64 { return int64(len(small)) }, 3<<20); err != nil || !bytes.Equal(b, text) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	if b, err := unpack.All(t.Context(), bytes.NewReader(nil), func() int64 { return 0 }, 1); err != nil || len(b) != 0 {
		t.Errorf("nothing: %q, %v", b, err)
	}
}

func TestLimits(t *testing.T) {
	zeros := packed(t, make([]byte, 64<<20))
	read := func(ctx context.Context, b []byte, most int64) ([]byte, error) {
		from := &unpack.Counter{R: bytes.NewReader(b)}
		out, err := unpack.All(ctx, flate.NewReader(from), from.N, most)
		if errors.Is(err, cordon.ErrTooLarge) && from.N() > int64(len(b))/2 {
			t.Errorf("%d of %d bytes were read before it was seen", from.N(), len(b))
		}
		return out, err
	}
	if b, err := read(t.Context(), zeros, 128<<20); !errors.Is(err, cordon.ErrTooLarge) || b != nil {
		t.Errorf("a thousand times its size: %d bytes, %v", len(b), err)
	}
	if b, err := read(t.Context(), packed(t, make([]byte, unpack.Free)), 128<<20); err != nil || len(b) != unpack.Free {
		t.Errorf("a blank page: %d bytes, %v", len(b), err)
	}
	if b, err := read(t.Context(), zeros, 1<<20-1); !errors.Is(err, cordon.ErrTooLarge) || b != nil {
		t.Errorf("over the most: %d bytes, %v", len(b), err)
	}
	if b, err := read(t.Context(), zeros[:len(zeros)/64], 128<<20); !errors.Is(err, io.ErrUnexpectedEOF) || len(b) == 0 {
		t.Errorf("cut off: %d bytes, %v", len(b), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := read(ctx, zeros, 128<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("no time: %v", err)
	}
}

// TestSized keeps what is said to become so many bytes in one piece, and believes nobody who says
// too little or too much.
func TestSized(t *testing.T) {
	plain := make([]byte, 3<<20+5)
	for i := range plain {
		plain[i] = byte(i * i >> 7)
	}
	whole := func() int64 { return int64(len(plain)) }
	for _, said := range []int64{0, 1, 1 << 20, int64(len(plain)) - 1, int64(len(plain)), int64(len(plain)) + 1, 1 << 40, -1} {
		got, err := unpack.Sized(t.Context(), bytes.NewReader(plain), whole, 8<<20, said)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("said to be %d: %d bytes, %v", said, len(got), err)
		}
	}
	got, err := unpack.Sized(t.Context(), bytes.NewReader([]byte("x")), func() int64 { return 1 }, 64<<20, 64<<20)
	if err != nil || cap(got) > 4096 {
		t.Errorf("room for %d bytes of one, %v", cap(got), err)
	}
	if err := unpack.Pass(t.Context(), bytes.NewReader(plain), whole, 1<<20); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("passing over too much: %v", err)
	}
}
