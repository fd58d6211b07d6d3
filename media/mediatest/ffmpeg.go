package mediatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FFmpeg makes a recording with ffmpeg and returns its path: arguments in one line, {} for the
// folder of the test, the last one the name of the file. A test is skipped where ffmpeg is absent.
func FFmpeg(t testing.TB, dir, line string) string {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("needs ffmpeg (Debian package ffmpeg)")
	}
	args := strings.Fields(line)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{}", dir)
	}
	out := filepath.Join(dir, args[len(args)-1])
	args[len(args)-1] = out
	args = append([]string{"-nostdin", "-v", "error", "-y", "-threads", "1", "-bitexact"}, args...)
	cmd := exec.Command(program, args...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", line, err, said)
	}
	return out
}

// Write writes a file of a test and returns its path.
func Write(t testing.TB, dir, name string, parts ...[]byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Read reads a file of a test.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
