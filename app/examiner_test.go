package app

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
)

// held is content in memory.
type held struct{ *bytes.Reader }

func (h held) NewReader() io.Reader { return io.NewSectionReader(h, 0, h.Size()) }

// TestSkipPixels decodes pictures where nobody waits, and elsewhere unless that is switched off.
func TestSkipPixels(t *testing.T) {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	var of lanes
	for lane, search := range map[**inspect.Inspector]bool{&of.inFront: false, &of.beside: true} {
		ds, err := detectors(Trust{}, nobody, watermark.Config{Search: search})
		if err != nil {
			t.Fatal(err)
		}
		*lane = inspect.New(ds, inspect.Config{})
	}
	for _, c := range []struct{ skip, waited, looks bool }{{false, true, true}, {false, false, true}, {true, false, true}, {true, true, false}} {
		e := examiner{inspectors: map[cordon.TenantID]lanes{"clinic": of}, skipPixels: c.skip, queue: inspect.NewQueue(inspect.QueueConfig{})}
		_, found, err := e.Examine(t.Context(), held{bytes.NewReader(file.Bytes())}, flow.Hint{Tenant: "clinic", Waited: c.waited})
		if err != nil {
			t.Fatal(err)
		}
		status := map[string]cordon.FindingStatus{}
		for _, f := range found {
			status[f.Detector] = f.Status
		}
		want := cordon.StatusNone
		if !c.looks {
			want = cordon.StatusNotApplicable
		}
		if status["watermark"] != want || status["marks"] != cordon.StatusNone {
			t.Errorf("%+v: %v", c, status)
		}
	}
}
