package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// State is what a line says.
type State string

// States. Unknown means that it was not tried, or that no answer settles it.
const (
	OK      State = "ok"
	Missing State = "missing"
	Unknown State = "unknown"
	Warning State = "warning"
)

// Line is one thing that was looked at.
type Line struct {
	Tenant string `json:"tenant"` // "" where it concerns the gateway itself
	Check  string `json:"check"`  // a stable name, for example "sign-in"
	State  State  `json:"state"`
	// Needed says of something missing that Cordon does not do its work without it, as it is
	// configured. What is not needed makes it better or faster.
	Needed   bool   `json:"needed"`
	Says     string `json:"says"`
	Evidence string `json:"evidence"` // the call made, the file looked at
	Do       string `json:"do"`       // how to get what is missing; "" when there is nothing to do
}

// Report is all lines, in the order they were looked at.
type Report struct {
	Schema int            `json:"schema"`
	At     time.Time      `json:"at"`
	Ready  bool           `json:"ready"` // nothing that Cordon needs is missing
	Counts map[State]int  `json:"counts"`
	Lines  []Line         `json:"lines"`
	Egress []EgressTarget `json:"egress"`
}

// JSON writes the report as one document.
func (r Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	width := 0
	for _, l := range r.Lines {
		width = max(width, len(l.Check))
	}
	last := "\x00"
	for _, l := range r.Lines {
		if l.Tenant != last {
			if last != "\x00" {
				b.WriteByte('\n')
			}
			last = l.Tenant
			if l.Tenant == "" {
				fmt.Fprintln(&b, "Here")
			} else {
				fmt.Fprintf(&b, "Org of %s\n", l.Tenant)
			}
		}
		fmt.Fprintf(&b, "  %-8s %-*s %s\n", l.State, width, l.Check, l.Says)
		fmt.Fprintf(&b, "  %-8s %-*s   because: %s\n", "", width, "", l.Evidence)
		if l.Do != "" {
			fmt.Fprintf(&b, "  %-8s %-*s   to do: %s\n", "", width, "", l.Do)
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d missing, %d warnings, %d unknown. ", r.Counts[OK], r.Counts[Missing], r.Counts[Warning], r.Counts[Unknown])
	needed := []string{}
	for _, l := range r.Lines {
		if l.State == Missing && l.Needed {
			needed = append(needed, strings.TrimPrefix(l.Tenant+": "+l.Check, ": "))
		}
	}
	if len(needed) > 0 {
		fmt.Fprintf(&b, "Missing and needed: %s.\n", strings.Join(needed, ", "))
	} else {
		fmt.Fprintln(&b, "Nothing that Cordon needs is missing.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// report is a report in the making.
type report struct {
	at     time.Time
	lines  []Line
	egress []EgressTarget
}

// lines adds to a report, always for the same tenant.
type lines struct {
	*report
	tenant string
}

func (r *report) of(tenant string) *lines { return &lines{r, tenant} }

func (l *lines) add(line Line) {
	line.Tenant = l.tenant
	if line.State != Missing {
		line.Needed = false
	}
	l.report.lines = append(l.report.lines, line)
}

func (r *report) done() Report {
	out := Report{Schema: 1, At: r.at.UTC(), Ready: true, Lines: r.lines, Egress: r.egress,
		Counts: map[State]int{OK: 0, Missing: 0, Unknown: 0, Warning: 0}}
	if out.Lines == nil {
		out.Lines = []Line{}
	}
	if out.Egress == nil {
		out.Egress = []EgressTarget{}
	}
	for _, l := range out.Lines {
		out.Counts[l.State]++
		out.Ready = out.Ready && !l.Needed
	}
	return out
}
