package line_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/media/mediatest"
)

type removalJSON struct {
	ID      cordon.ID
	State   string
	Cause   string
	Item    e2e.ItemJSON
	Reasons []cordon.Reason
	Link    string
	ToDo    []string `json:"to_do"`
}

func (w *world) removals(state string) []removalJSON {
	w.T.Helper()
	var all []removalJSON
	for after := ""; ; {
		var page struct {
			Removals []removalJSON
			Next     string
		}
		if s := w.API("GET", "/v1/removals?limit=200&state="+state+"&after="+after, nil, &page); s != http.StatusOK {
			w.T.Fatalf("list removals: status %d", s)
		}
		all = append(all, page.Removals...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// entries counts the entries about an item by kind.
func (w *world) entries(item cordon.ID) map[string]int {
	w.T.Helper()
	var h struct{ Entries []struct{ Kind string } }
	if s := w.API("GET", "/v1/items/"+string(item)+"/history", nil, &h); s != http.StatusOK {
		w.T.Fatalf("history of %s: status %d", item, s)
	}
	out := map[string]int{}
	for _, e := range h.Entries {
		out[e.Kind]++
	}
	return out
}

// cutOut is a picture that was cut out of one with a generator's invisible mark: only the search
// finds that.
func cutOut(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(mediatest.Corpus(t, "watermark"), "astronaut__sdxl__crop_unaligned.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What only the search finds passes while its sender waits, and becomes a proposal afterwards; it
// stays in the org, a person decides, and the bytes go when it was dismissed.
func TestLateFindBecomesAProposal(t *testing.T) {
	file := cutOut(t)
	e2e.Engines(t, func(t *testing.T, db app.DatabaseConfig) {
		w := newWorld(t, func(c *app.Config) { c.Database = db })
		for _, title := range []string{"one", "two"} {
			a, err := w.UploadMultipart(title, title+".jpg", append([]byte(nil), append(file, title...)...))
			if err != nil || a.Status != http.StatusCreated {
				t.Fatalf("%v, %d %s", err, a.Status, a.Body)
			}
		}
		a, err := w.UploadMultipart("note", "note.txt", []byte("a text has nothing to be looked at late"))
		if err != nil || a.Status != http.StatusCreated {
			t.Fatalf("%v, %d", err, a.Status)
		}
		w.Until("both are proposed", func() bool { return len(w.removals("proposed")) == 2 })
		w.Until("the text's bytes are gone", func() bool { return w.entries(cordon.ID(a.Receipt))["item.shredded"] == 1 })
		if e := w.entries(cordon.ID(a.Receipt)); e["item.looked-late"] != 0 {
			t.Errorf("the text was looked at late: %v", e)
		}
		if n := len(w.blobs()); n != 2 {
			t.Errorf("%d files of bytes are kept, want the two proposed", n)
		}
		for i, r := range w.removals("proposed") {
			if r.Cause != "late-look" || len(r.Reasons) != 1 || r.Reasons[0] != cordon.ReasonGeneratorWatermark || r.Item.State != cordon.Delivered ||
				r.Item.Verdict.Action != cordon.Hold || !strings.HasPrefix(r.Link, w.OrgURL+"/06") {
				t.Errorf("proposed: %+v", r)
			}
			verb, in := "accept", map[string]string{"reason": "harmful", "note": "not theirs"}
			if i == 1 {
				verb, in = "dismiss", map[string]string{"reason": "genuine"}
			}
			if s := w.API("POST", "/v1/removals/"+string(r.ID)+"/"+verb, in, nil); s != http.StatusOK {
				t.Errorf("%s: %d", verb, s)
			}
		}
		w.Until("what was dismissed has no bytes", func() bool { return len(w.blobs()) == 1 })
		if len(w.Upstream("one")) != 1 || len(w.Upstream("two")) != 1 {
			t.Error("something was taken out of the org")
		}
		for name, want := range map[string]string{`cordon_removals{state="accepted",tenant="clinic"}`: " 1", `cordon_removals{state="proposed",tenant="clinic"}`: " 0",
			`cordon_late_looks_total{ended="looked",tenant="clinic"}`: " 2"} {
			if text := w.Metrics(); !strings.Contains(text, name+want) {
				t.Errorf("the metrics lack %s%s", name, want)
			}
		}
		// The verdict that stands rests on everything that was found: deciding again changes nothing.
		if r := w.Replayed("name: default\n"); r.Replay == nil || r.Replay.Changed != 0 || r.Replay.Decided != 3 {
			t.Errorf("decided again: %+v", r.Replay)
		}
	})
}

// What is listed as known after it was passed on is proposed at once.
func TestListedLaterBecomesAProposal(t *testing.T) {
	w := newWorld(t)
	file := append(append([]byte(nil), e2e.Media.Camera.Bytes...), "listed later"...)
	a, err := w.UploadMultipart("photo", "photo.jpg", file)
	if err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%v, %d", err, a.Status)
	}
	w.Until("its bytes are gone", func() bool { return len(w.blobs()) == 0 })
	if s := w.API("PUT", fmt.Sprintf("/v1/known/%x", sha256.Sum256(file)), map[string]string{"list": "blocked"}, nil); s != http.StatusOK {
		t.Fatal(s)
	}
	got := w.removals("")
	if len(got) != 1 || got[0].Cause != "known-later" || string(got[0].Item.ID) != a.Receipt || got[0].Reasons[0] != cordon.ReasonKnownFile {
		t.Fatalf("%+v", got)
	}
}

// TestKilledBetweenDeliveryAndLateLook kills the gateway again and again while pictures are
// delivered, looked at late and shredded. Nothing is lost: each that was delivered is looked at
// late once, proposed once, and keeps its bytes; and what has nothing in it loses them.
func TestKilledBetweenDeliveryAndLateLook(t *testing.T) {
	kills := 8
	if n, err := strconv.Atoi(os.Getenv("CORDON_KILLS")); err == nil {
		kills = min(n, 10) // an item that was killed more often is given up, as it should be
	}
	file := cutOut(t)
	e2e.Engines(t, func(t *testing.T, db app.DatabaseConfig) {
		v := e2e.NewVictim(t, db, 5*time.Second)
		w := &world{v.World}

		marked := map[cordon.ID]bool{}
		for k := range kills {
			v.Start()
			for i := range 3 {
				title, body := fmt.Sprintf("k%d-%d", k, i), file
				if i == 2 {
					body = e2e.Media.Camera.Bytes
				}
				a, err := v.UploadMultipart(title, title+".jpg", append(append([]byte(nil), body...), title...))
				if err != nil || a.Status != http.StatusCreated {
					t.Fatalf("%v, %d %s", err, a.Status, a.Body)
				}
				marked[cordon.ID(a.Receipt)] = i < 2
			}
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
			v.Kill()
		}
		v.Start()
		defer v.End()
		want := 2 * kills
		v.Until("every mark is proposed", func() bool { return len(w.removals("proposed")) >= want })
		v.Until("nothing more is owed", func() bool { return len(w.blobs()) == want })
		proposed := map[cordon.ID]int{}
		for _, r := range w.removals("") {
			proposed[r.Item.ID]++
		}
		for id, is := range marked {
			it, n, e := v.Item(string(id)), 0, w.entries(id)
			if is {
				n = 1
			}
			if it.State != cordon.Delivered || proposed[id] != n || e["item.looked-late"] != 1 || e["item.shredded"] != 1-n || e["item.delivered"] != 1 {
				t.Errorf("%s: %s, proposed %d times, want %d; %v", id, it.State, proposed[id], n, e)
			}
		}
		if len(marked) != 3*kills {
			t.Errorf("%d items", len(marked))
		}
	})
}
