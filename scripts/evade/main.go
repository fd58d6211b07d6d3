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
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/cordonhq/cordon"
)

// tools are the ways to cheat.
var tools = []struct {
	name, about string
	run         func(ctx context.Context, o options) (faults int, err error)
}{
	{"mutate", "spell marked files otherwise, in ways that leave the mark alone", runMutate},
	{"plant", "put marked pictures between the pieces of other files", runPlant},
	{"flip", "change what is said to be read, and see whether anybody notices", runFlip},
}

// options are those of all tools.
type options struct {
	judge  *judge
	seed   uint64
	rounds int
	files  int
	keep   string // folder for what was missed
	paths  []string
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "makes the same attempts again")
	flag.IntVar(&o.rounds, "rounds", 20, "attempts for each way and file, or pieces of each file")
	flag.IntVar(&o.files, "files", 500, "files that are looked at")
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
	if err == nil && len(o.paths) == 0 {
		var written map[format]*tally
		written, err = spellAll(ctx, o.judge, o.seed, 20*o.rounds)
		maps.Copy(tallies, written)
	}
	faults := 0
	for _, f := range names(tallies) {
		tallies[f].report(os.Stdout, string(f))
		faults += tallies[f].missed
		if err := o.saveAll(tallies[f].faults); err != nil {
			return faults, err
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

// saveAll keeps what was missed, so that it can be looked at.
func (o options) saveAll(faults []fault) error {
	if o.keep == "" || len(faults) == 0 {
		return nil
	}
	if err := os.MkdirAll(o.keep, 0o755); err != nil {
		return err
	}
	for _, f := range faults {
		name := strings.NewReplacer(" ", "-", "/", "-").Replace(strings.Join(f.did, "+"))
		if err := os.WriteFile(filepath.Join(o.keep, name[:min(len(name), 150)]+"."+f.name), f.file, 0o644); err != nil {
			return err
		}
	}
	return nil
}
