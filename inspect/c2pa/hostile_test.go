package c2pa

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/samples"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// wrap puts a store into a PNG file.
func wrap(store []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(store)))
	chunk = append(append(chunk, "caBX"...), store...)
	return slices.Concat([]byte(pngSignature), chunk, []byte{0, 0, 0, 0}, []byte("\x00\x00\x00\x00IEND\xae\x42\x60\x82"))
}

func jumb(kind, label string, content ...[]byte) []byte {
	desc := slices.Concat([]byte(kind), typeSuffix, []byte{3}, []byte(label), []byte{0})
	return rawBox("jumb", slices.Concat(rawBox("jumd", desc), bytes.Join(content, nil)))
}

func rawBox(kind string, content []byte) []byte {
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(content))), []byte(kind), content)
}

// bombs are small files that would like to be expensive.
func bombs() map[string][]byte {
	nest := func(n int, b byte) []byte { return append(bytes.Repeat([]byte{b}, n), 0) }
	withClaim := func(claim []byte) []byte {
		return wrap(jumb("c2pa", "c2pa", jumb("c2ma", "urn:c2pa:x", jumb("c2as", "c2pa.assertions"),
			jumb("c2cl", "c2pa.claim.v2", rawBox("cbor", claim)))))
	}
	nested := []byte{}
	for range 4000 {
		nested = jumb("c2ma", "x", nested)
	}
	many := bytes.Repeat(rawBox("free", nil), 200_000)
	var z bytes.Buffer
	w := brotli.NewWriterLevel(&z, 9)
	for range 128 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	manifests := [][]byte{}
	for i := range 2000 {
		manifests = append(manifests, jumb("c2ma", fmt.Sprint("urn:c2pa:", i)))
	}
	return map[string][]byte{
		"nested boxes":          wrap(jumb("c2pa", "c2pa", nested)),
		"many boxes":            wrap(jumb("c2pa", "c2pa", many)),
		"many manifests":        wrap(jumb("c2pa", "c2pa", manifests...)),
		"nested arrays":         withClaim(nest(100_000, 0x81)),
		"nested tags":           withClaim(nest(100_000, 0xC1)),
		"huge byte string":      withClaim([]byte{0x5B, 0, 0, 0, 0x80, 0, 0, 0, 0}),
		"huge map":              withClaim([]byte{0xBB, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
		"huge array":            withClaim([]byte{0x9A, 0xFF, 0xFF, 0xFF, 0xFF}),
		"compressed zeros":      wrap(jumb("c2pa", "c2pa", jumb("c2cm", "urn:c2pa:x", rawBox("brob", slices.Concat([]byte("jumb"), z.Bytes()))))),
		"length beyond the end": wrap(slices.Concat([]byte{0xFF, 0xFF, 0xFF, 0xFF}, jumb("c2pa", "c2pa")[4:])),
		"zeros":                 wrap(make([]byte, 64)),
		"two stores":            append(wrap(jumb("c2pa", "c2pa"))[:8], slices.Concat(wrap(jumb("c2pa", "c2pa"))[8:], wrap(jumb("c2pa", "c2pa"))[8:])...),
		"chunk beyond the end":  []byte(pngSignature + "\xFF\xFF\xFF\xFFcaBX"),
		"store of 40 MB":        wrap(make([]byte, 40<<20)),
	}
}

func TestBombsAreInvalidAndCheap(t *testing.T) {
	v, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range bombs() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		p, err := v.Validate(context.Background(), bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if err != nil || p.State != Invalid {
			t.Errorf("%s: %v, %+v", name, err, p)
			continue
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d MB allocated", name, grown>>20)
		}
	}
}

// TestDiamonds has a store in which every manifest has the two before it as ingredients: the
// number of paths doubles with each, the work must not.
func TestDiamonds(t *testing.T) {
	b := newSignerBench(t)
	older, newer := smallPNG(t), smallPNG(t)
	for i := range 24 {
		next := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}, Ingredients: []writer.Ingredient{
			{File: older, Title: "older", Relationship: "componentOf"}, {File: newer, Title: fmt.Sprint(i), Relationship: "componentOf"}}})
		older, newer = newer, next
	}
	b.validator.limits.Signatures = 24 * 4 // each manifest's signature and chain once
	if p := b.validate(newer); p.State != Trusted || len(p.Manifests) != 24 {
		t.Errorf("%s with %d manifests: %v", p.State, len(p.Manifests), p.Failure)
	}
	b.validator.limits.Signatures = 10
	if p := b.validate(newer); p.State != Invalid {
		t.Errorf("over the limit of signatures: %s", p.State)
	}
}

