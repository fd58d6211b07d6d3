package store

import (
	"context"
	"os"
	"strconv"
	"time"
)

// The write-ahead log is emptied when something was deleted that must not linger on disk, when
// the store is opened, and when it has grown: secure_delete overwrites deleted rows in the file,
// but their old pages stay in the log until it is truncated.

const (
	// scrubEvery is the shortest time between two emptyings. Each holds up the writer, and a log
	// that was just emptied makes the next commits grow a file instead of writing over one.
	scrubEvery = time.Second
	// logMost is the size in bytes beyond which the log is emptied in any case, looked at once
	// in logEvery.
	logMost  = 32 << 20
	logEvery = 10 * time.Second
	// leastWait and mostWait bound how long an emptying waits for who reads. Everything that
	// writes waits with it, so that each failure doubles the wait, and the pause after it is
	// twenty times as long.
	leastWait = 50 * time.Millisecond
	mostWait  = 2 * time.Second
)

// scrub asks for the write-ahead log to be emptied soon.
func (s *sqlite) scrub() {
	select {
	case s.scrubs <- struct{}{}:
	default: // asked for already
	}
}

func (s *sqlite) scrubber() {
	look := time.NewTicker(logEvery)
	defer look.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-s.scrubs:
			s.emptyLog()
		case <-look.C:
			if n, _ := s.logSize(); n > logMost {
				s.emptyLog()
			}
		}
	}
}

// emptyLog tries until the log is empty or the store is being closed.
func (s *sqlite) emptyLog() {
	for wait := leastWait; ; wait = min(2*wait, mostWait) {
		emptied := s.truncateLog(wait)
		if !emptied && wait < mostWait && 2*wait >= mostWait {
			n, _ := s.logSize()
			s.log.Warn("the database's write-ahead log cannot be emptied because somebody reads for long; what was shredded stays in it until then",
				"bytes", n, "tried-again", "every 40s")
		}
		select {
		case <-s.closing:
			return
		case <-time.After(max(scrubEvery, 20*wait)):
		}
		if emptied {
			return
		}
	}
}

// truncateLog moves the write-ahead log into the file and empties it, unless somebody who reads is
// in the way for longer than wait.
func (s *sqlite) truncateLog(wait time.Duration) bool {
	ctx := context.Background()
	c, err := s.w.Conn(ctx)
	if err != nil {
		return false
	}
	defer c.Close()
	c.ExecContext(ctx, "PRAGMA busy_timeout = "+strconv.FormatInt(wait.Milliseconds(), 10))
	defer c.ExecContext(ctx, "PRAGMA busy_timeout = 10000")
	var busy, pages, moved int
	err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	return err == nil && busy == 0
}

// logSize is the size of the write-ahead log, which SQLite alone has as a file.
func (s *sqlite) logSize() (bytes int64, has bool) {
	info, err := os.Stat(s.path + "-wal")
	if err != nil {
		return 0, true
	}
	return info.Size(), true
}
