package cordon_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestStanding(t *testing.T) {
	// "c2pa", "parts/inner" (said of a part), and "+watermark" (late).
	read := func(names ...string) (out []cordon.Finding) {
		for i, n := range names {
			f := cordon.Finding{Detail: map[string]any{"at": i}}
			if n[0] == '+' {
				f.Late, n = true, n[1:]
			}
			if n[0] == '/' {
				f.Part, n = "inside", n[1:]
			}
			f.Detector = n
			out = append(out, f)
		}
		return out
	}
	for _, c := range []struct {
		found []string
		want  []int
	}{
		{nil, nil},
		{[]string{"c2pa", "marks", "watermark"}, []int{0, 1, 2}},
		{[]string{"c2pa", "marks", "watermark", "c2pa", "watermark"}, []int{3, 4}},
		// A late look replaces what the same check said and nothing else.
		{[]string{"c2pa", "marks", "watermark", "+watermark"}, []int{0, 1, 3}},
		{[]string{"c2pa", "parts", "watermark", "+parts", "+/watermark", "+/watermark"}, []int{0, 2, 3, 4, 5}},
		{[]string{"c2pa", "/marks", "/watermark", "parts", "watermark", "+parts", "+/watermark"}, []int{0, 1, 4, 5, 6}},
		// A whole inspection afterwards stands alone.
		{[]string{"c2pa", "watermark", "+watermark", "c2pa", "watermark"}, []int{3, 4}},
		{[]string{"c2pa", "watermark", "+watermark", "c2pa", "watermark", "+watermark"}, []int{3, 5}},
	} {
		var got []int
		for _, f := range cordon.Standing(read(c.found...)) {
			got = append(got, f.Detail["at"].(int))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %s, want %s", c.found, fmt.Sprint(got), fmt.Sprint(c.want))
		}
	}
}
