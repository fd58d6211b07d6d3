package foreign

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/sandbox"
)

var update = flag.Bool("update", false, "write the table of recordings in docs/detection.md")

func hearing(t testing.TB) *Decoder {
	if _, err := exec.LookPath("fpcalc"); err != nil {
		t.Skip("fpcalc is not installed (Debian: libchromaprint-tools)")
	}
	d := decoder(t)
	if err := d.Hears(); err != nil {
		t.Fatal(err)
	}
	return d
}

func heard(t testing.TB, d *Decoder, file []byte, format Format) chromaprint.Print {
	t.Helper()
	p, err := d.Sound(t.Context(), Recording{From: bytes.NewReader(file), Size: int64(len(file)), Format: format})
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return p
}

// voice makes a recording that moves through pitches and pauses, another for each seed.
func voice(t testing.TB, seed int) []byte {
	s := float64(seed)
	formula := fmt.Sprintf("0.3*sin(2*PI*%g*t+%g*sin(2*PI*%g*t))*(0.6+0.4*sin(2*PI*%g*t))+0.2*sin(2*PI*%g*t+%g*sin(2*PI*%g*t))+0.15*sin(2*PI*%g*t*t/40)",
		180+37*s, 40+11*s, 0.31+0.07*s, 0.9+0.13*s, 610+53*s, 25+9*s, 0.17+0.05*s, 300+91*s)
	return made(t, fmt.Sprintf("voice%d.wav", seed), "-f", "lavfi", "-i", "aevalsrc='"+formula+"':d=30:s=22050")
}

const madeVoices = 3

