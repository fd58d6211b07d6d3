package line_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
)

// patchwork is a picture with enough in it to be recognised, saved at a quality, and its hash.
func patchwork(t testing.TB, seed uint64, quality int) ([]byte, pdq.Hash) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	m := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := 0; y < 480; y += 40 {
		for x := 0; x < 640; x += 40 {
			c := color.RGBA{uint8(r.UintN(256)), uint8(r.UintN(256)), uint8(r.UintN(256)), 255}
			draw.Draw(m, image.Rect(x, y, x+40, y+40), image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	hash, q := pdq.Of(m)
	if q < pdq.MinQuality {
		t.Fatalf("quality %d: nothing to recognise", q)
	}
	return b.Bytes(), hash
}

// told is what the API says of an item's findings by one detector.
func (w *world) told(receipt, detector string) (labels []string, sentences string) {
	w.T.Helper()
	var item struct {
		Findings []struct{ Detector, Label, Sentence string }
	}
	if s := w.API("GET", "/v1/items/"+receipt, nil, &item); s != http.StatusOK {
		w.T.Fatalf("item %s: status %d", receipt, s)
	}
	for _, f := range item.Findings {
		if f.Detector == detector {
			labels, sentences = append(labels, f.Label), sentences+f.Sentence
		}
	}
	return labels, sentences
}

// TestLooksLikeAKnownPicture: what looks like a blocked picture is held although it has other
// bytes, after a restart too; what looks like a lawful one is exempt from nothing; taken off the
// list it matches no more.
func TestLooksLikeAKnownPicture(t *testing.T) {
	w := newWorld(t)
	_, hash := patchwork(t, 1, 95)
	var made struct{ IDs []cordon.ID }
	if s := w.API("POST", "/v1/known", map[string]any{"list": "blocked", "kind": "pdq", "value": hash.String(), "source": "exchange"}, &made); s != http.StatusOK || len(made.IDs) != 1 {
		t.Fatalf("status %d, %+v", s, made)
	}
	held := func(quality int) string {
		t.Helper()
		photo, _ := patchwork(t, 1, quality)
		a, err := w.UploadJSON(fmt.Sprint("photo ", quality), "photo.jpg", photo)
		if err != nil || a.Status != http.StatusBadRequest {
			t.Fatalf("quality %d: %v %d %s", quality, err, a.Status, a.Body)
		}
		if r := w.Item(a.Receipt).Verdict.Reasons; !slices.Contains(r, cordon.ReasonKnownNear) {
			t.Errorf("quality %d: reasons %v", quality, r)
		}
		return a.Receipt
	}
	if labels, says := w.told(held(70), "known"); !slices.Equal(labels, []string{"known-near"}) || !strings.Contains(says, "differ in") {
		t.Errorf("%v %s", labels, says)
	}
	w.Stop()
	w.Start()
	held(60)
	other, _ := patchwork(t, 2, 90)
	if a, err := w.UploadJSON("another", "another.jpg", other); err != nil || a.Status != http.StatusCreated {
		t.Errorf("another picture: %v %d %s", err, a.Status, a.Body)
	}
	if s := w.API("POST", "/v1/known", map[string]any{"list": "lawful", "kind": "pdq", "value": hash.String()}, nil); s != http.StatusBadRequest {
		t.Errorf("lawful by its looks: status %d", s)
	}
	if s := w.API("DELETE", "/v1/known/"+string(made.IDs[0]), nil, nil); s != http.StatusOK {
		t.Fatalf("status %d", s)
	}
	photo, _ := patchwork(t, 1, 50)
	if a, err := w.UploadJSON("photo 50", "photo.jpg", photo); err != nil || a.Status != http.StatusCreated {
		t.Errorf("off the list: %v %d %s", err, a.Status, a.Body)
	}
}

// TestLooksLikeEarlierFiles: an upload says how many came before that look the same, after a
// restart too; it is context, so it is listed and passes.
func TestLooksLikeEarlierFiles(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Inspect.Alike.Burst = 3 })
	n := 90
	bring := func() (labels []string, says string) {
		t.Helper()
		n -= 5
		photo, _ := patchwork(t, 3, n)
		a, err := w.UploadJSON(fmt.Sprint("photo ", n), "photo.jpg", photo)
		if err != nil || a.Status != http.StatusCreated {
			t.Fatalf("%v %d %s", err, a.Status, a.Body)
		}
		return w.told(a.Receipt, "alike")
	}
	for i, want := range [][]string{{"not-seen"}, {"seen-before"}} {
		if labels, says := bring(); !slices.Equal(labels, want) {
			t.Errorf("upload %d: %v %s, want %v", i, labels, says, want)
		}
	}
	w.Stop()
	w.Start()
	labels, _ := bring()
	if !slices.Equal(labels, []string{"seen-before", "burst"}) {
		t.Errorf("after a restart: %v", labels)
	}
	// A list of ordinary files mutes it.
	_, hash := patchwork(t, 3, 90)
	if s := w.API("POST", "/v1/known", map[string]any{"list": "ordinary", "kind": "pdq", "value": hex.EncodeToString(hash[:])}, nil); s != http.StatusOK {
		t.Fatalf("status %d", s)
	}
	if labels, says := bring(); !slices.Equal(labels, []string{"not-seen"}) {
		t.Errorf("ordinary: %v %s", labels, says)
	}
}

