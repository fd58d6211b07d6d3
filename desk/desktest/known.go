package desktest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// known is an entry of one tenant's lists.
type known struct {
	tenant cordon.TenantID
	cordon.KnownFile
}

// AddKnown puts entries on lists.
func (d *Desk) AddKnown(_ context.Context, tenant cordon.TenantID, files []cordon.KnownFile, by cordon.KnownBy, try bool) (c cordon.KnownChange, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range files {
		if err := k.Check(d.Now()); err != nil {
			return c, err
		}
	}
	list := slices.Clone(d.known)
	for _, k := range files {
		i := slices.IndexFunc(list, func(o known) bool {
			return o.tenant == tenant && o.Kind == k.Kind && bytes.Equal(o.Value, k.Value)
		})
		k.By, k.At, k.ID = by.Actor, d.Now(), cordon.NewID(cordon.PrefixKnown)
		was := cordon.Known{}
		if i >= 0 {
			was.List, was.Expires = list[i].List, list[i].Expires
		}
		if err := by.MayKnow(was, cordon.Known{List: k.List, Expires: k.Expires}); err != nil {
			return c, err
		}
		switch {
		case i < 0:
			c.Added++
			list = append(list, known{tenant, k})
		case list[i].List == k.List:
			c.Same++
			k.ID = list[i].ID
		default:
			c.Changed++
			k.ID = list[i].ID
			list[i].KnownFile = k
		}
		c.IDs = append(c.IDs, k.ID)
	}
	if !try {
		d.known = list
	}
	return c, d.Err
}

// RemoveKnown takes entries off.
func (d *Desk) RemoveKnown(_ context.Context, tenant cordon.TenantID, by cordon.KnownBy, ids ...cordon.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		i := slices.IndexFunc(d.known, func(o known) bool { return o.tenant == tenant && o.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: %s is on no list", cordon.ErrConflict, id)
		}
		if err := by.MayKnow(cordon.Known{List: d.known[i].List, Expires: d.known[i].Expires}, cordon.Known{}); err != nil {
			return err
		}
		d.known = slices.Delete(d.known, i, i+1)
	}
	return d.Err
}

// Know puts a file on a list by its digest, or takes it off.
func (d *Desk) Know(ctx context.Context, tenant cordon.TenantID, sum [32]byte, list cordon.KnownList, remove bool, by cordon.KnownBy) error {
	if !remove {
		_, err := d.AddKnown(ctx, tenant, []cordon.KnownFile{{List: list, Kind: cordon.KnownSHA256, Value: sum[:]}}, by, false)
		return err
	}
	found, err := d.KnownMatches(ctx, tenant, cordon.KnownSHA256, sum[:])
	if err != nil || len(found) == 0 {
		return err
	}
	return d.RemoveKnown(ctx, tenant, by, found[0].ID)
}

// KnownFiles lists entries, the latest first.
func (d *Desk) KnownFiles(_ context.Context, tenant cordon.TenantID, q desk.KnownQuery) ([]cordon.KnownFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []cordon.KnownFile{}
	sorted := slices.SortedFunc(slices.Values(d.known), func(a, b known) int { return cmp.Compare(b.ID, a.ID) })
	for _, k := range sorted {
		if k.tenant == tenant && (q.List == "" || k.List == q.List) && (q.Kind == "" || k.Kind == q.Kind) && (q.After == "" || k.ID < q.After) && len(out) < q.Limit {
			out = append(out, k.KnownFile)
		}
	}
	return out, d.Err
}

// KnownCounts counts entries.
func (d *Desk) KnownCounts(_ context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []cordon.KnownCount{}
	for _, list := range cordon.KnownLists() {
		for _, kind := range cordon.KnownKinds() {
			n := 0
			for _, k := range d.known {
				if k.tenant == tenant && k.List == list && k.Kind == kind {
					n++
				}
			}
			if n > 0 {
				out = append(out, cordon.KnownCount{List: list, Kind: kind, Count: n})
			}
		}
	}
	return out, d.Err
}

// KnownMatches returns the entries that name a value. Pictures are near if their last byte is
// all that differs, by 4 bits.
func (d *Desk) KnownMatches(_ context.Context, tenant cordon.TenantID, kind cordon.KnownKind, value []byte) (out []desk.KnownMatch, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.known {
		if k.tenant != tenant || k.Kind != kind {
			continue
		}
		exact := bytes.Equal(k.Value, value)
		if n := len(value) - 1; exact || kind == cordon.KnownPDQ && n >= 0 && bytes.Equal(k.Value[:n], value[:n]) {
			out = append(out, desk.KnownMatch{KnownFile: k.KnownFile, Exact: exact, Distance: map[bool]int{false: 4}[exact]})
		}
	}
	return out, d.Err
}

// KnownOfItem returns by what an item can be recognised: its digest, and for pictures that as a
// perceptual hash too.
func (d *Desk) KnownOfItem(_ context.Context, tenant cordon.TenantID, id cordon.ID) ([]cordon.KnownFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil || r.PersonalGone {
		return nil, err
	}
	sum, err := hex.DecodeString(r.Personal.SHA256)
	if err != nil || len(sum) != 32 {
		return nil, err
	}
	out := []cordon.KnownFile{{Kind: cordon.KnownSHA256, Value: sum}}
	if r.Item.Modality == cordon.Image {
		out = append(out, cordon.KnownFile{Kind: cordon.KnownPDQ, Value: sum})
	}
	return out, d.Err
}
