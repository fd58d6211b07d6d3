package inline

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkPassThrough serves the same call through the gateway and through a bare
// httputil.ReverseProxy, turn by turn in one run, and reports the ratio of requests per second.
func BenchmarkPassThrough(b *testing.B) {
	for name, call := range map[string]func(base string) (*http.Request, error){
		"get": func(base string) (*http.Request, error) {
			return http.NewRequest("GET", base+"/services/data/v64.0/sobjects/Case/500xx000000bZzZAAU", nil)
		},
		"post": func(base string) (*http.Request, error) {
			req, err := http.NewRequest("POST", base+"/services/data/v64.0/sobjects/Case", strings.NewReader(`{"Subject":"Portal upload","Origin":"Web","Description":"a few words of text"}`))
			if err == nil {
				req.Header.Set("Content-Type", "application/json")
			}
			return req, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			answer := []byte(`{"attributes":{"type":"Case"},"Id":"500xx000000bZzZAAU","Subject":"` + strings.Repeat("x", 1000) + `"}`)
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				w.Write(answer)
			}))
			defer up.Close()
			upstream, err := url.Parse(up.URL)
			if err != nil {
				b.Fatal(err)
			}
			g, err := New(Config{Tenants: []Tenant{{ID: "clinic", Hosts: []string{"127.0.0.1"}, Upstream: upstream}}}, newFakeLine())
			if err != nil {
				b.Fatal(err)
			}
			ours := httptest.NewServer(g)
			defer ours.Close()
			bare := httputil.NewSingleHostReverseProxy(upstream)
			bare.Transport = newTransport()
			theirs := httptest.NewServer(bare)
			defer theirs.Close()

			client := &http.Client{Transport: newTransport()}
			run := func(base string, n int) time.Duration {
				work := make(chan struct{}, n)
				for range n {
					work <- struct{}{}
				}
				close(work)
				done := make(chan error, 8)
				start := time.Now()
				for range cap(done) {
					go func() {
						for range work {
							req, err := call(base)
							if err != nil {
								done <- err
								return
							}
							req.Header.Set("Authorization", "Bearer "+token)
							resp, err := client.Do(req)
							if err != nil {
								done <- err
								return
							}
							io.Copy(io.Discard, resp.Body)
							resp.Body.Close()
						}
						done <- nil
					}()
				}
				for range cap(done) {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				return time.Since(start)
			}
			run(ours.URL, 200)
			run(theirs.URL, 200)
			var mine, other time.Duration
			b.ResetTimer()
			const turn = 500
			for range b.N {
				mine += run(ours.URL, turn)
				other += run(theirs.URL, turn)
			}
			b.ReportMetric(float64(other)/float64(mine), "ratio")
			b.ReportMetric(float64(turn*b.N)/mine.Seconds(), "req/s")
			b.ReportMetric(float64(mine-other)/float64(turn*b.N)*8, "added-ns/call") // eight callers at once
		})
	}
}

// BenchmarkJSONUpload measures parsing alone: base64 text in, bytes out.
func BenchmarkJSONUpload(b *testing.B) {
	body := cvJSON(make([]byte, 4<<20))
	blob := mustBlob(b)
	b.SetBytes(int64(len(body)))
	for range b.N {
		var n int64
		_, err := parseJSON(strings.NewReader(body), blob, 1<<20, discardSpool(&n))
		if err != nil || n != 4<<20 {
			b.Fatal(n, err)
		}
	}
}
