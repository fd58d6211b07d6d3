package conformance

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kinds of differences.
const (
	Other       = "differs"     // both have it, and it is not the same
	More        = "more"        // only the org has it
	Less        = "less"        // only the simulator has it
	Wording     = "wording"     // a message for people is worded otherwise
	Unavailable = "unavailable" // the org gave no answer that could be compared
)

// Difference is one place where an org answered otherwise than the simulator.
type Difference struct {
	Script string `json:"script"`
	Step   string `json:"step"`
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Org    string `json:"org"`       // redacted: classes, and words of the platform
	Sim    string `json:"simulator"` // the same of the simulator
	Want   string `json:"expected,omitempty"`
}

// wanted reports whether a form is one of the alternatives.
func wanted(want, form string) bool {
	for alternative := range strings.SplitSeq(want, " | ") {
		if alternative == form {
			return true
		}
	}
	return false
}

// unmet returns what an answer should hold and does not.
func unmet(s Step, got observation) []Difference {
	var list []Difference
	for _, path := range slices.Sorted(maps.Keys(s.Want)) {
		value, has := got[path]
		switch {
		case !has:
			list = append(list, Difference{Step: s.Name, Path: path, Kind: Less, Org: "absent", Want: s.Want[path]})
		case !wanted(s.Want[path], value.form):
			list = append(list, Difference{Step: s.Name, Path: path, Kind: Other, Org: value.show(), Want: s.Want[path]})
		}
	}
	return list
}

// compare returns where the answer of an org differs from the simulator's.
func compare(s Step, org, sim observation) []Difference {
	if org["status"].form != sim["status"].form {
		if want := s.Want["status"]; wanted(want, org["status"].form) && wanted(want, sim["status"].form) {
			return nil
		}
		// What they hold is another thing then; the codes tell which.
		return []Difference{{Step: s.Name, Path: "status", Kind: Other, Org: org.outcome(), Sim: sim.outcome(), Want: s.Want["status"]}}
	}
	paths := map[string]bool{}
	for path := range org {
		paths[path] = true
	}
	for path := range sim {
		paths[path] = true
	}
	var list []Difference
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		want := s.Want[path]
		if want == "" && !s.compares(path) {
			continue
		}
		o, inOrg := org[path]
		m, inSim := sim[path]
		d := Difference{Step: s.Name, Path: path, Org: o.show(), Sim: m.show(), Want: want}
		switch {
		case inOrg && want != "" && wanted(want, o.form) && o.words == "":
			continue
		case !inOrg:
			d.Kind, d.Org = Less, "absent"
		case !inSim:
			d.Kind, d.Sim = More, "absent"
		case o.form != m.form:
			d.Kind = Other
		case o.words != m.words:
			d.Kind, d.Sim = Wording, strconv.Quote(m.words)
		default:
			continue
		}
		list = append(list, d)
	}
	return list
}

// compares reports whether a path is among those that the step is about.
func (s Step) compares(path string) bool {
	if name, is := strings.CutPrefix(path, "check "); is {
		return !slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Name == name && c.Tell })
	}
	if path == "status" || strings.HasPrefix(path, "header.") || len(s.Only) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Only, func(pattern string) bool { return like(pattern, path) })
}

// outcome is the status with the codes of errors.
func (o observation) outcome() string {
	var found []string
	for path, value := range o {
		switch path[strings.LastIndex(path, ".")+1:] {
		case "errorCode", "statusCode", "error", "faultcode":
			code, err := strconv.Unquote(value.form)
			if err != nil {
				code = "an-unknown-code"
			}
			found = append(found, code)
		}
	}
	slices.Sort(found)
	return strings.Join(append([]string{o["status"].form}, slices.Compact(found)...), " ")
}
