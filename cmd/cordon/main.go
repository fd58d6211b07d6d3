// Command cordon is the gateway, its simulator, its demo and the tools around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/internal/visible"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the exit, so that the story tests can call it.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return perform(ctx, args, os.Stdout, os.Stderr)
}

// perform runs one command line and returns the exit code.
func perform(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	strict(root, args)
	// Names and notes are strangers': no terminal may take them for commands, or turn them around.
	stdout, stderr = visible.NewWriter(stdout), visible.NewWriter(stderr)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	fmt.Fprintln(stderr, "cordon:", err)
	if wrong, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(stderr, wrong.usage())
		return exitUsage
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "cordon",
		Short: "Keeps what may be synthetic or altered out of a CRM until a person has decided",
		Long: `Cordon stands in front of Salesforce. It inspects every photo, scan, recording and document,
keeps back what may be synthetic or altered until a person has decided, and records each step
in a ledger that an auditor can check offline.

Start with the demo; it needs nothing else:

  cordon demo

adopt, backfill, hold, inventory, known, remove, report, route and most of ledger call a running gateway:
CORDON_URL is the console's address, CORDON_TOKEN an account's token (the demo prints both, "cordon token" makes one).

Exit status: 0 done, 1 it failed, 2 the command line is wrong; scan, trust list, known check and
sim conformance also end with 3, which their own help explains. An error says on standard error what to do next.`,
		Example:           "  cordon demo\n  cordon scan photo.jpg\n  cordon serve --config cordon.yaml\n  cordon help hold release",
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
		migrateCommand(),
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
		versionCommand(),
	)
	return root
}

// raw is standard output for what is kept or handed on, byte by byte, and not for reading.
func raw(cmd *cobra.Command) io.Writer {
	if shown, ok := cmd.OutOrStdout().(*visible.Writer); ok {
		return shown.Raw
	}
	return cmd.OutOrStdout()
}

// exitCode ends the program with a code and no further message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
