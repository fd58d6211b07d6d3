package demo

import "fmt"

// Narrate says where to look and what to try next.
func (d *Demo) Narrate() {
	fmt.Fprintf(d.out, `
Where to look
  %s   the console: sign in as responder@example.com, password demo
  %s   the simulated org (client demo, secret demo); its log is at /sim/log

What to try next, in another terminal
  export CORDON_URL=%s CORDON_TOKEN=%s
  cordon hold list                                  what waits for a person
  cordon hold show RECEIPT                          what was found, and the item's history
  cordon hold release RECEIPT --reason genuine      let it go: it reaches Salesforce once
  cordon ledger prove RECEIPT --out receipt.json    the proof of every step, to check offline
  cordon route list                                 the ways in, and what is not looked into
  cordon scan ~/Pictures                            the same checks on your own files
(not installed? "go run ./cmd/cordon" stands for "cordon")

The TLS gateway's authority is in %s.

`, d.urls.console, d.urls.salesforce, d.urls.console, string(d.token), d.ca)
}
