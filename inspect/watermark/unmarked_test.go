package watermark

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	xdraw "golang.org/x/image/draw"

	"github.com/cordonhq/cordon/media/mediatest"
)

// TestUnmarked makes pictures without a mark from those of the corpora, and looks for one.
// CORDON_UNMARKED says how many; the table in docs/detection.md is of 3 000:
//
//	CORDON_UNMARKED=3000 go test ./inspect/watermark -run TestUnmarked -update -timeout 2h
func TestUnmarked(t *testing.T) {
	const documented = 3000
	n, _ := strconv.Atoi(os.Getenv("CORDON_UNMARKED"))
	if n == 0 {
		n = 60
	}
	from := sources(t)
	if len(from) < 50 {
		t.Fatalf("only %d pictures to make others from", len(from))
	}
	d := newDetector(t, true)
	type most struct{ z, t, zT, tZ float64 } // the largest alone, and each where the other is over its threshold
	var mu sync.Mutex
	var inPlaceMost, cutOutMost most
	var inPlaceFound, cutOutFound int
	raise := func(m *most, r, limit Match) {
		m.z, m.t = max(m.z, r.Z), max(m.t, r.T)
		if r.T >= limit.T {
			m.zT = max(m.zT, r.Z)
		}
		if r.Z >= limit.Z {
			m.tZ = max(m.tZ, r.T)
		}
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				r := rand.New(rand.NewPCG(7, uint64(i)))
				img, how := variant(r, from[i%len(from)])
				straight := d.inPlace(img)
				cut, err := search(t.Context(), img, d.payloads, d.templates)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for k := range d.payloads {
					raise(&inPlaceMost, straight[k], inPlace)
					raise(&cutOutMost, cut[k], cutOut)
					if straight[k].reaches(inPlace) {
						inPlaceFound++
						t.Logf("picture %d (%s): %s in place, %+v", i, how, d.payloads[k].Name, straight[k])
					}
					if cut[k].reaches(cutOut) {
						cutOutFound++
						t.Logf("picture %d (%s): %s cut out, %+v", i, how, d.payloads[k].Name, cut[k])
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	t.Logf("in place: %d found, %+v; cut out: %d found, %+v; %d pictures from %d", inPlaceFound, inPlaceMost, cutOutFound, cutOutMost, n, len(from))
	if inPlaceFound+cutOutFound > 0 {
		t.Errorf("%d and %d marks were found in %d pictures without any", inPlaceFound, cutOutFound, n)
	}
	if n != documented {
		return
	}
	// With none in n, the rate is below 3/n at 95 % (the rule of three), if pictures like
	// these are what comes.
	line := func(where string, m most, limit Match, found int) string {
		return fmt.Sprintf("| %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.1f | %d |\n", where, limit.Z, limit.T, m.z, m.t, m.zT, m.tZ, found)
	}
	mediatest.Table(t, "unmarked", fmt.Sprintf("Of %d pictures made from %d photographs and drawings, with %d payloads looked for in each:\n\n", n, len(from), len(d.payloads))+
		"| Looked for | Z from | T from | largest Z | largest T | largest Z where T is reached | largest T where Z is reached | found |\n|---|---|---|---|---|---|---|---|\n"+
		line("in place", inPlaceMost, inPlace, inPlaceFound)+line("cut out", cutOutMost, cutOut, cutOutFound)+
		fmt.Sprintf("\nNone in %d pictures bounds the rate of false findings at %.2f %% (95 %%, rule of three) for pictures like these.\n", n, 300/float64(n)), *update)
}

// variant makes another picture of one: cut, turned, mirrored, scaled, in other colours, and
// saved as JPEG or not.
func variant(r *rand.Rand, m *image.RGBA) (out image.Image, how string) {
	b := m.Bounds()
	w, h := cut(r, b.Dx()), cut(r, b.Dy())
	at := image.Pt(b.Min.X+r.IntN(b.Dx()-w+1), b.Min.Y+r.IntN(b.Dy()-h+1))
	scale := 0.4 + 1.2*r.Float64()
	if scale*float64(max(w, h)) > 1600 {
		scale = 1600 / float64(max(w, h))
	}
	dst := image.NewRGBA(image.Rect(0, 0, max(160, int(float64(w)*scale)), max(160, int(float64(h)*scale))))
	kernels := []xdraw.Interpolator{xdraw.NearestNeighbor, xdraw.ApproxBiLinear, xdraw.CatmullRom}
	kernel := r.IntN(len(kernels))
	if r.IntN(4) == 0 { // as it is
		dst = image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(dst, dst.Rect, m, at, draw.Src)
	} else {
		kernels[kernel].Scale(dst, dst.Rect, m, image.Rectangle{at, at.Add(image.Pt(w, h))}, xdraw.Src, nil)
	}
	turn := r.IntN(8)
	dst = turned(dst, turn)
	gain, shift := 0.8+0.4*r.Float64(), r.IntN(41)-20
	if r.IntN(2) == 0 {
		tinted(dst, gain, shift)
	}
	quality := 40 + r.IntN(60)
	how = fmt.Sprintf("%v of %v, kernel %d, turn %d, gain %.2f, shift %d", dst.Rect.Max, image.Pt(w, h), kernel, turn, gain, shift)
	if r.IntN(4) == 0 {
		return dst, how + ", not saved"
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, dst, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	saved, err := jpeg.Decode(&file)
	if err != nil {
		panic(err)
	}
	return saved, fmt.Sprintf("%s, quality %d", how, quality)
}

func cut(r *rand.Rand, n int) int {
	if r.IntN(3) == 0 {
		return n
	}
	return max(min(n, 160), n/3+r.IntN(n-n/3))
}

func copied(m image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out
}

// turned is one of the eight ways in which a picture can lie.
func turned(m *image.RGBA, way int) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if way&4 != 0 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			fx, fy := x, y
			if way&4 != 0 {
				fx, fy = y, x
			}
			if way&1 != 0 {
				fx = w - 1 - fx
			}
			if way&2 != 0 {
				fy = h - 1 - fy
			}
			out.SetRGBA(x, y, m.RGBAAt(fx, fy))
		}
	}
	return out
}

func tinted(m *image.RGBA, gain float64, shift int) {
	for i := range m.Pix {
		if i%4 != 3 {
			v := gain * float64(m.Pix[i])
			if i%4 == 2 {
				v += float64(shift)
			}
			m.Pix[i] = uint8(math.Min(255, math.Max(0, v)))
		}
	}
}

// BenchmarkInPlace looks at a photograph of 3.6 megapixels, as in front of the CRM.
func BenchmarkInPlace(b *testing.B) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewRGBA(image.Rect(0, 0, 2200, 1640)), &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	img, err := jpeg.Decode(&file)
	if err != nil {
		b.Fatal(err)
	}
	d := newDetector(b, false)
	for b.Loop() {
		d.inPlace(img)
	}
}
