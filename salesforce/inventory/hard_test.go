package inventory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/inventory"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// source is an org whose answers a test may spoil.
type source struct {
	inventory.Source
	before func(soql string) error
}

func (s source) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	if err := s.before(soql); err != nil {
		return err
	}
	return s.Source.Query(ctx, soql, each)
}

// More groups than the platform gives in one answer are asked for in halves.
func TestMoreGroupsThanOneAnswerHolds(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 12, Files: 6000}, func(c *sim.Config) {
		for i := range 300 {
			c.Users = append(c.Users, sim.User{Username: fmt.Sprintf("u%d@example.com", i), LastName: "User"})
		}
	})
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Creators) != 50 || inv.MoreCreators < 200 {
		t.Errorf("%d creators are listed and %d more, want 50 and some hundreds", len(inv.Creators), inv.MoreCreators)
	}
	want := wanted(w.truth)
	for _, c := range inv.Creators {
		if got := [2]int64{int64(c.Files), c.Bytes}; got != want.Creators[c.Name] {
			t.Errorf("%s brought %v, listed are %v", c.Name, want.Creators[c.Name], got)
		}
	}
	inv.Creators, want.Creators = nil, map[string][2]int64{}
	if got := told(inv); fmt.Sprint(got.Months, got.Channels, got.Parents, got.Files) != fmt.Sprint(want.Months, want.Channels, want.Parents, want.Files) {
		t.Errorf("\n got: %v\nwant: %v", got, want)
	}
	if inv.Calls > mostCalls {
		t.Errorf("%d calls", inv.Calls)
	}
}

// Where the org does not group by a relationship, the rows are read, and the counts are the same.
func TestRowsWhereTheOrgDoesNotGroup(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 13, Files: 5000}, nil)
	c := w.config()
	c.Source = source{w.client, func(soql string) error {
		if _, by, grouped := strings.Cut(soql, "GROUP BY"); grouped && strings.Contains(by, ".Type") {
			return &salesforce.Problem{Status: 400, Errors: []salesforce.Error{{ErrorCode: "MALFORMED_QUERY"}}}
		}
		return nil
	}}
	inv, err := inventory.Take(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	w.matches(inv)
	listed := 0
	for _, q := range inv.Questions {
		if strings.HasPrefix(q.Part, "channels") && strings.HasSuffix(q.Asked, ", list") && q.Answered {
			listed++
		}
	}
	if listed != 2 {
		t.Errorf("%d objects were listed, want ContentVersion and Attachment: %+v", listed, inv.Questions)
	}
}

// What the org does not show is not known, and says why; the rest is counted.
func TestWhatMayNotBeAskedIsUnknown(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 14, Files: 500}, func(c *sim.Config) {
		for i := range c.Users {
			if p := &c.Users[i].Profile; p.Name == "Cordon" {
				p.Objects = map[string]sim.Access{"Document": {}}
				p.QueryAllFiles = false
			}
		}
	})
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, q := range inv.Questions {
		if !q.Answered {
			why[q.Asked] = q.Why
		}
	}
	if why["Document, groups"] != "INVALID_TYPE" || why["ContentDocumentLink, groups"] != "MALFORMED_QUERY" {
		t.Errorf("unknown and why: %v", why)
	}
	for _, o := range inv.Objects {
		if o.Name == "Document" {
			t.Error("an object that is not shown has a count")
		}
	}
}

// Accidents of an org do not change the counts: each is asked about again until it answers.
func TestAccidentsChangeNoCount(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 15, Files: 2000}, nil)
	verbs, met := []sim.Verb{sim.Answer, sim.Cut, sim.LoseAnswer, sim.Truncate, sim.ExpireToken}, 0
	c := w.config()
	c.Source = source{w.client, func(string) error { // each question meets one, and one in three meets another when it asks again
		w.org.Fail(sim.Fault{Verb: verbs[met%len(verbs)], Path: "/services/data/*/query", Status: []int{503, 500, 429}[met%3]})
		if met++; met%3 == 0 {
			w.org.Fail(sim.Fault{Path: "/services/data/*/query", Status: 503})
		}
		return nil
	}}
	c.Attempts = 20
	c.Source = onlyFirst{c.Source.(source), map[string]int{}}
	inv, err := inventory.Take(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	w.matches(inv)
	if left := len(w.org.Faults()); left > 0 || met < 20 {
		t.Errorf("%d faults were armed, %d were not met", met, left)
	}
}

