package callback

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func secret(t *testing.T) Secret {
	t.Helper()
	s, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example of the reference implementations of Standard Webhooks.
func TestSignatureOfTheReference(t *testing.T) {
	got := secret(t).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
}

// receiver is a TLS server that a client with its certificate may call on loopback.
func receiver(t *testing.T, conf Config, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return newClient(conf, &tls.Config{RootCAs: pool}), srv.URL
}

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	c, address := receiver(t, Config{AllowLoopback: true}, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
	at := time.Unix(1700000000, 0)
	c.now = func() time.Time { return at }
	if err := c.Post(t.Context(), address, secret(t), "eff_1", []byte(`{"state":"kept"}`)); err != nil {
		t.Fatal(err)
	}
	if string(body) != `{"state":"kept"}` || got.Header.Get("webhook-id") != "eff_1" || got.Header.Get("webhook-timestamp") != "1700000000" ||
		got.Header.Get("webhook-signature") != secret(t).Sign("eff_1", at, body) || got.Header.Get("Content-Type") != "application/json" || got.Method != "POST" {
		t.Errorf("the receiver got %v %s", got.Header, body)
	}
}

func TestAnswers(t *testing.T) {
	for status, permanent := range map[int]bool{301: true, 307: true, 400: false, 404: false, 410: true, 429: false, 500: false, 503: false} {
		followed := false
		c, address := receiver(t, Config{AllowLoopback: true}, func(w http.ResponseWriter, r *http.Request) {
			followed = followed || r.URL.Path != "/"
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		err := c.Post(t.Context(), address+"/", secret(t), "eff_1", []byte("{}"))
		if err == nil || errors.Is(err, ErrPermanent) != permanent || followed {
			t.Errorf("%d: %v (redirect followed: %v)", status, err, followed)
		}
	}
}

func TestOnlyThroughTrustedTLS(t *testing.T) {
	called := false
	_, address := receiver(t, Config{}, func(http.ResponseWriter, *http.Request) { called = true })
	err := New(Config{AllowLoopback: true}).Post(t.Context(), address, secret(t), "eff_1", []byte("{}"))
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || called {
		t.Errorf("an unknown certificate: %v, called %v", err, called)
	}
}

func TestLoopbackIsRefusedUnlessPermitted(t *testing.T) {
	called := false
	c, address := receiver(t, Config{}, func(http.ResponseWriter, *http.Request) { called = true })
	// The name does not matter, only where it leads.
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		err := c.Post(t.Context(), "https://"+host+":"+u.Port()+"/", secret(t), "eff_1", []byte("{}"))
		if !errors.Is(err, ErrPermanent) || called {
			t.Errorf("%s: %v, called %v", host, err, called)
		}
	}
}

func TestAddresses(t *testing.T) {
	strict, private := New(Config{}), New(Config{AllowPrivate: true})
	for address, want := range map[string][2]bool{
		"203.0.113.7:443": {true, true}, "[2001:db8::1]:443": {true, true},
		"10.0.0.1:443": {false, true}, "192.168.1.1:443": {false, true}, "172.16.0.1:443": {false, true}, "[fd00::1]:443": {false, true}, "100.64.0.1:443": {false, true},
		"127.0.0.1:443": {}, "[::1]:443": {}, "169.254.169.254:80": {}, "[fe80::1]:443": {}, "0.0.0.0:443": {}, "[::]:443": {}, "224.0.0.1:443": {}, "255.255.255.255:443": {},
		"[::ffff:127.0.0.1]:443": {}, "[::ffff:10.0.0.1]:443": {false, true}, "[64:ff9b::a00:1]:443": {}, "[2002:a00:1::]:443": {}, "nonsense": {},
	} {
		for i, c := range []*Client{strict, private} {
			if err := c.permit(address); (err == nil) != want[i] {
				t.Errorf("%s with allow_private %v: %v", address, i == 1, err)
			}
		}
	}
}

func TestCheckURL(t *testing.T) {
	for address, want := range map[string][2]bool{
		"https://partner.example/hook?x=1": {true, true}, "http://partner.example/": {}, "http://localhost:8080/": {false, true}, "http://127.0.0.1/": {false, true},
		"https://user:pw@partner.example/": {}, "https://partner.example/#x": {}, "ftp://partner.example/": {}, "/path": {}, "": {}, "https://%zz": {},
	} {
		for i, c := range []*Client{New(Config{}), New(Config{AllowLoopback: true})} {
			err := c.CheckURL(address)
			if (err == nil) != want[i] || err != nil && strings.Contains(err.Error(), "pw") {
				t.Errorf("%q with allow_loopback %v: %v", address, i == 1, err)
			}
		}
	}
}

func TestCancelledCalls(t *testing.T) {
	c, address := receiver(t, Config{AllowLoopback: true}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Post(ctx, address, secret(t), "eff_1", nil); !errors.Is(err, context.Canceled) || errors.Is(err, ErrPermanent) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	for _, bad := range []string{"", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := ParseSecret(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := New(Config{}).Post(t.Context(), "https://partner.example/", Secret{}, "x", nil); !errors.Is(err, ErrPermanent) {
		t.Errorf("a call without secret: %v", err)
	}
	if out := fmt.Sprintf("%v %+v %#v %s %d", secret(t), secret(t), secret(t), secret(t), secret(t)); strings.Count(out, "[callback secret]") != 5 {
		t.Errorf("prints %s", out)
	}
}
