package conformance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// DefaultBudget is how many API calls a run may spend unless it is told otherwise. All scripts
// need fewer; Estimate says how many.
const DefaultBudget = 400

// preflight is how many calls a run makes before its first script.
const preflight = 3

// Run asks an org and the simulator the same questions.
type Run struct {
	Org       Org // the org that is asked
	Simulator Org // what it is compared with; of the same API version
	Scripts   []Script
	// Budget is the most calls that the org gets, cleaning up included. Default: DefaultBudget.
	Budget int
	// Journal is the file that says what is made. It is removed when the org is clean.
	Journal string
	// ForceProduction allows an org that looks like production.
	ForceProduction bool
	// Program is the version of the program, for the report.
	Program string
	// Notes gets progress for a person, and ids of what could not be removed. May be nil.
	Notes io.Writer
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
	// Pause waits between calls that are repeated. Default: as long as it is told.
	Pause func(context.Context, time.Duration)
}

// Estimate is the most calls that scripts spend, cleaning up included.
func Estimate(scripts []Script) int {
	calls, records := preflight, 0
	for _, s := range scripts {
		calls += s.Calls()
		records += s.Makes()
	}
	return calls + reserve(records)
}

// Do runs the scripts and cleans up. When ctx ends it stops between two calls, cleans up all
// the same, and says so in the report. An error means that there is no report; what was made
// then is in the journal, if there is one.
func (r *Run) Do(ctx context.Context) (report *Report, err error) {
	r.Budget = cmp.Or(r.Budget, DefaultBudget)
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if r.Pause == nil {
		r.Pause = pause
	}
	if least := preflight + reserve(0) + 1; r.Budget < least {
		return nil, fmt.Errorf("%w: a budget of %d API calls is too small: %d are needed to look at the org and to clean up", cordon.ErrInvalid, r.Budget, least)
	}
	nonce := make([]byte, 6)
	rand.Read(nonce) // never fails
	marker := Marker + hex.EncodeToString(nonce)
	org, sim := newLine(r.Org, r.Budget), newLine(r.Simulator, 0)
	report = &Report{Schema: 1, At: r.Clock().UTC(), Cordon: r.Program, Version: r.Org.Version, Budget: r.Budget,
		Scripts: []Result{}, Differences: []Difference{}, Facts: []Fact{}, Removal: Removal{Left: []Left{}}}
	vars, kind, err := r.look(ctx, org)
	if err != nil {
		return nil, err
	}
	report.Kind = kind
	simVars, err := whoami(ctx, sim)
	if err != nil {
		return nil, fmt.Errorf("the simulator: %w", err)
	}
	vars["session"], simVars["session"] = r.Org.Token, r.Simulator.Token // for SOAP, which wants it in its envelope
	for _, v := range []Variables{vars, simVars} {
		v["v"], v["marker"] = r.Org.Version, marker
	}
	j, err := openJournal(r.Journal, r.Org.Base.Host, marker, r.Clock())
	if err != nil {
		return nil, err
	}
	made := 0
	for _, script := range r.Scripts {
		result := Result{Name: script.Name, State: NotRun}
		if ctx.Err() == nil && org.spent+script.Calls()+reserve(made+script.Makes()) <= r.Budget {
			before := org.spent
			p := pass{run: r, script: script, org: org, sim: sim, journal: j, vars: maps.Clone(vars), simVars: maps.Clone(simVars), report: report}
			result, err = p.do(ctx)
			if err != nil {
				break
			}
			result.Calls = org.spent - before
			made += p.made
			r.say("%-9s %s\n", result.State, script.Name)
		} else if ctx.Err() == nil {
			r.say("%-9s %s: it could spend more than the budget has left\n", result.State, script.Name)
		}
		report.Scripts = append(report.Scripts, result)
	}
	report.Interrupted = ctx.Err() != nil
	if closed := j.close(); err == nil {
		err = closed
	}
	removal, swept := r.sweep(ctx, org)
	report.Removal, report.Calls = removal, org.spent
	return report, errors.Join(err, swept)
}

// cleanupTime bounds cleaning up, which goes on after an interrupt.
const cleanupTime = 5 * time.Minute

func (r *Run) sweep(ctx context.Context, org *line) (Removal, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	l, err := readJournal(r.Journal)
	if err != nil {
		return Removal{Left: []Left{}}, err
	}
	s := sweeper{org, r.Pause, r.Notes, l}
	removal := s.sweep(ctx)
	if !removal.Clean() {
		r.say("not everything was removed; %s says what, and --cleanup tries again\n", r.Journal)
		return removal, nil
	}
	return removal, os.Remove(r.Journal)
}

func (r *Run) say(format string, args ...any) {
	if r.Notes != nil {
		fmt.Fprintf(r.Notes, format, args...)
	}
}

