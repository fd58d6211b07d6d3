package line_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// TestUpstreamAccidents: what the org does wrong while a clean file is being written. A
// client always gets a native answer, and nothing is lost, doubled or left half done.
func TestUpstreamAccidents(t *testing.T) {
	write := func(f sim.Fault) sim.Fault { f.Method, f.Object = "POST", "ContentVersion"; return f }
	for name, tc := range map[string]struct {
		fault  sim.Fault
		status []int // permitted
		state  []cordon.State
		files  int
	}{
		"503":                    {write(sim.Fault{Verb: sim.Answer, Status: 503}), []int{503}, []cordon.State{cordon.RefusedUpstream, cordon.Unsettled}, 0},
		"REQUEST_LIMIT_EXCEEDED": {write(sim.Fault{Verb: sim.Answer, Status: 403, Body: `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`}), []int{403}, []cordon.State{cordon.RefusedUpstream}, 0},
		"token expires":          {write(sim.Fault{Verb: sim.ExpireToken}), []int{401}, []cordon.State{cordon.RefusedUpstream}, 0},
		"no answer":              {write(sim.Fault{Verb: sim.Cut}), []int{500, 502, 503}, []cordon.State{cordon.RefusedUpstream, cordon.Unsettled}, 0},
		"cut in the body":        {write(sim.Fault{Verb: sim.CutInBody, Bytes: 500}), []int{500, 502, 503}, []cordon.State{cordon.RefusedUpstream, cordon.Unsettled}, 0},
		"answer lost":            {write(sim.Fault{Verb: sim.LoseAnswer}), []int{201}, []cordon.State{cordon.Delivered}, 1},
		"answer cut off":         {write(sim.Fault{Verb: sim.Truncate}), []int{201}, []cordon.State{cordon.Delivered}, 1},
		"slow":                   {write(sim.Fault{Verb: sim.Delay, Wait: 300 * time.Millisecond}), []int{201}, []cordon.State{cordon.Delivered}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Org.Fail(tc.fault)
			a, err := w.UploadMultipart("photo", "photo.jpg", e2e.Media.Camera.Bytes)
			if err != nil || !contains(tc.status, a.Status) || a.Status >= 400 && a.Code() == "" {
				t.Errorf("client got %v %d %s; want one of %v in the native shape", err, a.Status, a.Body, tc.status)
			}
			if up := w.Upstream("photo"); len(up) != tc.files {
				t.Errorf("the org has %d copies, want %d", len(up), tc.files)
			}
			items := w.Items("")
			if len(items) != 1 || !contains(tc.state, items[0].State) {
				t.Errorf("items %+v; want one in %v", items, tc.state)
			}
			w.Org.Heal()
			w.Caller = w.Org.Token("demo@example.com")
			if a, err := w.UploadMultipart("photo-2", "photo.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != http.StatusCreated {
				t.Errorf("afterwards: %v %d %s", err, a.Status, a.Body)
			}
		})
	}
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// TestReleaseSurvivesALostAnswer: the org takes the release and the answer is lost; the file
// is there once, and Cordon knows it.
func TestReleaseSurvivesALostAnswer(t *testing.T) {
	for _, verb := range []sim.Verb{sim.LoseAnswer, sim.Truncate, sim.Cut, sim.CutInBody} {
		t.Run(string(verb), func(t *testing.T) {
			w := newWorld(t)
			held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
			if err != nil || held.Receipt == "" {
				t.Fatalf("%v %s", err, held.Body)
			}
			w.Org.Fail(sim.Fault{Verb: verb, Method: "POST", Object: "ContentVersion"})
			if s := w.API("POST", "/v1/items/"+held.Receipt+"/release", map[string]string{"reason": "genuine"}, nil); s != http.StatusOK {
				t.Fatalf("release: status %d", s)
			}
			w.Until("delivery", func() bool { return w.Item(held.Receipt).State == cordon.Delivered })
			if up := w.Upstream("id"); len(up) != 1 {
				t.Errorf("the org has %d copies, want 1", len(up))
			}
		})
	}
}
