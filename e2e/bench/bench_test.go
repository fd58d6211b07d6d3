package bench_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/media/mediatest"
)

// nullOrg answers like an org that does no work: what is measured is the gateway.
func nullOrg(b *testing.B) string {
	answer := []byte(`{"attributes":{"type":"Case"},"Id":"500xx000000bZzZAAU","Subject":"` + strings.Repeat("x", 1000) + `"}`)
	mux := http.NewServeMux()
	say := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json;charset=UTF-8")
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	mux.HandleFunc("/", say(http.StatusOK, answer))
	mux.HandleFunc("/services/oauth2/userinfo", say(http.StatusOK, []byte(`{"user_id":"005xx000001Sv6eAAC","preferred_username":"demo@example.com"}`)))
	mux.HandleFunc("/services/data/v64.0/sobjects/ContentVersion/describe", say(http.StatusOK, []byte(`{"createable":true,"updateable":true,"fields":[]}`)))
	mux.HandleFunc("POST /services/data/v64.0/sobjects/ContentVersion", say(http.StatusCreated, []byte(`{"id":"068xx0000004CDeAAM","success":true,"errors":[]}`)))
	org := httptest.NewServer(mux)
	b.Cleanup(org.Close)
	return org.URL
}

// benchGateway starts a whole gateway, on SQLite and a folder, in front of the upstream.
func benchGateway(b *testing.B, upstream string, edit ...func(*app.Config)) string {
	w := &e2e.World{T: b, OrgURL: upstream, Dir: b.TempDir(), Token: e2e.ReviewerToken}
	conf := w.Config()
	for _, e := range edit {
		e(&conf)
	}
	conf.FillDefaults()
	a, err := app.New(b.Context(), conf, w.AppOptions())
	if err != nil {
		b.Fatal(err)
	}
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			b.Error(err)
		}
	})
	return a.GatewayURL()
}

// callers sends requests from the given number of keep-alive clients, n in all, and returns
// how long each took and how long all of them did.
func callers(b *testing.B, clients, n int, request func(i int) (*http.Request, error)) (each []time.Duration, all time.Duration) {
	b.Helper()
	each = make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				req, err := request(i)
				if err != nil {
					b.Error(err)
					return
				}
				start := time.Now()
				resp, err := benchClient.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				each[i] = time.Since(start)
				if err != nil || resp.StatusCode > 299 {
					b.Errorf("status %d: %.300s %v", resp.StatusCode, body, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return each, time.Since(begin)
}

var benchClient = &http.Client{Transport: benchTransport()}

func benchTransport() *http.Transport {
	return &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 512, DisableCompression: true,
		WriteBufferSize: 32 << 10, ReadBufferSize: 32 << 10}
}

// benchBuffers lends the bare proxy its buffers, as the gateway's own does.
type benchBuffers struct{ sync.Pool }

func (p *benchBuffers) Get() []byte {
	if b, ok := p.Pool.Get().(*[32 << 10]byte); ok {
		return b[:]
	}
	return make([]byte, 32<<10)
}

func (p *benchBuffers) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }

func median(ds []time.Duration) time.Duration {
	ds = slices.Clone(ds)
	slices.Sort(ds)
	return ds[len(ds)/2]
}

// BenchmarkPassThrough makes the same call through the gateway and through a bare
// httputil.ReverseProxy with the same pools of connections and buffers, turn by turn in one
// run. It reports the ratio of requests per second with eight callers, and by how much the
// median of a single caller's calls grows.
func BenchmarkPassThrough(b *testing.B) {
	const turn = 400
	for _, call := range []struct{ name, method, path, body string }{
		{"get", "GET", "/services/data/v64.0/sobjects/Case/500xx000000bZzZAAU", ""},
		{"post", "POST", "/services/data/v64.0/sobjects/Case", `{"Subject":"Portal upload","Origin":"Web","Description":"a few words of text"}`},
	} {
		b.Run(call.name, func(b *testing.B) {
			org := nullOrg(b)
			upstream, err := url.Parse(org)
			if err != nil {
				b.Fatal(err)
			}
			bare := httputil.NewSingleHostReverseProxy(upstream)
			bare.Transport, bare.BufferPool = benchTransport(), &benchBuffers{}
			theirs := httptest.NewServer(bare)
			defer theirs.Close()
			ours := benchGateway(b, org)
			to := func(base string) func(int) (*http.Request, error) {
				return func(int) (*http.Request, error) {
					req, err := http.NewRequest(call.method, base+call.path, strings.NewReader(call.body))
					if err == nil && call.body != "" {
						req.Header.Set("Content-Type", "application/json")
					}
					if err == nil {
						req.Header.Set("Authorization", "Bearer 00Dbench!token")
					}
					return req, err
				}
			}
			callers(b, 8, turn, to(ours))
			callers(b, 8, turn, to(theirs.URL))
			var mine, other time.Duration
			var myCalls, otherCalls []time.Duration
			b.ResetTimer()
			for range b.N {
				_, d := callers(b, 8, turn, to(ours))
				mine += d
				_, d = callers(b, 8, turn, to(theirs.URL))
				other += d
				each, _ := callers(b, 1, turn, to(ours))
				myCalls = append(myCalls, each...)
				each, _ = callers(b, 1, turn, to(theirs.URL))
				otherCalls = append(otherCalls, each...)
			}
			b.ReportMetric(float64(other)/float64(mine), "ratio")
			b.ReportMetric(float64(turn*b.N)/mine.Seconds(), "req/s")
			b.ReportMetric(float64(median(myCalls)-median(otherCalls))/1e6, "p50-added-ms")
		})
	}
}

