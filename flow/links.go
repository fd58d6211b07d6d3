package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// lookupRecord finds what hangs on a record.
const lookupRecord = "record"

// Place says what is to be committed so that the record agrees with where the CRM shows files
// of ContentDocuments. For each of the documents in whole the placements are all there are, and
// what else is on record goes; of others only those placements change that are given. What is
// on record of documents that nobody has observed is nothing, and stays so.
func (f *Flow) Place(ctx context.Context, tenant cordon.TenantID, given []cordon.Placement, whole ...string) ([]cordon.Change, error) {
	documents := slices.Clone(whole)
	for _, p := range given {
		documents = append(documents, p.DocumentID)
	}
	slices.Sort(documents)
	items, err := f.Store.ItemsOfDocuments(ctx, tenant, slices.Compact(documents)...)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	ids := make([]cordon.ID, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	links, err := f.Store.Links(ctx, tenant, ids...)
	if err != nil {
		return nil, err
	}
	var out []cordon.Change
	for _, it := range items {
		if it.State == cordon.Erased {
			continue // nothing may find it again
		}
		var mine []cordon.Placement
		for _, p := range given {
			if p.DocumentID == it.DocumentID {
				mine = append(mine, p)
			}
		}
		c, err := f.placed(ctx, it, links[it.ID], mine, slices.Contains(whole, it.DocumentID))
		if err != nil {
			return nil, err
		}
		if len(c.Entries) > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// placed is the change of one item's links, without entries if there is none.
func (f *Flow) placed(ctx context.Context, it cordon.Item, have []cordon.Link, given []cordon.Placement, whole bool) (cordon.Change, error) {
	c := cordon.Change{Of: it.Ref, From: it.State, To: it.State}
	say := func(kind cordon.EntryKind, facts map[string]any) {
		c.Entries = append(c.Entries, cordon.NewEntry(kind, it.Ref, f.Now().UTC(), cordon.Cordon, facts))
	}
	for _, p := range given {
		i := slices.IndexFunc(have, func(l cordon.Link) bool { return l.ID == p.Link })
		switch {
		case p.Gone && i >= 0:
			c.Unlinks = append(c.Unlinks, p.Link)
			say(cordon.EntryUnlinked, nil)
		case p.Gone:
		default:
			l, err := f.link(ctx, it, p)
			if err != nil {
				return c, err
			}
			how := "added"
			if i >= 0 {
				was := have[i]
				same := bytes.Equal(was.Record, l.Record)
				if same && was.Share == l.Share && was.Visibility == l.Visibility {
					continue
				}
				how = map[bool]string{true: "changed", false: "moved"}[same]
				c.Unlinks = append(c.Unlinks, p.Link)
			}
			if l.Sealed, err = f.sealLink(ctx, it, p); err != nil {
				return c, err
			}
			c.Links = append(c.Links, l)
			say(cordon.EntryLinked, linkFacts(how, p))
		}
	}
	for _, l := range have {
		if whole && !slices.ContainsFunc(given, func(p cordon.Placement) bool { return p.Link == l.ID }) {
			c.Unlinks = append(c.Unlinks, l.ID)
			say(cordon.EntryUnlinked, nil)
		}
	}
	return c, nil
}

// linkFacts are codes only: of the record the three characters that tell its kind.
func linkFacts(how string, p cordon.Placement) map[string]any {
	facts := map[string]any{"how": how}
	for name, text := range map[string]string{"to": p.Record[:min(3, len(p.Record))], "share": p.Share, "visibility": p.Visibility} {
		if text != "" && strings.Trim(text, letters) == "" {
			facts[name] = text
		}
	}
	return facts
}

// letters are what codes of the CRM are made of; what else comes from there stays out of the
// ledger.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func (f *Flow) link(ctx context.Context, it cordon.Item, p cordon.Placement) (l cordon.Link, err error) {
	l = cordon.Link{ID: p.Link, Share: p.Share, Visibility: p.Visibility}
	l.Record, err = f.RecordValue(ctx, it.Tenant, p.Record)
	return l, err
}

// RecordValue is the value by which the store finds what hangs on a record, given by its id in
// 18 letters.
func (f *Flow) RecordValue(ctx context.Context, tenant cordon.TenantID, record string) ([]byte, error) {
	return f.Keys.Lookup(ctx, tenant, lookupRecord, []byte(record))
}

// sealLink seals where an item hangs under its key; where that is gone, the keyed value is all
// that is kept.
func (f *Flow) sealLink(ctx context.Context, it cordon.Item, p cordon.Placement) ([]byte, error) {
	key, err := f.keyOf(ctx, it)
	if errors.Is(err, cordon.ErrShredded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.Keys.Seal(key, linkBound(it.ID, p.Link), []byte(p.Record))
}

func linkBound(item cordon.ID, link string) []byte { return []byte(string(item) + "/link/" + link) }

// Placements returns where an item hangs, as the CRM last said. A Placement without Record is
// one whose record can no longer be told.
func (f *Flow) Placements(ctx context.Context, it cordon.Item) ([]cordon.Placement, error) {
	links, err := f.Store.Links(ctx, it.Tenant, it.ID)
	if err != nil {
		return nil, err
	}
	key, err := f.keyOf(ctx, it)
	if err != nil && !errors.Is(err, cordon.ErrShredded) {
		return nil, err
	}
	out := []cordon.Placement{}
	for _, l := range links[it.ID] {
		p := cordon.Placement{Link: l.ID, DocumentID: it.DocumentID, Share: l.Share, Visibility: l.Visibility}
		if err == nil && l.Sealed != nil {
			plain, err := f.Keys.OpenSealed(key, linkBound(it.ID, l.ID), l.Sealed)
			if err != nil {
				return nil, fmt.Errorf("open a link of %s: %w", it.ID, err)
			}
			p.Record = string(plain)
		}
		out = append(out, p)
	}
	return out, nil
}

// moved adds to a change of an item where the CRM shows it, for records that name what they hang
// on themselves.
func (f *Flow) moved(ctx context.Context, o cordon.Observation, it cordon.Item, c *cordon.Change) error {
	if o.DocumentID != "" || o.Personal.Subject == "" || o.Unread == cordon.ReasonGone || it.State == cordon.Erased {
		return nil
	}
	links, err := f.Store.Links(ctx, it.Tenant, it.ID)
	if err != nil {
		return err
	}
	add, err := f.placed(ctx, it, links[it.ID], []cordon.Placement{{Link: o.UpstreamID, Record: o.Personal.Subject}}, false)
	c.Links, c.Unlinks, c.Entries = append(c.Links, add.Links...), append(c.Unlinks, add.Unlinks...), append(c.Entries, add.Entries...)
	return err
}