// TestTenantsListsApart: what one tenant has on a list, or has seen, says nothing to another: not
// by its bytes, not by its looks, not by asking for entries.
func TestTenantsListsApart(t *testing.T) {
	clinic, hospital := newNeighbours(t)
	photo, hash := patchwork(t, 4, 90)
	sum := sha256.Sum256(photo)
	value := hex.EncodeToString(sum[:])
	var made struct{ IDs []cordon.ID }
	for kind, v := range map[string]string{"sha256": value, "pdq": hash.String()} {
		if s := clinic.API("POST", "/v1/known", map[string]any{"list": "blocked", "kind": kind, "value": v}, &made); s != http.StatusOK {
			t.Fatalf("status %d", s)
		}
	}
	if a, err := clinic.UploadJSON("photo", "photo.jpg", photo); err != nil || a.Status != http.StatusBadRequest {
		t.Fatalf("the clinic's own list: %v %d", err, a.Status)
	}
	a, err := hospital.UploadJSON("photo", "photo.jpg", photo)
	if err != nil || a.Status != http.StatusCreated {
		t.Errorf("the list of another tenant holds a file: %v %d %s", err, a.Status, a.Body)
	}
	if labels, _ := hospital.told(a.Receipt, "alike"); !slices.Equal(labels, []string{"not-seen"}) {
		t.Errorf("what another tenant has seen is told: %v", labels)
	}
	if labels, _ := hospital.told(a.Receipt, "known"); !slices.Equal(labels, []string{"not-known"}) {
		t.Errorf("what another tenant knows is told: %v", labels)
	}
	var found struct{ Matches, Entries []any }
	if s := hospital.API("POST", "/v1/known/check", map[string]any{"sha256": value, "pdq": hash.String()}, &found); s != http.StatusOK || len(found.Matches) != 0 {
		t.Errorf("asked for: %d %+v", s, found)
	}
	if s := hospital.API("GET", "/v1/known", nil, &found); s != http.StatusOK || len(found.Entries) != 0 {
		t.Errorf("listed: %d %+v", s, found)
	}
	if s := hospital.API("DELETE", "/v1/known/"+string(made.IDs[0]), nil, nil); s != http.StatusNotFound {
		t.Errorf("taken off by another: status %d", s)
	}
	if s := hospital.API("GET", "/v1/known/"+value, nil, nil); s != http.StatusNotFound {
		t.Errorf("looked up: status %d", s)
	}
}

// TestSoundsLikeAKnownRecording: a recording that was encoded again is held for one on the list.
func TestSoundsLikeAKnownRecording(t *testing.T) {
	for _, program := range []string{"ffmpeg", "fpcalc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	dir := t.TempDir()
	encode := func(name string, args ...string) []byte {
		t.Helper()
		path := filepath.Join(dir, name)
		if out, err := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, args...), path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	encode("call.wav", "-f", "lavfi", "-i", "aevalsrc='0.3*sin(2*PI*210*t+45*sin(2*PI*0.31*t))+0.2*sin(2*PI*640*t+30*sin(2*PI*0.17*t))+0.15*sin(2*PI*9*t*t)':d=20:s=22050")
	call := filepath.Join(dir, "call.wav")
	out, failed := exec.Command("fpcalc", "-raw", "-json", call).Output() // some versions fail at the end of a file
	var said struct{ Fingerprint []uint32 }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err, failed)
	}
	w := newWorld(t)
	if s := w.API("POST", "/v1/known", map[string]any{"list": "blocked", "kind": "chromaprint", "value": hex.EncodeToString(chromaprint.Print(said.Fingerprint).Encode())}, nil); s != http.StatusOK {
		t.Fatalf("status %d", s)
	}
	a, err := w.UploadJSON("call", "call.mp3", encode("call.mp3", "-i", call, "-b:a", "64k"))
	if err != nil || a.Status != http.StatusBadRequest {
		t.Fatalf("%v %d %s", err, a.Status, a.Body)
	}
	if labels, says := w.told(a.Receipt, "known"); !slices.Equal(labels, []string{"known-near"}) || !strings.Contains(says, "sounds like") {
		t.Errorf("%v %s", labels, says)
	}
}
