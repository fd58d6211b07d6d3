package beside_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func (w *world) inventory(method string) (state desk.InventoryState) {
	w.T.Helper()
	if status := w.API(method, "/v1/inventory", nil, &state); status > 299 {
		w.T.Fatalf("%s: %d", method, status)
	}
	return state
}

func (w *world) inventoryEnds() desk.InventoryState {
	w.T.Helper()
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if s := w.inventory("GET"); !s.Running {
			return s
		}
	}
	w.T.Fatal("the inventory did not end")
	return desk.InventoryState{}
}

// An inventory is asked for, counted in the background, kept over a restart and sealed: what it
// says of users is nowhere in the data folder.
func TestInventoryIsKeptAndSealed(t *testing.T) {
	w := newWorld(t)
	truth, err := sim.Generate(w.Org, sim.Population{Seed: 31, Files: 300})
	if err != nil {
		t.Fatal(err)
	}
	if s := w.inventory("GET"); s.Last != nil || s.Running {
		t.Fatalf("before the first: %+v", s)
	}
	if s := w.inventory("POST"); !s.Running && s.Last == nil {
		t.Fatalf("asked for: %+v", s)
	}
	s := w.inventoryEnds()
	if s.Last == nil || s.Failed != "" || s.Last.Files != len(truth.Live()) {
		t.Fatalf("%+v, want %d files", s, len(truth.Live()))
	}
	creator := s.Last.Creators[0].Name
	if w.Org.UserID("demo@example.com") == "" || !strings.HasPrefix(creator, "005") {
		t.Fatalf("creators: %+v", s.Last.Creators)
	}
	for _, way := range s.Last.Ways {
		if way.Guard != "none" {
			t.Errorf("nothing was looked into and nothing polls, and %s is guarded %s", way.Name, way.Guard)
		}
	}
	w.Stop()
	err = filepath.WalkDir(w.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), creator) {
			t.Errorf("%s holds the id of a user in clear", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	w.Start()
	if again := w.inventory("GET"); again.Last == nil || !again.Last.Taken.Equal(s.Last.Taken) {
		t.Errorf("after a restart: %+v", again)
	}
}

// A process that ends in the middle leaves the last result, and the next process counts again.
func TestInventoryGoesOnAfterARestart(t *testing.T) {
	w := newWorld(t)
	if _, err := sim.Generate(w.Org, sim.Population{Seed: 32, Files: 50}); err != nil {
		t.Fatal(err)
	}
	w.Org.Fail(sim.Fault{Verb: sim.Delay, Wait: time.Hour, Path: "/services/data/*/query"})
	if s := w.inventory("POST"); !s.Running {
		t.Fatalf("asked for: %+v", s)
	}
	if s := w.inventory("POST"); !s.Running || s.Last != nil {
		t.Fatalf("asked for again: %+v", s)
	}
	w.Stop()
	w.Start()
	if s := w.inventoryEnds(); s.Last == nil || s.Last.Files == 0 {
		t.Errorf("after a restart: %+v", s)
	}
}

// An org that cannot be counted leaves the earlier result and a code.
func TestInventoryThatFails(t *testing.T) {
	w := newWorld(t)
	if _, err := sim.Generate(w.Org, sim.Population{Seed: 33, Files: 50}); err != nil {
		t.Fatal(err)
	}
	w.inventory("POST")
	first := w.inventoryEnds()
	w.Org.Fail(sim.Fault{Status: http.StatusForbidden, Path: "/services/data/*/query", Times: 1})
	w.inventory("POST")
	s := w.inventoryEnds()
	if s.Failed != "no-calls-left" || s.Last == nil || !s.Last.Taken.Equal(first.Last.Taken) {
		t.Errorf("%+v", s)
	}
}

// What came through the gateway stands beside what the org says of the same way in.
func TestInventoryNamesTheRoutes(t *testing.T) {
	w := newWorld(t, func(c *app.Config) {
		c.Tenants[0].Poll, c.Tenants[0].Integrations = time.Hour, []string{"demo@example.com"}
	})
	if a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != http.StatusCreated {
		t.Fatal(err, a.Status)
	}
	w.inventory("POST")
	s := w.inventoryEnds()
	if s.Last == nil || len(s.Last.Routes) != 1 || s.Last.Routes[0].Name != "portal" || s.Last.Routes[0].Inspected != 1 {
		t.Fatalf("%+v", s.Last)
	}
	for _, way := range s.Last.Ways {
		if way.Name == "Programs" && (way.State != desk.WaySeen || way.Files != 1 || way.Passed != 1) {
			t.Errorf("%+v, want the one file of the integration user", way)
		}
		want := "afterwards"
		if way.Channel == cordon.ChannelAPI {
			want = "inline"
		}
		if way.Guard != want {
			t.Errorf("%s is guarded %s, want %s", way.Name, way.Guard, want)
		}
	}
}
