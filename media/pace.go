package media

import "context"

type paceKey struct{}

// WithPace has long work on media, such as a search, call give now and then, which may wait until
// others need the processor no more. It returns an error where the work is to end.
func WithPace(ctx context.Context, give func(context.Context) error) context.Context {
	return context.WithValue(ctx, paceKey{}, give)
}

// Pace is called by long work every few milliseconds. It gives way to others where the context
// says so, and returns an error once the work is to end.
func Pace(ctx context.Context) error {
	if give, ok := ctx.Value(paceKey{}).(func(context.Context) error); ok {
		return give(ctx)
	}
	return ctx.Err()
}
