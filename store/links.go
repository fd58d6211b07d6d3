package store

import (
	"context"

	"github.com/cordonhq/cordon"
)

// changeLinks takes links away and adds others. Both say what they expect: of two who read the
// same list at the same time, one loses.
func (p *plan) changeLinks(tx txn) error {
	if p.Forget {
		if err := tx.send(-1, nil, `DELETE FROM links WHERE tenant = $1 AND item = $2`, p.Of.Tenant, p.Of.ID); err != nil {
			return err
		}
	} else if p.shreds() { // nothing opens what is sealed any more
		if err := tx.send(-1, nil, `UPDATE links SET sealed = NULL WHERE tenant = $1 AND item = $2`, p.Of.Tenant, p.Of.ID); err != nil {
			return err
		}
	}
	for _, id := range p.Unlinks {
		if err := tx.send(1, errDuplicate, `DELETE FROM links WHERE tenant = $1 AND item = $2 AND id = $3`,
			p.Of.Tenant, p.Of.ID, id); err != nil {
			return err
		}
	}
	for _, l := range p.Links {
		if err := tx.send(1, errDuplicate, `
			INSERT INTO links (tenant, item, id, record, share, visibility, sealed, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT DO NOTHING`,
			p.Of.Tenant, p.Of.ID, l.ID, l.Record, l.Share, l.Visibility, orNull(l.Sealed), p.at); err != nil {
			return err
		}
	}
	return nil
}

// Links returns where items hang, by item; those that hang nowhere are absent.
func (db *DB) Links(ctx context.Context, tenant cordon.TenantID, items ...cordon.ID) (map[cordon.ID][]cordon.Link, error) {
	out := map[cordon.ID][]cordon.Link{}
	if len(items) == 0 {
		return out, nil
	}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var item cordon.ID
		var l cordon.Link
		err := row(&item, &l.ID, &l.Record, &l.Share, &l.Visibility, &l.Sealed)
		out[item] = append(out[item], l)
		return err
	}, `
		SELECT l.item, l.id, l.record, l.share, l.visibility, l.sealed
		FROM unnest($2::text[]) WITH ORDINALITY AS x(v, ord) CROSS JOIN links l
		WHERE l.tenant = $1 AND l.item = x.v ORDER BY l.item, l.id`, tenant, texts(items))
	return out, err
}

// ItemsLinked returns up to limit items that hang on a record, given by its look-up value, newest
// first. The result is never nil.
func (db *DB) ItemsLinked(ctx context.Context, tenant cordon.TenantID, record []byte, limit int) ([]cordon.Item, error) {
	return db.items(ctx, asApp, tenant, `
		SELECT `+itemColumns+` FROM items WHERE tenant = $1 AND id IN (
			SELECT item FROM links WHERE tenant = $1 AND record = $2)
		ORDER BY id DESC LIMIT $3`, tenant, record, limit)
}

// ItemsOfDocuments returns the items of ContentDocuments, every version's, oldest first. The
// result is never nil.
func (db *DB) ItemsOfDocuments(ctx context.Context, tenant cordon.TenantID, documents ...string) ([]cordon.Item, error) {
	if len(documents) == 0 {
		return []cordon.Item{}, nil
	}
	return db.items(ctx, asApp, tenant, `
		SELECT `+itemColumns+` FROM unnest($2::text[]) WITH ORDINALITY AS x(v, ord) CROSS JOIN items
		WHERE tenant = $1 AND document_id = x.v AND document_id <> '' ORDER BY id`, tenant, documents)
}

// Documents returns up to limit ids of ContentDocuments that items belong to, those behind
// after in the order that the database has. The result is never nil.
func (db *DB) Documents(ctx context.Context, tenant cordon.TenantID, after string, limit int) ([]string, error) {
	out := []string{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var id string
		err := row(&id)
		out = append(out, id)
		return err
	}, `
		SELECT DISTINCT document_id FROM items WHERE tenant = $1 AND document_id <> '' AND document_id > $2
		ORDER BY document_id LIMIT $3`, tenant, after, limit)
	return out, err
}
