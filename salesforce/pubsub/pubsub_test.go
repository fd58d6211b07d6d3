package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/pubsub"
	"github.com/cordonhq/cordon/salesforce/sim"
)

const versions = "/data/ContentVersionChangeEvent"

var quiet = slog.New(slog.DiscardHandler)

// world is an org that sells change events, and a client of it.
type world struct {
	*testing.T
	org    *sim.Org
	client *salesforce.Client
	conf   pubsub.Config
}

func newWorld(t *testing.T, edit ...func(*sim.Config)) *world {
	t.Helper()
	conf := sim.Demo()
	conf.ChangeEvents = []string{"ContentVersion", "ContentDocumentLink"}
	conf.Schema = "event Notice__e e99\n  Text__c string 100\n  Count__c int\n"
	for _, e := range edit {
		e(&conf)
	}
	w := &world{T: t, org: sim.NewOrg(conf)}
	rest := httptest.NewServer(w.org.Handler())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	server := w.org.PubSub()
	go server.Serve(ln)
	t.Cleanup(func() { server.Stop(); rest.Close(); w.org.Close() })

	secret := filepath.Join(t.TempDir(), "secret")
	w.must(os.WriteFile(secret, []byte("demo"), 0o600))
	org, _ := url.Parse(rest.URL)
	w.client, err = salesforce.NewClient(salesforce.Config{Org: org, ClientID: "demo", SecretFile: secret})
	w.must(err)
	w.conf = pubsub.Config{Sessions: w.client, Address: "http://" + ln.Addr().String(), Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, Log: quiet}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) open() *pubsub.Client {
	w.Helper()
	c, err := pubsub.New(w.conf)
	w.must(err)
	w.Cleanup(func() { c.Close() })
	return c
}

func (w *world) upload(n int) string {
	w.Helper()
	id, _, err := w.org.Upload(fmt.Sprintf("%d.png", n), fmt.Appendf(nil, "bytes %d", n))
	w.must(err)
	return id
}

// follower collects what a subscription brings.
type follower struct {
	*testing.T
	mu    sync.Mutex
	got   []salesforce.ChangeBatch
	each  func(salesforce.ChangeBatch) error
	stop  context.CancelFunc
	ended chan error
}

func (w *world) follow(c *pubsub.Client, topic string, from []byte, each func(salesforce.ChangeBatch) error) *follower {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	f := &follower{T: w.T, each: each, stop: cancel, ended: make(chan error, 1)}
	go func() {
		f.ended <- c.Follow(ctx, topic, from, func(_ context.Context, b salesforce.ChangeBatch) error {
			if f.each != nil {
				if err := f.each(b); err != nil {
					return err
				}
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.got = append(f.got, b)
			return nil
		})
	}()
	w.Cleanup(cancel)
	return f
}

// until waits for what must come.
func (f *follower) until(what string, met func(got []salesforce.ChangeBatch) bool) {
	f.Helper()
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		f.mu.Lock()
		done := met(f.got)
		f.mu.Unlock()
		if done {
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Fatalf("never: %s; got %d batches, of them %.1000s", what, len(f.got), fmt.Sprintf("%+v", f.got))
}

// lives is met as soon as the subscription stands.
func lives(got []salesforce.ChangeBatch) bool { return len(got) > 0 }

func records(got []salesforce.ChangeBatch) (ids []string) {
	for _, b := range got {
		for _, e := range b.Events {
			if e.Type == salesforce.ChangeCreate {
				ids = append(ids, e.Records...)
			}
		}
	}
	return ids
}

func has(ids ...string) func([]salesforce.ChangeBatch) bool {
	return func(got []salesforce.ChangeBatch) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(records(got), id) })
	}
}

