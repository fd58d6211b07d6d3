//go:build linux && (amd64 || arm64)

package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/cordonhq/cordon"
)

// The tests try to get out, with a program that does what a decoder does that a file has
// taken over: under everything that this kernel offers, and again with parts of it taken
// away, as a container or an older kernel would.
var boxes = []struct {
	name    string
	lacking []measure
}{
	{"everything", nil},
	{"without namespaces", []measure{namespaces, view}},
	{"without a file tree", []measure{view}},
	{"without Landlock", []measure{landlock}},
}

// each runs a test in every box that can keep its promises here. The others (where a kernel
// offers no Landlock, for instance, nothing stands in for a file tree) must run nothing.
func each(t *testing.T, f func(t *testing.T, b *Box)) {
	for _, c := range boxes {
		t.Run(c.name, func(t *testing.T) {
			b := Open(Config{AtOnce: 4})
			b.lacking = c.lacking
			if _, err := b.usable(); err != nil {
				if _, err := run(t, b, Limits{}, "nothing"); !errors.Is(err, ErrNotLocked) {
					t.Errorf("it was run all the same: %v", err)
				}
				t.Logf("this kernel cannot keep the promises: %v", err)
				return
			}
			f(t, b)
		})
	}
}

var (
	hostileOnce sync.Once
	hostilePath string
	hostileErr  error
)

// hostile is the program, built once.
func hostile(t *testing.T) string {
	hostileOnce.Do(func() {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			hostileErr = err
			return
		}
		_ = os.Chmod(dir, 0o755)
		hostilePath = filepath.Join(dir, "hostile")
		build := exec.Command("go", "build", "-o", hostilePath, "./testdata/hostile")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			hostileErr = fmt.Errorf("build the hostile program: %w: %s", err, out)
		}
	})
	if hostileErr != nil {
		t.Fatal(hostileErr)
	}
	return hostilePath
}

func TestMain(m *testing.M) {
	code := m.Run()
	if hostilePath != "" {
		_ = os.RemoveAll(filepath.Dir(hostilePath))
	}
	os.Exit(code)
}

func run(t *testing.T, b *Box, l Limits, args ...string) (Result, error) {
	t.Helper()
	return b.Run(t.Context(), Command{Program: hostile(t), Args: args, Limits: l})
}

func lines(r Result) []string { return strings.Split(strings.TrimSpace(string(r.Stdout)), "\n") }

// nothing fails the test if the program got through with anything.
func nothing(t *testing.T, r Result, err error) {
	t.Helper()
	if strings.Contains(string(r.Stdout), "done:") {
		t.Errorf("it got through:\n%s", r.Stdout)
	}
	if _, killed := errors.AsType[*KilledError](err); err != nil && !killed {
		t.Errorf("it was neither refused nor ended: %v", err)
	}
	if err == nil && !strings.Contains(string(r.Stdout), "not:") {
		t.Errorf("it said nothing: %q", r.Stdout)
	}
}

func TestInput(t *testing.T) {
	each(t, func(t *testing.T, b *Box) {
		in := &Input{From: strings.NewReader("a stranger's file"), Size: 17}
		got, err := b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"read"}, Input: in})
		if err != nil || string(got.Stdout) != "done: \"a stranger's file\"\n" {
			t.Errorf("%q, %v", got.Stdout, err)
		}
		got, err = b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"scribble"}, Input: in})
		nothing(t, got, err)

		// Two small pieces of a long file.
		const size = 3 << 40
		long := &Input{From: pattern{}, Size: size, Only: []Range{{0, 4096}, {size - 8192, 8192}}}
		for at, want := range map[int64]string{0: "\x00\x01\x02\x03", 5000: "\x00\x00\x00\x00", size - 4: "\xfc\xfd\xfe\xff"} {
			got, err := b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"seek", strconv.FormatInt(at, 10)}, Input: long})
			if want := fmt.Sprintf("done: %q of %d\n", want, int64(size)); err != nil || string(got.Stdout) != want {
				t.Errorf("at %d: %q, %v", at, got.Stdout, err)
			}
		}
	})
}

type pattern struct{}

func (pattern) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = byte(off + int64(i))
	}
	return len(p), nil
}

