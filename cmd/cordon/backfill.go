package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/events"
)

func backfillCommand() *cobra.Command {
	var config, tenant, from, to string
	var filter events.Filter
	var conf events.BackfillConfig
	var estimate, asJSON, verbose bool
	cmd := &cobra.Command{
		Use:   "backfill --config FILE",
		Short: "Look at what the org holds already, without changing anything in it",
		Long: `Read the files that the org holds, look at each, and record what the policy would have done
had it come in front. Nothing in the org changes and no byte of a file is kept.

What it would meet and cost comes first: files, bytes, API calls and a range of hours. With
--estimate that is all. Otherwise it runs until it is done, or until the share of the org's
daily API calls is used up. How far it has come is kept with what it saw: after an interrupt
or a crash the same command goes on, and no file is looked at twice.

It is a process of its own on the data folder, so with the embedded database the gateway
(cordon serve) must not run at the same time; with PostgreSQL it needs a data folder of its own.`,
		Example: "  cordon backfill --config cordon.yaml --estimate\n  cordon backfill --config cordon.yaml --from 2025-01-01 --types jpg,png,pdf --sample 2000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, d := range []struct {
				text, flag string
				into       *time.Time
			}{{from, "from", &filter.From}, {to, "to", &filter.To}} {
				if d.text == "" {
					continue
				}
				if *d.into, err = time.Parse(time.DateOnly, d.text); err != nil {
					return fmt.Errorf("%w: --%s is a date such as 2025-01-31", cordon.ErrInvalid, d.flag)
				}
			}
			read, err := app.ReadConfig(config)
			if err != nil {
				return err
			}
			if tenant == "" && len(read.Tenants) == 1 {
				tenant = string(read.Tenants[0].ID)
			}
			a, err := app.New(cmd.Context(), read, app.Options{Log: logger(verbose)})
			if err != nil {
				return err
			}
			defer func() {
				stop, cancel := context.WithTimeout(context.Background(), drainTime)
				defer cancel()
				err = errors.Join(err, a.Stop(stop))
			}()
			b, err := a.Backfill(cordon.TenantID(tenant), conf)
			if err != nil {
				return err
			}
			out := backfillPrinter{cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON}
			if estimate {
				e, err := b.Estimate(cmd.Context(), filter)
				if err != nil {
					return err
				}
				return out.estimate(e)
			}
			return runBackfill(cmd.Context(), b, filter, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&config, "config", "", "configuration file (required)")
	f.StringVar(&tenant, "tenant", "", "tenant of the configuration (needed where there are several)")
	f.BoolVar(&estimate, "estimate", false, "say what it would meet and cost, and stop")
	f.StringSliceVar(&filter.Objects, "objects", nil, "ContentVersion, Attachment, Document (default all)")
	f.StringVar(&from, "from", "", "only files created on this day or later, in UTC")
	f.StringVar(&to, "to", "", "only files created before this day, in UTC")
	f.StringSliceVar(&filter.Types, "types", nil, "only files with these extensions")
	f.IntVar(&filter.Sample, "sample", 0, "take this many files, spread over all that match")
	f.Uint64Var(&filter.Seed, "seed", 0, "of the sample; the same seed takes the same files")
	f.Float64Var(&conf.Share, "share", 0.2, "part of the org's daily API calls it may use")
	f.IntVar(&conf.Workers, "workers", 4, "files read at a time")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	f.BoolVarP(&verbose, "verbose", "v", false, "log more")
	_ = cmd.MarkFlagRequired("config")
	return cmd
}

// runBackfill starts a backfill, or goes on with the one that was interrupted.
func runBackfill(ctx context.Context, b *events.Backfill, filter events.Filter, out backfillPrinter) error {
	p, err := b.Progress(ctx)
	switch {
	case errors.Is(err, cordon.ErrNotFound), err == nil && p.State == events.Done:
		if p, err = b.Start(ctx, filter); err != nil {
			return err
		}
	case err != nil:
		return err
	case p.State == events.Paused:
		if err := b.Resume(ctx); err != nil {
			return err
		}
		fallthrough
	default:
		fmt.Fprintln(out.notes, "goes on with the backfill that was interrupted, with the filter it was started with")
	}
	fmt.Fprintln(out.notes, estimateLine(p.Estimate))
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	ended := make(chan error, 1)
	go func() {
		_, err := b.Run(ctx)
		ended <- err
	}()
	for {
		select {
		case <-ticker.C:
			if p, err := b.Progress(ctx); err == nil {
				fmt.Fprintln(out.notes, progressLine(p, b.Pace(p)))
			}
		case err := <-ended:
			p, readErr := b.Progress(context.WithoutCancel(ctx))
			if readErr != nil {
				return errors.Join(err, readErr)
			}
			return errors.Join(err, out.summary(p))
		}
	}
}

type backfillPrinter struct {
	out, notes io.Writer
	json       bool
}

func (p backfillPrinter) estimate(e events.Estimate) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(e)
	}
	_, err := fmt.Fprintln(p.out, estimateLine(e))
	return err
}

func (p backfillPrinter) summary(at events.Progress) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(struct {
			State cordon.State `json:"state"`
			events.Progress
		}{at.State, at})
	}
	_, err := fmt.Fprintf(p.out, "%s: %d of %d files, %d bytes, %d API calls\n"+
		"  would have been held  %d\n  on record already     %d\n  gone                  %d\n  not readable          %d\n",
		at.State, at.Taken, at.Estimate.Take, at.Bytes, at.Calls, at.WouldHold, at.Known, at.Gone, at.NotReadable)
	return err
}

func estimateLine(e events.Estimate) string {
	size := fmt.Sprintf("%d bytes", e.Bytes)
	if e.Bytes < 0 {
		size = "an unknown number of bytes"
	}
	line := fmt.Sprintf("%d of %d files, %s, %d API calls, a guess of %v to %v", e.Take, e.Files, size, e.Calls,
		e.Least.Round(time.Second), e.Most.Round(time.Second))
	if e.Days > 1 {
		line += fmt.Sprintf(", %.1f days within the share of the org's calls", e.Days)
	}
	return line
}

func progressLine(p events.Progress, pace events.Pace) string {
	line := fmt.Sprintf("%d of %d files, %d API calls", p.Taken, p.Estimate.Take, p.Calls)
	if pace.FilesPerSecond > 0 {
		line += fmt.Sprintf(", %.0f files/s, %v to %v left", pace.FilesPerSecond, pace.Least.Round(time.Second), pace.Most.Round(time.Second))
	}
	return line
}
