// Package known looks a file up in lists that its caller keeps: files that must not pass, files
// to be watched, and files that may pass. It is looked up by its exact bytes, a picture also by
// what it looks like, and a recording by what it sounds like.
//
// Only digests and perceptual hashes leave the package, to the lists it was given. A likeness is
// never a reason to let something pass.
package known

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
)

// Entry is an entry of a list.
type Entry struct {
	ID     cordon.ID
	List   cordon.KnownList
	Kind   cordon.KnownKind
	Source string // who named it, "" for the organisation itself
	Ref    string // what the source calls it
	Added  time.Time
}

// Match is an entry that looks or sounds like the file.
type Match struct {
	Entry
	Distance int           // of pictures: bits of 256
	Likeness float64       // of recordings: share of bits that agree, 0 to 1
	Overlap  time.Duration // of recordings: how much of them agrees
}

// Lists are those of the tenant at hand. Entries that have expired are on no list. Safe for
// concurrent use.
type Lists interface {
	// Exact returns the entry of exact bytes; found is false if no list has them.
	Exact(ctx context.Context, sum [sha256.Size]byte) (e Entry, found bool, err error)
	// Looks returns the entries whose pictures differ in at most pdq.Near bits, nearest first.
	Looks(ctx context.Context, h pdq.Hash) ([]Match, error)
	// Sounds returns the recordings that agree, those that agree longest first.
	Sounds(ctx context.Context, p chromaprint.Print) ([]Match, error)
}

// Listener makes the fingerprint of what a recording sounds like. It returns ErrAbsent where
// nothing on this machine can.
type Listener interface {
	Listen(ctx context.Context, m *media.Media) (chromaprint.Print, error)
}

var (
	// ErrAbsent says that fpcalc is not there, or may not run.
	ErrAbsent = errors.New("fpcalc is not installed here")
	// ErrNothingListed says that no list has a recording, so that there is nothing to listen for.
	ErrNothingListed = errors.New("no recording is on a list")
)

// Detector implements inspect.Detector.
type Detector struct {
	lists Lists
	ears  Listener
}

// New returns a detector that asks lists. ears may be nil: recordings are then looked up by
// their exact bytes alone.
func New(lists Lists, ears Listener) *Detector { return &Detector{lists, ears} }

// Name implements inspect.Detector.
func (*Detector) Name() string { return "known" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "2" }

// Inspect implements inspect.Detector. A list that cannot be asked is an error, and so a
// finding that the check failed: silence is never taken for "not known".
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	if d.lists == nil {
		return nil, errors.New("no lists to look into; give known.New lists or leave the detector out")
	}
	sum, err := m.Digest(ctx)
	if err != nil {
		return nil, err
	}
	entry, exact, err := d.lists.Exact(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("look up in the lists of known files: %w", err)
	}
	near, err := d.likeness(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("look for what is like it in the lists of known files: %w", err)
	}
	var out []cordon.Finding
	if exact {
		f := cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Detail: detail(entry)}
		f.Label, f.Sentence = ofList(entry.List)
		out = append(out, f)
	}
	seen := []cordon.KnownList{}
	if exact {
		seen = append(seen, entry.List)
	}
	for _, match := range near.matches {
		// The nearest of each list says it. What merely looks lawful is exempt from nothing.
		if match.List == cordon.KnownLawful || slices.Contains(seen, match.List) {
			continue
		}
		seen = append(seen, match.List)
		out = append(out, likeOne(match, near.what))
	}
	if len(out) == 0 {
		out = []cordon.Finding{{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNotKnown, Sentence: "The file is on no list of known files."}}
	}
	first := &out[0]
	if first.Detail == nil {
		first.Detail = map[string]any{}
	}
	near.tell(first)
	return out, nil
}

// ofList says what being on a list by its exact bytes means.
func ofList(l cordon.KnownList) (cordon.Label, string) {
	switch l {
	case cordon.KnownLawful:
		return cordon.LabelKnownLawful, "The file is on a list of known files that may pass."
	case cordon.KnownWatched:
		return cordon.LabelKnownWatched, "The file is on a list of known files to be watched."
	case cordon.KnownOrdinary:
		return cordon.LabelKnownOrdinary, "The file is on a list of ordinary files, such as logos and blank forms."
	}
	return cordon.LabelKnownFile, "The file is on a list of known files that must not pass."
}

