// Package intake turns an arrival whose bytes are safe into an item with a receipt.
//
// It computes and does not write: flow commits what intake returns. The digest of the
// content appears in the ledger only as a commitment under a salt that is sealed with the
// item, and in look-ups only under a tenant key.
package intake

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/cordonhq/cordon"
)

// Admit returns the item that the arrival becomes and the personal part that is to be
// sealed with it. State, keys and sealed columns are left to the caller.
func Admit(a cordon.Arrival, sp cordon.Spooled, mediaType string, client cordon.ID, now time.Time) (cordon.Item, cordon.Personal) {
	id := cordon.NewID(cordon.PrefixItem)
	p := a.Personal
	p.SHA256 = hex.EncodeToString(sp.SHA256[:])
	p.Salt = make([]byte, 32)
	rand.Read(p.Salt)

	return cordon.Item{
		Ref:   cordon.Ref{Tenant: a.Tenant, Kind: cordon.KindItem, ID: id},
		State: cordon.Received,

		Route: a.Route.Name, Channel: a.Route.Channel, Mode: a.Route.Mode, Fail: a.Route.Fail,
		WhenHeld: a.Route.WhenHeld, Class: a.Route.Class,

		Size: sp.Size, MediaType: mediaType, DeclaredType: a.DeclaredType, Modality: cordon.Other,
		Op: a.Op, Object: a.Object, Client: string(client),

		Commitment: Commitment(p.Salt, sp.SHA256),
		Blob:       sp.Blob,
		ReceivedAt: now,
		ChangedAt:  now,
	}, p
}

// Commitment is what the ledger says of content: an HMAC of its SHA-256 under the item's
// salt. Whoever has the file but not the salt can match nothing.
func Commitment(salt []byte, digest [32]byte) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write(digest[:])
	return m.Sum(nil)
}

// Entry says that the item was received.
func Entry(it cordon.Item, by cordon.Actor, now time.Time) cordon.Entry {
	facts := map[string]any{
		"commitment": hex.EncodeToString(it.Commitment),
		"route":      it.Route,
		"channel":    string(it.Channel),
		"mode":       string(it.Mode),
		"class":      string(it.Class),
		"op":         string(it.Op),
		"media_type": it.MediaType,
	}
	if it.Object != "" {
		facts["object"] = it.Object
	}
	return cordon.NewEntry(cordon.EntryReceived, it.Ref, now, by, facts)
}

// RetryParts is what makes a later upload "the same again": caller, target and digest. The
// parts go into a keyed hash and are never stored.
func RetryParts(callerKey string, p cordon.Personal) [][]byte {
	return [][]byte{
		[]byte(callerKey), []byte(p.Staged.Op), []byte(p.Staged.Object), []byte(p.Staged.RecordID),
		[]byte(p.Subject), []byte(p.SHA256),
	}
}