// TestRecordingsFoundAgain measures which changes of a recording a list still recognises, and that
// different recordings are taken for different ones, and keeps the table of docs/detection.md.
func TestRecordingsFoundAgain(t *testing.T) {
	d := hearing(t)
	steps := []struct {
		name, file string
		args       []string
		format     Format
	}{
		{"MP3, 64 kbit/s", "x.mp3", []string{"-b:a", "64k"}, "mp3"},
		{"AAC, 48 kbit/s", "x.m4a", []string{"-b:a", "48k"}, "m4a"},
		{"as a telephone has it: 8 kHz, A-law", "x.wav", []string{"-ar", "8000", "-ac", "1", "-c:a", "pcm_alaw"}, "wav"},
		{"with noise, 20 dB below", "x.wav", []string{"-filter_complex", "anoisesrc=d=30:r=22050:a=0.03:seed=7[n];[0:a][n]amix=inputs=2:duration=first:normalize=0"}, "wav"},
		{"with noise, 6 dB below", "x.wav", []string{"-filter_complex", "anoisesrc=d=30:r=22050:a=0.15:seed=7[n];[0:a][n]amix=inputs=2:duration=first:normalize=0"}, "wav"},
		{"15 s out of the middle", "x.wav", []string{"-ss", "7.3", "-t", "15"}, "wav"},
		{"8 s out of the middle", "x.wav", []string{"-ss", "7.3", "-t", "8"}, "wav"},
		{"15 s of silence before it", "x.wav", []string{"-af", "adelay=15000|15000"}, "wav"},
		{"3 % faster, as a tape runs", "x.wav", []string{"-af", "asetrate=22711,aresample=22050"}, "wav"},
		{"10 % faster, pitch kept", "x.wav", []string{"-af", "atempo=1.1"}, "wav"},
	}
	sources := map[string][]byte{}
	for seed := range madeVoices {
		sources[fmt.Sprintf("made %d", seed)] = voice(t, seed)
	}
	corpus := mediatest.Corpus(t, "c2pa")
	for _, name := range []string{"real/sample1_signed.wav", "real/cicadas_trusted.mp3"} {
		sources[name] = made(t, "source.wav", "-i", filepath.Join(corpus, name), "-t", "30", "-ar", "22050", "-ac", "1")
	}
	var x chromaprint.Index[string]
	told, skipped := map[string]chromaprint.Print{}, []string{}
	for name, file := range sources {
		p := heard(t, d, file, "wav")
		if !p.Tells() || p.Duration() < 12*time.Second {
			skipped = append(skipped, name)
			continue
		}
		told[name] = p
		x.Put(name, p)
	}
	if len(told) < 4 {
		t.Fatalf("only %d recordings tell enough to be compared; not %v", len(told), skipped)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d recordings, of which %d were made by formula and the others are from the corpus, each changed and looked up among all of them.\n\n| Change | Found again | Mean likeness | Taken for another |\n|---|---|---|---|\n", len(told), madeVoices)
	strangers := 0
	for _, step := range steps {
		found, wrong, sum, n := 0, 0, 0.0, 0
		for name := range told {
			path := filepath.Join(t.TempDir(), "source.wav")
			if err := os.WriteFile(path, sources[name], 0o600); err != nil {
				t.Fatal(err)
			}
			file := made(t, step.file, append([]string{"-i", path}, step.args...)...)
			n++
			for _, m := range x.Near(heard(t, d, file, step.format)) {
				if m.Value == name {
					found++
					sum += m.Likeness
				} else {
					wrong++
				}
			}
		}
		strangers += wrong
		likeness := "-"
		if found > 0 {
			likeness = fmt.Sprintf("%.2f", sum/float64(found))
		}
		fmt.Fprintf(&b, "| %s | %d of %d | %s | %d |\n", step.name, found, n, likeness, wrong)
	}
	if strangers > 0 {
		t.Errorf("%d recordings were taken for another", strangers)
	}
	mediatest.Table(t, "recordings found again", b.String()+"\n", *update)
}

func TestSoundOfNone(t *testing.T) {
	d := hearing(t)
	silent := made(t, "silent.wav", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "10")
	if p := heard(t, d, silent, "wav"); p.Tells() {
		t.Error("silence is taken for something that can be recognised")
	}
	for what, file := range map[string][]byte{"nothing": {}, "text": []byte("this is no recording"), "a head alone": silent[:44]} {
		if p, err := d.Sound(t.Context(), Recording{From: bytes.NewReader(file), Size: int64(len(file)), Format: "wav"}); err == nil && p.Tells() {
			t.Errorf("%s sounds like something", what)
		}
	}
	if _, err := d.Sound(t.Context(), Recording{From: bytes.NewReader(silent), Size: int64(len(silent)), Format: "hls"}); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	lost := New(sandbox.Open(sandbox.Config{}))
	t.Setenv("PATH", t.TempDir())
	if err := lost.Hears(); !errors.Is(err, sandbox.ErrAbsent) {
		t.Errorf("fpcalc is not there, and: %v", err)
	}
}

// FuzzReadPrint: whatever fpcalc says, what is taken is fit to be compared.
func FuzzReadPrint(f *testing.F) {
	f.Add([]byte(`{"duration": 1.0, "fingerprint": [1,2,4294967295]}`))
	f.Add([]byte(`{"fingerprint": [-1]}`))
	f.Fuzz(func(t *testing.T, out []byte) {
		p, err := readPrint(out)
		if err != nil {
			return
		}
		back, err := chromaprint.Decode(p.Encode())
		if err != nil || len(back) != len(p) {
			t.Fatalf("%d numbers: %v", len(p), err)
		}
		var x chromaprint.Index[int]
		x.Put(1, p)
		x.Near(p)
	})
}

// A voice is the same voice under a picture.
func TestSoundOfFilms(t *testing.T) {
	d := hearing(t)
	var x chromaprint.Index[int]
	for seed := range 2 {
		x.Put(seed, heard(t, d, voice(t, seed), "wav"))
	}
	path := filepath.Join(t.TempDir(), "voice.wav")
	if err := os.WriteFile(path, voice(t, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, format := range map[string]Format{"film.mp4": "mp4", "film.mkv": "matroska"} {
		film := made(t, name, "-f", "lavfi", "-i", "testsrc=size=160x120:rate=5", "-i", path, "-shortest", "-c:v", "mpeg4", "-c:a", "aac")
		if near := x.Near(heard(t, d, film, format)); len(near) != 1 || near[0].Value != 0 {
			t.Errorf("%s: recognised as %+v", name, near)
		}
	}
	if _, err := d.Sound(t.Context(), Recording{From: bytes.NewReader(nil), Format: "mp4"}); err == nil {
		t.Error("nothing has a sound")
	}
}
