package watermark

import "math"

const (
	blockSide = 4  // of a block in the low band; eight pixels
	step      = 36 // of the quantisation that marks are made with
)

// soft says of every block how much it looks like a bit, -1 (zero) to 1 (one), rows first.
type soft struct {
	w, h int // blocks
	v    []float32
	rows func(i int) bool // which rows are filled; nil: all
}

// softOf reads the blocks of a band that begin at x and y.
func softOf(p plane, method Method, x, y int, rows func(i int) bool) soft {
	s := soft{w: (p.w - x) / blockSide, h: (p.h - y) / blockSide, rows: rows}
	if s.w <= 0 || s.h <= 0 {
		return soft{}
	}
	s.v = make([]float32, s.w*s.h)
	read := largest
	if method == DwtDctSvd {
		read = singular
	}
	var b block
	for i := range s.h {
		if rows != nil && !rows(i) {
			continue
		}
		for j := range s.w {
			for k := range b {
				at := (y+blockSide*i+k)*p.w + x + blockSide*j
				b[k] = [blockSide]float32(p.v[at : at+blockSide])
			}
			s.v[i*s.w+j] = bit(read(&b))
		}
	}
	return s
}

// bit is 1 in the middle of the upper half of a step, -1 in the middle of the lower one.
func bit(v float32) float32 { return table[int(v*(float32(len(table))/step))&(len(table)-1)] }

// table is the sine over one step.
var table = func() (t [1024]float32) {
	for i := range t {
		t[i] = float32(-math.Sin(2 * math.Pi * (float64(i) + 0.5) / float64(len(t))))
	}
	return t
}()

type block [blockSide][blockSide]float32

// largest is the largest coefficient but the first. U is never negative, so neither are these.
func largest(b *block) float32 {
	v := max(b[0][1], b[0][2], b[0][3])
	for i := 1; i < blockSide; i++ {
		v = max(v, b[i][0], b[i][1], b[i][2], b[i][3])
	}
	return v
}

// singular is the largest singular value. A cosine transform turns a block without changing
// it, so none is needed. The blocks are nearly constant: a few steps of the power method
// from the constant vector are exact to far below a step of the quantisation.
func singular(b *block) float32 {
	v := [blockSide]float32{0.5, 0.5, 0.5, 0.5}
	var s float32
	for range 4 {
		var u, t [blockSide]float32
		for i := range b {
			u[i] = b[i][0]*v[0] + b[i][1]*v[1] + b[i][2]*v[2] + b[i][3]*v[3]
		}
		for i := range b {
			for j := range t {
				t[j] += b[i][j] * u[i]
			}
		}
		n := float32(math.Sqrt(float64(t[0]*t[0] + t[1]*t[1] + t[2]*t[2] + t[3]*t[3])))
		if n == 0 {
			return 0
		}
		for j := range v {
			v[j] = t[j] / n
		}
		s = float32(math.Sqrt(float64(n))) // |BᵀBv| nears the square of the value
	}
	return s
}
