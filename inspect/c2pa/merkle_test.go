package c2pa

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// smallMP4 has one track of eight samples in two chunks, as its tables say, and one mdat of
// n bytes of content.
func smallMP4(n int) []byte {
	full := func(kind string, content ...[]byte) []byte {
		return rawBox(kind, append(make([]byte, 4), bytes.Join(content, nil)...))
	}
	u32 := func(list ...uint32) (out []byte) {
		for _, v := range list {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		return out
	}
	matrix := u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
	ftyp := rawBox("ftyp", []byte("isom\x00\x00\x02\x00isomiso2mp41"))
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i * 7)
	}
	build := func(at uint32) []byte {
		size := uint32(n / 8)
		avcC := rawBox("avcC", []byte{1, 66, 0, 30, 0xFF, 0xE1, 0, 4, 0x67, 66, 0, 30, 1, 0, 2, 0x68, 0xCE})
		avc1 := rawBox("avc1", slices.Concat(make([]byte, 6), []byte{0, 1}, make([]byte, 16), []byte{0, 64, 0, 64}, u32(0x480000, 0x480000, 0), []byte{0, 1}, make([]byte, 32), []byte{0, 24, 0xFF, 0xFF}, avcC))
		stbl := rawBox("stbl", slices.Concat(full("stsd", u32(1), avc1), full("stts", u32(1, 8, 1000)), full("stsc", u32(1, 1, 4, 1)),
			full("stsz", u32(size, 8)), full("stco", u32(2, at, at+4*size))))
		minf := rawBox("minf", slices.Concat(rawBox("vmhd", append([]byte{0, 0, 0, 1}, make([]byte, 8)...)),
			rawBox("dinf", full("dref", u32(1), rawBox("url ", []byte{0, 0, 0, 1}))), stbl))
		mdia := rawBox("mdia", slices.Concat(full("mdhd", u32(0, 0, 1000, 8000), []byte{0x55, 0xC4, 0, 0}),
			full("hdlr", u32(0), []byte("vide"), make([]byte, 12), []byte("x\x00")), minf))
		tkhd := rawBox("tkhd", slices.Concat([]byte{0, 0, 0, 3}, u32(0, 0, 1, 0, 8000, 0, 0, 0, 0), matrix, u32(64<<16, 64<<16)))
		moov := rawBox("moov", slices.Concat(full("mvhd", u32(0, 0, 1000, 8000, 0x10000), []byte{1, 0}, make([]byte, 10), matrix, make([]byte, 24), u32(2)),
			rawBox("trak", slices.Concat(tkhd, mdia))))
		return slices.Concat(ftyp, moov)
	}
	head := build(0)
	return slices.Concat(build(uint32(len(head)+8)), rawBox("mdat", content))
}

// fragmentedMP4 has an initialisation segment and n fragments.
func fragmentedMP4(n int) []byte {
	out := slices.Concat(rawBox("ftyp", []byte("iso6\x00\x00\x00\x01iso6dash")), rawBox("moov", rawBox("mvhd", make([]byte, 100))))
	for i := range n {
		moof := rawBox("moof", rawBox("mfhd", []byte{0, 0, 0, 0, 0, 0, 0, byte(i + 1)}))
		out = slices.Concat(out, moof, rawBox("mdat", bytes.Repeat([]byte{byte(i), 0x55}, 50+i)))
	}
	return out
}

