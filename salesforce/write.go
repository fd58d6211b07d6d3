package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// ownershipFields say whose a record is. They are kept where the org lets Cordon write them.
var ownershipFields = []string{"OwnerId", "CreatedById", "CreatedDate", "LastModifiedById", "LastModifiedDate"}

// What no further attempt can mend.
var (
	errNoRecord   = cordon.Permanent(cordon.CauseNoRecord, "an update names no record")
	errNotWritten = cordon.Permanent(cordon.CauseNotWritable, "such a write is not made")
	errTooMany    = cordon.Permanent(cordon.CauseTooMany, "too many records fit a lost write; a person must look")
)

// Write delivers a staged write with its bytes as Cordon: a create, a new version or an update.
// The uploader (Staged.Owner) stays the owner where the org lets Cordon say so.
//
// Errors wrap cordon.ErrRefusedUpstream when the org said no and nothing of the write is there,
// and cordon.ErrNotSent when it certainly was not sent; any other error means that nobody knows.
// Beside that, each says whether the same may succeed later: see Problem.
func (c *Client) Write(ctx context.Context, s cordon.Staged, content cordon.Content) (cordon.Delivery, error) {
	blob, ok := FindBlob(s.Object)
	if !ok || !blob.Inspected {
		return cordon.Delivery{}, fmt.Errorf("%w: %w: files of %.80q", cordon.ErrNotSent, errNotWritten, s.Object)
	}
	x := exchange{method: http.MethodPost, path: c.data("/sobjects/" + blob.Object)}
	switch s.Op {
	case cordon.OpCreate, cordon.OpNewVersion:
	case cordon.OpUpdate:
		if s.RecordID == "" {
			return cordon.Delivery{}, fmt.Errorf("%w: %w", cordon.ErrNotSent, errNoRecord)
		}
		x.method, x.path = http.MethodPatch, x.path+"/"+s.RecordID
	default:
		return cordon.Delivery{}, fmt.Errorf("%w: %w: a staged write of kind %q", cordon.ErrNotSent, errNotWritten, s.Op)
	}
	d, err := c.Describe(ctx, blob.Object)
	if err != nil {
		return cordon.Delivery{}, fmt.Errorf("describe before a write: %w: %w", cordon.ErrNotSent, err)
	}
	fields := writable(s, d)
	body := MultipartBody(fields, blob, FileName(s), content)
	x.body = &body
	resp, err := c.do(ctx, x)
	if err != nil {
		return cordon.Delivery{}, fmt.Errorf("write a %s: %w", blob.Object, err)
	}
	defer resp.Body.Close()
	answer, err := readAll(resp.Body, maxToken)
	if err != nil {
		return cordon.Delivery{}, fmt.Errorf("write a %s: %w", blob.Object, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return cordon.Delivery{}, fmt.Errorf("write a %s: %w", blob.Object, classify(resp.StatusCode, answer))
	}
	var made struct {
		ID string `json:"id"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &made) != nil {
		return cordon.Delivery{}, fmt.Errorf("write a %s: the answer to it cannot be read", blob.Object)
	}
	out := cordon.Delivery{ID: made.ID}
	if out.ID == "" && IsID(s.RecordID) {
		out.ID = s.RecordID
	}
	if blob.Object == "ContentVersion" && IsID(out.ID) {
		// The write stands whether or not this answers; the document's id can be asked later.
		out.DocumentID, _ = c.documentOf(ctx, out.ID)
	}
	return out, nil
}

// writable returns the fields as this org takes them from Cordon.
func writable(s cordon.Staged, d Description) []cordon.Field {
	may := func(name string) bool {
		f, ok := d.Field(name)
		return ok && (s.Op == cordon.OpUpdate && f.Updateable || s.Op != cordon.OpUpdate && f.Createable)
	}
	fields := slices.DeleteFunc(slices.Clone(s.Fields), func(f cordon.Field) bool {
		owns := slices.ContainsFunc(ownershipFields, func(o string) bool { return strings.EqualFold(o, f.Name) })
		return owns && !may(f.Name)
	})
	// A new version belongs to its document's owner already.
	if _, named := (cordon.Staged{Fields: fields}).Field("OwnerId"); !named && s.Op == cordon.OpCreate && IsID(s.Owner) && may("OwnerId") {
		fields = SetField(fields, "OwnerId", s.Owner)
	}
	if s.Key != "" && may(KeyField) {
		fields = SetField(fields, KeyField, s.Key)
	}
	return fields
}

func (c *Client) documentOf(ctx context.Context, version string) (string, error) {
	var r struct{ ContentDocumentID string }
	err := c.get(ctx, c.data("/sobjects/ContentVersion/"+version), "fields=ContentDocumentId", &r)
	return r.ContentDocumentID, err
}

// Window is the time within which a write was tried, both ends included.
type Window struct{ From, To time.Time }

// maxCandidates bounds how many records are downloaded to settle one write.
const maxCandidates = 20

// Find looks for what a write whose answer was lost left in the org: by Cordon's key where the
// org has the field, else by parent, name, length and time, and then by digest (lower-case hex)
// of the downloaded bytes. It returns every record that fits: none or several settle nothing.
func (c *Client) Find(ctx context.Context, s cordon.Staged, sha256hex string, size int64, w Window) ([]cordon.Delivery, error) {
	blob, ok := FindBlob(s.Object)
	if !ok || !blob.Inspected {
		return nil, fmt.Errorf("%w: files of %.80q", errNotWritten, s.Object)
	}
	if s.Op == cordon.OpUpdate && IsID(s.RecordID) {
		return c.findUpdated(ctx, blob, s.RecordID, sha256hex)
	}
	columns := "Id, CreatedById"
	if blob.Object == "ContentVersion" {
		columns += ", ContentDocumentId"
	}
	if s.Key != "" {
		d, err := c.Describe(ctx, blob.Object)
		if err != nil {
			return nil, err
		}
		if _, has := d.Field(KeyField); has {
			found, err := c.find(ctx, "SELECT "+columns+" FROM "+blob.Object+" WHERE "+KeyField+" = "+QuoteSOQL(s.Key), nil)
			if err != nil || len(found) > 0 || d.Keyed() {
				return found, err
			}
			// The write may have gone without the key: it is looked for as one that has none.
		}
	}
	where := []string{
		fmt.Sprintf("%s = %d", blob.SizeField, size),
		"CreatedDate >= " + w.From.UTC().Format("2006-01-02T15:04:05Z"),
		"CreatedDate <= " + w.To.UTC().Add(time.Second).Format("2006-01-02T15:04:05Z"),
	}
	match := []string{blob.SubjectField, FieldDocumentID}
	match = append(match, blob.NameFields...)
	for _, name := range match {
		if v := StringField(s, name); name != "" && v != "" {
			where = append(where, name+" = "+QuoteSOQL(v))
		}
	}
	soql := "SELECT " + columns + " FROM " + blob.Object + " WHERE " + strings.Join(where, " AND ") + fmt.Sprintf(" LIMIT %d", maxCandidates+1)
	mine, err := c.creators(ctx, s)
	if err != nil {
		return nil, err
	}
	found, err := c.find(ctx, soql, mine)
	if err != nil {
		return nil, err
	}
	if len(found) > maxCandidates {
		return nil, fmt.Errorf("%w: more than %d records", errTooMany, maxCandidates)
	}
	var same []cordon.Delivery
	for _, f := range found {
		sum, err := c.digest(ctx, blob.Object, f.ID, blob.BlobField())
		if errors.Is(err, cordon.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sum == sha256hex {
			same = append(same, f)
		}
	}
	return same, nil
}

// creators returns who may have made the record: the uploader or Cordon. Nil means anyone.
func (c *Client) creators(ctx context.Context, s cordon.Staged) ([]string, error) {
	if s.Owner == "" {
		return nil, nil
	}
	me, err := c.Userinfo(ctx)
	if err != nil {
		return nil, err
	}
	return []string{s.Owner, me.UserID}, nil
}

func (c *Client) find(ctx context.Context, soql string, creators []string) ([]cordon.Delivery, error) {
	var found []cordon.Delivery
	err := c.Query(ctx, soql, func(record json.RawMessage) error {
		var r struct{ ID, ContentDocumentID, CreatedByID string }
		if err := json.Unmarshal(record, &r); err != nil {
			return fmt.Errorf("a record found for a lost write cannot be read: %w", err)
		}
		if creators == nil || r.CreatedByID == "" || slices.ContainsFunc(creators, func(id string) bool { return SameID(id, r.CreatedByID) }) {
			found = append(found, cordon.Delivery{ID: r.ID, DocumentID: r.ContentDocumentID})
		}
		return nil
	})
	return found, err
}

// findUpdated tells whether a record holds the bytes that an update meant to write.
func (c *Client) findUpdated(ctx context.Context, blob Blob, id, sha256hex string) ([]cordon.Delivery, error) {
	sum, err := c.digest(ctx, blob.Object, id, blob.BlobField())
	switch {
	case errors.Is(err, cordon.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case sum != sha256hex:
		return nil, nil
	}
	out := cordon.Delivery{ID: id}
	if blob.Object == "ContentVersion" {
		if out.DocumentID, err = c.documentOf(ctx, id); err != nil {
			return nil, err
		}
	}
	return []cordon.Delivery{out}, nil
}
