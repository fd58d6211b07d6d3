package anatomy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/anatomy"
)

// check is the law: every byte has exactly one state.
func check(t testing.TB, size int64, ranges []anatomy.Range) {
	t.Helper()
	at := int64(0)
	for i, r := range ranges {
		if r.Off != at || r.End <= r.Off {
			t.Fatalf("range %d is %+v behind byte %d", i, r, at)
		}
		if i > 0 && ranges[i-1].State == r.State && ranges[i-1].Owner == r.Owner {
			t.Fatalf("ranges %d and %d are one: %+v", i-1, i, r)
		}
		at = r.End
	}
	if at != max(size, 0) || len(ranges) > anatomy.MaxRanges {
		t.Fatalf("%d ranges end at %d of %d", len(ranges), at, size)
	}
}

func TestFold(t *testing.T) {
	c := func(off, n int64, s anatomy.State, owner string) anatomy.Claim {
		return anatomy.Claim{Off: off, Len: n, State: s, Owner: owner}
	}
	shared := func(c anatomy.Claim) anatomy.Claim { c.Shared = true; return c }
	for name, test := range map[string]struct {
		size   int64
		claims []anatomy.Claim
		want   string
	}{
		"nothing claimed": {10, nil, "0-10 unknown"},
		"no file":         {0, []anatomy.Claim{c(0, 5, anatomy.Read, "a")}, ""},
		"in order":        {10, []anatomy.Claim{c(0, 4, anatomy.Read, "a"), c(4, 6, anatomy.Opaque, "b")}, "0-4 read a, 4-10 opaque b"},
		"a gap":           {10, []anatomy.Claim{c(6, 4, anatomy.Read, "a"), c(0, 4, anatomy.Read, "a")}, "0-4 read a, 4-6 unknown, 6-10 read a"},
		"neighbours":      {10, []anatomy.Claim{c(0, 4, anatomy.Read, "a"), c(4, 6, anatomy.Read, "a")}, "0-10 read a"},
		"contested":       {10, []anatomy.Claim{c(0, 6, anatomy.Read, "a"), c(4, 6, anatomy.Read, "b")}, "0-4 read a, 4-6 contested, 6-10 read b"},
		"one owner twice": {10, []anatomy.Claim{c(0, 10, anatomy.Read, "a"), c(4, 2, anatomy.Read, "a")}, "0-10 read a"},
		"shared":          {10, []anatomy.Claim{shared(c(0, 10, anatomy.Opaque, "a")), c(4, 2, anatomy.Read, "b")}, "0-4 opaque a, 4-6 read b, 6-10 opaque a"},
		"out of bounds":   {10, []anatomy.Claim{c(-5, 7, anatomy.Read, "a"), c(8, 1<<60, anatomy.Read, "b"), c(20, 1, anatomy.Read, "c")}, "0-2 read a, 2-8 unknown, 8-10 read b"},
	} {
		got := anatomy.Fold(test.size, test.claims)
		check(t, test.size, got)
		var words []string
		for _, r := range got {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%d-%d %s %s", r.Off, r.End, r.State, r.Owner)))
		}
		if s := strings.Join(words, ", "); s != test.want {
			t.Errorf("%s: %s, want %s", name, s, test.want)
		}
	}
	var many []anatomy.Claim
	for i := range int64(anatomy.MaxRanges) {
		many = append(many, c(2*i, 1, anatomy.Read, "a"))
	}
	got := anatomy.Fold(4*anatomy.MaxRanges, many)
	check(t, 4*anatomy.MaxRanges, got)
	if last := got[len(got)-1]; last.State != anatomy.Beyond || len(got) != anatomy.MaxRanges {
		t.Errorf("%d ranges, the last is %+v", len(got), last)
	}
}

func FuzzFold(f *testing.F) {
	f.Add(int64(100), []byte{0, 10, 1, 5, 20, 0, 8, 4, 2})
	f.Fuzz(func(t *testing.T, size int64, b []byte) {
		var claims []anatomy.Claim
		states := []anatomy.State{anatomy.Read, anatomy.Opaque, anatomy.Padding, anatomy.Damaged}
		for ; len(b) >= 3; b = b[3:] {
			claims = append(claims, anatomy.Claim{Off: int64(int8(b[0])), Len: int64(b[1]), State: states[b[2]&3], Owner: string('a' + rune(b[2]>>2&3)), Shared: b[2]>>4&1 == 1})
		}
		check(t, size, anatomy.Fold(size, claims))
	})
}
