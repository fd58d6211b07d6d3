package inline

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// call is one request under way.
type call struct {
	gateway *Gateway
	tenant  *tenant
	w       http.ResponseWriter
	in      *http.Request
	host    string // as the client reached the gateway
	secure  bool

	// Set for requests that were classified.
	method string
	query  string
	path   string // canonical
	target target

	rewrites rewriting
	answered func(*http.Response) error // looks at the upstream's answer
	token    tokenRequest
}

type callKey struct{}

// newTransport returns a connection pool for one upstream. It asks for no compression of its
// own, so that answers stay as the client asked for them.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       30 * time.Second, // shorter than servers': a write over a dying connection is a lost answer
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		WriteBufferSize:       32 << 10,
		ReadBufferSize:        32 << 10,
	}
}

func (t *tenant) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     t.transport,
		BufferPool:    copyBuffers{},
		FlushInterval: 50 * time.Millisecond, // long polls and streams answer in pieces
		Rewrite: func(pr *httputil.ProxyRequest) {
			out, in := pr.Out, pr.In
			out.URL.Scheme, out.URL.Host = t.Upstream.Scheme, t.Upstream.Host
			out.Host = ""
			c := in.Context().Value(callKey{}).(*call)
			if c.path != "" {
				// What was decided about this path must reach the upstream as this path.
				out.URL.Path, out.URL.RawPath, out.URL.RawQuery = c.path, "", c.query
				out.Method = c.method
			} else {
				out.URL.RawQuery = in.URL.RawQuery // ReverseProxy drops what it cannot parse
			}
			forwardedFor(out.Header, in)
			if c.rewrites != rewriteNothing {
				out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			return resp.Request.Context().Value(callKey{}).(*call).amend(resp)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c := r.Context().Value(callKey{}).(*call)
			if !isRefusal(err) {
				if r.Context().Err() != nil {
					panic(http.ErrAbortHandler)
				}
				if !errors.Is(err, cordon.ErrTooSlow) { // the sender's doing
					err = unreachable(err)
				}
			}
			t.gateway.fail(c, err)
		},
		ErrorLog: nil,
	}
}

// unreachable is the answer when the upstream gave none.
func unreachable(err error) *refusal {
	f := refusalf(http.StatusBadGateway, salesforce.CodeUnavailable, "Salesforce did not answer the gateway.")
	f.cause = err
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		f.status = http.StatusServiceUnavailable
		f.message = "The gateway could not reach Salesforce. Nothing was sent; try again shortly."
		f.wait = 5 * time.Second
	}
	return f
}

// pass streams the request through.
func (g *Gateway) pass(c *call) {
	c.tenant.proxy.ServeHTTP(c.w, c.in.WithContext(context.WithValue(c.in.Context(), callKey{}, c)))
}

// forwardedFor appends the client's address to those of earlier proxies.
func forwardedFor(h http.Header, in *http.Request) {
	ip, _, err := net.SplitHostPort(in.RemoteAddr)
	if err != nil {
		ip = in.RemoteAddr
	}
	chain := append([]string(nil), in.Header["X-Forwarded-For"]...)
	h["X-Forwarded-For"] = append(chain, ip)
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := in.Header[name]; ok { // ReverseProxy drops them with Rewrite
			h[name] = v
		}
	}
}

// copyBuffers lends buffers for copying bodies.
type copyBuffers struct{}

const copyBuffer = 32 << 10

var copyPool = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

func (copyBuffers) Get() []byte  { return copyPool.Get().(*[copyBuffer]byte)[:] }
func (copyBuffers) Put(b []byte) { copyPool.Put((*[copyBuffer]byte)(b)) }
