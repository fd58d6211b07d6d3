package pdq_test

import (
	"bufio"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

func TestParse(t *testing.T) {
	const text = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"
	h, err := pdq.Parse(text)
	if err != nil || h.String() != text {
		t.Errorf("%s, %v", h, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.Replace(text, "d", "g", 1)} {
		if h, err := pdq.Parse(bad); err == nil || h != (pdq.Hash{}) {
			t.Errorf("%q was taken for %s", bad, h)
		}
	}
}

// TestEverySize hashes pictures of all small sizes, and of those where the window changes.
func TestEverySize(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {4, 100}, {100, 4}, {0, 0}} {
		if h, q := pdq.Of(image.NewGray(image.Rect(0, 0, size[0], size[1]))); q != 0 || h != (pdq.Hash{}) {
			t.Errorf("%v: %s, quality %d", size, h, q)
		}
	}
	for _, w := range []int{5, 6, 63, 64, 65, 127, 128, 129, 511, 512, 513, 5000} {
		for _, h := range []int{5, 64, 65, 512, 513} {
			m := noise(w, h)
			a, q := pdq.Of(m)
			if q < pdq.MinQuality {
				t.Errorf("%d by %d: quality %d", w, h, q)
			}
			// The place of a picture in its coordinates says nothing about it.
			shifted := *m
			shifted.Rect = m.Rect.Add(image.Pt(-7, 1000))
			if b, _ := pdq.Of(&shifted); a != b {
				t.Errorf("%d by %d: %s moved is %s", w, h, a, b)
			}
		}
	}
	if _, q := pdq.Of(image.NewGray(image.Rect(0, 0, 300, 200))); q != 0 {
		t.Errorf("a grey surface has quality %d", q)
	}
}

// TestKindsOfPicture has the same pixels in every type that a decoder makes.
func TestKindsOfPicture(t *testing.T) {
	grey := noise(200, 150)
	want, _ := pdq.Of(grey)
	for name, m := range map[string]interface {
		image.Image
		Set(x, y int, c color.Color)
	}{
		"RGBA": image.NewRGBA(grey.Rect), "NRGBA": image.NewNRGBA(grey.Rect), "RGBA64": image.NewRGBA64(grey.Rect),
		"NRGBA64": image.NewNRGBA64(grey.Rect), "Gray16": image.NewGray16(grey.Rect), "CMYK": image.NewCMYK(grey.Rect),
	} {
		for y := range 150 {
			for x := range 200 {
				m.Set(x, y, grey.At(x, y))
			}
		}
		if got, _ := pdq.Of(m); got != want {
			t.Errorf("%s: %d bits off", name, got.Distance(want))
		}
	}
	// Neutral chroma gives the same pixels again.
	y := image.NewYCbCr(grey.Rect, image.YCbCrSubsampleRatio420)
	copy(y.Y, grey.Pix)
	for i := range y.Cb {
		y.Cb[i], y.Cr[i] = 128, 128
	}
	if got, _ := pdq.Of(y); got != want {
		t.Errorf("YCbCr: %d bits off", got.Distance(want))
	}
}

// noise is grey clouds of several sizes, so that every frequency is in it.
func noise(w, h int) *image.Gray {
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	var knots [9][9]float64
	for i := range knots {
		for j := range knots[i] {
			knots[i][j] = r.Float64()
		}
	}
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Pix[y*m.Stride+x] = uint8(255 * knots[8*y/h][8*x/w])
		}
	}
	return m
}

func random(r *rand.Rand) (h pdq.Hash) {
	for i := range h {
		h[i] = byte(r.Uint32())
	}
	return h
}

// flipped returns a hash that differs in n bits.
func flipped(r *rand.Rand, h pdq.Hash, n int) pdq.Hash {
	for _, bit := range r.Perm(256)[:n] {
		h[bit/8] ^= 1 << (bit % 8)
	}
	return h
}

// loose is how many hashes may wait outside of the index.
const loose = 4096

// TestIndex compares with looking at every hash, while hashes come, change and go.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x pdq.Index[int]
	all := map[int]pdq.Hash{}
	check := func() {
		t.Helper()
		if x.Len() != len(all) {
			t.Fatalf("%d hashes instead of %d", x.Len(), len(all))
		}
		for _, radius := range []int{0, 1, 15, 16, 30, 31, 32, 60} {
			for range 10 {
				h := random(r)
				if len(all) > 0 {
					h = flipped(r, all[anyKey(r, all)], r.IntN(radius+2))
				}
				want := map[pdq.Match[int]]bool{}
				for v, o := range all {
					if d := h.Distance(o); d <= radius {
						want[pdq.Match[int]{v, d}] = true
					}
				}
				got := x.Near(h, radius)
				if !slices.IsSortedFunc(got, func(a, b pdq.Match[int]) int { return a.Distance - b.Distance }) {
					t.Fatalf("not sorted: %v", got)
				}
				if len(got) != len(want) {
					t.Fatalf("radius %d: %v instead of %v", radius, got, want)
				}
				for _, m := range got {
					if !want[m] {
						t.Fatalf("radius %d: %v is not in %v", radius, m, want)
					}
				}
			}
		}
	}
	check()
	for _, step := range []int{1, 100, loose, 3 * loose, 1} {
		for range step {
			v := r.IntN(5 * loose)
			h := random(r)
			if len(all) > 0 && r.IntN(2) == 0 {
				h = flipped(r, all[anyKey(r, all)], r.IntN(40)) // a family
			}
			all[v] = h
			x.Put(v, h)
		}
		check()
		for range step / 2 {
			v := r.IntN(5 * loose)
			_, in := all[v]
			delete(all, v)
			if x.Remove(v) != in {
				t.Fatalf("value %d was in: %v", v, in)
			}
		}
		check()
		x.Build()
		check()
	}
	for v := range all {
		x.Remove(v)
	}
	clear(all)
	check()
}

func anyKey(r *rand.Rand, m map[int]pdq.Hash) int {
	n := r.IntN(min(len(m), 20))
	for k := range m {
		if n--; n < 0 {
			return k
		}
	}
	panic("empty")
}

// TestHaystack looks for the needles of the reference's own data.
func TestHaystack(t *testing.T) {
	dir := mediatest.Corpus(t, "pdq")
	hay, needles := hashesIn(t, filepath.Join(dir, "haystack.txt")), hashesIn(t, filepath.Join(dir, "needles.txt"))
	var x pdq.Index[int]
	for i, h := range hay {
		x.Put(i, h)
	}
	x.Build()
	found := 0
	for _, n := range needles {
		want := 0
		for _, h := range hay {
			if n.Distance(h) <= pdq.Near {
				want++
			}
		}
		if got := len(x.Near(n, pdq.Near)); got != want {
			t.Errorf("%s: %d instead of %d", n, got, want)
		}
		found += want
	}
	if found == 0 {
		t.Error("no needle is in the haystack")
	}
	t.Logf("%d hashes, %d needles, %d matches", len(hay), len(needles), found)
}

func hashesIn(t *testing.T, path string) (out []pdq.Hash) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		h, err := pdq.Parse(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
	return out
}
