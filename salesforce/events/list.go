package events

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// place is where a reader of a list stands: behind the record with the id, among those of
// the time. Without an id it stands before all records of the time.
type place struct {
	At time.Time `json:"at"`
	ID string    `json:"id,omitempty"`
}

// after is the condition that selects what lies behind the place. Ids are compared by the
// org alone, in whatever order it has.
func (p place) after(field string) string {
	at := p.At.UTC().Format(soqlLayout)
	switch {
	case p.At.IsZero():
		return ""
	case p.ID == "":
		return field + " >= " + at
	}
	return fmt.Sprintf("(%s > %s OR (%s = %s AND Id > '%s'))", field, at, field, at, p.ID)
}

// lister reads lists and counts what that costs.
type lister struct {
	Config
	calls *atomic.Int64
	pace  *pacer
}

// call counts a call, when its time has come.
func (l lister) call(ctx context.Context) error {
	if err := l.pace.wait(ctx); err != nil {
		return err
	}
	l.calls.Add(1)
	return nil
}

// list returns the records of one page behind a place, in the order of the field and the id.
type query struct {
	object string
	field  string // SystemModstamp or CreatedDate
	where  []string
	bin    bool // the recycle bin too
}

func (l lister) page(ctx context.Context, q query, from place) (files []File, err error) {
	where := q.where
	if cond := from.after(q.field); cond != "" {
		where = append(append([]string{}, where...), cond)
	}
	soql := "SELECT " + columns[q.object] + stampColumns + " FROM " + q.object
	if len(where) > 0 {
		soql += " WHERE " + strings.Join(where, " AND ")
	}
	soql += fmt.Sprintf(" ORDER BY %s, Id LIMIT %d", q.field, l.Page)
	ask := l.Source.Query
	if q.bin {
		ask = l.Source.QueryAll
	}
	err = l.retry(ctx, func() error {
		files = files[:0]
		if err := l.call(ctx); err != nil {
			return err
		}
		return ask(ctx, soql, func(record json.RawMessage) error {
			f, err := readFile(q.object, record)
			files = append(files, f)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", q.object, err)
	}
	return files, nil
}
