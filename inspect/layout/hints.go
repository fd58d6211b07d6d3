package layout

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/media/pdf"
)

// afford counts comparisons, so that a page of many small things costs no more than others.
func (d *look) afford(n int) bool {
	const most = 50_000_000
	d.compared += n
	return d.compared <= most
}

// overlays looks for text that was covered, and for what was written over it.
func (d *look) overlays(p *page) {
	visible := slices.DeleteFunc(slices.Clone(p.runs), func(r run) bool { return r.hidden })
	if !d.afford(2 * len(p.covers) * len(visible)) {
		return
	}
	inPictures := 0
	for _, c := range p.covers {
		if !c.picture {
			continue
		}
		for _, r := range visible {
			if x, y := r.middle(); r.seq < c.seq && c.rect.has(x, y) {
				inPictures++
			}
		}
	}
	// A scan is laid over its text, whole or in strips.
	scan := inPictures*2 > len(visible)
	for _, c := range p.covers {
		if c.rect.area() > 0.4*p.box.area() {
			continue
		}
		var under, over rect
		for _, r := range visible {
			x, y := r.middle()
			switch {
			case !c.rect.has(x, y):
			case r.seq < c.seq:
				under = under.with(r.rect())
			default:
				over = over.with(r.rect())
			}
		}
		switch {
		case under == (rect{}):
		case over != (rect{}):
			d.hint("text-over-text", p, c.object, c.rect)
		case c.picture && !scan:
			d.hint("picture-over-text", p, c.object, c.rect)
		}
	}
	for _, n := range p.notes {
		for _, r := range visible {
			if x, y := r.middle(); n.rect.has(x, y) {
				d.hint("note-over-text", p, n.object, n.rect)
				break
			}
		}
	}
}

var (
	number    = regexp.MustCompile(`^[<>]?\s*[0-9][0-9.,]*$`)
	endsIn    = regexp.MustCompile(`[0-9][.,]?$`)
	beginsIn  = regexp.MustCompile(`^[.,]?[0-9]`)
	plainText = regexp.MustCompile(`^[\x20-\x7e]*$`)
)