// photo is a JPEG of 1 MB whose scan is noise, as entropy-coded data looks: no marker in it.
func photo(b *testing.B) []byte {
	const size = 1 << 20
	file := mediatest.EXIF(mediatest.JPEG(b, 1000, 800), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Canon")}))
	noise := make([]byte, size-len(file))
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := 0; i+8 <= len(noise); i += 8 {
		binary.LittleEndian.PutUint64(noise[i:], rnd.Uint64())
	}
	noise = bytes.ReplaceAll(noise, []byte{0xFF}, []byte{0xFE})
	return append(append(file[:len(file)-2:len(file)-2], noise...), 0xFF, 0xD9)
}

// BenchmarkUpload is a photograph of 1 MB through the whole gateway: stored, hashed,
// encrypted, inspected, committed four times and forwarded to an upstream that does nothing.
// With "late" each owes a late look, which is carried out meanwhile and gives way: the search
// for invisible marks in pictures that were cut out of larger ones.
// It reports the median of a caller's wait, files per second, and the processor time of a
// file, that of the client and of the upstream in the same process included.
func BenchmarkUpload(b *testing.B) {
	for _, way := range []struct {
		form   string
		pixels bool
		late   time.Duration // how long what was passed on may wait for its late look
	}{{"multipart", false, -1}, {"json", false, -1}, {"multipart", true, -1}, {"multipart", true, time.Hour}} {
		for _, clients := range []int{1, 8, 32} {
			name := way.form
			if way.pixels {
				name += "-pixels"
			}
			if way.late > 0 {
				name += "-late"
			}
			b.Run(fmt.Sprintf("%s/callers=%d", name, clients), func(b *testing.B) {
				send := uploads(benchGateway(b, nullOrg(b), func(c *app.Config) { c.Inspect.SkipPixels, c.Inspect.LateWithin = !way.pixels, way.late }), way.form, photo(b))
				callers(b, clients, 2*clients, send)
				b.SetBytes(1 << 20)
				before := processorTime()
				b.ResetTimer()
				each, all := callers(b, clients, b.N, send)
				b.StopTimer()
				b.ReportMetric(float64(median(each))/1e6, "p50-ms")
				b.ReportMetric(float64(b.N)/all.Seconds(), "files/s")
				b.ReportMetric(float64(processorTime()-before)/1e6/float64(b.N), "cpu-ms/file")
			})
		}
	}
}

// uploads returns requests that each carry a file of its own: the same with a number in it.
func uploads(gateway, form string, file []byte) func(int) (*http.Request, error) {
	head, tail := `{"Title":"scan","PathOnClient":"scan.jpg","VersionData":"`, `"}`
	media := "application/json"
	if form == "multipart" {
		head = "--frontier\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" +
			`{"Title":"scan","PathOnClient":"scan.jpg"}` +
			"\r\n--frontier\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"scan.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
		tail = "\r\n--frontier--\r\n"
		media = "multipart/form-data; boundary=frontier"
	} else {
		for len(file)%12 != 0 { // so that a number in it keeps its place in the text
			file = append(file[:len(file)-2:len(file)-2], 0xFE, 0xFF, 0xD9)
		}
	}
	at := len(file) - 12
	number := func(i int) []byte {
		end := bytes.Clone(file[at:])
		copy(end, fmt.Sprintf("%08d", i))
		return end
	}
	text := func(b []byte) []byte { return b }
	if form == "json" {
		text = func(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
	}
	start := text(file[:at])
	return func(i int) (*http.Request, error) {
		end := text(number(i))
		req, err := http.NewRequest("POST", gateway+"/services/data/v64.0/sobjects/ContentVersion",
			io.MultiReader(strings.NewReader(head), bytes.NewReader(start), bytes.NewReader(end), strings.NewReader(tail)))
		if err == nil {
			req.ContentLength = int64(len(head) + len(start) + len(end) + len(tail))
			req.Header.Set("Content-Type", media)
			req.Header.Set("Authorization", "Bearer 00Dbench!token")
		}
		return req, err
	}
}

// processorTime is what this process has used, in user and system time.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
