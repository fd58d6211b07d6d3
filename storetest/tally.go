package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// judge returns the changes of an item that came, or was seen in the CRM, at a time, with a
// verdict and findings that took so long.
func judge(it cordon.Item, v cordon.Verdict, took ...time.Duration) []cordon.Change {
	var found []cordon.Finding
	for i, t := range took {
		f := cordon.Finding{Detector: []string{"c2pa", "kind", "marks"}[i%3], Version: "1", Status: cordon.StatusNone,
			Class: cordon.Deterministic, Label: cordon.LabelNoMarks, Detail: map[string]any{"sealed": "AAAA"}, Took: t}
		if t > time.Second {
			f.Status, f.Label = cordon.StatusFailed, cordon.LabelTimeout
		}
		found = append(found, f)
	}
	if it.Op != "" { // it came in front of the CRM
		inspected := Move(it.Ref, cordon.Received, cordon.Inspected)
		inspected.Verdict, inspected.Findings = &v, found
		return []cordon.Change{Receive(it), inspected}
	}
	return []cordon.Change{
		{Of: it.Ref, To: cordon.Observed, Item: &it, Entries: []cordon.Entry{Entry(cordon.EntryObserved, it.Ref)}},
		{Of: it.Ref, From: cordon.Observed, To: cordon.Inspected, Verdict: &v, Findings: found, Entries: []cordon.Entry{Entry(cordon.EntryInspected, it.Ref)}},
		{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept, Entries: []cordon.Entry{Entry(cordon.EntryKept, it.Ref)}},
	}
}

func classOf(size int64) int {
	if i := slices.IndexFunc(store.SizeClasses[:], func(most int64) bool { return size <= most }); i >= 0 {
		return i
	}
	return len(store.SizeClasses)
}

// All that a report counts is counted in the database, and comes to the same as counting the
// items one by one.
func testTallies(t *testing.T, db *store.DB) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 3)
	type kind struct {
		day     time.Time
		route   string
		class   int
		action  cordon.Action
		reasons string
	}
	want, bytes := map[kind]int{}, int64(0)
	var took []time.Duration
	var all []cordon.Item
	for i := range 60 {
		it := NewItem(acme)
		it.Op, it.Mode, it.Channel = "", cordon.ModeEvent, cordon.ChannelUI
		it.Route = []string{"beside", "back'fill"}[i%2]
		it.ReceivedAt = start.Add(time.Duration(i) * 80 * time.Minute) // three days and a third
		it.Size = []int64{0, 100 << 10, 100<<10 + 1, 5 << 20, 200 << 20}[i%5]
		v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{cordon.ReasonShadow}, Policy: "p@1", At: it.ReceivedAt.Add(time.Second)}
		if i%3 == 0 {
			v.Outcome, v.Action, v.Reasons = cordon.Synthetic, cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}
		}
		slowest := time.Duration(i+1) * 20 * time.Millisecond
		commit(t, db, judge(it, v, slowest/2, slowest)...)
		if !it.ReceivedAt.Before(end) {
			continue
		}
		want[kind{it.ReceivedAt.Truncate(24 * time.Hour), it.Route, classOf(it.Size), v.Action, string(v.Reasons[0])}]++
		bytes += it.Size
		took = append(took, slowest)
		all = append(all, it)
	}
	waiting := NewItem(acme)
	waiting.ReceivedAt = start
	commit(t, db, Receive(waiting))
	commit(t, db, Receive(NewItem(other)))
	want[kind{start, waiting.Route, 0, "", ""}]++
	bytes += waiting.Size

	got, gotBytes := map[kind]int{}, int64(0)
	if err := db.Tallies(t.Context(), acme, start, end, func(l store.Tally) {
		k := kind{day: l.Day, route: l.Route, class: l.SizeClass, action: l.Action}
		if len(l.Reasons) > 0 {
			k.reasons = string(l.Reasons[0])
		}
		got[k] += l.Items
		gotBytes += l.Bytes
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(kind{})); d != "" || gotBytes != bytes {
		t.Errorf("counts differ (-want +got), %d bytes for %d:\n%s", gotBytes, bytes, d)
	}

	times := must(db.Timings(t.Context(), acme, start, end))(t)
	rank := func(of []time.Duration, percent int) time.Duration { return of[(len(of)*percent+99)/100-1] }
	for class := range len(store.SizeClasses) + 1 {
		var of []time.Duration
		for i := range all {
			if classOf(all[i].Size) == class {
				of = append(of, took[i])
			}
		}
		got := times[store.TimingKey{SizeClass: class}]
		if len(of) == 0 {
			wantEqual(t, "items timed in an empty class", got.Items, 0)
			continue
		}
		if want := (store.Timing{Items: len(of), P50: rank(of, 50), P95: rank(of, 95), Max: of[len(of)-1]}); got != want {
			t.Errorf("size class %d took %+v, want %+v", class, got, want)
		}
	}
	beside := times[store.TimingKey{SizeClass: -1, Route: "beside", Channel: cordon.ChannelUI, Mode: cordon.ModeEvent}]
	wantEqual(t, "items of a route that were timed", beside.Items, 27)

	checks := must(db.CheckCounts(t.Context(), acme, start, end))(t)
	n, failed := 0, 0
	for _, c := range checks {
		if c.Version != "1" || c.Detector != "c2pa" && c.Detector != "kind" {
			t.Errorf("check %+v", c)
		}
		n, failed = n+c.Findings, failed+c.Failed
	}
	slow := len(slices.DeleteFunc(slices.Clone(took), func(d time.Duration) bool { return d <= time.Second }))
	if n != 2*len(all) || failed != slow || len(checks) != 4 {
		t.Errorf("%d findings of which %d failed, want %d and %d: %+v", n, failed, 2*len(all), slow, checks)
	}
}

