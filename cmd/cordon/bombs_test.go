package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "write the generated tables of the documentation anew")

// bombMemory is what all detectors together may take for one file beyond the file itself.
const bombMemory = 64 << 20

// bombAllocated is how many bytes they may ask for one after the other: work that grows faster than
// the file shows there on any machine, however fast it is.
const bombAllocated = 1 << 30

// TestBombs gives files that would like to be dear to all detectors at once, as "cordon scan" and
// the gateway do. None may take much memory, and each must end before its time does.
func TestBombs(t *testing.T) {
	inspector, policy, err := app.Look{Budget: time.Minute}.Open()
	if err != nil {
		t.Fatal(err)
	}
	// What is garbage counts as taken: collecting more often brings the reading nearer to the truth.
	defer debug.SetGCPercent(debug.SetGCPercent(10))

	var table strings.Builder
	table.WriteString("| File | Size | Memory beyond it | Took | Verdict |\n|---|---|---|---|---|\n")
	for _, b := range bombs(t) {
		m, err := media.Open(bytes.NewReader(b.file), int64(len(b.file)), media.Limits{})
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		start := time.Now()
		var found []cordon.Finding
		before := allocated()
		peak := peakHeap(func() { found = inspector.Inspect(t.Context(), m) })
		asked := allocated() - before
		took := time.Since(start)
		m.Close()
		v := policy.Decide(cordon.Item{Modality: m.Modality(), Route: "scan", Mode: cordon.ModeInline, Fail: cordon.FailHold}, found)
		if peak > bombMemory {
			t.Errorf("%s: %d MB beyond its %d kB", b.name, peak>>20, len(b.file)>>10)
		}
		if asked > bombAllocated {
			t.Errorf("%s: asked for %d MB, one after the other, for its %d kB", b.name, asked>>20, len(b.file)>>10)
		}
		for _, f := range found {
			if f.Label == cordon.LabelTimeout || f.Label == cordon.LabelCrashed {
				t.Errorf("%s: %s: %s: %s", b.name, f.Detector, f.Label, f.Sentence)
			}
		}
		fmt.Fprintf(&table, "| %s | %d kB | %d MB | %d ms | %s %v |\n", b.name, (len(b.file)+1023)>>10, (peak+1<<20-1)>>20, took.Milliseconds(), v.Action, v.Reasons)
	}
	t.Log("\n" + table.String())
	if *update {
		mediatest.Table(t, "bombs", table.String(), true)
	}
}

// allocated is how many bytes the process has asked for since it began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// peakHeap returns by how much the heap grew at most while f ran.
func peakHeap(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	debug.FreeOSMemory()
	metrics.Read(sample)
	base := sample[0].Value.Uint64()
	var peak uint64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(500 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				metrics.Read(sample)
				peak = max(peak, sample[0].Value.Uint64())
			}
		}
	})
	f()
	close(stop)
	done.Wait()
	return peak - min(base, peak)
}

type bomb struct {
	name string
	file []byte
}

