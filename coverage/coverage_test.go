package coverage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// A file counts as examined by what the ledger says of its content, and by nothing else.
func TestMatched(t *testing.T) {
	f := File{Object: "Attachment", ID: "00P000000000001AAA", Channel: cordon.ChannelUI}
	judged := func(outcome string, reasons ...string) Record {
		return Record{Object: "Attachment", Channel: cordon.ChannelPortal, Client: "act_1", Entries: 4,
			Judged: &cordon.Entry{Kind: cordon.EntryInspected, Facts: map[string]any{"outcome": outcome, "reasons": reasons}}}
	}
	with := func(r Record, edit func(*Record)) Record { edit(&r); return r }
	for _, c := range []struct {
		name     string
		on       []Record
		examined bool
		why      cordon.Reason
	}{
		{"nothing", nil, false, ""},
		{"no sign", []Record{judged("no-sign", "shadow")}, true, ""},
		{"held", []Record{judged("synthetic", "generator-mark")}, true, ""},
		{"cannot tell, by the content", []Record{judged("cannot-tell", "manifest-broken")}, true, ""},
		{"evidence beside a silent check", []Record{judged("altered", "composite-tag", "detector-silent")}, true, ""},
		{"beyond a limit", []Record{judged("cannot-tell", "limit")}, true, ""},
		{"a silent check", []Record{judged("cannot-tell", "detector-silent")}, false, cordon.ReasonDetectorSilent},
		{"passed unscanned", []Record{judged("cannot-tell", "passed-unscanned")}, false, cordon.ReasonPassedUnscanned},
		{"passed without a verdict", []Record{{Object: "Attachment", Entries: 2}}, false, cordon.ReasonPassedUnscanned},
		{"gone", []Record{judged("not-tested", "gone", "shadow")}, false, cordon.ReasonGone},
		{"withheld", []Record{judged("not-tested", "not-readable", "shadow")}, false, cordon.ReasonNotReadable},
		{"of a kind without a check", []Record{judged("not-tested", "not-covered")}, false, cordon.ReasonNotCovered},
		{"of a kind without a check, and not what it says it is", []Record{judged("cannot-tell", "not-covered", "type-mismatch")}, true, ""},
		{"not tested, no reason", []Record{judged("not-tested")}, false, cordon.ReasonNotCovered},
		{"an outcome of a later version", []Record{judged("unheard-of")}, false, cordon.ReasonNotCovered},
		{"an item of which the ledger says nothing", []Record{with(judged("no-sign"), func(r *Record) { r.Entries, r.Judged = 0, nil })}, false, ""},
		{"an item of another object", []Record{with(judged("no-sign"), func(r *Record) { r.Object = "Document" })}, false, ""},
		{"written over, and examined again", []Record{judged("not-tested", "gone"), judged("no-sign")}, true, ""},
		{"written over, and not readable since", []Record{judged("no-sign"), judged("not-tested", "not-readable")}, false, cordon.ReasonNotReadable},
	} {
		m := matched(f, c.on)
		if partly := c.name == "evidence beside a silent check" || c.name == "beyond a limit"; m.partly != partly {
			t.Errorf("%s: partly %v", c.name, m.partly)
		}
		if onRecord := m.examined || m.tried; m.examined != c.examined || m.why != c.why || m.tried != (c.why != "") ||
			onRecord && c.name != "passed without a verdict" && (m.channel != cordon.ChannelPortal || m.client != "act_1") || !onRecord && m.channel != cordon.ChannelUI {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// Each file is counted on the day it was made, to the millisecond, and the day is final once
// it is over and what was made at its end shows.
func TestDays(t *testing.T) {
	w := newWorld(t)
	midnight := monday.Truncate(day).Add(day)
	w.made(3, monday.Add(-time.Hour), cordon.NoSign)
	w.made(2, midnight.Add(-time.Millisecond), cordon.NoSign)
	w.made(1, midnight.Add(-time.Millisecond), "")
	w.made(4, midnight, cordon.NoSign)

	if c := w.coverage(desk.CoverageQuery{}); !c.AsOf.IsZero() || len(c.Days) != 0 || c.Alarm != nil {
		t.Errorf("before the first count: %+v", c)
	}
	w.count(monday)
	c := w.coverage(desk.CoverageQuery{})
	if share, ok := c.Share(); c.Gained != 3 || share != 1 || !ok || len(c.Days) != 1 || c.Days[0].Final || !c.AsOf.Equal(monday) {
		t.Errorf("on the first morning: %+v", c)
	}
	w.count(midnight.Add(10 * time.Minute))
	if c = w.coverage(desk.CoverageQuery{}); len(c.Days) != 2 || c.Days[0].Final || c.Days[0].Gained != 6 || c.Days[1].Gained != 4 {
		t.Errorf("ten past midnight: %+v", c.Days)
	}
	w.made(1, midnight.Add(-time.Second), "") // its transaction took long
	w.count(midnight.Add(20 * time.Minute))
	if c = w.coverage(desk.CoverageQuery{Limit: 10}); !c.Days[0].Final || c.Days[0].Gained != 7 || c.Days[0].Examined != 5 || len(c.Unexamined) != 2 || c.Days[1].Final {
		t.Errorf("twenty past midnight: %+v", c.Days)
	}
	if full, today, hasFull, hasToday, err := w.law.Latest(t.Context()); err != nil || !hasFull || !hasToday || full.Gained != 7 || today.Gained != 4 {
		t.Errorf("latest: %+v %+v %v", full, today, err)
	}
}

// A day with files that nobody looked at is counted anew while that may change, and each day
// once more a day later, whatever was found; a day that is complete costs nothing after that.
func TestCountedAnew(t *testing.T) {
	w := newWorld(t)
	w.count(monday)
	tuesday := monday.Truncate(day).Add(day)
	ids := w.made(5, tuesday.Add(time.Hour), "")
	w.made(45, tuesday.Add(time.Hour), cordon.NoSign)
	w.days(2)
	if c := w.coverage(desk.CoverageQuery{}); c.Examined != 45 || c.Gained != 50 {
		t.Fatalf("%+v", c.CoverageCount)
	}
	for _, id := range ids {
		w.records[id] = []Record{record(cordon.NoSign)} // polling came to them late
	}
	w.made(1, tuesday.Add(2*time.Hour), cordon.NoSign) // the org's clock was far behind
	w.days(1)
	if c := w.coverage(desk.CoverageQuery{}); c.Examined != 51 || c.Gained != 51 {
		t.Errorf("a day later: %+v", c.CoverageCount)
	}
	w.days(3)
	before := w.calls
	w.count(w.now.Add(time.Hour))
	if w.calls != before+1 {
		t.Errorf("an hour's count asked for %d days, want today alone", w.calls-before)
	}
}

// After Cordon was down every day since is counted, up to a month back, and none before it came.
func TestCatchesUp(t *testing.T) {
	w := newWorld(t)
	w.made(9, monday.Add(-2*day), "")
	w.count(monday)
	for i := range 50 {
		w.made(1, monday.Add(time.Duration(i)*day), cordon.NoSign)
	}
	w.open()
	w.count(monday.Add(10*day + time.Hour))
	c := w.coverage(desk.CoverageQuery{From: monday.Truncate(day).Add(-20 * day)})
	if len(c.Days) != 11 || c.Gained != 11 || c.Examined != 11 {
		t.Errorf("ten days later: %d days, %+v", len(c.Days), c.CoverageCount)
	}
	for i, d := range c.Days {
		if !d.Day.Equal(monday.Truncate(day).Add(time.Duration(i)*day)) || d.Final != (i < 10) {
			t.Errorf("day %d is %+v", i, d)
		}
	}
	w.count(monday.Add(49*day + time.Hour))
	if c = w.coverage(desk.CoverageQuery{From: monday.Truncate(day)}); len(c.Days) != 11+32 {
		t.Errorf("fifty days later %d days are counted", len(c.Days))
	}
}

// A list that breaks off counts nothing: a day is written down whole or not at all.
func TestHalfAList(t *testing.T) {
	w := newWorld(t)
	w.count(monday)
	w.made(20, monday.Add(time.Hour), "")
	w.orgErr = cordon.ErrBusy
	w.now = monday.Add(2 * time.Hour)
	if err := w.law.Count(t.Context()); err == nil {
		t.Error("half a list was taken for all")
	}
	if c := w.coverage(desk.CoverageQuery{}); c.Gained != 0 || !c.AsOf.Equal(monday) {
		t.Errorf("%+v", c)
	}
	w.orgErr = nil
	w.count(w.now)
	if c := w.coverage(desk.CoverageQuery{}); c.Gained != 20 {
		t.Errorf("%+v", c)
	}
}

// Whatever the day brought, what is kept of it fits, counts everything, and names nobody in
// clear.
func TestHugeDay(t *testing.T) {
	w := newWorld(t)
	for i := range 60_000 {
		f := File{Object: "ContentVersion", ID: id18("068", i), Channel: cordon.ChannelPortal, Creator: id18("005", i%9000),
			Created: monday.Add(-time.Duration(i) * time.Millisecond), Size: int64(i)}
		if i%10 == 0 {
			w.records[f.ID] = []Record{record(cordon.NoSign)}
		}
		w.files = append(w.files, f)
	}
	w.count(monday)
	value := w.things[w.law.of(monday.Truncate(day))].Value
	if len(value) > cordon.MaxValue || len(value) < cordon.MaxValue/4 {
		t.Errorf("the value is %d bytes", len(value))
	}
	for _, personal := range []string{"005", "068"} {
		if bytes.Contains(value, []byte(`"`+personal)) || bytes.Contains(value, []byte(personal+"000")) {
			t.Errorf("an id that begins with %s is there in clear", personal)
		}
	}
	c := w.coverage(desk.CoverageQuery{Limit: 5000})
	if c.Gained != 60_000 || c.Examined != 6000 || c.More < 50_000 || len(c.Unexamined) < 200 || len(c.Parts) < 50 {
		t.Errorf("%+v, %d listed, %d more, %d parts", c.CoverageCount, len(c.Unexamined), c.More, len(c.Parts))
	}
	t.Logf("%d bytes hold %d files and %d parts", len(value), len(c.Unexamined), len(c.Parts))
	for i := 1; i < len(c.Unexamined); i++ {
		if c.Unexamined[i].Created.After(c.Unexamined[i-1].Created) {
			t.Fatal("the newest are not first")
		}
	}
	if c.Unexamined[0].ID != w.files[1].ID {
		t.Errorf("the newest file is not listed first but %+v", c.Unexamined[0])
	}
	all := w.coverage(desk.CoverageQuery{Fresh: true})
	if len(all.Unexamined) != 54_000 || all.More != 0 {
		t.Errorf("asked again, %d are listed and %d more", len(all.Unexamined), all.More)
	}
	if nobody := c.WithoutPeople(); len(nobody.Parts) != 2 || nobody.Parts[0].Creator != "" || nobody.Unexamined[0].Creator != "" || c.Unexamined[0].Creator == "" {
		t.Errorf("without people: %+v", nobody.Parts)
	}
}

// id18 is the n-th of ids that look random, and compress as badly.
func id18(prefix string, n int) string {
	sum := sha256.Sum256([]byte(prefix + strconv.Itoa(n)))
	return prefix + hex.EncodeToString(sum[:])[:12] + "AAA"
}

// Who made files and which were not looked at is dropped after five weeks; the numbers stay.
// Without its key it is gone at once.
func TestDetailIsDropped(t *testing.T) {
	w := newWorld(t)
	w.made(4, monday, "")
	w.count(monday)
	w.days(34)
	first := desk.CoverageQuery{From: monday.Truncate(day), To: monday.Truncate(day).Add(day), Limit: 10}
	if c := w.coverage(first); len(c.Unexamined) != 4 {
		t.Errorf("before that %d are listed", len(c.Unexamined))
	}
	w.days(1)
	w.noKey = true // of which the sums of parts know
	if c := w.coverage(first); c.Gained != 4 || len(c.Unexamined) != 0 || c.More != 4 || len(c.Parts) != 0 || c.Why[0].Files != 4 {
		t.Errorf("after that: %+v", c)
	}
	if c := w.coverage(desk.CoverageQuery{}); len(c.Days) != 8 {
		t.Errorf("%d days", len(c.Days))
	}
}

// Links to what the org does not hold are counted apart.
func TestElsewhere(t *testing.T) {
	w := newWorld(t)
	w.made(2, monday, cordon.NoSign)
	w.made(3, monday, "")
	for i := 2; i < 5; i++ {
		w.files[i].Elsewhere = true
	}
	w.count(monday)
	if c := w.coverage(desk.CoverageQuery{}); c.Gained != 2 || c.Examined != 2 || c.Elsewhere != 3 {
		t.Errorf("%+v", c.CoverageCount)
	}
}

func TestQueries(t *testing.T) {
	w := newWorld(t)
	at := monday.Truncate(day)
	for name, q := range map[string]desk.CoverageQuery{
		"not midnight": {From: monday},
		"backwards":    {From: at, To: at.Add(-day)},
		"nothing":      {From: at, To: at},
		"future":       {From: at.Add(5 * day)},
		"too long":     {From: at.Add(-500 * day)},
		"too dear":     {From: at.Add(-40 * day), Fresh: true},
	} {
		if c, err := w.law.Coverage(t.Context(), q); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Whoever counts each minute has an entry an hour while nothing changes.
func TestNothingNew(t *testing.T) {
	w := newWorld(t)
	w.made(1, monday, "")
	w.count(monday)
	w.kinds()
	for i := range 120 {
		w.count(monday.Add(time.Duration(i) * time.Minute))
	}
	if n := len(w.kinds()); n != 1 {
		t.Errorf("%d entries in two hours", n)
	}
	w.made(1, w.now, "")
	w.count(w.now.Add(time.Minute))
	if c := w.coverage(desk.CoverageQuery{}); len(w.kinds()) != 1 || c.Gained != 2 {
		t.Errorf("a new file makes no difference: %+v", c.CoverageCount)
	}
}

// The org is asked for one reader at a time, however many want a fresh list.
func TestFreshOneAtATime(t *testing.T) {
	w := newWorld(t)
	w.made(1, monday, "")
	w.law.fresh.Lock()
	if _, err := w.law.Coverage(t.Context(), desk.CoverageQuery{Fresh: true}); !errors.Is(err, cordon.ErrBusy) {
		t.Errorf("while another asks: %v", err)
	}
	w.law.fresh.Unlock()
	if c := w.coverage(desk.CoverageQuery{Fresh: true}); c.Gained != 1 || len(w.things) != 0 {
		t.Errorf("%+v, and %d things written", c.CoverageCount, len(w.things))
	}
}

// The next count is never later than the moment when a day can be counted for good.
func TestFinalIsAwaited(t *testing.T) {
	w := newWorld(t)
	midnight := monday.Truncate(day)
	for at, want := range map[time.Duration]time.Duration{0: 20 * time.Minute, 19 * time.Minute: time.Minute, 20 * time.Minute: day, 9 * time.Hour: 15*time.Hour + 20*time.Minute} {
		w.now = midnight.Add(at)
		if got := w.law.final(); got != want {
			t.Errorf("%v after midnight it waits %v, want %v", at, got, want)
		}
	}
}

// Run counts until it is told to stop, and goes on after a failure.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.law.Now = time.Now
		w.now = time.Now().Add(1000 * day)
		w.made(1, time.Now(), "")
		w.orgErr = cordon.ErrBusy
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { w.law.Run(ctx, time.Hour) })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if w.calls != 1 || len(w.things) != 1 {
			t.Errorf("%d calls and %d things after the first failure", w.calls, len(w.things))
		}
		w.orgErr = nil
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(w.things) != 2 {
			t.Error("nothing is counted after the failure")
		}
		time.Sleep(26 * time.Hour)
		synctest.Wait()
		if w.things[w.law.of(midnight(w.files[0].Created))].State != final {
			t.Error("the day is over and not counted for good")
		}
		cancel()
		done.Wait()
	})
}
