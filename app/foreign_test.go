package app

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/sandbox"
)

// What is missing is shown where operators look, and takes the process out of service only
// where they asked for that.
func TestForeignDecodersAreReported(t *testing.T) {
	installed := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	all := installed("ffmpeg") && installed("ffprobe") && installed("fpcalc")
	for _, required := range []bool{false, true} {
		checks := openTools(sandbox.Config{Required: required}).checks(required)
		if checks[0].Hard != required || checks[1].Hard {
			t.Errorf("%+v", checks)
		}
		if err := checks[1].Run(t.Context()); checks[0].Run(t.Context()) == nil && (err == nil) != all {
			t.Errorf("installed: %v, and readyz says %v", all, err)
		}
	}

	t.Setenv("PATH", t.TempDir())
	bare := openTools(sandbox.Config{})
	if err := bare.checks(false)[1].Run(t.Context()); bare.box.Usable() == nil && (err == nil || !strings.Contains(err.Error(), "ffmpeg, ffprobe, fpcalc")) {
		t.Errorf("nothing is installed, and readyz says %v", err)
	}
	decoders := examineDecoders(sandbox.Config{})
	if len(decoders) != 4 || decoders[0].Name != "sandbox" || decoders[0].Evidence == "" || slices.ContainsFunc(decoders[1:], func(d doctor.Decoder) bool { return d.Works || d.Evidence == "" }) {
		t.Errorf("%+v", decoders)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newSandboxGauges(bare))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]int{}
	for _, f := range families {
		figures[f.GetName()] = len(f.GetMetric())
	}
	if figures["cordon_sandbox_measure"] != 6 || figures["cordon_foreign_program"] != 3 {
		t.Errorf("%v", figures)
	}
}

// A decoder that dies is a check that failed, of that file; the gateway lives, and so does the
// check of the next one.
func TestDecoderDies(t *testing.T) {
	jp2 := []byte("\xFF\x4F\xFF\x51\x00\x29\x00\x00\x00\x00\x00\x20\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 40))
	for _, how := range []string{"crash", "fault", "spin", "flood", "sleep", "nothing"} {
		dir := t.TempDir()
		_ = os.Chmod(dir, 0o755)
		build := exec.Command("go", "build", "-ldflags", "-X main.always="+how, "-o", filepath.Join(dir, "ffmpeg"), "../media/sandbox/testdata/hostile")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := os.Link(filepath.Join(dir, "ffmpeg"), filepath.Join(dir, "ffprobe")); err != nil {
			t.Fatal(err)
		}
		t.Run(how, func(t *testing.T) {
			t.Setenv("PATH", dir)
			tools := openTools(sandbox.Config{CPU: time.Second, Time: 2 * time.Second})
			ds, err := detectors(Trust{}, nobody, watermark.Config{})
			if err != nil {
				t.Fatal(err)
			}
			lane := inspect.New(ds, inspect.Config{Budget: time.Minute})
			e := examiner{inspectors: map[cordon.TenantID]lanes{"clinic": {inFront: lane, beside: lane}}, limits: media.Limits{Stills: tools.decoder},
				queue: inspect.NewQueue(inspect.QueueConfig{})}
			status := func(b []byte) cordon.FindingStatus {
				_, found, err := e.Examine(t.Context(), held{bytes.NewReader(b)}, flow.Hint{Tenant: "clinic"})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range found {
					if f.Detector == "watermark" {
						return f.Status
					}
				}
				return ""
			}
			// What says nothing and ends, or ends by itself as Go programs do, says that it is no picture.
			want := cordon.StatusFailed
			if how == "nothing" || how == "crash" {
				want = cordon.StatusNotApplicable
			}
			if got := status(jp2); got != want {
				t.Errorf("the picture: %q, not %q", got, want)
			}
			if got := status(mediatest.JPEG(t, 64, 64)); got != cordon.StatusNone {
				t.Errorf("the photo after it: %q", got)
			}
		})
	}
}
