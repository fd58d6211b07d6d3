package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of go test -json. https://pkg.go.dev/cmd/test2json
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// name is one test of one package; Test is "" for the package itself.
type name struct{ Package, Test string }

// report is what a run amounts to.
type report struct {
	out     io.Writer
	output  map[name][]string
	running map[name]bool
	failing map[string]bool // packages with a failed test

	passed, failed int
	skipped        []skip
}

type skip struct {
	name
	why string
}

// read follows a run to its end and prints each package when it is done.
func read(in io.Reader, out io.Writer) (*report, error) {
	r := &report{out: out, output: map[name][]string{}, running: map[name]bool{}, failing: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if line[0] != '{' || json.Unmarshal(line, &e) != nil {
				out.Write(line) // the go command itself has something to say
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return r, err
		}
	}
}

func (r *report) take(e event) {
	n := name{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		io.WriteString(r.out, e.Output)
	case "run":
		r.running[n] = true
	case "output":
		r.output[n] = append(r.output[n], e.Output)
	case "pass", "fail", "skip":
		delete(r.running, n)
		if e.Test == "" {
			r.takePackage(e)
			return
		}
		switch e.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
			r.failing[e.Package] = true
			r.show(n)
		case "skip":
			r.skipped = append(r.skipped, skip{n, reason(r.output[n])})
		}
		delete(r.output, n)
	}
}

func (r *report) takePackage(e event) {
	own := name{Package: e.Package}
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		// A panic, a timeout or os.Exit leaves tests without a last word.
		for _, n := range r.unfinished(e.Package) {
			r.failed++
			r.failing[e.Package] = true
			fmt.Fprintf(r.out, "did not finish: %s\n", n.Test)
			r.show(n)
			delete(r.running, n)
		}
		if !r.failing[e.Package] {
			r.failed++ // the package itself: it did not build, or failed outside any test
			r.show(own)
		}
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	}
	delete(r.output, own)
}

func (r *report) unfinished(pkg string) (out []name) {
	for n := range r.running {
		if n.Package == pkg {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b name) int { return strings.Compare(a.Test, b.Test) })
	return out
}

func (r *report) show(n name) {
	for _, line := range r.output[n] {
		if !strings.HasPrefix(line, "=== ") {
			io.WriteString(r.out, line)
		}
	}
}

// reason is what a skipped test printed, without the frame around it.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		// "file_test.go:12: no PostgreSQL" says its reason after the place.
		if place, rest, ok := strings.Cut(line, ": "); ok && strings.Contains(place, "_test.go:") {
			line = rest
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "it does not say why"
	}
	return strings.Join(said, " ")
}

// conclude prints what was skipped and why, and the totals.
func (r *report) conclude() {
	if len(r.skipped) > 0 {
		fmt.Fprintf(r.out, "\nSkipped, and why:\n")
	}
	byReason := map[string][]string{}
	var reasons []string
	for _, s := range r.skipped {
		if byReason[s.why] == nil {
			reasons = append(reasons, s.why)
		}
		byReason[s.why] = append(byReason[s.why], s.Package+" "+s.Test)
	}
	for _, why := range reasons {
		fmt.Fprintf(r.out, "  %s\n", why)
		for _, test := range byReason[why] {
			fmt.Fprintf(r.out, "      %s\n", test)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
}
