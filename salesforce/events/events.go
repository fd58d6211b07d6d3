// Package events finds what the CRM has without Cordon having seen it come: a Poller
// follows what is new, a Backfill goes through what is old, and a Subscriber is told of what
// is new at once, where the org sells that. None writes to the org.
//
// Both read lists page by page in the order of the org's own times, so the clock of this
// machine decides nothing, and both commit how far they have read in the same transaction
// as what they saw: after a crash they go on from there, nothing is missed, and what was on
// its way is recognised and not observed twice. Bytes stream through and are not kept.
//
//	p := events.NewPoller(events.Config{Tenant: "clinic", Source: client, Line: flow, Things: db})
//	seen, err := p.Poll(ctx)
package events

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Source is an org, read as Cordon. *salesforce.Client is one.
type Source interface {
	Query(ctx context.Context, soql string, each func(json.RawMessage) error) error
	// QueryAll sees the recycle bin as well.
	QueryAll(ctx context.Context, soql string, each func(json.RawMessage) error) error
	Download(ctx context.Context, object, id, field string, w io.Writer) (int64, [32]byte, error)
	Usage() salesforce.Usage
}

// Line inspects and records. *flow.Flow is one.
type Line interface {
	// Sight looks at content and says what is to be committed. It opens what is on record
	// already only if it cannot tell without. An error of open comes back wrapped.
	Sight(ctx context.Context, o cordon.Observation, open func() (io.ReadCloser, error)) (cordon.Sighting, error)
	// Note commits sightings and further changes, all or none; cordon.ErrConflict if
	// someone else was first.
	Note(ctx context.Context, sightings []cordon.Sighting, more ...cordon.Change) error
}

// Things tells where something under control stands; cordon.ErrNotFound if nobody ever said.
type Things interface {
	Thing(ctx context.Context, of cordon.Ref) (cordon.Thing, error)
}

// Config is what pollers and backfills work with. Tenant, Source, Line and Things are
// required.
type Config struct {
	Tenant cordon.TenantID
	Source Source
	Line   Line
	Things Things

	// Objects to read. Default: ContentVersion, Attachment, Document.
	Objects []string
	// Route says which way in a file has come. Default: a route named for the lane, with the
	// channel of Channel(f, Integrations).
	Route func(f File) cordon.Route
	// Integrations are the ids of users whose files count as coming by the API.
	Integrations []string

	// Page is the number of records asked for in one call. Default: 2 000, the platform's
	// most.
	Page int
	// Batch is the number of files observed in one transaction. Default: 100.
	Batch int
	// Workers is the number of files read at a time. Default: 4.
	Workers int
	// Attempts is how often a file is asked for before its batch is given up. Default: 4.
	Attempts int
	// Backoff is the wait after the first failed attempt; it doubles. Default: 500 ms.
	Backoff time.Duration

	// Stall is how long a download may bring nothing before it is given up and tried again.
	// Default: 1 minute.
	Stall time.Duration

	// Now is the clock. Default: time.Now.
	Now func() time.Time
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if len(c.Objects) == 0 {
		c.Objects = []string{"ContentVersion", "Attachment", "Document"}
	}
	for _, d := range []struct {
		value *int
		or    int
	}{{&c.Page, 2000}, {&c.Batch, 100}, {&c.Workers, 4}, {&c.Attempts, 4}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if c.Backoff <= 0 {
		c.Backoff = 500 * time.Millisecond
	}
	if c.Stall <= 0 {
		c.Stall = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Errors that end a Poll or a Run early. Everything committed so far stands.
var (
	// ErrBudget means that the org's API allowance, or Cordon's share of it, is used up.
	ErrBudget = errors.New("the share of the org's API calls is used up; it goes on when there are calls again")
	// ErrPaused means that somebody has paused the backfill.
	ErrPaused = errors.New("the backfill is paused")
)

// Seen counts what one Poll or Run came across.
type Seen struct {
	Listed      int   // rows that lists returned
	Observed    int   // content that nobody had observed before
	WouldHold   int   // of these, what the policy would have kept back in front of the CRM
	Known       int   // content on record already
	Gone        int   // rows in the recycle bin, or gone when they were to be read
	Retried     int   // files asked for again, because they could not be read before
	Read        int   // of these, what could be read now
	NotReadable int   // files that the org did not give out
	Linked      int   // items whose place on records changed
	Elsewhere   int   // records whose bytes the org does not hold: links and external files
	Bytes       int64 // downloaded, of what was observed
	Calls       int64 // API calls, those that failed included
}

// setting names a row that says how far something has read.
func (c Config) setting(id string) cordon.Ref {
	return cordon.Ref{Tenant: c.Tenant, Kind: cordon.KindSetting, ID: cordon.ID(id)}
}

// stand is the change that says how far something has read. Its last word simply stands: whoever
// says it has the lease on reading.
func (c Config) stand(of cordon.Ref, from, to cordon.State, value any, facts map[string]any) (cordon.Change, error) {
	b, err := json.Marshal(value)
	return cordon.Change{Of: of, From: from, To: to, Value: b, Version: cordon.AnyVersion,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntrySetting, of, c.Now().UTC(), cordon.Cordon, facts)}}, err
}
