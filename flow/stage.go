package flow

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/cordonhq/cordon"
)

// Staged records the placeholder that stands upstream for a held item. A release then
// writes the genuine bytes as the next version of the same document.
func (f *Flow) Staged(ctx context.Context, it cordon.Item, placeholder cordon.Delivery) (cordon.Item, error) {
	key, p, err := f.open(ctx, it)
	if err != nil {
		return it, err
	}
	doc, err := json.Marshal(placeholder.DocumentID)
	if err != nil {
		return it, err
	}
	p.Staged.Op = cordon.OpNewVersion
	fields := p.Staged.Fields[:0:0]
	for _, field := range p.Staged.Fields {
		// A new version takes its place from its document.
		if !strings.EqualFold(field.Name, "FirstPublishLocationId") {
			fields = append(fields, field)
		}
	}
	p.Staged.Fields = append(fields, cordon.Field{Name: "ContentDocumentId", Value: doc})
	if err := f.seal(&it, key, p); err != nil {
		return it, err
	}
	it.UpstreamID, it.DocumentID = placeholder.ID, placeholder.DocumentID
	err = f.Store.Commit(context.WithoutCancel(ctx), cordon.Change{
		Of: it.Ref, From: cordon.Held, To: cordon.Held, Item: &it,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryStaged, it.Ref, f.Now().UTC(), cordon.Cordon, nil)},
	})
	if err != nil {
		return it, err
	}
	return f.Store.Item(ctx, it.Tenant, it.ID)
}
