package inline

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/cordonhq/cordon/salesforce"
)

// credentials are what a request proves its caller with. They live as long as the request.
type credentials struct{ authorization, session string }

// credentialsOf finds a token where Salesforce looks for it.
func credentialsOf(r *http.Request) (credentials, bool) {
	c := credentials{authorization: r.Header.Get("Authorization"), session: r.Header.Get("X-Sfdc-Session")}
	return c, c.token() != ""
}

// token is the bare session id or access token.
func (c credentials) token() string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(c.authorization), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth") {
		return strings.TrimSpace(token)
	}
	return c.session
}

// String keeps credentials out of logs.
func (c credentials) String() string { return "[credentials]" }

// GoString keeps credentials out of logs.
func (c credentials) GoString() string { return c.String() }

// person is the CRM's user behind a token; empty when the token may not ask.
type person struct{ id, name string }

// callers asks the CRM about callers and keeps the answers for a short while. Tokens are kept
// only as HMACs under a key that dies with the process.
type callers struct {
	tenant *tenant
	secret [32]byte
	flight singleflight.Group

	mu           sync.Mutex
	answers      map[string]answer
	descriptions map[[sha256.Size]byte]*salesforce.Description // by the digest of what the CRM sent
}

type answer struct {
	until time.Time
	value any
}

// maxAnswers bounds what is kept; beyond it, old answers go first and then any.
const maxAnswers = 20_000

func newCallers(t *tenant) *callers {
	c := &callers{tenant: t, answers: make(map[string]answer), descriptions: make(map[[sha256.Size]byte]*salesforce.Description)}
	rand.Read(c.secret[:])
	return c
}

// key is an opaque text for the credentials, the same for the same ones.
func (c *callers) key(of credentials) string {
	m := hmac.New(sha256.New, c.secret[:])
	fmt.Fprintf(m, "%d:%s%s", len(of.authorization), of.authorization, of.session)
	return hex.EncodeToString(m.Sum(nil))
}

// describe asks what the caller may do with an object and its fields. A *nativeAnswer error is
// the CRM's own.
func (c *callers) describe(ctx context.Context, of credentials, version, object string) (*salesforce.Description, error) {
	return remembered(ctx, c, c.key(of)+"/object/"+version+"/"+strings.ToLower(object), func(ctx context.Context) (*salesforce.Description, error) {
		b, err := c.ask(ctx, of, "/services/data/v"+version+"/sobjects/"+object+"/describe", "", maxDescribe)
		if err != nil {
			return nil, err
		}
		return c.read(b)
	})
}

// maxDescribe is the longest description that is read. Those of large objects reach some hundred KB.
const maxDescribe = 8 << 20

// maxDescriptions bounds the different ones that are kept. Callers with the same rights get the
// same, and share it.
const maxDescriptions = 512

func (c *callers) read(b []byte) (*salesforce.Description, error) {
	sum := sha256.Sum256(b)
	c.mu.Lock()
	d := c.descriptions[sum]
	c.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d = new(salesforce.Description)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, unreachable(fmt.Errorf("the CRM's answer is not JSON: %w", err))
	}
	if !d.Whole() {
		c.tenant.gateway.log.Warn("the CRM describes an object without its fields, so that writes of it are not checked before they are held",
			"tenant", c.tenant.ID, "object", d.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.descriptions) >= maxDescriptions {
		clear(c.descriptions)
	}
	c.descriptions[sum] = d
	return d, nil
}

// personOf asks who the caller is. A token without the scope to ask is nobody, not an error.
func (c *callers) personOf(ctx context.Context, of credentials) person {
	p, err := remembered(ctx, c, c.key(of)+"/person", func(ctx context.Context) (person, error) {
		var info struct {
			UserID   string `json:"user_id"`
			Username string `json:"preferred_username"`
		}
		err := c.get(ctx, of, "/services/oauth2/userinfo", "", 64<<10, &info)
		var native *nativeAnswer
		if errors.As(err, &native) {
			err = nil
		}
		return person{id: info.UserID, name: info.Username}, err
	})
	if err != nil {
		c.tenant.gateway.log.Warn("the CRM did not say who a caller is", "tenant", c.tenant.ID, "cause", err)
	}
	return p
}

// clientOf returns the OAuth client the token was issued to.
func (c *callers) clientOf(ctx context.Context, of credentials) string {
	token := of.token()
	if token == "" {
		return ""
	}
	id, _ := remembered(ctx, c, c.key(of)+"/client", func(ctx context.Context) (string, error) {
		id := c.tenant.gateway.line.ClientOf(ctx, c.tenant.ID, token)
		if id == "" {
			return "", errUnknownClient // may be learned any moment, so not kept
		}
		return id, nil
	})
	return id
}

var errUnknownClient = errors.New("the client is not known")

// forget drops what was kept about the credentials, as when the CRM no longer takes them.
func (c *callers) forget(of credentials) {
	prefix := c.key(of) + "/"
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.answers {
		if strings.HasPrefix(k, prefix) {
			delete(c.answers, k)
		}
	}
}

// remembered returns a kept answer, or asks once for all who wait for the same one.
func remembered[T any](ctx context.Context, c *callers, key string, ask func(context.Context) (T, error)) (T, error) {
	now := c.tenant.clock()
	c.mu.Lock()
	a, ok := c.answers[key]
	c.mu.Unlock()
	if ok && now.Before(a.until) {
		return a.value.(T), nil
	}
	v, err, _ := c.flight.Do(key, func() (any, error) {
		// Whoever asks first may leave; the others still wait for the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		v, err := ask(ctx)
		if err == nil {
			c.keep(key, v)
		}
		return v, err
	})
	return v.(T), err
}

func (c *callers) keep(key string, v any) {
	now := c.tenant.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) >= maxAnswers {
		for k, a := range c.answers {
			if !now.Before(a.until) {
				delete(c.answers, k)
			}
		}
		for k := range c.answers {
			if len(c.answers) < maxAnswers {
				break
			}
			delete(c.answers, k)
		}
	}
	c.answers[key] = answer{now.Add(answerFor), v}
}

// nativeAnswer is an answer of the CRM that the caller should see as it is.
type nativeAnswer struct {
	status      int
	contentType string
	body        []byte
	wait        string
}

func (n *nativeAnswer) Error() string { return fmt.Sprintf("the CRM answered %d", n.status) }

// get asks the CRM with the caller's own credentials, and reads its JSON.
func (c *callers) get(ctx context.Context, of credentials, path, query string, limit int64, into any) error {
	b, err := c.ask(ctx, of, path, query, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return unreachable(fmt.Errorf("the CRM's answer is not JSON: %w", err))
	}
	return nil
}

// ask asks the CRM with the caller's own credentials.
func (c *callers) ask(ctx context.Context, of credentials, path, query string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.tenant.upstream(path, query).String(), nil)
	if err != nil {
		return nil, err
	}
	if of.authorization != "" {
		req.Header.Set("Authorization", of.authorization)
	}
	if of.session != "" {
		req.Header.Set("X-Sfdc-Session", of.session)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.tenant.transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	if err := c.tenant.movedTo(resp, nil); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &nativeAnswer{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"),
			body: body[:min(len(body), 64<<10)], wait: resp.Header.Get("Retry-After")}
	}
	if int64(len(body)) > limit {
		return nil, unreachable(fmt.Errorf("the CRM's answer is longer than %d bytes", limit))
	}
	return body, nil
}
