package cordon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestUnavailable(t *testing.T) {
	path := func(errno syscall.Errno) error {
		return fmt.Errorf("store the bytes: %w", &fs.PathError{Op: "write", Path: "bytes/x", Err: errno})
	}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nothing", nil, false},
		{"full disk", path(syscall.ENOSPC), true},
		{"quota used up", path(syscall.EDQUOT), true},
		{"limit on the size of files", path(syscall.EFBIG), true},
		{"read-only file system", path(syscall.EROFS), true},
		{"disk fails", path(syscall.EIO), true},
		{"network disk gone", path(syscall.ESTALE), true},
		{"no descriptors in the process", &os.SyscallError{Syscall: "openat", Err: syscall.EMFILE}, true},
		{"no descriptors in the system", &net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "socket", Err: syscall.ENFILE}}, true},
		{"no memory", path(syscall.ENOMEM), true},
		{"deadline", fmt.Errorf("judge: %w", context.DeadlineExceeded), true},
		{"too much to do", fmt.Errorf("queue: %w", cordon.ErrBusy), true},
		{"database away", fmt.Errorf("%w: %w", cordon.ErrUnavailable, io.ErrUnexpectedEOF), true},
		{"joined with something else", errors.Join(errors.New("first"), path(syscall.ENOSPC)), true},

		{"the sender was too slow", fmt.Errorf("body: %w", cordon.ErrTooSlow), false},
		{"a connection's own deadline", os.ErrDeadlineExceeded, false},
		{"the sender left", context.Canceled, false},
		{"not there", path(syscall.ENOENT), false},
		{"not permitted by the system", path(syscall.EACCES), false},
		{"cut short", io.ErrUnexpectedEOF, false},
		{"someone else was first", cordon.ErrConflict, false},
		{"not valid", cordon.ErrInvalid, false},
		{"trying again cannot help", cordon.ErrPermanent, false},
	} {
		if got := cordon.Unavailable(c.err); got != c.want {
			t.Errorf("%s (%v): unavailable is %v, want %v", c.name, c.err, got, c.want)
		}
	}
}
