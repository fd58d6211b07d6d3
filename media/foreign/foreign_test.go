package foreign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/sandbox"
)

// decoder returns one, or skips where ffmpeg is not installed (.ci/run installs it).
func decoder(t testing.TB) *Decoder {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	d := New(sandbox.Open(sandbox.Config{}))
	if err := d.Ready(); err != nil {
		t.Fatal(err)
	}
	return d
}

// made returns a file that ffmpeg makes for the test.
func made(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, args...), path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", name, err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func recording(b []byte, f Format) Recording {
	return Recording{From: bytes.NewReader(b), Size: int64(len(b)), Format: f}
}

// Ten seconds of colours, one a second, with a key frame each second, and a tone.
var clip = []string{"-f", "lavfi", "-i", "color=red:s=320x180:r=10:d=5[a];color=blue:s=320x180:r=10:d=5[b];[a][b]concat", "-f", "lavfi", "-i", "sine=f=440:r=44100:d=10", "-g", "10", "-shortest"}

func TestRecordings(t *testing.T) {
	d := decoder(t)
	for name, more := range map[string][]string{
		"a.mp4": {"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"},
		"a.mov": {"-c:v", "mpeg4", "-c:a", "pcm_s16le"},
		"a.mkv": {"-c:v", "libvpx", "-c:a", "libvorbis"},
		"a.avi": {"-c:v", "mjpeg", "-c:a", "mp3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Format(strings.TrimPrefix(filepath.Ext(name), "."))
			if f == "mkv" {
				f = "matroska"
			}
			r := recording(made(t, name, append(append([]string{}, clip...), more...)...), f)
			info, err := d.Probe(t.Context(), r)
			if err != nil || len(info.Video) != 1 || len(info.Audio) != 1 || info.Video[0].Width != 320 || info.Video[0].Height != 180 || math.Abs(info.Duration.Seconds()-10) > 0.3 {
				t.Errorf("%+v, %v", info, err)
			}
			var at []time.Duration
			err = d.KeyFrames(t.Context(), r, KeyFrames{Most: 5, Side: 160}, func(f Frame) error {
				if f.Image.Bounds() != image.Rect(0, 0, 160, 90) {
					t.Errorf("%v", f.Image.Bounds())
				}
				want := color.NRGBA{255, 0, 0, 255}
				if f.At >= 5*time.Second {
					want = color.NRGBA{0, 0, 255, 255}
				}
				if got := f.Image.NRGBAAt(80, 45); !near(got, want, 12) {
					t.Errorf("at %v the colour is %v, not %v", f.At, got, want)
				}
				at = append(at, f.At)
				return nil
			})
			if err != nil || len(at) != 5 || at[0] > 100*time.Millisecond || at[4] < 7*time.Second {
				t.Errorf("frames at %v, %v", at, err)
			}
			s, err := d.Audio(t.Context(), r, 2*time.Second, 3*time.Second)
			if err != nil || s.From != 2*time.Second || len(s.Samples) < 2.9*SoundRate || len(s.Samples) > 3.1*SoundRate {
				t.Errorf("%d samples from %v, %v", len(s.Samples), s.From, err)
			}
			if f := pitch(s.Samples[SoundRate:]); math.Abs(f-440) > 5 {
				t.Errorf("a tone of %.1f Hz", f)
			}
		})
	}
}

// pitch counts how often the wave crosses zero upwards.
func pitch(s []int16) float64 {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i-1] < 0 && s[i] >= 0 {
			n++
		}
	}
	return float64(n) * SoundRate / float64(len(s))
}

func near(a, b color.NRGBA, by int) bool {
	off := func(x, y uint8) bool { return int(x)-int(y) > by || int(y)-int(x) > by }
	return !off(a.R, b.R) && !off(a.G, b.G) && !off(a.B, b.B) && a.A == b.A
}