// merkleForms are the ways in which Merkle trees bind a file.
func merkleForms() map[string]merkleForm {
	two := slices.Concat(smallMP4(4000), rawBox("mdat", bytes.Repeat([]byte("two"), 500)))
	return map[string]merkleForm{
		"leaves of one size":                {smallMP4(4000), writer.BMFF{Fixed: 1000}},
		"leaves that divide mdat":           {smallMP4(4000), writer.BMFF{Fixed: 332}},
		"one leaf":                          {smallMP4(4000), writer.BMFF{Fixed: 1 << 20}},
		"leaves of one size, row 1":         {smallMP4(4000), writer.BMFF{Fixed: 500, Row: 1}},
		"leaves of one size, root":          {smallMP4(4000), writer.BMFF{Fixed: 500, Row: 9}},
		"leaves of listed sizes":            {smallMP4(4000), writer.BMFF{Variable: []int{1000, 1, 2000, 991}}},
		"leaves of listed sizes, root":      {smallMP4(4000), writer.BMFF{Variable: []int{1000, 1, 2000, 991}, Row: 2}},
		"two mdat boxes":                    {two, writer.BMFF{Fixed: 600}},
		"two mdat boxes, row 1":             {two, writer.BMFF{Fixed: 600, Row: 1}},
		"fragments":                         {fragmentedMP4(5), writer.BMFF{Fragments: true}},
		"fragments, row 1":                  {fragmentedMP4(5), writer.BMFF{Fragments: true, Row: 1}},
		"fragments, root":                   {fragmentedMP4(5), writer.BMFF{Fragments: true, Row: 3}},
		"fragments of version 2":            {fragmentedMP4(7), writer.BMFF{Fragments: true, Version: 2, Row: 1}},
		"fragments of version 1":            {fragmentedMP4(3), writer.BMFF{Fragments: true, Version: 1}},
		"one fragment":                      {fragmentedMP4(1), writer.BMFF{Fragments: true}},
		"one hash, version 3":               {smallMP4(4000), writer.BMFF{}},
		"one hash, version 2":               {smallMP4(4000), writer.BMFF{Version: 2}},
		"one hash, version 1":               {smallMP4(4000), writer.BMFF{Version: 1}},
		"one hash, boxes without content":   {slices.Concat(smallMP4(4000), rawBox("free", make([]byte, 40))), writer.BMFF{Exclude: []string{"/free"}}},
		"one hash over a file of fragments": {fragmentedMP4(4), writer.BMFF{}},
	}
}

type merkleForm struct {
	file []byte
	bind writer.BMFF
}

