package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cordonhq/cordon"
)

// Commit applies the changes in the order given, all or none, and is durable when it
// returns nil. All of them belong to one tenant. A changed item carries the Version that
// was read before Commit, also when an earlier change of the same call moved it, and so does a
// thing that gets a value.
//
// It returns cordon.ErrConflict if something stands elsewhere than From says, an item was
// changed since its Version was read, an effect in Done is done already, or an
// "idempotency" or "observed" look-up value belongs to another item; cordon.ErrInvalid if a change is
// not fit to be committed; cordon.ErrForged if what is to move was written by something else than
// Cordon, or is older than what the ledger says of it. If ctx ends first, the error says so and nothing was stored; a
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
		if err := lockAll(db.marks, tx, plans); err != nil {
			return err
		}
		for i := range plans {
			if err := plans[i].apply(db.marks, tx); err != nil {
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

// plan is a change with everything encoded but its entries, which name the version that the change
// makes.
type plan struct {
	cordon.Change
	findings []string
	verdict  string // JSON, "" for none
	at       int64  // the time of the last entry: when the thing changed
	version  int64  // that the change makes; known once it has moved
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
func lockAll(m *marks, tx txn, plans []plan) error {
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
		if err := l.add(m, tx); err != nil {
			return err
		}
	}
	// Changes of one thing stay in the order given.
	slices.SortStableFunc(byThing, func(a, b *plan) int {
		return cmp.Or(cmp.Compare(a.Of.Kind, b.Of.Kind), cmp.Compare(a.Of.ID, b.Of.ID))
	})
	s := newStanding(m)
	for _, p := range byThing {
		if err := p.move(s, tx); err != nil {
			return err
		}
	}
	return nil
}

// apply writes the change, all but what lockAll has written.
func (p *plan) apply(m *marks, tx txn) error {
	marked := []func(*marks, txn) error{p.addLookups, p.addEntries, p.addEffects, p.finishEffects, p.changeKnown}
	for _, step := range marked {
		if err := step(m, tx); err != nil {
			return err
		}
	}
	for _, step := range []func(txn) error{p.addFindings, p.changeLinks, p.changeSeen} {
		if err := step(tx); err != nil {
			return err
		}
	}
	return nil
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

func (p *plan) addLookups(m *marks, tx txn) error {
	if p.Forget {
		return tx.send(-1, nil, `DELETE FROM lookups WHERE tenant = $1 AND item = $2`, p.Of.Tenant, p.Of.ID)
	}
	for _, l := range p.Lookups {
		if onlyOnce(l) {
			continue // it is there already
		}
		if err := (lookup{l, p.Of}).add(m, tx); err != nil {
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

func (l lookup) add(m *marks, tx txn) error {
	// Who observes looks first whether this was observed: if it is there now, somebody else,
	// who came to the same item, was quicker.
	want := int64(-1)
	if l.Kind == "observed" {
		want = 1
	}
	return tx.send(want, errDuplicate, `
		INSERT INTO lookups (tenant, kind, value, item, mac) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, kind, value, item) DO NOTHING`,
		l.of.Tenant, l.Kind, l.Value, l.of.ID, m.of(markLookup(l.Lookup, l.of)))
}

func (p *plan) addEntries(m *marks, tx txn) error {
	for i, e := range p.Entries {
		facts := make(map[string]any, len(e.Facts)+2)
		maps.Copy(facts, e.Facts)
		facts[cordon.FactVersion] = p.version
		if i == 0 && len(p.Done) > 0 {
			facts[cordon.FactDone] = texts(p.Done)
		}
		e.Facts = facts
		body, err := e.Canonical()
		if err != nil {
			return err
		}
		if err := tx.send(1, nil, `INSERT INTO entries (tenant, id, of_kind, of_id, body, mac) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.Of.Tenant, e.ID, p.Of.Kind, p.Of.ID, body, m.of(markEntry(p.Of, e.ID, body))); err != nil {
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

func (p *plan) addEffects(m *marks, tx txn) error {
	for _, e := range p.Effects {
		line := EffectLine{Effect: e, State: EffectOwed, CreatedAt: at(p.at), due: e.NotBefore}
		if err := tx.send(1, nil, `
			INSERT INTO effects (tenant, id, kind, of_kind, of_id, payload, state, not_before, attempts, code, holder, lease_until, created_at, done_at, job, due_at, mac)
			VALUES ($1, $2, $3, $4, $5, $6, 'owed', $7, 0, '', '', 0, $8, 0, 1, $7, $9)`,
			e.Of.Tenant, e.ID, e.Kind, e.Of.Kind, e.Of.ID, orNull(e.Payload), ns(e.NotBefore), p.at, m.of(markEffect(&line))); err != nil {
			return err
		}
		tx.enqueue(job{Tenant: e.Of.Tenant, Effect: e.ID, at: e.NotBefore, slow: e.Kind.Slow()})
	}
	return nil
}

func (p *plan) finishEffects(m *marks, tx txn) error {
	for _, id := range p.Done {
		if err := tx.send(1, fmt.Errorf("%w: effect %s is done already or does not exist", cordon.ErrConflict, id), `
			UPDATE effects SET state = 'done', done_at = $3, holder = '', lease_until = 0, code = '', mac = $4
			WHERE tenant = $1 AND id = $2 AND state <> 'done'`,
			p.Of.Tenant, id, p.at, m.of(markDone(p.Of.Tenant, id))); err != nil {
			return err
		}
	}
	return nil
}
