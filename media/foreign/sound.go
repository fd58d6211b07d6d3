package foreign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/sandbox"
)

// Listened is how much of a recording, from its start, is fingerprinted.
const Listened = 120 // seconds

// Hears reports whether fpcalc is there and may run: sandbox.ErrAbsent or sandbox.ErrNotLocked
// if not.
func (d *Decoder) Hears() error { return d.box.Has("fpcalc") }

// Sound returns the acoustic fingerprint of a recording's first two minutes, as fpcalc of the
// Chromaprint project makes it. Errors are those of sandbox.Box.Run, ErrUnsupported where the
// format is none of recordings, and chromaprint.ErrUnfit where there is no sound in it.
func (d *Decoder) Sound(ctx context.Context, r Recording) (chromaprint.Print, error) {
	demuxer := demuxers[r.Format]
	if demuxer == "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, r.Format)
	}
	res, err := d.box.Run(ctx, sandbox.Command{
		Program: "fpcalc", Input: r.input(), Limits: sandbox.Limits{Output: 1 << 20},
		Args: []string{"-raw", "-json", "-length", fmt.Sprint(Listened), "-format", demuxer, sandbox.InputPath},
	})
	print, broken := readPrint(res.Stdout)
	if broken == nil { // of a recording that ends early, what there was
		return print, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, broken
}

// readPrint reads what fpcalc says. A file may have taken it over, so it may say anything.
func readPrint(out []byte) (chromaprint.Print, error) {
	var said struct {
		Fingerprint []int64 `json:"fingerprint"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return nil, fmt.Errorf("%w: fpcalc said no fingerprint", errors.Join(chromaprint.ErrUnfit, cordon.ErrInvalid))
	}
	if len(said.Fingerprint) > chromaprint.MaxFrames {
		said.Fingerprint = said.Fingerprint[:chromaprint.MaxFrames]
	}
	print := make(chromaprint.Print, len(said.Fingerprint))
	for i, v := range said.Fingerprint {
		if v < 0 || v > 1<<32-1 {
			return nil, fmt.Errorf("%w: %d is no number of 32 bits", chromaprint.ErrUnfit, v)
		}
		print[i] = uint32(v)
	}
	if len(print) == 0 {
		return nil, chromaprint.ErrUnfit
	}
	return print, nil
}