func TestInputLimits(t *testing.T) {
	b := Open(Config{})
	for name, c := range map[string]struct {
		in   Input
		want error
	}{
		"too large":        {Input{From: pattern{}, Size: 101}, cordon.ErrTooLarge},
		"ranges too large": {Input{From: pattern{}, Size: 1000, Only: []Range{{0, 60}, {500, 60}}}, cordon.ErrTooLarge},
		"beyond the end":   {Input{From: pattern{}, Size: 50, Only: []Range{{40, 11}}}, cordon.ErrInvalid},
		"overflow":         {Input{From: pattern{}, Size: 50, Only: []Range{{1 << 62, 1 << 62}}}, cordon.ErrInvalid},
		"negative":         {Input{From: pattern{}, Size: -1}, cordon.ErrInvalid},
		"cut":              {Input{From: strings.NewReader("short"), Size: 50}, nil},
	} {
		_, err := b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"read"}, Input: &c.in, Limits: Limits{Input: 100}})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBareSurroundings(t *testing.T) {
	t.Setenv("CORDON_SECRET", "not to be seen")
	each(t, func(t *testing.T, b *Box) {
		secret, err := os.Open(os.Args[0]) // a descriptor of the gateway
		if err != nil {
			t.Fatal(err)
		}
		defer secret.Close()
		if _, err := unix.FcntlInt(secret.Fd(), unix.F_SETFD, 0); err != nil { // and one that somebody forgot to close
			t.Fatal(err)
		}
		got, err := run(t, b, Limits{}, "descriptors")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines(got) {
			fd, what, _ := strings.Cut(l, "=")
			ours := strings.Contains(what, "eventpoll") || strings.Contains(what, "eventfd") // of its own runtime
			if n, _ := strconv.Atoi(fd); n > fdInput && !ours {
				t.Errorf("descriptor %s", l)
			}
		}
		got, err = run(t, b, Limits{}, "environment")
		if want := "[] in / as "; err != nil || !strings.HasPrefix(string(got.Stdout), want) {
			t.Errorf("%q, %v", got.Stdout, err)
		}
	})
}

func TestNoNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan struct{}, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			came <- struct{}{}
		}
	}()
	each(t, func(t *testing.T, b *Box) {
		got, err := run(t, b, Limits{}, "dial", l.Addr().String())
		nothing(t, got, err)
		got, err = run(t, b, Limits{}, "socket")
		nothing(t, got, err)
		if n := len(lines(got)); err == nil && n != 5 {
			t.Errorf("%d answers: %s", n, got.Stdout)
		}
	})
	if len(came) > 0 {
		t.Errorf("%d connections came", len(came))
	}
}

func TestNoFiles(t *testing.T) {
	dir := t.TempDir()
	_ = os.Chmod(dir, 0o777)
	data := filepath.Join(dir, "patient.jpg")
	if err := os.WriteFile(data, []byte("a patient's photo"), 0o644); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, b *Box) {
		for _, name := range []string{"/etc/passwd", "/etc/hostname", data, os.Args[0],
			fmt.Sprintf("/proc/%d/environ", os.Getpid()), fmt.Sprintf("/proc/%d/maps", os.Getpid()), fmt.Sprintf("/proc/%d/mem", os.Getpid())} {
			if _, err := os.Stat(name); err != nil {
				t.Fatal(err) // else it proves nothing that it cannot be read
			}
			got, err := run(t, b, Limits{}, "open", name)
			nothing(t, got, err)
		}
		got, err := run(t, b, Limits{}, "list", dir)
		nothing(t, got, err)
		got, err = run(t, b, Limits{}, "write", filepath.Join(dir, "written"), "/tmp/written-from-inside", "/dev/shm/written-from-inside", "/usr/written", "/written", data)
		nothing(t, got, err)
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("%d entries in the folder", len(entries))
		}
		if after, _ := os.ReadFile(data); string(after) != "a patient's photo" {
			t.Errorf("the file is now %q", after)
		}
	})
}

func TestNoOtherPrograms(t *testing.T) {
	each(t, func(t *testing.T, b *Box) {
		got, err := run(t, b, Limits{}, "fork")
		if err != nil || string(got.Stdout) != "made 0\n" {
			t.Errorf("%q, %v", got.Stdout, err)
		}
		for _, args := range [][]string{{"exec", "/usr/bin/true"}, {"run", "/usr/bin/id"}, {"grandchild"}} {
			got, err := run(t, b, Limits{}, args...)
			nothing(t, got, err)
		}
	})
}

