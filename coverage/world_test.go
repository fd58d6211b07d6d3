package coverage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// world is an org, what is on record of it, and a law that is kept over them.
type world struct {
	*testing.T
	law     *Law
	now     time.Time
	files   []File // in the order they were made
	records map[string][]Record
	things  map[cordon.Ref]cordon.Thing
	entries []cordon.Entry
	calls   int
	log     bytes.Buffer

	orgErr    error // of the next lists
	commitErr error // of the next commit, which happens all the same if persists
	persists  bool
	noKey     bool // what was sealed cannot be opened
}

// monday is the day the law begins, at nine.
var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{T: t, now: monday, records: map[string][]Record{}, things: map[cordon.Ref]cordon.Thing{}}
	w.open()
	return w
}

// open makes a new law, as a new process would.
func (w *world) open() {
	w.law = New(Config{Tenant: "clinic", Org: w, Records: w, Keep: w, Seals: w, Floor: 0.9,
		Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
}

// made adds files to the org at a time; outcome is of the verdict on each, "" for none.
func (w *world) made(n int, at time.Time, outcome cordon.Outcome, reasons ...string) (ids []string) {
	for range n {
		f := File{Object: "ContentVersion", ID: fmt.Sprintf("068%012dAAA", len(w.files)), Channel: cordon.ChannelUI, Creator: "005000000000001AAA", Created: at, Size: 7}
		w.files = append(w.files, f)
		ids = append(ids, f.ID)
		if outcome != "" {
			w.records[f.ID] = append(w.records[f.ID], record(outcome, reasons...))
		}
	}
	return ids
}

func record(outcome cordon.Outcome, reasons ...string) Record {
	return Record{Object: "ContentVersion", Channel: cordon.ChannelUI, Entries: 3,
		Judged: &cordon.Entry{Kind: cordon.EntryInspected, Facts: map[string]any{"outcome": string(outcome), "reasons": reasons}}}
}

func (w *world) Gained(_ context.Context, from, to time.Time, each func([]File) error) (int64, error) {
	w.calls++
	var page []File
	for _, f := range w.files {
		if f.Created.Before(from) || !f.Created.Before(to) || f.Created.After(w.now) {
			continue
		}
		page = append(page, f)
	}
	for some := range slices.Chunk(page, 2000) {
		if err := each(some); err != nil {
			return 1, err
		}
	}
	return 1, w.orgErr
}

func (w *world) Records(_ context.Context, tenant cordon.TenantID, ids []string) (map[string][]Record, error) {
	if tenant != "clinic" || len(ids) > 500 {
		w.Errorf("%d look-ups at once for %s", len(ids), tenant)
	}
	out := map[string][]Record{}
	for _, id := range ids {
		if r := w.records[id]; r != nil {
			out[id] = r
		}
	}
	return out, nil
}

func (w *world) Thing(_ context.Context, of cordon.Ref) (cordon.Thing, error) {
	t, there := w.things[of]
	if !there {
		return t, cordon.ErrNotFound
	}
	return t, nil
}

func (w *world) Commit(_ context.Context, changes ...cordon.Change) error {
	err := w.commitErr
	w.commitErr = nil
	if err != nil && !w.persists {
		return err
	}
	for _, c := range changes {
		if err := c.Check(); err != nil {
			w.Errorf("an unfit change: %v", err)
			return err
		}
		for _, e := range c.Entries {
			if _, err := e.Canonical(); err != nil {
				w.Errorf("an unfit entry: %v", err)
			}
		}
		t, there := w.things[c.Of]
		if there && t.State != c.From || !there && c.From != "" && c.From != c.To {
			return cordon.ErrConflict
		}
		t.Ref, t.State, t.Version = c.Of, c.To, t.Version+1
		if c.Value != nil {
			t.Value = c.Value
		}
		w.things[c.Of] = t
		w.entries = append(w.entries, c.Entries...)
	}
	return err
}

// Seal turns every bit over, so that what was not sealed shows.
func (w *world) Seal(_ context.Context, of cordon.Ref, data []byte) ([]byte, error) {
	return turn(append(data, of.ID...)), nil
}

func (w *world) Open(_ context.Context, of cordon.Ref, sealed []byte) ([]byte, error) {
	if w.noKey {
		return nil, cordon.ErrShredded
	}
	data, mine := bytes.CutSuffix(turn(sealed), []byte(of.ID))
	if !mine {
		return nil, errors.New("sealed for something else")
	}
	return data, nil
}

func turn(in []byte) []byte {
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = ^b
	}
	return out
}

// count counts at a time.
func (w *world) count(at time.Time) {
	w.Helper()
	w.now = at
	if err := w.law.Count(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// days counts shortly after midnight of each of the next n days.
func (w *world) days(n int) {
	w.Helper()
	for range n {
		w.count(midnight(w.now).Add(day + 30*time.Minute))
	}
}

func (w *world) coverage(q desk.CoverageQuery) desk.Coverage {
	w.Helper()
	c, err := w.law.Coverage(w.Context(), q)
	if err != nil {
		w.Fatal(err)
	}
	w.sums(c)
	return c
}

// sums checks what holds of every report: nothing is neither examined nor listed nor said to
// be more, and the parts and days add up to the whole.
func (w *world) sums(c desk.Coverage) {
	w.Helper()
	var days, parts desk.CoverageCount
	for _, d := range c.Days {
		days.Add(d.CoverageCount)
	}
	for _, p := range c.Parts {
		parts.Add(p.CoverageCount)
	}
	reasons := 0
	for _, y := range c.Why {
		reasons += y.Files
	}
	if days != c.CoverageCount || reasons != c.NotExamined() || len(c.Unexamined)+c.More != c.NotExamined() || c.More < 0 || c.Examined+c.Tried > c.Gained {
		w.Errorf("the sums are wrong: %+v in all, %+v by day, %d by reason, %d listed and %d more", c.CoverageCount, days, reasons, len(c.Unexamined), c.More)
	}
	if !w.noKey && parts != c.CoverageCount {
		w.Errorf("the parts add up to %+v, in all it is %+v", parts, c.CoverageCount)
	}
}

// kinds lists the kinds of entries since the last call.
func (w *world) kinds() (kinds []string) {
	for _, e := range w.entries {
		kinds = append(kinds, string(e.Kind))
	}
	w.entries = nil
	return kinds
}

// keepUntil is a Keep whose process dies at a commit.
type keepUntil struct {
	*world
	left     *int
	died     error
	persists bool
}

func (k keepUntil) Commit(ctx context.Context, changes ...cordon.Change) error {
	if *k.left--; *k.left < 0 {
		k.commitErr, k.world.persists = k.died, k.persists
	}
	return k.world.Commit(ctx, changes...)
}
