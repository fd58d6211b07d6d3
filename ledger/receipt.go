package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// receiptType is the first version of the document.
const receiptType = "cordon-receipt/v1"

// maxReceipt bounds what VerifyReceipt reads, in bytes. An entry with its proof takes at most 8 KiB.
const maxReceipt = 16 << 20

// A receipt proves what the log says of one item. It is RFC 8785 JSON, so its fields are in
// the order of their names and there is one way to spell it.
type receipt struct {
	Checkpoint string         `json:"checkpoint"`
	Entries    []receiptEntry `json:"entries"`
	Item       cordon.ID      `json:"item"`
	Type       string         `json:"type"`
}

type receiptEntry struct {
	Entry string      `json:"entry"` // canonical bytes; a string keeps them through any JSON reader
	Index int64       `json:"index"`
	Proof []tlog.Hash `json:"proof"`
}

func (r receipt) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// MakeReceipt returns the receipt for one item as a JSON document: the entries named, in the
// log's order, each with its proof, and the latest checkpoint. The entries must all be of the
// same item. It returns ErrPending while one of them is not covered by a checkpoint.
func MakeReceipt(ctx context.Context, log Reader, tenant cordon.TenantID, entries []cordon.ID) ([]byte, error) {
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: a receipt without entries", cordon.ErrInvalid)
	}
	proofs, err := prove(ctx, log, tenant, entries)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(proofs, func(a, b Proof) int { return int(a.Index - b.Index) })
	proofs = slices.CompactFunc(proofs, func(a, b Proof) bool { return a.Index == b.Index })
	doc := receipt{Type: receiptType, Checkpoint: string(proofs[0].Checkpoint), Entries: []receiptEntry{}}
	for _, p := range proofs {
		entry, err := cordon.ParseEntry(p.Entry)
		if err != nil {
			return nil, differs(p.Index, "%v", err)
		}
		if doc.Item == "" {
			doc.Item = entry.Of.ID
		}
		if entry.Of != (cordon.Ref{Tenant: tenant, Kind: cordon.KindItem, ID: doc.Item}) {
			return nil, fmt.Errorf("%w: entry %s is of %s, not of item %s", cordon.ErrInvalid, entry.ID, entry.Of, doc.Item)
		}
		doc.Entries = append(doc.Entries, receiptEntry{Entry: string(p.Entry), Index: p.Index, Proof: p.Hashes})
	}
	return doc.encode()
}

// Verified is what a receipt has proved.
type Verified struct {
	Tenant  cordon.TenantID
	Item    cordon.ID
	Entries []VerifiedEntry // in the log's order, at least one
	Size    int64           // entries of the log under the receipt's checkpoint
	Root    tlog.Hash
}

// VerifiedEntry is an entry that is in the log, and where.
type VerifiedEntry struct {
	Index int64
	cordon.Entry
}

// VerifyReceipt checks a receipt against the key its reader trusts: the checkpoint is signed
// by it, each entry is in the log under that checkpoint, and all of them are of the receipt's
// item and the log's tenant. The error wraps ErrUntrustedKey when another key signed, else
// cordon.ErrInvalid. A receipt cannot show that no later entry exists.
func VerifyReceipt(vkey string, doc []byte) (Verified, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return Verified{}, fmt.Errorf("%w: verifier key %q: %v", cordon.ErrInvalid, vkey, err)
	}
	r, err := parseReceipt(doc)
	if err != nil {
		return Verified{}, err
	}
	tree, err := OpenCheckpoint([]byte(r.Checkpoint), verifier)
	if err != nil {
		return Verified{}, err
	}
	v := Verified{Item: r.Item, Size: tree.N, Root: tree.Hash}
	last := int64(-1)
	for _, p := range r.Entries {
		if p.Index <= last {
			return Verified{}, fmt.Errorf("%w: entry %d of the receipt is out of order", cordon.ErrInvalid, p.Index)
		}
		last = p.Index
		if err := tlog.CheckRecord(p.Proof, tree.N, tree.Hash, p.Index, tlog.RecordHash([]byte(p.Entry))); err != nil {
			return Verified{}, fmt.Errorf("%w: entry %d is not in the log that the checkpoint commits to", cordon.ErrInvalid, p.Index)
		}
		entry, err := cordon.ParseEntry([]byte(p.Entry))
		if err != nil {
			return Verified{}, fmt.Errorf("entry %d: %w", p.Index, err)
		}
		if Origin(entry.Of.Tenant) != verifier.Name() {
			return Verified{}, fmt.Errorf("%w: entry %d is of tenant %q, the log is %q", cordon.ErrInvalid, p.Index, entry.Of.Tenant, verifier.Name())
		}
		if entry.Of.Kind != cordon.KindItem || entry.Of.ID != r.Item {
			return Verified{}, fmt.Errorf("%w: entry %d is of %s, the receipt of item %s", cordon.ErrInvalid, p.Index, entry.Of, r.Item)
		}
		v.Tenant = entry.Of.Tenant
		v.Entries = append(v.Entries, VerifiedEntry{Index: p.Index, Entry: entry})
	}
	return v, nil
}

// parseReceipt reads a receipt in its one permitted spelling.
func parseReceipt(doc []byte) (receipt, error) {
	if len(doc) > maxReceipt {
		return receipt{}, fmt.Errorf("%w: a receipt of %d bytes", cordon.ErrTooLarge, len(doc))
	}
	var r receipt
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := d.Decode(&r); err != nil {
		return receipt{}, fmt.Errorf("%w: not a receipt: %v", cordon.ErrInvalid, err)
	}
	if r.Type != receiptType {
		return receipt{}, fmt.Errorf("%w: type %.40q, want %q", cordon.ErrInvalid, r.Type, receiptType)
	}
	if len(r.Entries) == 0 {
		return receipt{}, fmt.Errorf("%w: a receipt without entries", cordon.ErrInvalid)
	}
	again, err := r.encode()
	if err != nil || !bytes.Equal(again, bytes.TrimSuffix(doc, []byte("\n"))) {
		return receipt{}, fmt.Errorf("%w: the receipt is not in canonical form: pass on the bytes as they came, not formatted anew", cordon.ErrInvalid)
	}
	return r, nil
}
