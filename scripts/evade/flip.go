package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/anatomy"
)

// flipped are bytes of one range that are changed one after another, until a change shows.
const flipped = 24

// claimed counts ranges and those whose claim is not borne out.
type claimed struct {
	read, opaque int
	unread       []string // said to be read, and no change of them shows
	unseen       []string // said to be samples, and the samples are the same without them
}

// check changes each range of a file that is said to be read, and takes the content out of each
// that is said to be opaque.
func (c *claimed) check(ctx context.Context, j *judge, r *rand.Rand, name string, b []byte, most int) error {
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
	if err != nil {
		return err
	}
	a, err := m.Anatomy(ctx)
	m.Close()
	if err != nil {
		return err
	}
	was, err := j.read(ctx, name, b)
	if err != nil {
		return err
	}
	order := r.Perm(len(a.Ranges))
	for _, i := range order[:min(most, len(order))] {
		x := a.Ranges[i]
		where := fmt.Sprintf("%s: %s, bytes %d to %d", name, x.Owner, x.Off, x.End)
		switch x.State {
		case anatomy.Read:
			c.read++
			shows, err := j.anyShows(ctx, r, name, b, x, was)
			if err != nil {
				return err
			}
			if !shows {
				c.unread = append(c.unread, where)
			}
		case anatomy.Opaque:
			without := bytes.Clone(b)
			clear(without[x.Off:x.End])
			if bytes.Equal(without, b) {
				continue
			}
			c.opaque++
			got, err := j.read(ctx, name, without)
			if err != nil {
				return err
			}
			if got == was {
				c.unseen = append(c.unseen, where)
			}
		}
	}
	return nil
}

// anyShows reports whether a changed byte of a range changes what is made of the file.
func (j *judge) anyShows(ctx context.Context, r *rand.Rand, name string, b []byte, x anatomy.Range, was reading) (bool, error) {
	for i := range min(flipped, x.Len()) {
		at := x.Off + i
		if x.Len() > flipped {
			at = x.Off + r.Int64N(x.Len())
		}
		changed := bytes.Clone(b)
		changed[at] ^= 0x20 // another letter, if it was one
		got, err := j.read(ctx, name, changed)
		if err != nil || got != was {
			return true, err
		}
	}
	return false, nil
}

func (c *claimed) faults() int { return len(c.unread) + len(c.unseen) }

func runFlip(ctx context.Context, o options) (int, error) {
	var c claimed
	check := func(name string, b []byte) error {
		return c.check(ctx, o.judge, rand.New(rand.NewPCG(o.seed, uint64(len(b)))), name, b, o.rounds)
	}
	for _, s := range specimens() {
		if err := check(s.name, s.file); err != nil {
			return 0, err
		}
	}
	files, err := under(o.paths, maxHost)
	if err != nil {
		return 0, err
	}
	for _, path := range files[:min(len(files), o.files)] {
		b, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		if err := check(filepath.Base(path), b); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Printf("%d ranges read, of which %d show no change; %d opaque, of which %d are not looked at\n", c.read, len(c.unread), c.opaque, len(c.unseen))
	for _, s := range append(c.unread, c.unseen...) {
		fmt.Println("  " + s)
	}
	return c.faults(), nil
}