// whoami returns who the caller is and in which org.
func whoami(ctx context.Context, l *line) (Variables, error) {
	a, err := l.send(ctx, request{method: http.MethodGet, path: "/services/oauth2/userinfo"})
	if err != nil {
		return nil, err
	}
	user, org := at(a.Body, ".user_id"), at(a.Body, ".organization_id")
	if a.Status != http.StatusOK || len(user) != 1 || len(org) != 1 || !salesforce.IsID(user[0]) || !salesforce.IsID(org[0]) {
		return nil, fmt.Errorf("%w: who the token belongs to could not be asked: %w (is the token still good, and for this org?)", cordon.ErrForbidden, refused(a))
	}
	return Variables{"me": salesforce.LongID(user[0]), "org": salesforce.LongID(org[0])}, nil
}

// look asks what the org is, and refuses one that looks like production or has too few calls
// left.
func (r *Run) look(ctx context.Context, l *line) (Variables, string, error) {
	vars, err := whoami(ctx, l)
	if err != nil {
		return nil, "", err
	}
	a, err := l.ask(ctx, Step{Path: "/services/data"}, vars)
	if err != nil {
		return nil, "", err
	}
	if listed := at(a.Body, "[*].version"); a.Status != http.StatusOK || !slices.Contains(listed, r.Org.Version) {
		return nil, "", fmt.Errorf("%w: the org does not list API version %s; name one that it has with --api-version", cordon.ErrInvalid, r.Org.Version)
	}
	a, err = l.ask(ctx, Step{SOQL: "SELECT IsSandbox, TrialExpirationDate FROM Organization"}, vars)
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Records []struct {
			IsSandbox           *bool
			TrialExpirationDate *string
		}
	}
	known := a.Status == http.StatusOK && json.Unmarshal(a.Body, &page) == nil && len(page.Records) == 1 && page.Records[0].IsSandbox != nil
	kind := "production"
	switch {
	case known && *page.Records[0].IsSandbox:
		kind = "sandbox"
	case known && page.Records[0].TrialExpirationDate != nil:
		kind = "trial"
	case !r.ForceProduction:
		why := "the org is no sandbox and no trial, so it is taken for production (a Developer Edition looks the same)"
		if !known {
			why = "whether the org is a sandbox could not be asked: " + refused(a).Error()
		}
		var calls, records int
		for _, s := range r.Scripts {
			calls += s.Calls()
			records += s.Makes()
		}
		return nil, "", fmt.Errorf("%w: %s. With --force-production it would make up to %d records in %d calls, each with a name that begins with %q, run whatever the org runs on them, and remove them again",
			cordon.ErrForbidden, why, records, calls, Marker)
	}
	if kind == "production" {
		r.say("the org is taken for production, and --force-production was given: records are made in it and removed again\n")
	}
	var used, limit int
	if _, err := fmt.Sscanf(a.Header.Get("Sforce-Limit-Info"), "api-usage=%d/%d", &used, &limit); err == nil && limit-used < r.Budget {
		return nil, "", fmt.Errorf("%w: the org has %d API calls left today, fewer than the budget of %d; try tomorrow or lower --budget", cordon.ErrBusy, max(0, limit-used), r.Budget)
	}
	return vars, kind, nil
}

// pass is one script on its way through both orgs.
type pass struct {
	run           *Run
	script        Script
	org, sim      *line
	journal       *journal
	vars, simVars Variables
	report        *Report
	made          int
}

// do runs the script on the simulator and then on the org, and compares.
func (p *pass) do(ctx context.Context) (Result, error) {
	result := Result{Name: p.script.Name, State: Same}
	simulated := observer{vars: p.simVars, known: p.script.words(), keys: p.script.keys(), learn: true}
	foreign := observer{vars: p.vars, known: simulated.known, keys: simulated.keys}
	var expected []observation
	for _, step := range p.script.Steps {
		a, err := p.converse(ctx, p.sim, step, p.simVars, nil)
		if err != nil {
			return result, fmt.Errorf("the simulator: script %s, step %s: %w", p.script.Name, step.Name, err)
		}
		expected = append(expected, simulated.observe(step, a))
		if !keep(step, a, p.simVars) {
			return result, fmt.Errorf("the simulator: script %s cannot go on after step %s: it answered %s", p.script.Name, step.Name, expected[len(expected)-1].outcome())
		}
	}
	for i, step := range p.script.Steps {
		if ctx.Err() != nil {
			result.State, result.At = NotRun, step.Name
			return result, nil
		}
		var mark func(Answer) error
		if len(step.Makes) > 0 {
			for _, m := range step.Makes {
				if err := p.journal.write(note{At: p.run.Clock(), About: m.Object}); err != nil {
					return result, err
				}
				p.made += max(1, m.Count)
			}
			mark = func(a Answer) error { return p.note(step, a) }
		}
		a, err := p.converse(ctx, p.org, step, p.vars, mark)
		result.Steps++
		switch {
		case errors.Is(err, context.Canceled):
			result.State, result.At = NotRun, step.Name
			return result, nil
		case errors.Is(err, errSilent), errors.Is(err, errSlow), errors.Is(err, errSpent), errors.Is(err, cordon.ErrTooLarge):
			p.add(Difference{Step: step.Name, Path: "status", Kind: Unavailable, Org: reason(err), Sim: expected[i].outcome(), Want: step.Want["status"]})
			result.State, result.At = Stopped, step.Name
			return result, nil
		case err != nil:
			return result, err
		}
		got := foreign.observe(step, a)
		if step.Require != "" && a.Status == http.StatusOK && !got.has(step.Require) {
			result.State = Absent
			return result, nil
		}
		d := compare(step, got, expected[i])
		if len(d) == 1 && d[0].Path == "status" && slices.Contains(busy, a.Status) {
			d[0].Kind = Unavailable
		}
		p.add(d...)
		if len(d) > 0 {
			result.State = Differs
		}
		for _, c := range step.Checks {
			if c.Tell {
				p.report.Facts = append(p.report.Facts, Fact{p.script.Name, c.Name, got["check "+c.Name].form, expected[i]["check "+c.Name].form})
			}
		}
		if !keep(step, a, p.vars) {
			result.State, result.At = Stopped, step.Name
			return result, nil
		}
	}
	return result, nil
}

