package events_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// kills is n, or as many as CORDON_KILLS says.
func kills(n int) int {
	if many, err := strconv.Atoi(os.Getenv("CORDON_KILLS")); err == nil {
		return many
	}
	return n
}

// trouble arms accidents on lists and downloads: errors, lost and half answers, dead tokens,
// and answers that come after the client has given up.
func (w *world) trouble(r *rand.Rand) {
	verbs := []sim.Fault{{Verb: sim.Answer, Status: 503}, {Verb: sim.Answer, Status: 503}, {Verb: sim.Cut}, {Verb: sim.Truncate}, {Verb: sim.LoseAnswer},
		{Verb: sim.ExpireToken}, {Verb: sim.Answer, Status: 500}, {Verb: sim.Delay, Wait: 700 * time.Millisecond}}
	w.org.Heal()
	for i := range 12 {
		f := verbs[r.IntN(len(verbs)-min(1, i))] // one late answer at most
		f.Path, f.After, f.Times = "/services/data", r.IntN(120), 1+r.IntN(3)
		w.org.Fail(f)
	}
}

// use changes the org as people do while it is polled, past all faults.
func (w *world) use(r *rand.Rand, mine *[]string) {
	w.Helper()
	const admin = "admin@example.com"
	body := base64.StdEncoding.EncodeToString([]byte(strconv.FormatUint(r.Uint64(), 36)))
	kase, err := w.org.Create(admin, "Case", map[string]any{"Subject": "s"})
	must(w.T, err)
	_, document, err := w.org.Upload(fmt.Sprintf("live %d.png", r.Uint32()), []byte(body))
	must(w.T, err)
	_, err = w.org.Create(admin, "ContentDocumentLink", map[string]any{"ContentDocumentId": document, "LinkedEntityId": kase, "ShareType": "V"})
	must(w.T, err)
	attachment, err := w.org.Create(admin, "Attachment", map[string]any{"Name": "a.png", "ParentId": kase, "Body": body})
	must(w.T, err)
	*mine = append(*mine, document)
	some := func() string { return (*mine)[r.IntN(len(*mine))] }
	switch r.IntN(4) {
	case 0:
		_, err = w.org.Create(admin, "ContentVersion", map[string]any{"Title": "v", "PathOnClient": "v.png", "VersionData": body, "ContentDocumentId": some()})
	case 1:
		_, err = w.org.Create(admin, "ContentDocumentLink", map[string]any{"ContentDocumentId": some(), "LinkedEntityId": kase, "ShareType": "I"})
	case 2:
		i := r.IntN(len(*mine))
		err = w.org.Delete(admin, "ContentDocument", (*mine)[i])
		*mine = slices.Delete(*mine, i, i+1)
	case 3:
		err = w.org.Delete(admin, "Attachment", attachment)
	}
	if err != nil && !strings.Contains(err.Error(), "DUPLICATE_VALUE") {
		w.Fatal(err)
	}
}

