package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
)

// asker asks an org and keeps what it answered.
type asker struct {
	Config
	inv   desk.Inventory
	calls int64
	// lacksCells says that the org told how many files an object has and not who brought them.
	lacksCells bool
	users      map[string]desk.InventoryPart // what each user brought
}

// How a question is asked.
const (
	byGroups   = "groups"
	byList     = "list"
	byDescribe = "describe"
)

// question asks one thing for a part of the inventory. What the org refuses is written down
// and is no error; ok says whether there is an answer.
func (a *asker) question(ctx context.Context, part, object, how string, f func(context.Context) error) (ok bool, err error) {
	a.Progress(object)
	before := a.calls
	err = f(ctx)
	q := desk.InventoryQuestion{Part: part, Asked: object + ", " + how, Answered: err == nil, Calls: int(a.calls - before)}
	if err != nil {
		if q.Why = refusal(err); q.Why == "" {
			return false, fmt.Errorf("%s of %s: %w", part, object, err)
		}
	}
	a.inv.Questions = append(a.inv.Questions, q)
	return err == nil, nil
}

// refusal is the platform's code for a refusal that will stay, "" for any other error.
func refusal(err error) string {
	if salesforce.HasCode(err, "REQUEST_LIMIT_EXCEEDED") {
		return "" // not about the question: nobody has calls left
	}
	var p *salesforce.Problem
	switch {
	case errors.Is(err, errTooMuch):
		return "too-much-to-read"
	case errors.As(err, &p) && len(p.Errors) > 0 && (p.Status == http.StatusBadRequest || p.Status == http.StatusForbidden || p.Status == http.StatusNotFound):
		return p.Errors[0].ErrorCode
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return "NOT_FOUND"
	}
	return ""
}

// errTooMuch says that an answer would cost more than it is worth.
var errTooMuch = errors.New("more than an inventory should read")

// resource is which of the org's query resources a question goes to.
type resource int

const (
	live    resource = iota
	withBin          // the recycle bin too
	tooling
)

// rows asks a query until it is answered or refused. Rows of a failed attempt do not count.
func rows[T any](ctx context.Context, a *asker, from resource, soql string) (out []T, err error) {
	ask := map[resource]func(context.Context, string, func(json.RawMessage) error) error{
		live: a.Source.Query, withBin: a.Source.QueryAll, tooling: a.Source.Tooling}[from]
	err = a.again(ctx, func() error {
		out = out[:0]
		return ask(ctx, soql, func(record json.RawMessage) error {
			if len(out)%batch == 0 {
				a.calls++ // a page
			}
			var r T
			if err := json.Unmarshal(record, &r); err != nil {
				return fmt.Errorf("an answer of the org cannot be read: %w", err)
			}
			out = append(out, r)
			return nil
		})
	})
	if err != nil {
		return nil, err // some of the rows are not the answer
	}
	return out, nil
}

// batch is how many rows or groups the platform puts on one page.
const batch = 2000

// again repeats what failed for a reason that may pass.
func (a *asker) again(ctx context.Context, f func() error) error {
	wait := a.Backoff
	for attempt := 1; ; attempt++ {
		before := a.calls
		err := f()
		if a.calls == before {
			a.calls++ // an answer without rows, or none
		}
		if err == nil || ctx.Err() != nil || attempt >= a.Attempts || !salesforce.MayPass(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 30*time.Second)
	}
}

func (a *asker) describe(ctx context.Context, object string) (d salesforce.Description, err error) {
	err = a.again(ctx, func() error {
		d, err = a.Source.Describe(ctx, object)
		return err
	})
	return d, err
}

// span is a stretch of time in whole seconds; to is excluded. The platform keeps whole
// seconds, which nothing here relies on.
type span struct{ from, to time.Time }

// spanOf is the shortest span that holds both times.
func spanOf(first, last time.Time) span {
	return span{first.Truncate(time.Second), last.Truncate(time.Second).Add(time.Second)}
}

func (s span) where() string {
	return "CreatedDate >= " + s.from.UTC().Format(soqlTime) + " AND CreatedDate < " + s.to.UTC().Format(soqlTime)
}

// halves splits a span, or says that it cannot be split.
func (s span) halves() (first, second span, ok bool) {
	middle := s.from.Add(s.to.Sub(s.from) / 2).Truncate(time.Second)
	return span{s.from, middle}, span{middle, s.to}, s.from.Before(middle)
}

// groups asks for groups within a span, and for those of its halves where one batch may not
// hold them all. Groups of both halves come twice; whoever adds them up does not mind.
func groups[T any](ctx context.Context, a *asker, s span, soql func(where string) string) ([]T, error) {
	got, err := rows[T](ctx, a, live, soql(s.where())+fmt.Sprintf(" LIMIT %d", batch))
	if err != nil && !salesforce.HasCode(err, "EXCEEDED_ID_LIMIT") || err == nil && len(got) < batch {
		return got, err
	}
	first, second, ok := s.halves()
	if !ok {
		return nil, fmt.Errorf("%w: more than %d groups in one second", cordon.ErrTooLarge, batch)
	}
	got, err = groups[T](ctx, a, first, soql)
	if err != nil {
		return nil, err
	}
	more, err := groups[T](ctx, a, second, soql)
	return append(got, more...), err
}

// Forms of dateTime that the API answers with and takes.
const (
	stampLayout = "2006-01-02T15:04:05.000-0700"
	soqlTime    = "2006-01-02T15:04:05Z"
)

// stamp is a time in an answer; null is the zero time.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		return nil
	}
	t, err := time.Parse(stampLayout, text)
	s.Time = t.UTC()
	return err
}
