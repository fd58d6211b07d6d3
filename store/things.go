package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

const thingColumns = `state, version, value, changed_at, subject, due_at, mac`

func scanThing(row scan, t *cordon.Thing, mark *[]byte) error {
	var changed, due int64
	err := row(&t.State, &t.Version, &t.Value, &changed, &t.Subject, &due, mark)
	t.ChangedAt, t.DueAt = at(changed), at(due)
	return err
}

// Thing returns something other than an item, or cordon.ErrNotFound. The error is cordon.ErrForged
// if something else than Cordon wrote the row, put back an older one, or took it away.
func (db *DB) Thing(ctx context.Context, of cordon.Ref) (cordon.Thing, error) {
	t := cordon.Thing{Ref: of}
	newest := int64(0)
	// One statement: the row and its newest entry are of the same moment.
	err := db.read(ctx, asApp, of.Tenant, func(row scan) error {
		var state *cordon.State
		var version, changed, due *int64
		var subject, entry *cordon.ID
		var mark, body, entryMark []byte
		err := row(&state, &version, &t.Value, &changed, &subject, &due, &mark, &entry, &body, &entryMark)
		if err != nil {
			return err
		}
		if state != nil {
			t.State, t.Version, t.Subject, t.ChangedAt, t.DueAt = *state, *version, *subject, at(*changed), at(*due)
			if err := db.marks.check("things", of.ID, mark, markThing(&t)); err != nil {
				return err
			}
		}
		if entry == nil {
			return nil
		}
		newest, err = db.marks.versionOf(of, *entry, body, entryMark)
		return err
	}, `
		SELECT `+prefixed("t", thingColumns)+`, e.id, e.body, e.mac FROM (SELECT 1 AS n) one
		LEFT JOIN things t ON t.tenant = $1 AND t.kind = $2 AND t.id = $3 LEFT JOIN (`+newestEntry+`) e ON TRUE`, of.Tenant, of.Kind, of.ID)
	if err == nil {
		err = db.marks.upToDate("things", of.ID, t.Version, newest)
	}
	if err == nil && t.Version == 0 {
		err = cordon.ErrNotFound
	}
	if err != nil {
		return cordon.Thing{Ref: of}, fmt.Errorf("%s: %w", of, err)
	}
	return t, nil
}

// ThingQuery chooses things of one kind. Zero fields do not restrict.
type ThingQuery struct {
	State   cordon.State
	Subject cordon.ID // whom or what they are about
	Due     time.Time // due before
	After   cordon.ID // behind this one, in the order of the answer
	Limit   int       // default: 100
}

// Things lists what is under control of one kind other than items, what changed last first,
// behind the thing with the id after where one is given. The result is never nil.
func (db *DB) Things(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, after cordon.ID, limit int) ([]cordon.Thing, error) {
	return db.FindThings(ctx, tenant, kind, ThingQuery{After: after, Limit: limit})
}

// ThingsIn is Things of one state, or of any where it is "".
func (db *DB) ThingsIn(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, state cordon.State, after cordon.ID, limit int) ([]cordon.Thing, error) {
	return db.FindThings(ctx, tenant, kind, ThingQuery{State: state, After: after, Limit: limit})
}

// FindThings lists things, what changed last first, or what is due first where that is asked for.
// What does not check out is not in the list: Thing says so of it. The result is never nil.
func (db *DB) FindThings(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, q ThingQuery) ([]cordon.Thing, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	where, args := `tenant = $1 AND kind = $2`, []any{tenant, kind}
	and := func(cond string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" AND "+cond, len(args))
	}
	if q.State != "" {
		and("state = $%d", q.State)
	}
	if q.Subject != "" {
		and("subject = $%d AND subject <> ''", q.Subject)
	}
	key, less, order := "changed_at", "<", "DESC"
	if !q.Due.IsZero() {
		and("due_at > 0 AND due_at < $%d", ns(q.Due))
		key, less, order = "due_at", ">", "ASC"
	}
	if q.After != "" {
		and("("+key+", id) "+less+" (SELECT "+key+", id FROM things WHERE tenant = $1 AND kind = $2 AND id = $%d)", q.After)
	}
	and("TRUE ORDER BY "+key+" "+order+", id "+order+" LIMIT $%d", q.Limit)
	out := []cordon.Thing{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		t := cordon.Thing{Ref: cordon.Ref{Tenant: tenant, Kind: kind}}
		var mark []byte
		err := scanThing(func(dest ...any) error { return row(append([]any{&t.ID}, dest...)...) }, &t, &mark)
		if err == nil && db.marks.check("things", t.ID, mark, markThing(&t)) == nil {
			out = append(out, t)
		}
		return err
	}, `SELECT id, `+thingColumns+` FROM things WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list things of kind %s: %w", kind, err)
	}
	return out, nil
}

// CountThings returns how many things of a kind stand in each state. States without any are
// absent.
func (db *DB) CountThings(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind) (map[cordon.State]int, error) {
	out := map[cordon.State]int{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var s cordon.State
		var n int
		err := row(&s, &n)
		out[s] = n
		return err
	}, `SELECT state, count(*) FROM things WHERE tenant = $1 AND kind = $2 GROUP BY state`, tenant, kind)
	if err != nil {
		return nil, fmt.Errorf("count things of kind %s: %w", kind, err)
	}
	return out, nil
}
