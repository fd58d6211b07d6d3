package watermark

import "math"

// Match is how well what a picture shows fits a payload.
type Match struct {
	// Z is the correlation over all blocks, in standard deviations of noise. In pictures
	// with a structure of their own it can be large by accident.
	Z float64
	// Fit is the correlation of the mean of each bit with the payload, -1 to 1. However a
	// picture is structured, it is large only where the right bits stand out.
	Fit float64
	// T is Fit as Student's t: how unlikely it is by chance, given how many bits it rests on.
	T float64
}

// template is a payload with all that texts have in common taken out: the letters of any
// text begin with the same bits, so a payload of somebody else's would resemble this one.
type template struct {
	shape   []float64 // of one period; its sum is zero, and so is that of each class of bits
	classes int       // bits k and k+classes say the same of a letter
	free    int
}

func templateOf(p Payload) template {
	t := template{shape: make([]float64, len(p.Bits)), classes: 1}
	if p.Text && len(p.Bits)%8 == 0 {
		t.classes = 8
	}
	for c := range t.classes {
		ones, all := 0.0, 0.0
		for k := c; k < len(p.Bits); k += t.classes {
			all++
			if p.Bits[k] {
				ones++
			}
		}
		if ones == 0 || ones == all {
			continue // says nothing
		}
		for k := c; k < len(p.Bits); k += t.classes {
			t.shape[k] = -2 * ones / all
			if p.Bits[k] {
				t.shape[k] += 2
			}
		}
		t.free += int(all) - 1
	}
	return t
}

// correlate compares blocks with a payload that runs on from row to row: its bit at a block
// is (first + row*stride + column) mod n.
func (t template) correlate(s soft, first, stride int) Match {
	n := len(t.shape)
	sum, count := make([]float64, n), make([]float64, n)
	var squares, blocks float64
	for i := range s.h {
		if s.rows != nil && !s.rows(i) {
			continue
		}
		k := (first + i*stride) % n
		for _, v := range s.v[i*s.w : (i+1)*s.w] {
			sum[k] += float64(v)
			count[k]++
			squares += float64(v) * float64(v)
			if k++; k == n {
				k = 0
			}
		}
		blocks += float64(s.w)
	}
	if blocks < float64(enough*n) {
		return Match{}
	}
	var total, hit, power, both, spread, shape float64
	for c := range t.classes {
		var all, in float64
		for k := c; k < n; k += t.classes {
			all += sum[k]
			in += count[k]
		}
		total += all
		for k := c; k < n; k += t.classes {
			p := t.shape[k]
			if p == 0 || count[k] == 0 {
				continue
			}
			off := sum[k]/count[k] - all/in
			hit += p * off * count[k]
			power += p * p * count[k]
			both += p * off
			spread += off * off
			shape += p * p
		}
	}
	mean := total / blocks
	variance := squares/blocks - mean*mean
	if variance < 1e-6 || power == 0 || spread < 1e-12 {
		return Match{} // a surface without any structure
	}
	fit := min(1, both/math.Sqrt(spread*shape))
	return Match{Z: hit / math.Sqrt(variance*power), Fit: fit, T: fit * math.Sqrt(float64(t.free-1)/max(1e-9, 1-fit*fit))}
}

// enough is how many blocks there must be for a bit of a payload: fewer are no evidence.
const enough = 4
