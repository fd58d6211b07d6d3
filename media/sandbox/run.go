//go:build linux && (amd64 || arm64)

package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stance is how the launcher is started, which the kernel permits or not.
type stance struct {
	Namespaces bool
	Nobody     bool // as the user nobody of this machine: for a gateway that runs as root
}

// stances are tried in this order; the first that starts is kept.
var stances = []stance{{true, true}, {true, false}, {false, true}, {false, false}}

const nobody = 65534

// probe finds out, once, what this kernel lets us do, by doing it.
func (b *Box) probe() footing {
	b.probed.Do(func() {
		b.found = footing{on: map[measure]bool{limits: true}, why: map[measure]string{}}
		none, err := memfile("order", nil)
		if err != nil {
			b.found.why[memory] = err.Error()
			b.found.failed = fmt.Errorf("memory files: %w", err)
			return
		}
		none.Close()
		b.found.on[memory] = true

		var refused []string
		for _, s := range stances {
			if s.Nobody && os.Geteuid() != 0 || s.Namespaces && slices.Contains(b.lacking, namespaces) {
				continue
			}
			answer, err := b.tryOut(s)
			if err != nil {
				refused = append(refused, err.Error())
				continue
			}
			b.found.start = s
			b.found.on[namespaces] = s.Namespaces
			if !s.Namespaces {
				b.found.why[namespaces] = "this kernel or container does not let Cordon make namespaces of its own"
				if len(refused) > 0 {
					b.found.why[namespaces] += ": " + refused[0]
				}
			}
			maps.Copy(b.found.on, answer.On)
			maps.Copy(b.found.why, answer.Why)
			return
		}
		b.found.failed = fmt.Errorf("no process can be started: %s", strings.Join(refused, "; "))
	})
	return b.found
}

// tryOut has the launcher set everything up and say what could be, without running anything.
func (b *Box) tryOut(s stance) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	o := order{Probe: true, Namespaces: s.Namespaces, Show: b.conf.Show, Lacking: b.lacking, Memory: uint64(b.conf.Memory) << 20,
		CPU: 60, Files: defaultFiles, Threads: defaultThreads}
	p, err := b.launch(ctx, s, o, nil, nil, nil)
	if err != nil {
		return answer{}, err
	}
	state, _ := p.wait()
	var got answer
	if err := json.Unmarshal(p.status, &got); err != nil {
		return answer{}, fmt.Errorf("the launcher ended (%v) and said %q", state, clean(p.status))
	}
	return got, nil
}

// run runs a command that may be run.
func (b *Box) run(ctx context.Context, on footing, path string, c Command) (Result, error) {
	program, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	defer program.Close()
	var input *os.File
	if c.Input != nil {
		if input, err = memfile("input", c.Input); err != nil {
			return Result{}, err
		}
		defer input.Close()
	}
	o := order{Namespaces: on.start.Namespaces, Path: path, Args: c.Args, Show: b.conf.Show,
		View: on.on[view], Landlock: on.on[landlock], Filter: on.on[filter],
		Memory: uint64(c.Limits.Memory), CPU: max(1, uint64(c.Limits.CPU/time.Second)), Files: uint64(c.Limits.Files), Threads: uint64(c.Limits.Threads)}
	if !o.Namespaces { // the kernel counts all threads of the user
		o.Threads += threadsOf(os.Getpid())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := &KilledError{Program: c.Program, Limit: LimitTime, Detail: c.Limits.Time.String()}
	defer time.AfterFunc(c.Limits.Time, func() { cancel(late) }).Stop()

	out := &capped{left: c.Limits.Output, to: c.Stdout, stop: cancel,
		full: &KilledError{Program: c.Program, Limit: LimitOutput, Detail: fmt.Sprintf("%d bytes", c.Limits.Output)}}
	var collected bytes.Buffer
	if out.to == nil {
		out.to = &collected
	}
	var res Result
	from := time.Now()
	p, err := b.launch(ctx, on.start, o, program, input, out)
	if err != nil {
		return res, fmt.Errorf("%w: %w", ErrStart, err)
	}
	state, waited := p.wait()
	res.Took, res.Stdout, res.Said = time.Since(from), collected.Bytes(), clean(p.said.bytes())
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		res.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		res.Memory = u.Maxrss << 10
	}
	switch cause := context.Cause(ctx); {
	case len(p.status) > 0:
		return res, fmt.Errorf("%w: %s", ErrStart, clean(p.status))
	case cause != nil:
		return res, cause
	}
	sys, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case sys.Signaled() && sys.Signal() == syscall.SIGSYS:
		return res, &KilledError{c.Program, LimitCall, "a call that decoders do not make"}
	case sys.Signaled() && (sys.Signal() == syscall.SIGKILL || sys.Signal() == syscall.SIGXCPU) && res.CPU >= c.Limits.CPU.Truncate(time.Second)-time.Second/2:
		return res, &KilledError{c.Program, LimitCPU, c.Limits.CPU.String()}
	case sys.Signaled():
		return res, &KilledError{c.Program, LimitFault, sys.Signal().String()}
	case state.ExitCode() != 0:
		return res, &ExitError{c.Program, state.ExitCode(), res.Said}
	}
	return res, waited
}

