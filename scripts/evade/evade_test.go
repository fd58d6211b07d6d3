package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
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
	j := opened(t)
	// Each look at a coded picture takes a process; the long version looks at more of them.
	of := slices.DeleteFunc(specimens(), func(s specimen) bool { return s.name == "marked.heic" || s.name == "marked.mp4" })
	tallies, err := mutateAll(t.Context(), j, 1, 1, of)
	if err != nil {
		t.Fatal(err)
	}
	written, err := spellAll(t.Context(), j, 1, 40)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(tallies, written)
	for _, f := range names(tallies) {
		var out bytes.Buffer
		tallies[f].report(&out, string(f))
		if t.Log(out.String()); tallies[f].missed > 0 || tallies[f].same == 0 {
			t.Error(f)
		}
	}
}

// hosts are files without a mark.
func hosts() map[string][]byte {
	document := rand.New(rand.NewPCG(3, 3))
	out := map[string][]byte{"bare.jpg": bareJPEG(64, 48), "bare.png": barePNG(64, 48)}
	for name, mark := range map[string]attempt{"bare.pdf": spellPDF(document, false), "bare.docx": spellZIP(document)} {
		// Another word of the same length, so that the documents are as they were and say nothing.
		out[name] = bytes.ReplaceAll(mark.file, []byte("trainedAlgorithmicMedia"), []byte("untrainedAndOfNoSources"))
	}
	return out
}

// A marked picture between the pieces of another file is found.
func TestPlanted(t *testing.T) {
	j, p := opened(t), planting{}
	for name, b := range hosts() {
		if err := p.plant(t.Context(), j, rand.New(rand.NewPCG(1, 1)), name, b, 8); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	p.report(&out, "planted")
	if t.Log(out.String()); p.missed > 0 || p.passed < 2 || p.tried < 10 {
		t.Errorf("%d of %d files pass by themselves", p.passed, p.hosts)
	}
}

// What is said to be read is read, and what is said to be samples is looked at.
func TestAnatomyIsBorneOut(t *testing.T) {
	j, c := opened(t), claimed{}
	for _, s := range specimens() {
		if s.format == formatBMFF {
			continue // each look at one takes a process; the long version looks
		}
		if err := c.check(t.Context(), j, rand.New(rand.NewPCG(1, 1)), s.name, s.file, 4); err != nil {
			t.Fatal(err)
		}
	}
	if c.faults() > 0 || c.read < 10 || c.opaque < 2 {
		t.Errorf("%d read, of which nobody reads %q; %d opaque, of which nobody sees %q", c.read, c.unread, c.opaque, c.unseen)
	}
}

// A change that nobody reads does not show, and one in a text of which nobody tells does.
func TestChangesShow(t *testing.T) {
	j, b := opened(t), append(markedJPEG(), make([]byte, 100)...)
	was, err := j.read(t.Context(), "a.jpg", b)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want bool
	}{
		"another byte of filling": {slices.Concat(b[:len(b)-1], []byte{' '}), false},
		"a word of the text":      {bytes.Replace(b, []byte("begin="), []byte("began="), 1), false},
		"a word of the mark":      {bytes.Replace(b, []byte("trainedAlgo"), []byte("trainedAlga"), 1), true},
	} {
		if got, err := j.read(t.Context(), "a.jpg", c.file); err != nil || (got != was) != c.want {
			t.Errorf("%s: %v, %v", name, got != was, err)
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
