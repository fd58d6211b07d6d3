package kills_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
)

// With few descriptors and strangers who take all of them, operators are still answered, and told
// the cause; the gateway serves again once they are gone.
func TestNoDescriptorsLeft(t *testing.T) {
	v := &victim{e2e.NewVictim(t, app.DatabaseConfig{}, 5*time.Second)}
	v.Files = 64
	v.Start()
	defer v.End()
	ready := func() (int, string) {
		resp := v.ask(func() (*http.Response, error) { return http.Get(v.Console + "/readyz") })
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	if status, text := ready(); status != http.StatusOK {
		t.Fatalf("before: %d %s", status, text)
	}

	for name, begin := range map[string]string{
		"silent":        "",
		"half a header": "GET /services/data HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
		"half a body": "POST /services/data/v64.0/sobjects/ContentVersion HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + v.Caller +
			"\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			flooded := make(chan struct{})
			for _, address := range []string{v.Conf.Gateway.Listen, v.Conf.Console.Listen} {
				go flood(ctx, address, begin, flooded)
			}
			for range 400 { // as many connections were opened, cut ones among them
				<-flooded
			}
			for range 5 {
				status, text := ready()
				if status != http.StatusOK && (status != http.StatusServiceUnavailable || !strings.Contains(text, "descriptor")) {
					t.Errorf("readyz: %d %s", status, text)
				}
				resp := v.ask(func() (*http.Response, error) {
					return http.PostForm(v.Console+"/sign-in", url.Values{"login": {"nobody"}, "password": {"wrong"}})
				})
				resp.Body.Close()
				if s := resp.StatusCode; s != http.StatusForbidden && s != http.StatusServiceUnavailable && s != http.StatusTooManyRequests {
					t.Errorf("a sign-in: %d", s)
				}
			}
			stop()
			v.Until("the gateway to be ready again", func() bool { status, _ := ready(); return status == http.StatusOK })
			v.Until("the gateway to pass calls again", func() bool {
				req, err := http.NewRequest(http.MethodGet, v.Gateway+"/services/data", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					return false
				}
				resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			})
		})
	}
}

// ask asks until there is an answer: a connection among the idle ones may be cut to make room, and
// so may the next.
func (v *victim) ask(one func() (*http.Response, error)) (resp *http.Response) {
	v.T.Helper()
	v.Until("an answer", func() bool {
		var err error
		resp, err = one()
		return err == nil
	})
	return resp
}

// flood keeps opening connections that never come to an end, until ctx does, and says so for
// each. It holds on to a hundred.
func flood(ctx context.Context, address, begin string, opened chan<- struct{}) {
	held := make(chan net.Conn, 100)
	defer func() {
		for len(held) > 0 {
			(<-held).Close()
		}
	}()
	for ctx.Err() == nil {
		if len(held) == cap(held) {
			(<-held).Close()
		}
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			continue
		}
		fmt.Fprint(c, begin)
		held <- c
		select {
		case opened <- struct{}{}:
		case <-ctx.Done():
		}
	}
}
