package known_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

// lists are lists in memory.
type lists struct {
	exact  map[[32]byte]cordon.KnownList
	looks  map[pdq.Hash]cordon.KnownList
	sounds []known.Match
	err    error
	asked  bool // for likeness
}

func (l *lists) Exact(_ context.Context, sum [32]byte) (known.Entry, bool, error) {
	list, ok := l.exact[sum]
	return known.Entry{ID: "knw_1", List: list, Kind: cordon.KnownSHA256, Source: "exchange", Ref: "r1"}, ok, l.err
}

func (l *lists) Looks(_ context.Context, h pdq.Hash) (out []known.Match, err error) {
	l.asked = true
	for known0, list := range l.looks {
		if d := known0.Distance(h); d <= pdq.Near {
			out = append(out, known.Match{Entry: known.Entry{ID: "knw_2", List: list, Kind: cordon.KnownPDQ}, Distance: d})
		}
	}
	return out, l.err
}

func (l *lists) Sounds(context.Context, chromaprint.Print) ([]known.Match, error) {
	l.asked = true
	return l.sounds, l.err
}

func inspect(t *testing.T, d *known.Detector, m *media.Media) []cordon.Finding {
	t.Helper()
	found, err := d.Inspect(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestKnown(t *testing.T) {
	file := []byte("bytes that a list may have")
	for list, want := range map[cordon.KnownList]cordon.Label{
		"": cordon.LabelNotKnown, cordon.KnownBlocked: cordon.LabelKnownFile, cordon.KnownWatched: cordon.LabelKnownWatched,
		cordon.KnownLawful: cordon.LabelKnownLawful, cordon.KnownOrdinary: cordon.LabelKnownOrdinary,
	} {
		l := &lists{exact: map[[32]byte]cordon.KnownList{}}
		if list != "" {
			l.exact[sha256.Sum256(file)] = list
		}
		found := inspect(t, known.New(l, nil), mediatest.OpenBytes(t, file))
		if len(found) != 1 || found[0].Label != want || (found[0].Status == cordon.StatusFound) != (list != "") || found[0].Class != cordon.Deterministic {
			t.Errorf("on %q: %+v", list, found)
		}
		if list != "" && (found[0].Detail["entry"] != "knw_1" || found[0].Detail["source"] != "exchange" || found[0].Detail["source_id"] != "r1") {
			t.Errorf("on %q: where it is from is not told: %v", list, found[0].Detail)
		}
		if l.asked {
			t.Error("a text was compared by its looks")
		}
	}
}

// patches is a picture with enough in it to be recognised.
func patches(t *testing.T) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := 0; y < 480; y += 40 {
		for x := 0; x < 640; x += 40 {
			c := color.RGBA{uint8(r.UintN(256)), uint8(r.UintN(256)), uint8(r.UintN(256)), 255}
			draw.Draw(m, image.Rect(x, y, x+40, y+40), image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// saved is the same picture at another quality.
func saved(t *testing.T, file []byte, quality int) []byte {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A picture that was saved again is near; one list speaks once; what looks lawful is exempt from
// nothing.
func TestLooksLikeOne(t *testing.T) {
	file := patches(t)
	again := saved(t, file, 60)
	print, err := mediatest.OpenBytes(t, file).Fingerprint(t.Context())
	if err != nil || print.Quality < pdq.MinQuality {
		t.Fatal(print, err)
	}
	for list, want := range map[cordon.KnownList]cordon.Label{
		cordon.KnownBlocked: cordon.LabelKnownNear, cordon.KnownWatched: cordon.LabelKnownWatched,
		cordon.KnownOrdinary: cordon.LabelKnownOrdinary, cordon.KnownLawful: cordon.LabelNotKnown,
	} {
		d := known.New(&lists{looks: map[pdq.Hash]cordon.KnownList{print.PDQ: list}}, nil)
		found := inspect(t, d, mediatest.OpenBytes(t, again))
		if len(found) != 1 || found[0].Label != want {
			t.Errorf("%s: %+v", list, found)
			continue
		}
		if want == cordon.LabelKnownNear {
			bits, _ := found[0].Detail["distance"].(int)
			if bits > pdq.Near || !strings.Contains(found[0].Sentence, fmt.Sprintf("differ in %d of 256 bits", bits)) {
				t.Errorf("%+v", found[0])
			}
		}
	}
	// On two lists, by its bytes and by its looks.
	both := &lists{exact: map[[32]byte]cordon.KnownList{sha256.Sum256(again): cordon.KnownLawful}, looks: map[pdq.Hash]cordon.KnownList{print.PDQ: cordon.KnownBlocked}}
	found := inspect(t, known.New(both, nil), mediatest.OpenBytes(t, again))
	if len(found) != 2 || found[0].Label != cordon.LabelKnownLawful || found[1].Label != cordon.LabelKnownNear {
		t.Errorf("%+v", found)
	}
	both.exact[sha256.Sum256(again)] = cordon.KnownBlocked
	if found := inspect(t, known.New(both, nil), mediatest.OpenBytes(t, again)); len(found) != 1 || found[0].Label != cordon.LabelKnownFile {
		t.Errorf("one list spoke twice: %+v", found)
	}
}

// Where likeness was not looked for, that is said.
func TestNotLookedFor(t *testing.T) {
	grey := mediatest.PNG(t, 64, 64)
	for why, m := range map[string]*media.Media{
		"too-large": func() *media.Media {
			b := mediatest.JPEG(t, 640, 480)
			m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{MaxPixels: 1})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}(),
		"no-pixels": mediatest.OpenBytes(t, grey[:60]),
	} {
		l := &lists{}
		found := inspect(t, known.New(l, nil), m)
		if len(found) != 1 || found[0].Status != cordon.StatusNone || found[0].Detail["likeness_not_looked_for"] != why || !strings.Contains(found[0].Sentence, "was not checked") || l.asked {
			t.Errorf("%s: %+v", why, found)
		}
	}
}

// ear hears what it was given.
type ear struct {
	print chromaprint.Print
	err   error
}

func (e ear) Listen(context.Context, *media.Media) (chromaprint.Print, error) { return e.print, e.err }

func TestSoundsLikeOne(t *testing.T) {
	wav := append([]byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"), make([]byte, 64)...)
	telling := make(chromaprint.Print, 100)
	for i := range telling {
		telling[i] = uint32(i * 2654435761)
	}
	l := &lists{sounds: []known.Match{{Entry: known.Entry{ID: "knw_3", List: cordon.KnownBlocked, Kind: cordon.KnownChromaprint}, Likeness: 0.91, Overlap: 12 * time.Second}}}
	found := inspect(t, known.New(l, ear{print: telling}), mediatest.OpenBytes(t, wav))
	if len(found) != 1 || found[0].Label != cordon.LabelKnownNear || !strings.Contains(found[0].Sentence, "12 s agree, in 91 % of their bits") {
		t.Errorf("%+v", found)
	}
	film := append(mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00isom")), mediatest.Box("moov")...)
	if found := inspect(t, known.New(l, ear{print: telling}), mediatest.OpenBytes(t, film)); len(found) != 1 || found[0].Label != cordon.LabelKnownNear {
		t.Errorf("the sound of a film: %+v", found)
	}
	for why, e := range map[string]known.Listener{"fpcalc-absent": ear{err: known.ErrAbsent}, "not-readable": ear{err: errors.New("exit 1")}, "too-plain": ear{print: telling[:3]}} {
		if found := inspect(t, known.New(l, e), mediatest.OpenBytes(t, wav)); found[0].Status != cordon.StatusNone || found[0].Detail["likeness_not_looked_for"] != why {
			t.Errorf("%s: %+v", why, found)
		}
	}
}

// Where no recording is listed none is listened to, and nothing is left open.
func TestNothingToListenFor(t *testing.T) {
	wav := append([]byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"), make([]byte, 64)...)
	found := inspect(t, known.New(&lists{}, ear{err: known.ErrNothingListed}), mediatest.OpenBytes(t, wav))
	if len(found) != 1 || found[0].Sentence != "The file is on no list of known files and sounds like none of them." {
		t.Errorf("%+v", found)
	}
}

// The digest that intake computed is used; the bytes are not read again.
func TestDigestFromIntake(t *testing.T) {
	want := [32]byte{1, 2, 3}
	m := mediatest.OpenBytes(t, []byte("x"))
	m.SetDigest(want)
	found := inspect(t, known.New(&lists{exact: map[[32]byte]cordon.KnownList{want: cordon.KnownBlocked}}, nil), m)
	if found[0].Label != cordon.LabelKnownFile {
		t.Errorf("asked for another digest: %+v", found)
	}
}

func TestSilentListIsAnError(t *testing.T) {
	broken := errors.New("database is gone")
	if found, err := known.New(&lists{err: broken}, nil).Inspect(t.Context(), mediatest.OpenBytes(t, []byte("x"))); !errors.Is(err, broken) || found != nil {
		t.Errorf("got %v %v", found, err)
	}
	if _, err := known.New(nil, nil).Inspect(context.Background(), mediatest.OpenBytes(t, []byte("x"))); err == nil {
		t.Error("without lists everything is unknown, and that passed silently")
	}
	if found := inspect(t, known.New(known.None{}, nil), mediatest.OpenBytes(t, mediatest.JPEG(t, 64, 64))); found[0].Sentence != "The file is on no list of known files." {
		t.Errorf("nobody's lists: %+v", found)
	}
}
