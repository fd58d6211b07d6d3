package flow

import (
	"sync"
	"testing"

	"github.com/cordonhq/cordon"
)

// The same request sent many times at once, to several processes on one store: where it is kept
// back it is one item, whose receipt all get; where it passes each is a write of its own, as it
// would be without Cordon. Nothing is left of what was not taken in.
func TestTheSameRequestAtOnce(t *testing.T) {
	const processes, each = 4, 4
	for body, want := range map[string]int{"generated portrait": 1, "camera photo": processes * each} {
		t.Run(body, func(t *testing.T) {
			for range 25 { // who meets whom is chance
				sameAtOnce(t, processes, each, body, want)
			}
		})
	}
}

func sameAtOnce(t *testing.T, processes, each int, body string, want int) {
	t.Helper()
	l, ctx := newLine(), t.Context()
	var senders sync.WaitGroup
	var mu sync.Mutex
	answered := map[cordon.ID]int{}
	for range processes {
		process := *l
		process.Flow = New(l.Config)
		for range each {
			senders.Go(func() {
				it, repeated, err := process.upload(ctx, body, asSent)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || repeated && it.State != cordon.Held {
					t.Errorf("%v, repeated %v, %s", err, repeated, it.State)
				}
				answered[it.ID]++
			})
		}
	}
	senders.Wait()
	if len(answered) != want || len(l.store.items) != want || len(l.bytes.b) != want {
		t.Errorf("%d receipts, %d items and %d blobs of %d requests, want %d of each", len(answered), len(l.store.items), len(l.bytes.b), processes*each, want)
	}
}
