package declared

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shape is what can be told of an expression without running it.
type shape struct {
	exact []string // every text that it matches, in lower case; nil: too many
	needs []string // every match holds one of these, in lower case; nil: nothing is certain
	reach int      // bytes of its longest match; -1: without end
	start bool     // matches begin where the text begins
}

// maxExact bounds how many texts are kept for one part of an expression.
const maxExact = 64

// shapeOf analyses an expression in the way search engines prepare for one: which literals
// must stand in whatever it matches.
func shapeOf(expr string) (shape, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return shape{}, fmt.Errorf("the expression %q: %w", expr, err)
	}
	s := analyse(re)
	s.needs = s.literals()
	return s, nil
}

// literals are what must stand in a match, from whichever of both is known.
func (s shape) literals() []string {
	if len(s.exact) > 0 && !slices.Contains(s.exact, "") {
		return s.exact
	}
	return s.needs
}

func analyse(re *syntax.Regexp) shape {
	switch re.Op {
	case syntax.OpLiteral:
		s := shape{exact: []string{strings.ToLower(string(re.Rune))}}
		for _, r := range re.Rune {
			s.reach += width(r, re.Flags&syntax.FoldCase != 0)
		}
		return s
	case syntax.OpCharClass:
		return ofClass(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return shape{reach: utf8.UTFMax}
	case syntax.OpBeginText:
		return shape{exact: []string{""}, start: true}
	case syntax.OpCapture:
		return analyse(re.Sub[0])
	case syntax.OpStar:
		return shape{reach: -1}
	case syntax.OpPlus:
		return shape{needs: analyse(re.Sub[0]).literals(), reach: -1}
	case syntax.OpQuest:
		s := analyse(re.Sub[0])
		if s.exact != nil {
			s.exact = united(s.exact, []string{""})
		}
		s.needs, s.start = nil, false
		return s
	case syntax.OpRepeat:
		return ofRepeat(re)
	case syntax.OpConcat:
		return ofConcat(re.Sub)
	case syntax.OpAlternate:
		return ofAlternate(re.Sub)
	}
	return shape{exact: []string{""}} // what takes no room: ends, line starts, word boundaries
}

// width is how many bytes a character takes, in whichever case.
func width(r rune, folded bool) int {
	n := utf8.RuneLen(r)
	if folded {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			n = max(n, utf8.RuneLen(other))
		}
	}
	return n
}

func ofClass(ranges []rune) shape {
	s := shape{reach: utf8.RuneLen(ranges[len(ranges)-1])}
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if one := string(unicode.ToLower(r)); !slices.Contains(s.exact, one) {
				s.exact = append(s.exact, one)
			}
			if len(s.exact) > 8 {
				s.exact = nil
				return s
			}
		}
	}
	return s
}

func ofRepeat(re *syntax.Regexp) shape {
	inner := analyse(re.Sub[0])
	s := shape{reach: -1}
	if re.Min > 0 {
		s.needs, s.start = inner.literals(), inner.start
	}
	if re.Max >= 0 && inner.reach >= 0 {
		s.reach = re.Max * inner.reach
	}
	return s
}

// ofConcat joins what stands side by side into the longest literals it can.
func ofConcat(parts []*syntax.Regexp) shape {
	out := shape{exact: []string{""}}
	var run []string // the texts of the parts since the last one that could not be listed
	whole := true
	flush := func() {
		if len(run) > 0 && better(run, out.needs) {
			out.needs = run
		}
		run = nil
	}
	for i, part := range parts {
		s := analyse(part)
		if i == 0 {
			out.start = s.start
		}
		if out.reach >= 0 && s.reach >= 0 {
			out.reach += s.reach
		} else {
			out.reach = -1
		}
		if s.exact == nil {
			flush()
			whole = false
			if better(s.needs, out.needs) {
				out.needs = s.needs
			}
			continue
		}
		joined := product(run, s.exact)
		if joined == nil {
			flush()
			whole, joined = false, s.exact
		}
		run = joined
	}
	out.exact = nil
	if whole {
		out.exact = run
	}
	flush()
	return out
}

// better tells whether the shortest of a is longer than the shortest of b: it stands in fewer texts.
func better(a, b []string) bool {
	shortest := func(list []string) int {
		n := 0
		for i, s := range list {
			if i == 0 || len(s) < n {
				n = len(s)
			}
		}
		return n
	}
	return shortest(a) > shortest(b)
}

func product(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	if len(a)*len(b) > maxExact {
		return nil
	}
	var out []string
	for _, x := range a {
		for _, y := range b {
			out = united(out, []string{x + y})
		}
	}
	return out
}

func united(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func ofAlternate(parts []*syntax.Regexp) shape {
	out := shape{start: true}
	listed, certain := true, true
	for _, part := range parts {
		s := analyse(part)
		out.start = out.start && s.start
		if out.reach >= 0 && s.reach >= 0 {
			out.reach = max(out.reach, s.reach)
		} else {
			out.reach = -1
		}
		if listed = listed && s.exact != nil && len(out.exact)+len(s.exact) <= maxExact; listed {
			out.exact = united(out.exact, s.exact)
		}
		needs := s.literals()
		if certain = certain && len(needs) > 0; certain {
			out.needs = united(out.needs, needs)
		}
	}
	if !listed {
		out.exact = nil
	}
	if !certain {
		out.needs = nil
	}
	return out
}
