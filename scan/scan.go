// Package scan inspects files and folders and says of each what was found and what would
// follow under a policy. It is the engine of "cordon scan": it stores nothing, sends
// nothing and changes nothing.
//
// Every input gets exactly one line, in the order of the names, whatever happens to it.
package scan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/media"
)

// Exit codes, as documented for scripts.
const (
	ExitClean      = 0 // everything was read, nothing is to be held
	ExitUnreadable = 1 // an input could not be read, or the output not be written
	ExitHold       = 3 // everything was read, something is to be held
)

// Inspector is what runs the detectors; *inspect.Inspector is one.
type Inspector interface {
	Inspect(ctx context.Context, m *media.Media) []cordon.Finding
}

// Config says what is scanned and how it is told.
type Config struct {
	// Paths are files and folders. Folders are walked in the order of names, hidden entries
	// included; symbolic links inside them are left alone, as what they point to is either
	// inside anyway or was not asked for.
	Paths []string
	// JSON writes one object a line instead of a table.
	JSON bool
	// Policy decides. Default: decide.Default.
	Policy *decide.Policy
	// At is the time that the scan speaks for; it stands in the provenance of files without
	// any. Default: now. What is valid at that time is the c2pa detector's to know.
	At time.Time
	// Inspector looks at the content. Required.
	Inspector Inspector
	// Sound returns the acoustic fingerprint of a recording, in hexadecimal digits. Nil, or an
	// error: it stays unknown.
	Sound func(context.Context, *media.Media) (string, error)
	// Limits bound what one file may cost.
	Limits media.Limits
	// Lacking names what recordings and coded pictures are not decoded for want of, and says why
	// and what to do. It is asked for such files only. Default: nothing is lacking.
	Lacking func() (names []string, why string)
	// Workers is how many files are looked at together. Default: the number of processors.
	Workers int
	// MaxDepth is how deep folders are followed. Default: 128.
	MaxDepth int
	// Out gets the results, Err everything else. Default: the standard streams.
	Out, Err io.Writer
	// Color marks actions with terminal colours; see WantsColor.
	Color bool
	// Progress shows on Err how far the scan is; see IsTerminal.
	Progress bool
}

