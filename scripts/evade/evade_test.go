package main

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func opened(t *testing.T) *judge {
	t.Helper()
	j, err := newJudge()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// However a marked file is spelled, it does not pass without a word.
func TestSpelledOtherwise(t *testing.T) {
	tallies, err := mutateAll(t.Context(), opened(t), 1, 1, specimens())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range names(tallies) {
		var out bytes.Buffer
		tallies[f].report(&out, string(f))
		if t.Log(out.String()); tallies[f].missed > 0 || tallies[f].same == 0 {
			t.Error(f)
		}
	}
}

// The same seed makes the same attempts.
func TestSeeded(t *testing.T) {
	for _, s := range specimens() {
		for _, m := range mutations[s.format] {
			one, _ := mutate(rand.New(rand.NewPCG(7, 7)), s, m)
			two, _ := mutate(rand.New(rand.NewPCG(7, 7)), s, m)
			if !bytes.Equal(one.file, two.file) {
				t.Errorf("%s and %s", one, two)
			}
		}
	}
}