func likeOne(m Match, what string) cordon.Finding {
	f := cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Detail: detail(m.Entry)}
	switch m.List {
	case cordon.KnownWatched:
		f.Label, f.Sentence = cordon.LabelKnownWatched, " a file on a list of known files to be watched"
	case cordon.KnownOrdinary:
		f.Label, f.Sentence = cordon.LabelKnownOrdinary, " a file on a list of ordinary files, such as logos and blank forms"
	default:
		f.Label, f.Sentence = cordon.LabelKnownNear, " a file on a list of known files that must not pass"
	}
	if m.Kind == cordon.KnownChromaprint {
		f.Detail["likeness"], f.Detail["overlap_seconds"] = m.Likeness, m.Overlap.Seconds()
		f.Sentence = fmt.Sprintf("It sounds like%s: %.0f s agree, in %.0f %% of their bits.", f.Sentence, m.Overlap.Seconds(), 100*m.Likeness)
	} else {
		f.Detail["distance"] = m.Distance
		f.Sentence = fmt.Sprintf("It looks like%s: they differ in %d of 256 bits.", f.Sentence, m.Distance)
	}
	return f
}

// detail is what others need to check an entry again.
func detail(e Entry) map[string]any {
	d := map[string]any{"list": string(e.List), "kind": string(e.Kind), "entry": string(e.ID)}
	if e.Source != "" {
		d["source"] = e.Source
	}
	if e.Ref != "" {
		d["source_id"] = e.Ref
	}
	if !e.Added.IsZero() {
		d["added_at"] = e.Added.UTC().Format(time.RFC3339)
	}
	return d
}

// like is what came of looking for likeness.
type like struct {
	matches []Match
	what    string // "picture" or "recording"; "" where there is no likeness to ask for
	why     string // it was not looked for
	look    cordon.Look
	extra   map[string]any
}

// tell adds to a finding whether likeness was looked for: that none was found is said only
// where that is so.
func (l like) tell(f *cordon.Finding) {
	if l.what == "" {
		return
	}
	for k, v := range l.extra {
		f.Detail[k] = v
	}
	switch {
	case l.why != "":
		f.Look = l.look
		f.Detail["likeness_not_looked_for"] = l.why
		verb := map[string]string{"picture": "looks", "recording": "sounds"}[l.what]
		f.Sentence = strings.TrimSuffix(f.Sentence, ".") + fmt.Sprintf("; whether the %s %s like a listed one was not checked.", l.what, verb)
	case f.Status == cordon.StatusNone:
		f.Sentence = map[string]string{
			"picture":   "The file is on no list of known files and looks like none of them.",
			"recording": "The file is on no list of known files and sounds like none of them.",
		}[l.what]
	}
}

func (d *Detector) likeness(ctx context.Context, m *media.Media) (l like, err error) {
	if _, nobody := d.lists.(None); nobody {
		return like{}, nil
	}
	switch m.Modality() {
	case cordon.Image:
		l.what = "picture"
		print, err := m.Fingerprint(ctx)
		switch {
		case errors.Is(err, media.ErrNoPixels):
			l.why, l.look = "no-pixels", media.LookOf(err)
			return l, nil
		case errors.Is(err, cordon.ErrTooLarge):
			l.why, l.look = "too-large", media.LookOf(err)
			return l, nil
		case err != nil:
			return l, err
		}
		l.extra = map[string]any{"pdq_quality": print.Quality}
		if print.Quality < pdq.MinQuality {
			l.why = "too-plain"
			return l, nil
		}
		l.matches, err = d.lists.Looks(ctx, print.PDQ)
		return l, err
	case cordon.Audio, cordon.Video: // of a film, its sound; its pictures are looked at one by one elsewhere
		l.what = "recording"
		if d.ears == nil {
			l.why = "fpcalc-absent"
			return l, nil
		}
		print, err := d.ears.Listen(ctx, m)
		switch {
		case errors.Is(err, ErrNothingListed):
			return l, nil
		case errors.Is(err, ErrAbsent):
			l.why = "fpcalc-absent"
			return l, nil
		case ctx.Err() != nil:
			return l, ctx.Err()
		case err != nil:
			// It is the file, or the program that reads it; exact bytes were looked up.
			l.why, l.look, l.extra = "not-readable", cordon.LookUnopened, map[string]any{"fpcalc": fmt.Sprintf("%.200s", err)}
			return l, nil
		}
		if !print.Tells() {
			l.why = "too-plain"
			return l, nil
		}
		l.matches, err = d.lists.Sounds(ctx, print)
		return l, err
	}
	return l, nil
}

// None are the lists of who keeps none.
type None struct{}

// Exact implements Lists.
func (None) Exact(context.Context, [sha256.Size]byte) (Entry, bool, error) {
	return Entry{}, false, nil
}

// Looks implements Lists.
func (None) Looks(context.Context, pdq.Hash) ([]Match, error) { return nil, nil }

// Sounds implements Lists.
func (None) Sounds(context.Context, chromaprint.Print) ([]Match, error) { return nil, nil }
