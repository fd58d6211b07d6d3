package coverage

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// States of a day's record.
const (
	running cordon.State = "running" // counted before it was over
	final   cordon.State = "final"   // counted when it was over
)

// counted is what is kept of a day. In clear are numbers and codes; who made files, and
// which were not looked at, is sealed.
type counted struct {
	At        time.Time             `json:"at"`
	Gained    int                   `json:"gained"`
	Examined  int                   `json:"examined"`
	Partly    int                   `json:"partly,omitempty"`
	Tried     int                   `json:"tried"`
	Elsewhere int                   `json:"elsewhere"`
	Why       map[cordon.Reason]int `json:"why"`
	Sealed    []byte                `json:"sealed,omitempty"` // detail; dropped after a while

	final   bool
	version int64 // of the record it was read from
}

func (c counted) count() desk.CoverageCount {
	return desk.CoverageCount{Gained: c.Gained, Examined: c.Examined, Partly: c.Partly, Tried: c.Tried, Elsewhere: c.Elsewhere}
}

// same reports whether two counts of a day say the same.
func (c counted) same(o counted) bool {
	return c.final == o.final && c.count() == o.count() && maps.Equal(c.Why, o.Why)
}

// detail is the part of a day that points to people and files.
type detail struct {
	Parts []desk.CoveragePart `json:"parts"`
	Files []desk.Unexamined   `json:"files"`
}

// keptFiles and keptParts bound what is kept of one day. What was counted is complete, and
// so is the list when the org is asked again.
const (
	keptFiles = 2000
	keptParts = 300
)

// maxSealed leaves room in a value for base64 and for the numbers.
const maxSealed = (cordon.MaxValue - 4<<10) / 4 * 3

// seal packs what is known of a day, as much of it as fits: the newest files, and the parts
// of which most was not looked at; the other parts lose their creators and keep their sums.
func (l *Law) seal(ctx context.Context, of cordon.Ref, d detail) ([]byte, error) {
	parts := keptParts
	for {
		d.Parts = fold(d.Parts, parts)
		packed, err := pack(d)
		if err != nil {
			return nil, err
		}
		sealed, err := l.Seals.Seal(ctx, of, packed)
		if err != nil || len(sealed) <= maxSealed {
			return sealed, err
		}
		if len(d.Files) == 0 && parts == 0 {
			return nil, fmt.Errorf("%w: %s is %d bytes without a single file", cordon.ErrTooLarge, of, len(sealed))
		}
		d.Files, parts = d.Files[:len(d.Files)*3/4], parts*3/4
	}
}

// fold keeps the first parts and adds up the others without their creators.
func fold(parts []desk.CoveragePart, keep int) []desk.CoveragePart {
	if len(parts) <= keep {
		return parts
	}
	parts = slices.Clone(parts)
	for i := keep; i < len(parts); i++ {
		parts[i].Creator = ""
	}
	return desk.MergeParts(parts)
}

func pack(d detail) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(d); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func unpack(b []byte) (d detail, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return d, err
	}
	return d, json.NewDecoder(io.LimitReader(z, 16<<20)).Decode(&d)
}

// of names the record of a day.
func (l *Law) of(on time.Time) cordon.Ref {
	return cordon.Ref{Tenant: l.Tenant, Kind: cordon.KindSetting, ID: cordon.ID("coverage-" + on.Format(time.DateOnly))}
}

// day returns what is kept of a day; cordon.ErrNotFound if it was never counted.
func (l *Law) day(ctx context.Context, on time.Time) (counted, error) {
	thing, err := l.Keep.Thing(ctx, l.of(on))
	if err != nil {
		return counted{}, err
	}
	var c counted
	if err := json.Unmarshal(thing.Value, &c); err != nil {
		return c, fmt.Errorf("read what was counted of %s: %w", on.Format(time.DateOnly), err)
	}
	c.final, c.version = thing.State == final, thing.Version
	return c, nil
}

// open returns the sealed part of a day, an empty one where it is there no more.
func (l *Law) open(ctx context.Context, on time.Time, c counted) (detail, error) {
	if len(c.Sealed) == 0 {
		return detail{}, nil
	}
	packed, err := l.Seals.Open(ctx, l.of(on), c.Sealed)
	if errors.Is(err, cordon.ErrShredded) {
		return detail{}, nil
	}
	if err != nil {
		return detail{}, fmt.Errorf("open what was counted of %s: %w", on.Format(time.DateOnly), err)
	}
	return unpack(packed)
}

// count counts a day and writes down what came of it. before is what was there, if anything.
func (l *Law) count(ctx context.Context, on time.Time, before *counted) (counted, error) {
	now := l.Now().UTC()
	t := newTally(keptFiles)
	calls, err := l.census(ctx, on, t)
	if err != nil {
		return counted{}, err
	}
	c := counted{At: now, Gained: t.Gained, Examined: t.Examined, Partly: t.Partly, Tried: t.Tried, Elsewhere: t.Elsewhere, Why: t.why,
		final: !now.Before(on.Add(day + l.Settle))}
	if before != nil && !c.final && c.same(*before) && now.Sub(before.At) < time.Hour {
		return c, nil // whoever counts often does not fill the ledger with it
	}
	of := l.of(on)
	if c.Sealed, err = l.seal(ctx, of, detail{Parts: t.list(), Files: t.unexamined}); err != nil {
		return c, err
	}
	value, err := json.Marshal(c)
	if err != nil {
		return c, err
	}
	change := cordon.Change{Of: of, From: running, To: running, Value: value}
	switch {
	case c.final && before == nil:
		change.From, change.To = "", final
	case c.final && before.final:
		change.From, change.To = final, final
	case c.final:
		change.To = final
	}
	if before != nil {
		change.Version = before.version
	}
	change.Entries = []cordon.Entry{cordon.NewEntry(cordon.EntryCoverage, of, now, cordon.Cordon, map[string]any{
		"day": on.Format(time.DateOnly), "gained": c.Gained, "examined": c.Examined, "partly": c.Partly, "tried": c.Tried,
		"elsewhere": c.Elsewhere, "calls": calls, "final": c.final})}
	if err := l.Keep.Commit(ctx, change); err != nil {
		return c, fmt.Errorf("write down the coverage of %s: %w", on.Format(time.DateOnly), err)
	}
	return c, nil
}

// drop takes the sealed part from the record of a day.
func (l *Law) drop(ctx context.Context, on time.Time) error {
	c, err := l.day(ctx, on)
	if errors.Is(err, cordon.ErrNotFound) || err == nil && len(c.Sealed) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	c.Sealed = nil
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	state := running
	if c.final {
		state = final
	}
	return l.Keep.Commit(ctx, cordon.Change{Of: l.of(on), From: state, To: state, Value: value, Version: c.version,
		Entries: []cordon.Entry{l.setting(l.of(on), "remove")}})
}

// setting is the entry of an act on the law's own records.
func (l *Law) setting(of cordon.Ref, act string) cordon.Entry {
	return cordon.NewEntry(cordon.EntrySetting, of, l.Now().UTC(), cordon.Cordon, map[string]any{"setting": "coverage", "act": act})
}
