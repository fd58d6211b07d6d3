// Command evade tries to have Cordon pass files that carry a mark: it spells them otherwise, has
// other programs write them anew, and hides them in other files. It needs no network.
//
//	go run ./scripts/evade mutate
//
// Whatever is passed without a word although a viewer shows it is a fault of a reader.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// tools are the ways to cheat.
var tools = []struct {
	name, about string
	run         func(ctx context.Context, o options) (faults int, err error)
}{
	{"mutate", "spell marked files otherwise, in ways that leave the mark alone", runMutate},
}

// options are those of all tools.
type options struct {
	judge  *judge
	seed   uint64
	rounds int
	keep   string // folder for what was missed
	paths  []string
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "makes the same attempts again")
	flag.IntVar(&o.rounds, "rounds", 20, "attempts for each way and file")
	flag.StringVar(&o.keep, "keep", "", "folder to write what was missed to")
	flag.Usage = usage
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, t := range tools {
		if t.name != flag.Arg(0) {
			continue
		}
		o.paths = flag.Args()[1:]
		faults, err := 0, error(nil)
		if o.judge, err = newJudge(); err == nil {
			faults, err = t.run(ctx, o)
		}
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, "evade:", err)
			os.Exit(1)
		case faults > 0:
			os.Exit(3)
		}
		return
	}
	usage()
	os.Exit(2)
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: evade [flags] TOOL [PATH...]")
	for _, t := range tools {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", t.name, t.about)
	}
	flag.PrintDefaults()
}

func runMutate(ctx context.Context, o options) (int, error) {
	of := specimens()
	if len(o.paths) > 0 {
		of = nil
		for _, path := range o.paths {
			s, err := specimenOf(path)
			if err != nil {
				return 0, err
			}
			of = append(of, s)
		}
	}
	tallies, err := mutateAll(ctx, o.judge, o.seed, o.rounds, of)
	faults := 0
	for _, f := range names(tallies) {
		tallies[f].report(os.Stdout, string(f))
		faults += tallies[f].missed
		for _, m := range tallies[f].faults {
			if err := o.save(m.attempt); err != nil {
				return faults, err
			}
		}
	}
	return faults, err
}

// specimenOf is a marked file that somebody else made.
func specimenOf(path string) (specimen, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return specimen{}, err
	}
	kinds := map[string]format{".jpg": formatJPEG, ".jpeg": formatJPEG, ".png": formatPNG, ".gif": formatGIF, ".webp": formatWebP,
		".heic": formatBMFF, ".avif": formatBMFF, ".mp4": formatBMFF, ".mov": formatBMFF}
	f, ok := kinds[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return specimen{}, fmt.Errorf("%s: name it after its kind, one of %v: %w", path, names(kinds), cordon.ErrInvalid)
	}
	return specimen{name: filepath.Base(path), format: f, file: b}, nil
}

// save keeps a file that was missed, so that it can be looked at.
func (o options) save(a attempt) error {
	if o.keep == "" {
		return nil
	}
	if err := os.MkdirAll(o.keep, 0o755); err != nil {
		return err
	}
	did := slices.Clone(a.did)
	name := strings.NewReplacer(" ", "-", "/", "-").Replace(strings.Join(did, "+"))
	return os.WriteFile(filepath.Join(o.keep, name[:min(len(name), 150)]+"."+a.name), a.file, 0o644)
}
