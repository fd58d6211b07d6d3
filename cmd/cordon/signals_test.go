package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// served is "cordon serve" as a process of its own, in front of a simulator.
type served struct {
	*testing.T
	cmd     *exec.Cmd
	gateway string // host and port
	console string
	token   string // of the org
	org     *sim.Org

	mu   sync.Mutex
	said strings.Builder // on standard error
}

func serveHere(t *testing.T, args ...string) *served {
	conf := sim.Demo()
	org := sim.NewOrg(conf)
	upstream := httptest.NewServer(org.Handler())
	t.Cleanup(func() { upstream.Close(); org.Close() })
	dir := t.TempDir()
	text := fmt.Sprintf(`environment: sandbox
data: data
keys: keys
gateway: { listen: "127.0.0.1:0" }
console: { listen: "127.0.0.1:0" }
tenants:
  - id: clinic
    hosts: [127.0.0.1]
    upstream: %s
    crm: { client_id: demo, client_secret_file: crm.secret }
    routes: [{ name: portal, channel: portal, owner: web-team, match: [{ object: ContentVersion }] }]
`, upstream.URL)
	for name, content := range map[string]string{"cordon.yaml": text, "crm.secret": "demo\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{T: t, org: org, token: org.Token(conf.Users[0].Username)}
	s.cmd = exec.Command(self, append([]string{"serve"}, args...)...)
	s.cmd.Args[0], s.cmd.Dir = "cordon", dir // the name by which the test binary knows what to be
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill() // of one that has ended, nothing
		s.cmd.Wait()
		if t.Failed() {
			t.Log(s.log())
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, address, _ := strings.Cut(lines.Text(), "  http://")
		switch name {
		case "gateway":
			s.gateway = address
		case "console":
			s.console = address
		case "ready":
			return s
		}
	}
	t.Fatalf("it did not start: %s", s.log())
	return nil
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *served) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// until waits for something to come true, as long as the test may run.
func (s *served) until(what string, is func() bool) {
	s.Helper()
	for !is() {
		select {
		case <-s.Context().Done():
			s.Fatalf("never: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *served) signal(sig syscall.Signal) {
	s.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
}

// ended waits for the process and returns its exit code, -1 after a signal that ended it.
func (s *served) ended() int {
	s.Helper()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

const part = "xBx"

// slow begins an upload of a text file and returns when the gateway has asked for its body, of which
// it then has all but the end.
func (s *served) slow(title string) (conn net.Conn, answers *bufio.Reader, rest string) {
	s.Helper()
	begin := "--" + part + "\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" +
		`{"Title":"` + title + `","PathOnClient":"` + title + `.txt"}` + "\r\n--" + part +
		"\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"a.txt\"\r\nContent-Type: application/octet-stream\r\n\r\n" + "a quiet after"
	rest = "noon\r\n--" + part + "--\r\n"
	conn, err := net.Dial("tcp", s.gateway)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /services/data/v64.0/sobjects/ContentVersion HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: multipart/form-data; boundary=%s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", s.token, part, len(begin)+len(rest))
	answers = bufio.NewReader(conn)
	line, err := answers.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		s.Fatalf("the gateway does not ask for the body: %q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		s.Fatal(err)
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		s.Fatal(err)
	}
	return conn, answers, rest
}

// turnsAway tells whether a new upload is answered 503.
func (s *served) turnsAway() bool {
	req, err := http.NewRequestWithContext(s.Context(), "POST", "http://"+s.gateway+"/services/data/v64.0/sobjects/ContentVersion",
		strings.NewReader(`{"Title":"late","PathOnClient":"late.txt","VersionData":"bGF0ZQ=="}`))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusServiceUnavailable
}

// A hangup, which supervisors and closed terminals send, is told and changes nothing; and an upload
// that arrives in time after the signal to stop is answered as ever.
func TestHangupAndStop(t *testing.T) {
	s := serveHere(t, "--stop-within", "10m")
	s.signal(syscall.SIGHUP)
	s.until("the hangup is told", func() bool { return strings.Contains(s.log(), "a hangup changes nothing") })
	resp, err := http.Get("http://" + s.console + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("after a hangup: %v, %v", resp, err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()

	conn, answers, rest := s.slow("in-time")
	s.signal(syscall.SIGTERM)
	s.until("new uploads are turned away", s.turnsAway)
	if _, err := io.WriteString(conn, rest); err != nil {
		t.Fatal(err)
	}
	resp, err = http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the upload that arrived was not answered: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated && resp.Header.Get("Cordon-Receipt") == "" {
		t.Errorf("the upload that arrived is answered %s %s, %v", resp.Status, body, err)
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// An upload that does not arrive is cut when its share of the time is up. Its sender has no receipt,
// and the end is as clean as any.
func TestStopWithAStalledUpload(t *testing.T) {
	s := serveHere(t, "--stop-within", "12s")
	_, answers, _ := s.slow("never")
	s.signal(syscall.SIGTERM)
	resp, err := http.ReadResponse(answers, nil)
	if err == nil && (resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Cordon-Receipt") != "") {
		body, _ := io.ReadAll(resp.Body)
		t.Errorf("the upload that was cut is answered %s %s, %s", resp.Status, resp.Header, body)
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(s.log(), "uploads are cut that were still coming") {
		t.Error("nobody is told that an upload was cut")
	}
}

// Who signals twice does not want to wait.
func TestSecondSignal(t *testing.T) {
	s := serveHere(t, "--stop-within", "10m")
	s.slow("never")
	s.signal(syscall.SIGTERM)
	s.until("new uploads are turned away", s.turnsAway)
	s.signal(syscall.SIGTERM)
	if code := s.ended(); code != -1 {
		t.Errorf("exit code %d", code)
	}
}
