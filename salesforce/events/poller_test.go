package events_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func (w *world) poll(p *events.Poller) events.Seen {
	w.Helper()
	seen, err := p.Poll(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return seen
}

// A poller that meets an org with a past observes all of it, once, for the least that it
// can cost.
func TestPollObservesEverything(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 11, Files: population(5000)})
	p := events.NewPoller(events.PollConfig{Config: w.config()})
	began := time.Now()
	first := w.poll(p)
	w.rates("first poll", first, time.Since(began))
	w.matches(w.truth.Files)

	byID, queries, all := w.downloads()
	files, lists := 0, 0
	per := map[string]int{}
	for _, m := range w.truth.Files {
		per[m.Object]++
		if !m.Deleted && m.Size > 0 {
			files++
		}
	}
	for _, n := range per {
		lists += n/2000 + 1
	}
	if int(first.Calls) != files+lists {
		t.Errorf("%d calls, the least is %d", first.Calls, files+lists)
	}
	if len(w.truth.Files) < 9000 { // the org remembers 10 000 requests
		for id, n := range byID {
			if n != 1 {
				t.Errorf("%s was downloaded %d times", id, n)
			}
		}
		if len(byID) != files || queries != lists || all != int(first.Calls) || w.client.Usage().Calls != first.Calls {
			t.Errorf("the org says %d files, %d lists, %d calls; the client says %+v", len(byID), queries, all, w.client.Usage())
		}
	}
	quietly := w.poll(p)
	if quietly.Observed != 0 || quietly.Calls != 3 {
		t.Errorf("a poll with nothing new: %+v", quietly)
	}
	// A new process remembers nothing but the record, and downloads nothing again.
	again := w.poll(events.NewPoller(events.PollConfig{Config: w.config()}))
	if again.Observed != 0 || again.Calls != 3 {
		t.Errorf("a poll of a new process: %+v", again)
	}
	w.matches(w.truth.Files)
}

// What comes, changes, goes and comes back between two polls.
func TestPollFollows(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 12, Files: 50})
	p := events.NewPoller(events.PollConfig{Config: w.config()})
	w.poll(p)
	known := len(w.items())

	version, document, err := w.org.Upload("Überweisung 🚗.png", []byte("one"))
	must(t, err)
	kase, err := w.org.Create("admin@example.com", "Case", map[string]any{"Subject": "s"})
	must(t, err)
	body := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	attachment, err := w.org.Create("admin@example.com", "Attachment", map[string]any{"Name": "a.png", "ParentId": kase, "Body": body("first")})
	must(t, err)
	link, err := w.org.Create("admin@example.com", "ContentVersion", map[string]any{"Title": "elsewhere", "ContentUrl": "https://example.com/x"})
	must(t, err)
	seen := w.poll(p)
	if seen.Observed != 2 || seen.Elsewhere != 1 || len(w.items()[link]) != 0 || len(w.items()) != known+2 {
		t.Errorf("after two files and a link: %+v", seen)
	}

	// A new version is new; words about it are not; bytes written over others are.
	second, err := w.org.Create("admin@example.com", "ContentVersion", map[string]any{"Title": "b", "PathOnClient": "b.png", "VersionData": body("two"), "ContentDocumentId": document})
	must(t, err)
	w.rest(http.MethodPatch, "/sobjects/ContentVersion/"+version, `{"Description":"words"}`)
	w.rest(http.MethodPatch, "/sobjects/Attachment/"+attachment, `{"Body":"`+body("second")+`"}`)
	if seen = w.poll(p); seen.Observed != 2 || len(w.items()[second]) != 1 || len(w.items()[version]) != 1 || len(w.items()[attachment]) != 2 {
		t.Errorf("after a version and a change: %+v, %d, %d, %d", seen, len(w.items()[second]), len(w.items()[version]), len(w.items()[attachment]))
	}
	time.Sleep(2 * time.Millisecond) // the time of the last change has to move
	w.rest(http.MethodPatch, "/sobjects/Attachment/"+attachment, `{"Description":"words"}`)
	if seen = w.poll(p); seen.Observed != 0 || len(w.items()[attachment]) != 2 {
		t.Errorf("after words: %+v", seen)
	}

	// Deleted: what is on record says so, once; what nobody saw is on record as gone.
	w.rest(http.MethodDelete, "/sobjects/ContentDocument/"+document, "")
	unseen, gone, err := w.org.Upload("gone.png", []byte("gone"))
	must(t, err)
	w.rest(http.MethodDelete, "/sobjects/ContentDocument/"+gone, "")
	if seen = w.poll(p); seen.Gone != 3 || seen.Observed != 0 {
		t.Errorf("after deletes: %+v", seen)
	}
	w.poll(p)
	w.poll(events.NewPoller(events.PollConfig{Config: w.config()}))
	if n := w.entries(w.items()[version][0], cordon.EntryGone); n != 1 {
		t.Errorf("%d entries say that it is gone", n)
	}
	if it := w.items()[unseen][0]; it.Verdict.Outcome != cordon.NotTested {
		t.Errorf("what nobody saw is %+v", it.Verdict)
	}
}

