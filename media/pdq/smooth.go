package pdq

// smooth blurs a picture in place so that one value in the middle of each of 64 by 64 blocks
// stands for the block: box filters, twice along rows and columns, which together are a tent.
func smooth(luma []float32, w, h int) {
	other := make([]float32, len(luma))
	across, down := window(w), window(h)
	for range smoothing {
		for y := range h {
			boxRow(other[y*w:(y+1)*w], luma[y*w:(y+1)*w], across)
		}
		boxColumns(luma, other, w, h, down)
	}
}

// window is the width of a box: half a block, rounded up, since the filter runs twice.
func window(side int) int { return (side + 2*blocks - 1) / (2 * blocks) }

// phases are the parts of a moving average over n values: growing without a result, growing,
// full, and shrinking.
func phases(n, window int) (silent, growing, full, shrinking int) {
	half := (window + 2) / 2
	return half - 1, window - half + 1, n - window, half - 1
}

// boxRow writes the moving average of in. At the ends it is the mean of what there is.
func boxRow(out, in []float32, window int) {
	silent, growing, full, shrinking := phases(len(in), window)
	var sum, width float32
	left, right, o := 0, 0, 0
	for range silent {
		sum += in[right]
		width++
		right++
	}
	for range growing {
		sum += in[right]
		width++
		out[o] = sum / width
		right, o = right+1, o+1
	}
	for range full {
		sum += in[right]
		sum -= in[left]
		out[o] = sum / width
		left, right, o = left+1, right+1, o+1
	}
	for range shrinking {
		sum -= in[left]
		width--
		out[o] = sum / width
		left, o = left+1, o+1
	}
}

// boxColumns is boxRow for all columns at a time, so that memory is read row by row.
func boxColumns(out, in []float32, w, h, window int) {
	silent, growing, full, shrinking := phases(h, window)
	sums := make([]float32, w)
	var width float32
	left, right, o := 0, 0, 0
	row := func(i int) []float32 { return in[i*w : (i+1)*w][:len(sums)] }
	write := func() {
		to := out[o*w : (o+1)*w][:len(sums)]
		for x, s := range sums {
			to[x] = s / width
		}
		o++
	}
	add := func() {
		for x, v := range row(right) {
			sums[x] += v
		}
		right++
	}
	drop := func() {
		for x, v := range row(left) {
			sums[x] -= v
		}
		left++
	}
	for range silent {
		add()
		width++
	}
	for range growing {
		add()
		width++
		write()
	}
	for range full {
		add()
		drop()
		write()
	}
	for range shrinking {
		drop()
		width--
		write()
	}
}
