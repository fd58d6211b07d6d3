package declared

import (
	"regexp"
	"slices"
	"strings"
)

// Possible is the strength of what says that a model may have been at work, or improved what it
// did not make. Such files are watched.
const Possible Strength = "possible"

// further are the rules of standards that came later, and of labels that leave it open.
var further = []Generator{
	{"AI system named in IPTC metadata", Composite, []Rule{
		test("AISystemUsed, AISystemVersionUsed, AIPromptInformation, AIPromptWriterName", "any text", func(_ *search, f *text) (string, bool) {
			i := slices.Index(plainAI, f.plain)
			return iptcAI[max(i, 0)], i >= 0
		}).as("AI system or prompt", Conclusive, "The IPTC's properties for generative AI (2025.1) name the system or the prompt. A program sets them."),
	}},
	{"AIGC label of GB 45438-2025, possibly generated", Possible, []Rule{
		test("AIGC fields, JSON in comments", `"Label": "2" or "3"`, func(s *search, f *text) (string, bool) {
			return "AIGC Label 2 or 3", (called(f, "aigc") || stands(s, f, aigcFields)) && stands(s, f, possibleLabel)
		}, possibleLabel, aigcFields).as("AIGC label", Conclusive, "A platform thinks that the content may be generated, or has found signs of it."),
	}},
	{"TikTok's label", Composite, []Rule{
		test("aigc_info, any text", `"aigc_label_type": 1`, func(s *search, f *text) (string, bool) {
			return "aigc_label_type 1", tikTok(s, f) == "1"
		}, tikTokLabel).as("label of a platform", Conclusive, "The person who published it said that a model made it or parts of it."),
	}},
	{"TikTok's label, found by the platform", Possible, []Rule{
		test("aigc_info, any text", `"aigc_label_type": 2 and above`, func(s *search, f *text) (string, bool) {
			n := tikTok(s, f)
			return "aigc_label_type " + n, n > "1"
		}, tikTokLabel).as("label of a platform", Conclusive, "The platform has found signs that a model made it or parts of it."),
	}},
	{"upscaler or face restorer", Possible, []Rule{
		described(`(?:Postprocess (?:upscale by|upscaler)|GFPGAN visibility|CodeFormer visibility): [^\n]{1,80}`, "postprocessing", "extras", "parameters").
			as("settings of a restorer", Conclusive, "A model has made the picture larger, or faces in it clearer. What that adds was not in it."),
	}},
}

// iptcAI are the properties for generative AI of the IPTC Photo Metadata Standard 2025.1.
var iptcAI = []string{"AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName"}

// plainAI are their plain names, by which other doors have them as well.
var plainAI = func() (out []string) {
	for _, name := range iptcAI {
		out = append(out, Plain(name))
	}
	return out
}()

var (
	possibleLabel = compile(`(?i)label\\{0,8}["']?\s{0,16}[:=]\s{0,16}\\{0,8}["']?[23]\b`)
	tikTokLabel   = compile(`aigc_label_type\\{0,8}"?\s{0,16}[:=]\s{0,16}\\{0,8}"?\d`)
)

// tikTok is the digit of a label, or "".
func tikTok(s *search, f *text) string {
	got, _ := tikTokLabel.first(s, f)
	return got[max(0, len(got)-1):]
}

// officeNotice stands behind alternative texts that Office proposes: it is about the text. Such
// texts are short; what is longer was not proposed.
var officeNotice = regexp.MustCompile(`(?i)\(?\b(?:(?:AI[- ]generated|automatically generated) (?:content|text|descriptions?|images?|captions?|alt(?:ernative)?[ -]text)|` +
	`(?:content|text|descriptions?|captions?|alt(?:ernative)?[ -]text) (?:generated|created|written|produced) (?:by|with|using) (?:an? )?(?:AI|artificial intelligence))` +
	` (?:may|might|can|could) (?:not )?(?:always )?(?:be|contain|have|include) (?:completely |entirely |fully )?(?:in(?:correct|accurate|complete)|correct|accurate|wrong|errors|mistakes|inaccuracies)\.?\)?`)

const maxProposed = 4 << 10

// withoutNotice takes Office's notice off a text.
func withoutNotice(s *search, v string) string {
	if len(v) > maxProposed || !strings.Contains(v, "enerated") && !strings.Contains(v, "by ") || !s.spend(len(v)) || !officeNotice.MatchString(v) {
		return v
	}
	return strings.TrimSpace(officeNotice.ReplaceAllString(v, ""))
}

// weaken makes of what only words of a description say something that is possible: anybody can
// type them.
func weaken(marks []Mark) []Mark {
	strong := map[Strength]bool{}
	for _, m := range marks {
		strong[m.Strength] = strong[m.Strength] || m.Weight > Weak
	}
	for i, m := range marks {
		if says := m.Strength == Declares || m.Strength == Synthetic || m.Strength == Composite; says && !strong[m.Strength] {
			marks[i].Strength = Possible
		}
	}
	return marks
}
