package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/setup"
)

func initCommand() *cobra.Command {
	var a setup.Answers
	var yes, force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration and say what to set up in the org",
		Long: `Write a first configuration with the least permissions, and print what an administrator has to
set up in the org. It calls nobody, and nothing leaves this machine.

On a terminal it asks for what the flags leave out; an empty answer takes the default. With
--yes, or without a terminal, it takes the defaults.

It writes, below --dir:

  cordon.yaml                 the configuration; it holds no secret
  keys/installation.new       the id of this installation, which its keys, records, bytes and ledger
                              will carry; "cordon serve" begins it
  keys/salesforce.key, .crt   for --auth jwt: an RSA key (mode 600) and the certificate to upload
  salesforce/                 a project for the sf command with the permission set, each line with
                              its reason; with --access write also the field for Cordon's key

What is there is not overwritten, unless --force is given; a key never is.`,
		Example: `  cordon init
  cordon init --org https://example--uat.sandbox.my.salesforce.com --username cordon@example.org --yes
  cordon init --org https://example.my.salesforce.com --environment production \
      --auth client-credentials --client-id 3MVG9… --dir /etc/cordon --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes && a.Missing() && term.IsTerminal(int(os.Stdin.Fd())) {
				if err := setup.Ask(cmd.InOrStdin(), cmd.ErrOrStderr(), &a); err != nil {
					return err
				}
			}
			if err := a.Complete(); err != nil {
				return err
			}
			files, err := setup.Write(a, force)
			if err != nil {
				return err
			}
			path, made, err := app.MakeInstallation(filepath.Join(a.Dir, "keys"))
			if err != nil {
				return err
			}
			if path != "" {
				files = append(files, setup.Written{Path: path, What: "the id of this installation", Kept: !made})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, f := range files {
				did := "wrote"
				if f.Kept {
					did = "kept"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", did, f.What, f.Path)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return a.Guide(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.Org, "org", "", "the org's My Domain address")
	f.StringVar(&a.Environment, "environment", "", "production or sandbox (default: by the address)")
	f.StringVar(&a.Auth, "auth", "", "how Cordon signs in: jwt or client-credentials (default jwt)")
	f.StringVar(&a.ClientID, "client-id", "", "consumer key of the connected app; it can be filled in later")
	f.StringVar(&a.Username, "username", "", "Cordon's own user in the org, for jwt; it can be filled in later")
	f.StringVar(&a.Access, "access", "", "what Cordon may do: read, or write to deliver what is released (default read)")
	f.StringVar(&a.Host, "host", "", "host name by which callers reach the gateway (default localhost)")
	f.StringVar(&a.Tenant, "tenant", "", "short name of the org in Cordon's records (default: by the address)")
	f.StringVar(&a.Dir, "dir", ".", "folder to write to")
	f.BoolVar(&yes, "yes", false, "ask nothing")
	f.BoolVar(&force, "force", false, "replace files that are there, but for keys")
	return cmd
}
