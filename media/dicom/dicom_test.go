package dicom

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"image/color"
	"slices"
	"testing"
)

// el writes one element the way the syntax has it; a length of -1 leaves it open.
func el(s Syntax, tag Tag, vr string, value []byte, open bool) []byte {
	var o binary.AppendByteOrder = binary.LittleEndian
	if s.big {
		o = binary.BigEndian
	}
	b := o.AppendUint16(nil, uint16(tag>>16))
	b = o.AppendUint16(b, uint16(tag))
	length := uint32(len(value))
	if open {
		length = undefinedLen
	}
	switch {
	case s.implicit || vr == "":
		b = o.AppendUint32(b, length)
	case in(long, vr):
		b = o.AppendUint32(append(b, vr[0], vr[1], 0, 0), length)
	default:
		b = o.AppendUint16(append(b, vr...), uint16(length))
	}
	return append(b, value...)
}

func u16(s Syntax, n uint16) []byte {
	if s.big {
		return binary.BigEndian.AppendUint16(nil, n)
	}
	return binary.LittleEndian.AppendUint16(nil, n)
}

// part10 is a file with the data set.
func part10(uid string, set []byte) []byte {
	b := append(make([]byte, 128), "DICM"...)
	meta := el(Syntax{}, transferSyntax, "UI", padded(uid), false)
	b = append(b, el(Syntax{}, 0x00020000, "UL", binary.LittleEndian.AppendUint32(nil, uint32(len(meta))), false)...)
	return append(append(b, meta...), set...)
}

func padded(s string) []byte {
	if len(s)%2 == 1 {
		s += "\x00"
	}
	return []byte(s)
}

// patient is a data set with a name, a sequence of two items, and two rows of colours.
func patient(s Syntax, open bool) []byte {
	name := el(s, 0x00100010, "PN", []byte("Ada^Test"), false)
	one := el(s, item, "", name, open)
	seq := el(s, itemEnd, "", nil, false)
	if open {
		one = append(one, seq...)
	}
	items := slices.Concat(one, one)
	sequence := el(s, 0x00081140, "SQ", items, open)
	if open {
		sequence = append(sequence, el(s, sequenceEnd, "", nil, false)...)
	}
	return slices.Concat(
		el(s, 0x00080008, "CS", []byte("ORIGINAL\\PRIMARY "), false),
		sequence, name,
		el(s, samplesPerPixel, "US", u16(s, 3), false),
		el(s, photometric, "CS", []byte("RGB "), false),
		el(s, planar, "US", u16(s, 0), false),
		el(s, rows, "US", u16(s, 1), false),
		el(s, columns, "US", u16(s, 2), false),
		el(s, bitsAllocated, "US", u16(s, 8), false),
		el(s, bitsStored, "US", u16(s, 8), false),
		el(s, PixelData, "OB", []byte{1, 2, 3, 4, 5, 6}, false),
	)
}

