package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

// says performs a command line and returns what it printed and its exit code. Nothing that the
// tests here ask for may get as far as doing anything, so the context has ended.
func says(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code = perform(ctx, args, &out, &errs)
	return out.String(), errs.String(), code
}

// everyCommand is the whole tree as it runs, cobra's own commands included.
func everyCommand() []*cobra.Command {
	root := rootCommand()
	strict(root, nil)
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return all
}

// words of a command behind the program's name.
func words(cmd *cobra.Command) []string { return strings.Fields(cmd.CommandPath())[1:] }

// refused wants a command line to be told as wrong, with what to do, and to have done nothing.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	stdout, stderr, code := says(t, args...)
	if code != exitUsage || stdout != "" {
		t.Errorf("cordon %s: exit code %d, standard output %q", strings.Join(args, " "), code, stdout)
	}
	if !strings.HasPrefix(stderr, "cordon: ") || !strings.Contains(stderr, want) || !strings.Contains(stderr, "\nusage: cordon") || !strings.Contains(stderr, "--help") {
		t.Errorf("cordon %s: %q, want %q and how it is used", strings.Join(args, " "), stderr, want)
	}
	if lines := strings.Count(stderr, "\n"); lines > 4 {
		t.Errorf("cordon %s: %d lines", strings.Join(args, " "), lines)
	}
}

// Every command refuses what it has no use for, wherever it stands in the tree.
func TestEveryCommandLine(t *testing.T) {
	all := everyCommand()
	if len(all) < 40 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, cmd := range all {
		path := words(cmd)
		with := func(more ...string) []string { return append(append([]string{}, path...), more...) }
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			refused(t, "unknown flag: --no-such-flag", with("--no-such-flag")...)
			if cmd.HasSubCommands() {
				for _, sub := range cmd.Commands() {
					if !sub.IsAvailableCommand() || len(sub.Name()) < 4 {
						continue
					}
					for _, wrong := range []string{sub.Name()[:1] + sub.Name()[2:], sub.Name() + "e", sub.Name()[:1] + sub.Name()[2:3] + sub.Name()[1:2] + sub.Name()[3:]} {
						if wrong == sub.Name() {
							continue
						}
						want := `unknown command "` + wrong + `" for "` + cmd.CommandPath() + `"; did you mean "`
						refused(t, want, with(wrong)...)
						refused(t, want, with(wrong, "x", "--reason", "genuine")...)
						refused(t, want, append([]string{"help"}, with(wrong)...)...)
					}
				}
				if !takesArguments(cmd) {
					refused(t, `unknown command "xylophone" for "`+cmd.CommandPath()+`"; there are `, with("xylophone")...)
				}
			}
			if !isGroup(cmd) && !takesArguments(cmd) && cmd.Name() != "help" {
				refused(t, "surplus", with("surplus")...)
			}
			if err := cmd.Args(cmd, nil); err != nil { // it needs arguments or flags
				refused(t, err.Error(), path...)
			}
			if most := cmd.Args(cmd, []string{"a", "b", "c", "d", "e"}); most != nil {
				refused(t, "", with("a", "b", "c", "d", "e")...)
			}
		})
	}
}

// The nearest name is the one that was meant.
func TestNearestName(t *testing.T) {
	for line, meant := range map[string]string{
		"hold relese": "release", "hold rel": "release", "hold rejct": "reject", "hold lst": "list", "hold Show": "show", "hodl": "hold", "ledger verfy": "verify",
		"sim conformence": "conformance", "trust lsit": "list", "report shaddow": "shadow", "backfill strat": "start", "remove acept": "accept", "knwon": "known", "adopt shwo": "show",
	} {
		args := strings.Fields(line)
		refused(t, `did you mean "`+meant+`"?`, args...)
	}
	_, stderr, _ := says(t, "hold", "relese", "itm_01kq", "--reason", "genuine")
	if want := "cordon: unknown command \"relese\" for \"cordon hold\"; did you mean \"release\"?\nusage: cordon hold COMMAND\nSee \"cordon hold --help\".\n"; stderr != want {
		t.Errorf("%q, want %q", stderr, want)
	}
}

