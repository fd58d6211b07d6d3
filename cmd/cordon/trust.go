package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
)

func trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trust",
		Short:   "Trust lists for content credentials",
		Long:    "Trust lists say whose content credentials count: signers, time-stamp services, identities.",
		Example: "  cordon trust list",
	}
	cmd.AddCommand(trustListCommand())
	return cmd
}

func trustListCommand() *cobra.Command {
	var config, at string
	var asJSON bool
	var files app.TrustConfig
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "Say which trust lists there are, which count, and which are old",
		Long: `Read the trust lists of a configuration, or those that flags name, and say of each what it
vouches for, its version and dates, whether it is in force, its SHA-256, and what somebody should
look at. The SHA-256 is the one that results name. Nothing is fetched.

Exit status: 0 all is well, 3 there are warnings.`,
		Example: `  cordon trust list --config cordon.yaml
  cordon trust list --trust-list C2PA-TRUST-LIST.pem --at 2026-06-01T00:00:00Z
  cordon trust list --config cordon.yaml --json | jq -r '.[] | select(.in_force) | .sha256'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			when := time.Now()
			var err error
			if at != "" {
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return fmt.Errorf("--at %q is not a time like 2026-11-21T12:00:00Z", at)
				}
			}
			named := len(files.Signers)+len(files.TimeStamps)+len(files.Allowed)+len(files.Identities) > 0 || files.Denied != ""
			var lines []app.TrustLine
			switch {
			case named && cmd.Flags().Changed("config"):
				return &usageError{cmd, errors.New("give --config, or name lists with --trust-list and its like, not both")}
			case named:
				lines, err = files.Lines(when)
			default:
				conf, readErr := app.ReadConfig(config)
				if readErr != nil {
					return readErr
				}
				lines, err = conf.TrustLines(when)
			}
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(lines)
			} else {
				err = printTrust(cmd.OutOrStdout(), lines)
			}
			for _, l := range lines {
				if err == nil && len(l.Warnings) > 0 {
					return exitCode(3)
				}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&at, "at", "", "say what counted at this time (RFC 3339) instead of now")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	listFlags(cmd, &files)
	return cmd
}

// listFlags are the flags that name trust lists.
func listFlags(cmd *cobra.Command, files *app.TrustConfig) {
	cmd.Flags().StringArrayVar(&files.Signers, "trust-list", nil, "dated trust list for signers, with a file of the same name and .yaml beside it; may be repeated")
	cmd.Flags().StringArrayVar(&files.TimeStamps, "tsa-list", nil, "likewise for time-stamp services")
	cmd.Flags().StringArrayVar(&files.Allowed, "allow-list", nil, "likewise, of signers that are trusted without a chain")
	cmd.Flags().StringArrayVar(&files.Identities, "identity-list", nil, "likewise for holders of CAWG identities")
	cmd.Flags().StringVar(&files.Denied, "deny-list", "", "CSV file of certificates whose signatures are not accepted")
}

func printTrust(out io.Writer, lines []app.TrustLine) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(out, "There are no trust lists: every signer is unknown.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USE\tNAME\tVERSION\tPUBLISHED\tIN FORCE\tCERTIFICATES\tSHA-256")
	for _, l := range lines {
		force := "no"
		if l.InForce {
			force = "yes"
		}
		if l.From != "" || l.Until != "" {
			force += ", " + strings.TrimSpace(cmp.Or(l.From, "…")+" to "+cmp.Or(l.Until, "…"))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", l.Use, l.Name, cmp.Or(l.Version, "unknown"), cmp.Or(l.Date, "unknown"), force, l.Certificates, l.SHA256)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		for _, text := range l.Warnings {
			if _, err := fmt.Fprintf(out, "%s %s: %s\n", l.Name, l.Version, text); err != nil {
				return err
			}
		}
	}
	return nil
}
