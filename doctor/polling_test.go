package doctor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cordonhq/cordon/doctor"
)

// Whether somebody polls is told by the records, and what the org did not give out beside it.
func TestPolling(t *testing.T) {
	p := newPlace(t, licensed())
	now := time.Now()
	for name, c := range map[string]struct {
		polling doctor.Polling
		err     error
		want    doctor.State
		unread  bool
	}{
		"not asked for":  {doctor.Polling{}, nil, doctor.Warning, false},
		"no records yet": {doctor.Polling{Every: time.Minute}, errors.New("there is no file"), doctor.Unknown, false},
		"nobody":         {doctor.Polling{Every: time.Minute, LeasedUntil: now.Add(-time.Second), ReadTo: now}, nil, doctor.Missing, false},
		"never":          {doctor.Polling{Every: time.Minute}, nil, doctor.Missing, false},
		"just begun":     {doctor.Polling{Every: time.Minute, LeasedUntil: now.Add(time.Hour)}, nil, doctor.Warning, false},
		"well":           {doctor.Polling{Every: time.Minute, LeasedUntil: now.Add(time.Hour), ReadTo: now}, nil, doctor.OK, false},
		"not everything": {doctor.Polling{Every: time.Minute, LeasedUntil: now.Add(time.Hour), ReadTo: now, Unread: 3}, nil, doctor.OK, true},
	} {
		t.Run(name, func(t *testing.T) {
			p.T = t
			p.conf.Orgs[0].Polling = func(context.Context) (doctor.Polling, error) { return c.polling, c.err }
			r := p.run()
			p.expect(r, map[string]doctor.State{"polling": c.want})
			if c.unread {
				p.expect(r, map[string]doctor.State{"unread": doctor.Warning})
			}
		})
	}
}
