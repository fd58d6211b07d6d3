package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A measure is one mechanism of the lock-down.
type measure string

const (
	limits     measure = "limits"       // resource limits
	namespaces measure = "namespaces"   // of users, processes, network, mounts, IPC and names
	view       measure = "file tree"    // one of its own, read-only
	landlock   measure = "landlock"     // rights to files, by the kernel
	filter     measure = "system calls" // a list of those that decoders make
	memory     measure = "memory files" // sealed ones
)

var measures = []measure{limits, memory, namespaces, view, landlock, filter}

// promises are what a program in the Box must not be able to do, and which measure alone sees to it.
var promises = []struct {
	what string
	by   []measure
}{
	{"no network", []measure{namespaces, filter}},
	{"no files of this machine", []measure{view, landlock}},
	{"no other programs and processes", []measure{filter}},
	{"limits of memory and time", []measure{limits}},
	{"input in sealed memory", []measure{memory}},
}

// footing is what is in force, and what was said about the rest.
type footing struct {
	on     map[measure]bool
	why    map[measure]string // why a measure is not in force
	start  stance
	failed error // nothing can be run at all
}

// Report says what locks foreign decoders down on this machine.
type Report struct {
	// Usable says that foreign decoders run. If not, Why says what is missing and what to do.
	Usable bool   `json:"usable"`
	Why    string `json:"why,omitempty"`
	// Complete says that every measure is in force.
	Complete bool      `json:"complete"`
	Measures []Measure `json:"measures"`
	Programs []Program `json:"programs"`
}

// Measure is one mechanism.
type Measure struct {
	Name    string `json:"name"`
	InForce bool   `json:"in_force"`
	Why     string `json:"why,omitempty"` // not in force, or how far it goes
}

// Program is a foreign program that detection can use.
type Program struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"` // "" if it is not installed
	Version string `json:"version,omitempty"`
	Why     string `json:"why,omitempty"` // it is not used
}

// programs are those that detection can use, with how they tell their version.
var programs = []struct {
	name string
	args []string
}{
	{"ffmpeg", []string{"-version"}},
	{"ffprobe", []string{"-version"}},
	{"fpcalc", []string{"-version"}},
}

// Report tries everything out the first time and remembers it.
func (b *Box) Report() Report {
	f := b.probe()
	out := Report{Complete: true, Measures: []Measure{}, Programs: []Program{}}
	for _, m := range measures {
		on := f.on[m]
		out.Complete = out.Complete && on
		out.Measures = append(out.Measures, Measure{Name: string(m), InForce: on, Why: f.why[m]})
	}
	_, err := b.usable()
	out.Usable = err == nil
	if err != nil {
		out.Why = err.Error()
	}
	for _, p := range programs {
		out.Programs = append(out.Programs, b.program(p.name, p.args, out.Usable))
	}
	return out
}

// Has reports whether foreign decoders run here and the named program is installed. The
// error says which of the two it is, as Run's would.
func (b *Box) Has(program string) error {
	if _, err := find(program); err != nil {
		return err
	}
	_, err := b.usable()
	return err
}

// Usable returns why foreign decoders do not run here, if so: ErrNotLocked.
func (b *Box) Usable() error {
	_, err := b.usable()
	return err
}

// Absent names what detection goes without: "sandbox", or programs.
func (r Report) Absent() []string {
	if !r.Usable {
		return []string{"sandbox"}
	}
	var out []string
	for _, p := range r.Programs {
		if p.Why != "" {
			out = append(out, p.Name)
		}
	}
	return out
}

// Lacking says in a sentence what detection goes without, or "".
func (r Report) Lacking() string {
	switch absent := r.Absent(); {
	case !r.Usable:
		return r.Why
	case len(absent) > 0:
		return fmt.Sprintf("these programs are not installed or do not run: %s; see docs/sandbox.md", strings.Join(absent, ", "))
	}
	return ""
}

// usable returns what is in force, or why nothing may be run.
func (b *Box) usable() (footing, error) {
	f := b.probe()
	if f.failed != nil {
		return f, fmt.Errorf("%w: %w", ErrNotLocked, f.failed)
	}
	var missing []string
	switch {
	case b.conf.Required:
		for _, m := range measures {
			if !f.on[m] {
				missing = append(missing, fmt.Sprintf("%s (%s)", m, f.why[m]))
			}
		}
	case b.conf.LimitsOnly:
		for _, m := range []measure{limits, memory} {
			if !f.on[m] {
				missing = append(missing, fmt.Sprintf("%s (%s)", m, f.why[m]))
			}
		}
	default:
		for _, p := range promises {
			if !slices.ContainsFunc(p.by, func(m measure) bool { return f.on[m] }) {
				var why []string
				for _, m := range p.by {
					why = append(why, fmt.Sprintf("%s: %s", m, f.why[m]))
				}
				missing = append(missing, fmt.Sprintf("nothing sees to \"%s\" (%s)", p.what, strings.Join(why, "; ")))
			}
		}
	}
	if len(missing) > 0 {
		return f, fmt.Errorf("%w: %s; see docs/sandbox.md", ErrNotLocked, strings.Join(missing, ", "))
	}
	return f, nil
}

// program finds a program and asks it for its version, in the box.
func (b *Box) program(name string, args []string, usable bool) Program {
	b.mu.Lock()
	p, known := b.versions[name]
	b.mu.Unlock()
	if known {
		return p
	}
	p = Program{Name: name}
	path, err := find(name)
	switch {
	case err != nil:
		p.Why = err.Error()
		return p // it may be installed later
	case !usable:
		p.Path, p.Why = path, "foreign decoders are not locked down here"
		return p
	}
	p.Path = path
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	got, err := b.Run(ctx, Command{Program: name, Args: args, Limits: Limits{Time: 10 * time.Second, Output: 64 << 10}})
	if err != nil {
		p.Why = err.Error()
		return p
	}
	line, _, _ := strings.Cut(string(got.Stdout), "\n")
	p.Version = clean([]byte(line[:min(len(line), 120)]))
	if words := strings.Fields(p.Version); len(words) > 2 && words[1] == "version" {
		p.Version = words[2]
	}
	b.mu.Lock()
	b.versions[name] = p
	b.mu.Unlock()
	return p
}

// find returns the path of a program that is installed.
func find(name string) (string, error) {
	if runtime.GOOS != "linux" {
		return "", fmt.Errorf("%w: foreign decoders run on Linux only", ErrNotLocked)
	}
	path, err := exec.LookPath(name)
	if err == nil && !filepath.IsAbs(path) {
		err = exec.ErrDot
	}
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%w: %s is not in the PATH of this process", ErrAbsent, name)
		}
		return "", fmt.Errorf("%w: %s: %w", ErrAbsent, name, err)
	}
	return path, nil
}
