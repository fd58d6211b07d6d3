package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// Whatever an item is for and wherever it stands, it is counted as owing what it owes, by whom,
// and as nothing else.
func TestEveryStateInTheMetrics(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "cordon.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	states, owed := map[cordon.State]int{}, map[cordon.Debt]int{}
	for _, it := range storetest.Everywhere(t, db, "clinic", time.Now()) {
		states[it.State]++
		owed[it.Stand().Owes]++
	}
	blobs, err := blob.OpenFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(newGauges(db, blobs, []TenantConfig{{ID: "clinic"}}))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, s := range cordon.States() {
		if want := fmt.Sprintf("cordon_items{state=%q,tenant=\"clinic\"} %d\n", s, states[s]); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	for _, d := range cordon.Debts() {
		if want := fmt.Sprintf("cordon_items_owed{by=%q,owed=%q,tenant=\"clinic\"} %d\n", d.By(), d, owed[d]); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}
