package store

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Trace is what is on record of one record of the CRM: an item, and what the ledger says of
// it. One record has several where its bytes were written over.
type Trace struct {
	UpstreamID string
	Item       cordon.ID
	Object     string
	Op         cordon.Operation
	State      cordon.State
	Channel    cordon.Channel
	Client     string // pseudonym of the calling client, "" if unknown
	// Entries is how many entries the ledger has of the item.
	Entries int
	// Judged is the last of them that carries a verdict; nil if none does.
	Judged *cordon.Entry
}

// verdictKinds are the kinds of entries that carry a verdict, as they stand in the bytes.
var verdictKinds = [][]byte{[]byte(`"kind":"` + cordon.EntryInspected + `"`), []byte(`"kind":"` + cordon.EntryRescanned + `"`)}

// Traces returns what is on record of records of the CRM, by their ids of 18 letters, oldest
// item of a record first. A record that nobody has seen is absent. One query answers for
// all; ask for some hundred at a time. The order of its joins is fixed: left to itself, SQLite
// goes through all items for each id.
func (db *DB) Traces(ctx context.Context, tenant cordon.TenantID, upstreamIDs []string) (map[string][]Trace, error) {
	out := map[string][]Trace{}
	var last cordon.ID
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var t Trace
		var body []byte
		if err := row(&t.UpstreamID, &t.Item, &t.Object, &t.Op, &t.State, &t.Channel, &t.Client, &body); err != nil {
			return err
		}
		of := out[t.UpstreamID]
		if t.Item != last {
			of, last = append(of, t), t.Item
			out[t.UpstreamID] = of
		}
		if body == nil {
			return nil // an item of which the ledger says nothing
		}
		at := &of[len(of)-1]
		at.Entries++
		if !bytes.Contains(body, verdictKinds[0]) && !bytes.Contains(body, verdictKinds[1]) {
			return nil // reading all of every entry would take most of the time
		}
		e, err := cordon.ParseEntry(body)
		if err != nil {
			return fmt.Errorf("entry of %s: %w", t.Item, err)
		}
		at.Judged = &e
		return nil
	}, `
		SELECT i.upstream_id, i.id, i.object, i.op, i.state, i.channel, i.client, e.body
		FROM (SELECT DISTINCT v FROM unnest($2::text[]) WITH ORDINALITY AS x(v, ord)) u
		CROSS JOIN items i
		LEFT JOIN entries e ON e.tenant = i.tenant AND e.of_kind = 'item' AND e.of_id = i.id
		WHERE i.tenant = $1 AND i.upstream_id = u.v AND i.upstream_id <> ''
		ORDER BY i.id, e.seq`, tenant, upstreamIDs)
	if err != nil {
		return nil, fmt.Errorf("look for what is on record of %d records: %w", len(upstreamIDs), err)
	}
	return out, nil
}
