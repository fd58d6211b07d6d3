package cordon_test

import (
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestLimits(t *testing.T) {
	lane := cordon.Item{Modality: cordon.Clinical, Class: cordon.ClassClinicalImage, Channel: cordon.ChannelPortal}
	got := strings.Join(cordon.Limits(lane, []cordon.Finding{
		{Detector: "dicom", Status: cordon.StatusFound, Label: cordon.LabelClinicalAcquisition},
		{Detector: "c2pa", Status: cordon.StatusNotApplicable, Label: cordon.LabelNotCovered},
		{Detector: "marks", Status: cordon.StatusFailed, Label: cordon.LabelTimeout},
		{Part: "frame 3", Detector: "watermark", Status: cordon.StatusFailed, Label: cordon.LabelTimeout},
	}), "\n")
	for _, want := range []string{
		"miss is unknown", "has not been tested", `"clinical-image"`, `by "portal"`, "its own origin",
		"did not finish: marks.", "do not look at such a file: c2pa.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from\n%s", want, got)
		}
	}
	if bare := cordon.Limits(cordon.Item{}, nil); len(bare) != 2 || strings.Contains(bare[1], `""`) {
		t.Errorf("of an item of which nothing is known: %q", bare)
	}
	for _, m := range []cordon.Modality{cordon.Image, cordon.Video, cordon.Audio, cordon.Document, cordon.Clinical} {
		if len(cordon.Limits(cordon.Item{Modality: m}, nil)) != 3 {
			t.Errorf("%s has no limits of its own", m)
		}
	}
}
