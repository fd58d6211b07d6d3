package store

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Closing twice is closing once.
func TestCloseTwice(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "cordon.db")
		if readOnly {
			db, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		db, err := Open(t.Context(), Config{Path: path, ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// River says the same many times a second while the database is away; the log has it once a
// minute, in our words.
func TestTheQueueIsQuiet(t *testing.T) {
	var out bytes.Buffer
	h := quiet(slog.New(slog.NewTextHandler(&out, nil))).With("client", "c1").Handler()
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	say := func(after time.Duration, level slog.Level, message string) {
		if h.Enabled(context.Background(), level) {
			if err := h.Handle(context.Background(), slog.NewRecord(begin.Add(after), level, message, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 100 {
		say(time.Duration(i)*100*time.Millisecond, slog.LevelError, "Error fetching jobs")
		say(time.Duration(i)*100*time.Millisecond, slog.LevelInfo, "news")
	}
	say(time.Second, slog.LevelWarn, "another")
	say(time.Minute, slog.LevelError, "Error fetching jobs")
	if n := strings.Count(out.String(), "\n"); n != 3 || strings.Contains(out.String(), "level=ERROR") || !strings.Contains(out.String(), "client=c1") {
		t.Errorf("%d lines, want 3 warnings:\n%s", n, out.String())
	}
}

// A server that is not there is another thing than a login that it does not let in.
func TestPostgresThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there
	db, err := Open(t.Context(), Config{URL: "postgres://app:word@" + l.Addr().String() + "/cordon"})
	if err == nil {
		db.Close()
		t.Fatal("it opened")
	}
	if text := err.Error(); !strings.Contains(text, "see that it runs") || strings.Contains(text, "let the login") || strings.Contains(text, "word@") {
		t.Error(text)
	}
}
