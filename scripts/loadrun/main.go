// Command loadrun measures the memory of a gateway at work: of one very large upload, and
// of many at once. With -soak it uploads many small pictures instead and says whether latencies,
// memory and descriptors stay flat; with -backfill it measures a backfill.
//
//	go run ./scripts/loadrun [-big 2147000000] [-many 200] [-each 10485760]
//	go run ./scripts/loadrun -soak 20000 [-callers 4] [-within 30m]
//
// Gateway and simulated CRM run in processes of their own, so that what is read from
// /proc/PID/status is the gateway's alone. Everything listens on loopback and lies in one
// temporary folder, which needs room for each upload twice and is removed at the end. It
// prints a table and exits 1 if a target was missed, 2 if it could not be measured.
//
// It needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"
)

// What is to be reached.
const (
	bigMayRaise  = 64 << 20 // one large upload, over the memory in use before it
	manyMayReach = 1 << 30  // many uploads at once, in all
)

func main() {
	big := flag.Int64("big", 2<<30-1<<20, "size of the large upload in `bytes`")
	many := flag.Int("many", 200, "uploads at once")
	each := flag.Int64("each", 10<<20, "size of each of them in `bytes`")
	files := flag.Int("backfill", 0, "measure a backfill of an org with so many `files` instead")
	seed := flag.Uint64("seed", 1, "of the org of -backfill")
	workers := flag.Int("workers", 4, "files that -backfill reads at a time")
	kills := flag.Int("kills", 0, "kill the gateway so many times while it is at -backfill")
	pictures := flag.Int("soak", 0, "upload so many small `pictures` instead, and see whether the figures stay flat")
	callers := flag.Int("callers", 4, "uploads of -soak at a time")
	within := flag.Duration("within", 10*time.Minute, "give up after this time")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *within)
	defer cancel()
	if *files > 0 {
		if err := backfill(ctx, *files, *seed, *workers, *kills); err != nil {
			fmt.Fprintln(os.Stderr, "loadrun:", err)
			os.Exit(2)
		}
		return
	}
	if *pictures > 0 {
		flat, err := soak(ctx, *pictures, *callers)
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, "loadrun:", err)
			os.Exit(2)
		case !flat:
			os.Exit(1)
		}
		return
	}
	rows, err := run(ctx, *big, *many, *each)
	missed := print(rows)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "loadrun:", err)
		os.Exit(2)
	case missed:
		os.Exit(1)
	}
}

// row is one figure beside its target.
type row struct {
	what      string
	got, most int64 // bytes
	took      time.Duration
	sent      int64 // bytes
}

func print(rows []row) (missed bool) {
	if len(rows) == 0 {
		return false
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\ttarget\treached\ttook\tMB/s")
	for _, r := range rows {
		reached := "yes"
		if r.got > r.most {
			reached, missed = "no", true
		}
		fmt.Fprintf(w, "%s\t%d MiB\t%d MiB\t%s\t%.1fs\t%.0f\n", r.what, r.got>>20, r.most>>20, reached, r.took.Seconds(), float64(r.sent)/1e6/r.took.Seconds())
	}
	w.Flush()
	return missed
}

func run(ctx context.Context, big int64, many int, each int64) (rows []row, err error) {
	s, err := openStage(ctx, 2*max(big, int64(many)*each)+1<<30)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.upload(ctx, 4, 1<<20); err != nil { // what is needed once is there before it is measured
		return nil, fmt.Errorf("warm up: %w", err)
	}

	before, err := s.gateway.memory("VmRSS")
	if err != nil {
		return nil, err
	}
	start := time.Now()
	peak, err := s.peakOf(func() error { return s.upload(ctx, 1, big) })
	if err != nil {
		return nil, fmt.Errorf("one upload of %d bytes: %w", big, err)
	}
	rows = append(rows, row{fmt.Sprintf("one upload of %d MiB raises memory by", big>>20), peak - before, bigMayRaise, time.Since(start), big})

	if err := s.idle(ctx, 0); err != nil {
		return rows, err
	}
	start = time.Now()
	peak, err = s.peakOf(func() error { return s.upload(ctx, many, each) })
	if err != nil {
		return rows, fmt.Errorf("%d uploads of %d bytes at once: %w", many, each, err)
	}
	return append(rows, row{fmt.Sprintf("%d uploads of %d MiB at once stay under", many, each>>20), peak, manyMayReach, time.Since(start), int64(many) * each}), nil
}
