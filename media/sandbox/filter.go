//go:build linux && (amd64 || arm64)

package sandbox

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter is an allow list of what decoders do: compute, take memory, read, write what is
// open, wait, and make threads. Calls that no decoder has business with end the program;
// everything else is answered with "not permitted".
// https://docs.kernel.org/userspace-api/seccomp_filter.html

// plain calls need no look at their arguments. Those that only one architecture has are in
// the list of that architecture.
var plain = append([]uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_PREADV, unix.SYS_LSEEK,
	unix.SYS_CLOSE, unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_STATFS, unix.SYS_FSTATFS,
	unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_GETDENTS64, unix.SYS_GETCWD, unix.SYS_FADVISE64,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MEMBARRIER, unix.SYS_MINCORE,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_GET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_SET_TID_ADDRESS,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETGROUPS,
	unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRLIMIT, unix.SYS_GETRUSAGE, unix.SYS_TIMES, unix.SYS_GETRANDOM,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_GETSCHEDULER,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_NANOSLEEP, unix.SYS_GETTIMEOFDAY,
	unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}, plainHere...)

// fatal calls are attempts at something else.
var fatal = append([]uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_KCMP,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSMOUNT,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_EXECVE,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT,
}, fatalHere...)

const (
	allow = unix.SECCOMP_RET_ALLOW
	kill  = unix.SECCOMP_RET_KILL_PROCESS
)

func deny(errno unix.Errno) uint32 {
	return unix.SECCOMP_RET_ERRNO | uint32(errno)&unix.SECCOMP_RET_DATA
}

// A condition compares the masked lower half of one argument of a call, or its upper half.
type condition struct {
	arg   int
	upper bool
	mask  uint32
	is    uint32
}

// checked calls are allowed where one of the alternatives holds in all its conditions.
type checked struct {
	call  uint32
	when  [][]condition
	else_ uint32
}

// rules returns the filter. The program is started by the address only, as process pid.
func rules(address uint64, pid int) ([]unix.SockFilter, error) {
	const all = ^uint32(0)
	const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND | unix.O_TMPFILE&^unix.O_DIRECTORY
	const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	// Options of prctl and commands of fcntl and ioctl that say or set something of the process alone.
	is := func(arg int, values ...uint32) (when [][]condition) {
		for _, v := range values {
			when = append(when, []condition{{arg: arg, mask: all, is: v}})
		}
		return when
	}
	eperm := deny(unix.EPERM)
	list := append([]checked{
		{unix.SYS_EXECVEAT, [][]condition{{
			{arg: 0, mask: all, is: fdProgram},
			{arg: 1, mask: all, is: uint32(address)},
			{arg: 1, upper: true, mask: all, is: uint32(address >> 32)},
			{arg: 4, mask: all, is: unix.AT_EMPTY_PATH},
		}}, kill},
		{unix.SYS_OPENAT, [][]condition{{{arg: 2, mask: writing, is: 0}}}, deny(unix.EROFS)},
		// Threads, but no processes and no namespaces. glibc asks by clone3 first, whose
		// arguments cannot be looked at, and takes clone when there is none.
		{unix.SYS_CLONE, [][]condition{{{arg: 0, mask: unix.CLONE_THREAD | newNamespaces, is: unix.CLONE_THREAD}}}, eperm},
		{unix.SYS_CLONE3, nil, deny(unix.ENOSYS)},
		{unix.SYS_OPENAT2, nil, deny(unix.ENOSYS)},
		// Signals to itself, as abort() sends.
		{unix.SYS_TGKILL, is(0, uint32(pid)), eperm},
		{unix.SYS_KILL, is(0, uint32(pid)), eperm},
		// Limits may be read.
		{unix.SYS_PRLIMIT64, [][]condition{{{arg: 2, mask: all, is: 0}, {arg: 2, upper: true, mask: all, is: 0}}}, eperm},
		{unix.SYS_PRCTL, is(0, unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_GET_DUMPABLE, unix.PR_CAPBSET_READ, unix.PR_SET_VMA, unix.PR_GET_PDEATHSIG), eperm},
		{unix.SYS_FCNTL, is(1, unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GET_SEALS), eperm},
		{unix.SYS_IOCTL, is(1, unix.TIOCINQ), deny(unix.ENOTTY)},
	}, checkedHere(writing)...)

	var p []unix.SockFilter
	op := func(code uint16, k uint32) { p = append(p, unix.SockFilter{Code: code, K: k}) }
	jump := func(code uint16, k uint32, yes, no uint8) {
		p = append(p, unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no})
	}
	const (
		load               = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal              = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least              = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		and                = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
		answer             = unix.BPF_RET | unix.BPF_K
		number, arch, args = 0, 4, 16 // in struct seccomp_data
	)
	op(load, arch)
	jump(equal, auditArch, 1, 0)
	op(answer, kill) // calls of another architecture have other numbers
	op(load, number)
	if runtime.GOARCH == "amd64" {
		jump(least, 1<<30, 0, 1) // and so have those of x32
		op(answer, kill)
	}
	for _, c := range plain {
		jump(equal, c, 0, 1)
		op(answer, allow)
	}
	for _, c := range fatal {
		jump(equal, c, 0, 1)
		op(answer, kill)
	}
	for _, c := range list {
		var body []unix.SockFilter
		for _, alternative := range c.when {
			for i, cond := range alternative {
				at := uint32(args + 8*cond.arg)
				if cond.upper {
					at += 4
				}
				left := 3*(len(alternative)-i) - 2 // to the end of this alternative
				body = append(body, unix.SockFilter{Code: load, K: at}, unix.SockFilter{Code: and, K: cond.mask},
					unix.SockFilter{Code: equal, K: cond.is, Jf: uint8(left)})
			}
			body = append(body, unix.SockFilter{Code: answer, K: allow})
		}
		body = append(body, unix.SockFilter{Code: answer, K: c.else_})
		if len(body) > 255 {
			return nil, fmt.Errorf("the rule for call %d is too long", c.call)
		}
		jump(equal, c.call, 0, uint8(len(body)))
		p = append(p, body...)
	}
	op(answer, eperm)
	if len(p) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("a filter of %d steps", len(p))
	}
	return slices.Clip(p), nil
}

// load puts the filter on this thread, and so on the program that it becomes. It allocates nothing.
func load(p []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	}
	return nil
}
