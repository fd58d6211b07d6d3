package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// SizeClasses are the upper bounds, in bytes, of the classes that sizes are counted in; what
// is larger than the last is in a class of its own behind it.
var SizeClasses = [...]int64{100 << 10, 1 << 20, 10 << 20, 100 << 20}

// sizeClass is the class of a size, as a number from 0.
var sizeClass = func() string {
	sql := "CASE"
	for i, most := range SizeClasses {
		sql += fmt.Sprintf(" WHEN size <= %d THEN %d", most, i)
	}
	return fmt.Sprintf("%s ELSE %d END", sql, len(SizeClasses))
}()

// inPeriod selects the items of a tenant that were received at or after $2 and before $3.
const inPeriod = ` tenant = $1 AND received_at >= $2 AND received_at < $3 `

// word reads one field of the verdict, "" where there is no verdict yet.
func word(field string) string {
	return `coalesce(NULLIF(verdict, '')::json ->> '` + field + `', '')`
}

// Tally is how many items are alike in everything that a report counts by.
type Tally struct {
	Day       time.Time // midnight in UTC of the day they were received
	Route     string
	Channel   cordon.Channel
	Mode      cordon.Mode
	Client    string // pseudonym
	State     cordon.State
	Modality  cordon.Modality
	MediaType string
	SizeClass int // index in SizeClasses, or its length

	// Of the verdict: "" and nil while there is none.
	Outcome cordon.Outcome
	Action  cordon.Action
	Reasons []cordon.Reason
	Policy  string

	Items int
	Bytes int64
}

// Tallies counts the items of a tenant that were received at or after from and before to,
// as they stand at one instant. It calls each once a kind, in no order.
func (db *DB) Tallies(ctx context.Context, tenant cordon.TenantID, from, to time.Time, each func(Tally)) error {
	const day = int64(24 * time.Hour)
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var t Tally
		var days int64
		var reasons string
		if err := row(&days, &t.Route, &t.Channel, &t.Mode, &t.Client, &t.State, &t.Modality, &t.MediaType, &t.SizeClass,
			&t.Outcome, &t.Action, &reasons, &t.Policy, &t.Items, &t.Bytes); err != nil {
			return err
		}
		t.Day = time.Unix(0, days*day).UTC()
		if reasons != "" {
			if err := json.Unmarshal([]byte(reasons), &t.Reasons); err != nil {
				return fmt.Errorf("reasons of a verdict: %w", err)
			}
		}
		each(t)
		return nil
	}, fmt.Sprintf(`
		SELECT received_at / %d, route, channel, mode, client, state, modality, media_type, `+sizeClass+`,
			`+word("outcome")+`, `+word("action")+`, `+word("reasons")+`, `+word("policy")+`,
			count(*), CAST(sum(size) AS bigint)
		FROM items WHERE`+inPeriod+`GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13`, day), tenant, ns(from), ns(to))
	if err != nil {
		return fmt.Errorf("count items: %w", err)
	}
	return nil
}

// Timing is how long inspections of one kind took: the slowest check of each item, since
// checks run side by side. Percentiles are by nearest rank.
type Timing struct {
	Items         int
	P50, P95, Max time.Duration
}

// TimingKey is a kind of inspection.
type TimingKey struct {
	SizeClass int // -1: all sizes
	// The others are empty where SizeClass is given.
	Route   string
	Channel cordon.Channel
	Mode    cordon.Mode
}

