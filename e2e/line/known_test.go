package line_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/e2e"
)

// TestKnownFiles: a listed file is held however clean it looks, a lawful one passes although
// a generator made it, and taking it off ends both.
func TestKnownFiles(t *testing.T) {
	w := newWorld(t)
	list := func(data []byte, method, list string) {
		t.Helper()
		sum := sha256.Sum256(data)
		var body any
		if list != "" {
			body = map[string]string{"list": list}
		}
		if s := w.API(method, "/v1/known/"+hex.EncodeToString(sum[:]), body, nil); s >= 300 {
			t.Fatalf("%s: status %d", method, s)
		}
	}
	list(e2e.Media.Camera.Bytes, "PUT", "blocked")
	a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes)
	if err != nil || a.Status != http.StatusBadRequest || a.Receipt == "" {
		t.Fatalf("a blocked photo: %v %d %s", err, a.Status, a.Body)
	}
	if r := w.Item(a.Receipt).Verdict.Reasons; len(r) != 1 || r[0] != cordon.ReasonKnownFile {
		t.Errorf("reasons %v, want known-file", r)
	}
	list(e2e.Media.Parameters.Bytes, "PUT", "lawful")
	if a, err := w.UploadJSON("avatar", "avatar.png", e2e.Media.Parameters.Bytes); err != nil || a.Status != http.StatusCreated {
		t.Errorf("a lawful generated picture: %v %d %s", err, a.Status, a.Body)
	}
	list(e2e.Media.Parameters.Bytes, "DELETE", "")
	if a, err := w.UploadJSON("avatar-2", "avatar.png", e2e.Media.Parameters.Bytes); err != nil || a.Status != http.StatusBadRequest {
		t.Errorf("off the list: %v %d %s", err, a.Status, a.Body)
	}
}
