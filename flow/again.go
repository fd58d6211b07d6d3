package flow

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/cordonhq/cordon"
)

// restsInCRM reports whether the content of an item lies in the CRM, decided on and nothing
// owed, so that a fresh look moves nothing.
func restsInCRM(it cordon.Item) bool {
	return it.Object != "" && (it.State == cordon.Kept || it.State == cordon.Delivered || it.State == cordon.Restored)
}

// anew looks once more at content that is on record. Findings are added to the earlier ones
// and the new verdict stands; the item stays where it is. seen says that this very version is
// on record; else other bytes than those of the item are an observation of their own.
func (f *Flow) anew(ctx context.Context, o cordon.Observation, open Open, it cordon.Item, lookup cordon.Lookup, seen bool) (cordon.Sighting, error) {
	key, p, err := f.open(ctx, it)
	gone := errors.Is(err, cordon.ErrShredded)
	if err != nil && !gone {
		return cordon.Sighting{}, err
	}
	if unseen(it) { // it never had bytes
		return f.read(ctx, o, open, []cordon.Item{it}, lookup)
	}
	c, sum, done, err := f.borrow(ctx, o, open)
	if err != nil {
		return cordon.Sighting{}, err
	}
	defer done()
	if !gone && p.SHA256 != hex.EncodeToString(sum[:]) {
		if seen {
			return cordon.Sighting{Item: it}, nil
		}
		return f.read(ctx, o, open, []cordon.Item{it}, lookup)
	}
	p.Name, p.SHA256 = o.Personal.Name, hex.EncodeToString(sum[:])
	hint := hintOf(it, p)
	hint.Waited = false // the CRM has it: there is time for what is too dear in front
	look, found, err := f.Examiner.Examine(ctx, c, hint)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return cordon.Sighting{}, errNoRoom(err)
	}
	p.Subject = cmp.Or(p.Subject, o.Personal.Subject)
	found, note, err := f.compare(ctx, it, p, look, found, observedAs(o))
	if err != nil {
		return cordon.Sighting{}, err
	}
	v := f.Policy(o.Tenant).Decide(it, found)
	v.At = f.Now().UTC()
	if !slices.Contains(v.Reasons, cordon.ReasonShadow) {
		v.Reasons = append(slices.Clone(v.Reasons), cordon.ReasonShadow)
		slices.Sort(v.Reasons)
	}
	sealed := bare(found)
	if !gone {
		if sealed, err = f.sealFindings(key, it, found); err != nil {
			return cordon.Sighting{}, err
		}
	}
	var lookups []cordon.Lookup
	if !seen { // the store takes each version for observed once
		lookups = append(lookups, lookup)
	}
	from := it.State
	it.Verdict = &v
	return cordon.Sighting{Item: it, Changes: []cordon.Change{{Of: it.Ref, From: from, To: from, Findings: sealed, Verdict: &v, Lookups: lookups, Seen: note.record,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRescanned, it.Ref, v.At, cordon.Cordon, inspected(it, v, found))}}},
		Then: func() { f.saw(it, note) }}, nil
}

// bare returns findings without their evidence, for an item whose key is gone.
func bare(found []cordon.Finding) []cordon.Finding {
	out := slices.Clone(found)
	for i := range out {
		out[i].Sentence, out[i].Detail = "", map[string]any{}
		if out[i].Part != "" {
			out[i].Part = inside
		}
	}
	return out
}

func digestOf(p cordon.Personal) ([]byte, error) { return hex.DecodeString(p.SHA256) }
