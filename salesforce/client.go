package salesforce

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
)

// Config says as whom Cordon speaks to an org. With KeyFile the JWT bearer flow is used, else
// client credentials.
type Config struct {
	// Org is the org's own origin, for example https://acme.my.salesforce.com.
	Org *url.URL
	// Version is the API version. Default: DefaultVersion.
	Version string
	// ClientID is the consumer key of Cordon's connected app.
	ClientID string
	// SecretFile holds the consumer secret, for client credentials.
	SecretFile string
	// KeyFile holds an RSA private key in PEM (PKCS #1 or #8), for JWT bearer.
	KeyFile string
	// Username is the integration user, for JWT bearer.
	Username string
	// Audience is the aud of the assertion. Default: https://login.salesforce.com.
	Audience string
	// Timeout bounds each call but writes and downloads, which their context bounds. Default: 30 s.
	Timeout time.Duration
	// HTTP does the calls. Default: a client of its own. Redirects are never followed.
	HTTP *http.Client
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Limits of what is read from the org, in bytes.
const (
	maxAnswer   = 8 << 20
	maxToken    = 64 << 10
	maxDownload = MaxMultipartVersion
)

// Client speaks to one org as Cordon. It is safe for concurrent use.
type Client struct {
	conf   Config
	secret string
	key    *rsa.PrivateKey

	mu    sync.Mutex // held while a token is fetched, so that only one is
	token atomic.Pointer[string]
	org   atomic.Pointer[string] // its id, once asked

	describes sync.Map // object in lower case → described
	usage     usage
	clock     clock
}

// NewClient reads the secret or the key and returns a client. It does not call the org.
func NewClient(conf Config) (*Client, error) {
	switch {
	case conf.Org == nil || conf.Org.Host == "":
		return nil, fmt.Errorf("%w: Cordon's Salesforce identity needs the org's address", cordon.ErrInvalid)
	case conf.ClientID == "":
		return nil, fmt.Errorf("%w: Cordon's Salesforce identity needs the client id of a connected app", cordon.ErrInvalid)
	case (conf.SecretFile == "") == (conf.KeyFile == ""):
		return nil, fmt.Errorf("%w: Cordon's Salesforce identity needs a secret file or a key file, one of the two", cordon.ErrInvalid)
	case conf.KeyFile != "" && conf.Username == "":
		return nil, fmt.Errorf("%w: a key file needs the name of the integration user", cordon.ErrInvalid)
	}
	if conf.Version == "" {
		conf.Version = DefaultVersion
	}
	if conf.Audience == "" {
		conf.Audience = "https://login.salesforce.com"
	}
	if conf.Timeout == 0 {
		conf.Timeout = 30 * time.Second
	}
	if conf.Clock == nil {
		conf.Clock = time.Now
	}
	if conf.HTTP == nil {
		conf.HTTP = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	conf.HTTP = stay(conf.HTTP)
	c := &Client{conf: conf}
	if conf.SecretFile != "" {
		b, err := os.ReadFile(conf.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("read the secret of Cordon's connected app: %w", err)
		}
		c.secret = strings.TrimSpace(string(b))
		return c, nil
	}
	b, err := os.ReadFile(conf.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key of Cordon's connected app: %w", err)
	}
	if c.key, err = parseKey(b); err != nil {
		return nil, fmt.Errorf("read the key of Cordon's connected app in %q: %w", conf.KeyFile, err)
	}
	return c, nil
}

func parseKey(b []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%w: not PEM", cordon.ErrInvalid)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cordon.ErrInvalid, err)
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: not an RSA key, which RS256 needs", cordon.ErrInvalid)
	}
	return rsaKey, nil
}

// session returns the access token. stale is one that the org no longer takes, "" if none.
func (c *Client) session(ctx context.Context, stale string) (string, error) {
	if t := c.token.Load(); t != nil && *t != stale {
		return *t, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.token.Load(); t != nil && *t != stale { // someone else fetched it meanwhile
		return *t, nil
	}
	form := url.Values{}
	if c.key != nil {
		assertion, err := c.assertion()
		if err != nil {
			return "", err
		}
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", assertion)
	} else {
		form.Set("grant_type", "client_credentials")
		form.Set("client_id", c.conf.ClientID)
		form.Set("client_secret", c.secret)
	}
	ctx, cancel := context.WithTimeout(ctx, c.conf.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address("/services/oauth2/token", ""), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.conf.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("sign in to Salesforce: %w: %w", cordon.ErrNotSent, err)
	}
	if err := moved(resp); err != nil {
		return "", fmt.Errorf("sign in to Salesforce: %w", err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body, maxToken)
	if err != nil {
		return "", fmt.Errorf("sign in to Salesforce: %w: %w", cordon.ErrNotSent, err)
	}
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &issued) != nil || issued.AccessToken == "" {
		p := statusError(resp.StatusCode, body)
		p.signIn = true
		return "", fmt.Errorf("sign in to Salesforce (check the connected app): %w: %w", cordon.ErrNotSent, p)
	}
	c.token.Store(&issued.AccessToken)
	return issued.AccessToken, nil
}

// assertion signs the JWT of RFC 7523 with RS256.
func (c *Client) assertion() (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": c.conf.ClientID, "sub": c.conf.Username, "aud": c.conf.Audience,
		"exp": c.conf.Clock().Add(3 * time.Minute).Unix(),
	})
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, c.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign in to Salesforce: %w", err)
	}
	return text + "." + enc.EncodeToString(sig), nil
}

