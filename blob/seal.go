package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"

	"github.com/cordonhq/cordon"
)

// sealing is the memory that one Put works in, whatever the size of the content.
type sealing struct {
	plain [2][segmentSize]byte
	out   [sealedSize]byte
}

var sealings = sync.Pool{New: func() any { return new(sealing) }}

// seal encrypts all of r to w and sums it on the way.
func seal(ctx context.Context, w io.Writer, r io.Reader, key cordon.DataKey, ref cordon.BlobRef) (Sums, error) {
	header, s, err := newHeader(key, ref)
	if err != nil {
		return Sums{}, err
	}
	if _, err := w.Write(header); err != nil {
		return Sums{}, err
	}
	buf := sealings.Get().(*sealing)
	defer func() {
		clear(buf.plain[0][:]) // plaintext does not lie about in the pool
		clear(buf.plain[1][:])
		sealings.Put(buf)
	}()

	hash := sha256.New()
	var sums Sums
	n, end, err := fill(ctx, r, buf.plain[0][:])
	for i := int64(0); err == nil; i++ {
		plain := buf.plain[i&1][:n]
		// Whether a full segment is the last one shows only when the next is asked for.
		last := end
		if !end {
			n, end, err = fill(ctx, r, buf.plain[(i+1)&1][:])
			if err != nil {
				break
			}
			last = n == 0
		}
		hash.Write(plain)
		sums.Size += int64(len(plain))
		if _, err := w.Write(s.seal(buf.out[:0], i, last, plain)); err != nil {
			return Sums{}, err
		}
		if last {
			hash.Sum(sums.SHA256[:0])
			return sums, nil
		}
	}
	return Sums{}, fmt.Errorf("read content: %w", err)
}

// fill reads until buf is full or the source ends. It is not io.ReadFull, because the body
// of a request that broke off ends with io.ErrUnexpectedEOF too, and must not pass for a
// short last segment.
func fill(ctx context.Context, r io.Reader, buf []byte) (n int, end bool, err error) {
	for idle := 0; n < len(buf); {
		if err := ctx.Err(); err != nil {
			return n, false, err
		}
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		case m > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return n, false, io.ErrNoProgress
			}
		}
	}
	return n, false, nil
}
