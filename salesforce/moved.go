package salesforce

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cordonhq/cordon"
)

// ErrMoved says that the org answers with a redirect to another address. Cordon's credentials and
// files are not taken there; the upstream in the configuration must be set to the new address.
var ErrMoved = errors.New("the org has moved")

// moved turns a redirect into an error. What was to be written is not, and can be once the
// configuration names the new address. The host is named, and nothing else of the address.
func moved(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	resp.Body.Close()
	host := "another address"
	if to, err := resp.Location(); err == nil && to.Host != "" {
		host = to.Host
	}
	return fmt.Errorf("%w: %w: %s sends callers to %.200s; set the tenant's upstream to the org's new address",
		cordon.ErrNotSent, ErrMoved, resp.Request.URL.Host, host)
}

// stay keeps a client from following redirects: they would take the token, and a file, along.
func stay(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
