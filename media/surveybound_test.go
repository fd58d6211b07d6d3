package media

import (
	"bytes"
	"testing"

	"github.com/cordonhq/cordon/media/anatomy"
)

// TestMorePiecesThanAreToldApart says of a recording of very many pieces that there is more, and
// claims neighbours that are the same once.
func TestMorePiecesThanAreToldApart(t *testing.T) {
	file := append([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"), bytes.Repeat([]byte("\x00\x00\x00\x08moof"), maxClaimed+10)...)
	m, err := Open(bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a, err := m.Anatomy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := anatomy.Sum(a.Ranges)
	if !a.More || sum[anatomy.Beyond] != 11*8 || len(a.Ranges) != 3 {
		t.Errorf("more: %v, %d ranges, %v", a.More, len(a.Ranges), sum)
	}
}
