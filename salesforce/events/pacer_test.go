package events

import (
	"testing"
	"testing/synctest"
	"time"
)

// Whoever waits for a turn hears of a new pace: nobody waits out a turn that the old one gave.
func TestANewPaceReachesWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(pacer)
		p.set(1.0/3600, 1)
		if err := p.wait(t.Context()); err != nil { // the first turn is now
			t.Fatal(err)
		}
		began := time.Now()
		let := make(chan time.Duration, 3)
		for range 3 {
			go func() {
				p.wait(t.Context())
				let <- time.Since(began)
			}()
		}
		synctest.Wait()
		p.set(1, 1)
		for range 3 {
			if waited := <-let; waited > 3*time.Second {
				t.Errorf("one waited for %s", waited)
			}
		}
		p.set(1.0/3600, 1)
		p.wait(t.Context())
		go func() {
			p.wait(t.Context())
			let <- time.Since(began)
		}()
		synctest.Wait()
		p.set(0, 1)
		if waited := <-let; waited > 10*time.Second {
			t.Errorf("one waited for %s after the bound was taken away", waited)
		}
	})
}
