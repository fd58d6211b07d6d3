package room

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// One caller takes what it can; the others of its tenant and the other tenants still get theirs.
func TestNobodyTakesAll(t *testing.T) {
	r := New(256, 2, 0.5)
	take := func(tenant, caller string) (n int) {
		for r.Take(tenant, caller, 1) {
			n++
		}
		return n
	}
	if n := take("a", "one"); n != 128 {
		t.Errorf("one caller has %d of 256", n)
	}
	if n := take("a", "two"); n != 64 {
		t.Errorf("the next caller of the tenant has %d; its share and the common half are 192", n)
	}
	if n := take("a", "three"); n != 0 {
		t.Errorf("beyond that the tenant has %d", n)
	}
	if n := take("b", "one"); n != 64 {
		t.Errorf("the other tenant has %d, want its share", n)
	}
	r.Give("a", "one", 128)
	if n := take("b", "two"); n != 128 {
		t.Errorf("of what was given back, the other tenant has %d", n)
	}
}

func TestSmallRooms(t *testing.T) {
	for _, c := range []struct {
		size    int64
		tenants int
	}{{1, 1}, {1, 5}, {2, 1}, {3, 7}, {64, 100}} {
		r := New(c.size, c.tenants, 0.5)
		if !r.Take("a", "x", 1) {
			t.Errorf("a room of %d for %d tenants takes nobody", c.size, c.tenants)
		}
	}
}

// Whatever is taken and given, never more is lent than there is, a tenant below its share is
// never refused, and in the end everything is back.
func TestRoomKeepsItsSums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := New(1000, 4, 0.5)
	type loan struct {
		tenant, caller string
		n              int64
	}
	var loans []loan
	has := map[string]int64{}
	total := int64(0)
	for range 20_000 {
		if len(loans) > 0 && rnd.IntN(5) < 2 {
			i := rnd.IntN(len(loans))
			l := loans[i]
			loans[i] = loans[len(loans)-1]
			loans = loans[:len(loans)-1]
			r.Give(l.tenant, l.caller, l.n)
			has[l.tenant] -= l.n
			total -= l.n
			continue
		}
		l := loan{fmt.Sprint("t", rnd.IntN(4)), fmt.Sprint("c", rnd.IntN(40)), 1 + rnd.Int64N(20)}
		own := r.callers[[2]string{l.tenant, l.caller}]
		ok := r.Take(l.tenant, l.caller, l.n)
		if !ok && has[l.tenant]+l.n <= r.share && own+l.n <= r.most {
			t.Fatalf("a tenant with %d of its share of %d is refused %d", has[l.tenant], r.share, l.n)
		}
		if ok {
			loans = append(loans, l)
			has[l.tenant] += l.n
			total += l.n
		}
		if total > 1000 {
			t.Fatalf("%d of 1000 are lent", total)
		}
	}
	for _, l := range loans {
		r.Give(l.tenant, l.caller, l.n)
	}
	if r.lent != 0 || len(r.tenants) != 0 || len(r.callers) != 0 {
		t.Errorf("afterwards %d are lent, %v, %v", r.lent, r.tenants, r.callers)
	}
}
