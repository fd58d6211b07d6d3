package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// gatewayWith answers /v1/inventory with one state after another; the last stays.
func gatewayWith(t *testing.T, states ...desk.InventoryState) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		json.NewEncoder(w).Encode(states[0])
		if len(states) > 1 {
			states = states[1:]
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("CORDON_URL", server.URL)
	t.Setenv("CORDON_TOKEN", "crd_test")
	return asked
}

func inventoryOut(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, notes bytes.Buffer
	cmd := inventoryCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&notes)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String() + notes.String(), err
}

// The table fits 100 columns, shows what is not known as not known, and a name from the org
// does not move the cursor.
func TestInventoryTable(t *testing.T) {
	stock := desktest.Stock(time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC))
	stock.Apps[1].Name = "\x1b[2J\n" + strings.Repeat("long ", 40)
	gatewayWith(t, desk.InventoryState{Last: &stock})
	out, err := inventoryOut(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out, "\n") {
		if n := utf8.RuneCountInString(line); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"48210 files, 61.4 GB", "unknown", "before (2870 so far)", "not at all", "Telehealth Bridge", "On_ContentVersion", "MALFORMED_QUERY"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("an escape sequence of the org's reaches the terminal")
	}
}

// --refresh asks for a count and waits until it has ended; one that failed is an error.
func TestInventoryRefresh(t *testing.T) {
	stock := desktest.Stock(time.Now())
	asked := gatewayWith(t, desk.InventoryState{Running: true}, desk.InventoryState{Running: true, Step: "Attachment"}, desk.InventoryState{Last: &stock})
	out, err := inventoryOut(t, "--refresh", "--json")
	if err != nil || !strings.Contains(out, "counting Attachment") || !strings.Contains(out, `"files":48210`) || strings.Join(*asked, ", ") != "POST /v1/inventory, GET /v1/inventory, GET /v1/inventory" {
		t.Errorf("%v, %v: %s", err, *asked, out)
	}
	gatewayWith(t, desk.InventoryState{Failed: "no-calls-left", Last: &stock})
	if _, err := inventoryOut(t, "--refresh"); err == nil || !strings.Contains(err.Error(), "no-calls-left") {
		t.Errorf("%v", err)
	}
	gatewayWith(t, desk.InventoryState{})
	if out, err := inventoryOut(t); err != nil || !strings.Contains(out, "--refresh") {
		t.Errorf("%v: %s", err, out)
	}
}
