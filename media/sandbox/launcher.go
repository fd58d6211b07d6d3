//go:build linux && (amd64 || arm64)

package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// marker is the name under which this binary is started to become a program.
const marker = "cordon: locked-down decoder"

// order is what the launcher is told.
type order struct {
	Probe      bool `json:",omitempty"` // try everything and say what could be done
	Namespaces bool
	View       bool
	Landlock   bool
	Filter     bool
	Path       string   // the program's, for its own eyes; what runs is the open descriptor
	Args       []string `json:",omitempty"`
	Show       []string `json:",omitempty"`
	Memory     uint64
	CPU        uint64 // seconds
	Files      uint64
	Threads    uint64
	Lacking    []measure `json:",omitempty"`
}

// answer is what a probe found.
type answer struct {
	On  map[measure]bool
	Why map[measure]string
}

// A process of ours that is started under the marker never comes to main.
func init() {
	if len(os.Args) == 1 && os.Args[0] == marker {
		runtime.LockOSThread()
		launch()
	}
}

// launch locks this process down and becomes the program. It does not return. Whatever
// could not be done is said on the status descriptor, and then nothing is run.
func launch() {
	var o order
	orders := os.NewFile(fdOrder, "order")
	text, err := io.ReadAll(io.LimitReader(orders, 1<<20))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err == nil {
		err = o.carryOut()
	}
	if err != nil {
		fmt.Fprint(os.NewFile(fdStatus, "status"), err)
	}
	os.Exit(127)
}

func (o order) carryOut() error {
	got := answer{On: map[measure]bool{}, Why: map[measure]string{}}
	// step does one thing that the order wants, or that a probe tries.
	step := func(m measure, wanted bool, do func() error) error {
		switch {
		case !wanted && !o.Probe:
			return nil
		case o.Probe && slices.Contains(o.Lacking, m):
			got.Why[m] = "taken away for a test"
			return nil
		}
		err := do()
		got.On[m] = err == nil
		if err != nil {
			got.Why[m] = err.Error()
			if !o.Probe {
				return fmt.Errorf("%s: %w", m, err)
			}
		}
		return nil
	}

	if err := step(view, o.View, func() error {
		if !o.Namespaces {
			return fmt.Errorf("needs namespaces")
		}
		return enterView(o.Show)
	}); err != nil {
		return err
	}
	unix.Umask(0o077)
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := dropRights(o.Namespaces); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	if err := step(landlock, o.Landlock, func() error { return restrictFiles(o.Show) }); err != nil {
		return err
	}
	if err := closeOnExec(); err != nil {
		return err
	}

	// From here on nothing may be allocated that needs more address space.
	at, err := hidden()
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(append([]string{o.Path}, o.Args...))
	if err != nil {
		return err
	}
	envv := []*byte{nil}
	program, err := rules(uint64(at), unix.Getpid())
	if err != nil {
		return err
	}
	// What drops rights also forgets that we die with the gateway.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if alone := []unix.PollFd{{Fd: fdStatus}}; true {
		if _, err := unix.Poll(alone, 0); err != nil && err != unix.EINTR || alone[0].Revents&unix.POLLERR != 0 {
			return fmt.Errorf("the gateway is gone")
		}
	}
	if o.Probe {
		if err := o.limit(true); err != nil {
			return fmt.Errorf("%s: %w", limits, err)
		}
		got.On[limits] = true
		_ = step(filter, false, func() error { return load(program) })
		return json.NewEncoder(os.NewFile(fdStatus, "status")).Encode(got)
	}
	if err := o.limit(false); err != nil {
		return fmt.Errorf("%s: %w", limits, err)
	}
	if o.Filter {
		if err := load(program); err != nil {
			return fmt.Errorf("%s: %w", filter, err)
		}
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, fdProgram, at, uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	return fmt.Errorf("start %s: %w", o.Path, errno)
}

// limit sets the resource limits, hard and soft alike, memory last: this process has more
// than that already.
func (o order) limit(probe bool) error {
	for _, l := range []struct {
		what  int
		value uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_FSIZE, 0},
		{unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_NOFILE, o.Files},
		{unix.RLIMIT_NPROC, o.Threads},
		{unix.RLIMIT_CPU, o.CPU},
		{unix.RLIMIT_AS, o.Memory},
	} {
		if probe && l.what != unix.RLIMIT_CORE {
			continue
		}
		// Not above what the gateway itself was given.
		var now unix.Rlimit
		if _, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(l.what), 0, uintptr(unsafe.Pointer(&now)), 0, 0); errno != 0 {
			return errno
		}
		v := min(l.value, now.Max)
		lim := unix.Rlimit{Cur: v, Max: v}
		if _, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(l.what), uintptr(unsafe.Pointer(&lim)), 0, 0, 0); errno != 0 {
			return errno
		}
	}
	return nil
}

// dropRights gives up every capability, for good where namespaces made us root in them.
func dropRights(ours bool) error {
	if ours {
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL { // unknown to this kernel
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
		// Being user 0 of the namespace shall mean nothing: NOROOT, NO_SETUID_FIXUP, no raising
		// of ambient capabilities, all of them locked.
		const bits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<6 | 1<<7
		if err := unix.Prctl(unix.PR_SET_SECUREBITS, bits, 0, 0, 0); err != nil {
			return fmt.Errorf("secure bits: %w", err)
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// closeOnExec leaves the program no descriptor beyond its input.
func closeOnExec() error {
	if err := unix.CloseRange(fdInput+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err == nil {
		return nil
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range open {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > fdInput {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// hidden returns the address of an empty string that nobody can guess. The filter lets
// a program be started by this address only: once, by us. (What runs later would have to
// know it, and is ended at the first wrong guess.)
func hidden() (uintptr, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return 0, err
	}
	// Anywhere in the lower 46 bits of addresses, which every kernel here has.
	where := binary.LittleEndian.Uint64(random[:]) & (1<<46 - 1) &^ 0xfff
	inside := uint64(random[7]) << 4 & 0xff0
	addr, _, errno := unix.RawSyscall6(unix.SYS_MMAP, uintptr(where), 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	return addr + uintptr(inside), nil
}
