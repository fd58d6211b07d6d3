package media

import "sync"

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
	// Recordings decodes key frames of recordings. Default: nobody does.
	Recordings Recordings
}

const (
	defaultMaxBytes  = 4 << 30
	defaultMaxPixels = 120_000_000
	defaultBudget    = 768 << 20
)

var sharedBudget = sync.OnceValue(func() *Budget { return NewBudget(defaultBudget) })

func (l Limits) orDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.Budget == nil {
		l.Budget = sharedBudget()
	}
	return l
}
