package main

import (
	"bufio"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// startSim serves a simulator for a story.
func startSim(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: sim [FAULT]")
	}
	conf := sim.Demo()
	conf.Control = true
	org := sim.NewOrg(conf)
	for _, text := range args {
		var fault sim.Fault
		ts.Check(json.Unmarshal([]byte(text), &fault))
		org.Fail(fault)
	}
	server := httptest.NewServer(org.Handler())
	ts.Defer(func() {
		server.Close()
		ts.Check(org.Close())
	})
	ts.Setenv("ORG", server.URL)
	ts.Setenv("ORG_TOKEN", org.Token(conf.Users[0].Username))
}

// A run that is killed leaves a journal, and with it the org can be put back as it was.
func TestConformanceAfterAKill(t *testing.T) {
	conf := sim.Demo()
	org := sim.NewOrg(conf)
	defer org.Close()
	server := httptest.NewServer(org.Handler())
	defer server.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(self, append([]string{"sim", "conformance", "--url", server.URL}, args...)...)
		cmd.Args[0], cmd.Dir = "cordon", dir
		cmd.Env = append(os.Environ(), "SF_ACCESS_TOKEN="+org.Token(conf.Users[0].Username))
		return cmd
	}
	cmd := command()
	notes, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(notes)
	for lines.Scan() && !strings.Contains(lines.Text(), "content-names") {
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := os.Stat(filepath.Join(dir, "cordon-conformance.journal")); err != nil {
		t.Fatal(err)
	}
	if len(org.Files()) < 10 {
		t.Fatalf("%d files were made: the kill came too early for this test", len(org.Files()))
	}
	if out, err := command().CombinedOutput(); err == nil || !strings.Contains(string(out), "--cleanup") {
		t.Errorf("a run begins over the journal of another: %v\n%s", err, out)
	}
	if out, err := command("--cleanup").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := len(org.Files()); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}