// onlyFirst spoils a question the first time only.
type onlyFirst struct {
	source
	asked map[string]int
}

func (o onlyFirst) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	if o.asked[soql]++; o.asked[soql] > 1 {
		return o.Source.Query(ctx, soql, each)
	}
	return o.source.Query(ctx, soql, each)
}

// A killed inventory leaves nothing behind, and the next one is as right as if there had been
// none. 200 kills, or as many as CORDON_KILLS says.
func TestKilledInventoryStartsAgain(t *testing.T) {
	kills := 200
	if n, err := strconv.Atoi(os.Getenv("CORDON_KILLS")); err == nil {
		kills = n
	}
	w := newWorld(t, sim.Population{Seed: 16, Files: 300}, nil)
	random := rand.New(rand.NewPCG(16, 0))
	killed := 0
	for range kills {
		ctx, kill := context.WithCancel(t.Context())
		var left atomic.Int64
		left.Store(int64(random.IntN(40)))
		c := w.config()
		c.Source = source{w.client, func(string) error {
			if left.Add(-1) < 0 {
				kill()
				return ctx.Err()
			}
			if random.IntN(10) == 0 {
				w.org.Fail(sim.Fault{Path: "/services/data", Status: 503})
			}
			return nil
		}}
		inv, err := inventory.Take(ctx, c)
		kill()
		if err != nil {
			killed++
		} else {
			w.matches(inv)
		}
	}
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	w.matches(inv)
	t.Logf("%d of %d were killed before they ended", killed, kills)
	if killed < kills/2 {
		t.Errorf("only %d of %d were killed", killed, kills)
	}
}

// An org that cannot be asked at all, and one without calls left, is an error and no inventory.
func TestNoHalfInventory(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 17, Files: 50}, nil)
	c := w.config()
	c.Attempts = 3
	for name, problem := range map[string]error{
		"no calls left": &salesforce.Problem{Status: 403, Errors: []salesforce.Error{{ErrorCode: "REQUEST_LIMIT_EXCEEDED"}}},
		"always down":   &salesforce.Problem{Status: 503},
		"not reached":   fmt.Errorf("reach: %w", cordon.ErrNotSent),
	} {
		asked := 0
		c.Source = source{w.client, func(soql string) error {
			if asked++; asked > 6 {
				return problem
			}
			return nil
		}}
		if _, err := inventory.Take(t.Context(), c); !errors.Is(err, problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An org that says how many files there are and not who brought them has not changed: who is
// not known, and how many is.
func TestCountsWithoutCreators(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 18, Files: 200}, nil)
	c := w.config()
	c.Source = source{w.client, func(soql string) error {
		if strings.Contains(soql, "UserType") {
			return &salesforce.Problem{Status: 400, Errors: []salesforce.Error{{ErrorCode: "INVALID_FIELD"}}}
		}
		return nil
	}}
	inv, err := inventory.Take(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if inv.Changed || inv.Files != len(w.truth.Live()) || len(inv.Channels) > 0 {
		t.Errorf("changed %v, %d files, channels %v", inv.Changed, inv.Files, inv.Channels)
	}
	for _, way := range inv.Ways[:4] {
		if way.State != desk.WayUnknown {
			t.Errorf("nobody knows who brought what, and %s is %s", way.Name, way.State)
		}
	}
}

// Files that came within one second are all in it, also where times have fractions.
func TestFractionsOfASecond(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 30, 0, 123e6, time.UTC)
	org := newWorld(t, sim.Population{Seed: 19, Files: 10, From: now.AddDate(0, 0, -2), To: now.Add(-time.Hour)}, func(c *sim.Config) {
		c.Now = func() time.Time { now = now.Add(111 * time.Millisecond); return now }
	})
	for i := range 30 {
		if _, _, err := org.org.Upload(fmt.Sprintf("%d.txt", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := inventory.Take(t.Context(), org.config())
	if err != nil {
		t.Fatal(err)
	}
	if want := len(org.truth.Live()) + 30; inv.Changed || inv.Files != want || inv.Channels[0].Files+inv.Channels[1].Files > want {
		t.Errorf("changed %v, %d files, want %d", inv.Changed, inv.Files, want)
	}
}