func (c *Client) address(path, query string) string {
	return (&url.URL{Scheme: c.conf.Org.Scheme, Host: c.conf.Org.Host, Path: path, RawQuery: query}).String()
}

// data returns the path of a REST resource.
func (c *Client) data(path string) string { return "/services/data/v" + c.conf.Version + path }

// exchange is one request that can be made again with a fresh token.
type exchange struct {
	method, path, query string
	body                *Body // nil: none
}

// do makes the request, again with a fresh token if the org refuses the old one. The caller
// closes the body. Errors wrap cordon.ErrNotSent where it is certain that nothing was sent.
func (c *Client) do(ctx context.Context, x exchange) (*http.Response, error) {
	stale := ""
	for attempt := 0; ; attempt++ {
		token, err := c.session(ctx, stale)
		if err != nil {
			return nil, err
		}
		resp, err := c.once(ctx, x, token)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || attempt > 0 {
			return resp, err
		}
		resp.Body.Close()
		stale = token
	}
}

func (c *Client) once(ctx context.Context, x exchange, token string) (*http.Response, error) {
	var sent Sent
	req, err := http.NewRequestWithContext(sent.Watch(ctx), x.method, c.address(x.path, x.query), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cordon.ErrNotSent, err)
	}
	if x.body != nil {
		x.body.Attach(req)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.conf.HTTP.Do(req)
	if err != nil && !sent.Any() {
		return nil, fmt.Errorf("reach Salesforce: %w: %w", cordon.ErrNotSent, err)
	}
	c.usage.count(x.path)
	if err != nil {
		return nil, fmt.Errorf("no answer from Salesforce: %w", err)
	}
	if err := moved(resp); err != nil {
		return nil, err
	}
	c.usage.read(resp.Header.Get("Sforce-Limit-Info"))
	c.clock.read(resp.Header.Get("Date"))
	return resp, nil
}

// get reads a JSON answer of at most maxAnswer bytes.
func (c *Client) get(ctx context.Context, path, query string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.conf.Timeout)
	defer cancel()
	resp, err := c.do(ctx, exchange{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body, maxAnswer)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return statusError(resp.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("an answer of Salesforce is not JSON: %w", err)
	}
	return nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read an answer of Salesforce: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: an answer of Salesforce is longer than %d bytes", cordon.ErrTooLarge, limit)
	}
	return b, nil
}

// classify turns the answer to a write into the kinds of cordon: a refusal, or not known.
func classify(status int, body []byte) error {
	p := statusError(status, body)
	if status < 500 || status == http.StatusServiceUnavailable && len(p.Errors) > 0 {
		return fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, p)
	}
	return p
}
