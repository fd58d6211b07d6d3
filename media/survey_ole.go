package media

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/anatomy"
)

// encryptedPackage names, in UTF-16, the stream in which Office keeps what takes a password.
const encryptedPackage = "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"

// Limits of what is read of an OLE file.
const (
	maxOLESectors = 1 << 20
	maxOLEStreams = 4096
)

// ole is one reading of a compound file, as Office wrote them before it wrote ZIP archives:
// sectors in chains, as in a file system. [MS-CFB]
type ole struct {
	*survey
	sector int64
	next   []uint32 // of each sector, which one follows
	used   []bool   // sectors that belong to a stream or a table
	joined int64    // bytes of streams that were put together
}

// surveyOLE claims the streams of an Office file of yesterday, puts those together whose sectors do
// not follow one another, and says that one of today takes a password: it is wrapped in such a file.
func surveyOLE(s *survey) error {
	s.quiet = true // sectors that are free keep what was in them
	s.also(1, s.m.size-1)
	o := &ole{survey: s}
	if !o.tables() {
		return o.untold() // its parts are searched all the same
	}
	directory := o.chain(uint32At(s.m.head, 48), maxOLEStreams*128)
	entries := o.content(directory, maxOLEStreams*128)
	for n := 0; len(entries) >= 128 && s.ctx.Err() == nil; n, entries = n+1, entries[128:] {
		kind, start, size := entries[66], binary.LittleEndian.Uint32(entries[116:]), int64(binary.LittleEndian.Uint32(entries[120:]))
		if bytes.HasPrefix(entries, []byte(encryptedPackage)) {
			o.locked()
			return nil
		}
		// Streams of less than 4096 bytes lie in that of the root.
		if kind != 5 && (kind != 2 || size < 4096) {
			continue
		}
		sectors := o.chain(start, size)
		if following(sectors) {
			continue // it lies there in one piece
		}
		if o.joined += size; o.joined > maxChild {
			s.more = true
			break
		}
		s.within(fmt.Sprintf("stream %d", n), o.content(sectors, size))
	}
	for i, used := range o.used {
		if used {
			s.claim(int64(i+1)*o.sector, min(o.sector, s.m.size-int64(i+1)*o.sector), anatomy.Opaque, "streams")
		}
	}
	s.claim(0, min(o.sector, s.m.size), anatomy.Read, "header")
	return s.ctx.Err()
}

// locked says that the file takes a password.
func (o *ole) locked() {
	o.claim(0, o.m.size, anatomy.Encrypted, "package")
	o.child(Child{Name: "what is encrypted", Off: -1, Look: cordon.LookEncrypted, Why: "it takes a password", Certain: true})
}

// untold claims a file whose tables make no sense. Programs may still open it by what is there.
func (o *ole) untold() error {
	buffer := make([]byte, carveWindow)
	for at := int64(0); at < o.m.size; at += int64(len(buffer) - len(encryptedPackage)) {
		if err := o.ctx.Err(); err != nil {
			return err
		}
		n, _ := o.m.ReadAt(buffer, at)
		if bytes.Contains(buffer[:n], []byte(encryptedPackage)) {
			o.locked()
			return nil
		}
	}
	o.claim(0, o.m.size, anatomy.Damaged, "streams")
	return nil
}

func uint32At(b []byte, at int) uint32 {
	if at+4 > len(b) {
		return 0xFFFFFFFF
	}
	return binary.LittleEndian.Uint32(b[at:])
}

// tables reads which sector follows which.
func (o *ole) tables() bool {
	head := o.m.head
	if len(head) < 512 || head[30] < 7 || head[30] > 16 {
		return false
	}
	o.sector = 1 << head[30]
	count := min((o.m.size-o.sector)/o.sector+1, maxOLESectors)
	if count <= 0 {
		return false
	}
	o.used = make([]bool, count)
	b := make([]byte, o.sector)
	read := func(n uint32) bool {
		if int64(n) >= count || o.used[n] { // each of them once
			return false
		}
		o.used[n] = true
		got, _ := o.m.ReadAt(b, (int64(n)+1)*o.sector)
		return int64(got) == o.sector
	}
	var lists []uint32
	for i := 76; i+4 <= 512; i += 4 {
		lists = append(lists, uint32At(head, i))
	}
	for n := uint32At(head, 68); int64(n) < count && read(n); n = uint32At(b, int(o.sector)-4) {
		for i := 0; i+8 <= int(o.sector); i += 4 {
			lists = append(lists, uint32At(b, i))
		}
	}
	for _, n := range lists {
		if int64(len(o.next)) >= count || !read(n) {
			continue
		}
		for i := 0; i+4 <= int(o.sector); i += 4 {
			o.next = append(o.next, uint32At(b, i))
		}
	}
	return len(o.next) > 0
}

// chain lists the sectors of a stream of at most so many bytes.
func (o *ole) chain(n uint32, size int64) (out []uint32) {
	most := int((size + o.sector - 1) / o.sector)
	for int64(n) < int64(len(o.next)) && int(n) < len(o.used) && len(out) < most {
		out = append(out, n)
		o.used[n] = true
		n = o.next[n]
	}
	return out
}

// following reports whether sectors follow one another.
func following(sectors []uint32) bool {
	for i, n := range sectors {
		if i > 0 && n != sectors[i-1]+1 {
			return false
		}
	}
	return true
}

func (o *ole) content(sectors []uint32, size int64) []byte {
	out := make([]byte, int64(len(sectors))*o.sector)
	for i, n := range sectors {
		if i%256 == 0 && o.ctx.Err() != nil {
			return nil
		}
		at := int64(i) * o.sector
		_, _ = o.m.ReadAt(out[at:at+o.sector], (int64(n)+1)*o.sector)
	}
	return out[:min(int64(len(out)), size)]
}
