// Command cordon-verify checks what Cordon's ledger claims, without trusting Cordon: it
// shares no package with the gateway, only the standard library and golang.org/x/mod. It
// reads a receipt or an exported log, takes the key it trusts from its user, asks no network
// and writes nothing. docs/ledger-format.md describes what it checks, byte by byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// Exit codes. Scripts rely on them.
const (
	exitVerified  = 0
	exitFailed    = 1
	exitUntrusted = 2
)

const usage = `cordon-verify checks a receipt or an exported log of Cordon's ledger, offline.

    cordon-verify --key VKEY [--witness VKEY]... PATH

PATH is a receipt (a JSON file) or the folder of an exported log.

    --key VKEY      the verifier key that you trust, as the operator published it
    --witness VKEY  a witness that must have cosigned the checkpoint; may be repeated

Exit code: 0 verified; 1 failed; 2 everything fits together, but the key that signed it is
not one you gave, so anyone could have made it.

Examples:

    cordon-verify --key cordon/acme+5f1c0a2b+AT…  receipt.json
    cordon-verify --key "$(cat acme.vkey)"  exported-log/
    cordon-verify exported-log/          look at a log before you know its key (exit code 2)

A receipt shows that its entries are in the log. It cannot show that no later entry exists:
the exported log can.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: results go to stdout, everything else to stderr.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("cordon-verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	key := flags.String("key", "", "")
	var witnesses []string
	flags.Func("witness", "", func(s string) error { witnesses = append(witnesses, s); return nil })
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitVerified
	case err != nil:
		return exitFailed
	case flags.NArg() != 1:
		fmt.Fprint(stderr, usage)
		return exitFailed
	}
	trusted, err := newTrust(*key, witnesses)
	if err != nil {
		fmt.Fprintln(stderr, "cordon-verify:", err)
		return exitFailed
	}
	seen, err := verify(flags.Arg(0), trusted)
	var untrusted *untrustedError
	switch {
	case errors.As(err, &untrusted):
		seen.print(stdout)
		fmt.Fprintln(stdout, "consistent, but not trusted:", untrusted)
		return exitUntrusted
	case err != nil:
		fmt.Fprintln(stdout, "FAILED:", err)
		return exitFailed
	}
	seen.print(stdout)
	fmt.Fprintln(stdout, "verified")
	return exitVerified
}

// verify checks the receipt or log at path. An *untrustedError comes last, when all else fits.
func verify(path string, t trust) (report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return report{}, err
	}
	if info.IsDir() {
		return verifyLog(path, t)
	}
	f, err := os.Open(path)
	if err != nil {
		return report{}, err
	}
	defer f.Close()
	doc, err := io.ReadAll(io.LimitReader(f, maxReceipt+1))
	if err != nil {
		return report{}, err
	}
	return verifyReceipt(doc, t)
}

// report is what is shown of something that fits together.
type report struct {
	title      string
	checkpoint checkpoint
	lines      []string
	cosigned   []cosigned
}

type cosigned struct {
	name string
	at   time.Time // zero if the witness gave no time
}

func (r report) print(w io.Writer) {
	fmt.Fprintln(w, r.title)
	for _, line := range r.lines {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "checkpoint of %s: %d entries, root %s\n", r.checkpoint.origin, r.checkpoint.tree.N, r.checkpoint.tree.Hash)
	for _, c := range r.cosigned {
		if c.at.IsZero() {
			fmt.Fprintf(w, "cosigned by %s\n", c.name)
		} else {
			fmt.Fprintf(w, "cosigned by %s at %s\n", c.name, c.at.UTC().Format(time.RFC3339))
		}
	}
}
