package door_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// TestJsforceThroughTheGateway: a real client works through the gateway as it does without,
// over http and https, signing in four ways, and meets a hold in its own words.
func TestJsforceThroughTheGateway(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the story of jsforce was not told")
	}
	dir := filepath.Join("..", "..", "test", "jsforce")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "jsforce")); err != nil {
		t.Skip("jsforce is not installed: run npm ci in test/jsforce")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	keyFile, generated, caFile := filepath.Join(tmp, "jwt.pem"), filepath.Join(tmp, "id.jpg"), filepath.Join(tmp, "ca.pem")
	e2e.WriteFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	e2e.WriteFile(t, generated, e2e.Media.Generated.Bytes)

	tlsConf, ca, err := app.LoopbackTLS()
	if err != nil {
		t.Fatal(err)
	}
	e2e.WriteFile(t, caFile, ca)
	w := newWorldWith(t, e2e.WorldOptions{
		Org: func(c *sim.Config) { c.Clients = append(c.Clients, sim.Client{ID: "jwt", Key: &key.PublicKey}) },
		App: func(c *app.Config) { c.Gateway.TLSListen = "127.0.0.1:0" },
		TLS: tlsConf,
	})
	for name, tc := range map[string]struct {
		url  string
		args []string
	}{
		"password over http":  {w.Gateway, []string{"--login", "password"}},
		"client over http":    {w.Gateway, []string{"--login", "client"}},
		"jwt over http":       {w.Gateway, []string{"--login", "jwt", "--client", "jwt", "--key", keyFile, "--audience", "https://login.salesforce.com"}},
		"soap over http":      {w.Gateway, []string{"--login", "soap"}},
		"client over https":   {w.App.GatewayTLSURL(), []string{"--login", "client"}},
		"password over https": {w.App.GatewayTLSURL(), []string{"--login", "password"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(node, append([]string{"run.mjs", "--url", tc.url, "--expect-held", generated, "--files-in-composite", "refused"}, tc.args...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+caFile)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			steps := 0
			for line := range bytes.Lines(out) {
				var s struct {
					Step   string
					OK     bool
					Detail any
				}
				if err := json.Unmarshal(line, &s); err != nil {
					t.Fatalf("not a step: %s", line)
				}
				steps++
				if !s.OK {
					t.Errorf("%s: %v", s.Step, s.Detail)
				}
			}
			if err != nil || steps < 10 {
				t.Errorf("%d steps, %v\n%s", steps, err, stderr.Bytes())
			}
		})
	}
}
