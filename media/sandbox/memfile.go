//go:build linux && (amd64 || arm64)

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// memfile copies an input into sealed memory: neither this process nor the program can
// change it any more, and it is gone with its last descriptor.
func memfile(name string, in *Input) (*os.File, error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := fill(f, in); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func fill(f *os.File, in *Input) error {
	if in != nil {
		if err := f.Truncate(in.Size); err != nil {
			return fmt.Errorf("memory file of %d bytes: %w", in.Size, err)
		}
		ranges := in.Only
		if len(ranges) == 0 {
			ranges = []Range{{0, in.Size}}
		}
		for _, r := range ranges {
			n, err := io.Copy(io.NewOffsetWriter(f, r.Offset), io.NewSectionReader(in.From, r.Offset, r.Length))
			if err != nil {
				return fmt.Errorf("copy the input: %w", err)
			}
			if n < r.Length {
				return fmt.Errorf("copy the input: %w", io.ErrUnexpectedEOF)
			}
		}
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal the memory file: %w", err)
	}
	return nil
}
