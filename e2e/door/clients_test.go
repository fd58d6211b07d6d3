package door_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Real clients do the same with an org and with the org behind the gateway. What they get must
// be the same step by step, but for what the gateway refuses on purpose: that is listed here.

// clientStep is what a client got of one step.
type clientStep struct {
	Step   string
	OK     bool
	Detail json.RawMessage
}

// purpose is a difference that is wanted: why, and what the client reads through the gateway.
type purpose struct {
	why, reads string
}

// What the gateway refuses on purpose, wherever a client does it.
var (
	filesAlone = purpose{why: "a file in a batch cannot be held by itself", reads: "Send each file as a ContentVersion"}
	rereadable = purpose{why: "the gateway reads answers to queries and asks for them in the clear, which this client can read and compressed errors it cannot",
		reads: "No such column 'Nonsense'"}
)

// client runs a client against an address and returns what it printed, a step to a line.
type client func(ctx context.Context, t *testing.T, url, mark string) ([]byte, error)

var (
	anyID      = regexp.MustCompile(`\b[0-9A-Za-z]{3}Si0[0-9A-Za-z]{8,14}\b`)
	anyTime    = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+(\+0000|Z)|\b\d+/\d+/\d{4}, [0-9:]+ [AP]M`)
	anyReceipt = regexp.MustCompile(`\bitm_[0-9a-z]+`)
)

// refusedByOrg are the steps that an org refuses. Every other step must succeed there, or the
// comparison would prove nothing.
var refusedByOrg = regexp.MustCompile(`bad |long address|retired version|file as a Buffer|a value that is none|what is gone`)

// compareClient runs a client twice at once: with the org, and through the gateway.
func compareClient(t *testing.T, run client, least int, wanted map[string]purpose) {
	t.Helper()
	w := newWorld(t)
	var direct, through []clientStep
	var both sync.WaitGroup
	for _, side := range []struct {
		url, mark string
		into      *[]clientStep
	}{{w.OrgURL, "client-a", &direct}, {w.Gateway, "client-b", &through}} {
		both.Go(func() {
			out, err := run(t.Context(), t, side.url, side.mark)
			if err != nil {
				t.Errorf("%s: %v", side.url, err)
			}
			host := strings.TrimPrefix(side.url, "http://")
			for line := range bytes.Lines(out) {
				text := strings.NewReplacer(side.url, "BASE", host, "HOST", side.mark, "MARK").Replace(string(line))
				text = anyReceipt.ReplaceAllString(anyTime.ReplaceAllString(anyID.ReplaceAllString(text, "ID"), "TIME"), "RECEIPT")
				var s clientStep
				if err := json.Unmarshal([]byte(text), &s); err != nil {
					t.Errorf("not a step: %s", line)
					continue
				}
				*side.into = append(*side.into, s)
			}
		})
	}
	both.Wait()
	if len(direct) < least || len(direct) != len(through) {
		t.Fatalf("%d steps with the org and %d through the gateway; want at least %d of each", len(direct), len(through), least)
	}
	met := map[string]bool{}
	for i, d := range direct {
		g := through[i]
		why, listed := wanted[d.Step]
		if d.OK == refusedByOrg.MatchString(d.Step) {
			t.Errorf("%s: the org answered %v %.400s", d.Step, d.OK, d.Detail)
		}
		switch {
		case d.Step != g.Step:
			t.Fatalf("step %d is %q and %q", i, d.Step, g.Step)
		case listed && (!strings.Contains(string(g.Detail), why.reads) || g.OK == d.OK && bytes.Equal(g.Detail, d.Detail)):
			t.Errorf("%s: want it to differ, since %s, and to read %q\n  org      %v %.400s\n  gateway  %v %.400s", d.Step, why.why, why.reads, d.OK, d.Detail, g.OK, g.Detail)
		case !listed && (g.OK != d.OK || !bytes.Equal(g.Detail, d.Detail)):
			t.Errorf("%s:\n  org      %v %.400s\n  gateway  %v %.400s", d.Step, d.OK, d.Detail, g.OK, g.Detail)
		}
		met[d.Step] = true
	}
	for name := range wanted {
		if !met[name] {
			t.Errorf("no step %q: take it off the list", name)
		}
	}
}

// nodeClient runs a script of one of the folders under test.
func nodeClient(t *testing.T, folder, library string) client {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: " + library + " was not tried")
	}
	dir := filepath.Join("..", "..", "test", folder)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", library)); err != nil {
		t.Skip(library + " is not installed: run npm ci in test/" + folder)
	}
	return func(ctx context.Context, t *testing.T, url, mark string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, node, "--no-deprecation", "steps.mjs", "--url", url, "--mark", mark)
		cmd.Dir = dir
		return output(cmd)
	}
}

// output is what a command printed, and what it complained of if it failed.
func output(cmd *exec.Cmd) ([]byte, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %.600s", err, errs.Bytes())
	}
	return out, err
}

func TestJsforceGetsTheSame(t *testing.T) {
	compareClient(t, nodeClient(t, "jsforce", "jsforce"), 28, map[string]purpose{
		"file in a collection": filesAlone,
		"bulk 1 file":          filesAlone,
		"bulk 2 file":          filesAlone,
	})
}

func TestNodeSalesforceGetsTheSame(t *testing.T) {
	compareClient(t, nodeClient(t, "node-salesforce", "node-salesforce"), 12, nil)
}

func TestGoClientsGetTheSame(t *testing.T) {
	program := filepath.Join(t.TempDir(), "go-clients")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "test", "go-clients")
	build.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("GOPROXY=off")) {
			t.Skip("the Go clients are not downloaded: run go mod download in test/go-clients")
		}
		t.Fatalf("%v: %s", err, out)
	}
	compareClient(t, func(ctx context.Context, _ *testing.T, url, mark string) ([]byte, error) {
		return output(exec.CommandContext(ctx, program, "-url", url, "-mark", mark))
	}, 37, map[string]purpose{
		"go-salesforce plain: bulk file":      filesAlone,
		"go-salesforce compressed: bulk file": filesAlone,
		"go-salesforce compressed: bad query": rereadable,
	})
}

// sfCommand finds what scripts/sf.sh installed.
func sfCommand(t *testing.T) (node, script string) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join("..", "..", "test", "sf", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "cordon", "sf-"+hex.EncodeToString(sum[:6]))
	nodes, err := filepath.Glob(filepath.Join(dir, "node_modules", "node-linux-*", "bin", "node"))
	if _, missing := os.Stat(filepath.Join(dir, "complete")); err != nil || missing != nil || len(nodes) != 1 {
		t.Skip("sf is not installed: run scripts/sf.sh")
	}
	return nodes[0], filepath.Join(dir, "node_modules", "@salesforce", "cli", "bin", "run.js")
}

func TestSfGetsTheSame(t *testing.T) {
	node, script := sfCommand(t)
	compareClient(t, func(ctx context.Context, t *testing.T, url, mark string) ([]byte, error) {
		return sfSteps(ctx, t, node, script, url, mark)
	}, 8, nil)
}

// sfSteps does a short day's work with the sf command. What a step got is the result that the
// command prints, or its error.
func sfSteps(ctx context.Context, t *testing.T, node, script, address, mark string) ([]byte, error) {
	resp, err := http.PostForm(address+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo"}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var signedIn struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&signedIn); err != nil {
		return nil, err
	}
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		return path
	}
	note := write("note.txt", mark+" note")
	rows := write("rows.csv", "Name,Phone\n"+mark+" bulk,1\n")
	var out bytes.Buffer
	for _, step := range [][]string{
		{"sign in", "org", "login", "access-token", "--instance-url", address, "--no-prompt", "--set-default"},
		{"create", "data", "create", "record", "-s", "Account", "-v", "Name='" + mark + "'"},
		{"query", "data", "query", "-q", "SELECT Id, Name, Owner.Name FROM Account WHERE Name = '" + mark + "'"},
		{"file", "data", "create", "file", "-f", note, "-t", mark},
		{"bulk import", "data", "import", "bulk", "-s", "Account", "-f", rows, "-w", "2"},
		{"bulk export", "data", "export", "bulk", "-q", "SELECT Name FROM Account WHERE Name = '" + mark + " bulk'", "--output-file", filepath.Join(home, "out.csv"), "-r", "csv", "-w", "2"},
		{"search", "data", "search", "-q", "FIND {\"" + mark + " bulk\"} RETURNING Account(Name)"},
		{"bad query", "data", "query", "-q", "SELECT Nonsense FROM Account"},
	} {
		cmd := exec.CommandContext(ctx, node, append([]string{"--no-deprecation", script}, append(step[1:], "--json")...)...)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "XDG_CACHE_HOME="+home, "SF_ACCESS_TOKEN="+signedIn.AccessToken,
			"SF_DISABLE_AUTOUPDATE=true", "SF_DISABLE_TELEMETRY=true", "SF_HIDE_RELEASE_NOTES=true", "SF_USE_GENERIC_UNIX_KEYCHAIN=true", "SF_LOG_LEVEL=fatal")
		text, err := cmd.Output() // an error of the command is among what it printed
		var answer struct {
			Status        int
			Name, Message string
			Result        json.RawMessage
		}
		if failed := json.Unmarshal(text, &answer); failed != nil {
			return out.Bytes(), fmt.Errorf("sf %s: %w %w: %.300s", step[0], err, failed, text)
		}
		detail := any(answer.Result)
		if answer.Status != 0 {
			detail = answer.Name + ": " + answer.Message
		}
		line, err := json.Marshal(map[string]any{"step": step[0], "ok": answer.Status == 0, "detail": detail})
		if err != nil {
			return out.Bytes(), err
		}
		out.WriteString(strings.ReplaceAll(strings.ReplaceAll(string(line), home, "HOME"), signedIn.AccessToken, "TOKEN") + "\n")
	}
	return out.Bytes(), nil
}
