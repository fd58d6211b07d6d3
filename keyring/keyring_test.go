package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

const maria, erik = "003000000000001AAA", "003000000000002AAA"

func wrap(t *testing.T, r *Ring, tenant cordon.TenantID, subject string) (cordon.DataKey, cordon.ID, []byte) {
	t.Helper()
	k := r.NewDataKey()
	id, wrapped, err := r.Wrap(t.Context(), tenant, subject, k)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, k.Bytes()) {
		t.Fatal("the wrapped key holds the key")
	}
	return k, id, wrapped
}

func wantKey(t *testing.T, r *Ring, tenant cordon.TenantID, id cordon.ID, wrapped []byte, want cordon.DataKey) {
	t.Helper()
	got, err := r.Unwrap(t.Context(), tenant, id, wrapped)
	if err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Fatalf("Unwrap: %v; want the key that was wrapped", err)
	}
}

func wantShredded(t *testing.T, r *Ring, tenant cordon.TenantID, id cordon.ID, wrapped []byte) {
	t.Helper()
	if k, err := r.Unwrap(t.Context(), tenant, id, wrapped); !errors.Is(err, cordon.ErrShredded) || !k.IsZero() {
		t.Fatalf("Unwrap under a destroyed key: %v, want cordon.ErrShredded", err)
	}
}

func TestWrapAndUnwrap(t *testing.T) {
	r, rows, path := newRing(t)
	for _, subject := range []string{"", maria, erik} {
		for _, tenant := range []cordon.TenantID{"north", "south"} {
			k, id, wrapped := wrap(t, r, tenant, subject)
			wantKey(t, r, tenant, id, wrapped, k)
			wantKey(t, openRing(t, path, rows), tenant, id, wrapped, k) // after a restart
		}
	}
	ids := map[cordon.ID]bool{}
	for _, row := range rows.rows {
		ids[row.ID] = true
		if strings.Contains(row.Name, "0030") {
			t.Errorf("row name %q names a subject", row.Name)
		}
	}
	// Two tenants with two subjects, an intake key and a look-up key each.
	if len(ids) != 8 {
		t.Errorf("%d key rows, want 8", len(ids))
	}
}

func TestSubjectsHaveOneKeyEach(t *testing.T) {
	r, _, _ := newRing(t)
	_, a, _ := wrap(t, r, "north", maria)
	_, b, _ := wrap(t, r, "north", maria)
	_, c, _ := wrap(t, r, "north", erik)
	_, d, _ := wrap(t, r, "south", maria)
	if a != b || a == c || a == d {
		t.Errorf("keys %s %s of one subject, %s of another, %s of another tenant", a, b, c, d)
	}
}

func TestForgottenSubject(t *testing.T) {
	r, rows, path := newRing(t)
	_, id, wrapped := wrap(t, r, "north", maria)
	other, otherID, otherWrapped := wrap(t, r, "north", erik)
	south, southID, southWrapped := wrap(t, r, "south", maria)
	for range 2 {
		if err := r.ForgetSubject(t.Context(), "north", maria); err != nil {
			t.Fatal(err)
		}
	}
	wantShredded(t, r, "north", id, wrapped)
	wantShredded(t, openRing(t, path, rows), "north", id, wrapped)
	wantKey(t, r, "north", otherID, otherWrapped, other)
	wantKey(t, r, "south", southID, southWrapped, south)

	// Who comes back is somebody new.
	again, againID, againWrapped := wrap(t, r, "north", maria)
	if againID == id {
		t.Error("the destroyed key came back")
	}
	wantKey(t, r, "north", againID, againWrapped, again)
	wantShredded(t, r, "north", id, wrapped)
	if err := r.ForgetSubject(t.Context(), "north", ""); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("ForgetSubject without a subject: %v", err)
	}
}

// Two processes share the rows. One forgets; the other must not wrap anything by the
// destroyed key, and stops opening by it within a minute.
func TestForgottenByAnotherProcess(t *testing.T) {
	r, rows, path := newRing(t)
	other := openRing(t, path, rows)
	forward := clock(other, time.Now())
	_, id, wrapped := wrap(t, other, "north", maria)
	if err := r.ForgetSubject(t.Context(), "north", maria); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unwrap(t.Context(), "north", id, wrapped); err != nil && !errors.Is(err, cordon.ErrShredded) {
		t.Fatal(err)
	}
	k, newID, newWrapped := wrap(t, other, "north", maria)
	if newID == id {
		t.Fatal("wrapped by a key that is destroyed: the item would be lost")
	}
	wantKey(t, r, "north", newID, newWrapped, k)
	forward(subjectFor + time.Second)
	wantShredded(t, other, "north", id, wrapped)
}