// agrees holds the record against the org's own: every file once, inspected once, none missed;
// what is deleted is on record as gone, once; and each where it hangs. It returns what it found.
func (w *world) agrees() (missed, twice int) {
	w.Helper()
	items := w.items()
	wrong := 0
	fail := func(format string, args ...any) {
		w.Helper()
		if wrong++; wrong <= 10 {
			w.Errorf(format, args...)
		}
	}
	files := w.org.Files()
	for _, f := range files {
		got := items[f.ID]
		delete(items, f.ID)
		switch {
		case len(got) == 0:
			missed++
			continue
		case len(got) > 1:
			twice++
			continue
		}
		it, count := got[0], map[cordon.EntryKind]int{}
		lines, err := w.db.History(w.Context(), clinic, it.ID)
		must(w.T, err)
		for _, l := range lines {
			count[l.Entry.Kind]++
		}
		gone := slices.Contains(it.Verdict.Reasons, cordon.ReasonGone)
		if count[cordon.EntryObserved] != 1 || count[cordon.EntryInspected] != 1 || count[cordon.EntryGone] > 1 {
			twice++
			fail("%s %s: %v", f.Object, f.ID, count)
		}
		if it.State != cordon.Kept || it.Size != f.Size || gone && !f.Deleted || f.Deleted && !gone && count[cordon.EntryGone] != 1 {
			fail("%s %s, deleted %v, is on record as %+v, %v", f.Object, f.ID, f.Deleted, it, count)
		}
		if gone || len(f.ID)%7 != 4 || wrong > 0 {
			continue
		}
		if p, err := w.flow.Personal(w.Context(), it); err != nil || p.SHA256 != hex.EncodeToString(f.SHA256[:]) {
			fail("%s %s: digest %s, %v", f.Object, f.ID, p.SHA256, err)
		}
	}
	if len(items) > 0 || missed > 0 || twice > 0 {
		w.Errorf("of %d files %d were missed, %d are there twice, and %d are on record that the org never had", len(files), missed, twice, len(items))
	}
	if n := w.bytes.len(); n > 0 {
		w.Errorf("%d blobs stayed", n)
	}
	w.hangsAlike()
	return missed, twice
}

// impatient is a client that gives up soon.
func (w *world) impatient() *salesforce.Client {
	w.Helper()
	secret := filepath.Join(w.TempDir(), "secret")
	must(w.T, os.WriteFile(secret, []byte("own-secret"), 0o600))
	org, _ := url.Parse(w.url)
	c, err := salesforce.NewClient(salesforce.Config{Org: org, ClientID: "cordon", SecretFile: secret, Timeout: 500 * time.Millisecond})
	must(w.T, err)
	return c
}

// life is a poller that dies at random. It reports whether it did, and not that it ended.
func (w *world) life(r *rand.Rand, source events.Source, f *flow.Flow, db *store.DB, each int) (died bool, calls int64) {
	w.Helper()
	line := &mortal{Line: f, persists: r.IntN(2) == 0}
	line.left.Store(1 + int64(r.IntN(each)))
	conf := w.polling(func(c *events.PollConfig) {
		c.Line, c.Things, c.Places, c.Known, c.Unread, c.Source = line, db, f, db, db, source
		c.Page, c.Batch = []int{50, 200, 2000}[r.IntN(3)], 1+r.IntN(25)
		c.Overlap, c.Stall = time.Hour, 500*time.Millisecond
	})
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	if r.IntN(4) == 0 {
		defer time.AfterFunc(time.Duration(r.IntN(200))*time.Millisecond, cancel).Stop()
	}
	seen, err := events.NewPoller(conf).Poll(ctx)
	if errors.Is(err, cordon.ErrConflict) {
		w.Error(err)
	}
	return errors.Is(err, errDied) || errors.Is(err, context.Canceled), seen.Calls
}

// settle lets a poller that does not die catch up.
func (w *world) settle() {
	w.Helper()
	w.org.Heal()
	now := time.Now()
	p := events.NewPoller(w.polling(func(c *events.PollConfig) {
		c.Unread = w.db
		c.Now = func() time.Time { return now }
	}))
	for range 3 {
		if _, err := p.Poll(w.Context()); err != nil {
			w.Log(err) // the connections that faults left behind
		}
	}
	// What an org that fails for long would not give out is on record as such, and is read later.
	for range 200 {
		n, err := w.db.CountUnread(w.Context(), clinic)
		must(w.T, err)
		if n == 0 {
			break
		}
		now = now.Add(4 * time.Hour)
		w.poll(p)
	}
}

