package console

import (
	"encoding/json"
	"fmt"

	"github.com/cordonhq/cordon"
)

// evidenceLine is one thing that a finding rests on, and what a reviewer should make of it.
type evidenceLine struct {
	What, Means string
}

// evidence lists what a finding rests on: the indicators of a file's making, with their weights,
// and the places of a document. What was found in the file itself is not repeated.
func evidence(f cordon.Finding) (out []evidenceLine) {
	var in struct {
		Marks []struct {
			Indicator string  `json:"indicator"`
			Weight    float64 `json:"weight"`
			Means     string  `json:"means"`
			Where     string  `json:"where"`
		} `json:"marks"`
		Hints []struct {
			Page     int        `json:"page"`
			Object   int64      `json:"object"`
			Rect     [4]float64 `json:"rect"`
			Revision int        `json:"revision"`
			Means    string     `json:"means"`
		} `json:"hints"`
		Pages     int     `json:"pages"`
		Revisions []int64 `json:"revisions"`
		Producers int     `json:"producers"`
	}
	b, err := json.Marshal(f.Detail)
	if err != nil || json.Unmarshal(b, &in) != nil {
		return nil // of another shape, which the sentence speaks for
	}
	for _, m := range in.Marks {
		if m.Indicator == "" {
			continue
		}
		out = append(out, evidenceLine{fmt.Sprintf("%s, in %s: %s (%.1f)", m.Indicator, m.Where, weightWord(m.Weight), m.Weight), m.Means})
	}
	for _, h := range in.Hints {
		what := fmt.Sprintf("Page %d, object %d", h.Page, h.Object)
		if h.Rect != [4]float64{} {
			what += fmt.Sprintf(", %.0f to %.0f across and %.0f to %.0f up (points from the lower left)", h.Rect[0], h.Rect[2], h.Rect[1], h.Rect[3])
		}
		if h.Revision > 0 {
			what += fmt.Sprintf(", revision %d of the file", h.Revision)
		}
		out = append(out, evidenceLine{what, h.Means})
	}
	if f.Detector == "layout" && in.Pages > 0 {
		line := evidenceLine{Means: fmt.Sprintf("Pages that were looked at: %d. Revisions of the file: %d.", in.Pages, max(1, len(in.Revisions)))}
		if in.Producers > 1 {
			line.Means += fmt.Sprintf(" %d programs are named as having written it, which is common.", in.Producers)
		}
		out = append(out, line)
	}
	return out
}

// weightWord is the weight of an indicator in a word.
func weightWord(w float64) string {
	switch {
	case w >= 1:
		return "conclusive"
	case w >= 0.6:
		return "strong"
	case w > 0:
		return "weak"
	}
	return "says nothing by itself"
}

// callBack is what to do about a document before deciding on it: no look at a file replaces the
// word of its source.
var callBack = []string{
	"Find the practice, laboratory or office that the document names, with a number or address that you already have. Do not use one that stands in the document or came with it.",
	"Ask them whether they issued it: the date, the kind of document, and for whom, as far as you may say.",
	"Have them read out the values or words that matter, and compare them with the document. Begin with the places listed under What was found.",
	"If it was signed, ask whether they sign such documents, and who signs.",
	"Ask for a fresh copy from them directly if anything differs or they cannot be reached.",
	"Write into the note whom you spoke to, when, and by which number. A difference alone says nothing of who made it.",
}