func TestCallerGivesUp(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if p, err := b.validator.Validate(ctx, bytes.NewReader(file), int64(len(file))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", p, err)
	}
	b.validator.limits.Time = time.Nanosecond
	p := b.validate(file)
	if p.State != Invalid || p.Failure[0] != codeGeneral {
		t.Errorf("out of time: %s %v", p.State, p.Failure)
	}
}

// faulty fails to read beyond a point.
type faulty struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("disk on fire")

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off)
}

func TestReaderFails(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	for from := int64(0); from < int64(len(file)); from += 50 {
		p, err := b.validator.Validate(context.Background(), faulty{bytes.NewReader(file), from}, int64(len(file)))
		if err == nil && p.State != Invalid {
			t.Errorf("readable up to %d of %d: %s", from, len(file), p.State)
		}
	}
}

// TestBrokenStoreStillDeclares breaks the structure, not the statement.
func TestBrokenStoreStillDeclares(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	i := bytes.Index(file, []byte("caBX"))
	file[i+4] = 0x7F // length of the outer box
	p := b.validate(file)
	if p.State != Invalid || !p.Searched || len(p.SourceTypes) != 1 || classify(p.SourceTypes[0]) != generated {
		t.Errorf("%s %v %v", p.State, p.SourceTypes, p.Searched)
	}
}

func TestSegmentsApart(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallJPEG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture),
		{Label: "org.example", JSON: map[string]string{"text": strings.Repeat("x", 70_000)}}}})
	second := bytes.LastIndex(file, []byte{0xFF, 0xEB})
	apart := slices.Concat(file[:second], []byte{0xFF, 0xFE, 0, 4, 'h', 'i'}, file[second:])
	if p := b.validate(apart); p.State != Invalid {
		t.Errorf("a segment between those of the store: %s", p.State)
	}
	if p := b.validate(file); p.State != Trusted {
		t.Errorf("as it was: %s %v", p.State, p.Failure)
	}
}

func TestRemote(t *testing.T) {
	b := newSignerBench(t)
	xmp := func(value string) []byte {
		packet := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
			`<rdf:Description xmlns:t="http://purl.org/dc/terms/" t:provenance="` + value + `"/></rdf:RDF></x:xmpmeta>`
		content := append([]byte("http://ns.adobe.com/xap/1.0/\x00"), packet...)
		seg := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(2+len(content)))
		file := smallJPEG(t)
		return slices.Concat(file[:2], seg, content, file[2:])
	}
	file := xmp("https://example.org/m")
	if p := b.validate(file); p.State != Remote || p.RemoteURL != "https://example.org/m" {
		t.Errorf("address alone: %s %q", p.State, p.RemoteURL)
	}
	if p := b.validate(xmp("self#jumbf=/c2pa/x")); p.State != None {
		t.Errorf("address in the file itself: %s", p.State)
	}
	signed := b.sign(file, writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	if p := b.validate(signed); p.State != Trusted || p.RemoteURL == "" {
		t.Errorf("both: %s %q %v", p.State, p.RemoteURL, p.Failure)
	}
}

func FuzzStore(f *testing.F) {
	for _, b := range bombs() {
		if len(b) < 1<<20 {
			f.Add(b[min(16, len(b)):])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bud := &budget{ctx: context.Background(), until: time.Now().Add(time.Minute), signatures: 10, inflated: 1 << 20}
		if st, err := readStore(b, Limits{}.withDefaults(), bud); err == nil && len(st.manifests) == 0 {
			t.Error("a store without manifests is no store")
		}
	})
}

