package kind_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

func look(t testing.TB, b []byte, declared media.Declared) []cordon.Finding {
	t.Helper()
	m := mediatest.OpenBytes(t, b)
	m.Declared = declared
	found, err := kind.New(kind.Config{}).Inspect(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func labels(found []cordon.Finding) []cordon.Label {
	var out []cordon.Label
	for _, f := range found {
		out = append(out, f.Label)
	}
	slices.Sort(out)
	return out
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func zipFile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("Main.class")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(bytes.Repeat([]byte("hidden "), 100))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exe is the least that Windows takes for a program.
func exe() []byte {
	b := make([]byte, 512)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[60:], 128)
	copy(b[128:], "PE\x00\x00")
	return b
}

const pdfText = "%PDF-1.4\n1 0 obj\n<<>>\nendobj\nstartxref\n9\n%%EOF\n"

func TestDeclared(t *testing.T) {
	jpg, png, pdf := mediatest.JPEG(t, 16, 16), mediatest.PNG(t, 16, 16), []byte(pdfText)
	none := []cordon.Label{cordon.LabelKindFine}
	mismatch, unreadable := []cordon.Label{cordon.LabelTypeMismatch}, []cordon.Label{cordon.LabelUnreadable}
	tests := []struct {
		what       string
		b          []byte
		name, mime string
		want       []cordon.Label
	}{
		{"as declared", jpg, "a.jpg", "image/jpeg", none},
		{"nothing declared", jpg, "", "", none},
		{"JPEG named PNG", jpg, "a.png", "image/png", none},
		{"PNG as the sf command line sends it", png, "a.png", "image/x-pict", none},
		{"PNG as the sf command line sends it, without a name", png, "", "image/x-pict", none},
		{"generic type", png, "a.png", "application/octet-stream", none},
		{"generic type, no name", pdf, "", "application/octet-stream", none},
		{"generic type with parameters", png, "", "image/png; charset=binary", none},
		{"PDF named JPEG", pdf, "photo.jpg", "image/jpeg", mismatch},
		{"PDF sent as JPEG, no name", pdf, "", "image/jpeg", mismatch},
		{"PDF sent as an unheard-of image", pdf, "", "image/x-whatever", mismatch},
		{"program named JPEG", exe(), "photo.JPG", "", mismatch},
		{"script named PNG", []byte("#!/bin/sh\necho hi\n"), "a.png", "", mismatch},
		{"web page named JPEG", []byte("<!DOCTYPE html><html><body>404</body></html>"), "a.jpg", "image/jpeg", mismatch},
		{"picture named PDF", png, "scan.pdf", "", mismatch},
		{"name decides over media type", jpg, "a.jpg", "application/pdf", none},
		{"web page as spreadsheet", []byte("<html><table></table></html>"), "report.xls", "", none},
		{"archive named document", zipFile(t), "letter.docx", "", none},
		{"archive named picture", zipFile(t), "a.png", "", mismatch},
		{"text named CSV", []byte("a,b\n1,2\n"), "list.csv", "text/csv", none},
		{"rubbish named JPEG", []byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9}, "a.jpg", "", unreadable},
		{"nothing named JPEG", nil, "a.jpg", "", unreadable},
		{"rubbish without a claim", []byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9}, "a.bin", "", []cordon.Label{cordon.LabelBytesUnknown}},
		{"unknown extension", jpg, "a.xyz", "", none},
		{"path in the name", jpg, `C:\fotos.pdf\a.jpg`, "", none},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			found := look(t, test.b, media.Declared{Name: test.name, MediaType: test.mime})
			if got := labels(found); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v: %s %v", got, test.want, found[0].Sentence, found[0].Detail)
			}
		})
	}
}

