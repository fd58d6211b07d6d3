// Package declared is the dictionary of what content says of its own making: what generators of
// images, video and voices write, the standards' words for the kind of source, and the signatures
// of editors and cameras.
//
// There is one dictionary for every door through which such a statement comes: chunks and boxes,
// tags, the properties of documents, content credentials. A door hands over fields with the names
// that they have there, and what the same name means elsewhere it means here as well.
package declared

import (
	"context"
	"slices"
	"strings"
)

// Field is one piece of text that a file says of itself.
type Field struct {
	// Place is the door: "png text", "exif", "xmp", "iptc", "comment", "tag", "pdf", "document" …
	Place string
	// Key is its name there, for example "Software" or "Iptc4xmpExt:DigitalSourceType".
	Key   string
	Value string
}

// Match holds fields against the dictionary. room is how many times the usual work may be spent;
// whole is false where that was not enough, or ctx ended.
func Match(ctx context.Context, all []Field, room int) (marks []Mark, whole bool) {
	s := newSearch(ctx, rules)
	s.most = max(1, room) * maxSearch
	marks = weaken(match(s, all))
	return marks, !s.over && ctx.Err() == nil
}

// Mark is one match, as it stands in a finding's Detail under "marks".
type Mark struct {
	Generator string   `json:"generator"`
	Strength  Strength `json:"strength"`
	Indicator string   `json:"indicator"` // its name
	Weight    Weight   `json:"weight"`    // 1 conclusive, 0.6 strong, 0.2 weak, 0 none; no probability
	Means     string   `json:"means"`     // one sentence for the reviewer
	Where     string   `json:"where"`     // place and key of the field
	Evidence  string   `json:"evidence"`  // the words that matched, at most 120 bytes
}

// maxMarks bounds what one finding lists.
const maxMarks = 16

// generators are all that is known, and rules where their literals stand.
var (
	generators = slices.Concat(table, further)
	rules      = newIndex(generators)
)

// match holds every field against every indicator. Each is listed once a generator, by the first
// field that shows it; editors, cameras and what is stated once a field.
func match(s *search, all []Field) []Mark {
	found := make([][]Mark, len(generators))
	seen := make([]map[string]bool, len(generators))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	madeUp := false // the maker is a generator, so what else is said of the device is too
	for i := range all {
		field := all[i]
		field.Value = withoutNotice(s, field.Value)
		f := s.take(field)
		for n, g := range generators {
			if s.over || s.ctx.Err() != nil {
				break
			}
			if len(seen[n]) >= maxMarks {
				continue
			}
			mark, ok := g.says(s, f, seen[n])
			if !ok {
				continue
			}
			found[n] = append(found[n], mark)
			madeUp = madeUp || g.Strength == Declares && f.role == roleMaker
		}
	}
	out := slices.Concat(found...)
	out = out[:min(len(out), 4*maxMarks)]
	if madeUp {
		out = slices.DeleteFunc(out, func(m Mark) bool { return m.Strength == Camera })
	}
	return out
}

// says returns the first indicator of the generator that a field shows, unless it is among those seen.
func (g *Generator) says(s *search, f *text, seen map[string]bool) (Mark, bool) {
	for _, r := range g.Rules {
		evidence, ok := r.match(s, f)
		if !ok {
			continue
		}
		evidence = Shorten(evidence)
		name, once := g.Name, r.Name
		if r.Weight == None {
			name, once = evidence, evidence
		}
		if seen[once] {
			return Mark{}, false
		}
		seen[once] = true
		return Mark{Shorten(name), g.Strength, r.Name, r.Weight, r.Means, f.Place + " " + Shorten(f.Key), evidence}, true
	}
	return Mark{}, false
}

// maxShown is how much of a text is looked at to show 120 bytes of it.
const maxShown = 1024

// Shorten makes of a text what is shown of it: 120 bytes on one line.
func Shorten(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown]
	}
	s = strings.TrimSpace(strings.ReplaceAll(s, "\n", " "))
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:117], "") + "…"
	}
	return s
}

// Generators returns the table for the reference.
func Generators() []Generator { return slices.Clone(generators) }
