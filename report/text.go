package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/visible"
)

// width is how many columns a report takes on a terminal.
const width = 100

// printer writes lines of at most width columns.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(visible.Text(fmt.Sprintf(format, args...)), " "))
	}
}

// head writes a heading.
func (p *printer) head(text string) {
	p.line("")
	p.line("%s", text)
	p.line("%s", strings.Repeat("-", utf8.RuneCountInString(text)))
}

// prose writes text broken into lines, with an indent.
func (p *printer) prose(indent int, text string) {
	pad := strings.Repeat(" ", indent)
	line := ""
	for _, w := range strings.Fields(visible.Text(text)) {
		if line != "" && indent+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			p.line("%s%s", pad, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+w, " ")
	}
	p.line("%s%s", pad, line)
}

// table writes rows under heads. The first column takes what the others leave, and is cut
// where that is not enough; the others are set to the right.
func (p *printer) table(heads []string, rows [][]string) {
	if len(rows) == 0 {
		p.line("  nothing")
		return
	}
	for _, row := range rows { // as they are shown, so that columns keep their width
		for i := range row {
			row[i] = visible.Line(row[i])
		}
	}
	wide := make([]int, len(heads))
	for _, row := range append([][]string{heads}, rows...) {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	rest := width - 2
	for _, w := range wide[1:] {
		rest -= w + 2
	}
	wide[0] = max(8, min(wide[0], rest))
	for _, row := range append([][]string{heads}, rows...) {
		line := "  " + fit(row[0], wide[0])
		for i, cell := range row[1:] {
			line += "  " + strings.Repeat(" ", wide[i+1]-utf8.RuneCountInString(cell)) + cell
		}
		p.line("%s", line)
	}
}

// fit pads or cuts s to n columns.
func fit(s string, n int) string {
	runes := []rune(s)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s + strings.Repeat(" ", n-len(runes))
}

// ShadowText writes a shadow report for a terminal of 100 columns. base is the console's
// address, "" if unknown.
func ShadowText(w io.Writer, r desk.Shadow, base string) error {
	p := &printer{w: w}
	v := look(r, base)
	p.line("Shadow report for %s, %s", string(r.Tenant), v.Period)
	p.line("")
	p.line("  Share examined     %s", v.Share)
	p.prose(21, v.ShareText)
	p.line("  Files on record    %s, %s", number(r.Total.Items), size(r.Total.Bytes))
	p.line("  Would be held      %s, %s", number(r.Total.WouldHold), v.HoldText)
	p.line("  Recall             %s", r.Recall.Text)

	p.head("Go, not yet, where first")
	p.prose(2, r.Decision.Text)
	for _, a := range r.Decision.Answers {
		p.line("")
		p.line("  %-12s %s, channel %s", answerWord(a.Answer), a.Route, string(a.Channel))
		p.prose(15, a.Text)
	}
	p.line("")
	p.line("  The rules, the same for every way in; what is unknown is not enough:")
	for _, rule := range r.Decision.Rules {
		p.line("  %-12s %s", rule.Rule, rule.Text)
	}

	p.head("What came, by channel")
	rows := [][]string{}
	for _, x := range r.Parts {
		rows = append(rows, []string{string(x.Channel) + " / " + x.Route, string(x.Mode), number(x.Count.Items), size(x.Count.Bytes), number(x.Count.WouldHold), number(x.Count.Held),
			number(x.Count.NotTested), number(x.Count.Unread), number(x.Days)})
	}
	p.table([]string{"CHANNEL / ROUTE", "MODE", "FILES", "BYTES", "WOULD HOLD", "HELD", "NOT TESTED", "UNREAD", "DAYS"}, rows)

	p.head("What would be held, and why")
	if len(r.Reasons) == 0 {
		p.line("  nothing")
	}
	for _, x := range r.Reasons {
		p.line("  %s  %s", fit(string(x.Reason), 22), number(x.Items))
		p.prose(4, x.Text)
		for _, s := range x.Samples {
			p.line("      %s", v.link(s.ID))
		}
	}

	p.head("What could not be examined, and why")
	rows = [][]string{}
	for _, x := range r.Unexamined {
		rows = append(rows, []string{x.Text, number(x.Items), size(x.Bytes)})
	}
	p.table([]string{"WHY", "FILES", "BYTES"}, rows)

	p.head("Reviewers")
	for _, line := range v.Review {
		p.prose(2, line)
	}

	p.head("Time that inspection takes")
	rows = [][]string{}
	for _, z := range v.Sizes {
		rows = append(rows, []string{z.Name, number(z.Items), z.P50, z.P95, z.Most, z.InlineP50, z.InlineP95})
	}
	p.table([]string{"SIZE", "FILES", "MEDIAN", "95 %", "LONGEST", "INLINE MEDIAN", "INLINE 95 %"}, rows)
	p.prose(2, r.Latency.About)
	p.prose(2, r.Latency.Inline)

	p.head("API calls")
	rows = [][]string{}
	for _, x := range v.Spent {
		rows = append(rows, []string{x.What, x.Calls, x.Since})
	}
	p.table([]string{"SPENT BY", "CALLS", "SINCE"}, rows)
	for _, x := range v.Spent {
		p.prose(2, x.What+": "+x.About+".")
	}
	p.line("  %s", v.Allowance)

	p.head("Checks and policies")
	rows = [][]string{}
	for _, x := range r.Checks {
		rows = append(rows, []string{x.Detector + " " + x.Version, number(x.Findings), number(x.Failed)})
	}
	p.table([]string{"CHECK", "FINDINGS", "DID NOT FINISH"}, rows)
	p.line("")
	rows = [][]string{}
	for _, x := range r.Policies {
		rows = append(rows, []string{x.Policy, number(x.Items)})
	}
	p.table([]string{"POLICY", "VERDICTS"}, rows)
	p.replay(r.Replay, v)
	return p.err
}

func (p *printer) replay(r *desk.ShadowReplay, v view) {
	if r == nil {
		return
	}
	p.head("Decided again under " + r.Policy)
	for _, line := range v.Replay {
		p.prose(2, line)
	}
	p.line("")
	rows := [][]string{}
	for _, x := range r.Parts {
		rows = append(rows, []string{string(x.Channel) + " / " + x.Route, number(x.Decided), number(x.Changed), number(x.ToPass), number(x.ToHold)})
	}
	p.table([]string{"CHANNEL / ROUTE", "DECIDED", "CHANGED", "HOLD TO PASS", "PASS TO HOLD"}, rows)
	if len(r.Reasons) > 0 {
		p.line("")
		rows = [][]string{}
		for _, x := range r.Reasons {
			rows = append(rows, []string{x.Text, number(x.ToPass), number(x.ToHold)})
		}
		p.table([]string{"BY REASON", "HOLD TO PASS", "PASS TO HOLD"}, rows)
	}
	p.line("")
	p.line("  Would have to be fetched again:")
	rows = [][]string{}
	for _, x := range r.Wanting {
		rows = append(rows, []string{x.Text, number(x.Items)})
	}
	p.table([]string{"WHY", "FILES"}, rows)
}
