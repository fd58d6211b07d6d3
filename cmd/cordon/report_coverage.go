package main

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	reports "github.com/cordonhq/cordon/report"
)

func reportCoverageCommand() *cobra.Command {
	var from, to string
	var limit int
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Say what share of the files that the org gained was examined, and which were not",
		Long: `Report, by the org's own lists, how many files it gained and how many of them are in the ledger
with a verdict on their content: in all, by day, by channel, by creator and by client; then the
files that nobody looked at. A file is never left out: it is examined or counted among the others.

What was counted last is shown, and costs the org nothing. With --all the org is asked now, for at
most 31 days, and every file that nobody looked at is listed; that takes three API calls a day and
one more for each 2 000 files. Days are in UTC, by the files' CreatedDate. A file that was deleted
and left the recycle bin is on no list of the org any more.

Calls the API of a running gateway (CORDON_URL, CORDON_TOKEN). Who made a file is named only for
accounts that may see personal data.`,
		Example: `  cordon report coverage
  cordon report coverage --from 2026-11-01 --to 2026-12-01
  cordon report coverage --all --json > not-examined.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"from": from, "to": to} {
				if value != "" {
					q.Set(name, value)
				}
			}
			if all {
				q.Set("fresh", "true")
				c.http.Timeout = 15 * time.Minute // lists of a month, and everything looked up
			}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/coverage?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", bytes.TrimSpace(raw))
				return err
			}
			coverage, err := reports.ReadCoverage(raw)
			if err != nil {
				return err
			}
			return reports.CoverageText(cmd.OutOrStdout(), coverage)
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "first day, as 2026-11-14 (default seven days ago)")
	f.StringVar(&to, "to", "", "day after the last (default tomorrow)")
	f.IntVar(&limit, "limit", 20, "how many files that nobody looked at are listed, newest first")
	f.BoolVar(&all, "all", false, "ask the org now and list every file that nobody looked at")
	f.BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}
