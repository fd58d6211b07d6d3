package beside_test

import (
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// world is that of all tests, with what only these ask of it.
type world struct{ *e2e.World }

func newWorld(t testing.TB, edit ...func(*app.Config)) *world {
	t.Helper()
	return &world{e2e.NewWorld(t, edit...)}
}

func newWorldWith(t testing.TB, opt e2e.WorldOptions) *world {
	t.Helper()
	return &world{e2e.NewWorldWith(t, opt)}
}
