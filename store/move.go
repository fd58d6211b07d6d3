package store

import (
	"encoding/json"
	"fmt"

	"github.com/cordonhq/cordon"
)

// standing is what one transaction knows of the rows it moves: each as it stands after the changes
// so far. A row that a change does not carry is read, under its lock, and checked before the next
// one is made of it. So no mark is ever made of what Cordon did not write.
type standing struct {
	*marks
	items  map[cordon.Ref]itemRow
	things map[cordon.Ref]cordon.Thing
	moved  map[cordon.Ref]int64
}

// itemRow is an item as its row has it.
type itemRow struct {
	cordon.Item
	verdict string // JSON, as it is stored
}

func newStanding(m *marks) *standing {
	return &standing{m, map[cordon.Ref]itemRow{}, map[cordon.Ref]cordon.Thing{}, map[cordon.Ref]int64{}}
}

// move is the compare-and-set. It comes before entries: its row lock is what orders those of one
// thing, because their numbers are drawn after it is held.
func (p *plan) move(s *standing, tx txn) error {
	stale := fmt.Errorf("%w: %s is no longer %q as it was when this was decided", cordon.ErrConflict, p.Of, p.From)
	var err error
	if p.Of.Kind == cordon.KindItem {
		err = p.moveItem(s, tx, stale)
	} else {
		err = p.moveThing(s, tx, stale)
	}
	s.moved[p.Of]++
	return err
}

func (p *plan) moveItem(s *standing, tx txn, stale error) error {
	of, may := p.Of, mayStand[p.To]
	if p.From == p.To {
		may = "" // an entry is written about it where it is
	}
	if may != "" {
		stale = fmt.Errorf("%w, or is nothing that can be %q", stale, p.To)
	}
	if p.Item != nil && p.Item.Forged {
		return s.forged("items", of.ID, "it did not check out when it was read")
	}
	next, known := s.items[of]
	switch {
	case p.From == "":
		next = itemRow{*p.Item, p.verdict}
		next.Version = 0
	case p.Item != nil:
		next = itemRow{*p.Item, p.verdict}
		next.Version += s.moved[of]
	case !known:
		var err error
		if next, err = s.lockItem(tx, of, stale); err != nil {
			return err
		}
		fallthrough
	default:
		if next.State != p.From {
			return stale
		}
		if p.verdict != "" {
			next.verdict = p.verdict
		}
	}
	was := next.Version
	next.State, next.ChangedAt, next.Version = p.To, at(p.at), was+1
	p.version, s.items[of] = next.Version, next
	mark := s.of(markItem(&next.Item, next.verdict))
	switch {
	case p.From == "":
		return tx.send(1, fmt.Errorf("%w: %s exists", cordon.ErrConflict, of), `
			INSERT INTO items (tenant, id, state, version, changed_at, verdict, mac, `+itemBody+`)
			VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
			ON CONFLICT DO NOTHING`,
			append([]any{of.Tenant, of.ID, p.To, p.at, p.verdict, mark}, itemValues(p.Item)...)...)
	case p.Item != nil:
		if err := tx.send(1, stale, `
			UPDATE items SET state = $3, changed_at = $4, verdict = $5, mac = $6, version = version + 1,
				(`+itemBody+`) = ($7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
			WHERE tenant = $1 AND id = $2 AND state = $28 AND version = $29`,
			append(append([]any{of.Tenant, of.ID, p.To, p.at, p.verdict, mark}, itemValues(p.Item)...), p.From, was)...); err != nil {
			return err
		}
		if known || s.moved[of] > 0 {
			return nil
		}
		return s.askNewest(tx, "items", of, was)
	}
	return tx.send(1, stale, `
		UPDATE items SET state = $3, changed_at = $4, verdict = $5, mac = $6, version = version + 1
		WHERE tenant = $1 AND id = $2 AND state = $7 AND version = $8`+may,
		of.Tenant, of.ID, p.To, p.at, next.verdict, mark, p.From, was)
}

// lockItem reads an item that is to move.
func (s *standing) lockItem(tx txn, of cordon.Ref, stale error) (row itemRow, err error) {
	found := false
	err = tx.query(func(scan scan) error {
		found = true
		row, err = s.scanItem(scan)
		return err
	}, `SELECT `+itemColumns+` FROM items WHERE tenant = $1 AND id = $2 FOR UPDATE`, of.Tenant, of.ID)
	switch {
	case err != nil:
		return row, err
	case !found:
		return row, stale
	case row.Forged:
		return row, fmt.Errorf("item %s: %w", of.ID, cordon.ErrForged)
	}
	return row, s.askNewest(tx, "items", of, row.Version)
}

