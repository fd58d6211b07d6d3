package sim

import (
	"strconv"
	"strings"
	"time"
)

// spanUnits are the units that date literals count in: where the one with the time begins,
// and how to go on by n of them.
var spanUnits = map[string]struct {
	start func(day time.Time) time.Time
	add   func(t time.Time, n int) time.Time
}{
	"DAY":  {func(d time.Time) time.Time { return d }, func(t time.Time, n int) time.Time { return t.AddDate(0, 0, n) }},
	"WEEK": {func(d time.Time) time.Time { return d.AddDate(0, 0, -int(d.Weekday())) }, func(t time.Time, n int) time.Time { return t.AddDate(0, 0, 7*n) }},
	"MONTH": {func(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), 1, 0, 0, 0, 0, time.UTC) },
		func(t time.Time, n int) time.Time { return t.AddDate(0, n, 0) }},
	"QUARTER": {func(d time.Time) time.Time { return time.Date(d.Year(), (d.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC) },
		func(t time.Time, n int) time.Time { return t.AddDate(0, 3*n, 0) }},
	"YEAR": {func(d time.Time) time.Time { return time.Date(d.Year(), 1, 1, 0, 0, 0, 0, time.UTC) },
		func(t time.Time, n int) time.Time { return t.AddDate(n, 0, 0) }},
}

// dateLiteral resolves TODAY, LAST_N_DAYS:3 and their kin to a span of time. Fiscal periods
// are those of the calendar, as in an org that has not said otherwise.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
func dateLiteral(text string, now time.Time) (from, to time.Time, known bool) {
	name, count, counted := strings.Cut(strings.ReplaceAll(strings.ToUpper(text), "FISCAL_", ""), ":")
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	tomorrow := today.AddDate(0, 0, 1)
	n := 0
	if counted {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 0 || n > 100_000 {
			return from, to, false
		}
	}
	switch name {
	case "TODAY":
		return today, tomorrow, !counted
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today, !counted
	case "TOMORROW":
		return tomorrow, today.AddDate(0, 0, 2), !counted
	case "LAST_90_DAYS":
		return today.AddDate(0, 0, -90), tomorrow, !counted
	case "NEXT_90_DAYS":
		return tomorrow, today.AddDate(0, 0, 91), !counted
	}
	words := strings.Split(name, "_")
	unit, has := spanUnits[strings.TrimSuffix(words[len(words)-1], "S")]
	if words[len(words)-1] == "AGO" && len(words) == 3 {
		unit, has = spanUnits[strings.TrimSuffix(words[1], "S")]
	}
	if !has {
		return from, to, false
	}
	start := unit.start(today)
	switch {
	case !counted && name == "THIS_"+words[len(words)-1]:
		return start, unit.add(start, 1), true
	case !counted && name == "LAST_"+words[len(words)-1]:
		return unit.add(start, -1), start, true
	case !counted && name == "NEXT_"+words[len(words)-1]:
		return unit.add(start, 1), unit.add(start, 2), true
	case counted && strings.HasPrefix(name, "LAST_N_") && strings.HasSuffix(name, "DAYS"):
		return today.AddDate(0, 0, -n), tomorrow, true
	case counted && strings.HasPrefix(name, "LAST_N_"):
		return unit.add(start, -n), start, true
	case counted && strings.HasPrefix(name, "NEXT_N_"):
		return unit.add(start, 1), unit.add(start, n+1), true
	case counted && words[0] == "N" && strings.HasSuffix(name, "_AGO"):
		return unit.add(start, -n), unit.add(start, 1-n), true
	}
	return from, to, false
}