// process is a launcher on its way to be a program.
type process struct {
	cmd     *exec.Cmd
	started chan error
	ended   chan struct{}
	err     error
	said    tail
	status  []byte // what the launcher said if it did not become the program
}

// Descriptors of the launcher. The program keeps 0 to 3.
const (
	fdInput   = 3
	fdProgram = 4
	fdOrder   = 5
	fdStatus  = 6
)

// launch starts this binary again, locked down, to do as the order says. program and input
// may be nil.
func (b *Box) launch(ctx context.Context, s stance, o order, program, input *os.File, stdout io.Writer) (*process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	orders, err := memfile("order", &Input{From: bytes.NewReader(text), Size: int64(len(text))})
	if err != nil {
		return nil, err
	}
	defer orders.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	read, status, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	defer status.Close()
	p := &process{started: make(chan error), ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, "/proc/self/exe")
	p.cmd.Args = []string{marker}
	p.cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = stdout, &p.said
	p.cmd.ExtraFiles = []*os.File{cmp.Or(input, null), cmp.Or(program, null), orders, status}
	p.cmd.WaitDelay = 2 * time.Second
	p.cmd.SysProcAttr = s.attributes()
	// The whole group: without namespaces that is all there can be; with them the first
	// process takes every other one along.
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

	// Pdeathsig means the thread that started it, so that thread has to stay.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		p.started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.ended)
	}()
	if err := <-p.started; err != nil {
		return nil, err
	}
	_ = status.Close() // the last copy is the launcher's
	// Empty once it has become the program: the descriptor is closed by that.
	p.status, _ = io.ReadAll(io.LimitReader(read, 8<<10))
	return p, nil
}

// wait waits until all of it has ended.
func (p *process) wait() (*os.ProcessState, error) {
	<-p.ended
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // whatever it left behind
	if _, ended := errors.AsType[*exec.ExitError](p.err); ended {
		return p.cmd.ProcessState, nil
	}
	return p.cmd.ProcessState, p.err
}

func (s stance) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	host, group := os.Geteuid(), os.Getegid()
	if s.Nobody {
		host, group = nobody, nobody
	}
	if !s.Namespaces {
		if s.Nobody {
			a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		}
		return a
	}
	a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: host, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: group, Size: 1}}
	if s.Nobody {
		a.GidMappingsEnableSetgroups = true
		a.Credential = &syscall.Credential{}
	}
	return a
}

// threadsOf counts the threads of a process.
func threadsOf(pid int) uint64 {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return uint64(len(tasks))
}

// capped passes on at most so many bytes, and has the program ended at one more or when
// nobody takes them.
type capped struct {
	to   io.Writer
	left int64
	stop func(error)
	full error
}

func (c *capped) Write(p []byte) (int, error) {
	n, err := c.to.Write(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == nil && n < len(p) {
		err = c.full
	}
	if err != nil {
		c.stop(err)
	}
	return n, err
}

// tail keeps the end of what is written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p[max(0, len(p)-maxSaid):]...)
	if over := len(t.buf) - maxSaid; over > 0 {
		t.buf = t.buf[:copy(t.buf, t.buf[over:])]
	}
	return len(p), nil
}

func (t *tail) bytes() []byte { return t.buf }
