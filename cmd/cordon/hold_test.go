package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// The command line says of every item what its state means for it, and waits for nothing that
// is not owed.
func TestEveryStateOnTheCommandLine(t *testing.T) {
	var items []map[string]any
	for _, op := range append(cordon.Operations(), "") {
		for _, mode := range cordon.Modes() {
			for _, s := range cordon.States() {
				stand, err := cordon.StandOf(s, op, mode)
				if err != nil {
					continue
				}
				it := map[string]any{"id": cordon.NewID(cordon.PrefixItem), "state": s, "operation": op, "mode": mode, "standing": stand, "received_at": "2026-11-20T08:30:00Z"}
				if op != cordon.OpAsk {
					it["object"] = "ContentVersion"
				}
				items = append(items, it)
			}
		}
	}
	var shown map[string]any
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case strings.HasSuffix(r.URL.Path, "/history"):
			json.NewEncoder(w).Encode(map[string]any{"entries": []any{}})
		case r.URL.Path == "/v1/items":
			json.NewEncoder(w).Encode(map[string]any{"items": []any{shown}, "next": ""})
		default:
			json.NewEncoder(w).Encode(shown)
		}
	}))
	defer srv.Close()
	t.Setenv("CORDON_URL", srv.URL)
	t.Setenv("CORDON_TOKEN", "crd_x")
	run := func(args ...string) string {
		t.Helper()
		cmd := holdCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, shown = range items {
		id, stand := string(shown["id"].(cordon.ID)), shown["standing"].(cordon.Stand)
		state := shown["state"].(cordon.State)
		text, list := run("show", id), run("list", "--state", string(state))
		for _, want := range []string{stand.Name, stand.Next, placeWords[stand.Place]} {
			if want == "" || !strings.Contains(text, want) {
				t.Errorf("%s, operation %q: show lacks %q:\n%s", state, shown["operation"], want, text)
			}
		}
		if waits := strings.Contains(list, "WAITING"); waits != state.Waits() {
			t.Errorf("%s is listed as waiting: %v", state, waits)
		}
		if !state.Waits() && !strings.Contains(list, stand.Name) {
			t.Errorf("%s, operation %q: list lacks %q:\n%s", state, shown["operation"], stand.Name, list)
		}
		if shown["operation"] == cordon.OpAsk && strings.Contains(text+list, "deliver") {
			t.Errorf("%s was only asked about, and is told as a delivery:\n%s%s", state, text, list)
		}
		if stand.Owes == cordon.OweDelivery || stand.Owes == cordon.OweOutcome {
			continue // the command would wait for it
		}
		asked = 0
		if said := run("release", id, "--reason", "genuine", "--wait", "1h"); asked != 1 || strings.Contains(said, "delivery goes on") {
			t.Errorf("%s, operation %q: release asks %d times and says %s", state, shown["operation"], asked, said)
		}
	}
}
