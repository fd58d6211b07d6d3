package pace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
)

// sender is a body that comes in pieces, each after a pause.
type sender struct {
	pieces   int
	size     int
	pause    time.Duration
	deadline time.Time
}

func (s *sender) SetReadDeadline(t time.Time) error { s.deadline = t; return nil }
func (s *sender) Close() error                      { return nil }
func (s *sender) Read(p []byte) (int, error) {
	if s.pieces == 0 {
		return 0, io.EOF
	}
	if wait := time.Until(s.deadline); wait < s.pause && !s.deadline.IsZero() {
		time.Sleep(wait)
		return 0, &net.OpError{Op: "read", Err: timeout{}}
	}
	time.Sleep(s.pause)
	s.pieces--
	return min(s.size, len(p)), nil
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name   string
		sender sender
		cut    bool
		by     time.Duration // at the latest
	}{
		{"a fast line", sender{pieces: 2000, size: 1 << 20, pause: 10 * time.Millisecond}, false, 0},
		{"a photograph by a slow mobile line, 2 KiB/s", sender{pieces: 1500, size: 2 << 10, pause: time.Second}, false, 0},
		{"the same with a tunnel every few kilometres", sender{pieces: 30, size: 64 << 10, pause: 25 * time.Second}, false, 0},
		{"just the least rate", sender{pieces: 3000, size: 1 << 10, pause: time.Second}, false, 0},
		{"a byte every ten seconds", sender{pieces: 1e6, size: 1, pause: 10 * time.Second}, true, 31 * time.Second},
		{"half the least rate", sender{pieces: 1e6, size: 512, pause: time.Second}, true, 62 * time.Second},
		{"silence", sender{pieces: 1, size: 1, pause: time.Hour}, true, 33 * time.Second},
		{"silence after a good start", sender{pieces: 1, size: 100 << 20, pause: time.Hour}, true, 33 * time.Second},
		{"for ever at the least rate", sender{pieces: 1e6, size: 1100, pause: time.Second}, true, time.Hour + time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := c.sender
			b := &body{ReadCloser: &s, limits: Limits{}.orDefaults(), conn: &s, start: time.Now()}
			start := time.Now()
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{b}, make([]byte, 1<<20))
			if errors.Is(err, cordon.ErrTooSlow) != c.cut {
				t.Errorf("%s: %v after %s", c.name, err, time.Since(start))
			}
			if took := time.Since(start); c.cut && took > c.by {
				t.Errorf("%s: cut after %s, want %s", c.name, took, c.by)
			}
			if !c.cut && !s.deadline.IsZero() {
				t.Errorf("%s: the deadline stays after the end", c.name)
			}
		})
	}
}

// Who is slow because the server is, is not cut.
func TestServersOwnTimeDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sender{pieces: 20, size: 10}
		b := &body{ReadCloser: &s, limits: Limits{}.orDefaults(), conn: &s, start: time.Now()}
		p := make([]byte, 10)
		for {
			_, err := b.Read(p)
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute) // the disk is slow, or the CRM
		}
	})
}

// A real server cuts a real connection, and answers on it.
func TestHandler(t *testing.T) {
	said := make(chan error, 1)
	h := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		said <- err
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	}), Limits{Pause: 50 * time.Millisecond})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(l)
	defer server.Close()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	if err := <-said; !errors.Is(err, cordon.ErrTooSlow) {
		t.Errorf("the handler was told %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("the sender was told %v, %v", resp, err)
	}

	resp, err = http.Post("http://"+l.Addr().String(), "text/plain", bytes.NewReader(bytes.Repeat([]byte("x"), 5<<20)))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("an ordinary body: %v, %v", resp, err)
	}
	if err := <-said; err != nil {
		t.Errorf("an ordinary body: %v", err)
	}
	resp, err = http.Post("http://"+l.Addr().String(), "text/plain", strings.NewReader(""))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("no body: %v, %v", resp, err)
	}
}
