package c2pa

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// TestCacheChangesNothing validates the same files at many times with one validator, in any
// order and at once, and wants the answers of a new one each time.
func TestCacheChangesNothing(t *testing.T) {
	b := newSignerBench(t)
	now := time.Now()
	between, err := b.authority.Intermediate(writer.Profile{Name: "between"}) // valid for ten years
	if err != nil {
		t.Fatal(err)
	}
	var files [][]byte
	for _, p := range []writer.Profile{{Name: "a year"}, {Name: "next month", NotBefore: now.AddDate(0, 1, 0), NotAfter: now.AddDate(0, 2, 0)}, {Name: "last month", NotBefore: now.AddDate(0, -2, 0), NotAfter: now.AddDate(0, -1, 0)}} {
		for _, a := range []*writer.Authority{b.authority, between} {
			s, err := a.Signer(p)
			if err != nil {
				t.Fatal(err)
			}
			file, err := s.Sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	config := func(at *time.Time) Config {
		return Config{Now: func() time.Time { return *at }, Lists: []List{
			{Use: ForSigners, Version: "1", Until: now.AddDate(0, 0, 20), PEM: b.authority.PEM()}, {Use: ForSigners, Version: "2", From: now.AddDate(0, 1, 10), PEM: b.authority.PEM()}}}
	}
	clock := now
	one, err := New(config(&clock))
	if err != nil {
		t.Fatal(err)
	}
	states := map[State]int{}
	for _, months := range []int{0, 1, 2, -1, -2, 12, 0, 1, -2, 120} {
		for _, days := range []int{0, 12, -12} {
			clock = now.AddDate(0, months, days)
			for i, file := range files {
				p, err := one.Validate(t.Context(), bytes.NewReader(file), int64(len(file)))
				if err != nil {
					t.Fatal(err)
				}
				fresh := under(t, file, config(&clock))
				if p.State != fresh.State || !slices.Equal(p.Failure, fresh.Failure) || p.TrustedBy != fresh.TrustedBy || fmt.Sprint(p.TrustLists) != fmt.Sprint(fresh.TrustLists) {
					t.Errorf("file %d at %s: %s %v by %q, a new validator says %s %v by %q", i, clock, p.State, p.Failure, p.TrustedBy, fresh.State, fresh.Failure, fresh.TrustedBy)
				}
				states[p.State]++
			}
		}
	}
	if states[Trusted] < 20 || states[Valid] < 5 || states[Invalid] < 20 {
		t.Errorf("%v", states)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, file := range files {
				if p, err := one.Validate(t.Context(), bytes.NewReader(file), int64(len(file))); err != nil || p.State != Invalid {
					t.Errorf("at once: %v %v", err, p)
				}
			}
		})
	}
	all.Wait()
}

func TestCacheIsBounded(t *testing.T) {
	c := cache[int, int]{most: 100}
	for i := range 1000 {
		c.put(i, i)
		if v, ok := c.get(i); !ok || v != i || len(c.kept) > 100 {
			t.Fatalf("%d: %d %v, %d kept", i, v, ok, len(c.kept))
		}
	}
}
