package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cordonhq/cordon/samples"
)

// stage is a gateway and a simulated CRM, each a process of its own.
type stage struct {
	dir      string
	crm      *process
	gateway  *process
	serve    func() error // starts the gateway
	token    string       // of the CRM's user
	operator string       // API token of an account of the gateway
}

// openStage builds the program and starts both processes in a temporary folder that must
// have room for so many bytes. More arguments are the simulated CRM's.
func openStage(ctx context.Context, room int64, crm ...string) (s *stage, err error) {
	dir, err := os.MkdirTemp("", "cordon-loadrun-")
	if err != nil {
		return nil, err
	}
	s = &stage{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return s, err
	}
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < room {
		return s, fmt.Errorf("%s has %d MiB free, and %d are needed (TMPDIR chooses another place)", dir, free>>20, room>>20)
	}
	program := filepath.Join(dir, "cordon")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/cordon").CombinedOutput(); err != nil {
		return s, fmt.Errorf("build the program (run this from the root of the module): %w\n%s", err, out)
	}
	if s.crm, err = start(ctx, dir, program, append([]string{"sim", "--listen", "127.0.0.1:0"}, crm...)...); err != nil {
		return s, err
	}
	config, err := s.config()
	if err != nil {
		return s, err
	}
	s.serve = func() (err error) {
		s.gateway, err = start(ctx, dir, program, "serve", "--config", config)
		return err
	}
	if err := s.serve(); err != nil {
		return s, err
	}
	return s, s.signIn(ctx)
}

// config writes the gateway's configuration. Inspection may take its time: a deadline that
// is missed would hold the file, and this is about memory.
func (s *stage) config() (file string, err error) {
	text := `data: data
keys: keys
gateway: { listen: "127.0.0.1:0" }
console: { listen: "127.0.0.1:0" }
inspect: { budget: 5m }
tenants:
  - id: clinic
    hosts: [127.0.0.1]
    upstream: ` + s.crm.address["salesforce"] + `
    crm: { client_id: demo, client_secret_file: crm.secret }
    routes:
      - { name: portal, channel: portal, match: [ { object: ContentVersion } ] }
accounts:
  - { login: operator, tenant: clinic, roles: [admin, reviewer], token_file: operator.token }
`
	var secret [32]byte
	rand.Read(secret[:])
	s.operator = "crd_" + base64.RawURLEncoding.EncodeToString(secret[:])
	file = filepath.Join(s.dir, "cordon.yaml")
	return file, errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(s.dir, "crm.secret"), []byte("demo"), 0o600),
		os.WriteFile(filepath.Join(s.dir, "operator.token"), []byte(s.operator), 0o600))
}

// close ends both processes and removes the folder.
func (s *stage) close() error {
	var errs []error
	for _, p := range []*process{s.gateway, s.crm} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func (s *stage) signIn(ctx context.Context) error {
	form := url.Values{"grant_type": {"password"}, "client_id": {"demo"}, "client_secret": {"demo"}, "username": {"demo@example.com"}, "password": {"demo"}}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	body, err := s.post(ctx, "/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	s.token = answer.AccessToken
	return nil
}

// upload sends n files of the size at the same time, as multipart forms that are made while
// they are sent, and returns when all are in the CRM.
func (s *stage) upload(ctx context.Context, n int, size int64) error {
	const frontier = "loadrun-frontier"
	head := func(i int) string { // each a request of its own: the same at once are taken one after the other
		return "--" + frontier + "\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" +
			`{"Title":"scan ` + strconv.Itoa(i) + `","PathOnClient":"scan.png"}` + "\r\n--" + frontier +
			"\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"scan.png\"\r\nContent-Type: image/png\r\n\r\n"
	}
	tail := "\r\n--" + frontier + "--\r\n"
	errs := make([]error, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			body := io.MultiReader(strings.NewReader(head(i)), samples.BigPNG(size), strings.NewReader(tail))
			_, errs[i] = s.post(ctx, "/services/data/v64.0/sobjects/ContentVersion", "multipart/form-data; boundary="+frontier, body)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (s *stage) post(ctx context.Context, path, mediaType string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", s.gateway.address["gateway"]+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("POST %s: %s: %.300s", path, resp.Status, answer)
	}
	return answer, err
}

// peakOf returns the most memory that the gateway had while f ran.
func (s *stage) peakOf(f func() error) (int64, error) {
	// 5 resets the high-water mark: proc_pid_clear_refs(5).
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.gateway.cmd.Process.Pid), []byte("5"), 0); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	return s.gateway.memory("VmHWM")
}

// idle waits until the bytes of what was delivered are gone, and only those of so many files are
// left that are held.
func (s *stage) idle(ctx context.Context, held int) error {
	for {
		files, err := filepath.Glob(filepath.Join(s.dir, "data", "bytes", "*", "*"))
		if err != nil || len(files) <= held {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the bytes of delivered files are still there: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// process is one of the programs under test.
type process struct {
	cmd     *exec.Cmd
	address map[string]string // by name, as it prints them
	log     bytes.Buffer
}

// start runs the program until it says that it is ready.
func start(ctx context.Context, dir, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...), address: map[string]string{}}
	p.cmd.Dir, p.cmd.Stderr = dir, &p.log
	p.cmd.Env = append(os.Environ(), "TMPDIR="+dir, "PORT=", "DATABASE_URL=", "DATABASE_OWNER_URL=")
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 40 * time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, address, _ := strings.Cut(lines.Text(), "  ")
		if p.address[name] = address; name == "ready" {
			go io.Copy(io.Discard, out)
			return p, nil
		}
	}
	return nil, fmt.Errorf("cordon %s ended before it was ready: %w\n%s", args[0], p.cmd.Wait(), p.log.String())
}

// stop asks the process to end and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.cmd.Args[1], err, p.log.String())
	}
	return nil
}

// kill ends the process as a power cut would.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it says that it was killed
	return err
}

// memory reads a figure of /proc/PID/status, in bytes.
func (p *process) memory(name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc has no %s", name)
}

// processor is the processor time that the process has used, all threads together, to a
// hundredth of a second; 0 if it cannot be told. proc_pid_stat(5).
func (p *process) processor() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}
