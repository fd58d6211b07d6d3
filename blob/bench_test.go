package blob_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/cordonhq/cordon/blob"
)

// The peer of Put and of reading is SHA-256 alone over the same bytes.
var sizes = []struct {
	name string
	n    int
}{{"1MB", 1 << 20}, {"64MB", 64 << 20}}

func BenchmarkSHA256Alone(b *testing.B) {
	for _, size := range sizes {
		data := bytes.Repeat([]byte("scan"), size.n/4)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(size.n))
			for b.Loop() {
				sha256.Sum256(data)
			}
		})
	}
}

// BenchmarkPut hashes, encrypts, writes and flushes to the disk.
func BenchmarkPut(b *testing.B) {
	for _, size := range sizes {
		data := bytes.Repeat([]byte("scan"), size.n/4)
		b.Run(size.name, func(b *testing.B) {
			files, err := blob.OpenFiles(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				ref, _, err := files.Put(b.Context(), key(1), bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer() // so that the disk does not fill up
				if err := files.Delete(b.Context(), ref); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkSeal is Put without the disk.
func BenchmarkSeal(b *testing.B) {
	data := bytes.Repeat([]byte("scan"), 16<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := blob.SealTo(b.Context(), io.Discard, key(1), anyRef, bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead reads from the page cache, through WriteTo and through small reads.
func BenchmarkRead(b *testing.B) {
	files, err := blob.OpenFiles(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	const n = 64 << 20
	ref, _, err := files.Put(b.Context(), key(1), io.LimitReader(zeros{}, n))
	if err != nil {
		b.Fatal(err)
	}
	for _, way := range []struct {
		name string
		copy func(io.Reader) (int64, error)
	}{
		{"WriteTo", func(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }},
		{"4KB", func(r io.Reader) (int64, error) {
			return io.CopyBuffer(io.Discard, struct{ io.Reader }{onlyReader{r}}, make([]byte, 4<<10))
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(n)
			b.ReportAllocs()
			for b.Loop() {
				r, err := files.Open(b.Context(), key(1), ref)
				if err != nil {
					b.Fatal(err)
				}
				if m, err := way.copy(r); err != nil || m != n {
					b.Fatal(m, err)
				}
				r.Close()
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// onlyReader hides every method but Read and keeps the reads small, which io.Discard
// would otherwise make as large as it likes.
type onlyReader struct{ r io.Reader }

func (o onlyReader) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 4<<10)]) }
