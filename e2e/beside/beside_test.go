package beside_test

import (
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
)

// A file that came past the gateway is observed beside it, and what came through it is not
// taken for another.
func TestPollBesideTheGateway(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Poll = 20 * time.Millisecond })
	through, err := w.UploadJSON("through", "through.png", []byte("a text that came through the gateway"))
	if err != nil || through.Status != 201 {
		t.Fatalf("%+v, %v", through, err)
	}
	past, _, err := w.Org.Upload("past.png", []byte("a text that came past it"))
	if err != nil {
		t.Fatal(err)
	}
	seen := func() (states map[string]cordon.State) {
		states = map[string]cordon.State{}
		for _, it := range w.Items("") {
			if _, twice := states[it.UpstreamID]; twice {
				t.Fatalf("%s is there twice", it.UpstreamID)
			}
			states[it.UpstreamID] = it.State
		}
		return states
	}
	w.Until("the file that came past is observed", func() bool { return seen()[past] == cordon.Kept })
	if s := seen(); len(s) != 2 || s[through.ID()] != cordon.Delivered {
		t.Errorf("on record: %v", s)
	}
}