func TestFatalCalls(t *testing.T) {
	each(t, func(t *testing.T, b *Box) {
		for _, n := range []int{unix.SYS_PTRACE, unix.SYS_BPF, unix.SYS_KEYCTL, unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_IO_URING_SETUP,
			unix.SYS_PERF_EVENT_OPEN, unix.SYS_PROCESS_VM_READV, unix.SYS_EXECVE, unix.SYS_EXECVEAT} {
			got, err := run(t, b, Limits{}, "call", strconv.Itoa(n), "0")
			if k, ok := errors.AsType[*KilledError](err); !ok || k.Limit != LimitCall {
				t.Errorf("call %d: %q, %v", n, got.Stdout, err)
			}
		}
		for n, want := range map[int]string{
			unix.SYS_CLONE3:       "function not implemented",
			unix.SYS_MEMFD_CREATE: "operation not permitted",
			unix.SYS_SETSID:       "operation not permitted",
			unix.SYS_PERSONALITY:  "operation not permitted",
		} {
			got, err := run(t, b, Limits{}, "call", strconv.Itoa(n), "0")
			if err != nil || !strings.Contains(string(got.Stdout), want) {
				t.Errorf("call %d: %q, %v", n, got.Stdout, err)
			}
		}
		// New namespaces, as a thread or not.
		for _, flags := range []int{unix.CLONE_NEWUSER, unix.CLONE_NEWUSER | unix.CLONE_THREAD, unix.CLONE_NEWNET | unix.CLONE_THREAD | unix.CLONE_VM | unix.CLONE_SIGHAND} {
			got, err := run(t, b, Limits{}, "call", strconv.Itoa(unix.SYS_CLONE), strconv.Itoa(flags))
			if err != nil || !strings.Contains(string(got.Stdout), "operation not permitted") {
				t.Errorf("clone %#x: %q, %v", flags, got.Stdout, err)
			}
		}
	})
}

func TestNoHoldOnOtherProcesses(t *testing.T) {
	victim := exec.Command("sleep", "60")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = victim.Process.Kill(); _ = victim.Wait() }()
	each(t, func(t *testing.T, b *Box) {
		got, err := run(t, b, Limits{}, "signal", strconv.Itoa(os.Getpid()), strconv.Itoa(victim.Process.Pid), "-1", "0")
		nothing(t, got, err)
		got, err = run(t, b, Limits{}, "ptrace", strconv.Itoa(victim.Process.Pid))
		nothing(t, got, err)
		got, err = run(t, b, Limits{}, "raise")
		nothing(t, got, err)
	})
	if err := victim.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the other process is gone: %v", err)
	}
}

func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, b *Box) {
		for _, c := range []struct {
			args   []string
			limits Limits
			want   Limit
		}{
			{[]string{"spin"}, Limits{CPU: time.Second, Time: 30 * time.Second}, LimitCPU},
			{[]string{"sleep"}, Limits{Time: 300 * time.Millisecond}, LimitTime},
			{[]string{"stubborn"}, Limits{Time: 300 * time.Millisecond}, LimitTime},
			{[]string{"flood"}, Limits{Output: 1 << 20}, LimitOutput},
			{[]string{"fault"}, Limits{}, LimitFault},
		} {
			got, err := run(t, b, c.limits, c.args...)
			if k, ok := errors.AsType[*KilledError](err); !ok || k.Limit != c.want {
				t.Errorf("%s: %v, wanted %s", c.args[0], err, c.want)
			}
			if c.want == LimitOutput && len(got.Stdout) != 1<<20 {
				t.Errorf("%d bytes of output were kept", len(got.Stdout))
			}
		}
		// Go itself reserves some hundred MiB of addresses before its first line.
		got, err := run(t, b, Limits{Memory: 1024 << 20}, "eat", "1000")
		if err == nil || strings.Contains(string(got.Stdout), "done:") || got.Memory > 1024<<20 {
			t.Errorf("memory: %q, %v, resident %d MiB", got.Stdout, err, got.Memory>>20)
		}
		if got, err := run(t, b, Limits{Memory: 1024 << 20}, "eat", "20"); err != nil {
			t.Errorf("a little memory: %q, %v", got.Stdout, err)
		}
		got, err = run(t, b, Limits{}, "crash")
		if err == nil {
			t.Errorf("a crash passed as success: %q", got.Stdout)
		}
	})
}

