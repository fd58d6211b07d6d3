package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/samples"
)

func simCommand() *cobra.Command {
	var listen, pubsubListen string
	var population sim.Population
	var limit int
	var pictures bool
	var origins, communities []string
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run the Salesforce simulator",
		Long: `Run a simulator of the part of Salesforce that Cordon and its clients use: OAuth, describe,
records and files, SOQL, composite, limits, faults on demand, and change events of files over
the Pub/Sub API. Everything is in memory and gone when it ends.

It accepts the OAuth client "demo" with the secret "demo", and the users demo@example.com,
responder@example.com and admin@example.com with the password "demo"; with these it listens
on this machine only. Faults are set at /sim/faults.

With --files it starts with that many files, as years of use would have left them: from portals,
integrations, people and e-mail, some deleted, their content made up. With --samples every tenth is
a sample picture of "cordon demo", some of which say of themselves that a generator made them.`,
		Example: "  cordon sim\n  cordon sim --files 200 --samples\n  cordon sim --files 100000 --api-limit 1000000\n  cordon sim --listen 127.0.0.1:9000 --pubsub-listen 127.0.0.1:9001\n  cordon sim conformance --list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf := sim.Demo()
			conf.Control = true
			conf.ChangeEvents = []string{"ContentVersion", "ContentDocument", "ContentDocumentLink"}
			conf.CORS, conf.Communities = origins, communities
			if limit > 0 {
				conf.APILimit = limit
			}
			org := sim.NewOrg(conf)
			defer org.Close()
			if population.Files > 0 {
				if pictures {
					content, err := samplePictures()
					if err != nil {
						return err
					}
					population.Content = content
				}
				truth, err := sim.Generate(org, population)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "the org has %d files of %d bytes, %d of them not deleted\n", len(truth.Files), truth.Bytes, len(truth.Live()))
			}
			ln, err := listenLoopback(listen)
			if err != nil {
				return err
			}
			events, err := listenLoopback(pubsubListen)
			if err != nil {
				return errors.Join(err, ln.Close())
			}
			pubsub := org.PubSub()
			defer pubsub.Stop()
			srv := &http.Server{Handler: org.Handler(), ReadHeaderTimeout: 20 * time.Second}
			failed := make(chan error, 2)
			go func() { failed <- srv.Serve(ln) }()
			go func() { failed <- pubsub.Serve(events) }()
			fmt.Fprintf(cmd.OutOrStdout(), "salesforce  http://%s\npubsub  http://%s\nready\n", ln.Addr(), events.Addr())
			select {
			case <-cmd.Context().Done():
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				return srv.Shutdown(ctx)
			case err := <-failed:
				if errors.Is(err, http.ErrServerClosed) {
					return nil
				}
				return err
			}
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8082", "loopback address")
	cmd.Flags().StringVar(&pubsubListen, "pubsub-listen", "127.0.0.1:0", "loopback address of the Pub/Sub API (gRPC in the clear)")
	cmd.Flags().IntVar(&population.Files, "files", 0, "fill the org with this many files first, as years of use would")
	cmd.Flags().Uint64Var(&population.Seed, "seed", 1, "of --files: the same seed fills it in the same way")
	cmd.Flags().IntVar(&limit, "api-limit", 0, "API calls that the org allows in 24 hours (default 100000)")
	cmd.Flags().StringArrayVar(&origins, "cors", nil, "an origin whose scripts may read answers, like https://portal.example or https://*.example (may be repeated)")
	cmd.Flags().StringArrayVar(&communities, "community", nil, "the name of an Experience Cloud site that is live (may be repeated)")
	cmd.Flags().BoolVar(&pictures, "samples", false, "make every tenth of --files a sample picture of the demo")
	cmd.AddCommand(conformanceCommand())
	return cmd
}

// samplePictures returns the content of a population with a sample picture in each ten files.
func samplePictures() (func(n int) (extension string, data []byte), error) {
	set, err := samples.New(1)
	if err != nil {
		return nil, err
	}
	all := set.All()
	return func(n int) (string, []byte) {
		if n%10 != 0 {
			return "", nil
		}
		s := all[n/10%len(all)]
		return strings.TrimPrefix(filepath.Ext(s.Name), "."), s.Bytes
	}, nil
}

// listenLoopback refuses any address that another machine could reach: the demo accounts are
// public knowledge.
func listenLoopback(addr string) (net.Listener, error) {
	if err := loopbackOnly(addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (is another program using it?): %w", addr, err)
	}
	return ln, nil
}

func loopbackOnly(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not an address like 127.0.0.1:8080: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q can be reached from other machines, and the demo's passwords are public; use 127.0.0.1", addr)
	}
	return nil
}