// askNewest checks, while the row is locked, that its version is the one that its newest entry
// speaks of.
func (s *standing) askNewest(tx txn, table string, of cordon.Ref, version int64) error {
	if s.keys == nil {
		return nil
	}
	return tx.ask(func(row scan) error {
		var id cordon.ID
		var body, mark []byte
		if err := row(&id, &body, &mark); err != nil {
			return err
		}
		newest, err := s.versionOf(of, id, body, mark)
		if err != nil {
			return err
		}
		return s.upToDate(table, of.ID, version, newest)
	}, newestEntry, of.Tenant, of.Kind, of.ID)
}

func (p *plan) moveThing(s *standing, tx txn, stale error) error {
	of := p.Of
	next, known := s.things[of]
	if !known {
		var err error
		if next, err = s.lockThing(tx, of); err != nil {
			return err
		}
	}
	read := p.Version
	if read > 0 {
		read += s.moved[of]
	}
	switch {
	case p.From == "" && next.Version > 0:
		return fmt.Errorf("%w: %s exists", cordon.ErrConflict, of)
	case next.Version == 0 && p.From != "" && p.From != p.To, next.Version > 0 && next.State != p.From:
		return stale
	case p.From != "" && p.Value != nil && p.Version == 0 && next.Version > 0 && s.moved[of] == 0,
		p.Version > 0 && read != next.Version:
		return fmt.Errorf("%w: %s was written since it was read", cordon.ErrConflict, of)
	}
	was := next.Version
	next.Ref, next.State, next.ChangedAt, next.Version = of, p.To, at(p.at), was+1
	if p.Value != nil {
		next.Value, next.Subject, next.DueAt = p.Value, p.Subject, p.DueAt
	}
	p.version, s.things[of] = next.Version, next
	mark := s.of(markThing(&next))
	if was == 0 {
		return tx.send(1, fmt.Errorf("%w: %s exists", cordon.ErrConflict, of), `
			INSERT INTO things (tenant, kind, id, state, version, changed_at, value, subject, due_at, mac)
			VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9)
			ON CONFLICT DO NOTHING`,
			of.Tenant, of.Kind, of.ID, p.To, p.at, orNull(next.Value), next.Subject, ns(next.DueAt), mark)
	}
	return tx.send(1, stale, `
		UPDATE things SET state = $4, version = version + 1, changed_at = $5, value = $6, subject = $7, due_at = $8, mac = $9
		WHERE tenant = $1 AND kind = $2 AND id = $3 AND version = $10`,
		of.Tenant, of.Kind, of.ID, p.To, p.at, orNull(next.Value), next.Subject, ns(next.DueAt), mark, was)
}

// lockThing reads a thing that is to move; its version is 0 if nobody ever said anything of it.
func (s *standing) lockThing(tx txn, of cordon.Ref) (cordon.Thing, error) {
	t := cordon.Thing{Ref: of}
	var mark []byte
	found := false
	err := tx.query(func(row scan) error {
		found = true
		return scanThing(row, &t, &mark)
	}, `SELECT `+thingColumns+` FROM things WHERE tenant = $1 AND kind = $2 AND id = $3 FOR UPDATE`, of.Tenant, of.Kind, of.ID)
	if err == nil && found {
		err = s.check("things", of.ID, mark, markThing(&t))
	}
	if err != nil {
		return t, err
	}
	return t, s.askNewest(tx, "things", of, t.Version)
}

// scanItem reads a row of itemColumns. One that does not check out is returned as such: whoever
// lists shows that, and nobody acts on it.
func (m *marks) scanItem(row scan) (itemRow, error) {
	it := itemRow{Item: cordon.Item{Ref: cordon.Ref{Kind: cordon.KindItem}}}
	var changed, received int64
	var mark []byte
	err := row(&it.Tenant, &it.ID, &it.State, &it.Version, &it.verdict, &changed, &mark,
		&it.Route, &it.Channel, &it.Mode, &it.Fail, &it.WhenHeld, &it.Class, &it.Size, &it.MediaType, &it.DeclaredType,
		&it.Modality, &it.Op, &it.Object, &it.UpstreamID, &it.DocumentID, &it.Client, &it.Commitment, &it.Blob, &it.KeyID,
		&it.WrappedKey, &it.Sealed, &received)
	if err != nil {
		return it, err
	}
	it.ChangedAt, it.ReceivedAt = at(changed), at(received)
	it.Forged = m.check("items", it.ID, mark, markItem(&it.Item, it.verdict)) != nil
	if it.verdict != "" {
		it.Verdict = new(cordon.Verdict)
		if err := json.Unmarshal([]byte(it.verdict), it.Verdict); err != nil && it.Forged {
			it.Verdict = nil
		} else if err != nil {
			return it, fmt.Errorf("verdict of %s: %w", it.Ref, err)
		}
	}
	return it, nil
}
