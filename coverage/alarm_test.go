package coverage

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// brings makes a day's files, some of which nobody looked at, days after the first.
func (w *world) brings(days, examined, not int) {
	at := monday.Truncate(day).Add(time.Duration(days)*day + 5*time.Hour)
	w.made(examined, at, cordon.NoSign)
	w.made(not, at, "")
}

func (w *world) alarm() *desk.CoverageAlarm {
	w.Helper()
	a, err := w.law.Alarm(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	if got := w.coverage(desk.CoverageQuery{}).Alarm; (got == nil) != (a == nil) || a != nil && *got != *a {
		w.Errorf("the report says %+v, the law %+v", got, a)
	}
	return a
}

// The alarm rises with the first day under the floor and clears with the next good one. The
// first day of all, part of which was before Cordon came, and days without files say nothing.
func TestAlarmUnderTheFloor(t *testing.T) {
	w := newWorld(t)
	w.brings(0, 1, 9)
	w.brings(1, 95, 5)
	w.brings(2, 80, 20)
	w.brings(4, 60, 40)
	w.brings(5, 92, 8)
	w.count(monday)
	var seen []string
	for range 7 {
		w.days(1)
		s := "-"
		if a := w.alarm(); a != nil {
			s = a.Day.Format("2") + " " + string(a.Cause)
			if a.Bound != 0.9 || a.Share >= a.Bound {
				t.Errorf("%+v", a)
			}
		}
		seen = append(seen, s)
	}
	want := []string{"-", "-", "18 below-floor", "18 below-floor", "20 below-floor", "-", "-"}
	if !slices.Equal(seen, want) {
		t.Errorf("day by day: %q, want %q", seen, want)
	}
	var alarms []string
	for _, e := range w.entries {
		if e.Kind != cordon.EntryCoverage && e.Kind != cordon.EntrySetting {
			alarms = append(alarms, string(e.Kind)+" "+e.Facts["day"].(string))
		}
	}
	if want := []string{"coverage.alarm 2026-11-18", "coverage.alarm 2026-11-20", "coverage.cleared 2026-11-21"}; !slices.Equal(alarms, want) {
		t.Errorf("on record: %q", alarms)
	}
	if n := strings.Count(w.log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, w.log.String())
	}
}

// A share well above the floor raises the alarm when it falls against the week before.
func TestAlarmWhenItFalls(t *testing.T) {
	w := newWorld(t)
	w.law.Floor = 0.5
	for d := 1; d <= 5; d++ {
		w.brings(d, 990, 10)
	}
	w.brings(6, 93, 7)
	w.brings(7, 95, 5)
	w.count(monday)
	w.days(6)
	if a := w.alarm(); a != nil {
		t.Fatalf("too soon: %+v", a)
	}
	w.days(1)
	if a := w.alarm(); a == nil || a.Cause != desk.CoverageFell || a.Share != 0.93 || a.Bound != 0.94 {
		t.Fatalf("alarm is %+v", a)
	}
	w.days(1)
	if a := w.alarm(); a != nil {
		t.Errorf("after a good day: %+v", a)
	}
}

// When what was missed is examined after all, the same day clears the alarm within the hour.
func TestAlarmClearsWhenCaughtUp(t *testing.T) {
	w := newWorld(t)
	w.count(monday)
	w.brings(1, 10, 10)
	w.days(2)
	if w.alarm() == nil {
		t.Fatal("no alarm")
	}
	for _, f := range w.files {
		w.records[f.ID] = []Record{record(cordon.NoSign)}
	}
	w.open()
	w.count(w.now.Add(time.Hour))
	if a := w.alarm(); a != nil {
		t.Errorf("%+v", a)
	}
}

// Several bad days behind an outage each leave their entry, and the last decides what stands.
func TestAlarmsAfterAnOutage(t *testing.T) {
	w := newWorld(t)
	w.count(monday)
	w.brings(1, 1, 9)
	w.brings(2, 2, 8)
	w.brings(3, 10, 0)
	w.brings(4, 3, 7)
	w.kinds()
	w.count(monday.Truncate(day).Add(5*day + time.Hour))
	if a := w.alarm(); a == nil || a.Share != 0.3 {
		t.Errorf("alarm is %+v", a)
	}
	want := "coverage.alarm coverage.alarm coverage.cleared coverage.alarm"
	if got := strings.Join(slices.DeleteFunc(w.kinds(), func(k string) bool { return k == string(cordon.EntryCoverage) }), " "); got != want {
		t.Errorf("on record: %s", got)
	}
}

// The process may end at any commit, whether or not it happened: the next one comes to the
// same counts and the same alarm, and no bad day goes without its entry.
func TestKilledAtEveryCommit(t *testing.T) {
	for n := range 12 {
		for _, persists := range []bool{false, true} {
			w := newWorld(t)
			w.brings(1, 10, 0)
			w.brings(2, 5, 5)
			w.brings(3, 10, 0)
			w.count(monday)
			w.now = monday.Truncate(day).Add(4*day + time.Hour)
			died := errors.New("the process has ended")
			left := n
			w.law.Keep = keepUntil{w, &left, died, persists}
			err := w.law.Count(t.Context())
			if left < 0 != errors.Is(err, died) {
				t.Fatalf("commit %d: %v", n, err)
			}
			w.open()
			w.count(w.now)
			w.count(w.now)
			if c := w.coverage(desk.CoverageQuery{}); c.Gained != 30 || c.Examined != 25 || len(c.Days) != 5 {
				t.Errorf("commit %d persists %v: %+v", n, persists, c.CoverageCount)
			}
			if a := w.alarm(); a != nil {
				t.Errorf("commit %d persists %v: %+v", n, persists, a)
			}
			got := map[cordon.EntryKind]int{}
			for _, e := range w.entries {
				got[e.Kind]++
			}
			if got[cordon.EntryCoverageAlarm] != 1 || got[cordon.EntryCoverageClear] != 1 {
				t.Errorf("commit %d persists %v: entries %v", n, persists, got)
			}
		}
	}
}
