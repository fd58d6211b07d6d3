package conformance

import (
	"context"
	"fmt"
)

// Try runs a script on one org and returns what it should hold and does not. It is how the
// simulator's tests run the scripts; nothing is written down and nothing is removed.
func Try(ctx context.Context, org Org, marker string, script Script) ([]Difference, error) {
	l := newLine(org, 0)
	v, err := whoami(ctx, l)
	if err != nil {
		return nil, err
	}
	v["v"], v["marker"], v["session"] = org.Version, marker, org.Token
	o := observer{vars: v, known: script.words(), keys: script.keys(), learn: true}
	p := pass{run: &Run{Pause: pause}, script: script}
	var list []Difference
	for _, step := range script.Steps {
		a, err := p.converse(ctx, l, step, v, nil)
		if err != nil {
			return list, fmt.Errorf("step %s: %w", step.Name, err)
		}
		got := o.observe(step, a)
		list = append(list, unmet(step, got)...)
		if !keep(step, a, v) {
			return list, fmt.Errorf("the script cannot go on after step %s, which answered %s", step.Name, got.outcome())
		}
	}
	return list, nil
}
