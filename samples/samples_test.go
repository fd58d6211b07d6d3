package samples

import (
	"bytes"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newSet(t *testing.T, seed uint64) *Set {
	t.Helper()
	s, err := New(seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSamplesAreWhatTheySay(t *testing.T) {
	set := newSet(t, 1)
	for _, s := range set.All() {
		kind := map[string]string{"image/jpeg": "\xFF\xD8\xFF", "image/png": "\x89PNG", "application/pdf": "%PDF-1.4"}[s.MediaType]
		if kind == "" || !bytes.HasPrefix(s.Bytes, []byte(kind)) {
			t.Errorf("%s: does not start like %s", s.Name, s.MediaType)
		}
		if !bytes.Contains(s.Bytes, []byte("made by the Cordon project")) && !bytes.Contains(s.Bytes, []byte("Cordon sample")) {
			t.Errorf("%s: nothing in the file says that it is a sample", s.Name)
		}
		_, _, err := image.Decode(bytes.NewReader(s.Bytes))
		switch {
		case s.Name == set.Truncated.Name && err == nil:
			t.Errorf("%s: decodes in full", s.Name)
		case s.MediaType == "application/pdf", s.Name == set.Truncated.Name:
		case err != nil:
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if dir := os.Getenv("CORDON_SAMPLES_DIR"); dir != "" { // to look at them
		for _, s := range set.All() {
			if err := os.WriteFile(filepath.Join(dir, s.Name), s.Bytes, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSeedFixesPixels(t *testing.T) {
	a, b, other := newSet(t, 7), newSet(t, 7), newSet(t, 8)
	if !bytes.Equal(a.Camera.Bytes, b.Camera.Bytes) || !bytes.Equal(a.Letter.Bytes, b.Letter.Bytes) {
		t.Error("the same seed gives different pictures")
	}
	if bytes.Equal(a.Camera.Bytes, other.Camera.Bytes) || bytes.Equal(a.Plain.Bytes, other.Plain.Bytes) {
		t.Error("different seeds give the same pictures")
	}
}

func TestTamperedDiffersInOneByte(t *testing.T) {
	set := newSet(t, 1)
	n := 0
	for i := range set.Generated.Bytes {
		if set.Generated.Bytes[i] != set.Tampered.Bytes[i] {
			n++
		}
	}
	if n != 1 || len(set.Generated.Bytes) != len(set.Tampered.Bytes) {
		t.Errorf("%d bytes differ", n)
	}
}

func TestExifReads(t *testing.T) {
	b := newSet(t, 1).Camera.Bytes
	i := bytes.Index(b, []byte("Exif\x00\x00MM"))
	if i != 6 {
		t.Fatalf("EXIF at %d, not in the first segment", i)
	}
	// Walk the first directory as a reader would.
	tiff := b[i+6:]
	u16 := func(o int) int { return int(tiff[o])<<8 | int(tiff[o+1]) }
	u32 := func(o int) int { return u16(o)<<16 | u16(o+2) }
	got := map[int]string{}
	dir := u32(4)
	for n := range u16(dir) {
		f := dir + 2 + 12*n
		if u16(f+2) == exifASCII {
			got[u16(f)] = strings.TrimRight(string(tiff[u32(f+8):u32(f+8)+u32(f+4)]), "\x00")
		}
	}
	if got[0x010F] != "Northlight" || got[0x0110] != "NL-200" || !strings.HasPrefix(got[0x0132], "2026:03:") {
		t.Errorf("make %q, model %q, date %q", got[0x010F], got[0x0110], got[0x0132])
	}
}

func TestBigHasExactlyTheSize(t *testing.T) {
	for _, n := range []int64{MinBig, MinBig + 1, MinBig + 11, MinBig + 12, 200_003, 1 << 20, 5<<20 + 7} {
		for name, make := range map[string]func(int64) io.Reader{"png": BigPNG, "jpeg": BigJPEG} {
			b, err := io.ReadAll(make(n))
			if err != nil || int64(len(b)) != n {
				t.Errorf("%s of %d bytes: %d bytes, %v", name, n, len(b), err)
				continue
			}
			if _, kind, err := image.Decode(bytes.NewReader(b)); err != nil || kind != name {
				t.Errorf("%s of %d bytes decodes as %q: %v", name, n, kind, err)
			}
		}
	}
}

func TestBigSweep(t *testing.T) {
	// The last part must come out right for every remainder.
	for n := int64(MinBig); n < MinBig+200; n++ {
		for name, r := range map[string]io.Reader{"png": BigPNG(n), "jpeg": BigJPEG(n)} {
			if m, err := io.Copy(io.Discard, r); err != nil || m != n {
				t.Fatalf("%s of %d bytes: %d, %v", name, n, m, err)
			}
		}
	}
}