func TestSoundOfEveryFormat(t *testing.T) {
	d := decoder(t)
	for name, f := range map[string]Format{"a.wav": "wav", "a.mp3": "mp3", "a.flac": "flac", "a.ogg": "ogg", "a.aiff": "aiff", "a.aac": "aac", "a.m4a": "m4a", "a.opus": "ogg"} {
		b := made(t, name, "-f", "lavfi", "-i", "sine=f=1000:r=48000:d=3", "-ac", "2")
		s, err := d.Audio(t.Context(), recording(b, f), 0, 10*time.Second)
		if err != nil || len(s.Samples) < 2.8*SoundRate || len(s.Samples) > 3.2*SoundRate {
			t.Errorf("%s: %d samples, %v", name, len(s.Samples), err)
			continue
		}
		if p := pitch(s.Samples[SoundRate : 2*SoundRate]); math.Abs(p-1000) > 5 {
			t.Errorf("%s: a tone of %.1f Hz", name, p)
		}
	}
}

// A file is what its bytes are, and nothing in it makes ffmpeg open another one.
func TestNoGuessing(t *testing.T) {
	d := decoder(t)
	playlist := []byte("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
	concat := []byte("ffconcat version 1.0\nfile '/etc/passwd'\n")
	wav := made(t, "a.wav", "-f", "lavfi", "-i", "sine=d=1")
	for _, b := range [][]byte{playlist, concat, wav, nil, []byte("x")} {
		for _, f := range []Format{"mp4", "matroska", "avi"} {
			if got, err := d.Probe(t.Context(), recording(b, f)); err == nil && len(got.Audio)+len(got.Video) > 0 {
				t.Errorf("%q as %s: %+v", b[:min(len(b), 20)], f, got)
			}
		}
	}
	for _, f := range []Format{"hls", "concat", "", "mp4,hls", "lavfi"} {
		if _, err := d.Probe(t.Context(), recording(playlist, f)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%q: %v", f, err)
		}
		if _, err := d.Audio(t.Context(), recording(playlist, f), 0, time.Second); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%q: %v", f, err)
		}
		if _, err := d.Still(t.Context(), bytes.NewReader(playlist), 10, f, 1e6); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%q: %v", f, err)
		}
	}
}

// What was decoded before the damage is given out.
func TestCutOff(t *testing.T) {
	d := decoder(t)
	whole := made(t, "a.mkv", append(append([]string{}, clip...), "-c:v", "libvpx", "-c:a", "pcm_s16le")...)
	n := 0
	_ = d.KeyFrames(t.Context(), recording(whole[:len(whole)/2], "matroska"), KeyFrames{Most: 10}, func(Frame) error { n++; return nil })
	if n < 3 || n > 7 {
		t.Errorf("%d frames of half a recording", n)
	}
	if err := d.KeyFrames(t.Context(), recording(whole[:300], "matroska"), KeyFrames{}, func(Frame) error { return nil }); err == nil {
		t.Error("no frame, and no error")
	}
	stop := errors.New("enough of it")
	if err := d.KeyFrames(t.Context(), recording(whole, "matroska"), KeyFrames{}, func(Frame) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.KeyFrames(ctx, recording(whole, "matroska"), KeyFrames{}, func(Frame) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A few megabytes that say they are a picture of thousands.
func TestPixelLimits(t *testing.T) {
	d := decoder(t)
	j2k := made(t, "a.j2k", "-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", "-c:v", "jpeg2000", "-f", "image2pipe")
	if _, err := d.Still(t.Context(), bytes.NewReader(j2k), int64(len(j2k)), "jp2", 64*48-1); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	huge := bytes.Clone(j2k)
	at := bytes.Index(huge, []byte{0xFF, 0x51})
	copy(huge[at+6:], []byte{0, 1, 0, 0, 0, 1, 0, 0})
	if _, err := d.Still(t.Context(), bytes.NewReader(huge), int64(len(huge)), "jp2", 1<<40); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestStills(t *testing.T) {
	d := decoder(t)
	source := []string{"-f", "lavfi", "-i", "testsrc2=s=200x120", "-frames:v", "1"}
	plain := made(t, "a.png", append(append([]string{}, source...), "-pix_fmt", "rgb24")...)
	want, _, err := image.Decode(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		f    Format
		off  int
	}{
		"a.j2k":  {[]string{"-c:v", "libopenjpeg", "-pix_fmt", "rgb24", "-f", "image2pipe"}, "jp2", 40},
		"a.jp2":  {[]string{"-c:v", "jpeg2000", "-pix_fmt", "rgb24", "-f", "image2"}, "jp2", 40},
		"a.jls":  {[]string{"-c:v", "jpegls", "-pix_fmt", "rgb24", "-f", "image2"}, "jpeg", 0},
		"a.avif": {[]string{"-c:v", "libaom-av1", "-still-picture", "1", "-cpu-used", "8", "-pix_fmt", "yuv444p"}, "avif", 40},
	} {
		b := made(t, name, append(append([]string{}, source...), c.args...)...)
		got, err := d.Still(t.Context(), bytes.NewReader(b), int64(len(b)), c.f, 1e6)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Bounds().Size() != want.Bounds().Size() {
			t.Fatalf("%s: %v", name, got.Bounds())
		}
		if off := furthest(got, want); off > float64(c.off) {
			t.Errorf("%s: %.1f of 255 off on the average", name, off)
		}
	}
}

// furthest is the mean distance of two pictures, of 255.
func furthest(a, b image.Image) float64 {
	sum, n := 0.0, 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, d := range []float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2)} {
				sum += math.Abs(d) / 257
				n++
			}
		}
	}
	return sum / float64(n)
}

