package line_test

import "testing"

// Whoever stops a gateway twice, such as a signal during a stop, waits for the one stop.
func TestStoppingTwice(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		if err := w.App.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
