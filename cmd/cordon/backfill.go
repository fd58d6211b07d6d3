package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

func backfillCommand() *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Look at what the org holds already, without changing anything in it",
		Long: `Read the files that the org holds, look at each, and record what the policy would have done
had it come in front. Nothing in the org changes and no byte of a file is kept.

The running gateway does it: it goes on after a restart, waits when its share of the org's daily
API calls is used up or the org does not answer, and goes on by itself. Without a subcommand this
says what it would meet and cost, starts it, and shows how far it is until it is done; Ctrl-C ends
only the showing. If one is under way already, that one is shown.

These commands call the API of a running gateway. CORDON_URL is the console's address and
CORDON_TOKEN the access token of an account; all but list and status take the role admin.`,
		Example: `  cordon backfill estimate --from 2025-01-01
  cordon backfill --sample 2000 --types jpg,png,pdf
  cordon backfill start --share 0.3 --night 22:00-06:00 --zone Europe/Berlin --day-rate 1
  cordon backfill pause`,
		Args: cobra.NoArgs,
		RunE: b.run(func(ctx context.Context) error {
			under, err := b.underWay(ctx)
			if err != nil {
				return err
			}
			if under == nil {
				e, err := b.estimate(ctx)
				if err != nil {
					return err
				}
				b.say(estimateLines(e))
				if under, err = b.start(ctx); err != nil {
					return err
				}
			}
			return b.follow(ctx, *under)
		}),
	}
	b.planFlags(cmd)
	b.startFlags(cmd)
	cmd.Flags().BoolVar(&b.json, "json", false, "print the summary as JSON")
	cmd.AddCommand(backfillEstimate(), backfillStart(), backfillStatus(), backfillList(), backfillPace(),
		backfillTurn("pause", "Pause it behind the files that it is reading"),
		backfillTurn("resume", "Let a paused one go on"),
		backfillTurn("stop", "End it for good; what it has looked at stays on record"))
	return cmd
}

// backfiller is one command about backfills.
type backfiller struct {
	*client
	cmd      *cobra.Command
	json     bool
	name     string
	from, to string
	plan     desk.BackfillPlan
	night    desk.BackfillNight
}

// run connects before the command does its work.
func (b *backfiller) run(do func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		b.cmd = cmd
		if len(args) > 0 {
			b.name = args[0]
		}
		if b.client, err = newClient(); err != nil {
			return err
		}
		for _, d := range []struct {
			text, flag string
			into       *time.Time
		}{{b.from, "from", &b.plan.From}, {b.to, "to", &b.plan.To}} {
			if d.text == "" {
				continue
			}
			if *d.into, err = time.Parse(time.DateOnly, d.text); err != nil {
				return fmt.Errorf("%w: --%s is a date such as 2025-01-31", cordon.ErrInvalid, d.flag)
			}
		}
		if b.night.Window != "" {
			b.plan.Night = &b.night
		} else if b.night.Zone != "" || b.night.DayRate != 0 {
			return fmt.Errorf("%w: --zone and --day-rate belong to --night", cordon.ErrInvalid)
		}
		return do(cmd.Context())
	}
}

func (b *backfiller) planFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&b.plan.Objects, "objects", nil, "ContentVersion, Attachment, Document (default all)")
	f.StringVar(&b.from, "from", "", "only files created on this day or later, in UTC")
	f.StringVar(&b.to, "to", "", "only files created before this day, in UTC")
	f.StringSliceVar(&b.plan.Types, "types", nil, "only files with these extensions")
	f.IntVar(&b.plan.Sample, "sample", 0, "take this many files, spread over all that match")
	f.Uint64Var(&b.plan.Seed, "seed", 0, "of the sample; the same seed takes the same files")
	b.paceFlags(cmd)
}

func (b *backfiller) paceFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&b.plan.Share, "share", 0.2, "part of the org's daily API calls it may use")
	f.IntVar(&b.plan.Workers, "workers", 4, "files read at a time")
	f.Float64Var(&b.plan.Rate, "rate", 0, "API calls a second at most (default: as many as it can)")
	f.StringVar(&b.night.Window, "night", "", "go at this pace only then, for example 22:00-06:00")
	f.StringVar(&b.night.Zone, "zone", "", "time zone of --night, for example Europe/Berlin (default UTC)")
	f.Float64Var(&b.night.DayRate, "day-rate", 0, "API calls a second outside of --night; 0: none")
}

