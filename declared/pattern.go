package declared

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// pattern is an expression that runs only where one of its literals stands, on as much of the
// text as its longest match can take. Texts are strangers': what they cost must not depend on
// how they are written, so an expression without a longest match is a mistake of the program.
type pattern struct {
	re    *regexp.Regexp
	shape shape
	ids   []int      // of its literals in the index
	find  *automaton // of its literals, for patterns that may match anywhere
}

// compile prepares an expression of the table.
func compile(expr string) *pattern {
	s, err := shapeOf(expr)
	switch {
	case err != nil:
		panic("declared: " + err.Error())
	case s.reach < 0:
		panic(fmt.Sprintf("declared: the expression %q matches texts of any length", expr))
	case len(s.needs) == 0:
		panic(fmt.Sprintf("declared: no literal has to stand in what the expression %q matches", expr))
	}
	p := &pattern{re: regexp.MustCompile(expr), shape: s}
	if !s.start {
		p.find = newAutomaton(s.needs)
	}
	return p
}

// first returns the first match in the text.
func (p *pattern) first(s *search, f *text) (string, bool) {
	if !s.near(p, f) {
		return "", false
	}
	if p.shape.start {
		// The cut lies behind the longest match, so no "$" can take it for the end.
		head := f.Value[:min(len(f.Value), p.shape.reach+utf8.UTFMax)]
		if !s.spend(len(head)) {
			return "", false
		}
		got := p.re.FindString(head)
		return got, got != ""
	}
	got, ok := "", false
	p.each(s, f.Value, func(from, to int) bool {
		got, ok = f.Value[from:to], true
		return false
	})
	return got, ok
}

// maxWindow is how many bytes an expression looks at in one go where its literals stand close together.
const maxWindow = 4 << 10

// each calls match with the matches of a pattern that may stand anywhere, from left to right,
// until it returns false. No part of the text is looked at more than twice.
func (p *pattern) each(s *search, v string, match func(from, to int) bool) {
	open, from, to, done := false, 0, 0, 0
	look := func() bool {
		if !s.spend(to - from) {
			return false
		}
		for _, m := range p.re.FindAllStringIndex(v[from:to], -1) {
			start, end := from+m[0], from+m[1]
			// What touches a cut may only seem to begin or to end there; the windows are
			// wide enough that a true match never does.
			if start < done || start == from && from > 0 || end == to && to < len(v) {
				continue
			}
			done = end
			if !match(start, end) {
				return false
			}
		}
		return true
	}
	stopped := false
	s.read += len(v)
	p.find.scan(v, func(n, at int) bool {
		left := max(0, at+p.find.lengths[n]-p.shape.reach-utf8.UTFMax)
		right := min(len(v), at+p.shape.reach+utf8.UTFMax)
		if open && left <= to && right-from <= maxWindow {
			to = max(to, right)
			return true
		}
		if open && !look() {
			stopped = true
			return false
		}
		open, from, to = true, left, right
		return true
	})
	if open && !stopped {
		look()
	}
}

// sequence is a text in two parts on one line, with as much between them as people write there.
// As one expression it would keep a state for each byte between, at every byte of the text.
type sequence struct {
	head, tail *pattern
	before     string // bytes that may stand in front of the head, unless it begins the text; "": any
	shared     int    // bytes at the start of the tail that the head may end in
	gap        int    // bytes between them
	more       int    // bytes of the line behind the tail that are shown
}

func (q *sequence) patterns() []*pattern { return []*pattern{q.head, q.tail} }

// first returns the leftmost pair.
func (q *sequence) first(s *search, f *text) (string, bool) {
	if !s.near(q.head, f) || !s.near(q.tail, f) {
		return "", false
	}
	v, got, ok, tried := f.Value, "", false, 0
	q.tail.each(s, v, func(tail, end int) bool {
		from := max(tried, tail-q.gap-q.head.shape.reach, 0)
		tried = max(0, tail-q.head.shape.reach) // what begins before it has been tried, for a nearer tail
		if i := strings.LastIndexByte(v[from:tail], '\n'); i >= 0 {
			from += i + 1
		}
		window := v[from:min(len(v), tail+q.shared+utf8.UTFMax)]
		if !s.spend(len(window)) {
			return false
		}
		for _, m := range q.head.re.FindAllStringIndex(window, -1) {
			start, stop := from+m[0], from+m[1]
			if stop > tail+q.shared || tail-stop > q.gap || start > 0 && q.before != "" && strings.IndexByte(q.before, v[start-1]) < 0 {
				continue
			}
			line := v[end:min(len(v), end+q.more)]
			line, _, _ = strings.Cut(line, "\n")
			got, ok = v[start:end]+strings.ToValidUTF8(line, ""), true
			return false
		}
		return true
	})
	return got, ok
}
