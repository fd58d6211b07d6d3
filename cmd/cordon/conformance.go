package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/conformance"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// whichOrg are the flags that say which org is asked.
type whichOrg struct {
	alias, address, tokenFile, config, tenant, version string
}

func conformanceCommand() *cobra.Command {
	var which whichOrg
	var out, only []string
	var journal string
	var list, asJSON, cleanup, force bool
	budget := conformance.DefaultBudget
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Ask a real sandbox what the simulator was asked, and list the differences",
		Long: `Run the scripts that the simulator's own tests run against a real org, and write where its
answers differ from the simulator's. --list shows what each script asks, how many API calls it
spends and what it makes.

It is for sandboxes. An org that is neither a sandbox nor a trial is refused unless
--force-production is given. Every record it makes has a name that begins with
cordon-conformance-, is noted in a journal before it is made, and is removed at the end and
taken out of the recycle bin, also after an interrupt. After a crash, --cleanup does it from the
journal. It spends no more than --budget API calls, cleaning up included.

Which org: --org is an alias of the sf command, which must be signed in to it; or --url is its
address, with an access token in SF_ACCESS_TOKEN or --token-file; else it is that of a tenant of the
configuration, by --config and --tenant.

The list holds no id, host, name, address, token or content of the org: what is no word of the
platform is replaced by its class and length. It can be committed as docs/conformance/DATE.md.

Exit status: 0 no difference, 3 differences, 1 it could not run or could not clean up.`,
		Example: `  cordon sim conformance --list
  cordon sim conformance --org uat --out docs/conformance/2026-11-21.md
  cordon sim conformance --org uat --only 'content-*,attachment' --json
  SF_ACCESS_TOKEN=… cordon sim conformance --url https://acme--uat.sandbox.my.salesforce.com
  cordon sim conformance --org uat --cleanup`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scripts, err := conformance.Find(only)
			if err != nil {
				return err
			}
			if list {
				return listScripts(cmd.OutOrStdout(), scripts)
			}
			for _, name := range out {
				if ext := filepath.Ext(name); ext != ".md" && ext != ".json" {
					return fmt.Errorf("%w: --out %s: a report is a file that ends in .md or .json", cordon.ErrInvalid, name)
				}
			}
			org, err := which.org(cmd.Context())
			if err != nil {
				return err
			}
			notes := cmd.ErrOrStderr()
			if cleanup {
				removal, err := conformance.Cleanup(context.WithoutCancel(cmd.Context()), org, journal, notes)
				if err != nil {
					return err
				}
				return told(notes, removal)
			}
			simulator, stop, err := besideSimulator(org.Version)
			if err != nil {
				return err
			}
			defer stop()
			fmt.Fprintf(notes, "%d scripts, at most %d API calls with cleaning up; the budget is %d\n", len(scripts), conformance.Estimate(scripts), budget)
			run := conformance.Run{Org: org, Simulator: simulator, Scripts: scripts, Budget: budget, Journal: journal,
				ForceProduction: force, Program: version(), Notes: notes}
			report, err := run.Do(cmd.Context())
			if report == nil {
				return err
			}
			if err := writeReport(cmd.OutOrStdout(), report, out, asJSON); err != nil {
				return err
			}
			if err != nil {
				return err
			}
			if err := told(notes, report.Removal); err != nil {
				return err
			}
			switch {
			case report.Interrupted:
				return exitCode(1)
			case len(report.Differences) > 0:
				return exitCode(3)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&which.alias, "org", "", "alias of an org that the sf command is signed in to")
	f.StringVar(&which.config, "config", defaultConfig, "configuration file with a tenant whose org is asked")
	f.StringVar(&which.tenant, "tenant", "", "the tenant (needed where there are several)")
	f.StringVar(&which.address, "url", "", "address of the org; its token is in SF_ACCESS_TOKEN or --token-file")
	f.StringVar(&which.tokenFile, "token-file", "", "file with an access token for --url")
	f.StringVar(&which.version, "api-version", salesforce.DefaultVersion, "API version to ask in")
	f.StringSliceVar(&only, "only", nil, "run these scripts only; a * stands for any letters")
	f.IntVar(&budget, "budget", budget, "most API calls to spend, cleaning up included")
	f.StringSliceVar(&out, "out", nil, "write the report to this file, as its ending says: .md or .json; may be given twice")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON, not as Markdown")
	f.StringVar(&journal, "journal", "cordon-conformance.journal", "file that says what was made; it is removed when the org is clean")
	f.BoolVar(&cleanup, "cleanup", false, "remove what an earlier run left, by its journal, and do nothing else")
	f.BoolVar(&force, "force-production", false, "run even if the org looks like production")
	f.BoolVar(&list, "list", false, "list the scripts and ask nothing")
	cmd.MarkFlagsMutuallyExclusive("org", "config", "url")
	return cmd
}

