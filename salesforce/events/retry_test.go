package events_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// noAccess is what the org says of a file that somebody may list and not read.
const noAccess = `[{"message":"insufficient access rights on cross-reference id","errorCode":"INSUFFICIENT_ACCESS"}]`

// What could not be read is asked for again, in vain and each time later, until it can be read;
// then it is inspected, and never asked for again.
func TestPollReadsLater(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 51, Files: 40})
	victims := map[string]bool{}
	for _, m := range w.truth.Live() {
		if len(victims) < 3 && m.Size > 0 {
			victims[m.ID] = true
			w.org.Fail(sim.Fault{Verb: sim.Answer, Method: http.MethodGet, Status: http.StatusForbidden, Body: noAccess, Path: "/services/data/v64.0/sobjects/" + m.Object + "/" + m.ID, Times: -1})
		}
	}
	now := time.Now()
	conf := w.polling(func(c *events.PollConfig) {
		c.Unread = w.db
		c.Now = func() time.Time { return now }
	})
	p := events.NewPoller(conf)
	if seen := w.poll(p); seen.NotReadable != len(victims) || seen.Retried != 0 {
		t.Fatalf("%+v", seen)
	}
	unread := func() int {
		n, err := w.db.CountUnread(t.Context(), clinic)
		must(t, err)
		return n
	}
	attempts := 0
	for hours := range 40 {
		now = now.Add(time.Hour)
		seen := w.poll(p)
		attempts += seen.Retried
		if seen.Read != 0 || seen.Observed != 0 || unread() != len(victims) {
			t.Fatalf("after %d hours: %+v", hours, seen)
		}
	}
	if attempts < 2*len(victims) || attempts > 6*len(victims) {
		t.Errorf("%d attempts in 40 hours", attempts)
	}
	w.org.Heal()
	read := 0
	for range 70 {
		now = now.Add(time.Hour)
		read += w.poll(p).Read
	}
	if read != len(victims) || unread() != 0 {
		t.Errorf("%d files were read once they could be, %d are left", read, unread())
	}
	w.matches(w.truth.Files)
	w.hangsAlike()
	for id := range victims {
		it := w.items()[id][0]
		if n := w.entries(it, cordon.EntryRescanned); n != 1 || w.entries(it, cordon.EntryRetried) == 0 {
			t.Errorf("%s: %d entries say that it was inspected", id, n)
		}
	}
}

// What is deleted before anybody could read it is not asked for for ever.
func TestPollReadsNeverMore(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 52, Files: 20})
	var victim sim.Made
	for _, m := range w.truth.Live() {
		if m.Object == "Attachment" && m.Size > 0 {
			victim = m
		}
	}
	w.org.Fail(sim.Fault{Verb: sim.Answer, Method: http.MethodGet, Status: http.StatusForbidden, Body: noAccess, Path: "/services/data/v64.0/sobjects/Attachment/" + victim.ID, Times: -1})
	now := time.Now()
	p := events.NewPoller(w.polling(func(c *events.PollConfig) {
		c.Unread = w.db
		c.Now = func() time.Time { return now }
	}))
	w.poll(p)
	w.rest(http.MethodDelete, "/sobjects/Attachment/"+victim.ID, "")
	w.poll(p)
	w.purge(victim.ID)
	retried := 0
	for range 400 {
		now = now.Add(6 * time.Hour)
		seen := w.poll(p)
		retried += seen.Retried
	}
	if retried == 0 || retried > 9 {
		t.Errorf("asked for %d times", retried)
	}
	it := w.items()[victim.ID][0]
	if !slices.Contains(it.Verdict.Reasons, cordon.ReasonNotReadable) {
		t.Errorf("verdict is %+v", it.Verdict)
	}
}