func open(t testing.TB, b []byte, lim Limits) (*File, []Element, error) {
	t.Helper()
	var all []Element
	f, err := Open(t.Context(), bytes.NewReader(b), int64(len(b)), lim, func(e Element) { all = append(all, e) })
	if f == nil {
		t.Fatal("no file")
	}
	return f, all, err
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z, _ := flate.NewWriter(&out, 9)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// One data set, in every encoding there is, reads the same.
func TestEncodings(t *testing.T) {
	explicit, implicit, big := syntaxOf("1.2.840.10008.1.2.1"), syntaxOf("1.2.840.10008.1.2"), syntaxOf("1.2.840.10008.1.2.2")
	deflate := "1.2.840.10008.1.2.1.99"
	for name, c := range map[string]struct {
		file        []byte
		misdeclared bool
	}{
		"explicit":                  {part10(explicit.UID, patient(explicit, false)), false},
		"explicit, open lengths":    {part10(explicit.UID, patient(explicit, true)), false},
		"implicit":                  {part10(implicit.UID, patient(implicit, false)), false},
		"implicit, open lengths":    {part10(implicit.UID, patient(implicit, true)), false},
		"big endian":                {part10(big.UID, patient(big, false)), false},
		"big endian, open lengths":  {part10(big.UID, patient(big, true)), false},
		"deflated":                  {part10(deflate, deflated(patient(explicit, true))), false},
		"data set alone, explicit":  {patient(explicit, false), false},
		"data set alone, implicit":  {patient(implicit, true), false},
		"data set alone, big":       {patient(big, true), false},
		"no preamble":               {part10(explicit.UID, patient(explicit, false))[132:], false},
		"says explicit, is not":     {part10(explicit.UID, patient(implicit, true)), true},
		"says implicit, is not":     {part10(implicit.UID, patient(explicit, false)), true},
		"says little, is big":       {part10(explicit.UID, patient(big, false)), true},
		"a syntax of the future":    {part10("1.2.840.10008.1.2.4.999", patient(explicit, false)), false},
		"implicit items":            {part10(explicit.UID, slices.Concat(el(explicit, 0x00081140, "SQ", el(explicit, item, "", el(implicit, 0x00100010, "PN", []byte("Ada^Test"), false), false), false), patient(explicit, false))), false},
		"a representation unlisted": {part10(explicit.UID, slices.Concat([]byte("\x08\x00\x05\x00ZZ\x02\x00AB"), patient(explicit, false))), false},
	} {
		f, all, err := open(t, c.file, Limits{})
		if err != nil || f.Misdeclared != c.misdeclared {
			t.Errorf("%s: %v, %+v", name, err, f)
			continue
		}
		var names []string
		for _, e := range all {
			if e.Tag == 0x00100010 && (e.Depth == 1) == (e.In == 0x00081140) {
				names = append(names, f.TextOf(e))
			}
		}
		if len(names) < 3 || slices.ContainsFunc(names, func(s string) bool { return s != "Ada^Test" }) {
			t.Errorf("%s: names are %q", name, names)
		}
		if got := f.Text(0x00080008); got != `ORIGINAL\PRIMARY` {
			t.Errorf("%s: image type %q", name, got)
		}
		n := 0
		for fr := range f.Frames() {
			n++
			m, err := fr.Picture()
			if err != nil || m.NRGBAAt(0, 0) != (color.NRGBA{1, 2, 3, 255}) || m.NRGBAAt(1, 0) != (color.NRGBA{4, 5, 6, 255}) {
				t.Errorf("%s: %v, %v", name, m, err)
			}
		}
		if n != 1 || !f.Coloured() {
			t.Errorf("%s: %d frames", name, n)
		}
	}
}

// wrapped is a file whose pixel data is encapsulated in the fragments, the first the table.
func wrapped(uid string, frames string, fragments ...[]byte) []byte {
	s := Syntax{}
	var pieces []byte
	for _, f := range fragments {
		pieces = append(pieces, el(s, item, "", f, false)...)
	}
	return part10(uid, slices.Concat(
		el(s, samplesPerPixel, "US", u16(s, 3), false),
		el(s, photometric, "CS", []byte("RGB "), false),
		el(s, numberOfFrames, "IS", []byte(frames), false),
		el(s, rows, "US", u16(s, 2), false),
		el(s, columns, "US", u16(s, 3), false),
		el(s, bitsAllocated, "US", u16(s, 8), false),
		el(s, PixelData, "OB", pieces, true),
		el(s, sequenceEnd, "", nil, false)))
}

func TestFragments(t *testing.T) {
	const jpeg = "1.2.840.10008.1.2.4.50"
	a, b, rest := []byte("\xFF\xD8\xFF\xE0one."), []byte("\xFF\xD8\xFF\xE0two."), []byte("rest")
	table := []byte{0, 0, 0, 0, 28, 0, 0, 0} // the second frame behind a and rest
	for name, c := range map[string]struct {
		file []byte
		want []string
	}{
		"one each":               {wrapped(jpeg, "2 ", nil, a, b), []string{string(a), string(b)}},
		"a frame in pieces":      {wrapped(jpeg, "1 ", nil, a, rest), []string{string(a) + "rest"}},
		"a table":                {wrapped(jpeg, "2 ", table, a, rest, rest), []string{string(a) + "rest", "rest"}},
		"more than it says":      {wrapped(jpeg, "1 ", nil, a, rest, b), []string{string(a) + "rest", string(b)}},
		"a table that lies":      {wrapped(jpeg, "3 ", bytes.Repeat([]byte{0xFF}, 400), a, b), []string{string(a), string(b)}},
		"nothing but the table":  {wrapped(jpeg, "1 ", nil), nil},
		"not even a table":       {wrapped(jpeg, "1 "), nil},
		"fewer than it says":     {wrapped(jpeg, "9 ", nil, a), []string{string(a)}},
		"a number that is none":  {wrapped(jpeg, "x ", nil, a), []string{string(a)}},
		"a negative number":      {wrapped(jpeg, "-1", nil, a), []string{string(a)}},
		"an empty piece between": {wrapped(jpeg, "2 ", nil, a, nil, b), []string{string(a), string(b)}},
	} {
		f, _, err := open(t, c.file, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for fr := range f.Frames() {
			b, err := fr.Content()
			if err != nil || int64(len(b)) != fr.Size || fr.Number != len(got)+1 {
				t.Errorf("%s: frame %d: %v", name, fr.Number, err)
			}
			got = append(got, string(b))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestRunLengths(t *testing.T) {
	plane := func(b ...byte) []byte { return b }
	frame := func(planes ...[]byte) []byte {
		head, body := make([]byte, 64), []byte(nil)
		binary.LittleEndian.PutUint32(head, uint32(len(planes)))
		for i, p := range planes {
			binary.LittleEndian.PutUint32(head[4+4*i:], uint32(64+len(body)))
			body = append(body, p...)
		}
		return append(head, body...)
	}
	good := frame(plane(0xFB, 7), plane(5, 1, 2, 3, 4, 5, 6), plane(0x80, 2, 9, 8, 7, 0xFE, 1))
	f, _, err := open(t, wrapped(rleSyntax, "1 ", nil, good), Limits{})
	if err != nil || f.Coded() || !f.Coloured() {
		t.Fatalf("%v, %+v", err, f)
	}
	for fr := range f.Frames() {
		m, err := fr.Picture()
		if err != nil || m.NRGBAAt(0, 0) != (color.NRGBA{7, 1, 9, 255}) || m.NRGBAAt(2, 1) != (color.NRGBA{7, 6, 1, 255}) {
			t.Errorf("%v, %v", m, err)
		}
	}
	for name, b := range map[string][]byte{
		"two planes":    frame(plane(0xFB, 7), plane(0xFB, 7)),
		"a short plane": frame(plane(0xFC, 7), plane(0xFB, 7), plane(0xFB, 7)),
		"cut":           frame(plane(0xFB, 7), plane(0xFB, 7), plane(5, 1)),
		"no header":     []byte("short"),
		"outside":       slices.Concat([]byte{3, 0, 0, 0, 64, 0, 0, 0, 255, 255, 0, 0}, make([]byte, 60)),
	} {
		f, _, _ := open(t, wrapped(rleSyntax, "1 ", nil, b), Limits{})
		for fr := range f.Frames() {
			if _, err := fr.Picture(); !errors.Is(err, ErrStructure) && !errors.Is(err, ErrTruncated) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What is broken is said, and what comes before it is read.
func TestDamage(t *testing.T) {
	s := syntaxOf("1.2.840.10008.1.2.1")
	whole := part10(s.UID, patient(s, true))
	for n := len(whole) - 1; n > 140; n-- {
		f, _, err := open(t, whole[:n], Limits{})
		if _, ok := f.Element(PixelData); ok && err == nil {
			t.Errorf("cut at %d: no error", n)
		}
		if err != nil && !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	name := el(s, 0x00100010, "PN", []byte("Ada^Test"), false)
	for what, set := range map[string][]byte{
		"no item in a sequence":   slices.Concat(el(s, 0x00081140, "SQ", name, false), name),
		"an item too long":        slices.Concat(el(s, 0x00081140, "SQ", []byte("\xFE\xFF\x00\xE0\xFF\x00\x00\x00"), false), name),
		"an element too long":     slices.Concat(el(s, 0x00081140, "SQ", el(s, item, "", name[:len(name)-1], false), false), name),
		"an item between element": slices.Concat(name, el(s, item, "", name, false)),
	} {
		f, _, err := open(t, part10(s.UID, set), Limits{})
		if !errors.Is(err, ErrStructure) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %v", what, err)
		}
		if f.Text(0x00100010) != "Ada^Test" {
			t.Errorf("%s: what comes behind is not read", what)
		}
	}
}

// Bombs end at a limit.
func TestBombs(t *testing.T) {
	s := syntaxOf("1.2.840.10008.1.2.1")
	deep := bytes.Repeat(slices.Concat(el(s, 0x00081140, "SQ", nil, true), el(s, item, "", nil, true)), 100_000)
	empty := el(s, 0x00081140, "LO", nil, false)
	for name, b := range map[string][]byte{
		"deep":     part10(s.UID, deep),
		"elements": part10(s.UID, el(s, 0x00081140, "SQ", bytes.Repeat(el(s, item, "", nil, false), 2000), false)),
		"root":     part10(s.UID, manyTags(s, 600)),
		"inflated": part10("1.2.840.10008.1.2.1.99", deflated(bytes.Repeat(empty, 400_000))),
	} {
		if _, _, err := open(t, b, Limits{Elements: 1000, Root: 500, Inflated: 1 << 20}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := inflate(t.Context(), bytes.NewReader(deflated(make([]byte, 4<<20))), 0, 1<<20, 1<<20); !errors.Is(err, ErrLimit) {
		t.Errorf("inflating: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := part10(s.UID, bytes.Repeat(empty, 1000))
	if _, err := Open(ctx, bytes.NewReader(b), int64(len(b)), Limits{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("no time left: %v", err)
	}
}

func manyTags(s Syntax, n int) (out []byte) {
	for i := range n {
		out = append(out, el(s, Tag(0x00090000+i), "LO", nil, false)...)
	}
	return out
}

func FuzzOpen(f *testing.F) {
	for _, uid := range []string{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"} {
		s := syntaxOf(uid)
		f.Add(part10(uid, patient(s, true)))
		f.Add(patient(s, false))
	}
	f.Add(part10("1.2.840.10008.1.2.1.99", deflated(patient(Syntax{}, true))))
	f.Add(wrapped("1.2.840.10008.1.2.4.50", "2 ", []byte{0, 0, 0, 0}, []byte("\xFF\xD8\xFF\xE0one."), []byte("two.")))
	f.Add(wrapped(rleSyntax, "1 ", nil, slices.Concat([]byte{3, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0, 68, 0, 0, 0}, make([]byte, 48), []byte{0xFB, 1, 0xFB, 2, 0xFB, 3})))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(t.Context(), bytes.NewReader(b), int64(len(b)), Limits{Elements: 10_000, Inflated: 1 << 20}, func(e Element) {
			if e.Length > int64(len(b)) && e.Length > 1<<20 || e.Depth > 32 {
				t.Fatalf("%+v in a file of %d bytes", e, len(b))
			}
		})
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrStructure) && !errors.Is(err, ErrLimit) {
			t.Fatal(err)
		}
		n := 0
		for fr := range file.Frames() {
			if n++; n > 100 {
				break
			}
			if fr.Size > 2<<20 {
				t.Fatalf("frame %d has %d bytes", fr.Number, fr.Size)
			}
			_, _ = fr.Content()
			if w, h := file.Size(); file.Coloured() && w*h < 1<<20 {
				_, _ = fr.Picture()
			}
			if w, h := file.Size(); file.Grey() && w*h < 1<<20 {
				_, _ = fr.GreyPicture()
			}
		}
	})
}