func FuzzClaim(f *testing.F) {
	f.Add(encode(map[string]any{"signature": "self#jumbf=c2pa.signature", "claim_generator_info": map[string]string{"name": "x"},
		"created_assertions": []hashedURI{{URL: "self#jumbf=c2pa.assertions/x", Hash: make([]byte, 32)}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, version := range []int{1, 2} {
			if c, _, err := readClaim(b, version); err == nil && (c.Signature == "" || len(c.references()) == 0) {
				t.Errorf("accepted: %+v", c)
			}
		}
	})
}

func FuzzSignature(f *testing.F) {
	b := newSignerBench(f)
	file := b.sign(smallPNG(f), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	at := bytes.Index(file, []byte("caBX"))
	n := int(binary.BigEndian.Uint32(file[at-4:]))
	st, err := readStore(file[at+4:at+4+n], Limits{}.withDefaults(), &budget{ctx: context.Background(), until: time.Now().Add(time.Minute)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(st.manifests[0].signature)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseSign1(b)
		if err != nil {
			return
		}
		if chain, err := parseChain(m.chain(true)); err == nil {
			checkProfile(chain[0])
		}
		tokenIn(m.unprotected["sigTst2"])
	})
}

func FuzzToken(f *testing.F) {
	clock, err := writer.NewAuthority("time stamp root")
	if err != nil {
		f.Fatal(err)
	}
	stamper, err := clock.Stamper(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	token, err := stamper.Stamp([]byte("message"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token, []byte("message"))
	f.Fuzz(func(t *testing.T, der, message []byte) {
		bud := &budget{ctx: context.Background(), until: time.Now().Add(time.Minute), signatures: 10}
		if stamp, err := readToken(bud, der, message); err == nil && len(stamp.chain) == 0 {
			t.Error("a time stamp without a signer")
		}
		relabelText(bytes.Clone(der), 0)
	})
}

// FuzzValidate also covers the locators of every container, and c2pa.hash.boxes.
func FuzzValidate(f *testing.F) {
	b := newSignerBench(f)
	for _, binding := range []writer.Binding{writer.DataHash, writer.BoxesHash} {
		for _, file := range [][]byte{smallJPEG(f), smallPNG(f)} {
			f.Add(file)
			f.Add(b.sign(file, writer.Manifest{Binding: binding, Assertions: []writer.Assertion{created(writer.Trained)}}))
		}
	}
	store := b.sign(smallPNG(f), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	at := bytes.Index(store, []byte("caBX"))
	store = store[at+4 : at+4+int(binary.BigEndian.Uint32(store[at-4:]))]
	le := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	f.Add(slices.Concat(rawBox("ftyp", []byte("isom\x00\x00\x00\x00")), rawBox("uuid", slices.Concat(uuidC2PA, []byte("\x00\x00\x00\x00manifest"), make([]byte, 9), store))))
	f.Add(slices.Concat([]byte("RIFF"), le(len(store)+12), []byte("WEBPC2PA"), le(len(store)), store))
	f.Add(slices.Concat([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x41\xCD\x07\x00"), le(len(store)), le(26), le(0), store))
	f.Add(slices.Concat([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xFF\x0BC2PA_GIF\x01\x00\x00\xFF"), store[:255], []byte{0, 0x3B}))
	f.Add(slices.Concat([]byte("ID3\x04\x00\x00\x00\x00\x7F\x7FGEOB\x00\x00\x7F\x00\x00\x00\x03application/c2pa\x00c2pa\x00store\x00"), store))
	f.Add(slices.Concat([]byte("<svg xmlns:c2pa='http://c2pa.org/manifest'><c2pa:manifest>"), []byte(base64.StdEncoding.EncodeToString(store)), []byte("</c2pa:manifest></svg>")))
	v, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := v.Validate(context.Background(), bytes.NewReader(data), int64(len(data)))
		switch {
		case errors.Is(err, ErrContainer):
		case err != nil:
			t.Errorf("bytes in memory can be read: %v", err)
		case p.State == Trusted:
			t.Error("trusted without an anchor")
		default:
			v.Findings(p)
		}
		view := &file{ReaderAt: bytes.NewReader(data), size: int64(len(data)), limits: v.limits}
		if c, _, err := locatorFor(view); err == nil {
			end := int64(0)
			parts, _ := c.pieces(view)
			for _, part := range parts {
				if part.start < end || part.end() > view.size {
					t.Errorf("part %q at %d overlaps or lies outside", part.name, part.start)
				}
				end = part.end()
			}
		}
	})
}

// BenchmarkValidate compares validation with SHA-256 of the same bytes.
func BenchmarkValidate(b *testing.B) {
	files := map[string][]byte{}
	dir := mediatest.Corpus(b, "c2pa")
	for _, name := range []string{"real/C.jpg", "real/ChatGPT_Image_May_30__2026__10_31_08_AM.png", "real/adobe-20220124-CACAICAICICA.jpg"} {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		files[filepath.Base(name)] = file
	}
	s := newSignerBench(b)
	files["written 8 MB"] = s.sign(bigPNG(b, 8<<20), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	for name, file := range files {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.validator.Validate(context.Background(), bytes.NewReader(file), int64(len(file))); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" sha256", func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				hashBytes("sha256", file)
			}
		})
	}
}

func bigPNG(t testing.TB, n int64) []byte {
	t.Helper()
	b, err := io.ReadAll(samples.BigPNG(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
