// Package storetest is the contract of package store: one suite, run on every engine.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
	"github.com/cordonhq/cordon/store"
)

// Run holds the stores that open returns to the contract. Each call of open returns a
// fresh, migrated store that nobody else uses; it is closed when its test ends.
func Run(t *testing.T, open func(t *testing.T) *store.DB) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.DB)
	}{
		{"CommitStoresEverything", testCommitStoresEverything},
		{"CommitAllOrNone", testCommitAllOrNone},
		{"CommitRefusesWhatIsUnfit", testCommitRefuses},
		{"CommitInOrder", testCommitInOrder},
		{"CommitVersions", testCommitVersions},
		{"CommitOfOtherThings", testCommitOfOtherThings},
		{"ValuesOfOtherThings", testValues},
		{"ThingsOfAKind", testThings},
		{"ThingVersions", testThingVersions},
		{"ThingsFound", testThingsFound},
		{"ItemsUpstream", testItemsUpstream},
		{"Traces", testTraces},
		{"ItemsSame", testItemsSame},
		{"ObservedOnce", testObservedOnce},
		{"OneOfManyWins", testOneOfManyWins},
		{"ConflictFailsAlone", testConflictFailsAlone},
		{"CancelledCommit", testCancelledCommit},
		{"AccidentFailed", testAccidentFailed},
		{"AccidentFailedButPersisted", testAccidentPersisted},
		{"MigrateTwice", testMigrateTwice},
		{"Committed", testCommitted},
		{"Tallies", testTallies},
		{"Judged", testJudged},
		{"Settings", testSettings},
		{"Items", testItems},
		{"Lookups", testLookups},
		{"IdempotencyKeyOnce", testIdempotencyOnce},
		{"TenantsApart", testTenantsApart},
		{"Findings", testFindings},
		{"Keys", testKeys},
		{"StaleIntakeKeys", testStaleIntakeKeys},
		{"ItemsOwing", testItemsOwing},
		{"Actors", testActors},
		{"Clients", testClients},
		{"Known", testKnown},
		{"KnownByLikeness", testKnownByLikeness},
		{"KnownPages", testKnownPages},
		{"KnownEnds", testKnownEnds},
		{"Seen", testSeen},
		{"SeenKeepsItsKey", testSeenKeepsItsKey},
		{"Sessions", testSessions},
		{"RouteUse", testRouteUse},
		{"Links", testLinks},
		{"LinksOfOthers", testLinksOfOthers},
		{"Documents", testDocuments},
		{"Unread", testUnread},
		{"Stands", testStands},
		{"Lease", testLease},
		{"LeaseHeld", testLeaseHeld},
		{"LedgerAppend", testLedgerAppend},
		{"LedgerRefuses", testLedgerRefuses},
		{"LedgerAccidents", testLedgerAccidents},
		{"LedgerLead", testLedgerLead},
		{"LedgerLosesNothing", testLedgerLosesNothing},
		{"LedgerTwoSequencers", testLedgerTwoSequencers},
		{"EffectClaims", testEffectClaims},
		{"EffectDoneOnce", testEffectDoneOnce},
		{"EffectsCounted", testEffectsCounted},
		{"WorkCarriesOut", testWorkCarriesOut},
		{"WorkRetries", testWorkRetries},
		{"WorkSlowBeside", testWorkSlowBeside},
		{"WorkSetsAside", testWorkSetsAside},
		{"WorkSweeps", testWorkSweeps},
		{"WorkTwoNodes", testWorkTwoNodes},
		{"WorkKeepsLease", testWorkKeepsLease},
		{"WorkStops", testWorkStops},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

const acme, other = cordon.TenantID("acme"), cordon.TenantID("other")

// marksVar hands the key of a test to the processes that it starts.
const marksVar = "STORE_TEST_MARKS"

// Marks are the keys of the marks of rows in tests: made anew by each test process, and the same in
// those that it starts afterwards.
var Marks = sync.OnceValue(func() *rowmac.Keys {
	secret, err := hex.DecodeString(os.Getenv(marksVar))
	if err != nil || len(secret) != rowmac.KeySize {
		secret = make([]byte, rowmac.KeySize)
		rand.Read(secret)
		os.Setenv(marksVar, hex.EncodeToString(secret))
	}
	keys, err := rowmac.New(secret)
	if err != nil {
		panic(err)
	}
	return keys
})

// NewItem returns an item with every field set, as intake would make it.
func NewItem(tenant cordon.TenantID) cordon.Item {
	secret := make([]byte, 48)
	rand.Read(secret)
	return cordon.Item{
		Ref:   cordon.Ref{Tenant: tenant, Kind: cordon.KindItem, ID: cordon.NewID(cordon.PrefixItem)},
		Route: "portal", Channel: cordon.ChannelPortal, Mode: cordon.ModeInline, Fail: cordon.FailHold,
		WhenHeld: cordon.AnswerRefuse, Class: cordon.ClassIdentity, Size: 12345, MediaType: "image/jpeg",
		DeclaredType: "image/png", Modality: cordon.Image, Op: cordon.OpCreate, Object: "ContentVersion",
		Client: "act_client", Commitment: secret[:32], Blob: "blb_1", KeyID: "key_1", WrappedKey: secret[:40],
		Sealed: secret, ReceivedAt: time.Now().UTC(),
	}
}

// Entry returns an entry about a thing.
func Entry(kind cordon.EntryKind, of cordon.Ref) cordon.Entry {
	return cordon.NewEntry(kind, of, time.Now().UTC(), cordon.Cordon, map[string]any{"size": 7, "reasons": []string{"a", "b"}})
}

// Receive returns the change that creates an item.
func Receive(it cordon.Item) cordon.Change {
	return cordon.Change{Of: it.Ref, To: cordon.Received, Item: &it, Entries: []cordon.Entry{Entry(cordon.EntryReceived, it.Ref)}}
}

// Move returns a change of an item's state.
func Move(of cordon.Ref, from, to cordon.State) cordon.Change {
	return cordon.Change{Of: of, From: from, To: to, Entries: []cordon.Entry{Entry(cordon.EntryInspected, of)}}
}

func commit(t testing.TB, db *store.DB, changes ...cordon.Change) {
	t.Helper()
	if err := db.Commit(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, db *store.DB, tenant cordon.TenantID) cordon.Item {
	t.Helper()
	it := NewItem(tenant)
	commit(t, db, Receive(it))
	return read(t, db, it.Ref)
}

func read(t *testing.T, db *store.DB, of cordon.Ref) cordon.Item {
	t.Helper()
	return must(db.Item(t.Context(), of.Tenant, of.ID))(t)
}

// must unwraps a result: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want one that wraps %v", err, want)
	}
}

func wantEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}

// eventually waits for something that happens in the background. The limit is there so
// that what never happens is named; it says nothing of how long it should take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

var ctxDone = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
