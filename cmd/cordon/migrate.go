package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
)

func migrateCommand() *cobra.Command {
	var config, databaseURL string
	var seal bool
	cmd := &cobra.Command{
		Use:   "migrate --seal",
		Short: "Mark the records of an earlier release, with the gateway stopped",
		Long: `Rows that anything acts on carry a mark, made with a key from the keys folder: who can write to
the database and has no key can neither make such a row nor change one unseen. Records that a
release before this one wrote have none. --seal marks them as they stand.

Stop the gateway first, on every node. The ledger is verified before anything is marked. The keys
folder then says that the records are sealed (records-sealed: copy it with the keys to every node),
and from then on a row without a mark was not written by Cordon. Everybody signs in again.

Exit status: 0 sealed, 1 not, and nothing counts as sealed, 2 the command line is wrong.`,
		Example: "  cordon migrate --seal --config /etc/cordon/cordon.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !seal {
				return &usageError{cmd, errors.New("say --seal: the tables themselves are brought up to date at every start")}
			}
			conf, err := app.ReadConfig(config)
			if err != nil {
				return err
			}
			override(&conf.Database.URL, os.Getenv("DATABASE_URL"))
			override(&conf.Database.URL, databaseURL)
			override(&conf.Database.OwnerURL, os.Getenv("DATABASE_OWNER_URL"))
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			rows, err := app.Seal(cmd.Context(), conf, log)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "sealed: %d rows of an earlier release are marked\n", rows)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&databaseURL, "database-url", "", "PostgreSQL instead of SQLite (environment: DATABASE_URL)")
	cmd.Flags().BoolVar(&seal, "seal", false, "mark the records of an earlier release")
	return cmd
}
