package salesforce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// TestCredentialsStayWithTheOrg lets an org send Cordon elsewhere, with its token and with a file,
// also through a client that would follow.
func TestCredentialsStayWithTheOrg(t *testing.T) {
	seen := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen++ }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, signedIn := range []bool{false, true} {
			org := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if signedIn && strings.HasSuffix(r.URL.Path, "/token") {
					io.WriteString(w, `{"access_token":"t"}`)
					return
				}
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", other.URL+r.URL.Path+"?secret=x")
				w.WriteHeader(status)
			}))
			origin, _ := url.Parse(org.URL)
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := NewClient(Config{Org: origin, ClientID: "c", SecretFile: secret, HTTP: &http.Client{}})
			if err != nil {
				t.Fatal(err)
			}
			_, asked := c.Userinfo(context.Background())
			_, wrote := c.Write(context.Background(), cordon.Staged{Op: cordon.OpCreate, Object: "ContentVersion"}, content([]byte("bytes")))
			_, _, loaded := c.Download(context.Background(), "ContentVersion", "068000000000001AAA", "VersionData", io.Discard)
			for _, err := range []error{asked, wrote, loaded} {
				if !errors.Is(err, ErrMoved) || !errors.Is(err, cordon.ErrNotSent) || errors.Is(err, cordon.ErrRefusedUpstream) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%d: %v", status, err)
				}
			}
			org.Close()
		}
	}
	if seen != 0 {
		t.Errorf("%d requests went to the other host", seen)
	}
}

func TestPlatformHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"acme.my.salesforce.com": true, "login.salesforce.com": true, "ACME.lightning.force.com.": true, "acme.my.site.com": true,
		"salesforce.com.example": false, "notsalesforce.com": false, "idp.example": false, "": false,
	} {
		if got := IsPlatformHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
