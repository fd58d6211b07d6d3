package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/scan"
)

func scanCommand() *cobra.Command {
	var asJSON bool
	var at, anchors, tsaAnchors, partners, policy string
	var trust app.TrustConfig
	cmd := &cobra.Command{
		Use:   "scan [flags] PATH...",
		Short: "Look at files and folders and say what would be held",
		Long: `Look at files and folders with the detectors of the gateway and say, for each file, what was
found and what the policy makes of it. Nothing is stored or sent anywhere.

Recordings and coded pictures (HEIC, AVIF, JPEG 2000 and its relatives) are decoded by ffmpeg in a
sandbox; without it a line on stderr says so, and in JSON "lacking" names what was missing.

No sign found is not proof of anything: whoever strips a file of its marks leaves none.

Exit status: 0 nothing to hold, 3 something to hold, 1 an input could not be read.`,
		Example: `  cordon scan photo.jpg
  cordon scan --trust-anchors C2PA-TRUST-LIST.pem uploads/
  cordon scan --partners partners.yaml report.xml
  cordon scan --trust-list lists/2026-04.pem --trust-list lists/2026-10.pem --at 2026-06-01T00:00:00Z photo.jpg
  cordon scan --json uploads/ | jq -r 'select(.action=="hold") | .path'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf := scan.Config{
				Paths: args, JSON: asJSON, Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(),
				Color:    term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
				Progress: term.IsTerminal(int(os.Stderr.Fd())),
				Sound:    soundOf,
			}
			if conf.Color {
				conf.Out = raw(cmd) // it shows names itself, and its colours are commands
			}
			look := app.Look{TrustAnchors: anchors, TSAAnchors: tsaAnchors, Trust: trust, Partners: partners, Policy: policy}
			if at != "" {
				t, err := time.Parse(time.RFC3339, at)
				if err != nil {
					return fmt.Errorf("--at %q is not a time like 2026-11-21T12:00:00Z", at)
				}
				look.At, conf.At = t, t
			}
			var err error
			if conf.Inspector, conf.Policy, err = look.Open(); err != nil {
				return err
			}
			conf.Limits, conf.Lacking = look.Limits()
			if code := scan.Run(cmd.Context(), conf); code != 0 {
				return exitCode(code)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per file")
	cmd.Flags().StringVar(&at, "at", "", "evaluate certificates at this time (RFC 3339) instead of now")
	cmd.Flags().StringVar(&anchors, "trust-anchors", "", "PEM file of trusted authorities for content credentials")
	cmd.Flags().StringVar(&tsaAnchors, "tsa-anchors", "", "PEM file of trusted time-stamp authorities")
	cmd.Flags().StringVar(&partners, "partners", "", "YAML file of partners whose signatures on documents count")
	listFlags(cmd, &trust)
	cmd.Flags().StringVar(&policy, "policy", "", "policy file (default: the built-in policy)")
	return cmd
}
