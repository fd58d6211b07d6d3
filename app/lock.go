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
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
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
