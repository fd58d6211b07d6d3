package media

import (
	"context"
	"image"
	"io"
	"sync"
)

// Limits bound what a stranger's file may cost. The zero value is sensible.
type Limits struct {
	// MaxBytes is the largest file that is opened at all. Default: 4 GiB.
	MaxBytes int64
	// MaxPixels is the largest picture that is decoded, as width times height from the
	// header, before any pixel is. Default: 120 million.
	MaxPixels int64
	// Budget is the memory that all decoded pictures of the process share.
	// Default: one budget of 768 MiB for everything opened without one.
	Budget *Budget
	// Stills decodes pictures that this process does not: JPEG 2000, JPEG-LS, lossless and
	// 12-bit JPEG, HEIC, AVIF. Default: nobody does, and they have no pixels.
	Stills Stills
	// Recordings decodes key frames of recordings. Default: nobody does.
	Recordings Recordings

	// Room is how many times the usual bounds hold of what is read, unpacked and followed of a
	// file: 1, and more where nobody waits. What is held in memory grows less, see room.go.
	// Default: 1.
	Room int

	// MaxSearch is how many bytes are read of one file, and of all files inside of it together,
	// only to see whether what begins like a file is one. Default: 256 MiB.
	MaxSearch int64

	held    *held      // what is unpacked of the whole file at the moment
	allowed *allowance // what is left of MaxSearch
	whole   int64      // MaxPixels of the file that a part was taken out of; 0: it is no part
}

// Stills decodes still pictures of formats that this process does not decode itself.
// foreign.Decoder is one. Formats are named as types are.
type Stills interface {
	// Ready returns why nothing can be decoded here, if so.
	Ready() error
	// Decodes reports whether the format is one that it is meant for.
	Decodes(format string) bool
	// Dimensions reads width and height from the header.
	Dimensions(r io.ReaderAt, size int64, format string) (w, h int, err error)
	// Still decodes the picture if it has at most so many pixels. Errors wrap cordon.ErrInvalid
	// if the bytes are no good picture and cordon.ErrTooLarge if it is too large; others, such
	// as of a decoder that crashed, are failures and no statement about the picture.
	Still(ctx context.Context, r io.ReaderAt, size int64, format string, pixels int64) (image.Image, error)
}

const (
	defaultMaxBytes  = 4 << 30
	defaultMaxPixels = 120_000_000
	defaultBudget    = 768 << 20
	defaultMaxSearch = 256 << 20
)

var sharedBudget = sync.OnceValue(func() *Budget { return NewBudget(defaultBudget) })

func (l Limits) orDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.MaxSearch <= 0 {
		l.MaxSearch = defaultMaxSearch
	}
	if l.Room > 1 && l.whole == 0 {
		l.MaxBytes, l.MaxPixels = l.MaxBytes*int64(l.Room), l.MaxPixels*int64(l.Room)
		l.MaxSearch *= int64(l.Room)
	}
	l.Room = max(l.Room, 1)
	if l.held == nil {
		l.held = &held{most: min(maxHeld*int64(l.Room), mostHeld)}
	}
	if l.allowed == nil {
		l.allowed = newAllowance(l.MaxSearch)
	}
	if l.Budget == nil {
		l.Budget = sharedBudget()
	}
	return l
}
