package watermark

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

func rivaPayload(seed uint64) Payload {
	r := rand.New(rand.NewPCG(seed, 5))
	p := Payload{Name: "own-mark", Says: "the clinic", Method: RivaGan, Bits: make([]bool, rivaBits)}
	for k := range p.Bits {
		p.Bits[k] = r.IntN(2) == 1
	}
	return p
}

func TestMatchRiva(t *testing.T) {
	p := rivaPayload(1)
	scores := make([]float64, rivaBits)
	for k, bit := range p.Bits {
		scores[k] = 0.1 * float64(k%3)
		if bit {
			scores[k] += 0.8
		}
	}
	if r := matchRiva(scores, p.Bits); r.Right != rivaBits || !r.reaches(rivaMark) {
		t.Errorf("its own payload: %+v", r)
	}
	flipped := append([]bool(nil), p.Bits...)
	for k := range flipped {
		flipped[k] = !flipped[k]
	}
	if r := matchRiva(scores, flipped); r.Right != 0 || r.T > 0 {
		t.Errorf("the contrary: %+v", r)
	}
	if r := matchRiva(make([]float64, rivaBits), p.Bits); r.T != 0 || r.reaches(rivaMark) {
		t.Errorf("scores that say nothing: %+v", r)
	}
	if r := matchRiva(scores, make([]bool, rivaBits)); r.T != 0 {
		t.Errorf("a payload of one bit: %+v", r)
	}
}

// picture is a file of so many pixels.
func picture(t *testing.T, w, h int) *media.Media {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>8) | 1
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	m, err := media.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// What a decoder says decides, and what keeps it from being asked is said.
func TestRiva(t *testing.T) {
	p := rivaPayload(2)
	pieces := 0
	says := func(_ context.Context, frame []float32, w, h int) ([]float32, error) {
		pieces++
		if len(frame) != 3*w*h || w > rivaSide || h > rivaSide {
			t.Errorf("a frame of %d numbers for %d by %d", len(frame), w, h)
		}
		for _, v := range frame {
			if v < -1 || v > 1 {
				t.Fatalf("a frame holds %v", v)
			}
		}
		out := make([]float32, rivaBits)
		for k, bit := range p.Bits {
			if bit {
				out[k] = 1
			}
		}
		out[0] *= 1e6 // one score must not outweigh the others
		return out, nil
	}
	inspect := func(conf Config, w, h int) []cordon.Finding {
		t.Helper()
		d, err := New(conf)
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Inspect(t.Context(), picture(t, w, h))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	own := []Payload{p}
	found := inspect(Config{Own: own, Search: true, Riva: says}, 800, 300)
	if len(found) != 1 || found[0].Label != cordon.LabelOwnWatermark || found[0].Detail["payload"] != "own-mark" || found[0].Detail["right"] != 32 || pieces != rivaPieces {
		t.Errorf("%d pieces, %+v", pieces, found)
	}
	pieces = 0
	if found = inspect(Config{Own: own, Riva: says}, 800, 300); len(found) != 1 || found[0].Status != cordon.StatusNone || pieces != 0 {
		t.Errorf("where somebody waits: %d pieces, %+v", pieces, found)
	}
	if found = inspect(Config{Own: []Payload{rivaPayload(3)}, Search: true, Riva: says}, 800, 300); len(found) != 1 || found[0].Status != cordon.StatusNone {
		t.Errorf("another payload: %+v", found)
	}
	if found = inspect(Config{Search: true, Riva: says}, 800, 300); len(found) != 1 || found[0].Status != cordon.StatusNone {
		t.Errorf("no payload: %+v", found)
	}
	for name, c := range map[string]struct {
		conf Config
		w    int
		says string
	}{
		"absent":    {Config{Own: own, Search: true, RivaAbsent: "ONNX Runtime is absent"}, 800, "ONNX Runtime is absent"},
		"too small": {Config{Own: own, Search: true, Riva: says}, 90, "too small"},
	} {
		found := inspect(c.conf, c.w, 300)
		if len(found) != 2 || found[0].Status != cordon.StatusNotApplicable || found[0].Label != cordon.LabelNotCovered || !strings.Contains(found[0].Sentence, c.says) || found[1].Status != cordon.StatusNone {
			t.Errorf("%s: %+v", name, found)
		}
	}
	broken := errors.New("broken")
	for name, decode := range map[string]RivaDecoder{
		"fails":   func(context.Context, []float32, int, int) ([]float32, error) { return nil, broken },
		"too few": func(context.Context, []float32, int, int) ([]float32, error) { return make([]float32, 31), nil },
	} {
		d, err := New(Config{Own: own, Search: true, Riva: decode})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Inspect(t.Context(), picture(t, 300, 300)); err == nil {
			t.Errorf("a decoder that %s: no error", name)
		}
	}
	p.Bits = p.Bits[:31]
	if _, err := New(Config{Own: []Payload{p}}); err == nil {
		t.Error("a payload of 31 bits is taken")
	}
}
