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
	return Sized(ctx, r, packed, most, 0)
}

// Sized is All for what is said to become so many bytes. They are kept in one piece, so that they
// are there once and not twice while pieces are joined; what says too much gets no more room for
// it than it could fill within the limits.
func Sized(ctx context.Context, r io.Reader, packed func() int64, most, size int64) ([]byte, error) {
	// The end of r shows with one byte more.
	whole := make([]byte, max(0, min(size, most, max(Free, Most*packed()), MaxRatio*packed()))+1)
	room := whole
	var pieces [][]byte // not one buffer that grows, which is there twice whenever it does
	err := read(ctx, r, packed, most, func(total int64) []byte {
		if len(room) == 0 {
			return make([]byte, min(step, max(4<<10, total)))
		}
		piece := room[:min(step, len(room))]
		room = room[len(piece):]
		return piece
	}, func(b []byte) { pieces = append(pieces, b) })
	if ctx.Err() != nil || errors.Is(err, cordon.ErrTooLarge) {
		return nil, err
	}
	if total := sum(pieces); total <= len(whole) { // all of them are pieces of it, in order
		return whole[:total:total], err
	}
	return slices.Concat(pieces...), err
}

// Pass is All of which only the error is wanted: nothing is kept.
func Pass(ctx context.Context, r io.Reader, packed func() int64, most int64) error {
	buffer := make([]byte, 64<<10)
	return read(ctx, r, packed, most, func(int64) []byte { return buffer }, func([]byte) {})
}

// MaxRatio is more than DEFLATE can grow a byte to.
const MaxRatio = 1040

const step = 1 << 20

// read reads r to its end, into whatever room returns for what comes after total bytes.
func read(ctx context.Context, r io.Reader, packed func() int64, most int64, room func(total int64) []byte, got func([]byte)) error {
	var total int64
	for {
		piece := room(total)
		n, err := fill(r, piece)
		total += int64(n)
		got(piece[:n])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case total > most:
			return fmt.Errorf("%w: it unpacks to more than %d MiB", cordon.ErrTooLarge, most>>20)
		case total > Free && total/Most > packed():
			return fmt.Errorf("%w: it unpacks to more than %d times its size", cordon.ErrTooLarge, Most)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func sum(pieces [][]byte) (n int) {
	for _, p := range pieces {
		n += len(p)
	}
	return n
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
