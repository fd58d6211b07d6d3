package c2pa

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/samples"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// signAround makes a file of a store and what the layout puts before and after it, which may
// depend on how long the store is. pack is how the store is written, nil for as it is.
func (b *signerBench) signAround(source string, pack func([]byte) []byte, layout func(n int) (before, after []byte)) []byte {
	b.t.Helper()
	n := 2000
	for range 64 {
		before, after := layout(n)
		sum := sha256.Sum256(slices.Concat(before, after))
		store := b.storeAlone(created(source), writer.Assertion{Label: "c2pa.hash.data", CBOR: map[string]any{"alg": "sha256",
			"hash": sum[:], "pad": []byte{}, "exclusions": []map[string]any{{"start": len(before), "length": n}}}})
		if pack != nil {
			store = pack(store)
		}
		if len(store) == n {
			return slices.Concat(before, store, after)
		}
		n = len(store)
	}
	b.t.Fatal("the length of the store does not settle")
	return nil
}

// pdfWriter writes PDF files, one update after another.
type pdfWriter struct {
	b       []byte
	offsets map[int]int
	packed  map[int]int // object → object stream
	last    int         // offset of the last cross-reference section
	top     int         // highest number
}

func (w *pdfWriter) object(n int, content string) {
	if w.offsets == nil {
		w.offsets, w.packed = map[int]int{}, map[int]int{}
	}
	w.offsets[n] = len(w.b)
	w.top = max(w.top, n)
	w.b = fmt.Appendf(w.b, "%d 0 obj\n%s\nendobj\n", n, content)
}

func (w *pdfWriter) stream(n int, dict string, content []byte) {
	w.object(n, fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content))
}

// pack puts objects into an object stream.
func (w *pdfWriter) pack(n int, objects map[int]string) {
	var table, body []byte
	for _, k := range sortedInts(objects) {
		table = fmt.Appendf(table, "%d %d ", k, len(body))
		body = append(append(body, objects[k]...), '\n')
	}
	w.stream(n, fmt.Sprintf("/Type /ObjStm /N %d /First %d /Filter /FlateDecode", len(objects), len(table)), deflate(slices.Concat(table, body)))
	for k := range objects {
		w.packed[k], w.top = n, max(w.top, k)
	}
}

