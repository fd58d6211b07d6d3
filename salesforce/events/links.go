package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// linkObject says where a ContentDocument hangs: on records, with groups, in libraries, with
// people. It has no CreatedDate and no creator.
const linkObject = "ContentDocumentLink"

const linkColumns = "Id, ContentDocumentId, LinkedEntityId, ShareType, Visibility, SystemModstamp, IsDeleted"

// linkDocuments is how many documents are asked for in one condition: 300 ids take 8 KB of an
// address, of which the platform takes 16.
const linkDocuments = 300

// Places brings the record up to date with where files hang. *flow.Flow is one.
type Places interface {
	// Place says what is to be committed. For each of the documents in whole the placements are
	// all there are.
	Place(ctx context.Context, tenant cordon.TenantID, given []cordon.Placement, whole ...string) ([]cordon.Change, error)
}

// Known lists the documents that are on record. *store.DB is one.
type Known interface {
	// Documents returns up to limit ids of ContentDocuments, those behind after, always in the
	// same order.
	Documents(ctx context.Context, tenant cordon.TenantID, after string, limit int) ([]string, error)
}

// link is one row of the list.
type link struct {
	cordon.Placement
	modstamp time.Time
}

func readLink(record json.RawMessage) (link, error) {
	var r struct {
		ID                string `json:"Id"`
		ContentDocumentID string `json:"ContentDocumentId"`
		LinkedEntityID    string `json:"LinkedEntityId"`
		ShareType         string
		Visibility        string
		SystemModstamp    string
		IsDeleted         bool
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return link{}, fmt.Errorf("a %s in a list cannot be read: %w", linkObject, err)
	}
	l := link{Placement: cordon.Placement{Link: salesforce.LongID(r.ID), DocumentID: salesforce.LongID(r.ContentDocumentID),
		Record: salesforce.LongID(r.LinkedEntityID), Share: r.ShareType, Visibility: r.Visibility, Gone: r.IsDeleted}}
	var err error
	l.modstamp, err = time.Parse(stampLayout, r.SystemModstamp)
	if !salesforce.IsID(l.Link) || !salesforce.IsID(l.DocumentID) || !salesforce.IsID(l.Record) || err != nil {
		return link{}, fmt.Errorf("%w: a %s in a list has no ids or no time", cordon.ErrInvalid, linkObject)
	}
	return l, nil
}

// own reports whether a link only says whose file it is.
func (l link) own() bool { return l.Share == "I" && strings.HasPrefix(l.Record, userPrefix) }

// Key prefix of User.
const userPrefix = "005"

