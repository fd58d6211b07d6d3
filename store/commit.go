package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
)

// Commit applies the changes in the order given, all or none, and is durable when it
// returns nil. All of them belong to one tenant. A changed item carries the Version that
// was read before Commit, also when an earlier change of the same call moved it.
//
// It returns cordon.ErrConflict if something stands elsewhere than From says, an item was
// changed since its Version was read, an effect in Done is done already, or an
// "idempotency" or "observed" look-up value belongs to another item; cordon.ErrInvalid if a change is
// not fit to be committed. If ctx ends first, the error says so and nothing was stored; a
// commit under way is seen through and its outcome returned.
//
// Things other than items have a state and a value: From "" creates one, and a change that stays
// where it is also writes down a thing that was never seen before.
func (db *DB) Commit(ctx context.Context, changes ...cordon.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := db.isFrozen(); err != nil {
		return err
	}
	tenant := changes[0].Of.Tenant
	plans := make([]plan, len(changes))
	for i, c := range changes {
		if c.Of.Tenant != tenant {
			return fmt.Errorf("%w: one commit for two tenants, %q and %q", cordon.ErrInvalid, tenant, c.Of.Tenant)
		}
		var err error
		if plans[i], err = newPlan(c); err != nil {
			return err
		}
	}
	err := db.write(ctx, asApp, tenant, func(tx txn) error {
		if err := lockAll(tx, plans); err != nil {
			return err
		}
		for i := range plans {
			if err := plans[i].apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", changes[0].Of, notStored(err))
	}
	for i := range plans {
		if plans[i].shreds() {
			db.scrub()
		}
	}
	db.tellCommitted(tenant)
	return nil
}

// plan is a change with everything encoded, so that nothing can fail inside the
// transaction but the database.
type plan struct {
	cordon.Change
	entries  [][]byte
	findings []string
	verdict  string // JSON, "" for none
	at       int64  // the time of the last entry: when the thing changed
}

func newPlan(c cordon.Change) (plan, error) {
	p := plan{Change: c}
	if err := c.Check(); err != nil {
		return p, err
	}
	if c.Of.Kind != cordon.KindItem && (c.Item != nil || c.Verdict != nil || c.Seen != nil || len(c.Findings)+len(c.Lookups)+len(c.Links)+len(c.Unlinks) > 0) {
		return p, fmt.Errorf("%w: %s is not an item and cannot carry what only items have", cordon.ErrInvalid, c.Of)
	}
	for _, e := range c.Entries {
		b, err := e.Canonical()
		if err != nil {
			return p, err
		}
		p.entries = append(p.entries, b)
		p.at = ns(e.At)
	}
	for _, f := range c.Findings {
		if f.Detail == nil {
			f.Detail = map[string]any{}
		}
		b, err := json.Marshal(f)
		if err != nil {
			return p, fmt.Errorf("%w: finding of %s on %s: %w", cordon.ErrInvalid, f.Detector, c.Of, err)
		}
		p.findings = append(p.findings, string(b))
	}
	verdict := c.Verdict
	if verdict == nil && c.Item != nil {
		verdict = c.Item.Verdict
	}
	if verdict != nil {
		b, err := json.Marshal(verdict)
		if err != nil {
			return p, fmt.Errorf("%w: verdict on %s: %w", cordon.ErrInvalid, c.Of, err)
		}
		p.verdict = string(b)
	}
	return p, nil
}

// shreds reports whether something is gone that must not linger on disk.
func (p *plan) shreds() bool {
	takesOff := slices.ContainsFunc(p.Known, func(k cordon.Known) bool { return k.Remove })
	return takesOff || p.Forget || p.Item != nil && p.From != "" && len(p.Item.WrappedKey) == 0
}

// lockAll does first what waits for other commits, and in one order whoever commits: look-up values
// that only one item can have, by value, and then things, by their names. Two commits that touch
// the same ones wait for each other one way round only, so that none is the victim of a deadlock.
func lockAll(tx txn, plans []plan) error {
	var once []lookup
	byThing := make([]*plan, len(plans))
	for i := range plans {
		byThing[i] = &plans[i]
		for _, l := range plans[i].Lookups {
			if onlyOnce(l) && !plans[i].Forget {
				once = append(once, lookup{l, plans[i].Of})
			}
		}
	}
	slices.SortFunc(once, func(a, b lookup) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Value, b.Value), cmp.Compare(a.of.ID, b.of.ID))
	})
	for _, l := range once {
		if err := l.add(tx); err != nil {
			return err
		}
	}
	// Changes of one thing stay in the order given.
	slices.SortStableFunc(byThing, func(a, b *plan) int {
		return cmp.Or(cmp.Compare(a.Of.Kind, b.Of.Kind), cmp.Compare(a.Of.ID, b.Of.ID))
	})
	moved := map[cordon.Ref]int64{}
	for _, p := range byThing {
		if err := p.move(tx, moved[p.Of]); err != nil {
			return err
		}
		moved[p.Of]++
	}
	return nil
}

