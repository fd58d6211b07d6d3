package media

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"

	"github.com/cordonhq/cordon"
)

// Budget is memory for decoded pictures, shared by everything that is opened with it.
// Who asks when it is used up waits; so a burst of large photographs is decoded a few at a
// time instead of ending the process. Safe for concurrent use.
type Budget struct {
	bytes int64
	sem   *semaphore.Weighted
}

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	return &Budget{bytes: bytes, sem: semaphore.NewWeighted(bytes)}
}

// take waits until n bytes are free, and returns cordon.ErrBusy if they were not before ctx
// ended. More than the whole budget is refused at once.
func (b *Budget) take(ctx context.Context, n int64) error {
	if n > b.bytes {
		return fmt.Errorf("%w: decoding takes %d MiB, the budget is %d MiB", cordon.ErrTooLarge, n>>20, b.bytes>>20)
	}
	if err := b.sem.Acquire(ctx, n); err != nil {
		return fmt.Errorf("%w: %d MiB of memory for a picture were not free in time: %w", cordon.ErrBusy, n>>20, err)
	}
	return nil
}

func (b *Budget) give(n int64) { b.sem.Release(n) }
