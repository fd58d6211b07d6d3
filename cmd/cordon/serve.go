package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/app"
)

// drainTime is how long running uploads and deliveries have to end after a signal, unless
// --stop-within says otherwise.
const drainTime = 30 * time.Second

// defaultConfig is where "cordon init" writes a configuration.
const defaultConfig = "cordon.yaml"

func serveCommand() *cobra.Command {
	var config, listen, consoleListen, databaseURL string
	var verbose, setAside bool
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway, the console and the API",
		Long: `Run the gateway, the console and the API as the configuration file says.

Flags beat the environment (PORT, DATABASE_URL, DATABASE_OWNER_URL), which beats the file.
docs/configuration.md explains every field. A small file:

  data: /var/lib/cordon
  keys: /etc/cordon/keys
  gateway: { listen: ":8080" }
  console: { listen: "127.0.0.1:8090", url: "https://cordon.example.org" }
  tenants:
    - id: clinic
      hosts: [crm.example.org]
      upstream: https://example.my.salesforce.com
      crm: { client_id: 3MVG9…, client_secret_file: /etc/cordon/crm.secret }
      routes:
        - { name: portal, channel: portal, owner: web-team, match: [ { object: ContentVersion } ] }
  accounts:
    - { login: reviewer@example.org, tenant: clinic, roles: [reviewer], password_file: /etc/cordon/reviewer.password }

SIGTERM and SIGINT stop it cleanly and with exit status 0: nothing new is admitted, what has arrived is
answered, and it has ended within --stop-within. Uploads have two thirds of that time to arrive; then the
rest are cut, and no receipt was given for them. A second signal ends it at once; what was on record is
settled at the next start. SIGHUP changes nothing: the configuration is read at the start.`,
		Example: "  cordon serve\n  cordon serve --config /etc/cordon/cordon.yaml\n  PORT=8080 DATABASE_URL=postgres://… cordon serve --config cordon.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := app.ReadConfig(config)
			if err != nil {
				return err
			}
			if port := os.Getenv("PORT"); port != "" {
				conf.Gateway.Listen = ":" + port
			}
			override(&conf.Database.URL, os.Getenv("DATABASE_URL"))
			override(&conf.Database.OwnerURL, os.Getenv("DATABASE_OWNER_URL"))
			override(&conf.Gateway.Listen, listen)
			override(&conf.Console.Listen, consoleListen)
			override(&conf.Database.URL, databaseURL)

			if within < time.Second {
				return &usageError{cmd, fmt.Errorf("--stop-within %s leaves no time to end; give at least 1s", within)}
			}
			log := logger(verbose)
			defer heedHangups(log)()
			a, err := app.New(cmd.Context(), conf, app.Options{Log: log, SetAside: setAside})
			if err != nil {
				return err
			}
			if err := a.Start(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "gateway  %s\nconsole  %s\n", a.GatewayURL(), a.ConsoleURL())
			if url := a.GatewayTLSURL(); url != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "gateway-tls  %s\n", url)
			}
			if url := a.ConsoleTLSURL(); url != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "console-tls  %s\n", url)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			return untilStopped(cmd.Context(), a, within)
		},
	}
	cmd.Flags().StringVar(&config, "config", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&listen, "listen", "", "address of the gateway")
	cmd.Flags().StringVar(&consoleListen, "console-listen", "", "address of the console and the API")
	cmd.Flags().StringVar(&databaseURL, "database-url", "", "PostgreSQL login of the application")
	cmd.Flags().BoolVar(&setAside, "set-aside", false, "start although many bytes have no record: they are moved aside and kept for 30 days")
	cmd.Flags().DurationVar(&within, "stop-within", drainTime, "how long running uploads and deliveries have to end after a signal")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log more")
	return cmd
}

func override(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// heedHangups keeps a hangup from ending the gateway, as it does by default: supervisors and log
// rotation send it, and so does a terminal that is closed.
func heedHangups(log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Info("a hangup changes nothing; the configuration is read at the start, and logs go to standard error")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

// untilStopped waits for a signal or a failed listener, then stops the app.
func untilStopped(ctx context.Context, a *app.App, within time.Duration) error {
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-a.Failed():
	}
	stop, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := a.Stop(stop); err != nil && failed == nil {
		return fmt.Errorf("not everything ended in time; it is settled at the next start: %w", err)
	}
	return failed
}
