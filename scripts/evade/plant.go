package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// maxHost bounds the files in which something is planted, each of which is looked at many times.
const maxHost = 2 << 20

// planting counts what became of marked pictures in other files.
type planting struct {
	tally
	hosts, passed int // files, and those of them that pass by themselves
}

// plant puts a marked picture at borders between the ranges of a file: at most so many of them.
// Of a file that does not pass by itself nothing can be learned, and it is left alone.
func (p *planting) plant(ctx context.Context, j *judge, r *rand.Rand, name string, host []byte, most int) error {
	p.hosts++
	bare, err := j.verdict(ctx, name, host)
	if err != nil || bare.Outcome != cordon.NoSign {
		return err
	}
	p.passed++
	at, err := borders(ctx, host)
	if err != nil {
		return err
	}
	r.Shuffle(len(at), func(i, k int) { at[i], at[k] = at[k], at[i] })
	guests := [][]byte{markedPNG(), markedJPEG()}
	for i, b := range at[:min(most, len(at))] {
		file := slices.Concat(host[:b.at], guests[i%2], host[b.at:])
		got, err := j.verdict(ctx, name, file)
		if err != nil {
			return err
		}
		a := attempt{name, []string{fmt.Sprintf("%s at byte %d, %s", []string{"PNG", "JPEG"}[i%2], b.at, b.between)}, file}
		p.count(a, cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold}, got)
	}
	return nil
}

type borderOf struct {
	at      int64
	between string
}

// borders are where a range of the file ends and another begins, and its end.
func borders(ctx context.Context, b []byte) (out []borderOf, err error) {
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	a, err := m.Anatomy(ctx)
	if err != nil {
		return nil, err
	}
	for i, r := range a.Ranges {
		next := "the end"
		if i+1 < len(a.Ranges) {
			next = a.Ranges[i+1].Owner
		}
		out = append(out, borderOf{r.End, fmt.Sprintf("%s: between %q and %q", m.Type, r.Owner, next)})
	}
	return out, nil
}

func runPlant(ctx context.Context, o options) (int, error) {
	files, err := under(o.paths, maxHost)
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("name folders of files in which something is to be planted: %w", cordon.ErrInvalid)
	}
	r := rand.New(rand.NewPCG(o.seed, 0))
	r.Shuffle(len(files), func(i, k int) { files[i], files[k] = files[k], files[i] })
	var p planting
	for _, path := range files[:min(len(files), o.files)] {
		b, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		sum := fnv.New64a() // so that each file has the same borders chosen whatever else there is
		sum.Write(b)
		if err := p.plant(ctx, o.judge, rand.New(rand.NewPCG(o.seed, sum.Sum64())), filepath.Base(path), b, o.rounds); err != nil {
			return p.missed, fmt.Errorf("%s: %w", path, err)
		}
	}
	p.report(os.Stdout, fmt.Sprintf("planted in %d files, of which %d pass by themselves", p.hosts, p.passed))
	return p.missed, o.saveAll(p.faults)
}

// under lists the files in folders that are not larger than most bytes, in the order of their names.
func under(paths []string, most int64) (files []string, err error) {
	for _, root := range paths {
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if info, err := d.Info(); err == nil && info.Size() > 0 && info.Size() <= most {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
