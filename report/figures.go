package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number writes a whole number in groups of three.
func number[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// percent writes a share: what is not nothing is never "0 %", what is not all never "100 %".
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.001:
		return "< 0.1 %"
	case share > 0.999 && share < 1:
		return "> 99.9 %"
	}
	return strconv.FormatFloat(math.Round(share*1000)/10, 'f', -1, 64) + " %"
}

// short writes a number with as many digits as tell something.
func short(v float64) string {
	switch {
	case v != 0 && v < 0.1:
		return "< 0.1"
	case v < 10:
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	}
	return number(int64(math.Round(v)))
}

func hours(h float64) string   { return short(h) + " h" }
func minutes(m float64) string { return strconv.FormatFloat(m, 'f', -1, 64) + " min" }

// millis writes a time given in milliseconds.
func millis(ms float64) string {
	switch {
	case ms >= 1000:
		return short(ms/1000) + " s"
	case ms > 0 && ms < 0.1:
		return "< 0.1 ms"
	}
	return short(ms) + " ms"
}

// size writes a number of bytes.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"KB", "MB", "GB", "TB", "PB"} {
		if v /= 1024; v < 1024 || unit == "PB" {
			if v < 10 {
				return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + " " + unit
			}
			return strconv.FormatFloat(math.Round(v), 'f', 0, 64) + " " + unit
		}
	}
	return ""
}

// words turns a code such as "not-judged" into words.
func words[T ~string](code T) string { return strings.ReplaceAll(string(code), "-", " ") }
