// Package plot draws small plots for pages and reports: HTML with SVG inside, made on the
// server, without a script.
//
// Every plot has its figures in words: bars are a table whose rows have a bar in them, columns
// have the table behind a fold. Text is HTML and keeps its size on a phone and on paper; only
// the shapes stretch. Parts differ by pattern as well as by colour. A value that is not known is
// written as "unknown" and has no bar. Labels and links are escaped here, so that they may come
// from strangers.
//
// The plots carry no style of their own, because pages forbid it: a page includes CSS once. It
// takes the page's custom properties (--ink, --soft, --line, --sheet, --brand) where there are
// any, and the reader's light or dark setting.
package plot

import (
	"bytes"
	_ "embed"
	"hash/fnv"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// CSS is the style of all plots. Include it once in a page or report.
//
//go:embed plot.css
var CSS string

// Row is one bar, or one part of a whole.
type Row struct {
	Label string
	Link  string  // where the label leads, "" for nowhere; addresses other than http, https and relative ones are dropped
	Value float64 // negative and not-a-number count as 0
	// Text is how the value is written. Default: a whole number with thin spaces.
	Text string
	// Unknown says that the value is not known: "unknown" is written, and Value is not used.
	Unknown bool
}

// Series is one kind of part in stacked columns; it has one value for each label.
type Series struct {
	Name   string
	Values []float64 // missing ones are 0
}

// Kinds is how many parts can be told apart by pattern. More series or parts than that
// begin again with the first pattern.
const Kinds = 6

// Bars draws one horizontal bar a row, in the order given, each as long as its part of the
// largest value. Without rows it says that there is nothing to show.
func Bars(title string, rows []Row) template.HTML {
	most := 0.0
	for _, r := range rows {
		most = max(most, r.known())
	}
	return draw("bars", figure{Title: title, Rows: shown(rows, most)})
}

// Share draws one bar that is divided among the rows, with each one's percentage beside its
// label. Where a row is unknown there is no whole, hence no percentage and no bar.
func Share(title string, rows []Row) template.HTML {
	whole, unknown := 0.0, false
	for _, r := range rows {
		whole += r.known()
		unknown = unknown || r.Unknown
	}
	f := figure{Title: title, Rows: shown(rows, whole), ID: mark(title, rows)}
	x := 0.0
	for i := range f.Rows {
		r := &f.Rows[i]
		if whole > 0 && !unknown {
			r.Percent = Percent(rows[i].known(), whole)
			r.X = percent(x / whole)
			x += rows[i].known()
		}
		if r.Width != "0%" && r.Percent != "" {
			f.Parts = append(f.Parts, *r)
		}
	}
	return draw("share", f)
}

// Columns draws one column a label, from left to right, with the series stacked from the
// bottom in their order, and a scale that begins at 0.
func Columns(title string, labels []string, series []Series) template.HTML {
	f := figure{Title: title, Labels: labels, ID: mark(title, labels)}
	for i, s := range series {
		f.Series = append(f.Series, named{s.Name, i % Kinds})
	}
	tallest, at := 0.0, 0
	for i, label := range labels {
		sum := 0.0
		line := line{Label: label}
		for _, s := range series {
			v := s.at(i)
			sum += v
			line.Values = append(line.Values, Count(v))
		}
		line.Sum = Count(sum)
		f.Lines = append(f.Lines, line)
		if sum > tallest {
			tallest, at = sum, i
		}
	}
	step := stepFor(tallest)
	ticks := math.Ceil(tallest / step)
	for t := ticks; t >= 0; t-- {
		f.Ticks = append(f.Ticks, tick{Count(t * step), percent(1 - t/max(1, ticks))})
	}
	n := float64(len(labels))
	gap := 0.1
	if n > 60 {
		gap = 0 // columns a few pixels wide have no room for gaps
	}
	for i, label := range labels {
		c := column{Label: label, Sum: f.Lines[i].Sum, X: percent(float64(i) / n), Wide: percent(1 / n)}
		top := 1.0
		for j, s := range series {
			high := s.at(i) / max(1, ticks*step)
			if high == 0 {
				continue
			}
			top -= high
			c.Parts = append(c.Parts, part{Kind: j % Kinds, X: percent((float64(i) + gap) / n), Width: percent((1 - 2*gap) / n), Y: percent(top), Height: percent(high)})
		}
		f.Columns = append(f.Columns, c)
	}
	if len(labels) > 0 {
		f.First, f.Last = labels[0], labels[len(labels)-1]
		f.Middle = labels[len(labels)/2]
		f.Words = f.First + " to " + f.Last + "; most in " + labels[at] + ": " + f.Lines[at].Sum + ". The figures are in the table below."
		if tallest == 0 {
			f.Words = f.First + " to " + f.Last + "; all are 0."
		}
	}
	return draw("columns", f)
}

func (r Row) known() float64 {
	if r.Unknown {
		return 0
	}
	return positive(r.Value)
}

func (s Series) at(i int) float64 {
	if i >= len(s.Values) {
		return 0
	}
	return positive(s.Values[i])
}

// positive is the value, 0 where it is no length. The bound keeps sums finite.
func positive(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, 1e18)
}