// Timings says how long the inspections of a period's items took, by size class and by route,
// channel and mode.
func (db *DB) Timings(ctx context.Context, tenant cordon.TenantID, from, to time.Time) (map[TimingKey]Timing, error) {
	out := map[TimingKey]Timing{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var k TimingKey
		var t Timing
		var p50, p95, most int64
		err := row(&k.SizeClass, &k.Route, &k.Channel, &k.Mode, &t.Items, &p50, &p95, &most)
		t.P50, t.P95, t.Max = time.Duration(p50), time.Duration(p95), time.Duration(most)
		out[k] = t
		return err
	}, `
		WITH looked AS (
			SELECT i.route, i.channel, i.mode, `+sizeClass+` AS class, max(f.took) AS took
			FROM items i CROSS JOIN findings f
			WHERE f.tenant = i.tenant AND f.item = i.id AND i.tenant = $1 AND i.received_at >= $2 AND i.received_at < $3 AND i.state <> 'erased' GROUP BY i.id, i.route, i.channel, i.mode, 4
		), ranked AS (
			SELECT route, channel, mode, class, took,
				row_number() OVER by_class AS class_rank, count(*) OVER (PARTITION BY class) AS class_all,
				row_number() OVER by_route AS route_rank, count(*) OVER (PARTITION BY route, channel, mode) AS route_all
			FROM looked WINDOW by_class AS (PARTITION BY class ORDER BY took), by_route AS (PARTITION BY route, channel, mode ORDER BY took)
		)
		SELECT class, '', '', '', count(*), min(took) FILTER (WHERE class_rank * 100 >= class_all * 50),
			min(took) FILTER (WHERE class_rank * 100 >= class_all * 95), max(took) FROM ranked GROUP BY class
		UNION ALL
		SELECT -1, route, channel, mode, count(*), min(took) FILTER (WHERE route_rank * 100 >= route_all * 50),
			min(took) FILTER (WHERE route_rank * 100 >= route_all * 95), max(took) FROM ranked GROUP BY route, channel, mode`,
		tenant, ns(from), ns(to))
	if err != nil {
		return nil, fmt.Errorf("time inspections: %w", err)
	}
	return out, nil
}

// CheckCount is how often one version of a check looked at items, and how often it failed.
type CheckCount struct {
	Route    string
	Channel  cordon.Channel
	Mode     cordon.Mode
	Detector string
	Version  string
	Findings int
	Failed   int // findings that say that the check did not finish
}

// CheckCounts counts the findings on a period's items by route and check, sorted so.
func (db *DB) CheckCounts(ctx context.Context, tenant cordon.TenantID, from, to time.Time) ([]CheckCount, error) {
	out := []CheckCount{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var c CheckCount
		err := row(&c.Route, &c.Channel, &c.Mode, &c.Detector, &c.Version, &c.Findings, &c.Failed)
		out = append(out, c)
		return err
	}, `
		SELECT i.route, i.channel, i.mode, f.body::json ->> 'detector', f.body::json ->> 'version', count(*),
			count(*) FILTER (WHERE f.body::json ->> 'status' = 'failed')
		FROM items i CROSS JOIN findings f
		WHERE f.tenant = i.tenant AND f.item = i.id AND i.tenant = $1 AND i.received_at >= $2 AND i.received_at < $3 AND i.state <> 'erased'
		GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`, tenant, ns(from), ns(to))
	if err != nil {
		return nil, fmt.Errorf("count findings: %w", err)
	}
	return out, nil
}

// Wait is how long one item that came in front of the CRM stood between its admission and
// its verdict.
type Wait struct {
	SizeClass int
	Took      time.Duration
}

// Waits calls each for every item of a period that was judged before the CRM had it, in no
// order.
func (db *DB) Waits(ctx context.Context, tenant cordon.TenantID, from, to time.Time, each func(Wait)) error {
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var w Wait
		var received int64
		var decided string
		if err := row(&w.SizeClass, &received, &decided); err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, decided)
		if err != nil {
			return fmt.Errorf("time of a verdict: %w", err)
		}
		w.Took = time.Duration(at.UnixNano() - received)
		each(w)
		return nil
	}, `SELECT `+sizeClass+`, received_at, `+word("at")+` FROM items
		WHERE`+inPeriod+`AND mode IN ('inline', 'shadow') AND state <> 'erased' AND verdict <> ''`, tenant, ns(from), ns(to))
	if err != nil {
		return fmt.Errorf("time verdicts: %w", err)
	}
	return nil
}

// Judged is an item with what was found of it: all that deciding needs, and nothing that
// points to a person.
type Judged struct {
	Item     cordon.Item      // without Commitment, keys, Blob and Sealed
	Findings []cordon.Finding // in the order they were added, of every inspection; without Detail
}

// judgedPage is how many items are read at a time.
const judgedPage = 1000

// Judged calls each for every item of a period, oldest first, until it returns an error. It
// holds no more than a page of items in memory.
func (db *DB) Judged(ctx context.Context, tenant cordon.TenantID, from, to time.Time, each func(Judged) error) error {
	var after cordon.ID
	for {
		page, err := db.judged(ctx, tenant, from, to, after)
		if err != nil {
			return fmt.Errorf("read items and findings: %w", err)
		}
		for _, j := range page {
			if err := each(j); err != nil {
				return err
			}
		}
		if len(page) < judgedPage {
			return nil
		}
		after = page[len(page)-1].Item.ID
	}
}

