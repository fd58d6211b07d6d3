package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cordonhq/cordon"
)

// lockFolder makes sure that one process at a time works on a data folder: two would settle
// each other's uploads. The lock ends with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, syscall.EROFS):
		return nil, fmt.Errorf("the data folder %q is on a file system that takes no writes; mount it for writing, or choose another with \"data\": %w", dir, err)
	case errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM):
		return nil, fmt.Errorf("this user may not write in the data folder %q; give it the folder (chown), or choose another with \"data\": %w", dir, err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return nil, fmt.Errorf("the disk of the data folder %q is full; make room and start again: %w", dir, err)
	case err != nil:
		return nil, fmt.Errorf("lock the data folder %q: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: another process works on the data folder %q; stop it first, or use another folder", cordon.ErrNotNow, dir)
		}
		return nil, fmt.Errorf("lock the data folder %q: %w", dir, err)
	}
	return f, nil
}
