package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// mutation spells a file otherwise, without touching what marks it.
type mutation struct {
	name string
	// do returns the file spelled otherwise, or nil if it cannot be.
	do func(r *rand.Rand, file []byte) []byte
}

// mutations are all there are of each format. PDF and ZIP files are written anew instead, since
// what can be spelled otherwise in them is everything.
var mutations = map[format][]mutation{
	formatJPEG: jpegMutations, formatPNG: pngMutations, formatGIF: gifMutations, formatWebP: webpMutations, formatBMFF: boxMutations,
}

// attempt is one dressed file.
type attempt struct {
	name string   // of the file
	did  []string // the mutations
	file []byte
}

func (a attempt) String() string { return a.name + ": " + strings.Join(a.did, ", ") }

// mutate dresses a specimen in up to three ways, of which the first is given.
func mutate(r *rand.Rand, s specimen, first mutation) (attempt, bool) {
	a := attempt{name: s.name, file: bytes.Clone(s.file)}
	for i := range 1 + r.IntN(3) {
		m := first
		if i > 0 {
			m = mutations[s.format][r.IntN(len(mutations[s.format]))]
		}
		b := m.do(r, bytes.Clone(a.file))
		if b == nil || !bytes.Contains(b, s.mark) {
			if i == 0 {
				return a, false
			}
			continue
		}
		a.file, a.did = b, append(a.did, m.name)
	}
	return a, true
}

// tally counts what became of attempts.
type tally struct {
	tried, same, said, missed int
	faults                    []fault
	by                        map[string]int // attempts that had a mutation in them
}

type fault struct {
	attempt
	verdict cordon.Verdict
}

// count adds an attempt: the verdict of the bare file, another that says something, or none.
func (t *tally) count(a attempt, bare, got cordon.Verdict) {
	if t.by == nil {
		t.by = map[string]int{}
	}
	for _, d := range a.did {
		t.by[d]++
	}
	t.tried++
	switch {
	case got.Outcome == bare.Outcome && got.Action.Holds() == bare.Action.Holds():
		t.same++
	case got.Outcome != cordon.NoSign && got.Action != cordon.Pass:
		t.said++
	default:
		t.missed++
		t.faults = append(t.faults, fault{a, got})
	}
}

func (t *tally) report(w io.Writer, what string) {
	fmt.Fprintf(w, "%s: %d tried, %d with the verdict of the bare file, %d said otherwise, %d missed\n", what, t.tried, t.same, t.said, t.missed)
	for _, f := range t.faults {
		fmt.Fprintf(w, "  missed: %s (%s, %s)\n", f.attempt, f.verdict.Outcome, f.verdict.Action)
	}
}

// mutateAll dresses every specimen in every way so many times.
func mutateAll(ctx context.Context, j *judge, seed uint64, rounds int, of []specimen) (map[format]*tally, error) {
	out := map[format]*tally{}
	for i, s := range of {
		bare, err := j.verdict(ctx, s.name, s.file)
		if err != nil {
			return nil, err
		}
		if !bare.Action.Holds() {
			return nil, fmt.Errorf("%s is to be held as it is, and is %s: there is nothing to compare with", s.name, bare.Outcome)
		}
		t := out[s.format]
		if t == nil {
			t = &tally{}
			out[s.format] = t
		}
		for k, m := range mutations[s.format] {
			for round := range rounds {
				// Each attempt has a source of its own, so that one can be made again by itself.
				r := rand.New(rand.NewPCG(seed+uint64(i)<<32, uint64(k)<<32|uint64(round)))
				a, ok := mutate(r, s, m)
				if !ok {
					break
				}
				got, err := j.verdict(ctx, s.name, a.file)
				if err != nil {
					return nil, err
				}
				t.count(a, bare, got)
			}
		}
	}
	return out, nil
}

func names[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// insert puts bytes into a file.
func insert(b []byte, at int, what ...byte) []byte { return slices.Insert(b, at, what...) }

// noise is what means nothing.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

// spellAll writes documents in so many ways.
func spellAll(ctx context.Context, j *judge, seed uint64, rounds int) (map[format]*tally, error) {
	out := map[format]*tally{}
	for round := range uint64(rounds) {
		for f, write := range map[format]func(r *rand.Rand) attempt{
			formatPDF: func(r *rand.Rand) attempt { return spellPDF(r, round%2 == 0) },
			formatZIP: spellZIP,
		} {
			a := write(rand.New(rand.NewPCG(seed, round)))
			got, err := j.verdict(ctx, a.name, a.file)
			if err != nil {
				return nil, err
			}
			if out[f] == nil {
				out[f] = &tally{}
			}
			out[f].count(a, cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold}, got)
		}
	}
	return out, nil
}
