package store

import (
	"context"

	"github.com/cordonhq/cordon"
)

// StrayBlobs returns those of refs that no item of any tenant needs. It is for what Cordon
// itself does at its start; nobody's request may lead here.
func (db *DB) StrayBlobs(ctx context.Context, refs []cordon.BlobRef) ([]cordon.BlobRef, error) {
	list := make([]string, len(refs))
	for i, r := range refs {
		list[i] = string(r)
	}
	out := []cordon.BlobRef{}
	err := db.read(ctx, asWorker, "", func(row scan) error {
		var ref cordon.BlobRef
		err := row(&ref)
		out = append(out, ref)
		return err
	}, `SELECT x.v FROM unnest($1::text[]) WITH ORDINALITY AS x(v, ord)
		WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.blob = x.v) ORDER BY x.ord`, list)
	return out, err
}
