// Command testreport reads the output of go test -json and says what a person wants to
// know: a line for each package, everything that failed with its output, and at the end
// what was skipped and why.
//
//	go test -json ./... | go run ./scripts/testreport [-no-skips]
//
// It ends with the line "N passed, N failed, N skipped", subtests counted, and exits 1 if
// anything failed, if nothing passed, or with -no-skips if anything was skipped.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	noSkips := flag.Bool("no-skips", false, "fail if a test was skipped")
	flag.Parse()
	r, err := read(os.Stdin, os.Stdout)
	r.conclude()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "testreport:", err)
	case r.failed > 0:
	case r.passed == 0:
		fmt.Fprintln(os.Stderr, "testreport: no test has passed")
	case *noSkips && len(r.skipped) > 0:
		fmt.Fprintln(os.Stderr, "testreport: nothing may be skipped here")
	default:
		return
	}
	os.Exit(1)
}
