package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// Unread lists what the org did not give out. *store.DB is one.
type Unread interface {
	// Unread returns up to limit items that are due to be asked for again.
	Unread(ctx context.Context, tenant cordon.TenantID, now time.Time, limit int) ([]cordon.Item, error)
}

// mostAgain is how many files a poll asks for again: permissions that were missing are often
// missing for thousands, and a poll is to stay short.
const mostAgain = 200

// retryUnread asks again for what could not be read, once each is due: permissions are given
// afterwards, download handlers are taken away. What can be read is inspected then; what
// cannot is on record as asked for, and due later, or no more.
func (p *Poller) retryUnread(ctx context.Context, seen *Seen) error {
	if p.unread == nil {
		return nil
	}
	due, err := p.unread.Unread(ctx, p.Tenant, p.Now().UTC(), mostAgain)
	if err != nil {
		return err
	}
	again := &looker{lister: p.lister, lane: p.lane, mode: p.mode, stuck: p.stuck}
	again.Line = retrying{p.Line}
	byObject := map[string][]cordon.Item{}
	for _, it := range due {
		byObject[it.Object] = append(byObject[it.Object], it)
	}
	for object, items := range byObject {
		if err := p.again(ctx, again, object, items, seen); err != nil {
			return err
		}
	}
	return nil
}

// retrying marks observations.
type retrying struct{ Line }

func (r retrying) Sight(ctx context.Context, o cordon.Observation, open func() (io.ReadCloser, error)) (cordon.Sighting, error) {
	o.Retry = true
	return r.Line.Sight(ctx, o, open)
}

func (p *Poller) again(ctx context.Context, l *looker, object string, items []cordon.Item, seen *Seen) error {
	files, err := p.records(ctx, object, items)
	if err != nil {
		return err
	}
	for range manyTries {
		sightings, err := l.look(ctx, files)
		if err != nil {
			return err
		}
		read := 0
		var size int64
		for i, s := range sightings {
			if !files[i].Deleted && s.Item.Verdict != nil && !slices.Contains(s.Item.Verdict.Reasons, cordon.ReasonNotReadable) {
				read, size = read+1, size+s.Item.Size
			}
		}
		switch err := p.Line.Note(ctx, sightings, p.untouched(items, sightings)...); {
		case err == nil:
			seen.Retried, seen.Read, seen.Bytes = seen.Retried+len(items), seen.Read+read, seen.Bytes+size
			return nil
		case !errors.Is(err, cordon.ErrConflict):
			return err
		}
	}
	return fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

// records asks for the records of items. Those that the org no longer lists come back as deleted.
func (p *Poller) records(ctx context.Context, object string, items []cordon.Item) (files []File, err error) {
	if columns[object] == "" {
		return nil, nil
	}
	ids := map[string]bool{}
	for _, it := range items {
		ids[it.UpstreamID] = true
	}
	soql := "SELECT " + columns[object] + stampColumns + " FROM " + object + " WHERE Id IN ('" + strings.Join(slices.Sorted(maps.Keys(ids)), "','") + "')"
	err = p.retry(ctx, func() error {
		files = files[:0]
		p.calls.Add(1)
		return p.Source.QueryAll(ctx, soql, func(record json.RawMessage) error {
			f, err := readFile(object, record)
			files = append(files, f)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", object, err)
	}
	for _, f := range files {
		delete(ids, f.ID)
	}
	for id := range ids { // it has left the recycle bin, or Cordon may no longer see that it is there
		files = append(files, File{Object: object, ID: id, Deleted: true})
	}
	return files, nil
}

// untouched says of the items that no sighting changes that they were asked for, so that others
// have their turn next.
func (p *Poller) untouched(items []cordon.Item, sightings []cordon.Sighting) (out []cordon.Change) {
	touched := map[cordon.ID]bool{}
	for _, s := range sightings {
		for _, c := range s.Changes {
			touched[c.Of.ID] = true
		}
	}
	for _, it := range items {
		if !touched[it.ID] {
			out = append(out, cordon.Change{Of: it.Ref, From: it.State, To: it.State,
				Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRetried, it.Ref, p.Now().UTC(), cordon.Cordon, nil)}})
		}
	}
	return out
}
