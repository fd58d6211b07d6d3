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
	"slices"
	"strings"
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

// Request is what makes two requests the same one: who sent it, what it does to which record,
// every other field in the form in which it will be written, and the content. The same bytes
// under another title, name, parent or field are another record, and another request. The
// parts go into a keyed hash that keeps them apart; they are never stored.
//
// What differs in each try says nothing and is left out: the key that Cordon gives a write,
// the caller's address and token.
func Request(a cordon.Arrival, p cordon.Personal) [][]byte {
	s := p.Staged
	parts := [][]byte{
		[]byte("request 2"), []byte(a.CallerKey), []byte(a.Op), []byte(a.Object), []byte(s.Op), []byte(s.Object),
		[]byte(s.BlobField), []byte(s.RecordID), []byte(p.Subject), []byte(p.Name), []byte(p.SHA256),
	}
	if a.Op == cordon.OpAsk {
		// Nothing is written: what was asked is a file of a type, under the rules of a route.
		parts = append(parts, []byte(a.Route.Name), []byte(a.DeclaredType))
	}
	// The order of fields says nothing, but for those of one name.
	fields := slices.Clone(s.Fields)
	slices.SortStableFunc(fields, func(a, b cordon.Field) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range fields {
		parts = append(parts, []byte(f.Name), f.Value)
	}
	return parts
}
