package inline

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/pace"
)

// endless gives the same byte n times.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > e.n {
		p = p[:e.n]
	}
	for i := range p {
		p[i] = 'A'
	}
	e.n -= int64(len(p))
	return len(p), nil
}

func bomb(t *testing.T, prefix string, n int64) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, prefix)
	if _, err := io.Copy(z, &endless{n}); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.String()
}

func TestBadInput(t *testing.T) {
	file := b64(photo)
	whole := form("b", entityHead, entity, binaryHead, string(photo))
	var manyParts, manyHeaders strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&manyParts, "--b\r\nContent-Disposition: form-data; name=\"entity_%d\"\r\n\r\n{}\r\n", i)
		fmt.Fprintf(&manyHeaders, "X-%d: y\r\n", i)
	}
	small := func(c *Config) {
		c.MaxJSON, c.MaxMultipartVersion, c.MaxChecked, c.MaxFields = 64<<10, 64<<10, 64<<10, 4<<10
	}
	for _, test := range []struct {
		name, typ, body string
		headers         []string
		status          int
	}{
		{"multipart without its end", formType, whole[:len(whole)-len("\r\n--b--\r\n")], nil, 400},
		{"multipart cut in the file", formType, whole[:len(whole)-100], nil, 400},
		{"multipart cut in a header", formType, whole[:40], nil, 400},
		{"multipart with another boundary", "multipart/form-data; boundary=other", whole, nil, 400},
		{"multipart without a boundary", "multipart/form-data", whole, nil, 400},
		{"multipart of nothing", formType, "--b--\r\n", nil, 400},
		{"10 000 parts", formType, manyParts.String() + "--b--\r\n", nil, 400},
		{"10 000 headers", formType, "--b\r\n" + manyHeaders.String() + "\r\n\r\n--b--\r\n", nil, 400},
		{"a long header", formType, form("b", entityHead+"\r\nX: "+strings.Repeat("y", 40<<10), entity, binaryHead, string(photo)), nil, 400},
		{"fields that are no JSON", formType, form("b", binaryHead, string(photo), entityHead, "{"), nil, 400},
		{"no fields", formType, form("b", binaryHead, string(photo)), nil, 400},
		{"base64 with a stray letter", jsonType, `{"VersionData":"` + file[:20] + "!" + file[20:] + `"}`, nil, 400},
		{"base64 of a wrong length", jsonType, `{"VersionData":"QUFBQ"}`, nil, 400},
		{"base64 with padding inside", jsonType, `{"VersionData":"QQ==QUFB"}`, nil, 400},
		{"base64 with too much padding", jsonType, `{"VersionData":"QQ==="}`, nil, 400},
		{"base64 with too little padding", jsonType, `{"VersionData":"QQ="}`, nil, 400},
		{"base64 with raw line ends", jsonType, "{\"VersionData\":\"QUFB\nQUFB\"}", nil, 400},
		{"base64 with a surrogate", jsonType, `{"VersionData":"QUFB\ud800QUFB"}`, nil, 400},
		{"JSON cut in the file", jsonType, `{"Title":"t","VersionData":"` + file, nil, 400},
		{"JSON cut in a name", jsonType, `{"Title":"t","Vers`, nil, 400},
		{"JSON that nests deep", jsonType, `{"a":` + strings.Repeat("[", 10_000), nil, 400},
		{"JSON with a broken number", jsonType, `{"a":01,"VersionData":"QQ=="}`, nil, 400},
		{"JSON not UTF-8", jsonType, "{\"Title\":\"\xff\",\"VersionData\":\"QQ==\"}", nil, 400},
		{"empty", jsonType, " ", nil, 400},
		{"fields too large", jsonType, `{"Title":"` + strings.Repeat("x", 5<<10) + `","VersionData":"QQ=="}`, nil, 413},
		{"fields too many", jsonType, `{"Title":[` + strings.Repeat("1,", 5<<10) + `1]}`, nil, 413},
		{"file too large", jsonType, `{"VersionData":"` + strings.Repeat("QUFB", 17<<10) + `"}`, nil, 413},
		{"form too large", formType, form("b", entityHead, entity, binaryHead, strings.Repeat("x", 65<<10)), nil, 413},
		{"gzip bomb", jsonType, bomb(t, `{"VersionData":"`, 8<<20), []string{"Content-Encoding", "gzip"}, 413},
		{"gzip bomb in a form", formType, bomb(t, "--b\r\n"+binaryHead+"\r\n\r\n", 8<<20), []string{"Content-Encoding", "gzip"}, 413},
		{"gzip cut short", jsonType, zipped(cvJSON(photo))[:60], []string{"Content-Encoding", "gzip"}, 400},
		{"gzip that is none", jsonType, cvJSON(photo), []string{"Content-Encoding", "gzip"}, 400},
		{"lying headers", formType, cvJSON(photo), nil, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := small
			if strings.HasPrefix(test.name, "10 000") {
				limits = nil // the number is refused, not the size
			}
			s := newStand(t, limits)
			a := s.do(t, "POST", cvPath, test.typ, strings.NewReader(test.body), test.headers...)
			if a.code(t); a.status != test.status {
				t.Errorf("%d %s, want %d", a.status, a.body, test.status)
			}
			checkNothingPassed(t, s, false)
		})
	}

	t.Run("gzip bomb where it is only looked through", func(t *testing.T) {
		s := newStand(t, small)
		a := s.do(t, "POST", "/services/data/v64.0/composite", jsonType, strings.NewReader(bomb(t, `{"x":"`, 8<<20)), "Content-Encoding", "gzip")
		if a.code(t); a.status != 400 {
			t.Errorf("%d %s", a.status, a.body)
		}
		checkNothingPassed(t, s, false)
	})
}