func sortedInts[V any](m map[int]V) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func deflate(b []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

// table ends an update with a cross-reference table.
func (w *pdfWriter) table(trailer string) {
	at := len(w.b)
	w.b = append(w.b, "xref\n"...)
	for _, n := range sortedInts(w.offsets) {
		w.b = fmt.Appendf(w.b, "%d 1\n%010d 00000 n \n", n, w.offsets[n])
	}
	if w.last > 0 {
		trailer += fmt.Sprintf(" /Prev %d", w.last)
	}
	w.b = fmt.Appendf(w.b, "trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n", w.top+1, trailer, at)
	w.last, w.offsets, w.packed = at, map[int]int{}, map[int]int{}
}

// crossStream ends an update with a cross-reference stream, compressed after a predictor.
func (w *pdfWriter) crossStream(trailer string) {
	at, self := len(w.b), w.top+1
	w.offsets[self] = at
	var rows, index []byte
	before := make([]byte, 7)
	all := map[int]bool{}
	for n := range w.offsets {
		all[n] = true
	}
	for n := range w.packed {
		all[n] = true
	}
	for _, n := range sortedInts(all) {
		row := append([]byte{1}, binary.BigEndian.AppendUint32(nil, uint32(w.offsets[n]))...)
		if s := w.packed[n]; s > 0 {
			row = append([]byte{2}, binary.BigEndian.AppendUint32(nil, uint32(s))...)
		}
		row = append(row, 0, 0)
		rows = append(rows, 2)
		for i := range row {
			rows = append(rows, row[i]-before[i])
		}
		before = row
		index = fmt.Appendf(index, "%d 1 ", n)
	}
	if w.last > 0 {
		trailer += fmt.Sprintf(" /Prev %d", w.last)
	}
	w.stream(self, fmt.Sprintf("/Type /XRef /Size %d /W [1 4 2] /Index [%s] /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 7 >> %s",
		self+1, index, trailer), deflate(rows))
	w.b = fmt.Appendf(w.b, "startxref\n%d\n%%%%EOF\n", at)
	w.last, w.offsets, w.packed = at, map[int]int{}, map[int]int{}
}

const (
	specText = "<< /Type /Filespec /F (c2pa) /AFRelationship /C2PA_Manifest /EF << /F 10 0 R >> >>"
	pages    = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
	page     = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>"
)

func plainPDF() *pdfWriter {
	w := &pdfWriter{b: []byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")}
	w.object(1, "<< /Type /Catalog /Pages 2 0 R >>")
	w.object(2, pages)
	w.object(3, page)
	w.table("/Root 1 0 R")
	return w
}

// clone is a writer that goes on from the same state.
func (w *pdfWriter) clone() *pdfWriter {
	c := *w
	c.b, c.offsets, c.packed = bytes.Clone(w.b), map[int]int{}, map[int]int{}
	return &c
}

// around makes a layout for signAround: update continues the file, and puts the store where
// it calls its argument.
func around(from *pdfWriter, update func(w *pdfWriter, store func(n int, dict string))) func(n int) (before, after []byte) {
	return func(n int) (before, after []byte) {
		w, at := from.clone(), 0
		update(w, func(number int, dict string) {
			w.stream(number, dict, make([]byte, n))
			at = bytes.LastIndex(w.b, []byte("stream\n"+strings.Repeat("\x00", min(n, 8)))) + len("stream\n")
		})
		return w.b[:at], w.b[at+n:]
	}
}

// signedPDF is a file whose update brings a store.
func (b *signerBench) signedPDF(source string) []byte {
	return b.signAround(source, nil, around(plainPDF(), func(w *pdfWriter, store func(int, string)) {
		store(10, "/Type /EmbeddedFile")
		w.object(11, specText)
		w.object(1, "<< /Type /Catalog /Pages 2 0 R /AF [11 0 R] >>")
		w.table("/Root 1 0 R")
	}))
}

// continuedPDF is a writer that goes on where a file ends.
func continuedPDF(file []byte, top int) *pdfWriter {
	var last int
	fmt.Sscanf(string(file[bytes.LastIndex(file, []byte("startxref"))+10:]), "%d", &last)
	return &pdfWriter{b: bytes.Clone(file), offsets: map[int]int{}, packed: map[int]int{}, last: last, top: top}
}

func TestPDF(t *testing.T) {
	b := newSignerBench(t)
	signed := b.signedPDF(writer.Trained)
	changed := func(old, new string) []byte {
		t.Helper()
		if len(old) != len(new) || !bytes.Contains(signed, []byte(old)) {
			t.Fatalf("%q cannot become %q", old, new)
		}
		return bytes.ReplaceAll(signed, []byte(old), []byte(new))
	}
	plain := plainPDF()
	with := func(update func(w *pdfWriter, store func(int, string))) []byte {
		return b.signAround(writer.Trained, nil, around(plain, update))
	}
	packed := func(trailer string, catalogue string, more map[int]string) func(w *pdfWriter, store func(int, string)) {
		return func(w *pdfWriter, store func(int, string)) {
			store(10, "")
			objects := map[int]string{1: catalogue, 11: specText}
			for k, v := range more {
				objects[k] = v
			}
			w.pack(12, objects)
			w.crossStream("/Root 1 0 R" + trailer)
		}
	}
	resigned := b.signAround(writer.Capture, nil, around(continuedPDF(signed, 11), func(w *pdfWriter, store func(int, string)) {
		store(20, "")
		w.object(21, strings.Replace(specText, "10 0 R", "20 0 R", 1))
		w.object(1, "<< /Type /Catalog /Pages 2 0 R /AF [11 0 R 21 0 R] >>")
		w.table("/Root 1 0 R")
	}))
	edited := continuedPDF(signed, 11)
	edited.object(3, page)
	edited.table("/Root 1 0 R")
	dropped := continuedPDF(signed, 11)
	dropped.object(1, "<< /Type /Catalog /Pages 2 0 R >>")
	dropped.table("/Root 1 0 R")
	indirect := with(func(w *pdfWriter, store func(int, string)) {
		store(10, "/Filter [/Crypt] /DecodeParms [<< /Name /Identity >>]")
		w.object(11, strings.Replace(specText, "/C2PA_Manifest", "14 0 R", 1))
		w.object(13, "[ % the one\n11 0 R ]")
		w.object(14, "/C2PA#5FManifest")
		w.object(1, "<< /Type /Catalog /Lang (a \\) >> (b) c) /Pages 2 0 R /AF 13 0 R >>")
		w.table("/Root 1 0 R /Encrypt << /Filter /Standard >>")
	})
	for name, c := range map[string]struct {
		file  []byte
		state State
		code  string
		kinds []string
	}{
		"signed":               {signed, Trusted, codeDataMatch, []string{writer.Trained}},
		"white space first":    {slices.Concat([]byte("\r\n"), signed), Invalid, codeDataMismatch, []string{writer.Trained}},
		"changed":              {changed("[0 0 100 100]", "[0 0 100 200]"), Invalid, codeDataMismatch, []string{writer.Trained}},
		"edited afterwards":    {edited.b, Invalid, codeDataMismatch, []string{writer.Trained}},
		"edited, dropped":      {dropped.b, Invalid, codeDataMismatch, []string{writer.Trained}},
		"signed again":         {resigned, Trusted, codeDataMatch, []string{writer.Capture, writer.Trained}},
		"cut":                  {signed[:len(signed)-150], Invalid, codeGeneral, []string{writer.Trained}},
		"cut in its store":     {signed[:bytes.Index(signed, []byte("c2pa.signature"))], Invalid, codeGeneral, []string{writer.Trained}},
		"no cross-reference":   {changed("startxref", "startxxxx"), Invalid, codeGeneral, []string{writer.Trained}},
		"wrong offset":         {changed("\n10 1\n0", "\n10 1\n1"), Invalid, codeGeneral, []string{writer.Trained}},
		"store not embedded":   {changed("/EF <<", "/EX <<"), Invalid, codeGeneral, []string{writer.Trained}},
		"wrong length":         {changed("/EmbeddedFile /Length ", "/EmbeddedFile /Length1"), Invalid, codeGeneral, []string{writer.Trained}},
		"indirect, Identity":   {indirect, Trusted, codeDataMatch, []string{writer.Trained}},
		"packed":               {with(packed("", "<< /Type /Catalog /AF [11 0 R] >>", nil)), Trusted, codeDataMatch, []string{writer.Trained}},
		"packed, encrypted":    {with(packed(" /Encrypt << >>", "<< /AF [11 0 R] >>", nil)), Invalid, codeGeneral, []string{writer.Trained}},
		"packed, not in AF":    {with(packed("", "<< /Names 15 0 R >>", map[int]string{15: "<< /EmbeddedFiles << /Names [(c2pa) 11 0 R] >> >>"})), Trusted, codeDataMatch, []string{writer.Trained}},
		"by its annotation":    {with(func(w *pdfWriter, store func(int, string)) { annotated(w, store) }), Trusted, codeDataMatch, []string{writer.Trained}},
		"two stores in AF":     {twoStores(b), Invalid, codeGeneral, []string{writer.Trained, writer.Composite}},
		"relation of another":  {changed("/C2PA_Manifest", "/C2PA_Manifesx"), None, "", nil},
		"compressed":           {b.signAround(writer.Trained, deflate, around(plain, flated)), Trusted, codeDataMatch, []string{writer.Trained}},
		"compressed, and more": {b.signAround(writer.Trained, func(s []byte) []byte { return append(deflate(s), "hidden"...) }, around(plain, flated)), Invalid, codeGeneral, []string{writer.Trained}},
	} {
		p := b.validate(c.file)
		all := slices.Concat(p.Success, p.Informational, p.Failure)
		if p.Container != "application/pdf" || p.State != c.state || c.code != "" && !slices.Contains(all, c.code) {
			t.Errorf("%s: %s %s, want %s and %s: %+v", name, p.Container, p.State, c.state, c.code, p.Statuses)
		}
		for _, want := range c.kinds {
			if !slices.Contains(p.SourceTypes, want) {
				t.Errorf("%s: %s does not declare %s but %v", name, p.State, want, p.SourceTypes)
			}
		}
	}
}

func flated(w *pdfWriter, store func(int, string)) {
	store(10, "/Filter /FlateDecode")
	w.object(11, specText)
	w.object(1, "<< /Type /Catalog /AF [11 0 R] >>")
	w.table("/Root 1 0 R")
}

// annotated attaches the store where a digital signature forbids to change the catalogue.
func annotated(w *pdfWriter, store func(int, string)) {
	store(10, "/Type /EmbeddedFile")
	w.object(11, specText)
	w.object(16, "<< /Type /Annot /Subtype /FileAttachment /FS 11 0 R >>")
	w.object(3, strings.Replace(page, ">>", "/Annots [16 0 R] >>", 1))
	w.table("/Root 1 0 R")
}

func twoStores(b *signerBench) []byte {
	return b.signAround(writer.Trained, nil, around(plainPDF(), func(w *pdfWriter, store func(int, string)) {
		store(10, "")
		w.object(11, specText)
		w.stream(20, "", []byte(strings.Repeat("x", 40)))
		w.stream(22, "", b.storeAlone(created(writer.Composite)))
		w.object(21, strings.Replace(specText, "10 0 R", "22 0 R", 1))
		w.object(1, "<< /Type /Catalog /AF [11 0 R 21 0 R] >>")
		w.table("/Root 1 0 R")
	}))
}

// TestPDFWithoutManifest: what a document shows or attaches has manifests of its own.
func TestPDFWithoutManifest(t *testing.T) {
	b := newSignerBench(t)
	set, err := samples.New(1)
	if err != nil {
		t.Fatal(err)
	}
	picture := b.sign(smallJPEG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	with := func(dict string, content []byte, trailer string) *pdfWriter {
		w := plainPDF()
		w.stream(4, dict, content)
		w.table("/Root 1 0 R" + trailer)
		return w
	}
	pictured := with("/Type /XObject /Subtype /Image /Filter /DCTDecode", picture, "")
	remote := plainPDF()
	remote.stream(5, "/Type /Metadata /Subtype /XML", []byte(`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description `+
		`xmlns:t="http://purl.org/dc/terms/" t:provenance="https://example.org/m"/></rdf:RDF>`))
	remote.object(1, "<< /Type /Catalog /Metadata 5 0 R >>")
	remote.table("/Root 1 0 R")
	for name, c := range map[string]struct {
		file  []byte
		state State
		note  bool
	}{
		"letter":                {set.LetterPDF.Bytes, None, false},
		"picture":               {pictured.b, None, false},
		"picture, cut":          {pictured.b[:len(pictured.b)-40], None, true},
		"attached signed file":  {with("", b.signedPDF(writer.Trained), "").b, None, false},
		"talks of it":           {with("", []byte("(C2PA_Manifest)"), "").b, None, false},
		"encrypted":             {with("", []byte("secret"), " /Encrypt << >>").b, None, true},
		"header":                {[]byte("%PDF-1.4\n"), None, true},
		"no cross-reference":    {bytes.ReplaceAll(plainPDF().b, []byte("startxref"), nil), None, true},
		"address of a manifest": {remote.b, Remote, false},
	} {
		p := b.validate(c.file)
		if p.State != c.state || slices.Contains(p.Informational, codeUnread) != c.note || len(p.SourceTypes) > 0 {
			t.Errorf("%s: %s %v %v, want %s and a note: %v", name, p.State, p.Statuses, p.SourceTypes, c.state, c.note)
		}
		found := b.validator.Findings(p)
		if c.note != strings.Contains(found[0].Sentence, "could be read") {
			t.Errorf("%s: %q", name, found[0].Sentence)
		}
	}
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	n int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

func TestLargePDFIsReadOnce(t *testing.T) {
	noise := make([]byte, 50<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	table, packed := plainPDF(), plainPDF()
	table.stream(4, "/Filter /DCTDecode", noise)
	table.table("/Root 1 0 R")
	packed.stream(4, "/Filter /DCTDecode", noise)
	objects := map[int]string{}
	for i := range 2000 {
		objects[20+i] = fmt.Sprintf("<< /Type /Annot /Rect [0 0 %d %d] >>", i, i)
	}
	packed.pack(10, objects)
	packed.crossStream("/Root 1 0 R")
	v, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"table": table.b, "stream": packed.b, "cut": table.b[:len(table.b)-100]} {
		r := &counted{ReaderAt: bytes.NewReader(b)}
		start := time.Now()
		p, err := v.Validate(context.Background(), r, int64(len(b)))
		if err != nil || p.State != None {
			t.Errorf("%s: %v %+v", name, err, p)
		}
		if took := time.Since(start); r.n > int64(len(b))+1<<20 || took > 2*time.Second {
			t.Errorf("%s: %d of %d bytes read in %v", name, r.n, len(b), took)
		}
	}
}

// pdfBombs are small PDF files that would like to be expensive.
func pdfBombs() map[string][]byte {
	zeros := deflate(make([]byte, 256<<20))
	withCatalogue := func(catalogue string, more func(w *pdfWriter)) []byte {
		w := plainPDF()
		w.object(1, catalogue)
		if more != nil {
			more(w)
		}
		w.table("/Root 1 0 R")
		return w.b
	}
	circle := plainPDF()
	circle.table(fmt.Sprintf("/Root 1 0 R /Prev %d", len(circle.b)))
	updates := plainPDF()
	for range 20_000 {
		updates.object(1, "<< /AF [11 0 R 12 0 R 13 0 R] >>")
		updates.table("/Root 1 0 R")
	}
	parts := plainPDF()
	for i := range 200_000 {
		parts.offsets[100+i] = 9
	}
	parts.table("/Root 1 0 R")
	packed := plainPDF()
	for i := range 400 {
		packed.stream(10+i, "/Type /ObjStm /N 1000000 /First 100 /Filter /FlateDecode", deflate(make([]byte, 1<<20)))
		packed.packed[1000+i] = 10 + i
	}
	packed.top = 2000
	packed.crossStream("/Root 1 0 R")
	cross := plainPDF()
	at := len(cross.b)
	cross.stream(9, "/Type /XRef /Size 100000000 /W [1 4 2] /Root 1 0 R /Filter /FlateDecode", zeros)
	cross.b = fmt.Appendf(cross.b, "startxref\n%d\n", at)
	wide := plainPDF()
	at = len(wide.b)
	wide.stream(9, fmt.Sprintf("/Type /XRef /Size 1 /W [0 0 1] /Index [%s] /Root 1 0 R", strings.Repeat("0 0 ", 40_000)), []byte{0})
	wide.b = fmt.Appendf(wide.b, "startxref\n%d\n", at)
	lookups := plainPDF()
	for i := range 3000 {
		lookups.object(100+i, specText)
	}
	var refs strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&refs, "%d 0 R ", 100+i)
	}
	lookups.stream(10, "", make([]byte, 1<<20))
	lookups.object(1, "<< /AF ["+refs.String()+"] >>")
	lookups.table("/Root 1 0 R")
	distinct := plainPDF()
	big := bytes.Repeat([]byte{0}, 1<<16)
	refs.Reset()
	for i := range 600 {
		distinct.stream(100+i, "", big)
		distinct.object(1000+i, strings.Replace(specText, "10 0 R", fmt.Sprintf("%d 0 R", 100+i), 1))
		fmt.Fprintf(&refs, "%d 0 R ", 1000+i)
	}
	distinct.object(1, "<< /AF ["+refs.String()+"] >>")
	distinct.table("/Root 1 0 R")
	mark := string(rawBox("jumb", rawBox("jumd", []byte("c2pa\x00\x11\x00\x10"))))
	return map[string][]byte{
		"nested arrays":          withCatalogue("<< /AF "+strings.Repeat("[", 900_000), nil),
		"nested dictionaries":    withCatalogue("<< /AF "+strings.Repeat("<</A", 200_000), nil),
		"many values":            withCatalogue("<< /AF ["+strings.Repeat("1 ", 450_000)+"] >>", nil),
		"long text":              withCatalogue("<< /AF ("+strings.Repeat("x", 2<<20)+") >>", nil),
		"references in a circle": withCatalogue("<< /AF 11 0 R >>", func(w *pdfWriter) { w.object(11, "12 0 R"); w.object(12, "11 0 R") }),
		"length in a circle":     withCatalogue("<< /AF [11 0 R] >>", func(w *pdfWriter) { w.object(11, specText); w.object(10, "<< /Length 10 0 R >>\nstream\n") }),
		"sections in a circle":   circle.b,
		"many updates":           updates.b,
		"many parts":             parts.b,
		"packed zeros":           packed.b,
		"cross-reference zeros":  cross.b,
		"empty parts":            wide.b,
		"same store often":       lookups.b,
		"many stores":            distinct.b,
		"store of zeros": withCatalogue("<< /AF [11 0 R] >>", func(w *pdfWriter) {
			w.object(11, specText)
			w.stream(10, "/Filter /FlateDecode", zeros)
		}),
		"store of 40 MB": withCatalogue("<< /AF [11 0 R] >>", func(w *pdfWriter) {
			w.object(11, specText)
			w.stream(10, "", make([]byte, 40<<20))
		}),
		"marks":        append(plainPDF().b, bytes.Repeat([]byte("/C2PA_Manifest"), 2<<20)...),
		"store marks":  []byte("%PDF-1.7\nstream\n" + strings.Repeat(mark, 200_000)),
		"stores, long": []byte("%PDF-1.7\n" + strings.Repeat("stream\n\x7F\xFF\xFF\xFFjumb\x00\x00\x00\x20jumdc2pa\x00\x11\x00\x10", 500_000)),
	}
}

func TestPDFBombsAreCheap(t *testing.T) {
	v, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range pdfBombs() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		p, err := v.Validate(context.Background(), bytes.NewReader(b), int64(len(b)))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err != nil || p.State != Invalid && p.State != None {
			t.Errorf("%s: %v, %+v", name, err, p)
			continue
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 || took > 2*time.Second {
			t.Errorf("%s: %d MB allocated in %v", name, grown>>20, took)
		}
		t.Logf("%s: %s, %d kB allocated, %v", name, p.State, (after.TotalAlloc-before.TotalAlloc)>>10, took)
	}
}

func FuzzPDF(f *testing.F) {
	b := newSignerBench(f)
	signed := b.signedPDF(writer.Trained)
	f.Add(signed)
	f.Add(signed[:len(signed)*3/4])
	f.Add(b.signAround(writer.Trained, deflate, around(plainPDF(), flated)))
	f.Add(b.signAround(writer.Trained, nil, around(plainPDF(), annotated)))
	f.Add(b.signAround(writer.Trained, nil, around(plainPDF(), func(w *pdfWriter, store func(int, string)) {
		store(10, "")
		w.pack(12, map[int]string{1: "<< /AF 11 0 R >>", 11: specText})
		w.crossStream("/Root 1 0 R")
	})))
	f.Add([]byte("%PDF-1.7\n1 0 obj\n<< /AF [<< /AFRelationship /C2PA_Manifest /EF 1 0 R >>] /F 1 0 R >>\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer << /Root 1 0 R /Prev 80 >>\nstartxref\n80\n"))
	lim := Limits{StoreBytes: 1 << 20, Inflated: 1 << 20}.withDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		view := &file{ReaderAt: bytes.NewReader(data), size: int64(len(data)), limits: lim}
		out, err := pdfFile{}.locate(view)
		switch {
		case err != nil:
			t.Errorf("bytes in memory can be read: %v", err)
		case len(out.stores) > 0 && (out.at.length <= 0 || out.at.start < 0 || out.at.end() > view.size):
			t.Errorf("a store outside of the file: %+v", out.at)
		case out.broken == nil && len(out.stores) == 1 && !isStore(out.stores[0]):
			t.Error("a store that is none")
		case out.unread != nil && (len(out.stores) > 0 || out.broken != nil):
			t.Error("a store was found, and none")
		}
	})
}
