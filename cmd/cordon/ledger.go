package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
)

func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Verify the ledger offline, get proofs and checkpoints",
		Long: `The ledger records every step of every item in one Merkle log per tenant, under signed
checkpoints. docs/ledger-format.md describes it byte by byte; cordon-verify checks receipts
and exports without any code of the gateway.`,
		Example: `  cordon ledger verify ./demo-data
  cordon ledger prove itm_01kq… --out receipt.json
  cordon ledger checkpoint > checkpoint.txt`,
	}
	cmd.AddCommand(ledgerVerify(), ledgerProve(), ledgerCheckpoint())
	return cmd
}

func ledgerVerify() *cobra.Command {
	v := app.Verification{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [PATH]",
		Short: "Rebuild the tree from the stored entries and compare every checkpoint",
		Long: `Rebuild each tenant's tree from the stored bytes of its entries, and compare every entry's
place, every tile and every signed checkpoint with it. Files are opened read-only; the gateway
may be running.

PATH is a data folder (with cordon.db), a demo's --data folder, a folder of ledger tiles, or a
receipt file. The key is read from the keys folder beside a demo's data, or given as --key: an
auditor brings it from somewhere else.

A database is opened with the login that is given: only the sequencer's sees every ledger.

Exit status: 0 verified, 1 failed or not possible, for example without a key.`,
		Example: `  cordon ledger verify /var/lib/cordon --key "cordon/clinic+5f2a…"
  cordon ledger verify receipt.json --key "cordon/clinic+5f2a…"
  cordon ledger verify --database-url "postgres://sequencer@…" --keys /etc/cordon/keys`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				v.Path = args[0]
			}
			reports, err := v.Run(cmd.Context())
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				for _, r := range reports {
					if err := enc.Encode(r); err != nil {
						return err
					}
				}
			} else {
				writeReports(cmd.OutOrStdout(), reports)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&v.Path, "data", "", "data folder (the same as PATH)")
	cmd.Flags().StringVar(&v.DatabaseURL, "database-url", "", "PostgreSQL database instead of a folder: a login of the role cordon_sequencer")
	cmd.Flags().StringVar(&v.Keys, "keys", "", "keys folder of the gateway, to take the verifier keys from")
	cmd.Flags().StringArrayVar(&v.VKeys, "key", nil, "verifier key (repeat for several tenants)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per tenant")
	return cmd
}

func writeReports(out io.Writer, reports []app.LedgerReport) {
	for _, r := range reports {
		switch {
		case r.Problem != "":
			fmt.Fprintf(out, "%s: FAILED: %s\n", r.Name, r.Problem)
		case r.Trusted:
			fmt.Fprintf(out, "%s: verified: %d entries, %d checkpoints\n", r.Name, r.Entries, r.Checkpoints)
		default:
			fmt.Fprintf(out, "%s: consistent, key not trusted: %d entries, %d checkpoints\n", r.Name, r.Entries, r.Checkpoints)
		}
		if r.Key != "" {
			fmt.Fprintf(out, "  key       %s\n", r.Key)
		}
		if !r.Last.IsZero() {
			fmt.Fprintf(out, "  from      %s\n  to        %s\n", r.First.UTC().Format(time.RFC3339), r.Last.UTC().Format(time.RFC3339))
		}
		fmt.Fprintf(out, "  anchored  never\n")
	}
}

func ledgerProve() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "prove RECEIPT",
		Short: "Get the proof for one item, as a receipt file",
		Long: `Get the proof for one item from a running gateway (CORDON_URL, CORDON_TOKEN): every entry
about it, with inclusion proofs to a signed checkpoint. Waits until the last entry is covered.`,
		Example: "  cordon ledger prove itm_01kq… --out receipt.json\n  cordon-verify --key \"cordon/clinic+5f2a…\" receipt.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := clientFor(args[0])
			if err != nil {
				return err
			}
			var doc []byte
			for deadline := time.Now().Add(30 * time.Second); ; {
				status, err := c.call(cmd.Context(), "GET", "/v1/receipts/"+string(id), nil, &doc)
				if err != nil {
					return err
				}
				if status == http.StatusOK {
					break
				}
				if time.Now().After(deadline) {
					return fmt.Errorf("no checkpoint covers %s after 30 s; does the sequencer run? (see %s/readyz)", id, c.base)
				}
				select {
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				case <-time.After(250 * time.Millisecond):
				}
			}
			if out == "" {
				_, err = fmt.Fprintf(raw(cmd), "%s\n", doc)
				return err
			}
			if err := os.WriteFile(out, doc, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to this file instead of standard output")
	return cmd
}

func ledgerCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use:     "checkpoint",
		Short:   "Print the newest signed checkpoint",
		Example: "  cordon ledger checkpoint > checkpoint.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			var note []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/ledger/checkpoint", nil, &note); err != nil {
				return err
			}
			_, err = raw(cmd).Write(note)
			return err
		},
	}
}
