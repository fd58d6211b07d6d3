package recording

import (
	"fmt"
	"math"
)

// Clock is a time as people write it: 1:02:03, 0:06.2.
func Clock(seconds float64) string {
	tenths := int64(math.Round(max(0, min(seconds, 1e9)) * 10))
	s, rest := tenths/10, tenths%10
	out := fmt.Sprintf("%d:%02d", s/60, s%60)
	if s >= 3600 {
		out = fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	if rest > 0 {
		out += fmt.Sprintf(".%d", rest)
	}
	return out
}