func (w *world) entries(it cordon.Item, kind cordon.EntryKind) (n int) {
	w.Helper()
	lines, err := w.db.History(w.Context(), clinic, it.ID)
	must(w.T, err)
	for _, l := range lines {
		if l.Entry.Kind == kind {
			n++
		}
	}
	return n
}

// A record that becomes visible behind others that are younger is not missed, and neither
// is one that a server stamped ahead of time a reason to miss the next.
func TestPollReadsBack(t *testing.T) {
	now := time.Now().UTC()
	clock := now
	w := newWorldAt(t, sim.Population{Seed: 13, Files: 20}, func() time.Time { return clock })
	p := events.NewPoller(events.PollConfig{Config: w.config()})
	w.poll(p)
	_, _, err := w.org.Upload("young.png", []byte("young"))
	must(t, err)
	w.poll(p)
	clock = now.Add(-9 * time.Minute) // a transaction that began before and ended after
	late, _, err := w.org.Upload("late.png", []byte("late"))
	must(t, err)
	if seen := w.poll(p); seen.Observed != 1 || len(w.items()[late]) != 1 {
		t.Errorf("a late commit: %+v", seen)
	}
	clock = now.Add(5 * time.Hour) // a server whose clock is wrong
	_, _, err = w.org.Upload("ahead.png", []byte("ahead"))
	must(t, err)
	w.poll(p)
	clock = now.Add(time.Second)
	next, _, err := w.org.Upload("next.png", []byte("next"))
	must(t, err)
	if seen := w.poll(p); seen.Observed != 1 || len(w.items()[next]) != 1 {
		t.Errorf("after a stamp ahead of time: %+v", seen)
	}
}

// Told to begin now, a poller leaves the past alone and misses nothing that comes after,
// also when it is not running at the time.
func TestPollFromNow(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 18, Files: 400, To: time.Now().UTC().Add(-time.Hour)})
	poll := func() events.Seen {
		return w.poll(events.NewPoller(events.PollConfig{Config: w.config(), FromNow: true}))
	}
	if seen := poll(); seen.Observed+seen.Gone > 60 {
		t.Errorf("the past was polled: %+v", seen)
	}
	before := len(w.items())
	id, _, err := w.org.Upload("later.png", []byte("later"))
	must(t, err)
	if seen := poll(); seen.Observed != 1 || len(w.items()) != before+1 || len(w.items()[id]) != 1 {
		t.Errorf("what came later: %+v", seen)
	}
}

// Two pollers of one org share the work and observe nothing twice.
func TestPollTwoNodes(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 15, Files: 600})
	errs := make(chan error)
	for range 2 {
		go func() {
			conf := w.config()
			conf.Batch = 7
			p := events.NewPoller(events.PollConfig{Config: conf})
			var err error
			for range 20 {
				if _, err = p.Poll(t.Context()); err == nil {
					break
				}
			}
			errs <- err
		}()
	}
	must(t, errors.Join(<-errs, <-errs))
	w.matches(w.truth.Files)
}

// When the org's allowance is used up, a poll says so and keeps what it has.
func TestPollBudget(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 16, Files: 30})
	w.org.Fail(sim.Fault{Verb: sim.Answer, Status: 403, Path: "/services/data", After: 10, Times: 1})
	conf := w.config()
	conf.Batch = 3
	p := events.NewPoller(events.PollConfig{Config: conf})
	if _, err := p.Poll(t.Context()); !errors.Is(err, events.ErrBudget) {
		t.Fatal(err)
	}
	if len(w.items()) == 0 {
		t.Error("nothing was kept")
	}
	w.poll(p)
	w.matches(w.truth.Files)
}

// A file that the org never gives out is on record as such and does not stop the others.
func TestPollNotReadable(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 17, Files: 30})
	var victim string
	for _, m := range w.truth.Files {
		if m.Object == "ContentVersion" && !m.Deleted && m.Size > 0 {
			victim = m.ID
		}
	}
	w.org.Fail(sim.Fault{Verb: sim.Answer, Status: 500, Path: "/services/data/v64.0/sobjects/ContentVersion/" + victim, Times: -1})
	p := events.NewPoller(events.PollConfig{Config: w.config()})
	var seen events.Seen
	var err error
	for range 10 {
		if seen, err = p.Poll(t.Context()); err == nil {
			break
		}
	}
	must(t, err)
	if it := w.items()[victim]; seen.NotReadable != 1 || len(it) != 1 || it[0].Verdict.Outcome != cordon.NotTested {
		t.Errorf("%+v, %+v", seen, it)
	}
	if len(w.items()) != len(w.truth.Files) {
		t.Errorf("%d records, want %d", len(w.items()), len(w.truth.Files))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