// brokenMerkle are the ways in which they do not.
func brokenMerkle() map[string]merkleForm {
	film, parts := smallMP4(4000), fragmentedMP4(5)
	fixed := func(change func(tree map[string]any)) merkleForm {
		return merkleForm{film, writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) {
			for _, m := range a["merkle"].([]map[string]any) {
				change(m)
			}
		}}}
	}
	fragments := func(row int, change func(a, tree map[string]any, proofs []map[string]any)) merkleForm {
		return merkleForm{parts, writer.BMFF{Fragments: true, Row: row, Spoil: func(a map[string]any, proofs []map[string]any) {
			change(a, a["merkle"].([]map[string]any)[0], proofs)
		}}}
	}
	leaveOut := func(a map[string]any, path string, offset int) {
		a["exclusions"] = append(a["exclusions"].([]map[string]any), map[string]any{"xpath": path, "subset": []map[string]any{{"offset": offset, "length": 0}}})
	}
	return map[string]merkleForm{
		"too few leaves": fixed(func(m map[string]any) { m["count"], m["hashes"] = 3, m["hashes"].([][]byte)[:3] }),
		"too many leaves": fixed(func(m map[string]any) {
			m["count"], m["hashes"] = 5, append(slices.Clone(m["hashes"].([][]byte)), make([]byte, 32))
		}),
		"hashes that are no row":  fixed(func(m map[string]any) { m["hashes"] = m["hashes"].([][]byte)[:3] }),
		"no hashes":               fixed(func(m map[string]any) { m["hashes"] = [][]byte{} }),
		"count beyond all bounds": fixed(func(m map[string]any) { m["count"] = int64(1) << 40 }),
		"negative count":          fixed(func(m map[string]any) { m["count"] = -4 }),
		"leaves without a size":   fixed(func(m map[string]any) { delete(m, "fixedBlockSize") }),
		"leaves of size 0":        fixed(func(m map[string]any) { m["fixedBlockSize"] = 0 }),
		"leaves of two sizes":     fixed(func(m map[string]any) { m["variableBlockSizes"] = []int{1000, 1000, 1000, 992} }),
		"listed sizes too short": fixed(func(m map[string]any) {
			delete(m, "fixedBlockSize")
			m["variableBlockSizes"] = []int{1000, 1000, 1000, 991}
		}),
		"listed sizes too long": fixed(func(m map[string]any) {
			delete(m, "fixedBlockSize")
			m["variableBlockSizes"] = []int{1000, 1000, 1000, 993}
		}),
		"listed sizes overflow": fixed(func(m map[string]any) {
			delete(m, "fixedBlockSize")
			m["variableBlockSizes"] = []int64{1<<63 - 1, 1<<63 - 1, 1000, 992}
		}),
		"initHash without fragments": fixed(func(m map[string]any) { m["initHash"] = make([]byte, 32) }),
		"wrong leaf":                 fixed(func(m map[string]any) { m["hashes"].([][]byte)[2] = make([]byte, 32) }),
		"short hashes":               fixed(func(m map[string]any) { m["hashes"].([][]byte)[2] = make([]byte, 31) }),
		"unknown algorithm":          fixed(func(m map[string]any) { m["alg"] = "md5xxx" }),
		"a tree more than mdat boxes": {film, writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) {
			a["merkle"] = append(a["merkle"].([]map[string]any), a["merkle"].([]map[string]any)...)
		}}},
		"an mdat box without a tree": {slices.Concat(film, rawBox("mdat", make([]byte, 100))), writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) {
			a["merkle"] = a["merkle"].([]map[string]any)[:1]
		}}},
		"mdat left out without a tree": {film, writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) { delete(a, "merkle") }}},
		"more of mdat left out than the tree has": {film, writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) {
			leaveOut(a, "/mdat", 8)
		}}},
		"no hash beside the tree": {film, writer.BMFF{Fixed: 1000, Spoil: func(a map[string]any, _ []map[string]any) { delete(a, "hash") }}},
		"neither hash nor tree":   {film, writer.BMFF{Spoil: func(a map[string]any, _ []map[string]any) { delete(a, "hash") }}},

		"fragments without initHash":          fragments(0, func(_, m map[string]any, _ []map[string]any) { delete(m, "initHash") }),
		"wrong initHash":                      fragments(0, func(_, m map[string]any, _ []map[string]any) { m["initHash"] = make([]byte, 32) }),
		"location beyond the leaves":          fragments(0, func(_, _ map[string]any, p []map[string]any) { p[4]["location"] = 9 }),
		"location that overflows":             fragments(0, func(_, _ map[string]any, p []map[string]any) { p[4]["location"] = uint64(1) << 63 }),
		"negative location":                   fragments(0, func(_, _ map[string]any, p []map[string]any) { p[4]["location"] = -1 }),
		"box of another tree":                 fragments(0, func(_, _ map[string]any, p []map[string]any) { p[4]["uniqueId"] = 7 }),
		"box without a location":              fragments(0, func(_, _ map[string]any, p []map[string]any) { delete(p[4], "location"); p[4]["lacation"] = 4 }),
		"fragments with a proof too short":    fragments(1, func(_, _ map[string]any, p []map[string]any) { p[1]["hashes"] = [][]byte{} }),
		"fragments with a proof too long":     fragments(0, func(_, _ map[string]any, p []map[string]any) { p[1]["hashes"] = [][]byte{make([]byte, 32)} }),
		"fragments with a wrong proof":        fragments(1, func(_, _ map[string]any, p []map[string]any) { p[1]["hashes"] = [][]byte{make([]byte, 32)} }),
		"two trees for one line of fragments": fragments(0, func(a, m map[string]any, _ []map[string]any) { a["merkle"] = []map[string]any{m, m} }),
		"content of fragments left out":       fragments(0, func(a, _ map[string]any, _ []map[string]any) { leaveOut(a, "/mdat", 16) }),
	}
}

func (b *signerBench) film(f merkleForm) []byte {
	return b.sign(f.file, writer.Manifest{BMFF: f.bind, Assertions: []writer.Assertion{created(writer.Trained)}})
}

