package app

import (
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	q := newQuota(60, func() time.Time { return now })
	for i := range 60 {
		if w := q.wait("clinic", "a"); w != 0 {
			t.Fatalf("upload %d has to wait %s, want a minute's worth at once", i+1, w)
		}
	}
	if w := q.wait("clinic", "a"); w != time.Second {
		t.Errorf("the 61st has to wait %s, want 1s", w)
	}
	if w := q.wait("clinic", "b"); w != 0 {
		t.Errorf("another caller has to wait %s", w)
	}
	if w := q.wait("other", "a"); w != 0 {
		t.Errorf("the same caller at another tenant has to wait %s", w)
	}
	now = now.Add(time.Second)
	if w := q.wait("clinic", "a"); w != 0 {
		t.Errorf("a second later it has to wait %s", w)
	}
	now = now.Add(time.Hour)
	q.forget(now)
	if len(q.due) != 0 {
		t.Errorf("%d callers are remembered who are not ahead", len(q.due))
	}
}