// numbers looks for numbers that are not drawn as what is around them.
func (d *look) numbers(p *page) {
	var runs []run
	for _, r := range p.runs {
		if !r.hidden && !r.turned && r.size > 3 && r.font != nil {
			r.number = number.MatchString(strings.TrimSpace(r.text))
			runs = append(runs, r)
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int {
		if math.Abs(a.y-b.y) > 0.1*min(a.size, b.size) {
			return int(math.Copysign(1, b.y-a.y))
		}
		return int(math.Copysign(1, a.x-b.x))
	})
	d.spliced(p, runs)
	d.strangers(p, runs)
}

// spliced finds one number in two fonts or sizes.
func (d *look) spliced(p *page, runs []run) {
	for i := 1; i < len(runs); i++ {
		a, b := runs[i-1], runs[i]
		gap := b.x - a.end
		em := max(a.size, b.size)
		if math.Abs(a.y-b.y) > 0.05*em || gap > 0.2*em || gap < -0.35*em || !endsIn.MatchString(a.text) || !beginsIn.MatchString(b.text) {
			continue
		}
		ratio := max(a.size, b.size) / min(a.size, b.size)
		switch {
		case a.font != b.font && !sameFont(a.font, b.font), ratio > 1.03 && ratio < 1.25:
			odd := b
			if d.afford(2*len(runs)) && count(runs, a.font) < count(runs, b.font) {
				odd = a
			}
			d.hint("number-spliced", p, odd.object, a.rect().with(b.rect()))
		}
	}
}

// sameFont reports whether two fonts are one that a writer keeps twice, as some do for letters
// beyond a code page.
func sameFont(a, b *font) bool {
	return a.name == b.name && a.prefix == b.prefix
}

func count(runs []run, f *font) (n int) {
	for _, r := range runs {
		if r.font == f {
			n += len(r.text)
		}
	}
	return n
}

// strangers finds numbers in a font or size that hardly anything else on the page is in, in a
// line that is otherwise in another.
func (d *look) strangers(p *page, runs []run) {
	letters, times := map[*font]int{}, map[*font]int{}
	sizes := map[float64]int{}
	for _, r := range runs {
		letters[r.font] += len(r.text)
		times[r.font]++
		if r.number {
			sizes[tenth(r.size)]++
		}
	}
	for i, r := range runs {
		if !r.number || times[r.font] > 3 || !plainText.MatchString(r.text) {
			continue
		}
		// What stands beside it in the line.
		var beside []run
		for _, j := range []int{i - 1, i + 1} {
			if j >= 0 && j < len(runs) && math.Abs(runs[j].y-r.y) <= 0.3*r.size && runs[j].font != r.font {
				beside = append(beside, runs[j])
			}
		}
		for _, n := range beside {
			switch {
			case letters[n.font] < 20 || sameFont(n.font, r.font):
				continue
			case n.font.name == r.font.name:
				d.hint("number-other-subset", p, r.object, r.rect())
			case n.font.family() != r.font.family() && letters[r.font] == len(r.text)*times[r.font] &&
				d.column(runs, r, func(o run) bool { return o.font == n.font }) >= 3:
				d.hint("number-other-font", p, r.object, r.rect())
			default:
				continue
			}
			break
		}
	}
	// A size that is nearly that of the numbers above and below it.
	for _, r := range runs {
		if !r.number || sizes[tenth(r.size)] > 2 {
			continue
		}
		for size := range sizes {
			ratio := r.size / size
			if math.Abs(ratio-1) > 0.015 && math.Abs(ratio-1) < 0.1 && d.column(runs, r, func(o run) bool { return o.font == r.font && tenth(o.size) == size }) >= 5 {
				d.hint("number-other-size", p, r.object, r.rect())
				break
			}
		}
	}
}

// column counts the numbers that stand above or below one, flush left or right with it.
func (d *look) column(runs []run, r run, is func(run) bool) (n int) {
	if !d.afford(len(runs)) {
		return 0
	}
	for _, o := range runs {
		if o.seq != r.seq && math.Abs(o.y-r.y) > 0.5*r.size && (math.Abs(o.x-r.x) < 1.5 || math.Abs(o.end-r.end) < 1.5) &&
			o.number && is(o) {
			n++
		}
	}
	return n
}

func tenth(size float64) float64 { return math.Round(size*10) / 10 }

// revisions compares what pages show with what they showed in the revision before.
func (d *look) revisions(now []*page) error {
	const most = 8
	ends := d.Revisions
	if len(ends) < 2 || len(ends) > 100 {
		return nil
	}
	later := now
	for i := len(ends) - 2; i >= max(0, len(ends)-1-most); i-- {
		before, err := d.draw(d.View(ends[i]))
		if err != nil {
			return err
		}
		for k := range min(len(before), len(later)) {
			d.compare(before[k], later[k], i+2, ends[i], ends[i+1])
		}
		later = before
	}
	return nil
}

func (d *look) compare(was, is *page, revision int, from, to int64) {
	if slices.Equal(was.stream, is.stream) && !d.rewritten(is.stream, from, to) {
		return
	}
	key := func(r run) string { return fmt.Sprintf("%s %.1f %.1f", r.text, r.x, r.y) }
	there := map[string]int{}
	for _, r := range was.runs {
		there[key(r)]++
	}
	var where rect
	object := is.object
	changed := 0
	for _, r := range is.runs {
		if there[key(r)]--; there[key(r)] < 0 {
			where = where.with(r.rect())
			object = r.object
			changed++
		}
	}
	gone := 0
	for _, n := range there {
		gone += max(0, n)
	}
	h := Hint{Page: is.number, Object: object, Rect: where.rounded(), Revision: revision, From: from, To: to}
	switch {
	case changed+gone > 0:
		h.Kind = "text-changed-later"
	case len(was.covers) != len(is.covers):
		h.Kind, h.Rect = "drawing-changed-later", [4]float64{}
		if n := len(is.covers); n > 0 {
			h.Object, h.Rect = is.covers[n-1].object, is.covers[n-1].rect.rounded()
		}
	default:
		return
	}
	h.Means = kinds[h.Kind]
	if len(d.hints) < maxHints {
		d.hints = append(d.hints, h)
	}
}

// rewritten reports whether one of the objects is written anew in the bytes of a revision.
func (d *look) rewritten(objects []int64, from, to int64) bool {
	return slices.ContainsFunc(d.Objects, func(o pdf.Object) bool {
		return o.At >= from && o.At < to && slices.Contains(objects, o.Number)
	})
}

var producer = regexp.MustCompile(`/Producer\s*(\((?:[^()\\]|\\.){0,300}\)|<[0-9A-Fa-f\s]{0,600}>)`)

// makers are the programs that the revisions name as their producers: more than one has had the
// document in hand, which is common and says nothing by itself.
func (d *look) makers() map[string]bool {
	out := map[string]bool{}
	for _, o := range d.Objects {
		if o.Packed == nil && o.End-o.Body > 4<<10 || len(out) > 16 {
			continue
		}
		b, err := d.BytesOf(o)
		if err != nil {
			return out
		}
		if m := producer.FindSubmatch(b); m != nil {
			out[string(bytes.Clone(m[1]))] = true
		}
	}
	return maps.Clone(out)
}
