// Package accident lets a test make one call fail at a named step.
//
// The plan travels in the context of that one call, so tests running side by side do not
// disturb each other and a call without a plan cannot fail this way.
package accident

import "context"

// Step names a point at which something may go wrong.
type Step string

// Steps of a commit.
const (
	BeforeCommit Step = "before-commit" // nothing has been made durable: failed
	AfterCommit  Step = "after-commit"  // all of it has, and the answer is lost: failed but persisted
)

type planKey struct{}

// With returns a context under which a call fails with err when it comes to the step.
func With(ctx context.Context, at Step, err error) context.Context {
	return context.WithValue(ctx, planKey{}, plan{at, err})
}

type plan struct {
	at  Step
	err error
}

// At returns the error planned for the step, or nil.
func At(ctx context.Context, at Step) error {
	if p, ok := ctx.Value(planKey{}).(plan); ok && p.at == at {
		return p.err
	}
	return nil
}