func TestMerkle(t *testing.T) {
	b := newSignerBench(t)
	for name, f := range merkleForms() {
		file := b.film(f)
		if p := b.validate(file); p.State != Trusted || !slices.Contains(p.Success, codeBMFFMatch) {
			t.Errorf("%s: %s %+v", name, p.State, p.Statuses)
			continue
		}
		for _, box := range []string{"mdat", "moov", "moof", "mfhd"} { // each byte of the content, and what leads to it
			for at := 0; ; at += 8 {
				i := bytes.Index(file[at:], []byte(box))
				if i < 0 {
					break
				}
				if at += i; file[at-1] == '/' { // in the assertion
					continue
				}
				for k := at + 4; k < at-4+int(binary.BigEndian.Uint32(file[at-4:])); k += 11 {
					changed := bytes.Clone(file)
					changed[k] ^= 1
					if p := b.validate(changed); p.State == Trusted {
						t.Fatalf("%s: byte %d of %s (%q) changed, and still %s", name, k-at, box, file[max(k-8, 0):k+8], p.State)
					}
				}
			}
		}
	}
	for name, f := range brokenMerkle() {
		p := b.validate(b.film(f))
		if p.State != Invalid || len(p.SourceTypes) != 1 || !slices.ContainsFunc(p.Failure, func(c string) bool {
			return c == codeBMFFMismatch || c == codeBMFFMalformed || c == codeAlgorithm
		}) {
			t.Errorf("%s: %s %v %+v", name, p.State, p.Failure, p.Statuses)
		}
	}
}

// TestFragmentOrder moves whole fragments with their boxes, which each hold by themselves.
func TestFragmentOrder(t *testing.T) {
	b := newSignerBench(t)
	for _, version := range []int{1, 3} {
		file := b.film(merkleForm{fragmentedMP4(5), writer.BMFF{Fragments: true, Version: version}})
		var at []int // where fragments start: each begins with its Merkle box
		for i := 0; ; i++ {
			k := bytes.Index(file[i:], []byte("merkle\x00"))
			if k < 0 {
				break
			}
			i += k
			at = append(at, i-28)
		}
		at = append(at, len(file))
		if len(at) != 6 {
			t.Fatalf("%d fragments", len(at)-1)
		}
		part := func(i int) []byte { return file[at[i]:at[i+1]] }
		head := file[:at[0]]
		orders := map[string][]int{"as it was": {0, 1, 2, 3, 4}, "two swapped": {0, 2, 1, 3, 4}, "one twice": {0, 1, 1, 3, 4},
			"one more": {0, 1, 2, 3, 4, 4}, "the last missing": {0, 1, 2, 3}, "one missing": {0, 1, 3, 4}, "none": {}}
		for name, order := range orders {
			changed := bytes.Clone(head)
			for _, i := range order {
				changed = append(changed, part(i)...)
			}
			want := Invalid
			if name == "as it was" {
				want = Trusted
			}
			if p := b.validate(changed); p.State != want {
				t.Errorf("version %d, %s: %s %v", version, name, p.State, p.Failure)
			}
		}
		// A box of C2PA that nothing asks for is not signed and not hashed: a place to hide things.
		extra := slices.Concat(file, rawBox("uuid", slices.Concat(uuidC2PA, make([]byte, 4), []byte("merkle\x00"), encode(map[string]int{"uniqueId": 1, "localId": 1, "location": 4}))))
		if p := b.validate(extra); p.State != Invalid {
			t.Errorf("a box more: %s", p.State)
		}
		trailing := bytes.Clone(head)
		trailing = append(trailing, part(0)...)
		n := binary.BigEndian.Uint32(file[at[0]:])
		hidden := slices.Concat(file[at[0]:at[0]+int(n)], []byte("hidden"))
		binary.BigEndian.PutUint32(hidden, n+6)
		hidden = slices.Concat(head, hidden, file[at[0]+int(n):])
		if p := b.validate(hidden); version == 1 && p.State != Invalid {
			t.Errorf("bytes behind a proof: %s", p.State)
		}
		if p := b.validate(trailing); p.State != Invalid {
			t.Errorf("only the first fragment: %s", p.State)
		}
	}
	alone := slices.Concat(smallMP4(100), rawBox("uuid", slices.Concat(uuidC2PA, make([]byte, 4), []byte("merkle\x00"), []byte{0xA0})))
	if p := b.validate(alone); p.State != Invalid {
		t.Errorf("boxes of a tree without a manifest: %s", p.State)
	}
}
