package pdf

import "fmt"

// Unpredict undoes the predictor that the parameters of a Flate or LZW stream name (ISO
// 32000-2, 7.4.4.4), in place: differences to neighbours become the bytes themselves.
func Unpredict(b []byte, params Dict) ([]byte, error) {
	predictor := params.Integer("Predictor")
	if predictor <= 1 {
		return b, nil
	}
	columns, colors, bits := max(params.Integer("Columns"), 1), max(params.Integer("Colors"), 1), params.Integer("BitsPerComponent")
	if bits < 0 {
		bits = 8
	}
	if predictor == 2 && bits == 8 && colors <= 32 && columns <= int64(len(b)) { // of TIFF
		n := int(columns * colors)
		for row := b; len(row) >= n; row = row[n:] {
			for i := int(colors); i < n; i++ {
				row[i] += row[i-int(colors)]
			}
		}
		return b, nil
	}
	if predictor < 10 || bits > 8 || colors > 32 || columns > int64(len(b)) {
		return nil, fmt.Errorf("%w: a stream with predictor %d", ErrDamaged, predictor)
	}
	n, pixel := int((columns*colors*bits+7)/8), int(max(1, colors*bits/8))
	if n > len(b) {
		return nil, fmt.Errorf("%w: a stream with rows longer than itself", ErrDamaged)
	}
	out, before := b[:0], make([]byte, n)
	for len(b) > n {
		kind, row := b[0], b[1:n+1]
		for i := range row {
			left, up, corner := byte(0), before[i], byte(0)
			if i >= pixel {
				left = row[i-pixel]
			}
			switch kind {
			case 0:
			case 1:
				row[i] += left
			case 2:
				row[i] += up
			case 3:
				row[i] += byte((int(left) + int(up)) / 2)
			case 4:
				if i >= pixel {
					corner = before[i-pixel]
				}
				row[i] += paeth(int(left), int(up), int(corner))
			default:
				return nil, fmt.Errorf("%w: a stream with row filter %d", ErrDamaged, kind)
			}
		}
		copy(before, row)
		b = b[n+1:]
		out = append(out, before...) // what is written was read: rows lose a byte each
	}
	return out, nil
}

func paeth(a, b, c int) byte {
	distance := func(n int) int { return max(a+b-c-n, n-a-b+c) }
	switch {
	case distance(a) <= distance(b) && distance(a) <= distance(c):
		return byte(a)
	case distance(b) <= distance(c):
		return byte(b)
	}
	return byte(c)
}