// What the operator set is never exceeded.
func TestLimitsOfTheBox(t *testing.T) {
	b := Open(Config{Memory: 1024, Time: 200 * time.Millisecond})
	if _, err := run(t, b, Limits{Time: time.Hour}, "sleep"); !killed(err, LimitTime) {
		t.Errorf("%v", err)
	}
	b = Open(Config{Memory: 1024})
	if got, err := run(t, b, Limits{Memory: 1 << 40}, "eat", "1000"); err == nil {
		t.Errorf("%q", got.Stdout)
	}
}

func killed(err error, by Limit) bool {
	k, ok := errors.AsType[*KilledError](err)
	return ok && k.Limit == by
}

// A gateway that is killed takes its decoders along.
func TestGatewayDies(t *testing.T) {
	program := hostile(t)
	if os.Getenv("CORDON_TEST_GATEWAY") != "" { // that gateway
		b := Open(Config{})
		if os.Getenv("CORDON_TEST_GATEWAY") == "alone" {
			b.lacking = []measure{namespaces, view}
		}
		_, err := b.Run(t.Context(), Command{Program: os.Getenv("CORDON_TEST_PROGRAM"), Args: []string{"stubborn"}, Stdout: os.Stderr})
		t.Fatal("it ended by itself: ", err)
	}
	for _, how := range []string{"namespaces", "alone"} {
		gateway := exec.Command("/proc/self/exe", "-test.run", "^TestGatewayDies$")
		gateway.Env = append(os.Environ(), "CORDON_TEST_GATEWAY="+how, "CORDON_TEST_PROGRAM="+program)
		said, err := gateway.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := gateway.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := said.Read(make([]byte, 1)); err != nil { // it runs
			t.Fatal(err)
		}
		_ = gateway.Process.Kill()
		_, _ = io.Copy(io.Discard, said) // ends when nobody holds the other end
		_ = gateway.Wait()
		for range 500 { // until the kernel has done with it
			if len(running(program)) == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		noneLeft(t, program)
	}
}

func TestThreads(t *testing.T) {
	b := Open(Config{})
	if !b.probe().on[namespaces] {
		return // the kernel counts the threads of a whole user then
	}
	got, err := run(t, b, Limits{Threads: 40}, "threads", "20")
	if err != nil || !strings.Contains(string(got.Stdout), "done:") {
		t.Errorf("20 threads of 40: %q, %v", got.Stdout, err)
	}
	got, err = run(t, b, Limits{Threads: 40}, "threads", "200")
	if err == nil || strings.Contains(string(got.Stdout), "done:") {
		t.Errorf("200 threads of 40: %q, %v", got.Stdout, err)
	}
}

func TestSaid(t *testing.T) {
	b := Open(Config{})
	got, err := run(t, b, Limits{}, "mutter")
	e, ok := errors.AsType[*ExitError](err)
	if !ok || e.Code != 1 || e.Said != got.Said {
		t.Fatalf("%v", err)
	}
	if len(got.Said) > maxSaid || !strings.HasSuffix(got.Said, "long long the end") || strings.ContainsFunc(got.Said, func(r rune) bool { return r < ' ' || r == utf8.RuneError }) {
		t.Errorf("%d bytes: %q", len(got.Said), got.Said)
	}
	if _, err := run(t, b, Limits{}, "status"); err == nil || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("%v", err)
	}
}

func TestCallerGoes(t *testing.T) {
	each(t, func(t *testing.T, b *Box) {
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan struct{})
		var once sync.Once
		done := make(chan error)
		go func() {
			_, err := b.Run(ctx, Command{Program: hostile(t), Args: []string{"stubborn"}, Stdout: writer(func(p []byte) (int, error) {
				once.Do(func() { close(first) })
				return len(p), nil
			})})
			done <- err
		}()
		<-first
		if len(running(hostile(t))) == 0 {
			t.Error("it runs and is not seen") // else it would prove nothing that it is not seen later
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		// Nobody takes the output any more.
		full := errors.New("no room")
		_, err := b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"stubborn"}, Stdout: writer(func([]byte) (int, error) { return 0, full })})
		if !errors.Is(err, full) {
			t.Errorf("%v", err)
		}
		noneLeft(t, hostile(t))
	})
}