// What the org offers, and what it says where it does not.
func TestTopic(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	for _, topic := range []string{versions, "/data/ContentDocumentLinkChangeEvent", "/data/ChangeEvents", "/event/Notice__e"} {
		if err := c.Topic(t.Context(), topic); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	var p *pubsub.Problem
	if err := c.Topic(t.Context(), "/data/AttachmentChangeEvent"); !errors.Is(err, cordon.ErrNotFound) || !errors.As(err, &p) || p.Code != "topic.not.found" {
		t.Errorf("a topic that was not bought: %v", err)
	}
	none := newWorld(t, func(c *sim.Config) { c.ChangeEvents = nil })
	for _, topic := range []string{versions, "/data/ChangeEvents"} {
		if err := none.open().Topic(t.Context(), topic); !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("%s of an org without: %v", topic, err)
		}
	}
	poor := newWorld(t, func(c *sim.Config) { c.Users[0].Profile.QueryAllFiles = false })
	if err := poor.open().Topic(t.Context(), versions); !errors.Is(err, cordon.ErrForbidden) {
		t.Errorf("a user who may not see all files: %v", err)
	}
	if err := poor.open().Follow(t.Context(), versions, nil, nothing); !errors.Is(err, cordon.ErrForbidden) {
		t.Errorf("subscribed without the right: %v", err)
	}
}

// Each change comes once, in order, with what it was; a subscription that comes back goes on
// behind what was dealt with.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	f := w.follow(c, versions, nil, nil)
	f.until("the subscription stands", lives)
	one, two := w.upload(1), w.upload(2)
	f.until("two creates", has(one, two))
	f.stop()
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	last := f.got[len(f.got)-1]
	e := last.Events[len(last.Events)-1]
	if e.Entity != "ContentVersion" || e.Gap() || time.Since(e.At) > time.Minute || len(last.Replay) == 0 {
		t.Errorf("%+v", last)
	}

	three := w.upload(3)
	again := w.follow(c, versions, last.Replay, nil)
	again.until("the third", has(three))
	if ids := records(again.got); len(ids) != 1 {
		t.Errorf("after coming back: %v", ids)
	}
	all := w.follow(c, "/data/ChangeEvents", last.Replay, nil)
	all.until("the third and its link", func(got []salesforce.ChangeBatch) bool { return len(records(got)) == 2 })
	if ids := records(all.got); !slices.Contains(ids, three) || ids[1][:3] != "06A" && ids[0][:3] != "06A" {
		t.Errorf("all changes: %v", ids)
	}
}

// However often the stream breaks, the token dies or the listener fails: each event is dealt
// with, in order, and none twice.
func TestFollowSurvives(t *testing.T) {
	w := newWorld(t)
	w.conf.Ahead = 7
	c := w.open()
	boom, calls := errors.New("the listener failed"), 0
	f := w.follow(c, versions, nil, func(b salesforce.ChangeBatch) error {
		if calls++; calls%11 == 10 {
			return boom
		}
		return nil
	})
	f.until("the subscription stands", lives)
	// The first place comes with the first event: before it, a break is a gap.
	want := []string{w.upload(0)}
	f.until("the first", has(want[0]))
	for i := range 40 {
		w.org.Fail(sim.Fault{Verb: sim.DropStream, Path: versions, After: i % 3})
		if i%10 == 5 {
			w.org.ExpireTokens()
		}
		for j := range 5 {
			want = append(want, w.upload(10*i+j))
		}
	}
	f.until("all", has(want...))
	if got := records(f.got); !slices.Equal(got, want) {
		t.Errorf("%d events for %d uploads, or another order", len(got), len(want))
	}
}

// No more is asked for than was dealt with.
func TestFlowControl(t *testing.T) {
	w := newWorld(t)
	w.conf.Ahead = 5
	for i := range 30 {
		w.upload(i)
	}
	ids := w.org.Published()
	seen := 0
	f := w.follow(w.open(), versions, firstReplay, func(b salesforce.ChangeBatch) error {
		if len(b.Events) > 5 {
			t.Errorf("%d events at a time", len(b.Events))
		}
		seen += len(b.Events)
		return nil
	})
	f.until("all", func(got []salesforce.ChangeBatch) bool { return len(records(got)) == 30 })
	if len(ids) != 60 { // each file and its owner's link
		t.Errorf("%d events were published", len(ids))
	}
}