// A poller that dies at random and is started again on the same records, while the org fails
// at random and goes on being used: nothing is missed and nothing is there twice. Set
// CORDON_KILLS and CORDON_POPULATION for more.
func TestPollSurvives(t *testing.T) {
	wanted := kills(40)
	w := newWorld(t, sim.Population{Seed: 14, Files: population(2000)})
	r := rand.New(rand.NewPCG(14, 14))
	source := w.impatient()
	each := max(150, 6*len(w.truth.Files)/max(1, wanted))
	var mine []string
	died, lives, ended, calls := 0, 0, 0, int64(0)
	for ; died < wanted && lives < 40*wanted; lives++ {
		w.use(r, &mine)
		w.trouble(r)
		dead, n := w.life(r, source, w.flow, w.db, each)
		if calls += n; dead {
			died++
		} else if ended == 0 {
			ended = died
		}
	}
	done := len(w.items())
	w.settle()
	missed, twice := w.agrees()
	t.Logf("%d lives, %d of them killed, %d before the first that came to the end; %d calls; %d of %d files were on record before the last poll: %d missed, %d twice",
		lives, died, ended, calls, done, len(w.org.Files()), missed, twice)
	if died < wanted {
		t.Errorf("only %d of %d were killed", died, wanted)
	}
	if byID, _, _ := w.downloads(); len(w.org.Log()) < 10_000 { // the org remembers no more requests
		for _, f := range w.org.Files() {
			if !f.Deleted && f.Size > 0 && byID[f.ID] == 0 {
				t.Errorf("%s is on record as inspected, and the org never gave it out", f.ID)
			}
		}
	}
}

// Two nodes on one PostgreSQL take over from each other as each dies without letting go of its
// lease, or goes on after it has lost it: nothing is missed and nothing is there twice.
func TestPollTakesOver(t *testing.T) {
	d := pgcluster.Start(t)
	records := store.Config{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer, Log: quiet}
	w := newWorldOn(t, sim.Population{Seed: 19, Files: population(500)}, records, func(*sim.Config) {})
	wanted := int64(kills(20))
	each := max(150, 6*len(w.truth.Files)/max(1, int(wanted)))
	db2, flow2 := w.node(records)
	var died, lives, turned, took atomic.Int64
	var last atomic.Int64
	var wg sync.WaitGroup
	for i, n := range []struct {
		db   *store.DB
		flow *flow.Flow
	}{{w.db, w.flow}, {db2, flow2}} {
		source := w.impatient()
		r := rand.New(rand.NewPCG(19, uint64(i)))
		wg.Go(func() {
			for died.Load() < wanted && lives.Load() < 40*wanted {
				// A ttl that is often shorter than a life: then two work at the same time.
				held, err := n.db.Lease(t.Context(), clinic, "poll", time.Duration(1+r.IntN(60))*time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				if !held {
					turned.Add(1)
					time.Sleep(time.Millisecond)
					continue
				}
				if last.Swap(int64(i)) != int64(i) {
					took.Add(1)
				}
				lives.Add(1)
				if dead, _ := w.life(r, source, n.flow, n.db, each); dead {
					died.Add(1)
				}
			}
		})
	}
	stop := make(chan struct{})
	var users sync.WaitGroup
	users.Go(func() {
		r := rand.New(rand.NewPCG(19, 99))
		var mine []string
		for {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
				w.use(r, &mine)
				w.trouble(r)
			}
		}
	})
	wg.Wait()
	close(stop)
	users.Wait()
	done := len(w.items())
	w.settle()
	missed, twice := w.agrees()
	t.Logf("%d lives, %d of them killed; the other node took over %d times and was turned away %d times; %d of %d files were on record before the last poll: %d missed, %d twice",
		lives.Load(), died.Load(), took.Load(), turned.Load(), done, len(w.org.Files()), missed, twice)
	if died.Load() < wanted || took.Load() < 3 {
		t.Errorf("%d were killed, %d took over", died.Load(), took.Load())
	}
}

// A download that stops halfway without an end is given up and tried again.
func TestPollStalled(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 20, Files: 30})
	w.org.Fail(sim.Fault{Verb: sim.Delay, Wait: time.Hour, Method: http.MethodGet, Path: "/services/data/v64.0/sobjects", Times: 2})
	conf := w.polling(func(c *events.PollConfig) { c.Stall = 50 * time.Millisecond })
	w.poll(events.NewPoller(conf))
	w.matches(w.truth.Files)
}
