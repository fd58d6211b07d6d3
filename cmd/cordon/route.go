package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func routeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "route", Short: "Show the declared ways in and what is not looked into", Example: "  cordon route list"}
	var asJSON bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List routes with their modes and counts, and the paths that are not inspected",
		Long: `List routes with their modes and counts since the counters began, then the paths that can
carry media and that this release does not look into: what arrives there gets the answer in the
column "not inspected", so that coverage is never overstated.

Calls the API of a running gateway (CORDON_URL, CORDON_TOKEN).`,
		Example: "  cordon route list\n  cordon route list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/routes", nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			var body struct {
				Routes []struct {
					Name, Channel, Mode, Fail, Owner string
					NotInspected                     string     `json:"not_inspected"`
					WhenHeld                         string     `json:"when_held"`
					LastSeen                         *time.Time `json:"last_seen"`
					Counts                           struct {
						Inspected, Passed, Refused int64
						NotInspected               int64 `json:"not_inspected"`
					}
				}
				Paths []struct{ Pattern, Carries string } `json:"not_inspected_paths"`
			}
			if err := json.Unmarshal(raw, &body); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ROUTE\tCHANNEL\tMODE\tWHEN SILENT\tWHEN HELD\tNOT INSPECTED\tLOOKED INTO\tWITHOUT MEDIA\tNOT LOOKED INTO\tREFUSED\tLAST SEEN")
			for _, r := range body.Routes {
				seen := "never"
				if r.LastSeen != nil {
					seen = age(time.Since(*r.LastSeen)) + " ago"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.Name, r.Channel, r.Mode, r.Fail, r.WhenHeld, r.NotInspected,
					r.Counts.Inspected, r.Counts.Passed, r.Counts.NotInspected, r.Counts.Refused, seen)
			}
			fmt.Fprintln(w)
			fmt.Fprintln(w, "NOT LOOKED INTO BY THIS RELEASE\tCAN CARRY")
			for _, p := range body.Paths {
				fmt.Fprintf(w, "%s\t%s\n", p.Pattern, p.Carries)
			}
			return w.Flush()
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.AddCommand(list)
	return cmd
}