// apply writes the change, all but what lockAll has written.
func (p *plan) apply(tx txn) error {
	steps := []func(txn) error{
		p.addFindings, p.addLookups, p.changeLinks, p.changeKnown, p.changeSeen, p.addEntries, p.addEffects, p.finishEffects,
	}
	for _, step := range steps {
		if err := step(tx); err != nil {
			return err
		}
	}
	return nil
}

// move is the compare-and-set. It comes before entries: its row lock is what orders those of one
// thing, because their numbers are drawn after it is held. moved counts the earlier changes of the
// same thing in this call.
func (p *plan) move(tx txn, moved int64) error {
	of, it := p.Of, p.Item
	stale := fmt.Errorf("%w: %s is no longer %q as it was when this was decided", cordon.ErrConflict, of, p.From)
	may := mayStand[p.To]
	if p.From == p.To {
		may = "" // an entry is written about it where it is
	}
	if of.Kind == cordon.KindItem && may != "" {
		stale = fmt.Errorf("%w, or is nothing that can be %q", stale, p.To)
	}
	switch {
	case of.Kind != cordon.KindItem && p.From == p.To:
		return tx.send(1, stale, `
			INSERT INTO things (tenant, kind, id, state, version, changed_at, value) VALUES ($1, $2, $3, $4, 1, $5, $6)
			ON CONFLICT (tenant, kind, id) DO UPDATE SET version = things.version + 1, changed_at = excluded.changed_at,
				value = coalesce(excluded.value, things.value)
			WHERE things.state = excluded.state`,
			of.Tenant, of.Kind, of.ID, p.To, p.at, orNull(p.Value))
	case of.Kind != cordon.KindItem && p.From == "":
		return tx.send(1, fmt.Errorf("%w: %s exists", cordon.ErrConflict, of), `
			INSERT INTO things (tenant, kind, id, state, version, changed_at, value) VALUES ($1, $2, $3, $4, 1, $5, $6)
			ON CONFLICT DO NOTHING`,
			of.Tenant, of.Kind, of.ID, p.To, p.at, orNull(p.Value))
	case of.Kind != cordon.KindItem:
		return tx.send(1, stale, `
			UPDATE things SET state = $4, version = version + 1, changed_at = $5, value = coalesce($7, value)
			WHERE tenant = $1 AND kind = $2 AND id = $3 AND state = $6`,
			of.Tenant, of.Kind, of.ID, p.To, p.at, p.From, orNull(p.Value))
	case p.From == "":
		return tx.send(1, fmt.Errorf("%w: %s exists", cordon.ErrConflict, of), `
			INSERT INTO items (tenant, id, state, version, changed_at, verdict, `+itemBody+`)
			VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
			ON CONFLICT DO NOTHING`,
			append([]any{of.Tenant, of.ID, p.To, p.at, p.verdict}, itemValues(it)...)...)
	case it != nil:
		return tx.send(1, stale, `
			UPDATE items SET state = $3, changed_at = $4, verdict = $5, version = version + 1,
				(`+itemBody+`) = ($6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
			WHERE tenant = $1 AND id = $2 AND state = $27 AND version = $28`,
			append(append([]any{of.Tenant, of.ID, p.To, p.at, p.verdict}, itemValues(it)...), p.From, it.Version+moved)...)
	default:
		return tx.send(1, stale, `
			UPDATE items SET state = $3, changed_at = $4, version = version + 1,
				verdict = CASE WHEN $5 = '' THEN verdict ELSE $5 END
			WHERE tenant = $1 AND id = $2 AND state = $6`+may,
			of.Tenant, of.ID, p.To, p.at, p.verdict, p.From)
	}
}

