package app

import (
	"context"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/flow"
)

// files lets flow use the file store.
type files struct{ *blob.Files }

var _ flow.Blobs = files{}

func (f files) Put(ctx context.Context, key cordon.DataKey, r flow.Reader) (cordon.BlobRef, [32]byte, int64, error) {
	ref, sums, err := f.Files.Put(ctx, key, r)
	return ref, sums.SHA256, sums.Size, err
}

func (f files) Open(ctx context.Context, key cordon.DataKey, ref cordon.BlobRef) (flow.Content, error) {
	r, err := f.Files.Open(ctx, key, ref)
	if err != nil {
		return nil, err
	}
	return content{r}, nil
}

// content is an open file in flow's terms.
type content struct{ *blob.Reader }

// NewReader reads from the start, independently of other readers.
func (c content) NewReader() io.Reader { return io.NewSectionReader(c.Reader, 0, c.Size()) }