// Every command explains itself: in a line, at length, and by an example that names it and that it
// would accept.
func TestEveryCommandHasHelp(t *testing.T) {
	for _, cmd := range everyCommand() {
		path := words(cmd)
		if cmd.Name() == "completion" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			continue // cobra's own, which explains itself and is not listed
		}
		stdout, stderr, code := says(t, append(path, "--help")...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "Usage:") || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s --help: exit code %d, %q, %q", cmd.CommandPath(), code, stdout, stderr)
		}
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		if again, _, _ := says(t, append([]string{"help"}, path...)...); again != stdout {
			t.Errorf("cordon help %s says something else than --help", strings.Join(path, " "))
		}
		if cmd.Args == nil {
			t.Errorf("%s takes whatever comes", cmd.CommandPath())
		}
	}
}

// Wherever a configuration is read, it is ./cordon.yaml unless another is named, and what is missing is said.
func TestConfigurationByDefault(t *testing.T) {
	t.Chdir(t.TempDir())
	found := 0
	for _, cmd := range everyCommand() {
		f := cmd.Flags().Lookup("config")
		if f == nil {
			continue
		}
		found++
		if f.DefValue != "cordon.yaml" {
			t.Errorf("%s: --config is %q by default", cmd.CommandPath(), f.DefValue)
		}
		args := words(cmd)
		if cmd.Name() == "migrate" {
			refused(t, "--seal", args...)
			args = append(args, "--seal")
		}
		if _, stderr, code := says(t, args...); code != exitFailed || !strings.Contains(stderr, "cordon.yaml") || !strings.Contains(stderr, "--config") {
			t.Errorf("%s without a configuration: exit code %d, %q", cmd.CommandPath(), code, stderr)
		}
	}
	if found < 4 {
		t.Errorf("only %d commands have --config", found)
	}
}

func TestVersion(t *testing.T) {
	text, _, code := says(t, "version")
	if code != 0 || !strings.Contains(text, runtime.Version()) || !strings.Contains(text, runtime.GOOS+"/"+runtime.GOARCH) || !strings.Contains(text, "commit") {
		t.Errorf("exit code %d, %q", code, text)
	}
	raw, _, _ := says(t, "version", "--json")
	var b build
	if err := json.Unmarshal([]byte(raw), &b); err != nil || b.Go != runtime.Version() || b.Version == "" || b.Commit == "" {
		t.Errorf("%s: %+v, %v", raw, b, err)
	}
}

// The API's own words are what a person reads, and nothing is called somebody's change that is none.
func TestErrorsOfTheAPI(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"code":"conflict","message":"Not possible as things stand: item itm_1 is delivered, not held.","reference":"ref_1"}}`: "Not possible as things stand: item itm_1 is delivered, not held. (conflict, reference ref_1)",
		`{"error":{"code":"conflict","message":"The name is taken."}}`:                                                                   "The name is taken. (conflict)",
		`<html>`: "the gateway answered 409 Conflict",
	} {
		if got := apiError(409, []byte(body)).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// No name of a stranger reaches a terminal as a command or turned around, in whatever it is told; and
// JSON stays the document that the API gave.
func TestNamesOnTheTerminal(t *testing.T) {
	const name, shown = "a\u202efdp.exe\x1b[2J\u200b", `a\u202efdp.exe`
	id := cordon.NewID(cordon.PrefixItem)
	answer := map[string]any{"id": id, "state": "held", "route": name, "media_type": name, "object": name, "received_at": time.Now(),
		"personal": map[string]string{"Name": name, "Subject": name}, "entries": []any{}, "items": []any{map[string]any{"id": id, "state": name, "route": name}}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			w.WriteHeader(http.StatusConflict)
			json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "conflict", "message": name}})
			return
		}
		json.NewEncoder(w).Encode(answer)
	}))
	defer srv.Close()
	t.Setenv("CORDON_URL", srv.URL)
	t.Setenv("CORDON_TOKEN", "crd_x")
	for _, line := range []string{"hold show " + string(id), "hold list", "hold show --json " + string(id), "hold release --reason genuine " + string(id)} {
		var out, errs bytes.Buffer
		code := perform(t.Context(), strings.Fields(line), &out, &errs)
		all := out.String() + errs.String()
		if strings.ContainsAny(all, "\u202e\x1b\u200b") || !strings.Contains(all, shown) {
			t.Errorf("%s: %q", line, all)
		}
		if !strings.Contains(line, "json") {
			continue
		}
		var got struct{ Route string }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Route != name || code != 0 {
			t.Errorf("%s: %q, %v", line, got.Route, err)
		}
	}
}
