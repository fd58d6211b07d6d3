package pdq

import (
	"math"
	"slices"
)

// cosines are the rows 1 to 16 of the discrete cosine transform of 64 values.
var cosines = func() (c [waves][blocks]float32) {
	scale := math.Sqrt(2.0 / blocks)
	for i := range c {
		for j := range c[i] {
			c[i][j] = float32(scale * math.Cos(math.Pi/2/blocks*float64(i+1)*float64(2*j+1)))
		}
	}
	return c
}()

// lowerMedian is the largest value of the smaller half.
func lowerMedian(values [waves * waves]float32) float32 {
	slices.Sort(values[:])
	return values[len(values)/2-1]
}