// links asks for links and gives them out; nothing was given out when it fails.
func (l lister) links(ctx context.Context, soql string, bin bool) (out []link, err error) {
	ask := l.Source.Query
	if bin {
		ask = l.Source.QueryAll
	}
	err = l.retry(ctx, func() error {
		out = out[:0]
		l.calls.Add(1)
		return ask(ctx, soql, func(record json.RawMessage) error {
			one, err := readLink(record)
			out = append(out, one)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", linkObject, err)
	}
	return out, nil
}

// mustFilter reports whether the org lists links of named documents only, as it does for users
// without Query All Files. It says so in words alone.
func mustFilter(err error) bool {
	p := problem(err)
	return p != nil && slices.ContainsFunc(p.Errors, func(e salesforce.Error) bool {
		return e.ErrorCode == "MALFORMED_QUERY" && strings.Contains(e.Message, linkObject+" requires a filter")
	})
}

// pollLinks brings where files hang up to date. Where the org lists links by time, it follows
// them; where it does not, it asks for the documents that were seen in this poll. Either way
// it goes through all documents on record, one step a poll, round after round: a link that
// was deleted for good, or that became visible late, is found so.
func (p *Poller) pollLinks(ctx context.Context, seen *Seen) error {
	if p.places == nil {
		return nil
	}
	if p.linksListed || p.Now().Sub(p.refusedAt) >= RoundEvery {
		err := p.followLinks(ctx, seen)
		if p.linksListed = !mustFilter(err); p.linksListed && err != nil {
			return err
		} else if !p.linksListed {
			p.refusedAt = p.Now()
			p.Log.Warn("the org lists links of files by their documents only; with Query All Files it lists them by time, which costs less and is quicker", "tenant", p.Tenant)
		}
	}
	if !p.linksListed {
		slices.Sort(p.fresh)
		for some := range slices.Chunk(slices.Compact(p.fresh), linkDocuments) {
			if err := p.compare(ctx, some, seen, nil); err != nil {
				return err
			}
		}
	}
	p.fresh = nil
	if p.known == nil {
		return nil
	}
	return p.round(ctx, seen)
}

// followLinks reads links by SystemModstamp, as files are.
func (p *Poller) followLinks(ctx context.Context, seen *Seen) error {
	of := p.setting("poll-" + linkObject)
	cursor, err := p.cursor(ctx, of, linkObject)
	if err != nil {
		return err
	}
	from := place{}
	if !cursor.IsZero() {
		from.At = cursor.Add(-p.overlap)
	}
	for {
		soql := "SELECT " + linkColumns + " FROM " + linkObject
		if cond := from.after("SystemModstamp"); cond != "" {
			soql += " WHERE " + cond
		}
		page, err := p.links(ctx, soql+fmt.Sprintf(" ORDER BY SystemModstamp, Id LIMIT %d", p.Page), true)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(page, p.Batch) {
			last := batch[len(batch)-1].modstamp
			next := p.behind(last, cursor)
			fresh := slices.DeleteFunc(slices.Clone(batch), func(l link) bool {
				r, known := p.recent[l.Link]
				return known && r.version == l.stamped()
			})
			if err := p.place(ctx, fresh, nil, seen, func(rows int) (cordon.Change, bool, error) {
				c, err := p.stand(of, standing, standing, place{At: next}, map[string]any{"lane": p.lane, "rows": rows})
				return c, !next.Equal(cursor), err
			}); err != nil {
				return err
			}
			cursor = next
			for _, l := range fresh {
				p.keep(l.Link, recent{l.stamped(), l.modstamp})
			}
		}
		seen.Listed += len(page)
		if len(page) > 0 {
			p.status.saw(linkObject, page[len(page)-1].modstamp)
		}
		if len(page) < p.Page {
			return nil
		}
		last := page[len(page)-1]
		from = place{At: last.modstamp, ID: last.Link}
	}
}

func (l link) stamped() string { return fmt.Sprint(l.Gone, l.modstamp.UnixNano()) }

// place commits what links change, together with how far the reader has come: move says so,
// and whether it has to be said when nothing changes.
func (p *Poller) place(ctx context.Context, links []link, whole []string, seen *Seen, move func(rows int) (cordon.Change, bool, error)) error {
	var given []cordon.Placement
	for _, l := range links {
		if !l.own() {
			given = append(given, l.Placement)
		}
	}
	for range manyTries {
		changes, err := p.places.Place(ctx, p.Tenant, given, whole...)
		if err != nil {
			return err
		}
		n := len(changes)
		if move != nil {
			c, needed, err := move(len(links))
			if err != nil {
				return err
			}
			if needed || n > 0 {
				changes = append(changes, c)
			}
		}
		if len(changes) == 0 {
			return nil
		}
		switch err := p.Line.Note(ctx, nil, changes...); {
		case err == nil:
			seen.Linked += n
			return nil
		case !errors.Is(err, cordon.ErrConflict):
			return err
		}
	}
	return fmt.Errorf("%w: others keep changing where the same files hang", cordon.ErrConflict)
}

// compare asks for all links of some documents, and takes those away that are no more.
func (p *Poller) compare(ctx context.Context, documents []string, seen *Seen, move func(rows int) (cordon.Change, bool, error)) error {
	soql := "SELECT " + linkColumns + " FROM " + linkObject + " WHERE ContentDocumentId IN ('" + strings.Join(documents, "','") + "')"
	links, err := p.links(ctx, soql, false)
	if err != nil {
		return err
	}
	return p.place(ctx, links, documents, seen, move)
}

// RoundEvery is how often a poller compares the links of all documents on record with the
// org's, where it also follows them by time. Where it cannot, it begins anew at once.
const RoundEvery = 24 * time.Hour

// lap is how far a round has come.
type lap struct {
	After string    `json:"after,omitempty"` // "" before the first document
	Began time.Time `json:"began"`           // by this machine's clock
}

// round compares the next documents, if a round is due.
func (p *Poller) round(ctx context.Context, seen *Seen) error {
	of := p.setting("poll-links-round")
	thing, err := p.Things.Thing(ctx, of)
	var at lap
	switch now := p.Now().UTC(); {
	case errors.Is(err, cordon.ErrNotFound):
		at.Began = now
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(thing.Value, &at); err != nil {
			return fmt.Errorf("read how far %s has come: %w", of, err)
		}
		if at.After == "" && p.linksListed && now.Sub(at.Began) < RoundEvery && !now.Before(at.Began) {
			return nil
		}
		if at.After == "" {
			at.Began = now
		}
	}
	documents, err := p.known.Documents(ctx, p.Tenant, at.After, linkDocuments)
	if err != nil {
		return err
	}
	whole := at.After == "" && len(documents) == 0
	if at.After = ""; len(documents) == linkDocuments {
		at.After = documents[len(documents)-1]
	}
	move := func(rows int) (cordon.Change, bool, error) {
		c, err := p.stand(of, standing, standing, at, map[string]any{"lane": p.lane, "rows": rows})
		return c, true, err
	}
	if len(documents) == 0 {
		if whole && !p.linksListed {
			return nil // nothing is on record yet
		}
		return p.place(ctx, nil, nil, seen, move)
	}
	return p.compare(ctx, documents, seen, move)
}
