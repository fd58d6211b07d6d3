package line_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/app"
)

// get asks without a token.
func (w *world) get(address string) (int, string) {
	w.T.Helper()
	resp, err := http.Get(address)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Probes go on without a token and see nothing of a tenant; a listener of its own shows all.
func TestDoorsOfOperators(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Metrics.Listen = "127.0.0.1:0" })
	for _, path := range []string{"/readyz", "/metrics", "/healthz"} {
		status, text := w.get(w.Console + path)
		if status != http.StatusOK || strings.Contains(text, "clinic") {
			t.Errorf("%s without a token: %d %s", path, status, text)
		}
	}
	if status, text := w.get(w.App.MetricsURL() + "/metrics"); status != http.StatusOK || !strings.Contains(text, `cordon_items{state="held",tenant="clinic"}`) {
		t.Errorf("the listener for monitoring: %d %s", status, text)
	}
	for _, path := range []string{"/readyz", "/", "/v1/items", "/sign-in"} {
		if status, _ := w.get(w.App.MetricsURL() + path); status != http.StatusNotFound {
			t.Errorf("the listener for monitoring answers %s with %d", path, status)
		}
	}
	if !strings.Contains(w.Metrics(), `tenant="clinic"`) {
		t.Error("an account that may read sees nothing of its tenant")
	}
}

// Ready means that bytes are taken: where the folder is gone they are not.
func TestNotReadyWithoutTheFolderForBytes(t *testing.T) {
	w := newWorld(t)
	if status, text := w.get(w.Console + "/readyz"); status != http.StatusOK {
		t.Fatalf("before: %d %s", status, text)
	}
	bytes := filepath.Join(w.Dir, "data", "bytes")
	if err := os.Rename(bytes, bytes+".away"); err != nil {
		t.Fatal(err)
	}
	w.Until("readyz to say that no bytes are taken", func() bool {
		status, text := w.get(w.Console + "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "the folder for bytes takes none")
	})
	if err := os.Rename(bytes+".away", bytes); err != nil {
		t.Fatal(err)
	}
	w.Until("readyz to be ready again", func() bool {
		status, _ := w.get(w.Console + "/readyz")
		return status == http.StatusOK
	})
}