// busy are the statuses of an org that does not answer now.
var busy = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

func (p *pass) add(list ...Difference) {
	for _, d := range list {
		d.Script = p.script.Name
		p.report.Differences = append(p.report.Differences, d)
	}
}

// converse makes the call of a step, again while it waits for something.
func (p *pass) converse(ctx context.Context, l *line, step Step, v Variables, mark func(Answer) error) (a Answer, err error) {
	for try := range max(1, step.Tries) {
		if try > 0 {
			p.run.Pause(ctx, min(time.Second<<(try-1), 8*time.Second))
			if ctx.Err() != nil {
				return a, ctx.Err()
			}
		}
		// An interrupt lets a call end: who does not hear the answer does not know what it made.
		if a, err = l.ask(context.WithoutCancel(ctx), step, v); err != nil {
			return a, err
		}
		if mark != nil {
			if err := mark(a); err != nil {
				return a, err
			}
		}
		done := true
		for path, want := range step.Until {
			got := at(a.Body, path)
			done = done && len(got) == 1 && wanted(want, got[0])
		}
		if done {
			break
		}
	}
	return a, nil
}

// prefixOf says how the ids of what scripts make begin.
var prefixOf = map[string]string{"Account": "001", "Contact": "003", "Case": "500", "Attachment": "00P", "Document": "015",
	"ContentDocument": "069", bulkJob: "750", "ContentDocumentLink": "06A", "ContentVersion": "068"}

// note writes down what a step has made.
func (p *pass) note(step Step, a Answer) error {
	for _, m := range step.Makes {
		if m.At == "" {
			continue
		}
		for _, id := range at(a.Body, m.At) {
			if salesforce.IsID(id) && strings.HasPrefix(id, prefixOf[m.Object]) { // a list may hold others
				if err := p.journal.write(note{At: p.run.Clock(), Object: m.Object, ID: salesforce.LongID(id)}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// keep takes variables from an answer, and reports whether it had them all.
func keep(step Step, a Answer, v Variables) bool {
	for name, path := range step.Keep {
		got := at(a.Body, path)
		if len(got) == 0 || got[0] == "" {
			return false
		}
		v[name] = got[0]
		if salesforce.IsID(got[0]) {
			v[name] = salesforce.LongID(got[0])
		}
	}
	return true
}

// has reports whether an observation has a path that matches.
func (o observation) has(pattern string) bool {
	for path := range o {
		if like(pattern, path) {
			return true
		}
	}
	return false
}

// words are the texts that the script wants to see, and may therefore be told.
func (s Script) words() map[string]bool {
	known := map[string]bool{}
	for _, step := range s.Steps {
		for _, want := range step.Want {
			for form := range strings.SplitSeq(want, " | ") {
				if len(form) > 1 && form[0] == '"' {
					known[strings.Trim(form, `"`)] = true
				}
			}
		}
		for _, names := range step.Only {
			if _, rest, found := strings.Cut(names, "["); found {
				name, _, _ := strings.Cut(rest, "]")
				known[name] = true
			}
		}
	}
	return known
}

// keys are the members that the script speaks of.
func (s Script) keys() map[string]bool {
	known := map[string]bool{}
	for _, step := range s.Steps {
		for path := range step.Want {
			for part := range strings.SplitSeq(path, ".") {
				name, _, _ := strings.Cut(part, "[")
				known[name] = true
			}
		}
	}
	return known
}
