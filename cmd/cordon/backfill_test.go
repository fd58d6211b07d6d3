package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// The first afternoon: an estimate, a sample, then everything, against a configuration and
// with nothing else running.
func TestBackfillCommand(t *testing.T) {
	conf := sim.Demo()
	org := sim.NewOrg(conf)
	server := httptest.NewServer(org.Handler())
	defer server.Close()
	defer org.Close()
	truth, err := sim.Generate(org, sim.Population{Seed: 41, Files: 80})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("cordon.yaml", fmt.Sprintf("data: data\nkeys: keys\ntenants:\n  - id: clinic\n    hosts: [crm.example.org]\n    upstream: %s\n"+
		"    crm: { client_id: demo, client_secret_file: %s }\n", server.URL, write("secret", "demo")))
	command := func(args ...string) []byte {
		t.Helper()
		var out, notes bytes.Buffer
		cmd := backfillCommand()
		cmd.SetArgs(append([]string{"--config", config, "--json"}, args...))
		cmd.SetOut(&out)
		cmd.SetErr(&notes)
		cmd.SilenceUsage = true
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, notes.String())
		}
		return out.Bytes()
	}
	var e events.Estimate
	if err := json.Unmarshal(command("--estimate"), &e); err != nil || e.Files != len(truth.Live()) {
		t.Errorf("estimate %+v, %v; the org has %d files", e, err, len(truth.Live()))
	}
	done := func(args ...string) (p events.Progress) {
		t.Helper()
		b := command(args...)
		if err := json.Unmarshal(b, &p); err != nil || !strings.Contains(string(b), `"state":"done"`) {
			t.Fatalf("%v: %s", err, b)
		}
		return p
	}
	if p := done("--sample", "10"); p.Observed != 10 {
		t.Errorf("the sample: %+v", p)
	}
	if p := done(); p.Observed != len(truth.Live())-10 || p.Known != 10 {
		t.Errorf("all: %+v", p)
	}
}
