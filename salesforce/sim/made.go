package sim

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
)

// made is content that is computed when it is read, so that a file of 2 GB costs nothing
// until somebody downloads it. The same seed gives the same bytes.
type made struct {
	seed uint64
	size int64
	head string // what a file of its type starts with
}

// lazily is the size up to which digests of made content are computed at once.
const lazily = 8 << 20

// blob returns the content as the value of a field.
func (m made) blob() *blob {
	b := &blob{size: m.size, made: &m}
	if m.size > lazily {
		return b
	}
	sha, md := sha256.New(), md5.New()
	io.CopyBuffer(io.MultiWriter(sha, md), m.open(), make([]byte, min(m.size+1, 32<<10)))
	sha.Sum(b.sha256[:0])
	md.Sum(b.md5[:0])
	return b
}

func (m made) open() *madeReader { return &madeReader{made: m} }

type madeReader struct {
	made
	at int64
}

func (r *madeReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-r.at)]
	for i := 0; i < len(p); {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], mix(r.seed+uint64(r.at)/8))
		n := copy(p[i:], word[r.at%8:])
		i, r.at = i+n, r.at+int64(n)
	}
	if start := r.at - int64(len(p)); start < int64(len(r.head)) {
		copy(p, r.head[start:])
	}
	return len(p), nil
}

func (r *madeReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.at = offset
	return offset, nil
}

func (r *madeReader) Close() error { return nil }

// mix is the finaliser of splitmix64: a counter in, noise out.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
