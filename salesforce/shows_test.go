package salesforce

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// TestShows: a record that a person names is believed only where the org bears it out.
func TestShows(t *testing.T) {
	const id = "068xx0000000001AAA"
	file := []byte("the file")
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	shown := func() map[string]any {
		return map[string]any{"Id": id, "ContentSize": 8, "ContentDocumentId": "069xx0000000001AAA", "FirstPublishLocationId": "500xx000000bZzZAAU", KeyField: "ck_1"}
	}
	withheld := func(o *org) {
		o.answer = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/VersionData") {
				return false
			}
			w.WriteHeader(403)
			io.WriteString(w, `[{"message":"m","errorCode":"INSUFFICIENT_ACCESS"}]`)
			return true
		}
	}
	for name, c := range map[string]struct {
		edit func(o *org, s *cordon.Staged, r map[string]any)
		ask  string
		sum  string
		want cordon.Proof
		err  error
	}{
		"the same bytes":                 {nil, id, digest, cordon.ByDigest, nil},
		"bytes withheld":                 {func(o *org, _ *cordon.Staged, _ map[string]any) { withheld(o) }, id, digest, cordon.BySize, nil},
		"nothing said but the id":        {func(o *org, _ *cordon.Staged, r map[string]any) { withheld(o); delete(r, "ContentSize") }, id, digest, cordon.ByID, nil},
		"a digest that is gone":          {nil, id, "", cordon.BySize, nil},
		"not there":                      {func(o *org, _ *cordon.Staged, _ map[string]any) { o.records = nil }, id, digest, "", cordon.ErrInvalid},
		"no id":                          {nil, "068' OR Id != '", digest, "", cordon.ErrInvalid},
		"other bytes":                    {func(o *org, _ *cordon.Staged, _ map[string]any) { o.files[id] = []byte("another!") }, id, digest, "", cordon.ErrInvalid},
		"another length":                 {func(_ *org, _ *cordon.Staged, r map[string]any) { r["ContentSize"] = 9 }, id, digest, "", cordon.ErrInvalid},
		"another write's key":            {func(_ *org, _ *cordon.Staged, r map[string]any) { r[KeyField] = "ck_2" }, id, digest, "", cordon.ErrInvalid},
		"a key, and it was sent without": {func(_ *org, s *cordon.Staged, _ map[string]any) { s.Key = "" }, id, digest, "", cordon.ErrInvalid},
		"another parent":                 {func(_ *org, _ *cordon.Staged, r map[string]any) { r["FirstPublishLocationId"] = "500xx000000bZzYAAU" }, id, digest, "", cordon.ErrInvalid},
		"the same parent, in short":      {func(_ *org, _ *cordon.Staged, r map[string]any) { r["FirstPublishLocationId"] = "500xx000000bZzZ" }, id, digest, cordon.ByDigest, nil},
		"another document": {func(_ *org, s *cordon.Staged, _ map[string]any) {
			s.Fields = append(s.Fields, cordon.Field{Name: FieldDocumentID, Value: []byte(`"069xx0000000002AAA"`)})
		}, id, digest, "", cordon.ErrInvalid},
		"an update of another": {func(_ *org, s *cordon.Staged, _ map[string]any) {
			s.Op, s.RecordID = cordon.OpUpdate, "068xx0000000002AAA"
		}, id, digest, "", cordon.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			o, s, r := newOrg(t), staged(cordon.OpCreate), shown()
			o.keyed, o.records, o.files[id] = true, []map[string]any{r}, file
			if c.edit != nil {
				c.edit(o, &s, r)
			}
			d, proof, err := newClient(t, o).Shows(t.Context(), s, c.sum, 8, c.ask)
			if !errors.Is(err, c.err) || proof != c.want || c.err == nil && (d.ID != id || d.DocumentID != "069xx0000000001AAA") {
				t.Errorf("%+v by %q, %v; want %q, %v", d, proof, err, c.want, c.err)
			}
		})
	}
	// What went wrong on the way says nothing of the record.
	o := newOrg(t)
	o.keyed, o.records = true, []map[string]any{shown()}
	o.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/VersionData") {
			w.WriteHeader(503)
			return true
		}
		return false
	}
	if _, proof, err := newClient(t, o).Shows(t.Context(), staged(cordon.OpCreate), digest, 8, id); err == nil || errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("an org that is busy: %q, %v", proof, err)
	}
}
