package declared

import (
	"context"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
)

// patterns are all expressions of the table.
func patterns() (all []*pattern) {
	for _, g := range generators {
		for _, r := range g.Rules {
			all = append(all, r.patterns...)
		}
	}
	return all
}

// write makes a text that an expression matches.
func write(r *rand.Rand, b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			one := string(c)
			if re.Flags&syntax.FoldCase != 0 && r.IntN(2) == 0 {
				one = strings.ToLower(one)
			}
			b.WriteString(one)
		}
	case syntax.OpCharClass:
		pair := 2 * r.IntN(len(re.Rune)/2)
		lo, hi := re.Rune[pair], min(re.Rune[pair+1], re.Rune[pair]+200)
		b.WriteRune(lo + r.Int32N(hi-lo+1))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpQuest:
		if r.IntN(2) == 0 {
			write(r, b, re.Sub[0])
		}
	case syntax.OpRepeat:
		for range re.Min + r.IntN(re.Max-re.Min+1) {
			write(r, b, re.Sub[0])
		}
	case syntax.OpAlternate:
		write(r, b, re.Sub[r.IntN(len(re.Sub))])
	case syntax.OpConcat, syntax.OpCapture:
		for _, s := range re.Sub {
			write(r, b, s)
		}
	}
}

func example(r *rand.Rand, p *pattern) string {
	re, err := syntax.Parse(p.re.String(), syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	write(r, &b, re)
	return b.String()
}

// What is looked for first leaves nothing out: a pattern that runs only where its literals stand
// finds what its expression finds in the whole text, also in the midst of what nearly matches.
func TestLiteralsLeaveNothingOut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for _, p := range patterns() {
		for n := range 60 {
			v := example(r, p)
			if cut := example(r, p); !p.shape.start {
				v = strings.Repeat(cut[:len(cut)/2]+" ", r.IntN(30)) + v + strings.Repeat(" "+cut[len(cut)/2:], r.IntN(3))
			}
			if n%3 == 0 {
				v += strings.Repeat(" and so on", r.IntN(1000))
			}
			s := newSearch(t.Context(), rules)
			got, _ := p.first(s, s.take(Field{Place: "png text", Key: "Description", Value: v}))
			want := p.re.FindString(foreign.Replace(v))
			if got != want {
				t.Errorf("%s\nin %.200q finds %q, not %q", p.re, v, got, want)
			}
			if want != "" {
				matched++
			}
		}
	}
	if want := 40 * len(patterns()); matched < want {
		t.Errorf("only %d texts matched, want %d", matched, want)
	}
}

// A literal that stands in every text would make its expression run everywhere.
func TestLiteralsSaySomething(t *testing.T) {
	for _, p := range patterns() {
		for _, lit := range p.shape.needs {
			if len(lit) < 2 {
				t.Errorf("%s needs only %q", p.re, lit)
			}
		}
		if p.shape.reach > 1024 {
			t.Errorf("%s matches %d bytes", p.re, p.shape.reach)
		}
	}
}

// everyRole has one field for each role and place that rules ask for.
func everyRole(value string) (all []Field) {
	for _, key := range []string{"Software", "Make", "Description", "xmp:CreatorTool", "dc:creator", "DigitalSourceType", "stEvt:action", "xmpMM:History",
		"Dream", "parameters", "COM", "AIGC", "fooocus_scheme", "UserComment", "Source", "Title", "other"} {
		all = append(all, Field{"png text", key, value})
	}
	return append(all, Field{"pdf", "Producer", value})
}

