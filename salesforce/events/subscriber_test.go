package events_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/pubsub"
	"github.com/cordonhq/cordon/salesforce/sim"
)

const versions = "/data/ContentVersionChangeEvent"

// eventWorld is a world whose org tells of changes of versions and attachments, and not of
// documents.
type eventWorld struct {
	*world
	feed *pubsub.Client
}

func newEventWorld(t *testing.T, p sim.Population, edit ...func(*sim.Config)) *eventWorld {
	t.Helper()
	w := newWorldWith(t, p, func(c *sim.Config) {
		c.ChangeEvents = []string{"ContentVersion", "Attachment", "ContentDocumentLink"}
		for _, e := range edit {
			e(c)
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := w.org.PubSub()
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	feed, err := pubsub.New(pubsub.Config{Sessions: w.client, Address: "http://" + ln.Addr().String(),
		Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Ahead: 10, Log: quiet})
	must(t, err)
	t.Cleanup(func() { feed.Close() })
	return &eventWorld{w, feed}
}

// subscribe runs a subscriber with the configuration, and returns what ends it.
func (w *eventWorld) subscribe(conf events.Config) (*events.Subscriber, func()) {
	s := events.NewSubscriber(events.SubscribeConfig{Config: conf, Feed: w.feed, Again: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(w.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	stop := func() { cancel(); wg.Wait() }
	w.Cleanup(stop)
	return s, stop
}

func (w *eventWorld) until(what string, met func() bool) {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(3 * time.Millisecond) {
		if met() {
			return
		}
	}
	w.Fatalf("never: %s", what)
}

// stands is how events stand for an object.
func stands(s *events.Subscriber, object string) events.Standing {
	for _, st := range s.Standing() {
		if st.Object == object {
			return st
		}
	}
	return events.Standing{}
}

func live(s *events.Subscriber) func() bool {
	return func() bool {
		return stands(s, "ContentVersion").Offered == events.Live && stands(s, "Attachment").Offered == events.Live
	}
}

func (w *eventWorld) put(n int) string {
	w.Helper()
	id, _, err := w.org.Upload(fmt.Sprintf("%d.png", n), fmt.Appendf(nil, "bytes %d", n))
	must(w.T, err)
	return id
}

// A subscriber asks who the integrations are as a poller does, each time it begins to listen,
// so that a file has the same channel whoever is first.
func TestEventsLearn(t *testing.T) {
	w := newEventWorld(t, sim.Population{Seed: 41, Files: 1, To: time.Now().Add(-80 * time.Hour)})
	conf := w.config()
	conf.Integrations = nil
	s := events.NewSubscriber(events.SubscribeConfig{Config: conf, Feed: w.feed, Again: 5 * time.Millisecond, Learn: true, Named: []string{"admin@example.com"}})
	kase, err := w.org.Create("admin@example.com", "Case", map[string]any{"Subject": "s"})
	must(t, err)
	var known []string
	for n := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		w.until("the subscriptions stand", live(s))
		id, err := w.org.Create("admin@example.com", "Attachment", map[string]any{"Name": "a.png", "ParentId": kase, "Body": base64.StdEncoding.EncodeToString([]byte{byte(n)})})
		must(t, err)
		w.until("the file is on record", func() bool { return len(w.items()[id]) == 1 })
		cancel()
		wg.Wait()
		if got := w.items()[id][0].Channel; got != cordon.ChannelAPI {
			t.Errorf("the file of an integration came by %s", got)
		}
		if n > 0 && len(s.Integrations) != len(known) {
			t.Errorf("%d integrations after another start, %d before", len(s.Integrations), len(known))
		}
		known = s.Integrations
	}
}

// Without any poll, what comes is looked at because the org says so: new files, new bytes in
// an old record, deletes. A new process goes on where the last one ended.
func TestEventsAreFollowed(t *testing.T) {
	w := newEventWorld(t, sim.Population{Seed: 41, Files: 1, To: time.Now().Add(-80 * time.Hour)})
	s, stop := w.subscribe(w.config())
	w.until("the subscriptions stand", live(s))
	w.until("documents are known not to be told of", func() bool { return stands(s, "Document").Offered == events.NotOffered })
	one := w.put(1)
	kase, err := w.org.Create("admin@example.com", "Case", map[string]any{"Subject": "s"})
	must(t, err)
	body := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	attachment, err := w.org.Create("admin@example.com", "Attachment", map[string]any{"Name": "a.png", "ParentId": kase, "Body": body("first")})
	must(t, err)
	w.until("both files are on record", func() bool { return len(w.items()[one]) == 1 && len(w.items()[attachment]) == 1 })
	time.Sleep(2 * time.Millisecond) // the time of the last change has to move
	w.rest(http.MethodPatch, "/sobjects/Attachment/"+attachment, `{"Body":"`+body("second")+`"}`)
	w.until("the new bytes are on record", func() bool { return len(w.items()[attachment]) == 2 })
	stop()
	before := stands(s, "ContentVersion")

	two := w.put(2)
	w.rest(http.MethodDelete, "/sobjects/Attachment/"+attachment, "")
	_, stop = w.subscribe(w.config())
	w.until("what came meanwhile is on record", func() bool { return len(w.items()[two]) == 1 })
	w.until("the delete is on record", func() bool { return w.entries(w.items()[attachment][1], cordon.EntryGone) == 1 })
	stop()
	after, err := events.ReadHeard(t.Context(), w.db, clinic, "ContentVersion")
	must(t, err)
	if after.Events != before.Events+1 || after.First != 2 || after.Missed != 0 || after.Gaps != 0 || len(after.Replay) == 0 {
		t.Errorf("heard %+v, then %+v", before, after)
	}
	if len(w.items()[one]) != 1 {
		t.Error("the first was observed again")
	}
}

// What polling finds and no event named in time is counted as missed, and kept on record;
// what an event named, before or after, is not.
func TestEventsMissed(t *testing.T) {
	w := newEventWorld(t, sim.Population{Seed: 42, Files: 20})
	var ahead atomic.Int64 // of this machine's clock
	conf := w.config()
	conf.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	later := func() { ahead.Add(int64(3 * time.Minute)) } // than the grace that events have
	s, stop := w.subscribe(conf)
	defer stop()
	w.until("the subscriptions stand", live(s))
	p := events.NewPoller(events.PollConfig{Config: conf, Events: s})
	w.poll(p)
	later()
	w.poll(p)
	missed := func() int64 { return stands(s, "ContentVersion").Missed }
	if missed() != 0 {
		t.Errorf("the past counts as missed: %d", missed())
	}

	w.org.Fail(sim.Fault{Verb: sim.SkipEvent, Path: versions})
	lost := w.put(1)
	if seen := w.poll(p); seen.Observed != 1 || len(w.items()[lost]) != 1 {
		t.Errorf("the poll: %+v", seen)
	}
	if missed() != 0 {
		t.Error("its event had no time to come")
	}
	later()
	w.poll(p)
	if missed() != 1 {
		t.Errorf("%d missed, one was", missed())
	}

	// One that is late is not missed.
	w.org.Fail(sim.Fault{Verb: sim.DelayEvent, Path: versions, Wait: 20 * time.Millisecond})
	late := w.put(2)
	w.poll(p)
	w.until("its event came", func() bool { return stands(s, "ContentVersion").Events > 0 && len(w.items()[late]) == 1 })
	told := w.put(3)
	w.until("the event came first", func() bool { return len(w.items()[told]) == 1 })
	later()
	w.poll(p)
	if missed() != 1 {
		t.Errorf("%d missed, one was", missed())
	}
	h, err := events.ReadHeard(t.Context(), w.db, clinic, "ContentVersion")
	if err != nil || h.Missed != 1 {
		t.Errorf("on record: %+v, %v", h, err)
	}
}

// Where events have a gap, a poll comes at once and not when it is due.
func TestEventsGap(t *testing.T) {
	now := time.Now().UTC()
	var mu sync.Mutex
	w := newEventWorld(t, sim.Population{Seed: 43, Files: 5}, func(c *sim.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	s, stop := w.subscribe(w.config())
	w.until("the subscriptions stand", live(s))
	p := events.NewPoller(events.PollConfig{Config: w.config(), Events: s})
	ctx, cancel := context.WithCancel(t.Context())
	var polls sync.WaitGroup
	polls.Go(func() { p.Run(ctx, time.Hour) })
	defer func() { cancel(); polls.Wait() }()
	w.until("the first poll", func() bool { return len(w.items()) >= len(w.truth.Files) })

	n := int64(0)
	for _, verb := range []sim.Verb{sim.GapEvent, sim.OverflowEvent} {
		n++
		w.org.Fail(sim.Fault{Verb: verb, Path: versions})
		id := w.put(int(n))
		w.until(string(verb)+" is polled for", func() bool { return len(w.items()[id]) == 1 })
		w.until("it is counted", func() bool { return stands(s, "ContentVersion").Gaps == n })
	}
	// Away for longer than the org keeps events.
	stop()
	first := w.put(10)
	mu.Lock()
	now = now.Add(73 * time.Hour)
	mu.Unlock()
	s2, _ := w.subscribe(w.config())
	w.until("the loss is counted", func() bool { return stands(s2, "ContentVersion").Gaps == n+1 })
	w.until("the subscriptions stand again", live(s2))
	w.poll(events.NewPoller(events.PollConfig{Config: w.config(), Events: s2}))
	second := w.put(11)
	w.until("events go on", func() bool { return len(w.items()[second]) == 1 })
	if len(w.items()[first]) != 1 || stands(s2, "ContentVersion").Missed != 0 {
		t.Errorf("%d, %+v", len(w.items()[first]), stands(s2, "ContentVersion"))
	}
}

// Processes that follow events and poll, and die at any time, while streams break, replay ids
// are lost, events are skipped, repeated and made gaps, and the org fails: everything is on
// record, and once.
func TestEventsSurvive(t *testing.T) {
	w := newEventWorld(t, sim.Population{Seed: 44, Files: 100})
	r := rand.New(rand.NewPCG(44, 44))
	verbs := []sim.Verb{sim.DropStream, sim.DropStream, sim.SkipEvent, sim.RepeatEvent, sim.GapEvent, sim.OverflowEvent, sim.LoseReplay}
	var put []string
	died := 0
	for range kills(40) {
		w.trouble(r)
		for range 6 {
			w.org.Fail(sim.Fault{Verb: verbs[r.IntN(len(verbs))], Path: "/data/", After: r.IntN(8)})
		}
		line := &mortal{Line: w.flow, persists: r.IntN(2) == 0}
		line.left.Store(1 + int64(r.IntN(60)))
		conf := w.config()
		conf.Line, conf.Batch = line, 1+r.IntN(20)
		s, stop := w.subscribe(conf)
		ctx, cancel := context.WithCancel(t.Context())
		var polls sync.WaitGroup
		every := time.Millisecond * time.Duration(20+r.IntN(200))
		polls.Go(func() { events.NewPoller(events.PollConfig{Config: conf, Events: s}).Run(ctx, every) })
		for range 5 {
			put = append(put, w.put(len(put)))
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		for end := time.Now().Add(time.Second); line.left.Load() >= 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
			put = append(put, w.put(len(put)))
		}
		if line.left.Load() < 0 {
			died++
		}
		cancel()
		stop()
		polls.Wait()
	}
	w.org.Heal()
	s, stop := w.subscribe(w.config())
	p := events.NewPoller(events.PollConfig{Config: w.config(), Events: s})
	w.poll(p)
	w.until("the subscriptions stand", live(s))
	w.poll(p)
	stop()
	items, missing, twice := w.items(), 0, 0
	for _, f := range w.org.Files() {
		switch len(items[f.ID]) {
		case 0:
			missing++
		case 1:
		default:
			twice++
		}
	}
	h := stands(s, "ContentVersion").Heard
	t.Logf("%d of %d processes died; %d files came; events %d, first %d, missed %d, gaps %d", died, kills(40), len(put), h.Events, h.First, h.Missed, h.Gaps)
	if died == 0 || h.First == 0 || h.Gaps == 0 {
		t.Error("nothing was tried")
	}
	if missing > 0 || twice > 0 || len(items) != len(w.org.Files()) {
		t.Errorf("%d files are missing and %d are there twice; %d of %d on record", missing, twice, len(items), len(w.org.Files()))
	}
}
