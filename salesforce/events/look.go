package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// looker has files looked at, some at a time.
type looker struct {
	lister
	lane string
	mode cordon.Mode
	with func(*cordon.Observation) // says more of an observation; may be nil

	mu    sync.Mutex
	stuck map[string]int // how often the batch of a file was given up because of it
}

// manyTries is how often a batch is looked at again because somebody else observed one of
// its files at the same time.
const manyTries = 20

// givenUp is how often a file may spoil its batch before it counts as not readable.
const givenUp = 3

func newLooker(c Config, lane string, mode cordon.Mode) *looker {
	return &looker{lister: lister{Config: c, calls: new(atomic.Int64)}, lane: lane, mode: mode, stuck: map[string]int{}}
}

// downloadError is an error of the org's, not of ours, while a file was read.
type downloadError struct{ error }

func (e downloadError) Unwrap() error { return e.error }

// look has all the files looked at and returns what came of each, in their order.
func (l *looker) look(ctx context.Context, files []File) ([]cordon.Sighting, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := make([]cordon.Sighting, len(files))
	errs := make([]error, len(files))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(l.Workers, len(files)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) || ctx.Err() != nil {
					return
				}
				if out[i], errs[i] = l.one(ctx, files[i]); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	// The cause, and not those that it cut short.
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return out, errors.Join(append(errs, ctx.Err())...)
}

// one has one file looked at.
func (l *looker) one(ctx context.Context, f File) (s cordon.Sighting, err error) {
	o := l.observation(f, l.lane, l.mode)
	if l.with != nil {
		l.with(&o)
	}
	unread := func(why cordon.Reason) (cordon.Sighting, error) {
		o.Unread, o.Version = why, string(why)+"@"+f.Modstamp.UTC().Format(soqlLayout)
		return l.Line.Sight(ctx, o, nil)
	}
	if f.Deleted {
		return unread(cordon.ReasonGone)
	}
	err = l.retry(ctx, func() error {
		s, err = l.Line.Sight(ctx, o, func() (io.ReadCloser, error) { return l.open(ctx, f), nil })
		return err
	})
	var fromOrg downloadError
	switch {
	case err == nil || ctx.Err() != nil || !errors.As(err, &fromOrg):
		return s, err
	case errors.Is(err, cordon.ErrNotFound):
		return unread(cordon.ReasonGone)
	case away(err):
		return s, err
	case refused(err):
		return unread(cordon.ReasonNotReadable)
	}
	// Something is the matter with this file, or with the org. If it stays, it is the file.
	l.mu.Lock()
	l.stuck[f.ID]++
	often := l.stuck[f.ID]
	l.mu.Unlock()
	if often < givenUp {
		return s, err
	}
	l.Log.Warn("a file could not be read again and again and is recorded as not readable", "object", f.Object, "id", f.ID, "err", err)
	return unread(cordon.ReasonNotReadable)
}

// open downloads a file as it is read. An empty one costs no call.
func (l *looker) open(ctx context.Context, f File) io.ReadCloser {
	if f.Size == 0 {
		return io.NopCloser(strings.NewReader(""))
	}
	blob, _ := salesforce.FindBlob(f.Object)
	r, w := io.Pipe()
	go func() {
		l.calls.Add(1)
		err := stalls(ctx, l.Stall, w, func(ctx context.Context, w io.Writer) error {
			_, _, err := l.Source.Download(ctx, f.Object, f.ID, blob.BlobField(), w)
			return err
		})
		if err != nil {
			err = downloadError{err}
		}
		w.CloseWithError(err)
	}()
	return r
}

// retry repeats what failed for a reason that may pass.
func (l lister) retry(ctx context.Context, f func() error) error {
	wait := l.Backoff
	for attempt := 1; ; attempt++ {
		err := f()
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case spent(err):
			return fmt.Errorf("%w: %w", ErrBudget, err)
		case attempt >= l.Attempts || !salesforce.MayPass(err):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Minute)
	}
}

func problem(err error) *salesforce.Problem {
	var p *salesforce.Problem
	errors.As(err, &p)
	return p
}

func hasCode(p *salesforce.Problem, codes ...string) bool {
	return p != nil && slices.ContainsFunc(p.Errors, func(e salesforce.Error) bool { return slices.Contains(codes, e.ErrorCode) })
}

// spent reports whether the org has no calls left for anybody.
func spent(err error) bool { return hasCode(problem(err), "REQUEST_LIMIT_EXCEEDED") }

// refused reports whether the org said that Cordon may not have the file.
func refused(err error) bool {
	p := problem(err)
	return p != nil && p.Status == http.StatusForbidden || hasCode(p, "CONTENT_CUSTOMIZED_DOWNLOAD_EXCEPTION") || errors.Is(err, cordon.ErrTooLarge)
}

// away reports whether the org, and not one file, is the trouble.
func away(err error) bool {
	return errors.Is(err, cordon.ErrBusy) || errors.Is(err, cordon.ErrNotSent) || spent(err) || errors.Is(err, ErrBudget)
}

// count adds up what came of files.
func (s *Seen) count(files []File, sightings []cordon.Sighting) {
	for i, f := range files {
		unread := sightings[i].Item.Verdict != nil && slices.Contains(sightings[i].Item.Verdict.Reasons, cordon.ReasonNotReadable)
		switch {
		case f.Deleted:
			s.Gone++
		case !sightings[i].New:
			s.Known++
		case unread:
			s.NotReadable++
		case slices.Contains(sightings[i].Item.Verdict.Reasons, cordon.ReasonGone):
			s.Gone++
		default:
			s.Observed++
			if sightings[i].Item.Verdict.Action.Holds() {
				s.WouldHold++
			}
			s.Bytes += sightings[i].Item.Size
		}
	}
}

// stored drops the files whose bytes the org does not hold.
func stored(files []File) (kept []File, elsewhere int) {
	kept = slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.elsewhere })
	return kept, len(files) - len(kept)
}

// changed reports whether anything of the sightings has to be committed.
func changed(sightings []cordon.Sighting) bool {
	return slices.ContainsFunc(sightings, func(s cordon.Sighting) bool { return len(s.Changes) > 0 })
}
