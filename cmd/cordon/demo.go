package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/demo"
)

func demoCommand() *cobra.Command {
	conf := demo.Config{}
	var once, verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the gateway, the console, a simulated Salesforce and sample traffic on this machine",
		Long: `Run everything on this machine, with nothing else needed: a simulated Salesforce org, the
gateway in front of it, the console, and sample traffic from several routes. It prints one line
per address, then what happened to each sample, then "ready".

All addresses are on loopback and the passwords are public: users demo@example.com,
responder@example.com and admin@example.com, password "demo". Sample media are made by the
demo and labelled so.`,
		Example: `  cordon demo
  cordon demo --listen 127.0.0.1:0          random ports
  cordon demo --data ./demo-data            keep records, bytes and ledger
  cordon demo --once                        play the samples, check their fates, end`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf.Out = cmd.OutOrStdout()
			level := slog.LevelError
			if verbose {
				level = slog.LevelDebug
			}
			conf.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
			d, err := demo.Start(cmd.Context(), conf)
			if err != nil {
				return err
			}
			played := d.Play(cmd.Context())
			if !once && played == nil {
				d.Narrate()
			}
			if played == nil {
				fmt.Fprintln(conf.Out, "ready")
			}
			if !once && played == nil {
				select {
				case <-cmd.Context().Done():
				case played = <-d.Failed():
				}
			}
			stop, cancel := context.WithTimeout(context.Background(), drainTime)
			defer cancel()
			if err := d.Stop(stop); err != nil && played == nil {
				return err
			}
			return played
		},
	}
	cmd.Flags().StringVar(&conf.Listen, "listen", "127.0.0.1:8080", "address of the gateway; console, simulator and TLS gateway take the next ports")
	cmd.Flags().StringVar(&conf.Data, "data", "", "folder to keep (default: a temporary one)")
	cmd.Flags().BoolVar(&once, "once", false, "play the samples, check their fates, end")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log what the parts do")
	return cmd
}