// org finds the org and a token for it.
func (w whichOrg) org(ctx context.Context) (org conformance.Org, err error) {
	org.Version = strings.TrimPrefix(w.version, "v")
	switch {
	case w.alias != "":
		org.Base, org.Token, err = sfOrg(ctx, w.alias)
	case w.address != "":
		if org.Base, err = orgAddress(w.address); err != nil {
			return org, err
		}
		org.Token = os.Getenv("SF_ACCESS_TOKEN")
		if w.tokenFile != "" {
			b, err := os.ReadFile(w.tokenFile)
			if err != nil {
				return org, fmt.Errorf("read the access token: %w", err)
			}
			org.Token = string(b)
		}
		if org.Token = strings.TrimSpace(org.Token); !isToken(org.Token) {
			err = fmt.Errorf("%w: put an access token for the org into SF_ACCESS_TOKEN, or name a file with --token-file", cordon.ErrInvalid)
		}
	default:
		if _, missing := os.Stat(w.config); errors.Is(missing, fs.ErrNotExist) {
			return org, fmt.Errorf("%w: say which org: --org ALIAS, --config FILE or --url ADDRESS; there is no %s here", cordon.ErrInvalid, w.config)
		}
		org.Base, org.Token, err = w.configured(ctx)
	}
	return org, err
}

// configured signs in as Cordon does for a tenant.
func (w whichOrg) configured(ctx context.Context) (*url.URL, string, error) {
	conf, err := app.ReadConfig(w.config)
	if err != nil {
		return nil, "", err
	}
	identity, err := conf.Identity(cordon.TenantID(w.tenant))
	if err != nil {
		return nil, "", err
	}
	client, err := salesforce.NewClient(identity)
	if err != nil {
		return nil, "", err
	}
	token, err := client.AccessToken(ctx)
	return identity.Org, token, err
}

// besideSimulator serves a simulator of this build on this machine.
func besideSimulator(apiVersion string) (conformance.Org, func(), error) {
	conf := sim.Demo()
	o := sim.NewOrg(conf)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.Close()
		return conformance.Org{}, nil, err
	}
	srv := &http.Server{Handler: o.Handler(), ReadHeaderTimeout: 20 * time.Second}
	go srv.Serve(ln) // ends with Close
	stop := func() {
		srv.Close()
		o.Close()
	}
	return conformance.Org{Base: &url.URL{Scheme: "http", Host: ln.Addr().String()}, Token: o.Token(conf.Users[0].Username), Version: apiVersion}, stop, nil
}

func listScripts(w io.Writer, scripts []conformance.Script) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCRIPT\tCALLS\tRECORDS\tASKS")
	for _, s := range scripts {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", s.Name, s.Calls(), s.Makes(), s.Covers)
	}
	fmt.Fprintf(t, "\nat most %d API calls with looking at the org and cleaning up\n", conformance.Estimate(scripts))
	return t.Flush()
}

// writeReport prints the report, or writes the files that were named.
func writeReport(stdout io.Writer, r *conformance.Report, files []string, asJSON bool) error {
	write := func(w io.Writer, asJSON bool) error {
		if asJSON {
			return r.JSON(w)
		}
		return r.Markdown(w)
	}
	for _, name := range files {
		f, err := os.Create(name)
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		err = write(f, filepath.Ext(name) == ".json")
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if len(files) > 0 && !asJSON {
		return nil
	}
	return write(stdout, asJSON)
}

// told says what became of the records, and fails if some are left.
func told(w io.Writer, r conformance.Removal) error {
	fmt.Fprintf(w, "%d records were made, %d are removed, %d of these are out of the recycle bin\n", r.Made, r.Removed, r.Purged)
	for _, l := range r.Left {
		fmt.Fprintf(w, "not removed: %d %s: %s\n", l.Count, l.Object, l.Why)
	}
	if !r.Clean() {
		return fmt.Errorf("the org still holds records of this run; run it again with --cleanup")
	}
	return nil
}
