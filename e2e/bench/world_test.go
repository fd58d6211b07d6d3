package bench_test

import (
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
)

// world is that of all tests, with what only these ask of it.
type world struct{ *e2e.World }

func newWorld(t testing.TB, edit ...func(*app.Config)) *world {
	t.Helper()
	return &world{e2e.NewWorld(t, edit...)}
}
