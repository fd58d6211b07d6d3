package sim_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// jsforce runs the client's story against the org and returns its steps with
// what each had to say. Failed steps fail the test.
func jsforce(t *testing.T, url string, args ...string) map[string]string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the story of jsforce was not told")
	}
	dir := filepath.Join(root(t), "test", "jsforce")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "jsforce")); err != nil {
		t.Skip("jsforce is not installed: run npm ci in test/jsforce")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{"run.mjs", "--url", url}, args...)...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	steps := map[string]string{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var s struct {
			Step, Detail string
			OK           bool
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("not a step: %s", lines.Text())
		}
		if !s.OK {
			t.Errorf("%s: %s", s.Step, s.Detail)
		}
		steps[s.Step] = s.Detail
	}
	if runErr != nil {
		t.Errorf("%v: %s", runErr, errs.String())
	}
	return steps
}

// A real client does a day's work and cannot tell.
func TestJsforce(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pemFile := filepath.Join(t.TempDir(), "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(pemFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for login, args := range map[string][]string{
		"password": nil, "client": nil, "soap": nil,
		"jwt": {"--client", "jwt", "--key", pemFile},
	} {
		t.Run(login, func(t *testing.T) {
			conf := sim.Demo()
			conf.Clients = append(conf.Clients, sim.Client{ID: "jwt", Key: &key.PublicKey})
			org := sim.NewOrg(conf)
			server := httptest.NewServer(org.Handler())
			defer org.Close()
			defer server.Close()
			steps := jsforce(t, server.URL, append(args, "--login", login)...)
			if len(steps) != 20 {
				t.Errorf("%d steps: %v", len(steps), steps)
			}
		})
	}
}

// The same over TLS, as clients that force https need it.
func TestJsforceOverTLS(t *testing.T) {
	org := sim.NewOrg(sim.Demo())
	server := httptest.NewTLSServer(org.Handler())
	defer org.Close()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NODE_EXTRA_CA_CERTS", ca)
	if steps := jsforce(t, server.URL, "--login", "client"); len(steps) != 20 {
		t.Errorf("%d steps: %v", len(steps), steps)
	}
}

// What is refused like a validation rule reaches the code behind the client as one.
func TestJsforceSeesAHold(t *testing.T) {
	org := sim.NewOrg(sim.Demo())
	server := httptest.NewServer(org.Handler())
	defer org.Close()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "held.png")
	if err := os.WriteFile(file, []byte("not a picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	org.Fail(sim.Fault{Method: "POST", Object: "ContentVersion", Status: 400,
		Body: `[{"message":"Held for review, receipt itm_1","errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","fields":["VersionData"]}]`})
	steps := jsforce(t, server.URL, "--login", "client", "--only-held", "--expect-held", file)
	if steps["expect held"] != "Held for review, receipt itm_1" {
		t.Errorf("the client read %q", steps["expect held"])
	}
}
