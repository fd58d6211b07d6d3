package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
)

// Shows says by what the record with an id is what a write has made, after a person has named it:
// by the digest (lower-case hex) of its bytes, else by their number. It returns cordon.ErrInvalid
// where the org shows no such record, or one that is something else.
func (c *Client) Shows(ctx context.Context, s cordon.Staged, sha256hex string, size int64, id string) (cordon.Delivery, cordon.Proof, error) {
	var out cordon.Delivery
	blob, ok := FindBlob(s.Object)
	switch {
	case !ok || !blob.Inspected:
		return out, "", fmt.Errorf("%w: files of %.80q", errNotWritten, s.Object)
	case !IsID(id):
		return out, "", fmt.Errorf("%w: %.40q is no id of a record; copy it whole, with 15 or 18 letters and digits", cordon.ErrInvalid, id)
	case s.Op == cordon.OpUpdate && IsID(s.RecordID) && !SameID(s.RecordID, id):
		return out, "", fmt.Errorf("%w: the write was of another record", cordon.ErrInvalid)
	}
	d, err := c.Describe(ctx, blob.Object)
	if err != nil {
		return out, "", err
	}
	r, err := c.shown(ctx, blob, d, id)
	if err != nil {
		return out, "", err
	}
	document := StringField(s, FieldDocumentID)
	parent := ""
	if blob.SubjectField != "" {
		parent = StringField(s, blob.SubjectField)
	}
	switch {
	case r.size >= 0 && r.size != size:
		return out, "", fmt.Errorf("%w: the file of %s has %d bytes, and the item has %d", cordon.ErrInvalid, id, r.size, size)
	case s.Op != cordon.OpUpdate && r.key != "" && r.key != s.Key:
		return out, "", fmt.Errorf("%w: %s was written as another item", cordon.ErrInvalid, id)
	case IsID(document) && r.document != "" && !SameID(document, r.document):
		return out, "", fmt.Errorf("%w: %s is a version of another document", cordon.ErrInvalid, id)
	case IsID(parent) && r.parent != "" && !SameID(parent, r.parent):
		return out, "", fmt.Errorf("%w: %s hangs on another record than the item was sent for", cordon.ErrInvalid, id)
	}
	out = cordon.Delivery{ID: r.id, DocumentID: r.document}
	proof := cordon.ByID
	if r.size >= 0 {
		proof = cordon.BySize
	}
	if sha256hex == "" {
		return out, proof, nil
	}
	sum, err := c.digest(ctx, blob.Object, r.id, blob.BlobField())
	var answered *Problem
	switch {
	case err == nil && sum == sha256hex:
		return out, cordon.ByDigest, nil
	case err == nil:
		return out, "", fmt.Errorf("%w: the file of %s has other bytes than the item", cordon.ErrInvalid, id)
	case errors.As(err, &answered) && !MayPass(err):
		return out, proof, nil // the org does not give the bytes out
	}
	return out, "", err
}

// record is what an org shows of a file; size is -1 where it does not say.
type record struct {
	id, document, parent, key string
	size                      int64
}

// shown reads what the org shows of a record without its bytes.
func (c *Client) shown(ctx context.Context, blob Blob, d Description, id string) (record, error) {
	columns := []string{"Id"}
	names := []string{blob.SizeField, blob.SubjectField, KeyField}
	if blob.Object == "ContentVersion" {
		names = append(names, FieldDocumentID)
	}
	for _, name := range names {
		if _, has := d.Field(name); has && name != "" {
			columns = append(columns, name)
		}
	}
	var found []record
	err := c.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+blob.Object+" WHERE Id = "+QuoteSOQL(id), func(raw json.RawMessage) error {
		var fields map[string]any
		if err := json.Unmarshal(raw, &fields); err != nil {
			return fmt.Errorf("what the org shows of a record cannot be read: %w", err)
		}
		text := func(name string) string { s, _ := fields[name].(string); return s }
		r := record{id: text("Id"), document: text(FieldDocumentID), parent: text(blob.SubjectField), key: text(KeyField), size: -1}
		if n, ok := fields[blob.SizeField].(float64); ok {
			r.size = int64(n)
		}
		found = append(found, r)
		return nil
	})
	switch {
	case err != nil:
		return record{}, err
	case len(found) != 1 || !IsID(found[0].id):
		return record{}, fmt.Errorf("%w: the org shows Cordon no %s with the id %s", cordon.ErrInvalid, blob.Object, id)
	}
	return found[0], nil
}
