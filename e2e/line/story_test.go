package line_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// TestPhotoReachesTheCRMAndGeneratedOneWaits is the main job: a camera photo arrives, an
// AI-generated one is held, a person releases it, and the ledger proves all of it.
func TestPhotoReachesTheCRMAndGeneratedOneWaits(t *testing.T) {
	w := newWorld(t)
	for name, upload := range map[string]func(string, string, []byte) (e2e.Answer, error){"json": w.UploadJSON, "multipart": w.UploadMultipart} {
		t.Run(name, func(t *testing.T) {
			photo, err := upload("photo-"+name, "photo.jpg", e2e.Media.Camera.Bytes)
			if err != nil || photo.Status != http.StatusCreated || photo.Receipt == "" {
				t.Fatalf("camera photo: %v %d %s", err, photo.Status, photo.Body)
			}
			up := w.Upstream("photo-" + name)
			if len(up) != 1 || up[0].ID != photo.ID() || up[0].SHA256 != sha256.Sum256(e2e.Media.Camera.Bytes) {
				t.Fatalf("the org has %+v, want the photo as %s", up, photo.ID())
			}

			generated := append(bytes.Clone(e2e.Media.Generated.Bytes), name...)
			held, err := upload("id-"+name, "id.jpg", generated)
			if err != nil || held.Status != http.StatusBadRequest || held.Code() != "FIELD_CUSTOM_VALIDATION_EXCEPTION" ||
				held.Receipt == "" || !strings.Contains(string(held.Body), held.Receipt) {
				t.Fatalf("generated ID: %v %d %s receipt %q", err, held.Status, held.Body, held.Receipt)
			}
			if up := w.Upstream("id-" + name); len(up) != 0 {
				t.Fatalf("the held file is in the org: %+v", up)
			}

			again, err := upload("id-"+name, "id.jpg", generated)
			if err != nil || again.Status != http.StatusBadRequest || again.Receipt != held.Receipt {
				t.Errorf("the same request while held: %v %d, receipt %q, want %q", err, again.Status, again.Receipt, held.Receipt)
			}
			other, err := upload("other-"+name, "id.jpg", generated)
			if err != nil || other.Receipt == "" || other.Receipt == held.Receipt {
				t.Errorf("the same bytes for another record: %v %d, receipt %q, want one of its own", err, other.Status, other.Receipt)
			}

			var released e2e.ItemJSON
			if s := w.API("POST", "/v1/items/"+held.Receipt+"/release", map[string]string{"reason": "genuine"}, &released); s != http.StatusOK {
				t.Fatalf("release: status %d", s)
			}
			w.Until("delivery after release", func() bool { return w.Item(held.Receipt).State == cordon.Delivered })
			up = w.Upstream("id-" + name)
			if len(up) != 1 || up[0].SHA256 != sha256.Sum256(generated) || up[0].ID != w.Item(held.Receipt).UpstreamID {
				t.Fatalf("after release the org has %+v", up)
			}
			anew, err := upload("id-"+name, "id.jpg", generated)
			if err != nil || anew.Receipt == "" || anew.Receipt == held.Receipt {
				t.Errorf("the same request after delivery: %v %d, receipt %q; want one of its own", err, anew.Status, anew.Receipt)
			}
			w.Until("a receipt", func() bool { return w.API("GET", "/v1/receipts/"+held.Receipt, nil, nil) == http.StatusOK })
		})
	}
}

func TestRejectedFileStaysOutAndKeepsItsEvidence(t *testing.T) {
	w := newWorld(t)
	held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if s := w.API("POST", "/v1/items/"+held.Receipt+"/reject", map[string]string{"reason": "harmful", "note": "not the person"}, nil); s != http.StatusOK {
		t.Fatalf("reject: status %d", s)
	}
	again, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || again.Status != http.StatusBadRequest || again.Receipt != held.Receipt {
		t.Errorf("after rejection a retry got %d %s", again.Status, again.Body)
	}
	if up := w.Upstream("id"); len(up) != 0 {
		t.Errorf("the rejected file is in the org: %+v", up)
	}
	if s := w.API("POST", "/v1/items/"+held.Receipt+"/release", map[string]string{"reason": "genuine"}, nil); s != http.StatusConflict {
		t.Errorf("releasing a rejected item: status %d, want 409", s)
	}
}

// TestUnknownRouteHolds: what comes by a way that nobody declared is held, however clean.
func TestUnknownRouteHolds(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Routes[0].Match = []cordon.Match{{Object: "Attachment"}} })
	a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes)
	if err != nil || a.Status != http.StatusBadRequest || a.Receipt == "" {
		t.Fatalf("undeclared route: %v %d %s; want it held", err, a.Status, a.Body)
	}
	if got := w.Item(a.Receipt).Verdict.Reasons; len(got) != 1 || got[0] != cordon.ReasonRouteUnknown {
		t.Errorf("reasons %v, want only route-unknown", got)
	}
}

