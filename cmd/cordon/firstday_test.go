package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestFirstDay follows docs/first-day.md as a reader would: each block of commands, in order, in
// one shell after another that share folder and environment. Comments in front of a block say
// what the reader would know:
//
//	<!-- not in the test -->               needs a browser, a person or a real org
//	<!-- stays -->                         runs in a terminal of its own
//	<!-- stays until the next part -->     the same, until the next heading of the second level
//	<!-- the line that the demo prints --> the first line is replaced by the demo's
//
// Ports are other ones than in the text, so that the test can run beside anything, and RECEIPT
// is the first receipt that the block before printed.
func TestFirstDay(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "first-day.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "cordon-verify"), "../cordon-verify").CombinedOutput(); err != nil {
		t.Fatalf("build cordon-verify: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "cordon")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"CORDON_URL", "CORDON_TOKEN", "DATABASE_URL", "PORT"} {
		t.Setenv(name, "")
	}
	r := reader{T: t, dir: t.TempDir(), ports: strings.NewReplacer(
		"127.0.0.1:8082", freePort(t), "127.0.0.1:8090", freePort(t))}
	r.ports = strings.NewReplacer("cordon demo", "cordon demo --listen 127.0.0.1:0",
		"cordon sim --files", "cordon sim --listen "+r.ports.Replace("127.0.0.1:8082")+" --files",
		"cordon serve", "cordon serve --listen 127.0.0.1:0 --console-listen "+r.ports.Replace("127.0.0.1:8090"),
		"127.0.0.1:8082", r.ports.Replace("127.0.0.1:8082"), "127.0.0.1:8090", r.ports.Replace("127.0.0.1:8090"))
	var followed strings.Builder
	for _, b := range blocks(string(text)) {
		if b.part {
			r.endPart()
			continue
		}
		if b.note != "not in the test" {
			r.follow(b)
			followed.WriteString(b.commands)
		}
	}
	for command := range promises {
		if !strings.Contains(followed.String(), command) {
			t.Errorf("the guide has no %q any more; is what it promises still shown?", command)
		}
	}
}

// promises are what commands of the guide must say, as it tells its reader.
var promises = map[string]string{
	"cordon hold list":             `itm_[0-9a-z]+`,
	"cordon hold release RECEIPT":  `is delivered as 068`,
	"cordon-verify":                `(?m)^verified`,
	"cordon doctor":                `Nothing that Cordon needs is missing\.\n$`,
	"cordon sim conformance":       `[1-9][0-9]+ records were made, [1-9][0-9]+ are removed`,
	"cordon inventory --refresh":   `(?m)^195 files, `,
	"cordon backfill --sample":     `would have been held +[1-9]`,
	"cordon ledger verify":         `(?m)^org: verified: [0-9]+ entries`,
	"cordon report coverage --all": `(?m)^Examined`,
	"cordon report shadow":         `(?m)^  Files on record +19[5-9],`,
	"cordon report shadow --html ": ``,
}

// block is some commands of the guide, or the beginning of a part.
type block struct {
	line           int
	note, commands string
	part           bool
}

var noteLine = regexp.MustCompile(`^<!-- (.*) -->$`)

// blocks finds the commands of a Markdown text up to where it explains what doctor says.
func blocks(text string) (list []block) {
	text, _, _ = strings.Cut(text, "\n## What doctor says")
	var b block
	end := func() {
		if b.commands != "" {
			list = append(list, b)
			b = block{}
		}
	}
	for i, line := range strings.Split(text, "\n") {
		command, is := strings.CutPrefix(line, "    ")
		switch m := noteLine.FindStringSubmatch(line); {
		case is:
			if b.commands == "" {
				b.line = i + 1
			}
			b.commands += command + "\n"
		case line == "" && b.commands != "":
			b.commands += "\n" // a block may have an empty line in it
		case line == "":
		default:
			end()
			if m != nil {
				b.note = m[1]
			}
			if strings.HasPrefix(line, "## ") {
				list = append(list, block{part: true})
			}
		}
	}
	end()
	return list
}

// reader is somebody who follows the guide.
type reader struct {
	*testing.T
	dir     string
	ports   *strings.Replacer
	said    string   // by the block before
	demo    string   // the line that the demo printed
	running []func() // ends what stays until the next part
}

func (r *reader) follow(b block) {
	r.Helper()
	commands := r.ports.Replace(b.commands)
	if b.note == "the line that the demo prints" {
		_, rest, _ := strings.Cut(commands, "\n")
		commands = r.demo + "\n" + rest
	}
	if receipt := regexp.MustCompile(`itm_[0-9a-z]+`).FindString(r.said); receipt != "" {
		commands = strings.ReplaceAll(commands, "RECEIPT", receipt)
	}
	if strings.HasPrefix(b.note, "stays") {
		end := r.start(b, commands)
		if b.note == "stays" {
			r.Cleanup(end)
		} else {
			r.running = append(r.running, end)
		}
		return
	}
	cmd := exec.Command("sh", "-e")
	cmd.Dir = r.dir
	cmd.Stdin = strings.NewReader("[ -f .env ] && . ./.env\n" + commands + "\nexport -p > .env\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("docs/first-day.md:%d: %v\n%s\n%s", b.line, err, commands, out)
	}
	r.said = string(out)
	for command, says := range promises {
		if strings.Contains(b.commands, command) && !regexp.MustCompile(says).MatchString(r.said) {
			r.Errorf("docs/first-day.md:%d: %s does not say %s:\n%s", b.line, command, says, r.said)
		}
	}
}

// start runs a command that stays, and returns once it says that it is ready.
func (r *reader) start(b block, command string) (end func()) {
	r.Helper()
	cmd := exec.Command("sh", "-c", "exec "+strings.TrimSpace(command))
	cmd.Dir = r.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = lines.Text() == "ready"
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "export CORDON_URL=") {
			r.demo = line
		}
	}
	if !ready {
		cmd.Wait()
		r.Fatalf("docs/first-day.md:%d: %s ended before it was ready:\n%s", b.line, command, said.String())
	}
	go io.Copy(io.Discard, out)
	return func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			r.Errorf("docs/first-day.md:%d: %s: %v\n%s", b.line, command, err, said.String())
		}
	}
}

func (r *reader) endPart() {
	for _, end := range r.running {
		end()
	}
	r.running = nil
}

// freePort returns an address of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return fmt.Sprint(ln.Addr())
}
