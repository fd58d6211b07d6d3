// Package inspect runs every detector over one item, in parallel and within a budget of
// time, and always answers.
//
// A detector that fails, panics, says nothing, says something malformed or runs out of time
// becomes a finding with StatusFailed; policy says what that means. Nothing a stranger
// sends can make the inspection itself fail or wait longer than its budget.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Detector looks at one kind of evidence. Inspect returns at least one finding or an error,
// honours ctx, and does not change the media. It is called concurrently.
type Detector interface {
	// Name is stable, short and unique: it is what policy and reviewers see.
	Name() string
	// Version changes whenever the same file could be judged differently.
	Version() string
	Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error)
}

// Config of an Inspector. The zero value works.
type Config struct {
	// Budget is the time that all detectors together have for one item, counted from its
	// admission if that is known. Default: 10 s.
	Budget time.Duration
	// MaxAbandoned is how many detector calls may outlive their budget before new ones are
	// refused at once: each holds memory until it returns. Default: 64.
	MaxAbandoned int
	// Now tells the time. Default: time.Now.
	Now func() time.Time
}

// Inspector runs a fixed list of detectors. It is safe for concurrent use.
type Inspector struct {
	detectors []Detector
	conf      Config
	abandoned atomic.Int64
}

// New returns an Inspector. Two detectors of one name are a mistake of the program.
func New(detectors []Detector, conf Config) *Inspector {
	if conf.Budget <= 0 {
		conf.Budget = 10 * time.Second
	}
	if conf.MaxAbandoned <= 0 {
		conf.MaxAbandoned = 64
	}
	if conf.Now == nil {
		conf.Now = time.Now
	}
	sorted := slices.Clone(detectors)
	slices.SortStableFunc(sorted, func(a, b Detector) int { return strings.Compare(a.Name(), b.Name()) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Name() == sorted[i-1].Name() {
			panic("inspect: two detectors are called " + sorted[i].Name())
		}
	}
	return &Inspector{detectors: sorted, conf: conf}
}

// Detectors lists name and version of each detector, sorted by name.
func (i *Inspector) Detectors() []string {
	out := make([]string, len(i.detectors))
	for n, d := range i.detectors {
		out[n] = d.Name() + " " + d.Version()
	}
	return out
}

// Abandoned is how many detector calls are still running although their time is up.
func (i *Inspector) Abandoned() int { return int(i.abandoned.Load()) }

// call is one detector at work. Whoever moves its state from running decides: the
// detector that its findings count, the deadline that they do not.
type call struct {
	state    atomic.Int32
	starved  atomic.Bool // it has not begun, or could not
	findings []cordon.Finding
}

const (
	running = iota
	finished
	late
)

// Inspect returns the findings of all detectors, sorted by detector. It returns no later
// than the budget allows or ctx ends, and never without a word from each detector.
func (i *Inspector) Inspect(ctx context.Context, m *media.Media) []cordon.Finding {
	found, _ := i.Begin(ctx, m)
	return found
}

// Begin is Inspect for those who may come again. It returns cordon.ErrBusy beside the findings
// when a detector had no chance to begin: that says something of the machine and nothing of the
// file, so no verdict may rest on it.
func (i *Inspector) Begin(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	start := i.conf.Now()
	left := i.conf.Budget
	if !m.Admitted.IsZero() {
		left -= start.Sub(m.Admitted)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()

	calls := make([]call, len(i.detectors))
	done := make(chan struct{}, len(calls)) // buffered: who is late finds nobody waiting
	owed := 0
	for n, d := range i.detectors {
		c := &calls[n]
		if i.Abandoned() >= i.conf.MaxAbandoned {
			c.findings = i.failed(d, cordon.LabelTimeout, fmt.Sprintf("%d earlier checks are still running", i.conf.MaxAbandoned), 0)
			c.starved.Store(true)
			c.state.Store(finished)
			continue
		}
		owed++
		c.starved.Store(true) // until it begins
		go func() {
			if ctx.Err() != nil {
				c.findings = i.failed(d, cordon.LabelTimeout, "its time was over before it began", 0)
			} else {
				c.starved.Store(false)
				var starved bool
				c.findings, starved = i.ask(ctx, d, m)
				c.starved.Store(starved)
			}
			if c.state.CompareAndSwap(running, finished) {
				done <- struct{}{}
				return
			}
			i.abandoned.Add(-1)
		}()
	}
	for ; owed > 0; owed-- {
		select {
		case <-done:
			continue
		case <-ctx.Done():
		}
		break
	}

	var out []cordon.Finding
	var starved []string
	for n, d := range i.detectors {
		c := &calls[n]
		if c.starved.Load() {
			starved = append(starved, d.Name())
		}
		if c.state.CompareAndSwap(running, late) {
			i.abandoned.Add(1)
			out = append(out, i.failed(d, cordon.LabelTimeout, "ran out of time", i.conf.Now().Sub(start))...)
			continue
		}
		out = append(out, c.findings...)
	}
	// Each detector's findings keep their order; what one said of a file inside joins them.
	slices.SortStableFunc(out, func(a, b cordon.Finding) int { return strings.Compare(a.Detector, b.Detector) })
	if len(starved) > 0 {
		return out, fmt.Errorf("%w: checks that had no time or no memory to begin: %s", cordon.ErrBusy, strings.Join(starved, ", "))
	}
	return out, nil
}

// ask calls one detector and makes its answer presentable. starved says that it had to wait for
// what it needs, in vain.
func (i *Inspector) ask(ctx context.Context, d Detector, m *media.Media) (out []cordon.Finding, starved bool) {
	start := i.conf.Now()
	defer func() {
		if r := recover(); r != nil {
			out, starved = i.failed(d, cordon.LabelCrashed, fmt.Sprintf("panic: %v", r), i.conf.Now().Sub(start)), false
		}
	}()
	findings, err := d.Inspect(ctx, m)
	took := i.conf.Now().Sub(start)
	switch {
	case errors.Is(err, cordon.ErrBusy):
		return i.failed(d, cordon.LabelTimeout, err.Error(), took), true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, media.ErrClosed):
		return i.failed(d, cordon.LabelTimeout, err.Error(), took), false
	case errors.Is(err, cordon.ErrTooLarge):
		return i.failed(d, cordon.LabelLimit, err.Error(), took), false
	case err != nil:
		return i.failed(d, cordon.LabelCrashed, err.Error(), took), false
	case len(findings) == 0:
		return i.failed(d, cordon.LabelCrashed, "said nothing", took), false
	}
	out = slices.Clone(findings)
	for n := range out {
		f := &out[n]
		f.Took = took
		if f.Part == "" { // else another detector said it, of a file inside
			f.Detector, f.Version = d.Name(), d.Version()
		}
		if f.Detail == nil {
			f.Detail = map[string]any{}
		}
		f.Look = f.StatusLook()
		if err := check(*f); err != nil {
			return i.failed(d, cordon.LabelCrashed, err.Error(), took), false
		}
	}
	// Readers of formats take what cannot be read for the end of a damaged file, and some stop without
	// a word when nobody waits. What they did not find then says nothing.
	switch err := m.Failed(); {
	case err != nil:
		return i.unfinished(d, out, cordon.LabelCrashed, err, took), false
	case ctx.Err() != nil:
		return i.unfinished(d, out, cordon.LabelTimeout, ctx.Err(), took), false
	}
	return out, false
}

// unfinished keeps what a detector found, and says that it did not finish.
func (i *Inspector) unfinished(d Detector, found []cordon.Finding, label cordon.Label, why error, took time.Duration) []cordon.Finding {
	found = slices.DeleteFunc(found, func(f cordon.Finding) bool { return f.Status != cordon.StatusFound })
	return append(i.failed(d, label, why.Error(), took), found...)
}

// check says what is wrong with a finding.
func check(f cordon.Finding) error {
	switch {
	case !f.Status.Valid():
		return fmt.Errorf("status %q is not one", f.Status)
	case !f.Class.Valid():
		return fmt.Errorf("class %q is not one", f.Class)
	case !f.Label.Valid():
		return fmt.Errorf("label %q is not on the list", f.Label)
	case !f.Look.Valid():
		return fmt.Errorf("look %q is not on the list", f.Look)
	case f.Score != nil && f.Class != cordon.Statistical:
		return fmt.Errorf("a score in a finding of class %s", f.Class)
	case f.Score != nil && (math.IsNaN(*f.Score) || math.IsInf(*f.Score, 0)):
		return errors.New("a score that is no number")
	case f.Calibrated && f.Score == nil:
		return errors.New("calibrated without a score")
	}
	return nil
}

var sentences = map[cordon.Label]string{
	cordon.LabelTimeout: "This check did not finish in time.",
	cordon.LabelCrashed: "This check failed.",
	cordon.LabelLimit:   "The file exceeds what this check may spend on one file.",
}

func (i *Inspector) failed(d Detector, label cordon.Label, why string, took time.Duration) []cordon.Finding {
	return []cordon.Finding{{
		Detector: d.Name(), Version: d.Version(), Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: label, Look: cordon.Finding{Status: cordon.StatusFailed, Label: label}.StatusLook(),
		Sentence: sentences[label], Detail: map[string]any{"error": fmt.Sprintf("%.300s", why)}, Took: took,
	}}
}
