package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/plot"
	"github.com/cordonhq/cordon/internal/visible"
)

//go:embed report.css
var styleSheet string

//go:embed shadow.html
var shadowHTML string

// shadowPage is parsed at start: a mistake in it ends the program before it serves anything.
var shadowPage = template.Must(template.New("shadow").Funcs(template.FuncMap{
	"css":    func() template.CSS { return template.CSS(styleSheet + plot.CSS) },
	"number": anyNumber, "size": size, "words": words[desk.Answer],
	"met":  func(b *bool) bool { return b != nil && *b },
	"asks": func(a desk.Answer) bool { return a == desk.AnswerGo || a == desk.AnswerNotYet },
	"path": func(cordon.ID) string { return "" }, // replaced for each report
}).Parse(shadowHTML))

func anyNumber(n any) string {
	switch n := n.(type) {
	case int:
		return number(n)
	case int64:
		return number(n)
	}
	return unknown
}

// shadowPlots is a view with its plots.
type shadowPlots struct {
	view
	Back                                                      string
	PerDay, HeldPerDay, ByKind, ByOutcome, ByReason, ByUnread template.HTML
}

// mostRows is how many rows a plot has; the rest is one more.
const mostRows = 10

// ShadowHTML writes a shadow report as one page that needs nothing else: no script, and
// nothing from elsewhere. base is the console's address, to which samples lead; "" leads there
// on the page's own server. back is where a link at the top leads, "" for no link.
func ShadowHTML(w io.Writer, r desk.Shadow, base, back string) error {
	v := shadowPlots{view: look(r, base), Back: back}
	var days []string
	var came, history, held []float64
	for _, d := range r.Days {
		days = append(days, d.Day)
		came, history, held = append(came, float64(d.Items)), append(history, float64(d.History)), append(held, float64(d.Hold))
	}
	series := []plot.Series{{Name: "files", Values: came}}
	if r.Review.History > 0 || anyOf(history) {
		series = append(series, plot.Series{Name: "looked at by a backfill", Values: history})
	}
	v.PerDay = plot.Columns("Files a day", days, series)
	v.HeldPerDay = plot.Columns("Would be held a day, without backfills", days, []plot.Series{{Name: "would be held", Values: held}})

	var kinds, outcomes, reasons, unread []plot.Row
	for _, k := range r.Kinds {
		kinds = append(kinds, plot.Row{Label: k.MediaType, Value: float64(k.Items)})
	}
	for _, o := range r.Outcomes {
		outcomes = append(outcomes, plot.Row{Label: words(o.Outcome), Value: float64(o.Items)})
	}
	for _, x := range r.Reasons {
		reasons = append(reasons, plot.Row{Label: x.Text, Value: float64(x.Items)})
	}
	for _, u := range r.Unexamined {
		unread = append(unread, plot.Row{Label: u.Text, Value: float64(u.Items)})
	}
	v.ByKind, v.ByOutcome = plot.Bars("By type, by content", few(kinds)), plot.Bars("By outcome", outcomes)
	v.ByReason, v.ByUnread = plot.Bars("By reason", reasons), plot.Bars("By reason", unread)

	page, err := shadowPage.Clone()
	if err != nil {
		return err
	}
	var b bytes.Buffer // so that a mistake does not leave half a page
	if err := page.Funcs(template.FuncMap{"path": v.path}).Execute(&b, v); err != nil {
		return err
	}
	_, err = w.Write(visible.HTML(b.Bytes()))
	return err
}

func anyOf(values []float64) bool {
	for _, v := range values {
		if v != 0 {
			return true
		}
	}
	return false
}

// few keeps the first rows and adds up the others.
func few(rows []plot.Row) []plot.Row {
	if len(rows) <= mostRows+1 {
		return rows
	}
	rest := plot.Row{Label: "others"}
	for _, r := range rows[mostRows:] {
		rest.Value += r.Value
	}
	return append(rows[:mostRows:mostRows], rest)
}
