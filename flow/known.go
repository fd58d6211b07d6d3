package flow

import (
	"context"
	"crypto/sha256"

	"github.com/cordonhq/cordon"
)

// LookupKnown is the kind of look-up value under which known files are listed.
const LookupKnown = "known"

// knownFiles is the setting that the lists of known files are.
const knownFiles = "known-files"

// Know puts a file on a list, by the SHA-256 of its exact bytes, or with remove takes it off.
// The ledger says who did so, not which file.
func (f *Flow) Know(ctx context.Context, tenant cordon.TenantID, sum [sha256.Size]byte, list cordon.KnownList, remove bool, by cordon.Actor) error {
	value, err := f.Keys.Lookup(ctx, tenant, LookupKnown, sum[:])
	if err != nil {
		return err
	}
	of := cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: knownFiles}
	facts := map[string]any{"setting": knownFiles, "act": "remove"}
	if !remove {
		facts["act"], facts["list"] = "add", string(list)
	}
	now := f.Now().UTC()
	var proposals []cordon.Change
	if !remove && list == cordon.KnownBlocked { // what was passed on with the same bytes
		if proposals, err = f.ProposeListed(ctx, tenant, sum, now); err != nil {
			return err
		}
	}
	err = f.Store.Commit(ctx, append([]cordon.Change{{
		Of: of, From: "set", To: "set",
		Known:   []cordon.Known{{List: list, Value: value, Remove: remove}},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntrySetting, of, now, by, facts)},
	}}, proposals...)...)
	if err == nil {
		f.sayProposed(proposals)
	}
	return err
}
