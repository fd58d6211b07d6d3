// Package unpack reads what strangers have packed, within limits: nothing that unpacks to a
// thousand times its size is anything but one byte over and over.
package unpack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cordonhq/cordon"
)

// What unpacks to more than Free bytes may be at most Most times as large as it was packed.
// Pages of text grow ten times, scanned pages up to some hundred times; DEFLATE ends at 1032.
const (
	Free = 16 << 20
	Most = 800
)

// Counter is a reader that knows how much was read of it: what is packed, below its unpacker.
type Counter struct {
	R io.Reader
	n int64
}

func (c *Counter) Read(p []byte) (int, error) {
	n, err := c.R.Read(p)
	c.n += int64(n)
	return n, err
}

// N is how many bytes were read.
func (c *Counter) N() int64 { return c.n }

// All reads r to its end. packed says how many packed bytes r has come from so far, most is the
// most that it may become. What is over a limit is cordon.ErrTooLarge, without content. With any other error of
// r, what had been read until then comes with it.
func All(ctx context.Context, r io.Reader, packed func() int64, most int64) ([]byte, error) {
	var pieces [][]byte // not one buffer that grows, which is there twice whenever it does
	var total int64
	for {
		piece := make([]byte, min(1<<20, max(4<<10, total)))
		n, err := fill(r, piece)
		total += int64(n)
		pieces = append(pieces, piece[:n])
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case total > most:
			return nil, fmt.Errorf("%w: it unpacks to more than %d MiB", cordon.ErrTooLarge, most>>20)
		case total > Free && total/Most > packed():
			return nil, fmt.Errorf("%w: it unpacks to more than %d times its size", cordon.ErrTooLarge, Most)
		case errors.Is(err, io.EOF):
			return slices.Concat(pieces...), nil
		case err != nil:
			return slices.Concat(pieces...), err
		}
	}
}

// fill reads until b is full or r says something; unlike io.ReadFull it tells an end from one
// that came too early.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}
