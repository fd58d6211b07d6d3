package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Report says how an org answered. It is redacted: neither host nor ids, names, addresses,
// tokens or content of the org are in it, so that it can be committed as
// docs/conformance/DATE.md.
type Report struct {
	Schema  int       `json:"schema"`
	At      time.Time `json:"at"`
	Cordon  string    `json:"cordon,omitempty"` // version of the program
	Version string    `json:"api_version"`
	Kind    string    `json:"org"` // sandbox, trial or production

	Budget      int      `json:"budget"`
	Calls       int      `json:"calls"` // to the org, cleaning up included
	Interrupted bool     `json:"interrupted"`
	Scripts     []Result `json:"scripts"`

	Differences []Difference `json:"differences"`
	Facts       []Fact       `json:"facts"`
	Removal     Removal      `json:"removal"`
}

// States of a script that was to run.
const (
	Same    = "same"    // every answer was the simulator's
	Differs = "differs" // some were not
	Absent  = "absent"  // the org lacks what it is about
	Stopped = "stopped" // it could not go on after an answer that differs
	NotRun  = "not-run" // the budget or an interrupt left no room for it
)

// Result is how one script went.
type Result struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Steps int    `json:"steps"` // that were asked of the org
	Calls int    `json:"calls"`
	At    string `json:"at,omitempty"` // the step that it stopped at
}

// Fact is something worth knowing of the org that is neither right nor wrong.
type Fact struct {
	Script string `json:"script"`
	What   string `json:"what"`
	Org    string `json:"org"`
	Sim    string `json:"simulator"`
}

// Removal is what became of the records that the run made.
type Removal struct {
	Made    int    `json:"made"`
	Removed int    `json:"removed"`
	Purged  int    `json:"purged"` // of these, out of the recycle bin as well
	Left    []Left `json:"left"`
}

// Left says what could not be removed, without saying which.
type Left struct {
	Object string `json:"object"`
	Count  int    `json:"count"`
	Why    string `json:"why"`
}

// Clean reports whether nothing of the run is left in the org but what the recycle bin keeps.
func (r Removal) Clean() bool { return len(r.Left) == 0 }

// JSON writes the report as one document.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// Markdown writes the report for readers.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Conformance, %s\n\n", r.At.UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, "The scripts of `cordon sim conformance` on a %s org and on the simulator, API version %s.\n", r.Kind, r.Version)
	b.WriteString("Values that only the org knows are replaced by their class and length.\n\n")
	counts := map[string]int{}
	for _, s := range r.Scripts {
		counts[s.State]++
	}
	fmt.Fprintf(&b, "| | |\n|---|---|\n| Scripts | %d the same, %d different, %d stopped, %d not in this org, %d not run |\n",
		counts[Same], counts[Differs], counts[Stopped], counts[Absent], counts[NotRun])
	fmt.Fprintf(&b, "| Differences | %d |\n| API calls | %d of at most %d |\n", len(r.Differences), r.Calls, r.Budget)
	fmt.Fprintf(&b, "| Records | %d made, %d removed, %d of these out of the recycle bin |\n", r.Removal.Made, r.Removal.Removed, r.Removal.Purged)
	for _, l := range r.Removal.Left {
		fmt.Fprintf(&b, "| Not removed | %d %s: %s |\n", l.Count, l.Object, l.Why)
	}
	if r.Cordon != "" {
		fmt.Fprintf(&b, "| Cordon | %s |\n", cell(r.Cordon))
	}
	if r.Interrupted {
		b.WriteString("\nThe run was interrupted, so that later scripts were not tried.\n")
	}
	b.WriteString("\n## Differences\n\n")
	if len(r.Differences) == 0 {
		b.WriteString("None.\n")
	} else {
		b.WriteString("| Script | Step | Where | Kind | The org | The simulator | Expected |\n|---|---|---|---|---|---|---|\n")
		for _, d := range r.Differences {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(d.Script), cell(d.Step), code(d.Path), d.Kind, cell(d.Org), cell(d.Sim), cell(d.Want))
		}
	}
	if len(r.Facts) > 0 {
		b.WriteString("\n## Worth knowing\n\n| Script | What | The org | The simulator |\n|---|---|---|---|\n")
		for _, f := range r.Facts {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(f.Script), cell(f.What), cell(f.Org), cell(f.Sim))
		}
	}
	b.WriteString("\n## Scripts\n\n| Script | State | Calls |\n|---|---|---|\n")
	for _, s := range r.Scripts {
		state := s.State
		if s.At != "" {
			state += " at " + s.At
		}
		fmt.Fprintf(&b, "| %s | %s | %d |\n", cell(s.Name), cell(state), s.Calls)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell keeps a text inside its cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}

func code(s string) string { return "`" + strings.ReplaceAll(cell(s), "`", "'") + "`" }