// A row that was read before it was destroyed must not be remembered after.
func TestForgottenWhileBeingRead(t *testing.T) {
	r, rows, path := newRing(t)
	_, id, wrapped := wrap(t, r, "north", maria)
	late := openRing(t, path, rows)
	rows.afterRead = func() {
		if err := late.ForgetSubject(t.Context(), "north", maria); err != nil {
			t.Error(err)
		}
	}
	if _, err := late.Unwrap(t.Context(), "north", id, wrapped); err != nil {
		t.Fatalf("the row was still there when it was read: %v", err)
	}
	wantShredded(t, late, "north", id, wrapped)
}

func TestDestroyThatFailedIsNotReported(t *testing.T) {
	r, rows, _ := newRing(t)
	k, id, wrapped := wrap(t, r, "north", maria)
	rows.fail = errors.New("disk on fire")
	if err := r.ForgetSubject(t.Context(), "north", maria); !errors.Is(err, rows.fail) {
		t.Errorf("ForgetSubject: %v, want the rows' error", err)
	}
	if _, err := r.RetireIntake(t.Context(), time.Now()); !errors.Is(err, rows.fail) {
		t.Errorf("RetireIntake: %v, want the rows' error", err)
	}
	if _, _, err := r.Wrap(t.Context(), "north", maria, k); !errors.Is(err, rows.fail) {
		t.Errorf("Wrap: %v, want the rows' error", err)
	}
	if _, err := r.Unwrap(t.Context(), "north", "key_unseen", wrapped); !errors.Is(err, rows.fail) || errors.Is(err, cordon.ErrShredded) {
		t.Errorf("Unwrap: %v: an unreadable row is not a destroyed one", err)
	}
	rows.fail = nil
	wantKey(t, r, "north", id, wrapped, k)
}

func TestIntakeKeysLiveForADay(t *testing.T) {
	r, rows, _ := newRing(t)
	forward := clock(r, time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC))
	k1, first, w1 := wrap(t, r, "north", "")
	_, same, _ := wrap(t, r, "north", "")
	forward(2 * time.Second)
	k2, second, w2 := wrap(t, r, "north", "")
	if first != same || first == second {
		t.Errorf("keys %s and %s of one day, %s of the next", first, same, second)
	}
	retire := func(want int) {
		t.Helper()
		if n, err := r.RetireIntake(t.Context(), r.now()); err != nil || n != want {
			t.Fatalf("RetireIntake = %d, %v; want %d", n, err, want)
		}
	}
	// An item wrapped in the last second of the day is perhaps not committed yet.
	retire(0)
	forward(47 * time.Hour)
	retire(0)
	wantKey(t, r, "north", first, w1, k1)
	rows.inUse = map[cordon.ID]bool{second: true}
	forward(2 * time.Hour)
	retire(1)
	wantShredded(t, r, "north", first, w1)
	wantKey(t, r, "north", second, w2, k2)
	rows.inUse = nil
	retire(1)
	retire(0)
	wantShredded(t, r, "north", second, w2)
}

// Whatever the rows say is stale: nothing but an old intake key is destroyed.
func TestRetireTrustsNoList(t *testing.T) {
	r, rows, path := newRing(t)
	k, id, wrapped := wrap(t, r, "north", maria)
	liar := openRing(t, path, lyingRows{rows})
	if n, err := liar.RetireIntake(t.Context(), time.Now().Add(100*24*time.Hour)); err == nil || n != 0 {
		t.Errorf("RetireIntake = %d, %v; want a refusal", n, err)
	}
	wantKey(t, r, "north", id, wrapped, k)
}

// Nor is the day of a key what its row says.
func TestRetireTrustsNoDay(t *testing.T) {
	r, rows, _ := newRing(t)
	k, id, wrapped := wrap(t, r, "north", "")
	row := rows.row(t, kindIntake)
	row.CreatedAt = row.CreatedAt.AddDate(-1, 0, 0)
	name := row.Name
	for _, day := range []string{name, "2020-01-01"} {
		row.Name = day
		if n, err := r.RetireIntake(t.Context(), time.Now()); err == nil || n != 0 {
			t.Errorf("a key of today that says it is of %s: %d retired, %v", day, n, err)
		}
	}
	row.Name = name
	wantKey(t, r, "north", id, wrapped, k)
}

