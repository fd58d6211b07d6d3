package media

import (
	"context"
	"errors"
	"testing"
)

func TestPace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := Pace(ctx); err != nil {
		t.Error(err)
	}
	stop := errors.New("stop")
	calls := 0
	paced := WithPace(ctx, func(context.Context) error {
		if calls++; calls > 1 {
			return stop
		}
		return nil
	})
	if err := Pace(paced); err != nil {
		t.Error(err)
	}
	if err := Pace(paced); err != stop || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
	cancel()
	if err := Pace(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
