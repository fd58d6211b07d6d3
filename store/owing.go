package store

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// ItemsOwing returns items of all tenants that stand in one of the states and for which none of
// the kinds of effects is owed or set aside: the longest unchanged first. withBytes asks for
// those alone whose bytes are kept. It is for what Cordon itself does at its start and from time
// to time; nobody's request may lead here. The result is never nil.
func (db *DB) ItemsOwing(ctx context.Context, states []cordon.State, withBytes bool, kinds []cordon.EffectKind, limit int) ([]cordon.Item, error) {
	// Items with bytes are few among those delivered, and have an index of their own: an
	// expression keeps the one on the state from being taken for it.
	state := "state"
	bytes := ""
	if withBytes {
		state, bytes = "(state || '')", "blob <> '' AND"
	}
	found, err := db.items(ctx, asWorker, "", `
		SELECT `+itemColumns+` FROM items WHERE `+bytes+` `+state+` IN (SELECT v FROM unnest($1::text[]) WITH ORDINALITY AS s(v, ord))
		AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.tenant = items.tenant AND e.of_kind = 'item' AND e.of_id = items.id
			AND e.state <> 'done' AND e.kind IN (SELECT v FROM unnest($2::text[]) WITH ORDINALITY AS k(v, ord)))
		ORDER BY changed_at, id LIMIT $3`, texts(states), texts(kinds), limit)
	if err != nil {
		return nil, fmt.Errorf("look for items without what they owe: %w", err)
	}
	return found, nil
}
