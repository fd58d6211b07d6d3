package events

import (
	"errors"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

func TestNights(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	berlin := Night{Window: "22:00-06:00", Zone: "Europe/Berlin"}
	for _, c := range []struct {
		night    Night
		at, next string // next "": inside
	}{
		{berlin, "2026-11-20T21:30:00Z", ""},                     // 22:30 there
		{berlin, "2026-11-20T20:59:59Z", "2026-11-20T21:00:00Z"}, // 21:59:59
		{berlin, "2026-11-20T04:59:59Z", ""},
		{berlin, "2026-11-20T05:00:00Z", "2026-11-20T21:00:00Z"},
		{berlin, "2026-03-29T10:00:00Z", "2026-03-29T20:00:00Z"}, // the day that summer time began
		{berlin, "2026-10-25T10:00:00Z", "2026-10-25T21:00:00Z"}, // and ended
		{Night{Window: "12:00 - 13:30"}, "2026-11-20T13:29:59Z", ""},
		{Night{Window: "12:00-13:30"}, "2026-11-20T13:30:00Z", "2026-11-21T12:00:00Z"},
		{Night{Window: "00:00-06:00"}, "2026-12-31T06:00:00Z", "2027-01-01T00:00:00Z"},
	} {
		if err := c.night.check(); err != nil {
			t.Fatal(err)
		}
		in, next := c.night.in(at(c.at))
		if in != (c.next == "") || !in && !next.Equal(at(c.next)) {
			t.Errorf("%+v at %s: %v, next %s, want %q", c.night, c.at, in, next.UTC(), c.next)
		}
	}
	for _, bad := range []Night{{Window: "22:00"}, {Window: "22:00-22:00"}, {Window: "25:00-06:00"}, {Window: "22:00-06:00", Zone: "Berlin"},
		{Window: "22:00-06:00", Zone: "Local"}, {Window: "22:00-06:00", DayRate: -1}} {
		if err := bad.check(); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// By day it goes at the slow pace, or not at all.
func TestRates(t *testing.T) {
	day := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	night := day.Add(11 * time.Hour)
	for _, c := range []struct {
		plan Plan
		at   time.Time
		rate float64
		err  error
	}{
		{Plan{Rate: 5}, day, 5, nil},
		{Plan{Rate: 5, Night: &Night{Window: "22:00-06:00"}}, night, 5, nil},
		{Plan{Rate: 5, Night: &Night{Window: "22:00-06:00"}}, day, 0, ErrNight},
		{Plan{Rate: 5, Night: &Night{Window: "22:00-06:00", DayRate: 2}}, day, 2, nil},
		{Plan{Rate: 1, Night: &Night{Window: "22:00-06:00", DayRate: 2}}, day, 1, nil},
		{Plan{Night: &Night{Window: "22:00-06:00", DayRate: 2}}, day, 2, nil},
		{Plan{Night: &Night{Window: "22:00-06:00", DayRate: 2}}, night, 0, nil},
	} {
		rate, err := c.plan.rate(c.at)
		var wait waitError
		if rate != c.rate || !errors.Is(err, c.err) || c.err != nil && (!errors.As(err, &wait) || !wait.until.Equal(day.Add(10*time.Hour))) {
			t.Errorf("%+v at %s: %g, %v", c.plan, c.at, rate, err)
		}
	}
}
