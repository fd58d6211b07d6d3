package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/desk"
	reports "github.com/cordonhq/cordon/report"
)

func reportShadowCommand() *cobra.Command {
	var from, to, page, policy string
	var minutes, hours float64
	var seed int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Say what would have been held, what it would have cost, and where to hold first",
		Long: `Report on what came in a period, what the policy would have done with it and why, how many
hours reviewers would have needed, what looking cost of the org's API calls, how long inspection
took, and what could not be examined. It ends in advice: go, not yet, and where first, by rules
that the report states. How much is missed (recall) is unknown, and the report says so.

Nothing is fetched and nothing changes. With --policy every item is decided again under another
policy from what was found then; the report says exactly what would change, and counts what would
have to be fetched again.

Calls the API of a running gateway (CORDON_URL, CORDON_TOKEN).`,
		Example: `  cordon report shadow
  cordon report shadow --from 2026-11-01 --to 2026-12-01 --html shadow.html
  cordon report shadow --minutes-per-item 6 --reviewer-hours 8
  cordon report shadow --policy stricter.yaml --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			q := url.Values{"format": {"json"}, "seed": {strconv.FormatInt(seed, 10)},
				"minutes_per_item": {strconv.FormatFloat(minutes, 'f', -1, 64)}, "reviewer_hours": {strconv.FormatFloat(hours, 'f', -1, 64)}}
			for name, value := range map[string]string{"from": from, "to": to} {
				if value != "" {
					q.Set(name, value)
				}
			}
			method, body := "GET", []byte(nil)
			if policy != "" {
				if body, err = os.ReadFile(policy); err != nil {
					return fmt.Errorf("read the policy: %w", err)
				}
				method = "POST"
			}
			var raw []byte
			if _, err := c.send(cmd.Context(), method, "/v1/reports/shadow?"+q.Encode(), "application/yaml", body, &raw); err != nil {
				return err
			}
			var r desk.Shadow
			if err := json.Unmarshal(raw, &r); err != nil {
				return fmt.Errorf("the gateway's answer is not a report: %w", err)
			}
			if page != "" {
				var b bytes.Buffer
				if err := reports.ShadowHTML(&b, r, c.base, ""); err != nil {
					return err
				}
				if err := os.WriteFile(page, b.Bytes(), 0o600); err != nil {
					return fmt.Errorf("write the page: %w", err)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", page)
			}
			switch {
			case asJSON:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", bytes.TrimSpace(raw))
			case page == "":
				err = reports.ShadowText(cmd.OutOrStdout(), r, c.base)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "first day, or a time in RFC 3339 (default 30 days before the end)")
	f.StringVar(&to, "to", "", "day or time before which it ends (default now)")
	f.Float64Var(&minutes, "minutes-per-item", desk.DefaultMinutes, "what a reviewer needs for one item")
	f.Float64Var(&hours, "reviewer-hours", desk.DefaultHours, "what reviewers can spend in a day")
	f.Int64Var(&seed, "seed", 1, "decides which items are shown as samples")
	f.StringVar(&policy, "policy", "", "decide everything again under this policy file")
	f.StringVar(&page, "html", "", "write a page of HTML into this file, and nothing to the terminal")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}
