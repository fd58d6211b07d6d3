// Package conformance asks a Salesforce org and the simulator the same questions, and lists
// where their answers differ.
//
// A Script is a short conversation about one thing. It is data: calls, what each answer must
// hold, and which records it makes. The simulator's own tests run the same scripts, so that a
// script which is tried on an org has been tried here first.
//
// It promises four things of an org that is not ours. It spends no more API calls than it was
// given, cleaning up included. It notes in a journal what it is about to make before it makes
// it, and takes it away again: at the end, after an interrupt, or later from the journal. It
// refuses an org that looks like production. And nothing that only the org knows gets into its
// Report: an answer is reduced to classes ("text of 12 characters") unless a word is on a closed
// list of the platform's own (vocabulary.go).
package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// Script is a conversation with an org about one thing. Its steps share variables: {v} is the API
// version, {marker} begins the name of whatever it makes, {me} and {org} are the caller and its
// org, {session} is its token, and steps keep further ones.
type Script struct {
	Name   string
	Covers string // what is asked, in one sentence
	Steps  []Step
}

// Calls is the most calls that the script makes, without cleaning up after it.
func (s Script) Calls() int {
	n := 0
	for _, step := range s.Steps {
		n += max(1, step.Tries)
	}
	return n
}

// Makes is the most records that it leaves to be removed.
func (s Script) Makes() int {
	n := 0
	for _, step := range s.Steps {
		for _, m := range step.Makes {
			n += max(1, m.Count)
		}
	}
	return n
}

// Objects names what it makes records of.
func (s Script) Objects() []string {
	var names []string
	for _, step := range s.Steps {
		for _, m := range step.Makes {
			if !slices.Contains(names, m.Object) {
				names = append(names, m.Object)
			}
		}
	}
	return names
}

// Step is one call and what its answer must hold. {name} in its texts stands for a variable.
//
// What an answer holds is told by paths: "status", "header.Location", and for the body paths
// such as ".records[0].Id" or "[0].errorCode". See observe.go for the forms that values take.
type Step struct {
	Name   string
	Method string // default GET, or POST with a body
	Path   string // with a slash first as it is, else below /services/data/v{v}/
	SOQL   string // query to escape and put behind Path; Path is then "query" if empty
	Body   string
	Type   string            // of the body; default application/json
	Header map[string]string // further headers
	As     caller

	// Makes says what the call creates. It is noted in the journal before the call.
	Makes []Made
	// Keep takes variables from the answer, by path. Without one of them the script cannot go on.
	Keep map[string]string
	// Require is a path that the org's answer must hold for the rest of the script to make sense.
	Require string

	// Want is what the answer must hold, by path; alternatives are divided by " | ".
	Want map[string]string
	// Only limits what else of the body is compared to these paths, where * is any run of letters.
	Only []string
	// Named says of lists, by path, which member names their elements: the path then has the
	// name where the index would be.
	Named map[string]string
	// Bytes is what an answer of bytes must be; it is then compared as a whole.
	Bytes string
	// Checks look at what a form cannot tell.
	Checks []Check

	// Until repeats the call until the answer holds these, at most Tries times.
	Until map[string]string
	Tries int
}

// caller is as whom a step calls.
type caller string

const (
	self     caller = ""         // with the org's token
	nobody   caller = "nobody"   // with no token
	stranger caller = "stranger" // with a token that nobody issued
)

// Made is a record that a step creates.
type Made struct {
	Object string
	At     string // path of its id in the answer; "[*].id" for a list; empty: it is found by its marker
	Count  int    // how many at most; default 1
}

// Check looks at an answer for something that a form cannot tell, and says it in words of its
// own: never in the answer's.
type Check struct {
	Name string
	// Tell puts the outcome into the report as a fact; otherwise it is compared.
	Tell bool
	Of   func(Answer, Variables) string
}

// Variables of a script, by name.
type Variables map[string]string

// fill puts variables into a text. An unknown name stays, as JSON has braces of its own.
func (v Variables) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	for name, value := range v {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// Find returns the scripts with the names, all of them if there are none. A name may end in a
// star.
func Find(names []string) ([]Script, error) {
	if len(names) == 0 {
		return Scripts(), nil
	}
	var found []Script
	for _, script := range Scripts() {
		if slices.ContainsFunc(names, func(n string) bool { return like(n, script.Name) }) {
			found = append(found, script)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(found, func(s Script) bool { return like(n, s.Name) }) {
			return nil, fmt.Errorf("%w: there is no script %q (\"cordon sim conformance --list\" names them)", cordon.ErrInvalid, n)
		}
	}
	return found, nil
}

// like reports whether a pattern, in which * stands for any run of letters, matches.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
