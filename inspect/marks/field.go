package marks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cordonhq/cordon/declared"
	"github.com/cordonhq/cordon/media/chunk"
)

// Bounds of what is read of one file. Workflows of generators reach a few hundred KiB.
const (
	maxFields = 2048
	maxValue  = 1 << 20      // bytes of one value; more is cut
	maxText   = 8 << 20      // bytes of all values together
	maxRaw    = 2 * maxText  // bytes of all values as they stand in the file
	maxBlock  = 4 << 20      // bytes of one metadata block, before and after decompression
	maxBlocks = 4 * maxBlock // bytes of all blocks that are unpacked or taken apart
)

// fields gathers what the readers of each format find, within the bounds.
type fields struct {
	ctx  context.Context
	all  []declared.Field
	text int
	raw  int
	left int                     // of maxBlocks
	room int                     // how many times the bounds hold
	seen map[declared.Field]bool // of all, those that are short
	err  error                   // of reading the file
	// over says which bound was met, or "". A text chunk that expands past it was built to.
	over string
}

func (f *fields) add(place, key, value string) {
	// Making text of bytes takes time, so there is a bound to that too: a file of nothing
	// but comments is not worth minutes.
	if f.raw += len(value); f.raw > f.room*maxRaw {
		f.limit("more than %d fields or %d MiB of text", maxFields, maxText>>20)
		return
	}
	value = clean(value)
	if value == "" {
		return
	}
	if most := f.room * maxValue; len(value) > most {
		f.limit("a text %q of %d bytes", clean(key), len(value))
		value = value[:most]
	}
	one := declared.Field{Place: place, Key: clean(key), Value: value}
	if len(value) <= 256 && f.seen[one] {
		return // a history says the same with every step
	}
	if len(f.all) >= f.room*maxFields || f.text+len(value) > f.room*maxText {
		f.limit("more than %d fields or %d MiB of text", maxFields, maxText>>20)
		return
	}
	f.text += len(value)
	if f.all = append(f.all, one); len(value) <= 256 {
		if f.seen == nil {
			f.seen = map[declared.Field]bool{}
		}
		f.seen[one] = true
	}
}

// ended reports whether a walk is over, and notes why where that is not the file's own end.
func (f *fields) ended(err error) bool {
	if errors.Is(err, chunk.ErrLimit) {
		f.limit("more parts of the file than are followed")
	}
	return err != nil || f.stopped()
}

// block is how large one block of metadata may be.
func (f *fields) block() int64 { return int64(f.room) * maxBlock }

// piece returns a block of metadata as it is.
func (f *fields) piece(m io.ReaderAt, p chunk.Piece) ([]byte, bool) {
	if p.Len > f.block() {
		f.limit("a block %q of %d bytes", clean(p.Name), p.Len)
	}
	b, err := p.Read(m, f.block())
	return b, err == nil
}

// packet returns a block of text without what no rule reads, see squeeze. Only what is left counts.
func (f *fields) packet(m io.ReaderAt, p chunk.Piece) ([]byte, bool) {
	return f.squeezed(io.NewSectionReader(m, p.Off, p.Len), p.Name)
}

func (f *fields) squeezed(r io.Reader, name string) ([]byte, bool) {
	b, err := io.ReadAll(io.LimitReader(squeeze(f.ctx, r), f.block()+1))
	if int64(len(b)) > f.block() {
		f.limit("a block %q of more than %d MiB of text", clean(name), f.block()>>20)
		b = b[:f.block()]
	}
	return b, err == nil || len(b) > 0
}

// stopped tells whether to read on: not when nobody waits any more.
func (f *fields) stopped() bool { return f.ctx.Err() != nil }

// take accounts for a block that is to be taken apart. A file can point to the same block, or
// hold one that unpacks to four megabytes, as often as it likes.
func (f *fields) take(bytes int) bool {
	if f.left -= bytes; f.left < 0 {
		f.limit("more than %d MiB to take apart", maxBlocks>>20)
	}
	return f.left >= 0 && !f.stopped()
}

func (f *fields) limit(format string, args ...any) {
	if f.over == "" {
		f.over = fmt.Sprintf(format, args...)
	}
}

// clean makes text of bytes: valid UTF-8 without padding and control characters. Bytes that
// are not UTF-8 are read as Latin-1, which most older formats meant.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = latin1(s)
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == 0 || r == '\ufeff' })
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	shown := make([]byte, 0, len(s))
	for _, r := range s {
		if !hidden(r) {
			shown = utf8.AppendRune(shown, r)
		}
	}
	return string(shown)
}

// latin1 turns ISO 8859-1 into UTF-8.
func latin1(s string) string {
	b := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		b = utf8.AppendRune(b, rune(s[i]))
	}
	return string(b)
}

func hidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
