// Command cordon is the gateway, its simulator, its demo and the tools around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the exit, so that the story tests can call it.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	root := &cobra.Command{
		Use:   "cordon",
		Short: "Keeps what may be synthetic or altered out of a CRM until a person has decided",
		Long: `Cordon stands in front of Salesforce. It inspects every photo, scan, recording and document,
keeps back what may be synthetic or altered until a person has decided, and records each step
in a ledger that an auditor can check offline.

Start with the demo; it needs nothing else:

  cordon demo

adopt, backfill, hold, inventory, known, remove, report, route and most of ledger call a running gateway:
CORDON_URL is the console's address, CORDON_TOKEN an account's token (the demo prints both, "cordon token" makes one).`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           version(),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(
		demoCommand(),
		initCommand(),
		doctorCommand(),
		serveCommand(),
		scanCommand(),
		trustCommand(),
		simCommand(),
		backfillCommand(),
		adoptCommand(),
		holdCommand(),
		removeCommand(),
		routeCommand(),
		inventoryCommand(),
		reportCommand(),
		knownCommand(),
		ledgerCommand(),
		tokenCommand(),
	)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	default:
		fmt.Fprintln(os.Stderr, "cordon:", err)
		return 1
	}
}

// exitCode ends the program with a code and no further message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