// shown makes the rows as they are written, each as long as its part of whole.
func shown(rows []Row, whole float64) []drawn {
	out := make([]drawn, len(rows))
	for i, r := range rows {
		d := drawn{Row: r, Kind: i % Kinds, Width: "0%"}
		if d.Text == "" {
			d.Text = Count(r.known())
		}
		if r.Unknown {
			d.Text = "unknown"
		} else if whole > 0 {
			d.Width = percent(r.known() / whole)
		}
		out[i] = d
	}
	return out
}

// percent is a length as SVG wants it. A thousandth is finer than any screen.
func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e5)/1e3, 'f', -1, 64) + "%"
}

// Percent says a share in words: what is not nothing is never "0 %", and what is not all is
// never "100 %". Of nothing there is no share, which is "–".
func Percent(part, whole float64) string {
	switch p := 100 * part / whole; {
	case whole <= 0 || math.IsNaN(p):
		return "–"
	case part > 0 && p < 1:
		return "< 1 %"
	case part < whole && p > 99:
		return "> 99 %"
	default:
		return strconv.FormatFloat(math.Round(p), 'f', -1, 64) + " %"
	}
}

// Count writes a whole number with narrow spaces between thousands.
func Count(v float64) string {
	digits := strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// stepFor is the distance of the scale's lines: 1, 2 or 5 times a power of ten, so that there
// are two to five of them.
func stepFor(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most/2)))
	for _, m := range []float64{1, 2, 5} {
		if step := max(1, m*unit); most/step <= 5 {
			return step
		}
	}
	return max(1, 10*unit)
}

// mark tells the patterns of one plot from those of another on the same page.
func mark(of ...any) string {
	h := fnv.New32a()
	for _, o := range of {
		switch o := o.(type) {
		case string:
			h.Write([]byte(o + "\x00"))
		case []string:
			h.Write([]byte(strings.Join(o, "\x00")))
		case []Row:
			for _, r := range o {
				h.Write([]byte(r.Label + "\x00"))
			}
		}
	}
	return "plot-" + strconv.FormatUint(uint64(h.Sum32()), 36)
}

// What the templates are given.
type (
	figure struct {
		Title, ID, Words    string
		Rows, Parts         []drawn
		Labels              []string
		First, Middle, Last string
		Series              []named
		Lines               []line
		Ticks               []tick
		Columns             []column
	}
	drawn struct {
		Row
		Kind              int
		X, Width, Percent string
	}
	named struct {
		Name string
		Kind int
	}
	line struct {
		Label  string
		Values []string
		Sum    string
	}
	tick   struct{ Text, Y string }
	column struct {
		Label, Sum, X, Wide string
		Parts               []part
	}
	part struct {
		Kind                int
		X, Width, Y, Height string
	}
)

//go:embed plot.html
var page string

var templates = template.Must(template.New("plot").Parse(page))

func draw(name string, f figure) template.HTML {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, f); err != nil {
		panic("plot: " + err.Error()) // the templates take any figure; a mistake in them shows in the first test
	}
	return template.HTML(b.String())
}