// hostile are texts built of what rules look for, so that a rule of tomorrow is held to the same.
func hostile() (all []string) {
	r := rand.New(rand.NewPCG(3, 4))
	fill := func(s string) {
		if s != "" {
			all = append(all, strings.Repeat(s, 8<<10/len(s)+1))
		}
	}
	for _, lit := range rules.literals {
		fill(lit)
	}
	for _, p := range patterns() {
		whole := example(r, p)
		fill(whole[:len(whole)-1] + "\x7f ")
		fill(whole + "\n")
		fill(p.shape.needs[0] + " ")
	}
	for _, q := range []sequence{samplerLine, dreamLine, jobLine} {
		fill(example(r, q.head))
		fill(example(r, q.tail) + "\n" + example(r, q.head))
		all = append(all, strings.Repeat(example(r, q.head), 4000)+"\n"+strings.Repeat(example(r, q.tail), 2000))
	}
	for _, open := range []string{`{`, `{"a":`, `[`, `{"seed":{"steps":`, `\`, `\\\"`, `{"class_type`, `{"last_node_id"`, "-", " ", "\u212a", "\u00b7"} {
		fill(open)
		all = append(all, `{"seed":1,"steps":`+strings.Repeat(open, 8<<10/len(open)))
	}
	return append(all, strings.Repeat(" --v ", 50_000))
}

// What a file costs depends on how long its texts are, not on how they are written: each byte is
// looked at a few times for literals, and no file has expressions run over more than maxSearch.
func TestWorkIsBounded(t *testing.T) {
	const passes = 16 // one for all rules, and one for each pattern that may match anywhere and could here
	for _, value := range hostile() {
		all := everyRole(value)
		bytes := len(all) * len(foreign.Replace(value))
		s := newSearch(t.Context(), rules)
		match(s, all)
		if s.read < bytes && !s.over || s.read > passes*bytes {
			t.Errorf("%.40q…: literals were looked for in %d bytes of %d", value, s.read, bytes)
		}
		if most := maxSearch + 2*maxWindow + callCost; s.spent > most {
			t.Errorf("%.40q…: expressions looked at %d bytes, at most %d", value, s.spent, most)
		}
	}
}

// giveUp is a context that ends when it has been asked so many times.
type giveUp struct {
	context.Context
	after, asked int
}

func (g *giveUp) Err() error {
	if g.asked++; g.asked > g.after {
		return context.Canceled
	}
	return nil
}

// The moment nobody waits any more, nothing more is looked at: rules and readers ask as they go.
func TestNoWorkWhenNobodyWaits(t *testing.T) {
	s := newSearch(&giveUp{Context: t.Context()}, rules)
	match(s, everyRole(strings.Repeat("Adobe Photoshop Steps: 20, Sampler: x ", 100)))
	if s.spent > 0 {
		t.Errorf("%d bytes were looked at after the end", s.spent)
	}
	whole := newSearch(t.Context(), rules)
	all := everyRole(strings.Repeat("Adobe Photoshop Steps: 20, Sampler: x ", 100))
	match(whole, all)
	half := newSearch(&giveUp{Context: t.Context(), after: 10}, rules)
	match(half, all)
	if half.spent >= whole.spent || half.read >= whole.read {
		t.Errorf("%d bytes and %d bytes were looked at although nobody waited, %d and %d otherwise", half.spent, half.read, whole.spent, whole.read)
	}
}

// BenchmarkHostile is what a byte costs that was written to cost much, beside ordinary text.
func BenchmarkHostile(b *testing.B) {
	values := map[string]string{
		"ordinary":  strings.Repeat("A view of the hills in the evening, taken from the balcony of the house. ", 4000),
		"options":   strings.Repeat(" --v ", 50_000),
		"jobs":      strings.Repeat("Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4\n", 6000),
		"steps":     strings.Repeat("Steps: 20, ", 25_000),
		"json":      `{"seed":1,"steps":` + strings.Repeat(`{"class_type" `, 20_000),
		"backslash": strings.Repeat(`\`, 250_000),
	}
	for name, value := range values {
		b.Run(name, func(b *testing.B) {
			all := everyRole(value)
			b.SetBytes(int64(len(all) * len(value)))
			for b.Loop() {
				match(newSearch(b.Context(), rules), all)
			}
		})
	}
}
