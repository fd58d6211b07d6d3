package line_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/e2e"
)

// TestAReleaseWithoutItsBytesEndsWherePeopleSeeIt: what was released and cannot be delivered is
// held again, with its cause in the history and the figures, and people have a way out.
func TestAReleaseWithoutItsBytesEndsWherePeopleSeeIt(t *testing.T) {
	w := newWorld(t)
	held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || held.Receipt == "" {
		t.Fatalf("%v %s", err, held.Body)
	}
	if err := os.Remove(w.blobs()[0]); err != nil {
		t.Fatal(err)
	}
	if status := w.release(held.Receipt); status != 200 {
		t.Fatalf("release: %d", status)
	}
	var h struct {
		Entries []struct {
			Kind  cordon.EntryKind
			Facts struct {
				Cause   string
				Reasons []string
			}
		}
	}
	w.Until("it to be held again", func() bool {
		h.Entries = nil
		w.API("GET", "/v1/items/"+held.Receipt+"/history", nil, &h)
		return h.Entries[len(h.Entries)-1].Facts.Cause != ""
	})
	last := h.Entries[len(h.Entries)-1]
	if s := w.Item(held.Receipt).State; s != cordon.Held || last.Kind != cordon.EntryHeld || last.Facts.Cause != "bytes-missing" ||
		len(last.Facts.Reasons) != 1 || last.Facts.Reasons[0] != "cannot-deliver" {
		t.Errorf("it is %s, and the history ends with %+v", s, last)
	}
	if m := w.Metrics(); !strings.Contains(m, `cordon_given_up_total{cause="bytes-missing",owed="release",tenant="clinic"} 1`) || !strings.Contains(m, `cordon_effects_stuck{kind="release",tenant="clinic"} 0`) {
		t.Error("/metrics does not say that something was given up, or says that something is stuck")
	}
	if status := w.API("POST", "/v1/items/"+held.Receipt+"/reject", map[string]string{"reason": "harmful", "note": "cannot be had any more"}, nil); status != 200 {
		t.Errorf("giving up: %d", status)
	}
}