// Run scans and returns the exit code. It ends early if ctx does or Out cannot be written.
func Run(ctx context.Context, conf Config) (exit int) {
	conf = conf.orDefaults()
	if len(conf.Paths) == 0 || conf.Inspector == nil {
		fmt.Fprintln(conf.Err, "cordon scan: nothing to scan; give files or folders")
		return ExitUnreadable
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	out := bufio.NewWriter(conf.Out)
	print := newPrinter(conf, out)
	bar := newProgress(conf)
	var sum summary
	var failed error
	for r := range results(ctx, conf) {
		if failed != nil {
			continue // let the workers run dry
		}
		sum.add(r)
		bar.hide()
		if failed = print(r); failed == nil {
			failed = out.Flush()
		}
		if failed != nil {
			stop()
		}
		bar.step(r)
	}
	bar.done()
	if failed == nil && !conf.JSON {
		fmt.Fprintln(out, sum)
		failed = out.Flush()
	}
	if sum.undecoded > 0 {
		_, why := conf.Lacking()
		fmt.Fprintf(conf.Err, "cordon scan: %d files were not looked into as far as they could be: %s\n", sum.undecoded, why)
	}
	switch {
	case failed != nil:
		fmt.Fprintf(conf.Err, "cordon scan: write the results: %v\n", failed)
		return ExitUnreadable
	case ctx.Err() != nil:
		fmt.Fprintln(conf.Err, "cordon scan: interrupted; what is listed is not everything")
		return ExitUnreadable
	}
	return sum.exit()
}

func (c Config) orDefaults() Config {
	if c.Policy == nil {
		c.Policy = decide.Default()
	}
	if c.At.IsZero() {
		c.At = time.Now()
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.MaxDepth <= 0 {
		c.MaxDepth = 128
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	if c.Err == nil {
		c.Err = os.Stderr
	}
	return c
}

// results looks at inputs side by side and yields the results in the order of the walk.
// A few results wait for the slowest one; the walk never runs far ahead of the output.
func results(ctx context.Context, conf Config) func(yield func(result) bool) {
	return func(yield func(result) bool) {
		type job struct {
			in   input
			done chan result
		}
		work := make(chan job)
		line := make(chan job, 4*conf.Workers)
		go func() {
			defer close(line)
			defer close(work)
			walk(conf, func(in input) bool {
				j := job{in, make(chan result, 1)}
				select {
				case line <- j:
				case <-ctx.Done():
					return false
				}
				select {
				case work <- j:
					return true
				case <-ctx.Done():
					j.done <- conf.look(ctx, in)
					return false
				}
			})
		}()
		for range conf.Workers {
			go func() {
				for j := range work {
					j.done <- conf.look(ctx, j.in)
				}
			}()
		}
		for j := range line {
			if !yield(<-j.done) {
				return
			}
		}
	}
}

// look inspects one input. Whatever goes wrong becomes part of its result.
func (conf Config) look(ctx context.Context, in input) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r = conf.unread(in, fmt.Errorf("scan crashed on it: %v", p))
		}
	}()
	if in.err != nil {
		return conf.unread(in, in.err)
	}
	// Without waiting: a pipe that took the place of the file would wait for ever.
	f, err := os.OpenFile(in.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return conf.unread(in, reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return conf.unread(in, reason(err))
	}
	if !info.Mode().IsRegular() {
		return conf.unread(in, errors.New("not a regular file"))
	}
	in.size = info.Size()
	m, err := media.Open(f, info.Size(), conf.Limits)
	if err != nil {
		return conf.unread(in, reason(err))
	}
	defer m.Close()
	m.Declared = media.Declared{Name: filepath.Base(in.path)}
	digest, err := m.Digest(ctx)
	if err != nil {
		return conf.unread(in, reason(err))
	}
	var lacking []string
	if by := m.Modality(); conf.Lacking != nil && (m.Foreign() || by == cordon.Audio || by == cordon.Video) {
		lacking, _ = conf.Lacking()
	}
	m.Admitted = time.Now()
	found := conf.Inspector.Inspect(ctx, m)
	item := conf.item(m.Size())
	item.MediaType, item.Modality = m.MediaType(), m.Modality()
	r = result{path: in.path, digest: &digest, item: item, findings: found, verdict: conf.Policy.Decide(item, found), lacking: lacking}
	if print, err := m.Fingerprint(ctx); err == nil {
		r.print = &print
	}
	if conf.JSON && conf.Sound != nil && item.Modality == cordon.Audio { // nobody would see it else
		if sound, err := conf.Sound(ctx, m); err == nil {
			r.sound = &sound
		}
	}
	return r
}

// item is how a scanned file stands before the policy: declared, and held where in doubt.
func (conf Config) item(size int64) cordon.Item {
	return cordon.Item{Route: "scan", Channel: cordon.ChannelAPI, Mode: cordon.ModeInline, Fail: cordon.FailHold,
		Class: cordon.ClassOther, Size: size, Modality: cordon.Other}
}

// unread is the result for what could not be read: nobody looked, so the policy decides on
// no findings at all.
func (conf Config) unread(in input, err error) result {
	item := conf.item(in.size)
	return result{path: in.path, item: item, err: err, verdict: conf.Policy.Decide(item, nil)}
}

// reason drops the operation and the path, which stand beside it anyway.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// result is what is told of one input.
type result struct {
	path     string
	digest   *[32]byte
	print    *media.Fingerprint // nil: there is no picture to be had
	sound    *string            // nil: no recording, or nothing here can hear it
	item     cordon.Item
	err      error
	findings []cordon.Finding
	verdict  cordon.Verdict
	lacking  []string // what would have decoded it
}

// summary counts.
type summary struct{ files, unread, held, watched, undecoded, partly int }

func (s *summary) add(r result) {
	s.files++
	if len(r.lacking) > 0 {
		s.undecoded++
	}
	if r.err == nil && !cordon.ShareOf(r.findings).Whole() {
		s.partly++
	}
	switch {
	case r.err != nil:
		s.unread++
	case r.verdict.Action.Holds():
		s.held++
	case r.verdict.Action == cordon.Watch:
		s.watched++
	}
}

func (s summary) exit() int {
	switch {
	case s.unread > 0:
		return ExitUnreadable
	case s.held > 0:
		return ExitHold
	}
	return ExitClean
}

func (s summary) String() string {
	files := "files"
	if s.files == 1 {
		files = "file"
	}
	said := fmt.Sprintf("%d %s: %d to hold, %d to watch, %d pass, %d could not be read",
		s.files, files, s.held, s.watched, s.files-s.held-s.watched-s.unread, s.unread)
	if s.partly > 0 {
		said += fmt.Sprintf("; %d were not looked at as a whole", s.partly)
	}
	return said
}
