package chromaprint

import (
	"math/rand/v2"
	"testing"
	"time"
)

func random(r *rand.Rand, n int) Print {
	p := make(Print, n)
	for i := range p {
		p[i] = r.Uint32()
	}
	return p
}

// worn returns a fingerprint of which a share of bits has turned.
func worn(r *rand.Rand, p Print, share float64) Print {
	out := append(Print{}, p...)
	for i := range out {
		for b := range 32 {
			if r.Float64() < share {
				out[i] ^= 1 << b
			}
		}
	}
	return out
}

// TestIndex: pieces and worn copies are found among many, and strangers are not.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x Index[int]
	all := make([]Print, 300)
	for i := range all {
		all[i] = random(r, 200+r.IntN(400))
		x.Put(i, all[i])
	}
	for i := range 50 {
		p := all[i]
		from := r.IntN(100)
		for what, asked := range map[string]Print{"whole": p, "a piece": p[from : from+60], "worn": worn(r, p, 0.1),
			"inside of another": append(append(random(r, 77), p[from:from+80]...), random(r, 50)...)} {
			found := x.Near(asked)
			if len(found) != 1 || found[0].Value != i || found[0].Overlap < MinOverlap || found[0].Likeness < agreeing {
				t.Errorf("%s of %d: %+v", what, i, found)
			}
		}
	}
	for range 50 {
		if found := x.Near(random(r, 500)); len(found) != 0 {
			t.Errorf("a stranger sounds like %+v", found)
		}
	}
	x.Keep(func(i int) bool { return i >= 200 })
	x.Put(250, all[0])
	if x.Len() != 100 || len(x.Near(all[1])) != 0 || len(x.Near(all[250])) != 0 {
		t.Error("what was taken out or replaced is found")
	}
	if found := x.Near(all[0]); len(found) != 1 || found[0].Value != 250 {
		t.Errorf("under its new value: %+v", found)
	}
}

func TestWhatTellsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var x Index[int]
	silence := make(Print, 500)
	x.Put(1, silence)
	x.Put(2, random(r, 500))
	if silence.Tells() || random(r, 20).Tells() || !random(r, 40).Tells() {
		t.Error("what tells enough is misjudged")
	}
	if found := x.Near(silence); len(found) != 0 {
		t.Errorf("silence sounds like %+v", found)
	}
}

func TestEncode(t *testing.T) {
	p := random(rand.New(rand.NewPCG(5, 6)), 30)
	back, err := Decode(p.Encode())
	if err != nil || len(back) != len(p) || back[29] != p[29] {
		t.Fatal(back, err)
	}
	for _, bad := range [][]byte{nil, {1, 2, 3}, make([]byte, 4*(MaxFrames+1))} {
		if _, err := Decode(bad); err == nil {
			t.Errorf("%d bytes are taken for a fingerprint", len(bad))
		}
	}
	if d := make(Print, 100).Duration(); d < 12*time.Second || d > 13*time.Second {
		t.Errorf("100 numbers last %s", d)
	}
}
