// Package callback tells other systems, over HTTPS, what was decided.
//
// Every call is signed as Standard Webhooks describes, so that the receiver can tell who sent
// it, that nobody changed it, and whether it is a repetition. A call goes to the declared
// address and nowhere else: redirects are not followed, and addresses inside the operator's own
// network are refused, whatever a name resolves to.
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package callback

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cordonhq/cordon"
)

// Config tunes callbacks.
type Config struct {
	// Timeout bounds one call. Default: 10 s.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// AllowLoopback permits http and addresses of this machine, for the demo.
	AllowLoopback bool `json:"allow_loopback" yaml:"allow_loopback"`
	// AllowPrivate permits addresses inside private networks, for receivers beside Cordon.
	AllowPrivate bool `json:"allow_private" yaml:"allow_private"`
}

// ErrPermanent marks a call that will not do better when it is repeated as it is.
var ErrPermanent = errors.New("the receiver will not take it")

// Secret signs calls to one receiver. It never prints.
type Secret struct{ key []byte }

// minSecret and maxSecret are the sizes that Standard Webhooks asks for.
const (
	minSecret = 24
	maxSecret = 64
)

// ParseSecret reads "whsec_" followed by base64 of 24 to 64 bytes.
func ParseSecret(s string) (Secret, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(s), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, fmt.Errorf("%w: a callback secret is \"whsec_\" and base64 of %d to %d bytes; make one with: echo whsec_$(openssl rand -base64 32)", cordon.ErrInvalid, minSecret, maxSecret)
	}
	return Secret{key}, nil
}

// ReadSecret reads a secret from a file.
func ReadSecret(path string) (Secret, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read callback secret: %w", err)
	}
	s, err := ParseSecret(string(data))
	if err != nil {
		return Secret{}, fmt.Errorf("%q: %w", path, err)
	}
	return s, nil
}

// Format hides the secret from every print verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "[callback secret]") }

// Sign returns the value of the header webhook-signature.
func (s Secret) Sign(id string, at time.Time, payload []byte) string {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(payload)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Client makes the calls. It is safe for concurrent use.
type Client struct {
	conf Config
	http *http.Client
	now  func() time.Time
}

// New returns a client.
func New(conf Config) *Client { return newClient(conf, nil) }

func newClient(conf Config, roots *tls.Config) *Client {
	if conf.Timeout <= 0 {
		conf.Timeout = 10 * time.Second
	}
	c := &Client{conf: conf, now: time.Now}
	dialer := &net.Dialer{
		Timeout: conf.Timeout,
		// Control sees the address that a name resolved to, after every other step, so a name
		// that changes its mind between a check and the call gains nothing.
		Control: func(_, address string, _ syscall.RawConn) error { return c.permit(address) },
	}
	c.http = &http.Client{
		Timeout: conf.Timeout,
		Transport: &http.Transport{
			DialContext:           dialer.DialContext,
			TLSClientConfig:       roots,
			TLSHandshakeTimeout:   conf.Timeout,
			ResponseHeaderTimeout: conf.Timeout,
			MaxIdleConnsPerHost:   2,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
			Proxy:                 nil, // a proxy would do the resolving, past permit
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// CheckURL reports whether callbacks to the address are possible at all. Configuration is
// checked with it, so that a mistake shows before the first call.
func (c *Client) CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("%w: callback address: %w", cordon.ErrInvalid, err)
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%w: the callback address %q must be a full URL without user and fragment", cordon.ErrInvalid, u.Redacted())
	case u.Scheme == "https", u.Scheme == "http" && c.conf.AllowLoopback && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: the callback address %q must begin with https://", cordon.ErrInvalid, u.Redacted())
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// permit refuses addresses from which a callback could reach what strangers must not.
func (c *Client) permit(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: callback to %q: %w", ErrPermanent, address, err)
	}
	ip := to.Addr().Unmap()
	switch {
	case ip.IsLoopback():
		if c.conf.AllowLoopback {
			return nil
		}
	case ip.IsPrivate(), carrierNAT.Contains(ip):
		if c.conf.AllowPrivate {
			return nil
		}
	case !ip.IsGlobalUnicast(), embedsIPv4(ip):
	default:
		return nil
	}
	return fmt.Errorf("%w: callbacks to %s are not permitted; set allow_private if the receiver is inside your own network", ErrPermanent, ip)
}

var (
	carrierNAT = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	embedding  = []netip.Prefix{
		netip.MustParsePrefix("64:ff9b::/96"),   // RFC 6052
		netip.MustParsePrefix("64:ff9b:1::/48"), // RFC 8215
		netip.MustParsePrefix("2002::/16"),      // RFC 3056
	}
)

// embedsIPv4 finds IPv6 addresses that lead on to an IPv4 one, which could be a private one.
func embedsIPv4(ip netip.Addr) bool {
	for _, p := range embedding {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Post makes one call. id names the message and stays the same when it is repeated, so that the
// receiver can drop what it has had. Any 2xx answer is success. An error that wraps
// ErrPermanent should not be retried; any other may be.
func (c *Client) Post(ctx context.Context, address string, secret Secret, id string, payload []byte) error {
	if err := c.CheckURL(address); err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	if len(secret.key) == 0 {
		return fmt.Errorf("%w: the route has no callback secret; declare one", ErrPermanent)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	at := c.now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Cordon")
	// Standard Webhooks writes the names in lower case; receivers must not care, but some do.
	req.Header["webhook-id"] = []string{id}
	req.Header["webhook-timestamp"] = []string{strconv.FormatInt(at.Unix(), 10)}
	req.Header["webhook-signature"] = []string{secret.Sign(id, at, payload)}

	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("callback %s: %w", id, err)
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 4<<10) // lets the connection be used again; the answer says nothing to us
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode/100 == 3:
		return fmt.Errorf("callback %s: %w: it answered %d, and redirects are not followed; declare the final address", id, ErrPermanent, resp.StatusCode)
	case resp.StatusCode == http.StatusGone:
		return fmt.Errorf("callback %s: %w: it answered 410 Gone", id, ErrPermanent)
	}
	return fmt.Errorf("callback %s: the receiver answered %d", id, resp.StatusCode)
}
