package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// client calls the API of a running gateway. Every act through it has an actor: the account
// whose token it carries.
type client struct {
	base  string
	token string
	http  *http.Client
}

// newClient reads CORDON_URL and CORDON_TOKEN.
func newClient() (*client, error) {
	base, token := strings.TrimRight(os.Getenv("CORDON_URL"), "/"), os.Getenv("CORDON_TOKEN")
	if base == "" {
		return nil, fmt.Errorf("set CORDON_URL to the console's address, for example http://127.0.0.1:8090 (\"cordon demo\" prints it)")
	}
	if u, err := url.Parse(base); err != nil || u.Host == "" {
		return nil, fmt.Errorf("CORDON_URL %q is not an address like http://127.0.0.1:8090", base)
	}
	if token == "" {
		return nil, fmt.Errorf("set CORDON_TOKEN to the access token of your account (\"cordon demo\" prints one)")
	}
	return &client{base: base, token: token, http: &http.Client{Timeout: time.Minute}}, nil
}

// call sends in as JSON (nil: no body) and reads the answer into out: a *[]byte gets the raw
// body, anything else the decoded JSON, nil nothing.
func (c *client) call(ctx context.Context, method, path string, in, out any) (status int, err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return 0, err
		}
	}
	return c.send(ctx, method, path, "application/json", body, out)
}

// send is call with a body of any type (nil: no body).
func (c *client) send(ctx context.Context, method, path, mediaType string, body []byte, out any) (status int, err error) {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("reach the gateway at %s (is it running, and is CORDON_URL the console's address?): %w", c.base, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= 400 {
		return resp.StatusCode, apiError(resp.StatusCode, b)
	}
	switch out := out.(type) {
	case nil:
	case *[]byte:
		*out = b
	default:
		if err := json.Unmarshal(b, out); err != nil {
			return resp.StatusCode, fmt.Errorf("the gateway's answer to %s %s is not JSON: %w", method, path, err)
		}
	}
	return resp.StatusCode, nil
}

// apiError makes an error of the API's own, which says what to do next.
func apiError(status int, body []byte) error {
	var e struct {
		Error struct{ Code, Message, Reference string }
	}
	if json.Unmarshal(body, &e) != nil || e.Error.Message == "" {
		return fmt.Errorf("the gateway answered %d %s", status, http.StatusText(status))
	}
	if e.Error.Reference != "" {
		return fmt.Errorf("%s (%s, reference %s)", e.Error.Message, e.Error.Code, e.Error.Reference)
	}
	return fmt.Errorf("%s (%s)", e.Error.Message, e.Error.Code)
}
