package main

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// maxReceipt bounds a receipt, in bytes.
const maxReceipt = 16 << 20

type receipt struct {
	checkpoint, item string
	entries          []proven
}

type proven struct {
	entry string // its bytes
	index int64
	proof tlog.RecordProof
}

// parseReceipt reads a receipt in RFC 8785 form; one newline at the end is forgiven.
func parseReceipt(doc []byte) (receipt, error) {
	if len(doc) > maxReceipt {
		return receipt{}, fmt.Errorf("receipt of more than %d bytes", maxReceipt)
	}
	s := &scanner{rest: strings.TrimSuffix(string(doc), "\n")}
	var r receipt
	s.lit(`{"checkpoint":`)
	r.checkpoint = s.str()
	s.lit(`,"entries":`)
	s.list(func() {
		var p proven
		s.lit(`{"entry":`)
		p.entry = s.str()
		s.lit(`,"index":`)
		p.index = s.integer()
		s.lit(`,"proof":`)
		s.list(func() {
			h, err := parseHash(s.str())
			if err != nil {
				s.fail("proof of entry %d: %w", p.index, err)
			}
			p.proof = append(p.proof, h)
		})
		s.lit("}")
		r.entries = append(r.entries, p)
	})
	s.lit(`,"item":`)
	r.item = s.str()
	s.lit(`,"type":"cordon-receipt/v1"}`)
	s.end()
	if s.err != nil {
		return receipt{}, fmt.Errorf("not a receipt as Cordon wrote it: %w", s.err)
	}
	if len(r.entries) == 0 {
		return receipt{}, errors.New("receipt: it has no entries")
	}
	return r, nil
}

func verifyReceipt(doc []byte, t trust) (report, error) {
	r, err := parseReceipt(doc)
	if err != nil {
		return report{}, err
	}
	cp, err := parseCheckpoint([]byte(r.checkpoint))
	if err != nil {
		return report{}, err
	}
	out := report{title: "receipt of item " + r.item, checkpoint: cp}
	last := int64(-1)
	for _, p := range r.entries {
		if p.index <= last {
			return report{}, fmt.Errorf("entry %d comes after entry %d", p.index, last)
		}
		last = p.index
		e, err := parseEntry([]byte(p.entry))
		if err != nil {
			return report{}, fmt.Errorf("entry %d: %w", p.index, err)
		}
		if "cordon/"+e.tenant != cp.origin {
			return report{}, fmt.Errorf("entry %d is of tenant %s, the log is %s", p.index, e.tenant, cp.origin)
		}
		if e.of != "item/"+r.item {
			return report{}, fmt.Errorf("entry %d is of %s, the receipt of item %s", p.index, e.of, r.item)
		}
		if err := tlog.CheckRecord(p.proof, cp.tree.N, cp.tree.Hash, p.index, tlog.RecordHash([]byte(p.entry))); err != nil {
			return report{}, fmt.Errorf("entry %d is not in the log: %w", p.index, err)
		}
		out.lines = append(out.lines, fmt.Sprintf("entry %d  %s", p.index, e))
	}
	out.cosigned, err = t.check(cp)
	return out, err
}