// Telephones cut a photo into tiles. They are put together as they were.
func TestGridOfTiles(t *testing.T) {
	d := decoder(t)
	const columns, rows, side, w, h = 3, 2, 64, 160, 96
	source := []string{"-f", "lavfi", "-i", "testsrc2=s=192x128", "-frames:v", "1"}
	want, _, err := image.Decode(bytes.NewReader(made(t, "a.png", append(append([]string{}, source...), "-vf", "crop=160:96:0:0", "-pix_fmt", "rgb24")...)))
	if err != nil {
		t.Fatal(err)
	}
	var sets [][]byte
	var tiles [][][]byte
	for i := range columns * rows {
		crop := fmt.Sprintf("crop=%d:%d:%d:%d", side, side, i%columns*side, i/columns*side)
		stream := made(t, "a.hevc", append(append([]string{}, source...), "-vf", crop, "-c:v", "libx265", "-x265-params", "log-level=none:crf=10:info=0", "-pix_fmt", "yuv444p")...)
		var units [][]byte
		sets = nil
		for unit := range bytes.SplitSeq(bytes.ReplaceAll(stream, []byte{0, 0, 0, 1}, []byte{0, 0, 1}), []byte{0, 0, 1}) {
			switch {
			case len(unit) == 0:
			case unit[0]>>1&63 >= 32 && unit[0]>>1&63 <= 34:
				sets = append(sets, unit)
			case unit[0]>>1&63 < 32:
				units = append(units, unit)
			}
		}
		tiles = append(tiles, units)
	}
	b := makeHEIF(columns, rows, side, side, w, h, sets, tiles)
	got, err := d.Still(t.Context(), bytes.NewReader(b), int64(len(b)), "heic", 1e6)
	if err != nil || got.Bounds().Size() != want.Bounds().Size() {
		t.Fatalf("%v, %v", got, err)
	}
	if off := furthest(got, want); off > 6 {
		t.Errorf("%.1f of 255 off on the average", off)
	}
	if _, err := d.Still(t.Context(), bytes.NewReader(b), int64(len(b)), "heic", w*h-1); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

// A long recording is given as its index and its key frames.
func TestPartsOfARecording(t *testing.T) {
	d := decoder(t)
	b := made(t, "a.mp4", append(append([]string{}, clip...), "-c:v", "mpeg4", "-q:v", "2", "-c:a", "aac", "-movflags", "faststart")...)
	media := int64(bytes.Index(b, []byte("mdat")))
	r := recording(b, "mp4")
	at := func(r Recording) (at []time.Duration) {
		if err := d.KeyFrames(t.Context(), r, KeyFrames{}, func(f Frame) error { at = append(at, f.At); return nil }); err != nil {
			t.Error(err)
		}
		return at
	}
	if whole := at(r); len(whole) != 10 {
		t.Fatalf("%v", whole)
	}
	// The index, and the first half of what it points to.
	r.Only = []sandbox.Range{{Offset: 0, Length: media + 4 + (r.Size-media)/2}}
	if half := at(r); len(half) < 4 || len(half) > 7 || half[0] != 0 {
		t.Errorf("%v", half)
	}
}