// noneLeft fails the test if a process still runs the program.
func noneLeft(t *testing.T, program string) {
	t.Helper()
	for _, p := range running(program) {
		t.Errorf("%s still runs", p)
	}
}

func running(program string) (found []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, p := range procs {
		if at, _ := os.Readlink(p); strings.HasSuffix(at, "/"+filepath.Base(filepath.Dir(program))+"/hostile") {
			found = append(found, p+" "+at)
		}
	}
	return found
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestSideBySide(t *testing.T) {
	b := Open(Config{AtOnce: 3})
	body := bytes.Repeat([]byte("a stranger's bytes "), 10_000)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			got, err := b.Run(t.Context(), Command{Program: hostile(t), Args: []string{"copy"}, Input: &Input{From: bytes.NewReader(body), Size: int64(len(body))}})
			if err != nil || !bytes.Equal(got.Stdout, body) {
				t.Errorf("%d bytes, %v", len(got.Stdout), err)
			}
		})
	}
	all.Wait()
	noneLeft(t, hostile(t))
}

func TestAbsent(t *testing.T) {
	b := Open(Config{})
	if _, err := b.Run(t.Context(), Command{Program: "no-such-decoder"}); !errors.Is(err, ErrAbsent) {
		t.Errorf("%v", err)
	}
	if err := b.Has("no-such-decoder"); !errors.Is(err, ErrAbsent) {
		t.Errorf("%v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program at all"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Run(t.Context(), Command{Program: text}); !errors.Is(err, ErrStart) {
		t.Errorf("%v", err)
	}
}

// What must be in force before anything runs.
func TestRequired(t *testing.T) {
	if r := Open(Config{}).Report(); !r.Complete {
		_, err := run(t, Open(Config{Required: true}), Limits{}, "nothing")
		if !errors.Is(err, ErrNotLocked) {
			t.Errorf("all is required, and what is in force is %+v: %v", r, err)
		}
		return
	}
	for _, c := range []struct {
		name    string
		conf    Config
		lacking []measure
		usable  bool
	}{
		{"all there", Config{Required: true}, nil, true},
		{"one lacks, all required", Config{Required: true}, []measure{landlock}, false},
		{"one lacks, another stands in", Config{}, []measure{landlock}, true},
		{"no files promise", Config{}, []measure{landlock, view}, false},
		{"no call filter", Config{}, []measure{filter}, false},
		{"limits only", Config{LimitsOnly: true}, []measure{landlock, view, filter, namespaces}, true},
	} {
		b := Open(c.conf)
		b.lacking = c.lacking
		_, err := run(t, b, Limits{}, "nothing")
		if (err == nil) != c.usable || err != nil && !errors.Is(err, ErrNotLocked) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, m := range b.Report().Measures {
			if m.InForce == slices.Contains(c.lacking, measure(m.Name)) || !m.InForce && m.Why == "" {
				t.Errorf("%s: %+v", c.name, m)
			}
		}
		if r := b.Report(); r.Usable != c.usable || (r.Why == "") != c.usable || r.Complete != (len(c.lacking) == 0) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestReport(t *testing.T) {
	r := Open(Config{}).Report()
	if !r.Usable || len(r.Measures) != len(measures) || len(r.Programs) != len(programs) {
		t.Fatalf("%+v", r)
	}
	for _, m := range r.Measures {
		if !m.InForce && m.Why == "" {
			t.Errorf("%s is not in force, and nothing says why", m.Name)
		}
		t.Logf("%s: %v %s", m.Name, m.InForce, m.Why)
	}
	for _, p := range r.Programs {
		if _, err := exec.LookPath(p.Name); err == nil && (p.Version == "" || p.Why != "") {
			t.Errorf("%s is installed, and the report says %+v", p.Name, p)
		}
		t.Logf("%+v", p)
	}
}
