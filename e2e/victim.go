package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// Main runs the tests of a package, or the gateway of a Victim where the process was started as one.
func Main(m *testing.M) {
	if text := os.Getenv(gatewayChild); text != "" {
		os.Exit(runGateway(text))
	}
	os.Exit(m.Run())
}

// gatewayChild is set in the process of a Victim: it holds the configuration as JSON.
const gatewayChild = "CORDON_TEST_GATEWAY"

func runGateway(text string) int {
	var conf app.Config
	if err := json.Unmarshal([]byte(text), &conf); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if n, err := strconv.ParseUint(os.Getenv(gatewayChild+"_FILES"), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	w := &World{Token: os.Getenv(gatewayChild + "_TOKEN")}
	opt := w.AppOptions()
	opt.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.New(context.Background(), conf, opt)
	if err == nil {
		err = a.Start(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	io.Copy(io.Discard, os.Stdin) // ends when the parent closes it or dies
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Victim is a gateway in a process of its own, which can be killed.
type Victim struct {
	*World
	Conf app.Config
	// Files, if not 0, is how many descriptors its process may have.
	Files int
	cmd   *exec.Cmd
	in    io.WriteCloser
}

// NewVictim returns a gateway that is not started yet, in front of an org that outlives it. What
// was in mid-move is settled after that time.
func NewVictim(t *testing.T, db app.DatabaseConfig, settle time.Duration) *Victim {
	t.Helper()
	v := &Victim{World: &World{T: t, Org: sim.NewOrg(OwnApp(sim.Demo())), Dir: t.TempDir(), Token: ReviewerToken}}
	t.Cleanup(func() { v.Org.Close() })
	org := httptest.NewServer(v.Org.Handler())
	t.Cleanup(org.Close)
	v.OrgURL = org.URL
	v.Caller = v.Org.Token("demo@example.com")
	v.Conf = v.Config()
	v.Conf.Database, v.Conf.SettleAfter = db, settle
	v.Conf.Gateway.Listen, v.Conf.Console.Listen = freePort(t), freePort(t)
	v.Conf.FillDefaults()
	v.Gateway, v.Console = "http://"+v.Conf.Gateway.Listen, "http://"+v.Conf.Console.Listen
	return v
}

func (v *Victim) Start() {
	v.T.Helper()
	text, err := json.Marshal(v.Conf)
	if err != nil {
		v.T.Fatal(err)
	}
	v.cmd = exec.Command(os.Args[0])
	v.cmd.Env = append(os.Environ(), gatewayChild+"="+string(text), gatewayChild+"_TOKEN="+v.Token)
	if v.Files > 0 {
		v.cmd.Env = append(v.cmd.Env, fmt.Sprint(gatewayChild, "_FILES=", v.Files))
	}
	v.cmd.Stderr = TestWriter{v.T}
	if v.in, err = v.cmd.StdinPipe(); err != nil {
		v.T.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		v.T.Fatal(err)
	}
	v.Until("the gateway to answer", func() bool {
		resp, err := http.Get(v.Console + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (v *Victim) Kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

func (v *Victim) End() {
	v.in.Close()
	if err := v.cmd.Wait(); err != nil {
		v.T.Errorf("the gateway did not stop cleanly: %v", err)
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
