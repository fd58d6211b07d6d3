// Package coverage keeps the law that every file an org gains is either on record as examined
// or listed as one that nobody looked at.
//
// What was gained is what the org's own lists say, whichever way it came; what was examined
// is what the ledger says. Nothing is taken from counters that Cordon keeps of its own work,
// because those cannot know of what never reached it. Each day in UTC is counted by the
// CreatedDate of its files, again and again while it lasts, once when it is over, and once
// more a day later; what was counted is an entry of the ledger each time.
//
//	law := coverage.New(coverage.Config{Tenant: "clinic", Org: lists, Records: records, Keep: db, Seals: seals})
//	err := law.Count(ctx)                               // now and then
//	report, err := law.Coverage(ctx, desk.CoverageQuery{})
package coverage

import (
	"context"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

// File is a file that an org has gained.
type File struct {
	Object    string // ContentVersion, Attachment or Document
	ID        string // of the record, 18 letters
	Channel   cordon.Channel
	Creator   string // id of the org's user
	Created   time.Time
	Size      int64
	Elsewhere bool // the org holds no bytes of it
}

// Org lists what an org has gained.
type Org interface {
	// Gained gives out, page by page, every file with a CreatedDate from one time up to
	// another, each once, deleted ones included while the org lists them. It returns how many
	// API calls that took. An error means that some files may be missing.
	Gained(ctx context.Context, from, to time.Time, each func([]File) error) (calls int64, err error)
}

// Records tells what is on record of files.
type Records interface {
	// Records returns what is on record by the id of the org's record, oldest first. Whatever
	// is on no record is absent.
	Records(ctx context.Context, tenant cordon.TenantID, ids []string) (map[string][]Record, error)
}

// Record is an item that stands for content of a file.
type Record struct {
	Object  string
	Channel cordon.Channel
	Client  string
	// Entries is how many entries the ledger has of the item.
	Entries int
	// Judged is the last of these that carries a verdict; nil if none does.
	Judged *cordon.Entry
}

// match is what became of a file.
type match struct {
	examined, tried bool
	partly          bool          // examined, and not as a whole
	why             cordon.Reason // of what was tried and not examined
	channel         cordon.Channel
	client          string
}

// missing are the reasons that leave a verdict without its ground, in the order in which they
// explain most.
var missing = []cordon.Reason{cordon.ReasonGone, cordon.ReasonNotReadable, cordon.ReasonPassedUnscanned, cordon.ReasonDetectorSilent}

// matched tells what became of a file from what is on record. Only the ledger counts: an item
// without entries is no record. Where bytes were written over, the newest content decides.
func matched(f File, on []Record) match {
	m := match{channel: f.Channel}
	on = slices.DeleteFunc(slices.Clone(on), func(r Record) bool { return r.Object != f.Object || r.Entries == 0 })
	if len(on) == 0 {
		return m
	}
	last := on[len(on)-1]
	if last.Channel != "" && last.Channel != cordon.ChannelUnknown {
		m.channel = last.Channel // the way it came is known better than the org can tell
	}
	m.client = last.Client
	if m.why = unfounded(last.Judged); m.why == "" {
		m.examined = true
		reasons, _ := last.Judged.Facts["reasons"].([]string)
		var v cordon.Verdict
		for _, r := range reasons {
			v.Reasons = append(v.Reasons, cordon.Reason(r))
		}
		m.partly = v.Partly()
	} else {
		m.tried = true
	}
	return m
}

// unfounded returns why a verdict does not rest on the content, "" if it does. Evidence that
// was found stands, whatever else failed.
func unfounded(judged *cordon.Entry) cordon.Reason {
	if judged == nil {
		return cordon.ReasonPassedUnscanned // it went through, and nobody has looked since
	}
	outcome, _ := judged.Facts["outcome"].(string)
	reasons, _ := judged.Facts["reasons"].([]string)
	switch cordon.Outcome(outcome) {
	case cordon.Synthetic, cordon.Altered:
		return ""
	}
	for _, r := range missing {
		if slices.Contains(reasons, string(r)) {
			return r
		}
	}
	switch cordon.Outcome(outcome) {
	case cordon.NoSign, cordon.CannotTell:
		return ""
	}
	return cordon.ReasonNotCovered
}
