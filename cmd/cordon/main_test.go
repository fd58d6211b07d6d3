package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cordonhq/cordon/samples"
)

// TestMain lets the stories run this test binary as "cordon".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cordon": main})
}

// TestStories runs what a customer could read, testdata/*.txt. Beside the usual commands there
// are:
//
//	samples DIR             write the sample media
//	demo DIR                start a demo on random ports with its data in DIR; its output is the
//	                        file demo.out, and $CORDON_URL and $CORDON_TOKEN lead to it
//	demo-ends               end it, which it must do cleanly
//	sim [FAULT]             start a simulator, with a fault in JSON; $ORG is its address and $ORG_TOKEN a token for it
//	exits CODE COMMAND...   run a command that must end with this exit code
//	capture NAME FILE RE    set $NAME to what the group in RE matches in FILE (or stdout)
//	flip FILE TEXT          change the byte after TEXT in FILE
func TestStories(t *testing.T) {
	verify := filepath.Join(t.TempDir(), "bin", "cordon-verify")
	if out, err := exec.Command("go", "build", "-o", verify, "../cordon-verify").CombinedOutput(); err != nil {
		t.Fatalf("build cordon-verify: %v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(verify)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Values[demoKey{}] = new(runningDemo)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"samples": writeSamples, "demo": startDemo, "demo-ends": endDemo, "sim": startSim, "exits": exits, "capture": capture, "flip": flip,
		},
	})
}

func writeSamples(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: samples DIR")
	}
	set, err := samples.New(1)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, s := range set.All() {
		ts.Check(os.WriteFile(filepath.Join(dir, s.Name), s.Bytes, 0o644))
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "anchors.pem"), set.Anchors, 0o644))
}

type demoKey struct{}

// runningDemo is the one demo of a story.
type runningDemo struct {
	cmd  *exec.Cmd
	rest chan error // how reading its output ended
}

func startDemo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: demo DIR")
	}
	d := ts.Value(demoKey{}).(*runningDemo)
	if d.cmd != nil {
		ts.Fatalf("a demo runs already")
	}
	self, err := os.Executable()
	ts.Check(err)
	cmd := exec.Command(self, "demo", "--listen", "127.0.0.1:0", "--data", ts.MkAbs(args[0]))
	cmd.Args[0] = "cordon" // the name by which the test binary knows what to be
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	d.cmd, d.rest = cmd, make(chan error, 1)
	ts.Defer(func() {
		if d.cmd != nil {
			d.cmd.Process.Kill()
			d.cmd.Wait()
		}
	})
	var said strings.Builder
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			cmd.Wait()
			d.cmd = nil
			ts.Fatalf("the demo ended early: %s\n%s", said.String(), stderr.String())
		}
		if line == "ready\n" {
			break
		}
	}
	go func() {
		_, err := io.Copy(io.Discard, r)
		d.rest <- err
	}()
	ts.Check(os.WriteFile(ts.MkAbs("demo.out"), []byte(said.String()), 0o644))
	m := regexp.MustCompile(`CORDON_URL=(\S+) CORDON_TOKEN=(\S+)`).FindStringSubmatch(said.String())
	if m == nil {
		ts.Fatalf("the demo does not say how to reach it: %s", said.String())
	}
	ts.Setenv("CORDON_URL", m[1])
	ts.Setenv("CORDON_TOKEN", m[2])
}

func endDemo(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value(demoKey{}).(*runningDemo)
	if neg || len(args) != 0 || d.cmd == nil {
		ts.Fatalf("no demo runs")
	}
	ts.Check(d.cmd.Process.Signal(os.Interrupt))
	<-d.rest
	err := d.cmd.Wait()
	d.cmd = nil
	ts.Check(err)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME FILE RE")
	}
	m := regexp.MustCompile(`(?m)` + args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(m) != 2 {
		ts.Fatalf("%s does not match %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[1])
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE TEXT")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at := bytes.Index(b, []byte(args[1]))
	if at < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	b[at+len(args[1])] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}