// bombs are small files that would like to be dear, one for each way that is known.
func bombs(t *testing.T) []bomb {
	small := mediatest.PNG(t, 8, 8)
	zeros := make([]byte, 1<<20)
	deflated := func(megabytes int) []byte {
		var b bytes.Buffer
		z, _ := flate.NewWriter(&b, flate.BestCompression)
		for range megabytes {
			z.Write(zeros)
		}
		z.Close()
		return b.Bytes()
	}
	zlibbed := func(megabytes int) []byte {
		return slices.Concat([]byte{0x78, 0xDA}, deflated(megabytes), []byte{0, 0, 0, 0})
	}
	store := func(content ...[]byte) []byte { return jumbf("c2pa", "c2pa", content...) }
	claim := func(cbor []byte) []byte {
		return mediatest.Chunk(small, "caBX", store(jumbf("c2ma", "urn:c2pa:x", jumbf("c2as", "c2pa.assertions"), jumbf("c2cl", "c2pa.claim.v2", mediatest.Box("cbor", cbor)))))
	}
	nested := nest(4000, binary.BigEndian, func(size []byte) []byte {
		return slices.Concat(size, []byte("jumb"), mediatest.Box("jumd", []byte("c2ma"), jumbfSuffix, []byte("\x03x\x00")))
	})
	var br bytes.Buffer
	w := brotli.NewWriterLevel(&br, 9)
	for range 128 {
		w.Write(zeros)
	}
	w.Close()

	moov := nest(20_000, binary.BigEndian, func(size []byte) []byte { return append(size, "moov"...) })
	table := func(name string, n uint32) []byte {
		entry := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0}, n)
		return slices.Concat(mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")),
			mediatest.Box("moov", mediatest.Box("trak", mediatest.Box("mdia", mediatest.Box("minf", mediatest.Box("stbl", mediatest.Box(name, entry)))))))
	}
	riff := nest(5000, binary.LittleEndian, func(size []byte) []byte { return slices.Concat([]byte("LIST"), size, []byte("INFO")) })
	tiff := func(w, h uint32, strip []byte, compression uint16) []byte {
		long := func(id uint16, v uint32) mediatest.Tag {
			return mediatest.Tag{ID: id, Type: 4, Value: binary.LittleEndian.AppendUint32(nil, v)}
		}
		tags := []mediatest.Tag{long(256, w), long(257, h), {ID: 258, Type: 3, Value: []byte{8, 0, 8, 0, 8, 0}}, mediatest.Short(259, compression), mediatest.Short(262, 2),
			long(273, 0), mediatest.Short(277, 3), long(278, h), long(279, uint32(len(strip)))}
		b := mediatest.TIFF(tags)
		at := bytes.Index(b, []byte{17, 1, 4, 0, 1, 0, 0, 0}) // StripOffsets
		binary.LittleEndian.PutUint32(b[at+8:], uint32(len(b)))
		return append(b, strip...)
	}
	loop := mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "maker of cameras")}, mediatest.Ascii(36867, "2026:01:01 00:00:00"))
	binary.LittleEndian.PutUint32(loop[4:], 8)
	for i := range loop {
		if i > 8 && i+4 < len(loop) && binary.LittleEndian.Uint32(loop[i:]) == 0 && i%2 == 0 {
			binary.LittleEndian.PutUint32(loop[i:], 8)
			break
		}
	}

	inZip := func(files map[string][]byte) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, content := range files {
			f, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write(content)
		}
		z.Close()
		return b.Bytes()
	}
	blank := func(w, h int) []byte {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, image.NewNRGBA(image.Rect(0, 0, w, h))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	wide := func(file []byte, at int, order binary.ByteOrder) []byte {
		out := slices.Clone(file)
		order.PutUint16(out[at:], 65000)
		order.PutUint16(out[at+2:], 65000)
		return out
	}
	var shot bytes.Buffer
	jpeg.Encode(&shot, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
	frame := bytes.Index(shot.Bytes(), []byte{0xFF, 0xC0})
	gif := mediatest.GIF(t, 8, 8)
	frames := slices.Concat(gif[:len(gif)-1], bytes.Repeat([]byte{0x2C, 0, 0, 0, 0, 0xE8, 0xFD, 0xE8, 0xFD, 0, 2, 1, 0, 0}, 50_000), []byte{0x3B})

	pdf := func(objects ...string) []byte {
		b := []byte("%PDF-1.7\n")
		for i, o := range objects {
			b = fmt.Appendf(b, "%d 0 obj\n%s\nendobj\n", i+1, o)
		}
		return append(b, "trailer << /Root 1 0 R >>\n%%EOF\n"...)
	}
	stream := func(dictionary string, b []byte) string {
		return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(b), b)
	}
	lol := `<!DOCTYPE svg [<!ENTITY a "lollollollol">`
	for c := 'b'; c <= 'j'; c++ {
		lol += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}

	dicom := slices.Concat(make([]byte, 128), []byte("DICM"),
		[]byte{2, 0, 0x10, 0, 'U', 'I', 22, 0}, []byte("1.2.840.10008.1.2.1.99"), deflated(256))

	behind := func(header string) []byte {
		return append(slices.Clone(shot.Bytes()), strings.Repeat(header, 50_000)...)
	}
	entry := "PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00a"

	return []bomb{
		{"CBOR: arrays in arrays", claim(append(bytes.Repeat([]byte{0x81}, 200_000), 0))},
		{"CBOR: a map of 2⁶³ entries", claim([]byte{0xBB, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})},
		{"CBOR: a text of 2 GB", claim([]byte{0x7A, 0x80, 0, 0, 0})},
		{"JUMBF: boxes in boxes", mediatest.Chunk(small, "caBX", store(nested))},
		{"JUMBF: 200 000 boxes", mediatest.Chunk(small, "caBX", store(bytes.Repeat(mediatest.Box("free"), 200_000)))},
		{"brotli: 128 MB of zeros", mediatest.Chunk(small, "caBX", store(jumbf("c2cm", "urn:c2pa:x", mediatest.Box("brob", []byte("jumb"), br.Bytes()))))},
		{"ZIP: 1 GB of zeros", zipped(deflated(1024), 1<<30)},
		{"ZIP: 64 in one another", func() []byte {
			b := inZip(map[string][]byte{"photo.png": small})
			for range 64 {
				b = inZip(map[string][]byte{"in.zip": b})
			}
			return b
		}()},
		{"ZIP: 2000 entries that are one", overlapping(deflated(64), 64<<20, 2000)},
		{"Word: a picture of 100 MB of zeros", inZip(map[string][]byte{"[Content_Types].xml": []byte("<Types/>"), "word/document.xml": []byte("<w/>"),
			"word/media/a.bmp": append([]byte("BM"), bytes.Repeat(zeros, 100)...)})},
		{"PDF: 512 MB of zeros", pdf("<< /Type /Catalog >>", stream("/Type /EmbeddedFile /Filter /FlateDecode", zlibbed(512)))},
		{"PDF: packed twice", pdf("<< /Type /Catalog >>", stream("/Type /EmbeddedFile /Filter [/FlateDecode /FlateDecode]", slices.Concat([]byte{0x78, 0xDA}, twice(zlibbed(512)), []byte{0, 0, 0, 0})))},
		{"PDF: a picture of 65 000 by 65 000", pdf("<< /Type /Catalog >>", stream("/Subtype /Image /Width 65000 /Height 65000 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /FlateDecode", zlibbed(64)))},
		{"PDF: arrays in arrays", pdf("<< /Type /Catalog /AF " + strings.Repeat("[", 900_000))},
		{"PDF: 200 000 and more objects", []byte("%PDF-1.7\n" + strings.Repeat("1 0 obj [] endobj ", 300_000))},
		{"PNG: 65 000 by 65 000", func() []byte {
			b := slices.Clone(small)
			binary.BigEndian.PutUint32(b[16:], 65000)
			binary.BigEndian.PutUint32(b[20:], 65000)
			binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
			return b
		}()},
		{"PNG: one colour, 10 000 by 10 000", blank(10_000, 10_000)},
		{"PNG: text of 256 MB", mediatest.Chunk(small, "zTXt", append([]byte("parameters\x00\x00"), zlibbed(256)...))},
		{"PNG: 100 000 chunks", slices.Concat(small[:33], bytes.Repeat([]byte("\x00\x00\x00\x00teSt\x00\x00\x00\x00"), 100_000), small[33:])},
		{"JPEG: 65 000 by 65 000", wide(shot.Bytes(), frame+5, binary.BigEndian)},
		{"JPEG: 100 000 segments", slices.Concat(shot.Bytes()[:2], bytes.Repeat([]byte{0xFF, 0xFE, 0, 2}, 100_000), shot.Bytes()[2:])},
		{"GIF: 65 000 by 65 000", wide(gif, 6, binary.LittleEndian)},
		{"GIF: 50 000 frames", frames},
		{"TIFF: 10 000 by 10 000 of zeros", tiff(10_000, 10_000, zlibbed(300), 8)},
		{"TIFF: 4 000 000 000 by 1", tiff(4_000_000_000, 1, []byte{0}, 1)},
		{"TIFF: directories in a circle", loop},
		{"EXIF: directories in a circle", mediatest.EXIF(shot.Bytes(), loop)},
		{"XMP: entities", mediatest.Text(small, "XML:com.adobe.xmp", lol+"]><svg>&j;</svg>")},
		{"SVG: entities", []byte(lol + `]><svg xmlns="http://www.w3.org/2000/svg">&j;</svg>`)},
		{"MP4: boxes in boxes", slices.Concat(mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")), moov)},
		{"MP4: 4 000 000 000 time stamps", table("stts", 4_000_000_000)},
		{"MP4: 4 000 000 000 edits", table("elst", 4_000_000_000)},
		{"MP4: 500 000 fragments", slices.Concat(mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")), bytes.Repeat(mediatest.Box("moof"), 500_000))},
		{"WAVE: lists in lists", mediatest.RIFF("WAVE", riff)},
		{"MP3: 100 000 frames of ID3", append([]byte("ID3\x04\x00\x00\x00\x3D\x09\x00"), bytes.Repeat([]byte("TXXX\x00\x00\x00\x01\x00\x00\x00"), 100_000)...)},
		{"FLAC: 100 000 blocks", append([]byte("fLaC"), bytes.Repeat([]byte{4, 0, 0, 0}, 100_000)...)},
		{"OGG: 100 000 pages", bytes.Repeat([]byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 100_000)},
		{"DICOM: 256 MB of zeros", dicom},
		{"JPEG: 50 000 TIFF headers behind it", behind("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00")},
		{"JPEG: 50 000 ZIP headers behind it", behind(entry)},
		{"JPEG: 50 000 JPEG headers behind it", behind("\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x01\x00\x01\x01\x01\x11\x00")},
		{"JPEG: 50 000 GIF headers behind it", behind("GIF89a\x01\x00\x01\x00\x00\x00\x00\x2C\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x08")},
		{"ZIP: 50 000 entries that no directory lists", bytes.Repeat([]byte(entry+"\x00\x20\x00\xDF\xFF"), 50_000)},
		{"JSON: 200 000 times the beginning of an archive", []byte(`{"a":"` + strings.Repeat("UEsDB", 200_000) + `"}`)},
	}
}

// nest is so many boxes in one another. head makes the start of one around the four bytes of its
// size, which count the start too in big-endian formats.
func nest(n int, order binary.ByteOrder, head func(size []byte) []byte) (out []byte) {
	long := len(head(make([]byte, 4)))
	for i := range n {
		size := uint32((n - i) * long)
		if order == binary.LittleEndian {
			size -= 8
		}
		b := make([]byte, 4)
		order.PutUint32(b, size)
		out = append(out, head(b)...)
	}
	return out
}

var jumbfSuffix = []byte{0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71}

func jumbf(kind, label string, content ...[]byte) []byte {
	description := slices.Concat([]byte(kind), jumbfSuffix, []byte{3}, []byte(label), []byte{0})
	return mediatest.Box("jumb", mediatest.Box("jumd", description), bytes.Join(content, nil))
}

func twice(b []byte) []byte {
	var out bytes.Buffer
	z, _ := flate.NewWriter(&out, flate.BestCompression)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// zipped is a ZIP of one entry that was packed before.
func zipped(deflated []byte, size uint64) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateRaw(&zip.FileHeader{Name: "photo.png", Method: zip.Deflate, CompressedSize64: uint64(len(deflated)), UncompressedSize64: size})
	if err == nil {
		_, err = io.Copy(f, bytes.NewReader(deflated))
	}
	if err != nil {
		panic(err)
	}
	z.Close()
	return b.Bytes()
}

// overlapping is a ZIP whose n entries are the same bytes.
func overlapping(deflated []byte, size uint64, n int) []byte {
	one := zipped(deflated, size)
	at := bytes.Index(one, []byte("PK\x01\x02"))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	out := slices.Concat(one[:at], bytes.Repeat(one[at:end], n))
	tail := slices.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32((end-at)*n))
	return append(out, tail...)
}
