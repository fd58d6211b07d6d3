package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// The first afternoon: an estimate, a sample, then everything, in a gateway that goes on
// serving meanwhile.
func TestBackfillCommand(t *testing.T) {
	org := sim.NewOrg(sim.Demo())
	server := httptest.NewServer(org.Handler())
	defer server.Close()
	defer org.Close()
	truth, err := sim.Generate(org, sim.Population{Seed: 41, Files: 80})
	if err != nil {
		t.Fatal(err)
	}
	live := len(truth.Live())
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := app.ParseConfig([]byte(fmt.Sprintf("data: %s\nkeys: %s\ngateway: { listen: '127.0.0.1:0' }\nconsole: { listen: '127.0.0.1:0' }\n"+
		"tenants:\n  - id: clinic\n    hosts: [crm.example.org]\n    upstream: %s\n    crm: { client_id: demo, client_secret_file: %s }\n",
		filepath.Join(dir, "data"), filepath.Join(dir, "keys"), server.URL, secret)))
	if err != nil {
		t.Fatal(err)
	}
	token := string(account.NewToken())
	a, err := app.New(t.Context(), conf, app.Options{Log: slog.New(slog.DiscardHandler),
		Accounts: []account.Static{{Login: "operator", Tenant: "clinic", Roles: []account.Role{account.Admin}, Token: token}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	t.Setenv("CORDON_URL", a.ConsoleURL())
	t.Setenv("CORDON_TOKEN", token)

	command := func(args ...string) (out, notes string, err error) {
		var o, n bytes.Buffer
		cmd := backfillCommand()
		cmd.SetArgs(args)
		cmd.SetOut(&o)
		cmd.SetErr(&n)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err = cmd.ExecuteContext(t.Context())
		return o.String(), n.String(), err
	}
	does := func(into any, args ...string) {
		t.Helper()
		out, notes, err := command(append(args, "--json")...)
		if err == nil {
			err = json.Unmarshal([]byte(out), into)
		}
		if err != nil {
			t.Fatalf("%v: %v\n%s\n%s", args, err, out, notes)
		}
	}
	shows := func(want []string, args ...string) {
		t.Helper()
		out, notes, err := command(args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		for _, w := range want {
			if !strings.Contains(out+notes, w) {
				t.Errorf("%v does not say %q:\n%s%s", args, w, notes, out)
			}
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if _, _, err := command(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}

	refused("there was no backfill yet", "status")
	shows([]string{"cordon backfill estimate"}, "list")
	var e desk.BackfillEstimate
	if does(&e, "estimate"); e.Files != live {
		t.Errorf("estimate %+v; the org has %d files", e, live)
	}
	shows([]string{fmt.Sprintf("%d of %d files", live, live), "no connected detector costs"}, "estimate")
	var p desk.Backfill
	if does(&p, "--sample", "10", "--name", "sample"); p.State != "done" || p.Observed != 10 || p.Name != "sample" {
		t.Errorf("the sample: %+v", p)
	}
	refused("give the new one another name", "start", "--name", "sample")
	refused("no name for a backfill", "start", "--name", "Mary Smith")
	refused("belong to --night", "start", "--zone", "Europe/Berlin")
	refused("no IANA time zone", "start", "--night", "22:00-06:00", "--zone", "Berlin")

	var slow desk.Backfill
	does(&slow, "start", "--rate", "0.01")
	refused("is running", "start")
	var at desk.Backfill
	if does(&at, "pause"); at.State != "paused" || at.Name != slow.Name {
		t.Errorf("paused: %+v", at)
	}
	shows([]string{"paused", slow.Name}, "status")
	shows([]string{slow.Name, "sample"}, "list")
	does(&at, "pace", "--workers", "8")
	at = desk.Backfill{}
	if does(&at, "resume"); at.State != "running" || at.Plan.Rate != 0 {
		t.Errorf("resumed: %+v", at)
	}
	// Without a subcommand, what is under way is shown to its end.
	if does(&p); p.Name != slow.Name || p.State != "done" || p.Observed != live-10 || p.Known != 10 {
		t.Errorf("all: %+v", p)
	}
	shows([]string{"per 1000 files", "by channel", "no connected detector costs"}, "status", slow.Name)
	refused("is done", "stop")
}
