package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/doctor"
)

// doctorTime bounds an examination. Each call of its own ends sooner.
const doctorTime = 3 * time.Minute

func doctorCommand() *cobra.Command {
	var config, tokenFile string
	var asJSON, probeDirect bool
	var share float64
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works, what is missing and how to get it",
		Long: `Sign in to each org of the configuration and look at what surrounds the gateway: permissions,
API version, API calls and storage left, change events, event log files, clock, TLS, folders,
keys, database, and what a firewall must let through.

Each line has a state, its evidence, and what to do:

  ok        it was tried, and works
  missing   it was tried, and is not there
  warning   it works, but somebody should look at it
  unknown   it was not tried, or no answer settles it

It only reads: nothing is written in the org, no table is changed, no secret is printed.

Whether callers can go around the gateway is tried only with --probe-direct, which makes one
reading call straight to the org. Run that on a machine that callers use; with
--direct-token-file it carries a caller's access token, which is neither stored nor printed.

Exit status: 0 nothing is missing that Cordon needs as it is configured, 1 something is.`,
		Example: `  cordon doctor --config cordon.yaml
  cordon doctor --config cordon.yaml --json | jq -r '.lines[] | select(.state=="missing") | .check + ": " + .do'
  cordon doctor --config cordon.yaml --probe-direct --direct-token-file token.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := app.ReadConfig(config)
			if err != nil {
				return err
			}
			override(&conf.Database.URL, os.Getenv("DATABASE_URL"))
			d, err := conf.Doctor()
			if err != nil {
				return err
			}
			if share <= 0 || share > 100 {
				return fmt.Errorf("--api-share %g is not a percentage above 0 and up to 100", share)
			}
			d.APIShare, d.ProbeDirect = share/100, probeDirect
			if tokenFile != "" {
				if !probeDirect {
					return fmt.Errorf("--direct-token-file is for --probe-direct; give both")
				}
				b, err := os.ReadFile(tokenFile)
				if err != nil {
					return fmt.Errorf("read the caller's token: %w", err)
				}
				d.DirectToken = strings.TrimSpace(string(b))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorTime)
			defer cancel()
			report := doctor.Run(ctx, d)
			write := report.Text
			if asJSON {
				write = report.JSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if !report.Ready {
				return exitCode(1)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", defaultConfig, "configuration file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().Float64Var(&share, "api-share", 10, "share of the org's daily API calls that Cordon may take, in percent")
	cmd.Flags().BoolVar(&probeDirect, "probe-direct", false, "try the way that bypasses the gateway with one reading call")
	cmd.Flags().StringVar(&tokenFile, "direct-token-file", "", "file with a caller's access token, for --probe-direct")
	return cmd
}
