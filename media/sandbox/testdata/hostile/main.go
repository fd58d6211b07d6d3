// Command hostile does what a decoder that a file has taken over would do. The tests of the
// sandbox run it inside. It prints "done: ..." for whatever it got through with.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// always, set when it is linked, is what it does whatever it is told: for tests that run it
// under the name of a decoder.
var always string

func main() {
	if always != "" {
		os.Args = []string{os.Args[0], always}
	}
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	arg := func(i int) string { return os.Args[1+i] }
	switch os.Args[1] {
	case "nothing":
	case "status":
		os.Exit(3)
	case "read": // its input
		in, err := os.ReadFile("/proc/self/fd/3")
		report(err, "%q", in)
	case "seek":
		f, err := os.Open("/proc/self/fd/3")
		check(err)
		b := make([]byte, 4)
		off, _ := strconv.ParseInt(arg(1), 10, 64)
		_, err = f.ReadAt(b, off)
		st, _ := f.Stat()
		report(err, "%q of %d", b, st.Size())
	case "scribble": // over its input
		f, err := os.OpenFile("/proc/self/fd/3", os.O_RDWR, 0)
		if err == nil {
			_, err = f.WriteAt([]byte("x"), 0)
		}
		report(err, "written")
		_, err = syscall.Write(3, []byte("x"))
		report(err, "written by descriptor")
	case "environment":
		wd, _ := os.Getwd()
		fmt.Printf("%q in %s as %d\n", os.Environ(), wd, os.Getuid())
	case "descriptors":
		for fd := 0; fd < 1024; fd++ {
			var st syscall.Stat_t
			if syscall.Fstat(fd, &st) == nil {
				link, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
				fmt.Printf("%d=%s\n", fd, link)
			}
		}
	case "dial":
		c, err := net.DialTimeout("tcp", arg(1), 2*time.Second)
		if err == nil {
			c.Close()
		}
		report(err, "dialled")
	case "socket":
		for _, family := range []int{syscall.AF_UNIX, syscall.AF_INET, syscall.AF_INET6, syscall.AF_NETLINK, syscall.AF_PACKET} {
			_, err := syscall.Socket(family, syscall.SOCK_DGRAM, 0)
			report(err, "socket %d", family)
		}
	case "open":
		for _, name := range os.Args[2:] {
			b, err := os.ReadFile(name)
			report(err, "%d bytes of %s", len(b), name)
		}
	case "list":
		entries, err := os.ReadDir(arg(1))
		report(err, "%d entries of %s", len(entries), arg(1))
	case "write":
		for _, name := range os.Args[2:] {
			report(os.WriteFile(name, []byte("x"), 0o600), "written %s", name)
			report(os.Mkdir(name+".d", 0o700), "made %s.d", name)
		}
	case "fork":
		made := 0
		for range 200 {
			pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
			if e != 0 {
				break
			}
			if pid == 0 {
				syscall.Nanosleep(&syscall.Timespec{Sec: 60}, nil)
				syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
			}
			made++
		}
		fmt.Printf("made %d\n", made)
	case "exec":
		report(syscall.Exec(arg(1), []string{"x"}, nil), "?")
	case "run":
		out, err := exec.Command(arg(1), os.Args[3:]...).CombinedOutput()
		report(err, "%s", out)
	case "grandchild": // keeps standard output open after its parent is gone
		c := exec.Command("/proc/self/exe", "sleep")
		c.Stdout = os.Stdout
		report(c.Start(), "started")
	case "sleep":
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGXCPU, syscall.SIGPIPE)
		for {
			os.Stdout.Write([]byte("x\n"))
			time.Sleep(time.Millisecond)
		}
	case "spin":
		signal.Ignore(syscall.SIGXCPU)
		for {
		}
	case "flood":
		b := make([]byte, 64<<10)
		for {
			if _, err := os.Stdout.Write(b); err != nil {
				os.Exit(0)
			}
		}
	case "mutter":
		fmt.Fprintf(os.Stderr, "\x1b[31mred\x1b[0m\x00\xff %s the end", strings.Repeat("long ", 10000))
		os.Exit(1)
	case "eat":
		n, _ := strconv.Atoi(arg(1)) // MiB
		for i := range n {
			b := make([]byte, 1<<20)
			for j := 0; j < len(b); j += 4096 {
				b[j] = byte(i)
			}
			eaten = append(eaten, b)
		}
		fmt.Printf("done: ate %d MiB\n", len(eaten))
	case "threads":
		n, _ := strconv.Atoi(arg(1))
		release := make(chan bool)
		for range n {
			go func() { syscall.Nanosleep(&syscall.Timespec{Sec: 2}, nil); <-release }()
		}
		time.Sleep(time.Second)
		tasks, _ := os.ReadDir("/proc/self/task")
		fmt.Printf("done: %d threads\n", len(tasks))
	case "signal":
		for _, pid := range os.Args[2:] {
			n, _ := strconv.Atoi(pid)
			report(syscall.Kill(n, syscall.SIGTERM), "signalled %d", n)
		}
	case "ptrace":
		n, _ := strconv.Atoi(arg(1))
		report(syscall.PtraceAttach(n), "attached to %d", n)
	case "raise": // the limits
		for _, what := range []int{syscall.RLIMIT_AS, syscall.RLIMIT_CPU, syscall.RLIMIT_NOFILE, syscall.RLIMIT_CORE, syscall.RLIMIT_FSIZE} {
			report(syscall.Setrlimit(what, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40}), "raised %d", what)
		}
	case "call": // a system call by its number
		n, _ := strconv.Atoi(arg(1))
		flags, _ := strconv.ParseUint(arg(2), 0, 64)
		_, _, e := syscall.RawSyscall6(uintptr(n), uintptr(flags), 0, 0, 0, 0, 0)
		fmt.Printf("call %d: %v\n", n, e)
	case "crash":
		var none *int
		*none = 1
	case "fault": // as a program in C has it
		action := [4]uint64{} // the default
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
		var none *int
		*none = 1
	case "copy":
		f, err := os.Open("/proc/self/fd/3")
		check(err)
		_, err = io.Copy(os.Stdout, f)
		check(err)
	default:
		os.Exit(2)
	}
}

var eaten [][]byte

func check(err error) {
	if err != nil {
		fmt.Println("not:", err)
		os.Exit(1)
	}
}

func report(err error, format string, args ...any) {
	if err != nil {
		fmt.Println("not:", err)
		return
	}
	fmt.Println("done: " + fmt.Sprintf(format, args...))
}
