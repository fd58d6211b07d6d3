package declared

import (
	"context"
	"slices"
	"strings"
)

// maxSearch is how many bytes of one file are given to expressions. An ordinary file needs a few
// hundred; one that has more was written so that it has.
const maxSearch = 1 << 20

// callCost is what one call of an expression counts as, in bytes.
const callCost = 64

// search is the work that the rules do for one file. Literals are looked for first, in one pass
// over each field; expressions run where they stand, as long as maxSearch lasts.
type search struct {
	ctx   context.Context
	index *index
	first []int32 // by literal: where it first stands in the field at hand, -1 nowhere
	hit   []int   // which of first are set
	spent int     // bytes given to expressions
	read  int     // bytes that literals were looked for in
	most  int     // of spent
	over  bool    // most was met
}

// text is a field as the rules see it.
type text struct {
	Field
	role  role
	plain string // its name, see Plain
}

// index finds the literals of all rules at once.
type index struct {
	find     *automaton
	literals []string
}

// newIndex numbers the literals of the rules.
func newIndex(rules []Generator) *index {
	x := &index{}
	number := func(lit string) int {
		at := slices.Index(x.literals, lit)
		if at < 0 {
			at = len(x.literals)
			x.literals = append(x.literals, lit)
		}
		return at
	}
	for _, g := range rules {
		for _, r := range g.Rules {
			for _, p := range r.patterns {
				p.ids = nil
				for _, lit := range p.shape.needs {
					p.ids = append(p.ids, number(lit))
				}
			}
			for _, lit := range r.literals {
				number(lit)
			}
		}
	}
	x.find = newAutomaton(x.literals)
	return x
}

func newSearch(ctx context.Context, x *index) *search {
	s := &search{ctx: ctx, index: x, first: make([]int32, len(x.literals)), most: maxSearch}
	for i := range s.first {
		s.first[i] = -1
	}
	return s
}

// foreign are the two characters outside of ASCII that count as letters of it where case does not.
var foreign = strings.NewReplacer("\u212a", "K", "\u017f", "s")

// take looks for the literals of all rules in the next field.
func (s *search) take(f Field) *text {
	for _, n := range s.hit {
		s.first[n] = -1
	}
	s.hit = s.hit[:0]
	if strings.ContainsAny(f.Value, "\u212a\u017f") {
		f.Value = foreign.Replace(f.Value)
	}
	s.read += len(f.Value)
	s.index.find.scan(f.Value, func(n, at int) bool {
		if s.first[n] < 0 {
			s.first[n] = int32(at)
			s.hit = append(s.hit, n)
		}
		return true
	})
	return &text{f, f.role(), Plain(f.Key)}
}

// near tells whether a literal of the pattern stands where a match would need it.
func (s *search) near(p *pattern, f *text) bool {
	for _, n := range p.ids {
		if at := s.first[n]; at >= 0 && (!p.shape.start || int(at) < p.shape.reach) {
			return true
		}
	}
	return false
}

// has counts which of the literals stand in the field at hand.
func (s *search) has(literals ...string) (n int) {
	for _, i := range s.hit {
		if slices.Contains(literals, s.index.literals[i]) {
			n++
		}
	}
	return n
}

// spend takes from what expressions may look at; false: there is nothing left, or nobody waits.
func (s *search) spend(bytes int) bool {
	if s.over || s.ctx.Err() != nil {
		return false
	}
	if s.spent += bytes + callCost; s.spent > s.most {
		s.over = true
	}
	return !s.over
}
