// Package cordon holds the words of the gateway: what arrives (Arrival, Item),
// what is seen of it (Finding), what is decided (Verdict), what moves (Change)
// and what is written down (Entry).
//
// An item travels
//
//	intake → inspect → decide → hold | deliver → ledger
//
// and flow moves it along. The package imports the standard library only, and
// every other package of the module may import it.
package cordon