func (b *backfiller) startFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.name, "name", "", "small letters, digits and '-'; it is in the ledger, so name no person (default: the day)")
}

func backfillEstimate() *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{Use: "estimate", Short: "Say what it would meet and cost: files, bytes, API calls, hours, money", Args: cobra.NoArgs,
		Long:    "Ask the org for counts and say what a backfill would meet and cost. It takes three API calls by default and reads no file.",
		Example: "  cordon backfill estimate\n  cordon backfill estimate --from 2025-01-01 --types jpg,png --json",
		RunE: b.run(func(ctx context.Context) error {
			e, err := b.estimate(ctx)
			switch {
			case err != nil:
			case b.json:
				err = json.NewEncoder(b.cmd.OutOrStdout()).Encode(e)
			default:
				_, err = fmt.Fprintln(b.cmd.OutOrStdout(), estimateLines(e))
			}
			return err
		})}
	b.planFlags(cmd)
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	return cmd
}

// estimate asks what it would meet and cost.
func (b *backfiller) estimate(ctx context.Context) (e desk.BackfillEstimate, err error) {
	_, err = b.call(ctx, "POST", "/v1/backfills/estimate", b.plan, &e)
	return e, err
}

func (b *backfiller) say(line string) { fmt.Fprintln(b.cmd.ErrOrStderr(), line) }

func (b *backfiller) start(ctx context.Context) (*desk.Backfill, error) {
	in := struct {
		Name string `json:"name,omitempty"`
		desk.BackfillPlan
	}{b.name, b.plan}
	var out desk.Backfill
	if _, err := b.call(ctx, "POST", "/v1/backfills", in, &out); err != nil {
		return nil, err
	}
	b.say("the backfill " + out.Name + " is started")
	return &out, nil
}

func backfillStart() *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{Use: "start", Short: "Start one and return", Args: cobra.NoArgs,
		Long:    "Start a backfill in the running gateway and return at once. One is under way at a time.",
		Example: "  cordon backfill start --sample 2000\n  cordon backfill start --name first-year --to 2025-01-01 --night 22:00-06:00 --zone Europe/Berlin",
		RunE: b.run(func(ctx context.Context) error {
			started, err := b.start(ctx)
			if err != nil {
				return err
			}
			return b.show(*started)
		})}
	b.planFlags(cmd)
	b.startFlags(cmd)
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	return cmd
}

func backfillStatus() *cobra.Command {
	var b backfiller
	var follow bool
	cmd := &cobra.Command{Use: "status [NAME]", Short: "Say how far it is, or how it ended", Args: cobra.MaximumNArgs(1),
		Long:    "Say how far a backfill is, what it waits for and how long it may take, and in the end how it went. Without a name it is the newest.",
		Example: "  cordon backfill status\n  cordon backfill status 2026-11-21 --json\n  cordon backfill status --follow",
		RunE: b.run(func(ctx context.Context) error {
			one, err := b.named(ctx)
			if err != nil {
				return err
			}
			if follow {
				return b.follow(ctx, one)
			}
			return b.show(one)
		})}
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on showing until it has ended")
	return cmd
}

func backfillList() *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{Use: "list", Short: "List those under way and those that have ended", Args: cobra.NoArgs,
		Example: "  cordon backfill list\n  cordon backfill list --json",
		RunE: b.run(func(ctx context.Context) error {
			all, raw, err := b.all(ctx)
			if err != nil || b.json {
				if err == nil {
					_, err = fmt.Fprintf(b.cmd.OutOrStdout(), "%s\n", raw)
				}
				return err
			}
			if len(all) == 0 {
				b.say("There was no backfill yet. What one would meet and cost says: cordon backfill estimate")
				return nil
			}
			w := tabwriter.NewWriter(b.cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSTATE\tSTARTED\tFILES\tOF\tWOULD HOLD\tCALLS")
			for _, one := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", one.Name, stateOf(one), one.Started.UTC().Format(time.DateTime), one.Taken, one.Estimate.Take, one.WouldHold, one.Calls)
			}
			return w.Flush()
		})}
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	return cmd
}

