package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/plot"
)

func inventoryCommand() *cobra.Command {
	var asJSON, refresh bool
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Show what the org holds and which ways lead into it",
		Long: `Show what the org held when it was last counted: files by object, channel, size and age, the
apps and automations around them, and the ways in with what stands in front of each. A count
reads no file, costs a few dozen API calls and runs in the gateway; --refresh asks for a new one
and waits for it. What the org did not answer is listed with the reason, and is not zero.

Calls the API of a running gateway (CORDON_URL, CORDON_TOKEN).`,
		Example: `  cordon inventory --refresh
  cordon inventory
  cordon inventory --json | jq '.last.ways[] | select(.guard == "none")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			raw, state, err := readInventory(cmd.Context(), c, refresh, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			return writeInventory(cmd.OutOrStdout(), state, time.Now())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.Flags().BoolVar(&refresh, "refresh", false, "count anew and wait for the result")
	return cmd
}

// readInventory reads the last inventory, after a new one where that was asked for.
func readInventory(ctx context.Context, c *client, refresh bool, progress io.Writer) (raw []byte, state desk.InventoryState, err error) {
	if refresh {
		if _, err := c.call(ctx, "POST", "/v1/inventory", nil, &state); err != nil {
			return nil, state, err
		}
	}
	step := ""
	for {
		if _, err := c.call(ctx, "GET", "/v1/inventory", nil, &raw); err != nil {
			return nil, state, err
		}
		state = desk.InventoryState{}
		if err := json.Unmarshal(raw, &state); err != nil {
			return nil, state, err
		}
		if !refresh || !state.Running {
			break
		}
		if state.Step != step {
			step = state.Step
			fmt.Fprintln(progress, "counting", step)
		}
		select {
		case <-ctx.Done():
			return nil, state, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
	if refresh && state.Failed != "" {
		return nil, state, fmt.Errorf("the org could not be counted (%s): \"cordon doctor\" says what is missing; the last inventory stands", state.Failed)
	}
	return raw, state, nil
}

// writeInventory writes tables of at most 100 columns.
func writeInventory(out io.Writer, state desk.InventoryState, now time.Time) error {
	if state.Running {
		fmt.Fprintf(out, "A new count is under way (%s).\n\n", cmp.Or(state.Step, "beginning"))
	}
	inv := state.Last
	if inv == nil {
		fmt.Fprintln(out, "Nothing was counted yet: \"cordon inventory --refresh\" counts.")
		return nil
	}
	fmt.Fprintf(out, "%d files, %s, counted %s ago with %d calls\n", inv.Files, size(inv.Bytes), age(now.Sub(inv.Taken)), inv.Calls)
	if inv.Changed {
		fmt.Fprintln(out, "The org changed while it was counted: parts may not add up to the whole.")
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nOBJECT\tFILES\tSIZE\tIN THE BIN\tOLDEST\tNEWEST")
	for _, o := range inv.Objects {
		bin := fmt.Sprint(o.Deleted)
		if o.Deleted < 0 {
			bin = "unknown"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", o.Name, o.Files, size(o.Bytes), bin, day(o.First), day(o.Last))
	}
	for _, part := range []struct {
		name  string
		parts []desk.InventoryPart
	}{{"CHANNEL", inv.Channels}, {"ATTACHED TO", inv.Parents}, {"CREATOR", inv.CreatorTypes}, {"SIZE OF FILE", inv.Sizes}, {"TYPE", inv.Types[:min(8, len(inv.Types))]}} {
		fmt.Fprintf(w, "\n%s\tFILES\tSIZE\tSHARE\n", part.name)
		for _, p := range part.parts {
			if p.Files == 0 {
				continue
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", cut(p.Name, 40), p.Files, size(p.Bytes), plot.Percent(float64(p.Files), float64(inv.Files)))
		}
	}
	fmt.Fprintln(w, "\nWAY IN\tSTATE\tFILES\tLAST\tCORDON LOOKS")
	for _, way := range inv.Ways {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", cut(way.Name, 44), way.State, way.Files, day(way.Last), looks(way))
	}
	if len(inv.Routes) > 0 {
		fmt.Fprintln(w, "\nDECLARED ROUTE\tCHANNEL\tFILES LOOKED INTO\tNOT LOOKED INTO\tLAST")
	}
	for _, r := range inv.Routes {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", cut(r.Name, 40), r.Channel, r.Inspected, r.NotInspected, day(r.Last))
	}
	if len(inv.Apps) > 0 {
		fmt.Fprintln(w, "\nCONNECTED APP\tUSERS\tLAST USED\tFILES OF ITS USERS")
	}
	for _, a := range inv.Apps {
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\n", cut(a.Name, 44), a.Users, day(a.LastUsed), a.Files)
	}
	if len(inv.Automations) > 0 {
		fmt.Fprintln(w, "\nRUNS WHEN A FILE COMES\tKIND\tON\tACTIVE")
	}
	for _, a := range inv.Automations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\n", cut(a.Name, 44), a.Kind, a.Object, a.Active)
	}
	unknown := slices.DeleteFunc(slices.Clone(inv.Questions), func(q desk.InventoryQuestion) bool { return q.Answered })
	if len(unknown) > 0 {
		fmt.Fprintln(w, "\nNOT KNOWN\tASKED\tWHY")
	}
	for _, q := range unknown {
		fmt.Fprintf(w, "%s\t%s\t%s\n", cut(q.Part, 24), q.Asked, q.Why)
	}
	return w.Flush()
}

func looks(w desk.InventoryWay) string {
	switch w.Guard {
	case "inline":
		return fmt.Sprintf("before (%d so far)", w.Passed)
	case "afterwards":
		return "afterwards"
	}
	return "not at all"
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// cut shortens a name and takes out what would move the cursor: names come from the org.
func cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// size says a number of bytes in decimal units.
func size(n int64) string {
	for _, u := range []struct {
		of   float64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if float64(n) >= u.of {
			return fmt.Sprintf("%.1f %s", float64(n)/u.of, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
