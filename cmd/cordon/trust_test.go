package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// TestTrustList has two versions of one list and asks which counts when.
func TestTrustList(t *testing.T) {
	dir := t.TempDir()
	root, err := writer.NewAuthority("test root")
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(root.PEM()))
	old, young := put("old.pem", string(root.PEM())), put("young.pem", string(root.PEM()))
	put("old.pem.yaml", "name: the list\nversion: \"1\"\ndate: 2026-01-01\nuntil: 2026-07-01\n")
	put("young.pem.yaml", "name: the list\nversion: \"2\"\ndate: 2026-07-01\nfrom: 2026-07-01\nsource: https://example.org/list\nsha256: "+sum+"\n")
	denied := put("denied.csv", "kind,value,issuer,since,reason\ncertificate,"+sum+",,2026-01-01,leaked\n")
	run := func(args ...string) (string, int) {
		t.Helper()
		out, code, err := execute(t, trustCommand(), append([]string{"list", "--trust-list", old, "--trust-list", young, "--deny-list", denied}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out, code
	}
	out, code := run("--at", "2026-08-01T00:00:00Z")
	if code != 0 || !strings.Contains(out, sum) || !strings.Contains(out, "yes, 2026-07-01 to …") || !strings.Contains(out, "no, … to 2026-07-01") || !strings.Contains(out, "denied") {
		t.Errorf("%d:\n%s", code, out)
	}
	if out, code := run("--at", "2026-03-01T00:00:00Z"); code != 0 || !strings.Contains(out, "yes, … to 2026-07-01") {
		t.Errorf("earlier, %d:\n%s", code, out)
	}
	if out, code := run("--at", "2027-08-01T00:00:00Z", "--json"); code != 3 || !strings.Contains(out, "look for a newer one") || !strings.Contains(out, `"in_force": true`) {
		t.Errorf("later, %d:\n%s", code, out)
	}
	for name, change := range map[string]string{
		"another file": "sha256: " + strings.Repeat("0", 64), "an unknown key": "colour: red", "no day": "date: soon", "never": "from: 2026-02-01\nuntil: 2026-01-01",
	} {
		put("old.pem.yaml", change)
		if out, _, err := execute(t, trustCommand(), "list", "--trust-list", old); err == nil || !strings.Contains(err.Error(), "old.pem") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if _, _, err := execute(t, trustCommand(), "list"); err == nil {
		t.Error("nothing to list, and no error")
	}
	config := put("cordon.yaml", "data: "+dir+"\nkeys: "+dir+"/keys\ntenants:\n- id: t\n  hosts: [h.example]\n  upstream: https://x.my.salesforce.com\n  trust_anchors: young.pem\n")
	if out, code, err := execute(t, trustCommand(), "list", "--config", config, "--at", "2026-08-01T00:00:00Z"); err != nil || code != 0 || !strings.Contains(out, "the list") {
		t.Errorf("by configuration: %d %v\n%s", code, err, out)
	}
}