type lyingRows struct{ *memoryRows }

func (l lyingRows) StaleIntakeKeys(context.Context, time.Time) ([]cordon.KeyRow, error) {
	return slices.Clone(l.rows), nil
}

func TestFirstUseBySeveralAtOnce(t *testing.T) {
	r, rows, path := newRing(t)
	rings := []*Ring{r, openRing(t, path, rows), openRing(t, path, rows)}
	var wg sync.WaitGroup
	ids := make([]cordon.ID, 30)
	for i := range ids {
		wg.Go(func() {
			k := r.NewDataKey()
			id, wrapped, err := rings[i%3].Wrap(t.Context(), "north", maria, k)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = id
			if got, err := rings[(i+1)%3].Unwrap(t.Context(), "north", id, wrapped); err != nil || !bytes.Equal(got.Bytes(), k.Bytes()) {
				t.Errorf("another process cannot open it: %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(slices.Compact(ids)); n != 1 {
		t.Errorf("%d keys for one subject", n)
	}
}

func TestWrappedKeyIsBound(t *testing.T) {
	r, rows, path := newRing(t)
	_, id, wrapped := wrap(t, r, "north", maria)
	for bit := range len(wrapped) * 8 {
		bad := slices.Clone(wrapped)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := r.Unwrap(t.Context(), "north", id, bad); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v, want ErrDamaged", bit, err)
		}
	}
	for _, n := range []int{0, 5, 12, len(wrapped) - 1} {
		if _, err := r.Unwrap(t.Context(), "north", id, wrapped[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v, want ErrDamaged", n, err)
		}
	}
	_, otherID, _ := wrap(t, r, "north", erik)
	if _, err := r.Unwrap(t.Context(), "north", otherID, wrapped); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another subject's key: %v, want ErrDamaged", err)
	}
	if _, err := r.Unwrap(t.Context(), "south", id, wrapped); !errors.Is(err, cordon.ErrShredded) {
		t.Errorf("for another tenant: %v, want cordon.ErrShredded", err)
	}

	// Somebody who can write the table cannot move a key to another row.
	whole := *rows.row(t, kindLookup)
	for name, change := range map[string]func(k *cordon.KeyRow){
		"tenant": func(k *cordon.KeyRow) { k.Tenant = "south" },
		"name":   func(k *cordon.KeyRow) { k.Name = "2" },
		"kind":   func(k *cordon.KeyRow) { k.Kind = kindIntake },
		"id":     func(k *cordon.KeyRow) { k.ID = "key_other" },
		"bytes":  func(k *cordon.KeyRow) { k.Wrapped = append(k.Wrapped[:len(k.Wrapped):len(k.Wrapped)], 0) },
		"bit":    func(k *cordon.KeyRow) { k.Wrapped[len(k.Wrapped)-1] ^= 1 },
		"empty":  func(k *cordon.KeyRow) { k.Wrapped = nil },
		"format": func(k *cordon.KeyRow) { k.Wrapped[0] = 9 },
	} {
		moved := whole
		moved.Wrapped = slices.Clone(whole.Wrapped)
		change(&moved)
		ring := openRing(t, path, &memoryRows{rows: []cordon.KeyRow{moved}})
		if _, err := ring.openRow(moved, 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("row with another %s: %v, want ErrDamaged", name, err)
		}
	}
	if _, err := openRing(t, path, &memoryRows{rows: []cordon.KeyRow{whole}}).openRow(whole, 0); err != nil {
		t.Errorf("the row as it was: %v", err)
	}
}

func TestAnotherMasterKey(t *testing.T) {
	r, rows, _ := newRing(t)
	_, id, wrapped := wrap(t, r, "north", maria)
	stranger, _, _ := newRing(t)
	stranger.rows = rows
	_, err := stranger.Unwrap(t.Context(), "north", id, wrapped)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), "point the configuration at the file") {
		t.Errorf("Unwrap under another master key: %v", err)
	}
	if _, _, err := stranger.Wrap(t.Context(), "north", maria, stranger.NewDataKey()); !errors.Is(err, ErrDamaged) {
		t.Errorf("Wrap under another master key: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	r, _, _ := newRing(t)
	for _, n := range []int{0, 16, 33} {
		short := cordon.NewDataKey(make([]byte, n))
		if _, _, err := r.Wrap(t.Context(), "north", "", short); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Wrap of %d bytes: %v", n, err)
		}
		if _, err := r.Seal(short, nil, nil); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Seal under %d bytes: %v", n, err)
		}
		if _, err := r.OpenSealed(short, nil, nil); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("OpenSealed under %d bytes: %v", n, err)
		}
	}
	if _, _, err := r.Wrap(t.Context(), "", maria, r.NewDataKey()); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("Wrap without a tenant: %v", err)
	}
	if bytes.Equal(r.NewDataKey().Bytes(), r.NewDataKey().Bytes()) {
		t.Error("two fresh keys are the same")
	}
}