func TestWhole(t *testing.T) {
	jpg, png, gif := mediatest.JPEG(t, 64, 64), mediatest.PNG(t, 64, 64), mediatest.GIF(t, 64, 64)
	riff := mediatest.RIFF("WAVE", mediatest.RIFFChunk("fmt ", make([]byte, 16)), mediatest.RIFFChunk("data", make([]byte, 200)))
	mp4 := join(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("moov"), mediatest.Box("mdat", make([]byte, 100)))
	flipped := bytes.Clone(png)
	flipped[bytes.Index(flipped, []byte("IDAT"))+10] ^= 1
	fine, cut, bad := cordon.LabelKindFine, cordon.LabelTruncated, cordon.LabelUnreadable
	tests := []struct {
		what string
		b    []byte
		want cordon.Label
	}{
		{"JPEG", jpg, fine},
		{"JPEG without end", jpg[:len(jpg)-2], cut},
		{"JPEG cut in the scan", jpg[:len(jpg)-100], cut},
		{"JPEG cut in the header", jpg[:100], cut},
		{"JPEG with nothing in it", []byte("\xFF\xD8\xFF\xD9"), bad},
		{"JPEG of rubbish", append([]byte("\xFF\xD8\xFF\xE0\x00\x01"), make([]byte, 100)...), bad},
		{"PNG", png, fine},
		{"PNG without IEND", png[:len(png)-12], cut},
		{"PNG cut in the picture", png[:len(png)-40], cut},
		{"PNG with a flipped bit", flipped, cut},
		{"PNG without picture", join(png[:33], png[len(png)-12:]), bad},
		{"GIF", gif, fine},
		{"GIF without trailer", gif[:len(gif)-1], cut},
		{"GIF cut", gif[:len(gif)/2], cut},
		{"WAVE", riff, fine},
		{"WAVE cut", riff[:len(riff)-50], cut},
		{"MP4", mp4, fine},
		{"MP4 cut", mp4[:len(mp4)-50], cut},
		{"MP4 without a movie", mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), bad},
		{"PDF", []byte(pdfText), fine},
		{"PDF cut", []byte(pdfText[:20]), cut},
		{"ZIP", zipFile(t), fine},
		{"ZIP cut", zipFile(t)[:60], cut},
		{"TIFF", mediatest.TIFF([]mediatest.Tag{mediatest.Short(256, 1)}), fine},
		{"TIFF without directory", []byte("II*\x00\xFF\x00\x00\x00\x00\x00"), cut},
		{"TIFF whose picture is cut off", mediatest.TIFF([]mediatest.Tag{mediatest.Short(273, 60000), mediatest.Short(279, 5000)}), cut},
		{"text", []byte("hello"), fine},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			found := look(t, test.b, media.Declared{})
			if got := labels(found); !slices.Equal(got, []cordon.Label{test.want}) {
				t.Errorf("got %v, want %s: %v", got, test.want, found[0].Detail)
			}
		})
	}
}

