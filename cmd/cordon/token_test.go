package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/account"
)

// What the command prints is what an account accepts, and what it says of a token tells
// nothing of it.
func TestTokenOpensTheAccountItIsGivenTo(t *testing.T) {
	cmd := tokenCommand()
	var out, notes bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&notes)
	cmd.SetArgs(nil)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(out.String())
	if strings.Contains(notes.String(), token) {
		t.Errorf("the line for the gateway holds the token itself: %s", notes.String())
	}
	file := filepath.Join(t.TempDir(), "mule.token")
	if err := os.WriteFile(file, notes.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := account.Open([]account.Config{{Login: "mule", Tenant: "clinic", Roles: []account.Role{account.Integration}, TokenFile: file}})
	if err != nil {
		t.Fatalf("the line for token_file is refused: %v", err)
	}
	who, err := book.Bearer(token)
	if err != nil || who.Login != "mule" {
		t.Errorf("the token opens %q: %v", who.Login, err)
	}
}
