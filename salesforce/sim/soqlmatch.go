package sim

import (
	"cmp"
	"strings"
)

// likeMatcher makes a test of a LIKE pattern: % any run, _ any one, case ignored.
func likeMatcher(v token) func(string) bool {
	type piece struct {
		r    rune
		wild bool
	}
	var pattern []piece
	for i, r := range v.text {
		pattern = append(pattern, piece{r, (r == '%' || r == '_') && !v.plain[i]})
	}
	for i := range pattern {
		if !pattern[i].wild {
			pattern[i].r = lowerRune(pattern[i].r)
		}
	}
	return func(s string) bool {
		text := []rune(strings.ToLower(s))
		// The usual two-pointer walk: on a mismatch, let the last % take one more.
		p, i, star, mark := 0, 0, -1, 0
		for i < len(text) {
			switch {
			case p < len(pattern) && pattern[p].wild && pattern[p].r == '%':
				star, mark = p, i
				p++
			case p < len(pattern) && (pattern[p].wild || pattern[p].r == text[i]):
				p++
				i++
			case star >= 0:
				mark++
				p, i = star+1, mark
			default:
				return false
			}
		}
		for p < len(pattern) && pattern[p].wild && pattern[p].r == '%' {
			p++
		}
		return p == len(pattern)
	}
}

func lowerRune(r rune) rune { return []rune(strings.ToLower(string(r)))[0] }

// holds says whether a record meets a bound condition.
func (t *tx) holds(r *record, c condition) bool {
	switch c := c.(type) {
	case nil:
		return true
	case *both:
		for _, term := range c.terms {
			if t.holds(r, term) != c.and {
				return !c.and
			}
		}
		return c.and
	case *negation:
		return !t.holds(r, c.term)
	case *comparison:
		v, _, _ := t.walk(r, c.bound.steps, c.path)
		return c.bound.compare(c.op, applyDate(c.apply, v))
	}
	return false
}

func (b *bound) compare(op string, v any) bool {
	text, _ := v.(string)
	if b.within != nil {
		return b.within[strings.ToLower(text)] == (op == "IN")
	}
	switch op {
	case "LIKE":
		return v != nil && b.match != nil && b.match(text)
	case "=", "IN":
		return b.equalsAny(v)
	case "!=", "NOT IN":
		return !b.equalsAny(v)
	}
	if v == nil {
		return false
	}
	if len(b.spans) > 0 {
		from, to := b.spans[0][0], b.spans[0][1]
		switch op {
		case "<":
			return text < from
		case "<=":
			return text < to
		case ">":
			return text >= to
		}
		return text >= from
	}
	order := compareValues(v, b.any[0])
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (b *bound) equalsAny(v any) bool {
	text, isText := v.(string)
	for _, span := range b.spans {
		if isText && text >= span[0] && text < span[1] {
			return true
		}
	}
	for _, want := range b.any {
		if w, is := want.(string); is && isText && strings.EqualFold(w, text) || want == v {
			return true
		}
	}
	return false
}

// compareValues orders two values of one field; null comes first.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case float64:
		if b, is := b.(float64); is {
			return cmp.Compare(a, b)
		}
	case bool:
		if b, is := b.(bool); is && a != b {
			if a {
				return 1
			}
			return -1
		}
	case string:
		if b, is := b.(string); is {
			if a == b {
				return 0
			}
			return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
		}
	}
	return 0
}
