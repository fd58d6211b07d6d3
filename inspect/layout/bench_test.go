package layout

import (
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
)

// BenchmarkReport is a lab report of one page.
func BenchmarkReport(b *testing.B) {
	m := mediatest.OpenBytes(b, (&report{}).revision(objects(lines(nil))...).out)
	for b.Loop() {
		if _, err := New().Inspect(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
