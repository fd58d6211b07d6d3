package pdf

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
)

const MaxEntries = 1_000_000 // entries of cross-reference tables, together

// table is a cross-reference table or stream (ISO 32000-2, 7.5.4 and 7.5.8). It can bring back
// an object of an earlier revision, or drop one, without any object being written.
type table struct {
	at      int64
	entries []entry
}

// entry says where an object is; -1: it is dropped.
type entry struct{ number, at int64 }

// table reads the table behind the word xref, and returns where to go on.
func (d *File) table(at int64) (next int64, err error) {
	t := table{at: at}
	for next = at + int64(len("xref")); ; {
		b, err := d.Read(next, 64)
		if err != nil {
			return 0, err
		}
		values := 1
		p := Parser{B: b, Whole: true, Values: &values}
		first, ok1 := p.Integer()
		count, ok2 := p.Integer()
		if !ok1 || !ok2 || !p.Space() {
			break
		}
		start := next + int64(p.I)
		for i := range count {
			b, err := d.Read(start+20*i, 18)
			if err != nil {
				return 0, err
			}
			if len(b) < 18 || len(bytes.Trim(b[:10], "0123456789")) > 0 || b[10] != ' ' || b[16] != ' ' {
				break
			}
			off, _ := strconv.ParseInt(string(b[:10]), 10, 64)
			switch b[17] {
			case 'n':
				d.entry(&t, first+i, off+d.Shift)
			case 'f':
				if string(b[11:16]) != "65535" { // the head of the list, which some writers give another number
					d.entry(&t, first+i, -1)
				}
			}
			next = start + 20*(i+1)
		}
		if next < start {
			next = start
		}
	}
	d.tables = append(d.tables, t)
	return next, nil
}

func (d *File) entry(t *table, number, at int64) {
	if d.entries++; d.entries <= MaxEntries {
		t.entries = append(t.entries, entry{number, at})
	}
}

// streamTable reads a cross-reference stream.
func (d *File) streamTable(o Object, dict Dict) error {
	content, err := d.inflate(o, dict)
	if err != nil {
		return err
	}
	t := table{at: o.At}
	list, _ := dict["W"].([]any)
	var widths [3]int
	row := 0
	for i, w := range list {
		n, ok := w.(int64)
		if !ok || i > 2 || n < 0 || n > 8 {
			return ErrDamaged
		}
		widths[i] = int(n)
		row += int(n)
	}
	if row == 0 {
		return ErrDamaged
	}
	index, ok := dict["Index"].([]any)
	if !ok {
		index = []any{int64(0), dict.Integer("Size")}
	}
	for ; len(index) >= 2; index = index[2:] {
		first, ok1 := index[0].(int64)
		count, ok2 := index[1].(int64)
		if !ok1 || !ok2 {
			return ErrDamaged
		}
		for i := int64(0); i < count && len(content) >= row; i++ {
			var fields [3]int64
			for f, w := range widths {
				for range w {
					fields[f] = fields[f]<<8 | int64(content[0])
					content = content[1:]
				}
			}
			kind := fields[0]
			if widths[0] == 0 {
				kind = 1
			}
			switch kind {
			case 0:
				d.entry(&t, first+i, -1)
			case 1:
				d.entry(&t, first+i, fields[1]+d.Shift)
			}
		}
	}
	d.tables = append(d.tables, t)
	return nil
}

// resolve lists the objects that only a table knows of: those that the scan took for a part of
// a stream. What a table names and is no Object of the number is left out, as readers do.
func (d *File) resolve() error {
	if d.entries > MaxEntries {
		return errors.Join(ErrUnread, errors.New("its cross-reference tables have too many entries"))
	}
	known := map[int64]bool{}
	for _, o := range d.Objects {
		known[o.At] = true
	}
	for _, t := range d.tables {
		for _, e := range t.entries {
			if e.at < 0 || known[e.at] {
				continue
			}
			known[e.at] = true
			b, err := d.Read(e.at, 40)
			if err != nil {
				return err
			}
			values := 1
			p := Parser{B: b, Whole: true, Values: &values}
			number, ok := p.Integer()
			if _, generation := p.Integer(); !ok || !generation || number != e.number || !p.Space() || !bytes.HasPrefix(b[p.I:], []byte("obj")) {
				continue
			}
			if _, err := d.object(Object{Number: number, At: e.at, Body: e.at + int64(p.I) + 3}); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(d.Objects, func(a, b Object) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(d.tables, func(a, b table) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(d.trailers, func(a, b trailer) int { return cmp.Compare(a.at, b.at) })
	return nil
}