func TestPolyglots(t *testing.T) {
	jpg, png, gif := mediatest.JPEG(t, 64, 64), mediatest.PNG(t, 64, 64), mediatest.GIF(t, 64, 64)
	commented := mediatest.Segment(jpg, 0xFE, []byte(pdfText))
	dicom := append(append(exe()[:128:128], "DICM"...), "\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00"...)
	tiffDICOM := append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00"...)
	copy(tiffDICOM, "II*\x00\x10\x00\x00\x00")
	binary.LittleEndian.PutUint32(dicom[60:], 64)
	copy(dicom[64:], "PE\x00\x00")
	jsGIF := bytes.Clone(gif)
	copy(jsGIF[6:], "/*")
	jsGIF = withGIFComment(jsGIF, "*/=1;alert(1)//")
	mp4 := join(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("moov"), mediatest.Box("mdat", make([]byte, 100)))
	zipped := zipFile(t)

	tests := []struct {
		what string
		b    []byte
		want string // what it can be read as too, "" for nothing
	}{
		{"ZIP behind JPEG", join(jpg, zipped), "zip"},
		{"ZIP behind GIF (GIFAR)", join(gif, zipped), "zip"},
		{"ZIP behind PNG", join(png, zipped), "zip"},
		{"ZIP behind MP4", join(mp4, zipped), "zip"},
		{"ZIP behind PDF", join([]byte(pdfText), zipped), "zip"},
		{"ZIP in the last chunk of a PNG", pngWithZip(png, zipped), "zip"},
		{"ZIP far behind JPEG", join(jpg, make([]byte, 5000), zipped), "zip"},
		{"PDF behind JPEG", join(jpg, []byte("\n"+pdfText)), "pdf"},
		{"PDF behind MP4", join(mp4, []byte(pdfText)), "pdf"},
		{"PDF in the comment of a JPEG", commented, "pdf"},
		{"web page behind PNG", join(png, []byte("<html><script>alert(1)</script></html>")), "html"},
		{"script behind PNG", join(png, []byte("\r\n<script>alert(1)</script>")), "html"},
		{"PHP behind GIF", join(gif, []byte("<?php system($_GET['c']); ?>")), "php"},
		{"PHP in the comment of a JPEG", mediatest.Segment(jpg, 0xFE, []byte("<?php system($_GET['c']); ?>")), "php"},
		{"program behind JPEG", join(jpg, exe()), "program"},
		{"RAR behind JPEG", join(jpg, []byte("Rar!\x1A\x07\x01\x00rest")), "rar"},
		{"RAR further behind JPEG", join(jpg, make([]byte, 700), []byte("Rar!\x1A\x07\x01\x00rest")), "rar"},
		{"7z behind JPEG", join(jpg, []byte("7z\xBC\xAF\x27\x1C\x00\x04rest")), "7z"},
		{"script in a GIF", jsGIF, "script"},
		{"program in the preamble of DICOM", dicom, "program"},
		{"program before PDF", join(exe(), []byte(pdfText)), "pdf"},
		{"web page before PDF", []byte("<html><script>x</script></html>\n" + pdfText), "html"},

		{"TIFF in the preamble of DICOM, as the standard has it", tiffDICOM, ""},
		{"second picture behind JPEG (MPF)", join(jpg, jpg), ""},
		{"video behind JPEG (motion photograph)", join(jpg, mp4), ""},
		{"Samsung trailer", join(jpg, []byte("\x00\x00\x01\x0A\x0E\x00\x00\x00Image_UTC_Data1577836800000SEFH\x6B\x00\x00\x00\x01\x00\x00\x00SEFT")), ""},
		{"zeros behind JPEG", join(jpg, make([]byte, 40000)), ""},
		{"left-over cluster behind JPEG", join(jpg, make([]byte, 512), []byte("<html><head><script>x</script></head>")), ""},
		{"words about PDF in a comment", mediatest.Segment(jpg, 0xFE, []byte("made from %PDF-files")), ""},
		{"letters PK in a comment", mediatest.Segment(jpg, 0xFE, []byte("PK\x05\x06 PK\x03\x04")), ""},
		{"mail gateway's line behind PDF", []byte(pdfText + "\n-- scanned --\n"), ""},
		{"byte order mark before PDF", []byte("\xEF\xBB\xBF" + pdfText), ""},
		{"archive", zipped, ""},
		{"text about web pages", []byte("write <html> and <script> first, then %PDF-1.4"), ""},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			found := look(t, test.b, media.Declared{})
			i := slices.IndexFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelPolyglot })
			switch {
			case test.want == "" && i >= 0:
				t.Errorf("taken for a polyglot: %s", found[i].Sentence)
			case test.want != "" && i < 0:
				t.Errorf("not found: %v %v", labels(found), found[0].Detail)
			case test.want != "" && found[i].Detail["second"] != test.want:
				t.Errorf("second is %v, want %s", found[i].Detail["second"], test.want)
			}
		})
	}
}

// withGIFComment puts a comment before the trailer.
func withGIFComment(gif []byte, text string) []byte {
	body := gif[:len(gif)-1]
	return join(body, []byte{0x21, 0xFE, byte(len(text))}, []byte(text), []byte{0, 0x3B})
}

// pngWithZip hides the archive in a chunk and lets its comment span the rest of the file.
func pngWithZip(png, zipped []byte) []byte {
	zipped = bytes.Clone(zipped)
	iend := png[len(png)-12:]
	binary.LittleEndian.PutUint16(zipped[len(zipped)-2:], uint16(4+len(iend)))
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(zipped)))
	chunk = append(chunk, "prVt"...)
	chunk = append(chunk, zipped...)
	return join(png[:len(png)-12], chunk, []byte("crc!"), iend)
}

func FuzzInspect(f *testing.F) {
	f.Add(mediatest.JPEG(f, 8, 8), "a.jpg")
	f.Add(mediatest.PNG(f, 8, 8), "a.png")
	f.Add(mediatest.GIF(f, 8, 8), "a.gif")
	f.Add([]byte(pdfText), "a.pdf")
	f.Add(zipFile(f), "a.zip")
	f.Add(mediatest.RIFF("WAVE", mediatest.RIFFChunk("data", []byte("abc"))), "a.wav")
	f.Add(join(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("moov")), "a.mp4")
	f.Add(mediatest.TIFF([]mediatest.Tag{mediatest.Short(273, 60000), mediatest.Short(279, 5000)}), "a.tif")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		for _, found := range look(t, b, media.Declared{Name: name, MediaType: name}) {
			if !found.Label.Valid() || found.Detail == nil || strings.TrimSpace(found.Sentence) == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}
