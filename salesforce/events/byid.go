package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Finder finds files that somebody names, and has them looked at. One is made for each
// question; use it from one goroutine.
type Finder struct{ *looker }

// NewFinder returns a Finder whose files come by the lane. With again, content that is on
// record already is looked at once more. The notes are sealed with each file.
func NewFinder(c Config, lane string, again bool, notes ...cordon.Note) *Finder {
	f := &Finder{newLooker(c.withDefaults(), lane, cordon.ModeEvent)}
	f.with = func(o *cordon.Observation) { o.Again, o.Personal.Notes = again, notes }
	return f
}

// Calls is how many API calls the Finder has made.
func (f *Finder) Calls() int64 { return f.calls.Load() }

// Look has files looked at, and returns what came of each in their order. Those whose bytes
// the org does not hold must not be among them.
func (f *Finder) Look(ctx context.Context, files []File) (s []cordon.Sighting, err error) {
	for range givenUp {
		if s, err = f.look(ctx, files); err == nil || away(err) || ctx.Err() != nil {
			break
		}
	}
	return s, err
}

// mostIDs is how many ids stand in one condition: 200 of them make 4 KB of an address, of
// which the platform takes 16.
const mostIDs = 200

// listed returns what the org says of the files of an object whose field has one of the
// values, the newest first, at most as many as a page has. Values are ids. With bin it says so
// of files in the recycle bin as well. A file that Cordon may not see is not there.
func (l lister) listed(ctx context.Context, object, field string, ids []string, bin bool, more ...string) ([]File, error) {
	var out []File
	for some := range slices.Chunk(ids, mostIDs) {
		soql := "SELECT " + columns[object] + stampColumns + " FROM " + object + " WHERE " + strings.Join(append([]string{in(field, some)}, more...), " AND ") +
			fmt.Sprintf(" ORDER BY CreatedDate DESC, Id DESC LIMIT %d", l.Page)
		before := len(out)
		err := l.ask(ctx, soql, bin, func(record json.RawMessage) error {
			f, err := readFile(object, record)
			out = append(out, f)
			return err
		}, func() { out = out[:before] })
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", object, err)
		}
	}
	newest(out)
	return out, nil
}

// ask runs a query, again where it failed for a reason that may pass; afresh undoes what each
// has done.
func (l lister) ask(ctx context.Context, soql string, bin bool, each func(json.RawMessage) error, afresh func()) error {
	query := l.Source.Query
	if bin {
		query = l.Source.QueryAll
	}
	return l.retry(ctx, func() error {
		afresh()
		l.calls.Add(1)
		return query(ctx, soql, each)
	})
}

func newest(files []File) {
	slices.SortStableFunc(files, func(a, b File) int { return b.Created.Compare(a.Created) })
}

// in is the condition that a field has one of the values.
func in(field string, values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = salesforce.QuoteSOQL(v)
	}
	if len(quoted) == 1 {
		return field + " = " + quoted[0]
	}
	return field + " IN (" + strings.Join(quoted, ", ") + ")"
}
