package app

import (
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
)

// TestLateLane names what is looked at late: pictures, recordings and whatever has files inside,
// and nothing of a text.
func TestLateLane(t *testing.T) {
	beside, err := detectors(Trust{}, nobody, watermark.Config{Search: true})
	if err != nil {
		t.Fatal(err)
	}
	inFront, err := detectors(Trust{}, nobody, watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := examiner{inspectors: map[cordon.TenantID]lanes{"clinic": {late: newLateLane(beside, 0)}}}
	for mediaType, want := range map[string]bool{
		"image/jpeg": true, "image/png": true, "application/pdf": true, "application/zip": true, "application/dicom": true, "video/mp4": true, "audio/wav": true,
		"text/plain": false, "text/html": false, "image/svg+xml": false, "application/octet-stream": false, "": false,
	} {
		if got := e.Late("clinic", mediaType); got != want {
			t.Errorf("%q is looked at late: %v, want %v", mediaType, got, want)
		}
	}
	names := func(m media.Type) (out []string) {
		if lane := e.inspectors["clinic"].late[m]; lane != nil {
			out = lane.Detectors()
		}
		return out
	}
	if got := names(media.PNG); len(got) != 1 || got[0] != "watermark 2+search" {
		t.Errorf("a picture is looked at late by %v", got)
	}
	if got := names(media.MP4); len(got) != 2 {
		t.Errorf("a film is looked at late by %v", got)
	}
	if e.Late("another", "image/png") {
		t.Error("a tenant that is not there looks late")
	}
	if front := newLateLane(inFront, 0)[media.PNG]; front != nil {
		t.Errorf("what is cheap enough in front is looked at late: %v", front.Detectors())
	}
}