// What deciding again needs is read page by page, without what points to a person.
func testJudged(t *testing.T, db *store.DB) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var changes []cordon.Change
	want := map[cordon.ID]int{}
	for i := range 1203 {
		it := NewItem(acme)
		it.ReceivedAt = start.Add(time.Duration(i) * time.Second)
		v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{}, Policy: "p@1", At: it.ReceivedAt}
		if i%100 == 0 {
			v.Action, v.Reasons = cordon.Hold, []cordon.Reason{cordon.ReasonLimit}
		}
		changes = append(changes, judge(it, v, make([]time.Duration, i%4)...)...)
		if i < 1200 {
			want[it.ID] = i % 4
		}
	}
	commit(t, db, changes...)
	commit(t, db, Receive(NewItem(other)))
	end := start.Add(1200 * time.Second)

	got, last := map[cordon.ID]int{}, cordon.ID("")
	if err := db.Judged(t.Context(), acme, start, end, func(j store.Judged) error {
		if j.Item.Sealed != nil || j.Item.WrappedKey != nil || j.Item.ID <= last || j.Item.Verdict == nil || j.Item.Route != "portal" {
			t.Fatalf("read %+v after %s", j, last)
		}
		for i, f := range j.Findings {
			if f.Detector != []string{"c2pa", "kind", "marks"}[i] || f.Detail != nil {
				t.Fatalf("finding %d is %+v", i, f)
			}
		}
		got[j.Item.ID], last = len(j.Findings), j.Item.ID
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("read %d items, want %d", len(got), len(want))
	}
	wantErr(t, db.Judged(t.Context(), acme, start, end, func(store.Judged) error { return cordon.ErrConflict }), cordon.ErrConflict)

	held := 0
	if err := db.HeldBack(t.Context(), acme, start, end, func(h store.HeldBack) {
		held++
		if h.Route != "portal" || h.Modality != cordon.Image || !slices.Equal(h.Reasons, []cordon.Reason{cordon.ReasonLimit}) {
			t.Errorf("held back: %+v", h)
		}
	}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "items held back", held, 12)

	// Only what came in front of the CRM made its caller wait.
	waits := 0
	if err := db.Waits(t.Context(), acme, start, end, func(w store.Wait) {
		waits++
		wantEqual(t, "wait", w, store.Wait{SizeClass: 0, Took: 0})
	}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "waits", waits, 1200)
}

func testSettings(t *testing.T, db *store.DB) {
	for id, value := range map[cordon.ID][]byte{"backfill": []byte(`{"calls":7}`), "poll": []byte("x"), "bare": nil} {
		of := cordon.Ref{Tenant: acme, Kind: cordon.KindSetting, ID: id}
		commit(t, db, cordon.Change{Of: of, From: "at", To: "at", Value: value, Version: cordon.AnyVersion, Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}})
	}
	got := must(db.Settings(t.Context(), acme))(t)
	if len(got) != 2 || got[0].ID != "backfill" || string(got[0].Value) != `{"calls":7}` || got[1].ID != "poll" || got[1].Tenant != acme {
		t.Errorf("settings are %+v", got)
	}
	wantEqual(t, "settings of another tenant", len(must(db.Settings(t.Context(), other))(t)), 0)
}
