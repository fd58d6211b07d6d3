package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cordonhq/cordon"
)

// places are those kept for files that were received and are not judged yet.
type places struct {
	mu sync.Mutex
	of map[cordon.ID]Place
}

func (p *places) keep(id cordon.ID, place Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[cordon.ID]Place{}
	}
	p.of[id] = place
}

// take returns the place of an item once, nil if there is none.
func (p *places) take(id cordon.ID) Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := p.of[id]
	delete(p.of, id)
	return place
}

// errNoRoom says why nothing was looked at.
func errNoRoom(err error) error { return fmt.Errorf("have it looked at: %w", err) }

// turnAway forgets a file whose checks did not begin in time, because of all the others. Nothing
// is known against it, so it is not held; its sender waits, and is told to come again.
func (f *Flow) turnAway(ctx context.Context, it cordon.Item) (cordon.Item, error) {
	c := f.leave(it, cordon.Received, cordon.EntryTurned)
	if err := f.Store.Commit(context.WithoutCancel(ctx), c); err != nil {
		return it, fmt.Errorf("turn item %s away: %w", it.ID, err)
	}
	return moved(it, c), nil
}

// starved reports whether an error says that there was no chance to look.
func starved(err error) bool {
	return errors.Is(err, cordon.ErrBusy) || errors.Is(err, context.DeadlineExceeded)
}
