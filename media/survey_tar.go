package media

import (
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
)

const tarBlock = 512

// tarHeader reports whether a block is the header of an entry of a tape archive, by its sum.
func tarHeader(b []byte) bool {
	want, ok := tarNumber(b[148:156])
	if !ok || want == 0 {
		return false
	}
	sum := int64(8 * ' ')
	for i, c := range b[:tarBlock] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return sum == want
}

// tarNumber reads a number in octal digits, or in bytes as those have it whose files are large.
func tarNumber(b []byte) (n int64, ok bool) {
	if b[0]&0x80 != 0 {
		for i, c := range b {
			if i == 0 {
				c &= 0x7F
			}
			if n > 1<<48 {
				return 0, false
			}
			n = n<<8 | int64(c)
		}
		return n, true
	}
	digits := strings.Trim(string(b), " \x00")
	for _, c := range digits {
		if c < '0' || c > '7' || n > 1<<48 {
			return 0, false
		}
		n = n*8 + int64(c-'0')
	}
	return n, digits != ""
}

// tar claims the entries of a tape archive and opens those that are files. What is between them and
// behind the last one belongs to nothing, unless it is filling.
func (s *survey) tar() error {
	block := make([]byte, tarBlock)
	for at := int64(0); at+tarBlock <= s.m.size; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if n, err := s.m.ReadAt(block, at); n < tarBlock {
			if err != io.EOF {
				return err
			}
			return nil
		}
		if !tarHeader(block) {
			if !s.gap(at, at+tarBlock) { // empty blocks end it, and some programs go on behind them
				return nil
			}
			at += tarBlock
			continue
		}
		size, _ := tarNumber(block[124:136])
		name, _, _ := strings.Cut(string(block[:100]), "\x00")
		s.claim(at, tarBlock, anatomy.Read, "header")
		at += tarBlock
		have := min(size, s.m.size-at)
		switch kind := block[156]; {
		case have <= 0:
		case kind == 0 || kind == '0' || kind == '7' || kind == 'S':
			if !s.child(Child{Name: strings.ToValidUTF8(name, "\uFFFD"), Off: at, Len: have, Certain: true}) {
				s.beyond(at, s.m.size)
				return nil
			}
			if have < size {
				s.claim(at, have, anatomy.Damaged, "entry")
			}
		default:
			s.metadata(at, have, fmt.Sprintf("entry of kind %q", kind))
		}
		at += have
		if rest := min((tarBlock-have%tarBlock)%tarBlock, s.m.size-at); rest > 0 {
			s.gap(at, at+rest)
			at += rest
		}
	}
	return nil
}