// dialUpload starts an upload of n announced bytes and sends only body.
func dialUpload(t *testing.T, s *stand, n int, body string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", cvPath, token, n, body)
	return conn
}

func TestBodyThatStopsHalfWay(t *testing.T) {
	s := newStand(t, nil)
	s.Config.Handler = pace.Handler(s.Config.Handler, pace.Limits{Pause: 50 * time.Millisecond})
	cv := cvJSON(photo)
	conn := dialUpload(t, s, len(cv), cv[:len(cv)/2])
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
		t.Errorf("answered %.200q", answer)
	}
	checkNothingPassed(t, s, false)
}

func TestClientThatLeaves(t *testing.T) {
	s := newStand(t, nil)
	cv := cvJSON(photo)
	dialUpload(t, s, len(cv), cv[:len(cv)/2]).Close()
	// The upload is over once there is nothing left to drain.
	if err := s.gateway.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	checkNothingPassed(t, s, false)
}

// TestClientThatLeavesLater: once the bytes are safe, the write is brought to its end.
func TestClientThatLeavesLater(t *testing.T) {
	s := newStand(t, nil)
	s.line.gate, s.line.entered = make(chan struct{}), make(chan struct{})
	cv := cvJSON(plain)
	conn := dialUpload(t, s, len(cv), cv)
	<-s.line.entered
	conn.Close()
	close(s.line.gate)
	if err := s.gateway.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if i := s.line.item(t); i.State != cordon.Delivered {
		t.Errorf("state %s", i.State)
	}
}

// onWrite makes the org answer writes, and only them, in its own way.
func onWrite(answer func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request, []byte) bool {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method != http.MethodPost {
			return false
		}
		answer(w)
		return true
	}
}

func TestUpstreamThatFails(t *testing.T) {
	native := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			fmt.Fprintf(w, `[{"message":"m","errorCode":%q}]`, code)
		}
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter)
		status int // to the client
		state  cordon.State
	}{
		{"token expired during the upload", native(401, "INVALID_SESSION_ID"), 401, cordon.RefusedUpstream},
		{"validation", native(400, "REQUIRED_FIELD_MISSING"), 400, cordon.RefusedUpstream},
		{"request limit", native(403, "REQUEST_LIMIT_EXCEEDED"), 403, cordon.RefusedUpstream},
		{"native 503", native(503, "SERVER_UNAVAILABLE"), 503, cordon.RefusedUpstream},
		{"503 of a machine in between", func(w http.ResponseWriter) { w.WriteHeader(503) }, 503, cordon.Unsettled},
		{"native 500", native(500, "UNKNOWN_EXCEPTION"), 500, cordon.Unsettled},
		{"no answer", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 500, cordon.Unsettled},
		{"half an answer", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			io.WriteString(w, `{"id":`)
			panic(http.ErrAbortHandler)
		}, 500, cordon.Unsettled},
		{"redirect", func(w http.ResponseWriter) { w.Header().Set("Location", "/login"); w.WriteHeader(302) }, 302, cordon.RefusedUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.answer = onWrite(test.answer)
			a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
			item := s.line.item(t)
			if a.status != test.status || item.State != test.state || a.header.Get(ReceiptHeader) != string(item.ID) {
				t.Errorf("%d, item %s: %s", a.status, item.State, a.body)
			}
			if test.status == 403 && a.header.Get("Retry-After") != "7" {
				t.Errorf("headers %v", a.header)
			}
			s.org.mu.Lock()
			before := s.org.asked["ContentVersion"]
			s.org.answer = nil
			s.org.mu.Unlock()
			s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
			if again := s.org.asked["ContentVersion"] > before; again != (test.status == 401) {
				t.Errorf("asked again: %v", again)
			}
		})
	}
}

func TestUpstreamThatIsNotThere(t *testing.T) {
	s := newStand(t, nil)
	s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain))) // so that the rights are known
	s.org.Close()
	// A write over a connection that dies at that moment would rightly count as lost.
	s.gateway.tenantOf("127.0.0.1").transport.(*http.Transport).CloseIdleConnections()
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
	if a.status != 503 || a.code(t) != "SERVER_UNAVAILABLE" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	states := map[cordon.State]int{}
	for _, i := range s.line.items {
		states[i.State]++
	}
	if states[cordon.Released] != 1 {
		t.Errorf("states %v", states)
	}
	if a := s.do(t, "GET", "/services/data/v64.0/limits", "", nil); a.status != 503 || a.code(t) != "SERVER_UNAVAILABLE" {
		t.Errorf("pass-through: %d %s", a.status, a.body)
	}
}

// One client whose bodies trickle holds no upload up: not of another tenant, and not its own
// tenant's other callers.
func TestTricklingBodiesStopNobodyElse(t *testing.T) {
	s := newStand(t, func(c *Config) {
		c.MaxUploads = 4
		other := c.Tenants[0]
		other.ID, other.Hosts = "surgery", []string{"surgery.test"}
		c.Tenants = append(c.Tenants, other)
	})
	cv := cvJSON(plain)
	const most = 4 * bodiesPerUpload / 2 // of one caller
	for range most {
		dialUpload(t, s, len(cv), cv[:10])
	}
	for s.gateway.bodies.Has("clinic") < most {
		runtime.Gosched()
	}
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cv))
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("one more of the same caller: %d %s", a.status, a.body)
	}
	upload := func(host, session string) int {
		req, err := http.NewRequest("POST", s.URL+cvPath, strings.NewReader(cv))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("X-Sfdc-Session", session) // makes another caller of it
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := upload("surgery.test", ""); got != 201 {
		t.Errorf("another tenant: %d", got)
	}
	if got := upload("127.0.0.1", "another"); got != 201 {
		t.Errorf("another caller of the tenant: %d", got)
	}
}