func backfillTurn(act, short string) *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{Use: act + " [NAME]", Short: short, Args: cobra.MaximumNArgs(1),
		Example: "  cordon backfill " + act + "\n  cordon backfill " + act + " 2026-11-21",
		RunE: b.run(func(ctx context.Context) error {
			one, err := b.named(ctx)
			if err != nil {
				return err
			}
			if one, err = b.one(ctx, "POST", one.Name+"/"+act, nil); err != nil {
				return err
			}
			return b.show(one)
		})}
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	return cmd
}

func backfillPace() *cobra.Command {
	var b backfiller
	cmd := &cobra.Command{Use: "pace [NAME]", Short: "Let it go slower or faster", Args: cobra.MaximumNArgs(1),
		Long:    "Set how fast a backfill goes, from its next files on. What is not given goes back to its default.",
		Example: "  cordon backfill pace --rate 2\n  cordon backfill pace --share 0.5 --workers 8",
		RunE: b.run(func(ctx context.Context) error {
			one, err := b.named(ctx)
			if err != nil {
				return err
			}
			if one, err = b.one(ctx, "PUT", one.Name+"/pace", b.plan.BackfillPace); err != nil {
				return err
			}
			return b.show(one)
		})}
	b.paceFlags(cmd)
	cmd.Flags().BoolVar(&b.json, "json", false, "print the API's answer")
	return cmd
}

func (b *backfiller) all(ctx context.Context) ([]desk.Backfill, []byte, error) {
	var raw []byte
	if _, err := b.call(ctx, "GET", "/v1/backfills", nil, &raw); err != nil {
		return nil, nil, err
	}
	var out struct{ Backfills []desk.Backfill }
	return out.Backfills, raw, json.Unmarshal(raw, &out)
}

// one asks for, or does something to, one backfill.
func (b *backfiller) one(ctx context.Context, method, path string, in any) (out desk.Backfill, err error) {
	_, err = b.call(ctx, method, "/v1/backfills/"+path, in, &out)
	return out, err
}

// underWay is the backfill that has not ended, nil if there is none.
func (b *backfiller) underWay(ctx context.Context) (*desk.Backfill, error) {
	all, _, err := b.all(ctx)
	for i := range all {
		if !ended(all[i]) {
			return &all[i], err
		}
	}
	return nil, err
}

// named is the backfill of the name, or without one the newest.
func (b *backfiller) named(ctx context.Context) (one desk.Backfill, err error) {
	if b.name != "" {
		return b.one(ctx, "GET", b.name, nil)
	}
	all, _, err := b.all(ctx)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%w: there was no backfill yet; start one with: cordon backfill start", cordon.ErrNotFound)
	}
	if err != nil {
		return one, err
	}
	return all[0], nil
}

func ended(b desk.Backfill) bool { return b.State == "done" || b.State == "stopped" }