// TestStagedPlaceholder: where a route says so, a held new document is answered with a
// placeholder that exists, and the genuine bytes become its next version.
func TestStagedPlaceholder(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Routes[0].WhenHeld = cordon.AnswerStage })
	a, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || a.Status != http.StatusCreated || a.Receipt == "" {
		t.Fatalf("staged upload: %v %d %s", err, a.Status, a.Body)
	}
	var placeholder sim.File
	for _, f := range w.Org.Files() {
		if f.ID == a.ID() {
			placeholder = f
		}
	}
	if placeholder.ID == "" || placeholder.SHA256 == sha256.Sum256(e2e.Media.Generated.Bytes) || filepath.Ext(placeholder.Path) != ".jpg" {
		t.Fatalf("placeholder %+v: want another file of the same extension that exists", placeholder)
	}
	if s := w.API("POST", "/v1/items/"+a.Receipt+"/release", map[string]string{"reason": "lawful-synthetic"}, nil); s != http.StatusOK {
		t.Fatalf("release: status %d", s)
	}
	w.Until("delivery", func() bool { return w.Item(a.Receipt).State == cordon.Delivered })
	var versions []sim.File
	for _, f := range w.Org.Files() {
		if f.DocumentID == placeholder.DocumentID {
			versions = append(versions, f)
		}
	}
	if len(versions) != 2 || versions[1].SHA256 != sha256.Sum256(e2e.Media.Generated.Bytes) || !versions[1].Latest {
		t.Errorf("the document has versions %+v; want the placeholder, then the genuine bytes", versions)
	}
}

// TestLedgerNamesNobody reads every leaf: no file name, no person, no CRM id and no digest
// that somebody who has the file could match.
func TestLedgerNamesNobody(t *testing.T) {
	w := newWorld(t)
	for _, m := range [][]byte{e2e.Media.Camera.Bytes, e2e.Media.Generated.Bytes} {
		if _, err := w.UploadJSON("Erika Mustermann MRI", "erika-mustermann.jpg", m); err != nil {
			t.Fatal(err)
		}
	}
	held := w.Items("held")
	w.API("POST", "/v1/items/"+string(held[0].ID)+"/reject", map[string]string{"reason": "harmful", "note": "Erika says it is not hers"}, nil)
	w.Until("the shredding", func() bool { return len(w.blobs()) == 1 })

	sum := func(b []byte) []string {
		d := sha256.Sum256(b)
		return []string{hex.EncodeToString(d[:]), base64.StdEncoding.EncodeToString(d[:]), base64.RawURLEncoding.EncodeToString(d[:])}
	}
	secrets := append(sum(e2e.Media.Camera.Bytes), sum(e2e.Media.Generated.Bytes)...)
	secrets = append(secrets, "Erika", "erika", "Mustermann", "demo@example.com", "reviewer@example.com", "127.0.0.1", w.Caller, w.Token,
		w.Org.UserID("demo@example.com"), fmt.Sprint(len(e2e.Media.Camera.Bytes)), fmt.Sprint(len(e2e.Media.Generated.Bytes)))
	for _, f := range w.Org.Files() {
		secrets = append(secrets, f.ID, f.DocumentID)
	}
	leaves := 0
	for _, it := range w.Items("") {
		var h struct{ Entries []json.RawMessage }
		w.API("GET", "/v1/items/"+string(it.ID)+"/history", nil, &h)
		for _, e := range h.Entries {
			leaves++
			for _, s := range secrets {
				if s != "" && bytes.Contains(e, []byte(s)) {
					t.Errorf("an entry holds %q: %s", s, e)
				}
			}
		}
	}
	if leaves < 8 {
		t.Errorf("only %d entries were read", leaves)
	}
}

// blobs are the files of bytes, without those that were set aside.
func (w *world) blobs() []string {
	var out []string
	_ = filepath.WalkDir(filepath.Join(w.Dir, "data", "bytes"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "aside" {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
			out = append(out, path)
		}
		return nil
	})
	return out
}

// TestDataFolderHoldsNothingReadable greps every file below the data folder, before and
// after shredding, for the content, names and people that went through.
func TestDataFolderHoldsNothingReadable(t *testing.T) {
	w := newWorld(t)
	secret := []byte("a sentence that stands in the picture's own text 7f3a9")
	clean := append(bytes.Clone(e2e.Media.Camera.Bytes), secret...) // after the end of image: ignored by decoders
	if a, err := w.UploadMultipart("Erika Mustermann MRI", "erika-mustermann.jpg", clean); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("upload: %v %d %s", err, a.Status, a.Body)
	}
	if a, err := w.UploadMultipart("Erika Mustermann ID", "erika-id.jpg", e2e.Media.Generated.Bytes); err != nil || a.Receipt == "" {
		t.Fatalf("upload: %v %d %s", err, a.Status, a.Body)
	}
	w.Until("the shredding of what passed", func() bool { return len(w.blobs()) == 1 })
	needles := [][]byte{secret, []byte("Mustermann"), []byte("mustermann"), []byte("demo@example.com"), []byte(w.Caller),
		e2e.Media.Generated.Bytes[1000:1040], e2e.Media.Camera.Bytes[1000:1040]}
	for _, m := range [][]byte{clean, e2e.Media.Generated.Bytes} {
		d := sha256.Sum256(m)
		needles = append(needles, d[:], []byte(hex.EncodeToString(d[:])))
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(w.Dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, n := range needles {
			if bytes.Contains(b, n) {
				t.Errorf("%s holds %.40q", path, n)
			}
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Fatalf("read %d files: %v", files, err)
	}
}

// TestTenantsSeeNothingOfEachOther: the same account token against another tenant's item.
func TestWrongHostIsMisdirected(t *testing.T) {
	w := newWorld(t)
	req, _ := http.NewRequest("GET", w.Gateway+"/services/data/", nil)
	req.Host = "other.example.com"
	a, err := w.Do(req)
	if err != nil || a.Status != http.StatusMisdirectedRequest {
		t.Errorf("unknown host: %v, status %d, want 421", err, a.Status)
	}
}
