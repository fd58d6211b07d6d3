package media_test

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/mediatest"
)

func xzed(t testing.TB, b []byte) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		z, err := xz.WriterConfig{BlockSize: int64(max(len(b)/3, 1)), DictCap: 1 << 16}.NewWriter(out) // several blocks
		if err != nil {
			return err
		}
		z.Write(b)
		return z.Close()
	})
}

func zstded(t testing.TB, b []byte) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		z, err := zstd.NewWriter(out)
		if err != nil {
			return err
		}
		z.Write(b)
		return z.Close()
	})
}

func taped(t testing.TB, name string, b []byte) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		z := tar.NewWriter(out)
		if err := z.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
			return err
		}
		z.Write(b)
		return z.Close()
	})
}

// contents are the bytes of the files inside.
func contents(m *media.Media, a *media.Anatomy) (out [][]byte) {
	for _, c := range a.Children {
		if c.Look == "" {
			r, n := c.Open(m)
			b := make([]byte, n)
			_, _ = r.ReadAt(b, 0)
			out = append(out, b)
		}
	}
	return out
}

// What is packed in a way that is undone here is opened, also where it was packed piece by piece, and
// what stands behind it is no part of it.
func TestPackedAndOpened(t *testing.T) {
	inside := mediatest.PNG(t, 24, 24)
	behind := mediatest.JPEG(t, 16, 16)
	for name, b := range map[string][]byte{
		"gzip": gzipped(t, inside), "xz": xzed(t, inside), "zstd": zstded(t, inside), "tar": taped(t, "a.png", inside),
		"gzip in two":    append(gzipped(t, inside[:100]), gzipped(t, inside[100:])...),
		"xz in two":      append(append(xzed(t, inside[:100]), 0, 0, 0, 0), xzed(t, inside[100:])...),
		"zstd in two":    append(zstded(t, inside[:100]), zstded(t, inside[100:])...),
		"gzip and more":  append(gzipped(t, inside), behind...),
		"xz and more":    append(xzed(t, inside), behind...),
		"zstd and more":  append(zstded(t, inside), behind...),
		"tar and more":   append(taped(t, "a.png", inside), behind...),
		"tar in gzip":    gzipped(t, taped(t, "a.png", inside)),
		"old tar":        oldTape(t, inside),
		"tar, padded":    append(taped(t, "a.png", inside), taped(t, "b.jpg", behind)...),
		"gzip, comment":  nil,
		"bzip2 and more": nil,
	} {
		if b == nil {
			continue
		}
		m := mediatest.OpenBytes(t, b)
		a := lawful(t, m)
		got := contents(m, a)
		want := inside
		if name == "tar in gzip" {
			want = taped(t, "a.png", inside)
		}
		if len(got) == 0 || !bytes.Equal(got[0], want) {
			t.Errorf("%s, a %s: %d children, %+v", name, m.Type, len(a.Children), a.Children)
			continue
		}
		if more := bytes.Contains([]byte(name), []byte("more")) || name == "tar, padded"; more != (len(got) == 2) || more && !bytes.HasPrefix(got[1], behind) {
			t.Errorf("%s: %d files inside", name, len(got))
		}
	}
}

func oldTape(t testing.TB, b []byte) []byte {
	out := taped(t, "a.png", b)
	clear(out[257:265]) // the mark, and then another sum
	clear(out[265:512])
	sum := 8 * int(' ')
	for i, c := range out[:512] {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	copy(out[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// A bzip2 archive of the corpus, with something behind it.
func TestBehindBzip2(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(mediatest.Corpus(t, "evasion"), "38-bz2.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	behind := mediatest.JPEG(t, 16, 16)
	m := mediatest.OpenBytes(t, append(b, behind...))
	got := contents(m, lawful(t, m))
	if len(got) != 2 || !bytes.Equal(got[0], want) || !bytes.Equal(got[1], behind) {
		t.Errorf("%d files inside", len(got))
	}
}

// What unpacks to too much, or asks for too much memory, is beyond limits; what breaks off is looked
// at as far as it goes, and it is said that it breaks off.
func TestPackedBeyondLimits(t *testing.T) {
	zeros := make([]byte, 80<<20)
	for name, b := range map[string][]byte{"xz": xzed(t, zeros[:40<<20]), "zstd": zstded(t, zeros), "gzip": gzipped(t, zeros)} {
		if a := lawful(t, mediatest.OpenBytes(t, b)); len(a.Children) != 1 || a.Children[0].Look != cordon.LookBeyondLimits {
			t.Errorf("%s: %+v", name, a.Children)
		}
	}
	noise := mediatest.PNG(t, 64, 64)
	for name, b := range map[string][]byte{"xz": xzed(t, noise), "zstd": zstded(t, noise), "gzip": gzipped(t, noise)} {
		a := lawful(t, mediatest.OpenBytes(t, b[:len(b)-len(b)/4]))
		said := false
		for _, c := range a.Children {
			said = said || c.Look == cordon.LookUnopened
		}
		if !said {
			t.Errorf("%s, cut: %+v", name, a.Children)
		}
	}
	for _, head := range []string{"MSCF\x00\x00\x00\x00", "\x04\x22\x4D\x18", "LZIP\x01", "Rar!\x1A\x07\x01\x00", "\x1F\x9D\x90"} {
		a := lawful(t, mediatest.OpenBytes(t, append([]byte(head), make([]byte, 600)...)))
		if len(a.Children) != 1 || a.Children[0].Look != cordon.LookUnopened || anatomy.Sum(a.Ranges)[anatomy.Beyond] == 0 {
			t.Errorf("%q: %+v, %+v", head, a.Children, a.Ranges)
		}
	}
}
