package chunk_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/cordonhq/cordon/media/chunk"
)

// counted counts the bytes that are read of a file.
type counted struct {
	r io.ReaderAt
	n int
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(b, off)
	c.n += n
	return n, err
}

// TestManyShortPictures reads about as much of an animation as it has, however short its pictures are.
func TestManyShortPictures(t *testing.T) {
	const pictures = 20_000
	file := append([]byte("GIF89a\x08\x00\x08\x00\x00\x00\x00"),
		bytes.Repeat([]byte{0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0, 0}, pictures)...)
	file = append(file, 0x3B)
	r, seen := &counted{r: bytes.NewReader(file)}, 0
	for p, err := range chunk.GIF(r, int64(len(file))) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Name == "image" {
			seen++
		}
	}
	if seen != pictures {
		t.Errorf("%d pictures of %d", seen, pictures)
	}
	if r.n > 10*len(file) {
		t.Errorf("%d bytes were read of a file of %d", r.n, len(file))
	}
}
