package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media"
)

// detector is one whose behaviour a test chooses.
type detector struct {
	name string
	do   func(ctx context.Context, m *media.Media) ([]cordon.Finding, error)
}

func (d detector) Name() string    { return d.name }
func (d detector) Version() string { return "7" }
func (d detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	return d.do(ctx, m)
}

func says(name string, f ...cordon.Finding) detector {
	return detector{name, func(context.Context, *media.Media) ([]cordon.Finding, error) { return f, nil }}
}

func fails(name string, err error) detector {
	return detector{name, func(context.Context, *media.Media) ([]cordon.Finding, error) { return nil, err }}
}

func open(t *testing.T, content string) *media.Media {
	t.Helper()
	m, err := media.Open(bytes.NewReader([]byte(content)), int64(len(content)), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var fine = cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}

func score(v float64) *float64 { return &v }

// Whatever a detector does, there is a finding of its name and version.
func TestEveryDetectorIsHeard(t *testing.T) {
	odd := func(change func(*cordon.Finding)) cordon.Finding {
		f := fine
		change(&f)
		return f
	}
	tests := []struct {
		d      detector
		status cordon.FindingStatus
		label  cordon.Label
	}{
		{says("fine", fine), cordon.StatusNone, cordon.LabelNoMarks},
		{says("nothing"), cordon.StatusFailed, cordon.LabelCrashed},
		{fails("error", errors.New("disk on fire")), cordon.StatusFailed, cordon.LabelCrashed},
		{fails("too large", fmt.Errorf("pixels: %w", cordon.ErrTooLarge)), cordon.StatusFailed, cordon.LabelLimit},
		{fails("late", fmt.Errorf("decode: %w", context.DeadlineExceeded)), cordon.StatusFailed, cordon.LabelTimeout},
		{fails("closed", media.ErrClosed), cordon.StatusFailed, cordon.LabelTimeout},
		{detector{"panic", func(context.Context, *media.Media) ([]cordon.Finding, error) { panic("index out of range") }}, cordon.StatusFailed, cordon.LabelCrashed},
		{says("odd status", odd(func(f *cordon.Finding) { f.Status = "maybe" })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("odd class", odd(func(f *cordon.Finding) { f.Class = "" })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("odd label", odd(func(f *cordon.Finding) { f.Label = "looks-funny" })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("odd score", odd(func(f *cordon.Finding) { f.Score = score(1) })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("no number", odd(func(f *cordon.Finding) { f.Class, f.Score = cordon.Statistical, score(math.NaN()) })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("calibrated nothing", odd(func(f *cordon.Finding) { f.Calibrated = true })), cordon.StatusFailed, cordon.LabelCrashed},
		{says("score", odd(func(f *cordon.Finding) { f.Class, f.Score = cordon.Statistical, score(0.5) })), cordon.StatusNone, cordon.LabelNoMarks},
	}
	for _, test := range tests {
		t.Run(test.d.name, func(t *testing.T) {
			found := inspect.New([]inspect.Detector{test.d}, inspect.Config{}).Inspect(context.Background(), open(t, "x"))
			if len(found) != 1 {
				t.Fatalf("%d findings, want 1: %+v", len(found), found)
			}
			f := found[0]
			if f.Status != test.status || f.Label != test.label {
				t.Errorf("got %s %s, want %s %s: %v", f.Status, f.Label, test.status, test.label, f.Detail)
			}
			if f.Detector != test.d.name || f.Version != "7" {
				t.Errorf("signed %q %q", f.Detector, f.Version)
			}
			if f.Detail == nil {
				t.Error("Detail is nil")
			}
			if f.Status == cordon.StatusFailed && (f.Sentence == "" || f.Detail["error"] == "") {
				t.Errorf("a failure without a word: %+v", f)
			}
		})
	}
}

func TestOrderIsStable(t *testing.T) {
	second := fine
	second.Label = cordon.LabelCameraMark
	i := inspect.New([]inspect.Detector{says("zebra", fine), says("ant", fine, second), says("cat", fine)}, inspect.Config{})
	for range 20 {
		var got string
		for _, f := range i.Inspect(context.Background(), open(t, "x")) {
			got += f.Detector + ":" + string(f.Label) + " "
		}
		if want := "ant:no-marks ant:camera-mark cat:no-marks zebra:no-marks "; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// A detector that does not come back is answered for, counted, and no longer counted once it
// does come back. Beyond the cap, new work is refused at once.
func TestOverrun(t *testing.T) {
	release := make(chan struct{})
	stuck := detector{"stuck", func(context.Context, *media.Media) ([]cordon.Finding, error) {
		<-release
		return []cordon.Finding{fine}, nil
	}}
	i := inspect.New([]inspect.Detector{stuck}, inspect.Config{Budget: time.Millisecond, MaxAbandoned: 2})
	for n := 1; n <= 2; n++ {
		found := i.Inspect(context.Background(), open(t, "x"))
		if f := found[0]; f.Detector != "stuck" || f.Status != cordon.StatusFailed || f.Label != cordon.LabelTimeout {
			t.Fatalf("overrun %d: %+v", n, f)
		}
	}
	if i.Abandoned() < 2 {
		t.Fatalf("%d abandoned, want 2", i.Abandoned())
	}
	for _, f := range i.Inspect(context.Background(), open(t, "x")) {
		if f.Status != cordon.StatusFailed || f.Label != cordon.LabelTimeout {
			t.Errorf("beyond the cap: %+v", f)
		}
	}
	close(release)
	for i.Abandoned() != 0 {
		runtime.Gosched()
	}
	j := inspect.New([]inspect.Detector{stuck, says("quick", fine)}, inspect.Config{})
	for _, f := range j.Inspect(context.Background(), open(t, "x")) {
		if f.Status != cordon.StatusNone {
			t.Errorf("after the release: %+v", f)
		}
	}
}

// The budget counts from admission: what waited too long before is not inspected late.
func TestBudgetCountsFromAdmission(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	patient := detector{"patient", func(ctx context.Context, _ *media.Media) ([]cordon.Finding, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return []cordon.Finding{fine}, nil
	}}
	i := inspect.New([]inspect.Detector{patient}, inspect.Config{Budget: time.Hour, Now: func() time.Time { return now }})
	m := open(t, "x")
	m.Admitted = now.Add(-30 * time.Minute)
	if f := i.Inspect(context.Background(), m)[0]; f.Status != cordon.StatusNone {
		t.Errorf("half the budget left: %+v", f)
	}
	m.Admitted = now.Add(-time.Hour)
	if f := i.Inspect(context.Background(), m)[0]; f.Status != cordon.StatusFailed || f.Label != cordon.LabelTimeout {
		t.Errorf("nothing left: %+v", f)
	}
}

func TestTwoOfOneName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two detectors of one name were accepted")
		}
	}()
	inspect.New([]inspect.Detector{says("twin"), says("twin")}, inspect.Config{})
}