// follow shows how far it is until it has ended or was paused. When ctx ends it goes on
// without anybody looking.
func (b *backfiller) follow(ctx context.Context, one desk.Backfill) error {
	said := ""
	for wait := 200 * time.Millisecond; !ended(one); wait = min(2*wait, 10*time.Second) {
		if line := progressLine(one); line != said {
			b.say(line)
			said = line
		}
		if one.State == "paused" {
			b.say("it is paused; let it go on with: cordon backfill resume " + one.Name)
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		now, err := b.one(ctx, "GET", one.Name, nil)
		if ctx.Err() != nil {
			b.say("the backfill " + one.Name + " goes on in the gateway; look at it with: cordon backfill status, end it with: cordon backfill stop")
			return nil
		}
		if err != nil {
			return errors.Join(err, errors.New("the backfill itself goes on where the gateway does; look again with: cordon backfill status --follow"))
		}
		one = now
	}
	return b.show(one)
}

func (b *backfiller) show(one desk.Backfill) error {
	if b.json {
		return json.NewEncoder(b.cmd.OutOrStdout()).Encode(one)
	}
	_, err := fmt.Fprint(b.cmd.OutOrStdout(), backfillText(one))
	return err
}

func stateOf(b desk.Backfill) string {
	if b.Waiting != nil && b.State == "running" {
		return b.State + ", " + map[string]string{"budget": "waits for API calls", "night": "waits for its window",
			"away": "the org does not answer", "down": "waits for the gateway"}[b.Waiting.Why]
	}
	return b.State
}

func progressLine(b desk.Backfill) string {
	line := fmt.Sprintf("%s: %d of %d files, %d would have been held, %d API calls", stateOf(b), b.Taken, b.Estimate.Take, b.WouldHold, b.Calls)
	if s := b.Speed; s != nil && b.Waiting == nil {
		line += fmt.Sprintf(", %.1f files/s, %s to %s left", s.FilesPerSecond, seconds(s.LeastLeft), seconds(s.MostLeft))
	}
	return line
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func estimateLines(e desk.BackfillEstimate) string {
	size := fmt.Sprintf("%d bytes", e.Bytes)
	if e.Bytes < 0 {
		size = "an unknown number of bytes"
	}
	line := fmt.Sprintf("%d of %d files, %s, %d API calls, a guess of %s to %s", e.Take, e.Files, size, e.Calls, seconds(3600*e.LeastHours), seconds(3600*e.MostHours))
	if e.Days > 1 {
		line += fmt.Sprintf(", %.1f days at least within the share of the org's calls", e.Days)
	}
	return line + "\n" + moneyLine(e.Money)
}

func moneyLine(m desk.Money) string {
	if len(m.Sums) == 0 {
		return "it costs no money: no connected detector costs"
	}
	var sums []string
	for _, s := range m.Sums {
		if s.Amount < 0 {
			sums = append(sums, fmt.Sprintf("an unknown sum in %s for %s, which goes by bytes", s.Currency, s.Detector))
		} else {
			sums = append(sums, fmt.Sprintf("%.2f %s for %s", s.Amount, s.Currency, s.Detector))
		}
	}
	return "it costs " + strings.Join(sums, " and ") + ", if every file goes there"
}

// backfillText is all that is known of a backfill.
func backfillText(b desk.Backfill) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	line("backfill", "%s", b.Name)
	line("state", "%s", stateOf(b))
	if b.Waiting != nil && !b.Waiting.Until.IsZero() {
		line("", "until %s", b.Waiting.Until.UTC().Format(time.DateTime+" UTC"))
	}
	line("files", "%d of %d, %d bytes", b.Taken, b.Estimate.Take, b.Bytes)
	line("  looked at", "%d", b.Observed)
	line("  would have been held", "%d", b.WouldHold)
	line("  on record already", "%d", b.Known)
	for _, c := range b.NotExamined {
		line("  "+map[string]string{"gone": "gone", "not-readable": "not readable", "elsewhere": "stored elsewhere"}[c.Code], "%d", c.Count)
	}
	calls := fmt.Sprint(b.Calls)
	if b.CallsUnsure > 0 {
		calls += fmt.Sprintf(", and up to %d more by processes that were killed", b.CallsUnsure)
	}
	line("API calls", "%s", calls)
	if b.Per1000 != nil && b.LeastPer != nil {
		line("  per 1000 files", "%.1f; the least possible is %.1f", *b.Per1000, *b.LeastPer)
	}
	line("time", "%s in all, %s at work", seconds(b.Wall), seconds(b.Worked))
	for _, wait := range b.Waits {
		line("  "+map[string]string{"paused": "paused", "budget": "waiting for API calls", "night": "waiting for its window", "away": "the org did not answer", "down": "no gateway ran"}[wait.Why],
			"%d times, %s", wait.Times, seconds(wait.Seconds))
	}
	if s := b.Speed; s != nil {
		line("pace", "%.1f files/s", s.FilesPerSecond)
		line("time left", "%s to %s, without waiting", seconds(s.LeastLeft), seconds(s.MostLeft))
		if s.DaysLeft > 1 {
			line("", "%.1f days at least within its share of the org's calls", s.DaysLeft)
		}
	} else if !ended(b) {
		line("time left", "unknown until some files are read")
	}
	line("money", "%s", strings.TrimPrefix(moneyLine(b.Spent), "it costs "))
	for _, group := range []struct {
		name  string
		parts []desk.BackfillPart
	}{{"by object", b.ByObject}, {"by channel", b.ByChannel}} {
		for _, p := range group.parts {
			line(group.name, "%s: %d looked at, %d would have been held, %d not examined", p.Name, p.Files, p.WouldHold, p.NotExamined)
			group.name = ""
		}
	}
	for _, group := range []struct {
		name   string
		counts []desk.BackfillCount
	}{{"outcomes", b.Outcomes}, {"reasons", b.Reasons}} {
		for _, c := range group.counts {
			line(group.name, "%s: %d", c.Code, c.Count)
			group.name = ""
		}
	}
	w.Flush()
	return out.String()
}
