package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cordonhq/cordon"
)

// descriptors keeps some of the process's file descriptors back, so that there is an answer when
// the rest is gone. The kernel gives the lowest free number, so the number of a descriptor just
// had says how many are in use, however they were opened:
//
//   - From the mark on, the gateway answers 503, one request for each connection, and
//     connections on which nothing happens give way to new ones.
//   - Beyond the limit, the operators' listeners still have the spare ones. What needs a
//     descriptor to carry out a request fails there with EMFILE, which every door answers
//     with 503; what needs none, such as readyz, tells the cause.
type descriptors struct {
	limit, mark int
	log         *slog.Logger
	null        *os.File // what is opened again to learn the lowest free number

	mu     sync.Mutex
	keep   int
	spare  []*os.File
	turned int // connections of the gateway beyond the mark
	warned time.Time
}

// openDescriptors sets a part of the process's limit aside. It must be called before the process
// has used up its descriptors; without a limit that is known it keeps nothing back.
func openDescriptors(log *slog.Logger) (*descriptors, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return nil, fmt.Errorf("ask for the limit on open files: %w", err)
	}
	limit := int(min(l.Cur, 1<<30)) // RLIM_INFINITY is the largest number there is
	d := &descriptors{limit: limit, mark: limit - min(max(limit/8, 4), 256), keep: min(max(limit/8, 2), 32), log: log}
	var err error
	if d.null, err = os.Open(os.DevNull); err != nil {
		return nil, fmt.Errorf("keep file descriptors back (raise the limit on open files, which is %d): %w", limit, err)
	}
	if d.refill(); len(d.spare) < d.keep {
		return nil, errors.Join(fmt.Errorf("keep file descriptors back: the limit on open files is %d, and they are in use already; raise it (ulimit -n, LimitNOFILE=): %w",
			limit, syscall.EMFILE), d.close())
	}
	return d, nil
}

// close gives back what was kept.
func (d *descriptors) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := []error{}
	if d.null != nil {
		errs = append(errs, d.null.Close())
		d.null = nil
	}
	for _, f := range d.spare {
		errs = append(errs, f.Close())
	}
	d.spare, d.keep = nil, 0
	return errors.Join(errs...)
}

// left says whether the gateway may begin something that needs descriptors, and why not.
func (d *descriptors) left() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.null == nil {
		return nil // given up
	}
	fd, err := unix.FcntlInt(d.null.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
		if fd < d.mark {
			d.refillLocked()
			return nil
		}
		err = syscall.EMFILE
	}
	err = fmt.Errorf("nearly all of the %d file descriptors of the process are in use; raise the limit (ulimit -n, LimitNOFILE=) or find out who holds so many connections: %w", d.limit, err)
	if now := time.Now(); now.Sub(d.warned) > time.Minute {
		d.warned = now
		d.log.Warn("requests are answered 503", "cause", err)
	}
	return err
}

func (d *descriptors) refill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refillLocked()
}

func (d *descriptors) refillLocked() {
	for len(d.spare) < d.keep {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return // tried again with the next connection
		}
		d.spare = append(d.spare, f)
	}
}

// lend makes room for one connection.
func (d *descriptors) lend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spare) == 0 {
		return false
	}
	last := len(d.spare) - 1
	d.spare[last].Close()
	d.spare = d.spare[:last]
	return true
}

// turnAway counts a connection of the gateway beyond the mark, if there may be one more.
func (d *descriptors) turnAway(by int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if by > 0 && d.turned >= max(1, (d.limit-d.mark)/2) {
		return false
	}
	d.turned += by
	return true
}

// guarded is a listener that minds what is left. Its connections may be those of the gateway, or
// the operators' own, which the spare descriptors are for.
type guarded struct {
	net.Listener
	of   *descriptors
	own  bool
	idle *idle
}

// Accept never fails for want of descriptors while there are some to be had.
func (l *guarded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case cordon.NoDescriptors(err):
			if l.idle.end() || l.own && l.of.lend() {
				continue
			}
			return nil, err // the server waits a moment and asks again
		case err != nil:
			return nil, err
		}
		if l.own {
			l.of.refill()
		}
		if numberOf(c) < l.of.mark {
			return c, nil
		}
		l.idle.end()
		if !l.own && !l.of.turnAway(1) {
			c.Close()
			continue
		}
		return &hurried{Conn: c, of: l, until: time.Now().Add(hurry)}, nil
	}
}

// numberOf returns the number of a connection's descriptor, -1 if it has none.
func numberOf(c net.Conn) int {
	n := -1
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { n = int(fd) }) // closed already: it has none
		}
	}
	return n
}

// hurry is how long a connection may take to send its request while descriptors are short.
const hurry = 5 * time.Second

// hurried is a connection that came while descriptors were short.
type hurried struct {
	net.Conn
	of    *guarded
	until time.Time
	once  sync.Once
}

func (c *hurried) SetReadDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.until) {
		t = c.until
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *hurried) Close() error {
	c.once.Do(func() {
		if !c.of.own {
			c.of.of.turnAway(-1)
		}
	})
	return c.Conn.Close()
}

// idle are the connections of one listener on which nothing happens: those that have sent nothing
// yet, and those between two requests. Either may be closed at any time.
type idle struct {
	mu    sync.Mutex
	since map[net.Conn]time.Time
}

// state is a server's ConnState.
func (i *idle) state(c net.Conn, s http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s == http.StateNew || s == http.StateIdle {
		i.since[c] = time.Now()
	} else {
		delete(i.since, c)
	}
}

// end closes the connection that was idle for the longest time.
func (i *idle) end() bool {
	i.mu.Lock()
	var oldest net.Conn
	for c, t := range i.since {
		if oldest == nil || t.Before(i.since[oldest]) {
			oldest = c
		}
	}
	delete(i.since, oldest)
	i.mu.Unlock()
	if oldest == nil {
		return false
	}
	oldest.Close()
	return true
}