// firstReplay stands before the first event of a simulated org.
var firstReplay = make([]byte, 10)

// A place that the org no longer knows ends the subscription and says so.
func TestReplayLost(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(c *sim.Config) { c.Now = func() time.Time { return now } })
	c := w.open()
	w.upload(1)
	if err := c.Follow(t.Context(), versions, []byte("nonsense!!"), nothing); !errors.Is(err, salesforce.ErrReplayLost) {
		t.Errorf("corrupted: %v", err)
	}
	w.org.Fail(sim.Fault{Verb: sim.LoseReplay, Path: versions})
	if err := c.Follow(t.Context(), versions, firstReplay, nothing); !errors.Is(err, salesforce.ErrReplayLost) {
		t.Errorf("refused: %v", err)
	}
	now = now.Add(73 * time.Hour)
	w.upload(2)
	if err := c.Follow(t.Context(), versions, firstReplay, nothing); !errors.Is(err, salesforce.ErrReplayLost) {
		t.Errorf("past retention: %v", err)
	}
}

func nothing(context.Context, salesforce.ChangeBatch) error { return nil }

// Where a stream breaks before any place was told, what comes after says that there is a gap.
func TestGapBeforeTheFirstPlace(t *testing.T) {
	w := newWorld(t)
	w.org.Fail(sim.Fault{Verb: sim.DropStream, Path: versions})
	f := w.follow(w.open(), versions, nil, nil)
	f.until("the subscription stands", lives)
	w.upload(1)
	f.until("a gap", func(got []salesforce.ChangeBatch) bool {
		return slices.ContainsFunc(got, func(b salesforce.ChangeBatch) bool { return b.Gap })
	})
}

// Events that cannot be relied on say so, events that come twice have the same ids, and
// signs of life move the place on.
func TestOddEvents(t *testing.T) {
	w := newWorld(t, func(c *sim.Config) { c.EventKeepalive = 20 * time.Millisecond })
	f := w.follow(w.open(), versions, nil, nil)
	f.until("the subscription stands", lives)
	w.org.Fail(sim.Fault{Verb: sim.GapEvent, Path: versions}, sim.Fault{Verb: sim.OverflowEvent, Path: versions}, sim.Fault{Verb: sim.RepeatEvent, Path: versions})
	gap, _, twice := w.upload(1), w.upload(2), w.upload(3)
	f.until("the last", has(twice))
	var events []salesforce.ChangeEvent
	for _, b := range f.got {
		events = append(events, b.Events...)
	}
	if len(events) != 4 || !events[0].Gap() || events[0].Records[0] != gap || events[0].Type != "GAP_CREATE" ||
		events[1].Type != "GAP_OVERFLOW" || len(events[1].Records) != 0 || !events[1].Gap() ||
		events[2].Records[0] != twice || events[3].Records[0] != twice {
		t.Errorf("%+v", events)
	}
	n := len(f.got)
	f.until("a sign of life", func(got []salesforce.ChangeBatch) bool {
		return len(got) > n && len(got[len(got)-1].Events) == 0 && len(got[len(got)-1].Replay) > 0
	})
}

// A service that falls silent is left and called again.
func TestSilence(t *testing.T) {
	w := newWorld(t)
	w.conf.Silence = 20 * time.Millisecond
	f := w.follow(w.open(), versions, nil, nil)
	f.until("it was opened again", func(got []salesforce.ChangeBatch) bool {
		for i := 1; i < len(got); i++ {
			if got[i-1].Down && got[i].Gap {
				return true
			}
		}
		return false
	})
}

func TestAddress(t *testing.T) {
	for address, good := range map[string]bool{"": true, "api.deu.pubsub.salesforce.com:7443": true, "http://127.0.0.1:1": true, "http://[::1]:1": true,
		"http://localhost:1": true, "http://10.0.0.1:1": false, "http://api.pubsub.salesforce.com:7443": false, "api.pubsub.salesforce.com": false, ":7443": false} {
		_, err := pubsub.New(pubsub.Config{Sessions: &salesforce.Client{}, Address: address})
		if (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
