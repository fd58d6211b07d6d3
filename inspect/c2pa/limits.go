package c2pa

import (
	"context"
	"fmt"
	"time"
)

// Limits bound what one file may cost. The zero value of each field means its default.
type Limits struct {
	// StoreBytes is the largest manifest store that is read. Default: 32 MiB.
	StoreBytes int64
	// Inflated is the sum of what compressed manifests may expand to. Default: 16 MiB.
	Inflated int64
	// Depth is how deep boxes may nest. Default: 32.
	Depth int
	// Boxes is how many boxes a store may have. Default: 20 000.
	Boxes int
	// Manifests is how many manifests of a store are validated. Default: 64.
	Manifests int
	// Segments is how many segments, chunks or boxes of the file itself are walked.
	// Default: 1 048 576.
	Segments int
	// Signatures is how many public-key operations are made. Default: 1 000.
	Signatures int
	// Time is how long validation may take. Default: 10 s.
	Time time.Duration
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if l.StoreBytes <= 0 {
		l.StoreBytes = 32 << 20
	}
	if l.Inflated <= 0 {
		l.Inflated = 16 << 20
	}
	def(&l.Depth, 32)
	def(&l.Boxes, 20_000)
	def(&l.Manifests, 64)
	def(&l.Segments, 1<<20)
	def(&l.Signatures, 1_000)
	if l.Time <= 0 {
		l.Time = 10 * time.Second
	}
	return l
}

// budget is what is left of the limits while one file is validated.
type budget struct {
	ctx        context.Context
	until      time.Time
	signatures int
	inflated   int64
}

// alive fails when the caller has given up, with the caller's reason, or when the time is
// spent, with errLimit.
func (b *budget) alive() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if time.Now().After(b.until) {
		return fmt.Errorf("%w: validation takes too long", errLimit)
	}
	return nil
}

// sign pays for one public-key operation.
func (b *budget) sign() error {
	if b.signatures--; b.signatures < 0 {
		return fmt.Errorf("%w: too many signatures to check", errLimit)
	}
	return b.alive()
}