func (db *DB) judged(ctx context.Context, tenant cordon.TenantID, from, to time.Time, after cordon.ID) ([]Judged, error) {
	var page []Judged
	place := map[cordon.ID]int{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		it := cordon.Item{Ref: cordon.Ref{Tenant: tenant, Kind: cordon.KindItem}}
		var verdict string
		var received int64
		if err := row(&it.ID, &it.State, &it.Version, &it.Route, &it.Channel, &it.Mode, &it.Fail, &it.WhenHeld, &it.Class,
			&it.Size, &it.MediaType, &it.DeclaredType, &it.Modality, &it.Op, &it.Object, &it.Client, &verdict, &received); err != nil {
			return err
		}
		it.ReceivedAt = at(received)
		if verdict != "" {
			it.Verdict = new(cordon.Verdict)
			if err := json.Unmarshal([]byte(verdict), it.Verdict); err != nil {
				return fmt.Errorf("verdict of %s: %w", it.Ref, err)
			}
		}
		place[it.ID] = len(page)
		page = append(page, Judged{Item: it})
		return nil
	}, `SELECT id, state, version, route, channel, mode, fail, when_held, class, size, media_type, declared_type, modality,
			op, object, client, verdict, received_at
		FROM items WHERE tenant = $1 AND +received_at >= $2 AND +received_at < $3 AND id > $4 ORDER BY id LIMIT $5`, tenant, ns(from), ns(to), after, judgedPage)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	err = db.read(ctx, asApp, tenant, func(row scan) error {
		var id cordon.ID
		var body string
		if err := row(&id, &body); err != nil {
			return err
		}
		i, in := place[id]
		if !in {
			return nil // of an item outside the period
		}
		var f struct {
			cordon.Finding
			Detail struct{} `json:"detail"` // sealed, and most of the text
		}
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			return fmt.Errorf("finding of %s: %w", id, err)
		}
		page[i].Findings = append(page[i].Findings, f.Finding)
		return nil
	}, `SELECT item, body FROM findings WHERE tenant = $1 AND item >= $2 AND item <= $3 ORDER BY item, seq`,
		tenant, page[0].Item.ID, page[len(page)-1].Item.ID)
	return page, err
}

// HeldBack is an item that its verdict holds, or would hold.
type HeldBack struct {
	ID       cordon.ID
	Route    string
	Channel  cordon.Channel
	Mode     cordon.Mode
	Modality cordon.Modality
	Reasons  []cordon.Reason
}

// HeldBack calls each for every item of a period whose verdict holds, oldest first.
func (db *DB) HeldBack(ctx context.Context, tenant cordon.TenantID, from, to time.Time, each func(HeldBack)) error {
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var h HeldBack
		var reasons string
		if err := row(&h.ID, &h.Route, &h.Channel, &h.Mode, &h.Modality, &reasons); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(reasons), &h.Reasons); err != nil {
			return fmt.Errorf("reasons of %s: %w", h.ID, err)
		}
		each(h)
		return nil
	}, `SELECT id, route, channel, mode, modality, `+word("reasons")+` FROM items
		WHERE`+inPeriod+`AND state <> 'erased' AND `+word("action")+` IN ('hold', 'page') ORDER BY id`, tenant, ns(from), ns(to))
	if err != nil {
		return fmt.Errorf("list what is held back: %w", err)
	}
	return nil
}

// Settings returns what is under control as a setting and has a value, such as how far a
// backfill has come, at most 1 000. What does not check out is not in the list.
func (db *DB) Settings(ctx context.Context, tenant cordon.TenantID) ([]cordon.Thing, error) {
	out := []cordon.Thing{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		t := cordon.Thing{Ref: cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting}}
		var mark []byte
		err := scanThing(func(dest ...any) error { return row(append([]any{&t.ID}, dest...)...) }, &t, &mark)
		if err == nil && db.marks.check("things", t.ID, mark, markThing(&t)) == nil {
			out = append(out, t)
		}
		return err
	}, `SELECT id, `+thingColumns+` FROM things WHERE tenant = $1 AND kind = $2 AND value IS NOT NULL ORDER BY id LIMIT 1000`,
		tenant, cordon.KindSetting)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return out, nil
}
