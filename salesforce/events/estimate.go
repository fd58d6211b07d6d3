package events

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Filter says which files a Backfill goes through. The zero value means all.
type Filter struct {
	// Objects by API name. Default: those of the Config.
	Objects []string `json:"objects,omitempty"`
	// From and To bound CreatedDate, To excluded. Default: no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Types are file extensions without the dot. Default: all.
	Types []string `json:"types,omitempty"`
	// Sample, if positive, is the number of files to take, spread over all that match.
	Sample int `json:"sample,omitempty"`
	// Seed decides which files a sample takes: the same seed takes the same ones.
	Seed uint64 `json:"seed,omitempty"`
}

var extension = regexp.MustCompile(`^[A-Za-z0-9]{1,10}$`)

// check reports what would make a filter unfit for a query.
func (f Filter) check() error {
	for _, o := range f.Objects {
		if columns[o] == "" {
			return fmt.Errorf("%w: a backfill reads ContentVersion, Attachment and Document, not %.80q", cordon.ErrInvalid, o)
		}
	}
	for _, t := range f.Types {
		if !extension.MatchString(t) {
			return fmt.Errorf("%w: %.40q is not a file extension (letters and digits, without the dot)", cordon.ErrInvalid, t)
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return fmt.Errorf("%w: a backfill from %s to %s holds nothing", cordon.ErrInvalid, f.From.Format(time.DateOnly), f.To.Format(time.DateOnly))
	}
	if f.Sample < 0 {
		return fmt.Errorf("%w: a sample of %d files", cordon.ErrInvalid, f.Sample)
	}
	return nil
}

// where is the filter as conditions of a query.
func (f Filter) where(object string) (where []string) {
	if !f.From.IsZero() {
		where = append(where, "CreatedDate >= "+f.From.UTC().Format(soqlLayout))
	}
	if !f.To.IsZero() {
		where = append(where, "CreatedDate < "+f.To.UTC().Format(soqlLayout))
	}
	var types []string
	for _, t := range f.Types {
		if object == "ContentVersion" {
			types = append(types, "FileExtension = "+salesforce.QuoteSOQL(t))
		} else { // these have no field for it
			types = append(types, "Name LIKE "+salesforce.QuoteSOQL("%."+t))
		}
	}
	if len(types) > 0 {
		where = append(where, "("+strings.Join(types, " OR ")+")")
	}
	if object == "ContentVersion" {
		where = append(where, "FileType != 'LINK'")
	}
	return where
}

// Estimate is what a Backfill would meet and cost, as the org counts it.
type Estimate struct {
	Objects []ObjectEstimate `json:"objects"`
	Files   int              `json:"files"` // that match the filter
	Take    int              `json:"take"`  // that would be read: all, or the sample
	Bytes   int64            `json:"bytes"` // of Take; -1 if the org did not say
	Calls   int64            `json:"calls"` // API calls: lists, and one for each file
	// Least and Most bound the time it takes, by what one file has cost elsewhere: a tenth
	// of a second to a second for each call, and 1 to 10 MB/s. They are a guess until it runs.
	Least time.Duration `json:"least_ns"`
	Most  time.Duration `json:"most_ns"`
	// Days is how long it takes at least within the share of the org's daily calls; 0 if the
	// org has not said how many there are.
	Days float64 `json:"days"`
	// DailyCalls is how many API calls the org has in 24 hours, for everybody; 0 if it has not
	// said.
	DailyCalls int64 `json:"daily_calls"`
}

// ObjectEstimate is the part of one object.
type ObjectEstimate struct {
	Object string `json:"object"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"` // -1 if the org did not say
	// Last is the newest CreatedDate by the org's own clock; zero if the org did not say.
	// A backfill ends there; what came later is the poller's.
	Last time.Time `json:"last,omitzero"`
}

var sizeFields = map[string]string{"ContentVersion": "ContentSize", "Attachment": "BodyLength", "Document": "BodyLength"}

func (l lister) estimate(ctx context.Context, plan Plan) (Estimate, error) {
	f := plan.Filter
	objects := f.Objects
	if len(objects) == 0 {
		objects = l.Objects
	}
	out := Estimate{Objects: []ObjectEstimate{}}
	var lists int64
	for _, object := range objects {
		one, err := l.measure(ctx, object, f.where(object))
		if err != nil {
			return out, fmt.Errorf("count %s: %w", object, err)
		}
		out.Objects = append(out.Objects, one)
		out.Files += one.Files
		if out.Bytes += one.Bytes; one.Bytes < 0 {
			out.Bytes = -1 << 62
		}
		lists += int64(one.Files/l.Page + 1)
	}
	out.Take = out.Files
	if f.Sample > 0 && f.Sample < out.Files {
		out.Take = f.Sample
		out.Bytes = int64(float64(out.Bytes) * float64(f.Sample) / float64(out.Files))
	}
	out.Bytes = max(-1, out.Bytes)
	out.Calls = lists + int64(out.Take)
	for _, rate := range []struct {
		call  time.Duration
		bytes float64
		into  *time.Duration
	}{{100 * time.Millisecond, 10e6, &out.Least}, {time.Second, 1e6, &out.Most}} {
		*rate.into = time.Duration(out.Calls)*rate.call/time.Duration(plan.Workers) + time.Duration(float64(max(0, out.Bytes))/rate.bytes*float64(time.Second))
	}
	if plan.Rate > 0 {
		paced := time.Duration(float64(out.Calls) / plan.Rate * float64(time.Second))
		out.Least, out.Most = max(out.Least, paced), max(out.Most, paced)
	}
	if u := l.Source.Usage(); u.Limit > 0 {
		out.Days, out.DailyCalls = float64(out.Calls)/(plan.Share*float64(u.Limit)), u.Limit
	}
	return out, nil
}

// measure counts and sums in one call; where the org refuses the sum, it counts.
func (l lister) measure(ctx context.Context, object string, where []string) (ObjectEstimate, error) {
	out := ObjectEstimate{Object: object, Bytes: -1}
	from := " FROM " + object
	if len(where) > 0 {
		from += " WHERE " + strings.Join(where, " AND ")
	}
	ask := func(soql string, each func(json.RawMessage) error) error {
		return l.retry(ctx, func() error {
			if err := l.call(ctx); err != nil {
				return err
			}
			return l.Source.Query(ctx, soql, each)
		})
	}
	err := ask("SELECT COUNT(Id) files, SUM("+sizeFields[object]+") bytes, MAX(CreatedDate) last"+from, func(record json.RawMessage) error {
		var r struct {
			Files int
			Bytes *float64
			Last  *string
		}
		if err := json.Unmarshal(record, &r); err != nil {
			return fmt.Errorf("the answer cannot be read: %w", err)
		}
		out.Files, out.Bytes = r.Files, 0
		if r.Bytes != nil {
			out.Bytes = int64(*r.Bytes)
		}
		if r.Last != nil {
			out.Last, _ = time.Parse(stampLayout, *r.Last)
		}
		return nil
	})
	if !hasCode(problem(err), "MALFORMED_QUERY", "INVALID_FIELD") {
		return out, err
	}
	// COUNT() answers with a number and no records, which Query does not show: count ids.
	out.Files = 0
	err = ask("SELECT Id"+from, func(json.RawMessage) error { out.Files++; return nil })
	return out, err
}

// object is the i-th object, and whether there is one.
func (e Estimate) object(i int) (ObjectEstimate, bool) {
	if i >= len(e.Objects) {
		return ObjectEstimate{}, false
	}
	return e.Objects[i], true
}
