package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// execute runs a command and returns what it printed and its exit code.
func execute(t *testing.T, cmd *cobra.Command, args ...string) (out string, code int, err error) {
	t.Helper()
	var b bytes.Buffer
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	var exit exitCode
	if errors.As(err, &exit) {
		return b.String(), int(exit), nil
	}
	return b.String(), 0, err
}

// TestFirstAfternoon is what docs/first-day.md tells a newcomer to do, against an org that is
// not ready at first.
func TestFirstAfternoon(t *testing.T) {
	orgConf := sim.Demo()
	orgConf.CordonPackage = false
	org := sim.NewOrg(orgConf)
	server := httptest.NewServer(org.Handler())
	t.Cleanup(func() { server.Close(); org.Close() })

	dir := filepath.Join(t.TempDir(), "cordon")
	config := filepath.Join(dir, "cordon.yaml")
	out, _, err := execute(t, initCommand(), "--org", server.URL, "--auth", "client-credentials", "--client-id", "demo", "--dir", dir, "--yes")
	if err != nil || !strings.Contains(out, "wrote  configuration") || !strings.Contains(out, "OAuth scopes:") {
		t.Fatalf("init: %v\n%s", err, out)
	}
	if _, _, err := execute(t, initCommand(), "--org", server.URL, "--dir", dir, "--yes"); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a second init: %v", err)
	}

	// Nobody has put the secret where the configuration says.
	report := func(wantCode int, args ...string) doctor.Report {
		t.Helper()
		out, code, err := execute(t, doctorCommand(), append([]string{"--config", config, "--json"}, args...)...)
		var r doctor.Report
		if err != nil || code != wantCode || json.Unmarshal([]byte(out), &r) != nil || r.Schema != 1 {
			t.Fatalf("doctor: exit %d, want %d, %v\n%s", code, wantCode, err, out)
		}
		if r.Ready != (code == 0) {
			t.Errorf("ready %v, exit %d", r.Ready, code)
		}
		return r
	}
	state := func(r doctor.Report, check string) doctor.State {
		for _, l := range r.Lines {
			if l.Check == check {
				return l.State
			}
		}
		return ""
	}
	if r := report(1); state(r, "sign-in") != doctor.Missing || state(r, "keys-folder") != doctor.OK || state(r, "database") != doctor.Unknown {
		t.Errorf("%+v", r.Lines)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys", "salesforce.secret"), []byte("demo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := report(0)
	for check, want := range map[string]doctor.State{"sign-in": doctor.OK, "query-all-files": doctor.OK, "package": doctor.Missing,
		"data-folder": doctor.Unknown, "database": doctor.Unknown, "keys-apart": doctor.OK, "direct-path": doctor.Unknown} {
		if got := state(r, check); got != want {
			t.Errorf("%s is %s, want %s", check, got, want)
		}
	}

	// The text says the same to a person.
	out, code, err := execute(t, doctorCommand(), "--config", config)
	if err != nil || code != 0 || !strings.Contains(out, "Nothing that Cordon needs is missing.") {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}

	// After the gateway has run once, there is a database to look at, and doctor leaves it as it is.
	conf, err := app.ReadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	conf.Gateway.Listen, conf.Console.Listen = "127.0.0.1:0", "127.0.0.1:0"
	a, err := app.New(t.Context(), conf, app.Options{Log: logger(false)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := report(0); state(r, "database") != doctor.OK || state(r, "data-folder") != doctor.OK { // beside the running gateway
		t.Errorf("%+v", r.Lines)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := report(0); state(r, "database") != doctor.OK {
		t.Errorf("%+v", r.Lines)
	}

	// The way around is tried only when asked for.
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(org.Token("responder@example.com")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := report(0, "--probe-direct", "--direct-token-file", token); state(r, "direct-path") != doctor.Warning {
		t.Errorf("%+v", r.Lines)
	}
	for _, args := range [][]string{{"--direct-token-file", token}, {"--api-share", "0"}, {"--api-share", "101"}, {"--probe-direct", "--direct-token-file", "nowhere"}} {
		if _, _, err := execute(t, doctorCommand(), append([]string{"--config", config}, args...)...); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// A route that keeps things back needs the right to deliver what is released.
func TestDoctorKnowsWhatTheRoutesNeed(t *testing.T) {
	org := sim.NewOrg(sim.Demo())
	server := httptest.NewServer(org.Handler())
	t.Cleanup(func() { server.Close(); org.Close() })
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[string]int{"inline": 1, "shadow": 0} {
		config := filepath.Join(dir, mode+".yaml")
		if err := os.WriteFile(config, []byte(`
environment: sandbox
data: data
keys: keys
gateway: { listen: "127.0.0.1:8080" }
tenants:
  - id: clinic
    hosts: [localhost]
    upstream: `+server.URL+`
    crm: { client_id: demo-nofiles, client_secret_file: secret }
    routes: [{ name: portal, mode: `+mode+`, match: [{ object: ContentVersion }] }]
`), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code, err := execute(t, doctorCommand(), "--config", config); err != nil || code != want {
			t.Errorf("%s: exit %d, want %d, %v\n%s", mode, code, want, err, out)
		}
	}
}

// The password in a database's address stays there.
func TestDoctorShowsNoPassword(t *testing.T) {
	conf, err := app.ParseConfig([]byte(`
data: data
keys: keys
database: { url: "postgres://gateway:hunter-two@127.0.0.1:1/cordon" }
tenants: [{ id: clinic, hosts: [localhost], upstream: "http://127.0.0.1:1" }]
`))
	if err != nil {
		t.Fatal(err)
	}
	d, err := conf.Doctor()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	r := doctor.Run(t.Context(), d)
	if err := errors.Join(r.JSON(&b), r.Text(&b)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter-two") || !strings.Contains(b.String(), "egress 127.0.0.1:1") || r.Ready {
		t.Errorf("%s", &b)
	}
}

// docs/first-day.md names each check that doctor makes. TestFirstDay follows its commands.
func TestFirstDayPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/first-day.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	org := sim.NewOrg(sim.Demo())
	server := httptest.NewServer(org.Handler())
	t.Cleanup(func() { server.Close(); org.Close() })
	dir := filepath.Join(t.TempDir(), "first-day")
	if out, code, err := execute(t, initCommand(), "--org", server.URL, "--auth", "client-credentials", "--client-id", "demo", "--dir", dir, "--yes"); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s", code, err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys", "salesforce.secret"), []byte("demo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := execute(t, doctorCommand(), "--config", filepath.Join(dir, "cordon.yaml"), "--json")
	var r doctor.Report
	if err != nil || json.Unmarshal([]byte(out), &r) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, l := range r.Lines {
		name, of, several := strings.Cut(l.Check, " ")
		if several {
			name += " …"
		}
		if !strings.Contains(page, "`"+name+"`") || several && name != "egress …" && !strings.Contains(page, of) {
			t.Errorf("the page does not name %q", l.Check)
		}
	}
}
