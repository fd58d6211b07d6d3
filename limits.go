package cordon

import (
	"fmt"
	"strings"
)

// Limits are the known limits of a verdict on content of one modality, class and channel, as
// sentences that stand beside it: what the checks that looked cannot see, which of them said
// nothing, and that nobody has measured how often they are right there. found are the findings
// the verdict rests on. The result is never empty, since no verdict is without limits.
func Limits(it Item, found []Finding) []string {
	out := []string{"How many synthetic or altered files these checks miss is unknown."}
	lane := "this kind of file"
	if it.Modality != "" {
		lane = fmt.Sprintf("the kind %q", it.Modality)
	}
	if it.Class != "" {
		lane += fmt.Sprintf(", class %q", it.Class)
	}
	if it.Channel != "" {
		lane += fmt.Sprintf(", by %q", it.Channel)
	}
	out = append(out, "This lane has not been tested: for "+lane+" nobody has measured how often the verdicts are right.")
	if s := blindSpots[it.Modality]; s != "" {
		out = append(out, s)
	}

	var silent, idle []string
	for _, f := range found {
		switch {
		case f.Part != "":
		case f.Status == StatusFailed:
			silent = append(silent, f.Detector)
		case f.Label == LabelNotCovered:
			idle = append(idle, f.Detector)
		}
	}
	if len(silent) > 0 {
		out = append(out, "These checks did not finish: "+strings.Join(silent, ", ")+".")
	}
	if len(idle) > 0 {
		out = append(out, "These checks do not look at such a file: "+strings.Join(idle, ", ")+".")
	}
	return out
}

// blindSpots say what no deterministic check can see in content of a modality.
var blindSpots = map[Modality]string{
	Image:    "Having no credential, no mark and no metadata is common and says nothing: whoever removes them leaves no sign that these checks see.",
	Video:    "A face or a scene that was replaced without leaving a mark is not seen by these checks.",
	Audio:    "A voice that was imitated without leaving a mark is not seen by these checks.",
	Document: "These checks compare no content with its source: a document that was made anew, with other figures, looks like any other.",
	Clinical: "No check here can tell by its content whether a clinical image is of a patient: what is looked at is what the file says of its own origin.",
}
