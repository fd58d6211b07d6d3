package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon/api"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/sandbox"
)

// tools are the foreign programs that detection uses, locked down. One process has one box,
// so that programs are counted together.
type tools struct {
	box     *sandbox.Box
	decoder *foreign.Decoder
}

func openTools(conf sandbox.Config) tools {
	box := sandbox.Open(conf)
	return tools{box, foreign.New(box)}
}

var _ media.Stills = (*foreign.Decoder)(nil)

// checks say at readyz what detection goes without. Without it the gateway does its work and
// says of what it did not look at that it was not covered, unless the operator requires more.
func (t tools) checks(required bool) []api.Check {
	return []api.Check{
		{Name: "sandbox of foreign decoders", Hard: required, Run: func(ctx context.Context) error { return within(ctx, t.box.Usable) }},
		{Name: "foreign decoders", Run: func(ctx context.Context) error {
			return within(ctx, func() error {
				if lacking := t.box.Report().Lacking(); lacking != "" {
					return errors.New(lacking)
				}
				return nil
			})
		}},
	}
}

// within asks what starts a few programs the first time, and is remembered then.
func within(ctx context.Context, ask func() error) error {
	answer := make(chan error, 1)
	go func() { answer <- ask() }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errors.New("still being tried out; ask again in a moment")
	}
}

// examineDecoders says to "cordon doctor" what locks foreign decoders down here.
func examineDecoders(conf sandbox.Config) []doctor.Decoder {
	r := sandbox.Open(conf).Report()
	lock := doctor.Decoder{Name: "sandbox", Works: r.Usable, Needed: conf.Required, Whole: r.Complete}
	for _, m := range r.Measures {
		state := "in force"
		if !m.InForce {
			state = "not in force: " + m.Why
		}
		if lock.Evidence != "" {
			lock.Evidence += "; "
		}
		lock.Evidence += fmt.Sprintf("%s %s", m.Name, state)
	}
	out := []doctor.Decoder{lock}
	for _, p := range r.Programs {
		d := doctor.Decoder{Name: p.Name, Works: p.Why == "", Whole: true, Evidence: p.Path + ": version " + p.Version}
		if p.Why != "" {
			d.Evidence = p.Why
		}
		out = append(out, d)
	}
	return out
}

// sandboxGauges tells what is in force, for dashboards.
type sandboxGauges struct {
	tools             tools
	measure, programs *prometheus.Desc
}

func newSandboxGauges(t tools) *sandboxGauges {
	return &sandboxGauges{t,
		prometheus.NewDesc("cordon_sandbox_measure", "Whether a measure that locks foreign decoders down is in force (1) or not (0).", []string{"measure"}, nil),
		prometheus.NewDesc("cordon_foreign_program", "Whether a foreign program is installed and runs locked down (1) or not (0).", []string{"program"}, nil)}
}

// Describe implements prometheus.Collector.
func (g *sandboxGauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.measure; ch <- g.programs }

// Collect implements prometheus.Collector.
func (g *sandboxGauges) Collect(ch chan<- prometheus.Metric) {
	is := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	r := g.tools.box.Report()
	for _, m := range r.Measures {
		ch <- prometheus.MustNewConstMetric(g.measure, prometheus.GaugeValue, is(m.InForce), m.Name)
	}
	for _, p := range r.Programs {
		ch <- prometheus.MustNewConstMetric(g.programs, prometheus.GaugeValue, is(p.Why == ""), p.Name)
	}
}
