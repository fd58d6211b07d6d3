// Package rowmac tells rows that Cordon wrote from rows that somebody else did.
//
// A row that anything acts on carries a mark: eight bytes that say under which key, and
// HMAC-SHA-256 over the name of the table and every column that decides. Who can write to the
// database and lacks the key can neither make a row nor change one unseen. An old row that is put
// back has a mark that fits; that it is old is for the store to notice.
package rowmac

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// KeySize is the size of a secret in bytes.
const KeySize = 32

const (
	nameSize = 8
	// Size is the size of a mark in bytes.
	Size = nameSize + sha256.Size
)

// What can be wrong with a mark.
var (
	ErrMissing = errors.New("it carries no mark")
	ErrWrong   = errors.New("its mark does not fit what it says")
	ErrUnknown = errors.New("its mark is of a key that is not here")
)

// Keys make and check marks. They are safe for concurrent use, and never print.
type Keys struct{ all []*key }

type key struct {
	name [nameSize]byte
	macs sync.Pool // of hash.Hash, keyed: keying anew costs as much as a short row
	sums sync.Pool // the same under a key whose results are never stored
}

// New returns keys of which the first marks, and all check.
func New(secrets ...[]byte) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no key for the marks of rows")
	}
	ks := &Keys{}
	for _, s := range secrets {
		if len(s) != KeySize {
			return nil, fmt.Errorf("a key for the marks of rows has %d bytes, not %d", len(s), KeySize)
		}
		k := &key{}
		sum := sha256.Sum256(append([]byte("cordon row key name"), s...))
		copy(k.name[:], sum[:])
		for purpose, pool := range map[string]*sync.Pool{"cordon row marks 1": &k.macs, "cordon row sums 1": &k.sums} {
			sub, err := hkdf.Key(sha256.New, s, nil, purpose, KeySize)
			if err != nil {
				return nil, err
			}
			pool.New = func() any { return hmac.New(sha256.New, sub) }
		}
		ks.all = append(ks.all, k)
	}
	return ks, nil
}

// Format keeps the keys out of every print verb.
func (*Keys) Format(f fmt.State, _ rune) { io.WriteString(f, "[row keys]") }

// Mark returns the mark of a row.
func (ks *Keys) Mark(r *Row) []byte {
	k := ks.all[0]
	return compute(&k.macs, append(make([]byte, 0, Size), k.name[:]...), r)
}

// Check returns nil if the mark is that of the row.
func (ks *Keys) Check(mark []byte, r *Row) error {
	if len(mark) == 0 {
		return ErrMissing
	}
	if len(mark) != Size {
		return ErrWrong
	}
	for _, k := range ks.all {
		if string(mark[:nameSize]) != string(k.name[:]) {
			continue
		}
		var want [sha256.Size]byte
		if hmac.Equal(compute(&k.macs, want[:0], r), mark[nameSize:]) {
			return nil
		}
		return ErrWrong
	}
	return ErrUnknown
}

// Current reports whether a mark is of the key that marks now.
func (ks *Keys) Current(mark []byte) bool {
	return len(mark) == Size && string(mark[:nameSize]) == string(ks.all[0].name[:])
}

func compute(pool *sync.Pool, to []byte, r *Row) []byte {
	h := pool.Get().(hash.Hash)
	h.Reset()
	h.Write(r.b)
	to = h.Sum(to)
	pool.Put(h)
	return to
}

// Row is what a mark is of: the columns one after the other, each so written that no two rows
// come to the same bytes.
type Row struct{ b []byte }

// Of begins a row of a table.
func Of(table string) *Row {
	r := &Row{b: make([]byte, 0, 640)}
	r.Text(table)
	return r
}

// Text adds a column of text.
func (r *Row) Text(s string) *Row {
	r.b = binary.AppendUvarint(r.b, uint64(len(s)))
	r.b = append(r.b, s...)
	return r
}

// Bytes adds a column of bytes. None at all and an empty one are the same.
func (r *Row) Bytes(b []byte) *Row {
	r.b = binary.AppendUvarint(r.b, uint64(len(b)))
	r.b = append(r.b, b...)
	return r
}

// Int adds a number.
func (r *Row) Int(n int64) *Row {
	r.b = binary.BigEndian.AppendUint64(r.b, uint64(n))
	return r
}

// Sum is a sum of rows that is the same in whatever order they are added. Without the key nobody
// can tell what a row adds to it, so that no rows can be taken out and others put in for it to stay.
type Sum [16]byte

// Add adds a row to a sum, and Sub takes one out.
func (ks *Keys) Add(s *Sum, r *Row) { ks.all[len(ks.all)-1].add(s, r, false) }

// Sub takes a row out of a sum.
func (ks *Keys) Sub(s *Sum, r *Row) { ks.all[len(ks.all)-1].add(s, r, true) }

func (k *key) add(s *Sum, r *Row, out bool) {
	var d [sha256.Size]byte
	compute(&k.sums, d[:0], r)
	hi, lo := binary.BigEndian.Uint64(s[:8]), binary.BigEndian.Uint64(s[8:])
	dh, dl := binary.BigEndian.Uint64(d[:8]), binary.BigEndian.Uint64(d[8:16])
	if out {
		dh, dl = ^dh, ^dl
		if dl++; dl == 0 {
			dh++
		}
	}
	sum := lo + dl
	if sum < lo {
		hi++
	}
	binary.BigEndian.PutUint64(s[:8], hi+dh)
	binary.BigEndian.PutUint64(s[8:], sum)
}