func TestLookup(t *testing.T) {
	r, rows, path := newRing(t)
	seen := map[string]string{}
	for _, tenant := range []cordon.TenantID{"north", "south"} {
		for _, kind := range []string{"digest", "retry"} {
			for _, parts := range [][]string{{}, {""}, {"", ""}, {"abc"}, {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {kind, "abc"}} {
				var b [][]byte
				for _, p := range parts {
					b = append(b, []byte(p))
				}
				what := fmt.Sprintf("%s %s %q", tenant, kind, parts)
				v, err := r.Lookup(t.Context(), tenant, kind, b...)
				if err != nil || len(v) != 32 {
					t.Fatalf("%s: %d bytes, %v", what, len(v), err)
				}
				if other, ok := seen[string(v)]; ok {
					t.Errorf("%s and %s look the same", what, other)
				}
				seen[string(v)] = what
				again, err := openRing(t, path, rows).Lookup(t.Context(), tenant, kind, b...)
				if err != nil || !bytes.Equal(again, v) {
					t.Errorf("%s differs after a restart: %v", what, err)
				}
			}
		}
	}
	before := rows.reads
	if _, err := r.Lookup(t.Context(), "north", "digest"); err != nil || rows.reads != before {
		t.Errorf("a look-up read the rows again (%v)", err)
	}
}

// What was stored under a look-up value, a wrapped row or a sealed column in the first
// release must be found and opened by every later one.
func TestFirstFormats(t *testing.T) {
	m := &master{aead: must(newGCM(bytes.Repeat([]byte{1}, 32)))}
	wrapped, err := hex.DecodeString(firstRow)
	if err != nil {
		t.Fatal(err)
	}
	row := cordon.KeyRow{Tenant: "north", ID: "key_1", Kind: kindLookup, Name: "1", Wrapped: wrapped}
	r := &Ring{master: m, rows: &memoryRows{rows: []cordon.KeyRow{row}}, opened: newOpened(1), now: time.Now}
	v, err := r.Lookup(t.Context(), "north", "digest", []byte("ab"), []byte("c"))
	if got := hex.EncodeToString(v); err != nil || got != firstLookup {
		t.Errorf("look-up %s, %v; want %s", got, err, firstLookup)
	}
	sealed, err := hex.DecodeString(firstSealed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.OpenSealed(cordon.NewDataKey(bytes.Repeat([]byte{3}, 32)), []byte("north/item/itm_1"), sealed)
	if err != nil || string(got) != "knee.jpg" {
		t.Errorf("sealed column %q, %v", got, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSealedColumns(t *testing.T) {
	r, _, _ := newRing(t)
	k, at := r.NewDataKey(), []byte("north/item/itm_1")
	for _, data := range [][]byte{nil, []byte(`{"name":"knee.jpg"}`), make([]byte, 100_000)} {
		sealed, err := r.Seal(k, at, data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.OpenSealed(k, at, sealed); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("opened %d bytes, %v", len(got), err)
		}
		if again, err := r.Seal(k, at, data); err != nil || bytes.Equal(again, sealed) {
			t.Errorf("equal columns look equal (%v)", err)
		}
		bad := slices.Clone(sealed)
		bad[len(bad)/2] ^= 1
		for name, open := range map[string]func() ([]byte, error){
			"flipped bit": func() ([]byte, error) { return r.OpenSealed(k, at, bad) },
			"other place": func() ([]byte, error) { return r.OpenSealed(k, []byte("north/item/itm_2"), sealed) },
			"other key":   func() ([]byte, error) { return r.OpenSealed(r.NewDataKey(), at, sealed) },
			"cut":         func() ([]byte, error) { return r.OpenSealed(k, at, sealed[:len(sealed)-1]) },
			"nothing":     func() ([]byte, error) { return r.OpenSealed(k, at, nil) },
		} {
			if got, err := open(); !errors.Is(err, ErrDamaged) || got != nil {
				t.Errorf("%s: %d bytes, %v; want ErrDamaged", name, len(got), err)
			}
		}
	}
}

func TestSealedForSubjectsAndLists(t *testing.T) {
	r, rows, path := newRing(t)
	ctx, aad, secret := t.Context(), []byte("seen/itm_1"), []byte("what a face looks like")
	for _, subject := range []string{"", maria} {
		id, sealed, err := r.SealFor(ctx, "north", subject, aad, secret)
		if err != nil || bytes.Contains(sealed, secret) {
			t.Fatal(err, "or sealed in clear")
		}
		for _, ring := range []*Ring{r, openRing(t, path, rows)} {
			if got, err := ring.OpenBy(ctx, "north", id, aad, sealed); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("for %q: %q, %v", subject, got, err)
			}
		}
		if _, err := r.OpenBy(ctx, "north", id, []byte("seen/itm_2"), sealed); !errors.Is(err, ErrDamaged) {
			t.Errorf("opened elsewhere: %v", err)
		}
		if _, err := r.OpenBy(ctx, "south", id, aad, sealed); !errors.Is(err, cordon.ErrShredded) {
			t.Errorf("opened by another tenant: %v", err)
		}
		if _, err := r.Unwrap(ctx, "north", id, sealed); !errors.Is(err, ErrDamaged) {
			t.Errorf("sealed bytes pass for a wrapped key: %v", err)
		}
	}
	id, sealed, err := r.SealFor(ctx, "north", maria, aad, secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ForgetSubject(ctx, "north", maria); err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenBy(ctx, "north", id, aad, sealed); !errors.Is(err, cordon.ErrShredded) {
		t.Errorf("of a forgotten subject: %v", err)
	}
	one, a, err := r.SealList(ctx, "north", aad, secret)
	two, b, err2 := r.SealList(ctx, "north", aad, secret)
	if err != nil || err2 != nil || one != two || bytes.Equal(a, b) {
		t.Errorf("lists: keys %s and %s, the same bytes twice: %t; %v %v", one, two, bytes.Equal(a, b), err, err2)
	}
	if got, err := openRing(t, path, rows).OpenBy(ctx, "north", one, aad, a); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("of a list: %q, %v", got, err)
	}
}

func TestOpenedKeysAreBounded(t *testing.T) {
	r, rows, _ := newRing(t)
	r.opened = newOpened(10)
	type item struct {
		k       cordon.DataKey
		id      cordon.ID
		wrapped []byte
	}
	var items []item
	for i := range 50 {
		k, id, wrapped := wrap(t, r, "north", fmt.Sprint(i))
		items = append(items, item{k, id, wrapped})
		if n := r.opened.recent.Len(); n > 10 || len(r.opened.byID) != n || len(r.opened.byName) != n {
			t.Fatalf("%d keys are kept, %d by id, %d by name", n, len(r.opened.byID), len(r.opened.byName))
		}
	}
	for _, it := range items {
		wantKey(t, r, "north", it.id, it.wrapped, it.k)
	}
	before := rows.reads
	last := items[len(items)-1]
	wantKey(t, r, "north", last.id, last.wrapped, last.k)
	if rows.reads != before {
		t.Error("a key that was opened just now was read again")
	}
}

func TestRingNeverPrints(t *testing.T) {
	r, rows, _ := newRing(t)
	wrap(t, r, "north", maria)
	lookup, err := r.master.unwrap(*rows.row(t, kindLookup))
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.named(t.Context(), "north", kindLookup, "1")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, v := range []any{r, k, r.master, struct{ R *Ring }{r}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	io.WriteString(&out, fmt.Sprint(r))
	for _, form := range []string{string(lookup), hex.EncodeToString(lookup), strings.Trim(fmt.Sprint(lookup), "[]")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a key shows in\n%s", out.String())
		}
	}
}

const (
	firstRow    = "010000000000000000ac801a6ad009406ddfecb4410256973c7bb5d0ba26add3a5e167f4006e16e3c7c6744b8809c34af12094d1f030b0a25b563b98ec9d8790d24f24224d"
	firstLookup = "19c6d7312516dd52a9d0f220fc06f9cb735259e75191391a38d41162d8719cb1"
	firstSealed = "ca157d24fd1154fed01d79e8fb41db9c58089fe28902d5cd5c49c0768680c94beaab834e"
)
