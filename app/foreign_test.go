package app

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon/doctor"
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