func (p *plan) addFindings(tx txn) error {
	for i, body := range p.findings {
		if err := tx.send(1, nil, `INSERT INTO findings (tenant, item, body, took) VALUES ($1, $2, $3, $4)`,
			p.Of.Tenant, p.Of.ID, body, p.Findings[i].Took.Nanoseconds()); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) addLookups(tx txn) error {
	if p.Forget {
		return tx.send(-1, nil, `DELETE FROM lookups WHERE tenant = $1 AND item = $2`, p.Of.Tenant, p.Of.ID)
	}
	for _, l := range p.Lookups {
		if onlyOnce(l) {
			continue // it is there already
		}
		if err := (lookup{l, p.Of}).add(tx); err != nil {
			return err
		}
	}
	return nil
}

// onlyOnce reports whether a look-up value can belong to one item of a tenant only.
func onlyOnce(l cordon.Lookup) bool { return l.Kind == "observed" || l.Kind == "idempotency" }

type lookup struct {
	cordon.Lookup
	of cordon.Ref
}

func (l lookup) add(tx txn) error {
	// Who observes looks first whether this was observed: if it is there now, somebody else,
	// who came to the same item, was quicker.
	want := int64(-1)
	if l.Kind == "observed" {
		want = 1
	}
	return tx.send(want, errDuplicate, `
		INSERT INTO lookups (tenant, kind, value, item) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, kind, value, item) DO NOTHING`,
		l.of.Tenant, l.Kind, l.Value, l.of.ID)
}

func (p *plan) addEntries(tx txn) error {
	for i, e := range p.Entries {
		if err := tx.send(1, nil, `INSERT INTO entries (tenant, id, of_kind, of_id, body) VALUES ($1, $2, $3, $4, $5)`,
			p.Of.Tenant, e.ID, p.Of.Kind, p.Of.ID, p.entries[i]); err != nil {
			return err
		}
		if err := tx.send(1, nil, `
			INSERT INTO unsequenced (tenant, seq) SELECT tenant, seq FROM entries WHERE tenant = $1 AND id = $2`,
			p.Of.Tenant, e.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) addEffects(tx txn) error {
	for _, e := range p.Effects {
		if err := tx.send(1, nil, `
			INSERT INTO effects (tenant, id, kind, of_kind, of_id, payload, state, not_before, attempts, code, holder, lease_until, created_at, done_at, job)
			VALUES ($1, $2, $3, $4, $5, $6, 'owed', $7, 0, '', '', 0, $8, 0, 1)`,
			e.Of.Tenant, e.ID, e.Kind, e.Of.Kind, e.Of.ID, orNull(e.Payload), ns(e.NotBefore), p.at); err != nil {
			return err
		}
		tx.enqueue(job{Tenant: e.Of.Tenant, Effect: e.ID, at: e.NotBefore, slow: e.Kind.Slow()})
	}
	return nil
}

func (p *plan) finishEffects(tx txn) error {
	for _, id := range p.Done {
		if err := tx.send(1, fmt.Errorf("%w: effect %s is done already or does not exist", cordon.ErrConflict, id), `
			UPDATE effects SET state = 'done', done_at = $3, holder = '', lease_until = 0, code = ''
			WHERE tenant = $1 AND id = $2 AND state <> 'done'`,
			p.Of.Tenant, id, p.at); err != nil {
			return err
		}
	}
	return nil
}
