package marks_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/mediatest"
)

// declaration is one thing that a file may say of its own making.
type declaration struct {
	kind  string // of field: "own" (a name of its own), "program", "text", "credit"
	key   string // its own name
	value string
	want  cordon.Label
}

var declarations = map[string]declaration{
	"trained, as an address":     {"own", "DigitalSourceType", trained, cordon.LabelSyntheticTag},
	"trained, as a code":         {"own", "DigitalSourceType", "trainedAlgorithmicMedia", cordon.LabelSyntheticTag},
	"trained, by its name":       {"own", "DigitalSourceType", "Created using Generative AI", cordon.LabelSyntheticTag},
	"composite":                  {"own", "DigitalSourceType", "compositeWithTrainedAlgorithmicMedia", cordon.LabelCompositeTag},
	"AI system":                  {"own", "AISystemUsed", "A system of ours", cordon.LabelCompositeTag},
	"version of the AI system":   {"own", "AISystemVersionUsed", "version 4", cordon.LabelCompositeTag},
	"prompt":                     {"own", "AIPromptInformation", "a hill in the evening", cordon.LabelCompositeTag},
	"who wrote the prompt":       {"own", "AIPromptWriterName", "somebody", cordon.LabelCompositeTag},
	"GB 45438, label 1":          {"own", "AIGC", aigc, cordon.LabelSyntheticTag},
	"GB 45438, label 2":          {"own", "AIGC", strings.Replace(aigc, `"1"`, `"2"`, 1), cordon.LabelPossibleTag},
	"GB 45438, label 3":          {"own", "AIGC", strings.Replace(aigc, `"1"`, `"3"`, 1), cordon.LabelPossibleTag},
	"GB 45438, as a comment":     {"text", "", `{"AIGC":` + aigc + `}`, cordon.LabelSyntheticTag},
	"TikTok, label 1":            {"own", "aigc_info", `{"aigc_label_type":1,"source_info":"x"}`, cordon.LabelCompositeTag},
	"TikTok, label 2":            {"own", "aigc_info", `{"aigc_label_type": 2}`, cordon.LabelPossibleTag},
	"a generator as the program": {"program", "", "Adobe Firefly 3", cordon.LabelGeneratorMark},
	"settings of a sampler":      {"text", "", a1111, cordon.LabelGeneratorMark},
	"a graph of steps":           {"text", "", `{"3":{"class_type":"KSampler","inputs":{"seed":7}}}`, cordon.LabelGeneratorMark},
	"settings in JSON":           {"text", "", `{"prompt":"a hill","seed":7,"steps":20,"cfg_scale":7,"sampler":"euler"}`, cordon.LabelGeneratorMark},
	"a service as the credit":    {"credit", "", "Made with Google AI", cordon.LabelSyntheticTag},
	"words of a description":     {"text", "", "Created with Midjourney", cordon.LabelPossibleTag},
}

// door is a place in a kind of file. It returns the file with the declaration in it, or nil and why
// that place cannot carry it.
type door func(t *testing.T, d declaration) ([]byte, string)

const noName = "fields have fixed names, and none of them is for that"

// named puts a field under whatever name it is to have.
func named(program, text, credit string, put func(key, value string) []byte) door {
	return func(_ *testing.T, d declaration) ([]byte, string) {
		return put(map[string]string{"own": d.key, "program": program, "text": text, "credit": credit}[d.kind], d.value), ""
	}
}

// fixed puts a field under the few names that there are.
func fixed(program, text, credit string, put func(key, value string) []byte) door {
	return func(t *testing.T, d declaration) ([]byte, string) {
		key := map[string]string{"program": program, "text": text, "credit": credit}[d.kind]
		if key == "" {
			return nil, noName
		}
		return put(key, d.value), ""
	}
}

// only puts texts where there is nothing but text: what a comment says of itself is found as well.
func only(put func(value string) []byte) door {
	return func(t *testing.T, d declaration) ([]byte, string) {
		if d.kind != "text" {
			return nil, "it is a text without a name"
		}
		return put(d.value), ""
	}
}

// packet puts it into XMP, as an element of its own name or of the one that programs have there.
func packet(put func(b []byte) []byte) door {
	return func(t *testing.T, d declaration) ([]byte, string) {
		name := map[string]string{"own": "Iptc4xmpExt:" + d.key, "program": "xmp:CreatorTool", "text": "dc:description", "credit": "photoshop:Credit"}[d.kind]
		return put([]byte(mediatest.XMP("<" + name + ">" + html.EscapeString(d.value) + "</" + name + ">"))), ""
	}
}

func doors(t *testing.T) map[string]door {
	jpg, png, gif := mediatest.JPEG(t, 8, 8), mediatest.PNG(t, 8, 8), mediatest.GIF(t, 8, 8)
	exifTag := map[string]uint16{"program": 305, "text": 270}
	tiff := func(key, value string) []byte {
		return mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(exifTag[key], value)})
	}
	webp := func(name string, b []byte) []byte {
		return mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8X", make([]byte, 10)), mediatest.RIFFChunk(name, b))
	}
	avif := func(b []byte) []byte { return bytes.Replace(b, []byte("ftypheic"), []byte("ftypavif"), 1) }
	wave := func(chunks ...[]byte) []byte {
		return mediatest.RIFF("WAVE", append(chunks, mediatest.RIFFChunk("data", []byte{0, 0}))...)
	}
	user := func(name string, b []byte) []byte {
		return mediatest.Box("moov", mediatest.Box("udta", mediatest.Box(name, b)))
	}
	const box = "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC"
	jp2 := func(boxes ...[]byte) []byte {
		return slices.Concat(mediatest.Box("jP  ", []byte("\r\n\x87\n")), mediatest.Box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")), slices.Concat(boxes...))
	}
	jxl := func(boxes ...[]byte) []byte {
		return slices.Concat(mediatest.Box("JXL ", []byte("\r\n\x87\n")), mediatest.Box("ftyp", []byte("jxl \x00\x00\x00\x00jxl ")), slices.Concat(boxes...))
	}
	brotlied := func(b []byte) []byte {
		var out bytes.Buffer
		w := brotli.NewWriter(&out)
		if _, err := w.Write(b); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	zipped := func(names ...string) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for i := 0; i < len(names); i += 2 {
			w, err := z.Create(names[i])
			if err == nil {
				_, err = w.Write([]byte(names[i+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	docx := func(name, list string) []byte {
		return zipped("[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document/>", name, list)
	}
	pdf := func(objects string, trailer string) []byte {
		return []byte("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + objects + "\ntrailer\n<< /Root 1 0 R " + trailer + " >>\nstartxref\n9\n%%EOF\n")
	}
	info := func(key, value string) []byte {
		return pdf("2 0 obj\n<< /"+key+" "+value+" >>\nendobj", "/Info 2 0 R")
	}
	literal := func(s string) string {
		return "(" + strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s) + ")"
	}
	aiff := func(chunks ...[]byte) []byte {
		body := append([]byte("AIFF"), slices.Concat(chunks...)...)
		return append(binary.BigEndian.AppendUint32([]byte("FORM"), uint32(len(body))), body...)
	}
	bigChunk := func(name string, b []byte) []byte {
		out := append(binary.BigEndian.AppendUint32([]byte(name), uint32(len(b))), b...)
		return append(out, make([]byte, len(b)%2)...)
	}
	ape := func(key, value string) []byte {
		item := binary.LittleEndian.AppendUint32(nil, uint32(len(value)))
		item = append(append(append(item, 0, 0, 0, 0), key+"\x00"...), value...)
		foot := append([]byte("APETAGEX"), binary.LittleEndian.AppendUint32(nil, 2000)...)
		foot = binary.LittleEndian.AppendUint32(foot, uint32(len(item)+32))
		foot = binary.LittleEndian.AppendUint32(foot, 1)
		foot = append(foot, make([]byte, 12)...)
		return slices.Concat(id3(id3Frame("TIT2", []byte("\x03x"))), item, foot)
	}
	long := func(id, body string) string { // a Matroska element with a length of two bytes
		return id + string([]byte{0x40 | byte(len(body)>>8), byte(len(body))}) + body
	}
	mkv := func(key, value string) []byte {
		tags := long(ebmlTags, long(ebmlTag, long(ebmlSimple, long(ebmlName, key)+long(ebmlString, value))))
		return []byte(element(ebmlHead) + long(ebmlSegment, tags))
	}
	id3text := func(name string, b ...string) []byte { return id3(id3Frame(name, []byte("\x03"+strings.Join(b, "")))) }
	dicom := func(tag uint32, vr, value string) []byte {
		value += strings.Repeat(" ", len(value)%2)
		el := binary.LittleEndian.AppendUint16(nil, uint16(tag>>16))
		el = append(binary.LittleEndian.AppendUint16(el, uint16(tag)), vr...)
		if vr == "UT" {
			el = binary.LittleEndian.AppendUint32(append(el, 0, 0), uint32(len(value)))
		} else {
			el = binary.LittleEndian.AppendUint16(el, uint16(len(value)))
		}
		syntax := "\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
		return []byte(string(make([]byte, 128)) + "DICM" + syntax + string(el) + value)
	}
	psd := func(resources []byte) []byte {
		head := append([]byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x08\x00\x00\x00\x08\x00\x08\x00\x03"), 0, 0, 0, 0)
		return append(binary.BigEndian.AppendUint32(head, uint32(len(resources))), resources...)
	}
	resource := func(id uint16, b []byte) []byte {
		out := append(binary.BigEndian.AppendUint16([]byte("8BIM"), id), 0, 0)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(b))), b...)
		return append(out, make([]byte, len(b)%2)...)
	}
	iimSet := map[string]byte{"program": 65, "text": 120, "credit": 110}
	flac := func(pairs ...string) []byte {
		b := vorbis(pairs...)
		return slices.Concat([]byte("fLaC\x00\x00\x00\x22"), make([]byte, 34), []byte{0x84, 0, byte(len(b) >> 8), byte(len(b))}, b)
	}
	opus := func(pairs ...string) []byte {
		b := append([]byte("OpusTags"), vorbis(pairs...)...)
		page := append([]byte("OggS\x00\x02"), make([]byte, 20)...)
		page = append(page, 1, 19)
		page = append(page, append([]byte("OpusHead\x01"), make([]byte, 10)...)...)
		next := append([]byte("OggS\x00\x00"), make([]byte, 20)...)
		lacing := append(bytes.Repeat([]byte{255}, len(b)/255), byte(len(b)%255))
		return slices.Concat(page, append(next, byte(len(lacing))), lacing, b)
	}
	property := func(key, value string) string {
		return `<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">` +
			`<property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="` + key + `"><vt:lpwstr>` + html.EscapeString(value) + `</vt:lpwstr></property></Properties>`
	}

	return map[string]door{
		"PNG tEXt": named("Software", "Comment", "Credit", func(k, v string) []byte { return mediatest.Text(png, k, v) }),
		"PNG zTXt": named("Software", "Comment", "Credit", func(k, v string) []byte {
			return mediatest.Chunk(png, "zTXt", append([]byte(k+"\x00\x00"), mediatest.Deflate([]byte(v))...))
		}),
		"PNG iTXt": named("Software", "Description", "Author", func(k, v string) []byte { return mediatest.Chunk(png, "iTXt", []byte(k+"\x00\x00\x00\x00\x00"+v)) }),
		"PNG iTXt, packed": named("Software", "Description", "Author", func(k, v string) []byte {
			return mediatest.Chunk(png, "iTXt", append([]byte(k+"\x00\x01\x00\x00\x00"), mediatest.Deflate([]byte(v))...))
		}),
		"PNG comf": named("Software", "prompt", "Credit", func(k, v string) []byte { return mediatest.Chunk(png, "comf", []byte(k+"\x00"+v)) }),
		"PNG eXIf": fixed("program", "text", "", func(k, v string) []byte { return mediatest.Chunk(png, "eXIf", tiff(k, v)) }),
		"PNG XMP": packet(func(b []byte) []byte {
			return mediatest.Chunk(png, "iTXt", append([]byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), b...))
		}),
		"PNG raw profile": packet(func(b []byte) []byte { return mediatest.Text(png, "Raw profile type xmp", rawProfile("xmp", b)) }),
		"JPEG comment":    only(func(v string) []byte { return mediatest.Segment(jpg, 0xFE, []byte(v)) }),
		"JPEG Exif":       fixed("program", "text", "", func(k, v string) []byte { return mediatest.EXIF(jpg, tiff(k, v)) }),
		"JPEG Exif, UTF-8": fixed("program", "text", "", func(k, v string) []byte {
			return mediatest.EXIF(jpg, mediatest.TIFF([]mediatest.Tag{{ID: exifTag[k], Type: 129, Value: append([]byte(v), 0)}}))
		}),
		"JPEG Exif, UserComment": only(func(v string) []byte {
			return mediatest.EXIF(jpg, mediatest.TIFF(nil, mediatest.Tag{ID: 37510, Type: 7, Value: append([]byte("UNICODE\x00"), utf16le(v)...)}))
		}),
		"JPEG Exif 3.0 editing software": fixed("editing software", "", "", func(_, v string) []byte {
			return mediatest.EXIF(jpg, mediatest.TIFF(nil, mediatest.Tag{ID: 42043, Type: 129, Value: append([]byte(v), 0)}))
		}),
		"JPEG XMP": packet(func(b []byte) []byte {
			return mediatest.Segment(jpg, 0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00"), b...))
		}),
		"JPEG extended XMP": packet(func(b []byte) []byte { return extendedXMP(jpg, string(b)) }),
		"JPEG IPTC":         fixed("program", "text", "credit", func(k, v string) []byte { return mediatest.Segment(jpg, 0xED, app13(iim(iimSet[k], v))) }),
		"GIF comment": only(func(v string) []byte {
			if len(v) < 256 {
				return gifComment(gif, v)
			}
			return slices.Concat(gif[:len(gif)-1], []byte{0x21, 0xFE, 250}, []byte(v[:250]), []byte{byte(len(v) - 250)}, []byte(v[250:]), []byte{0, 0x3B})
		}),
		"GIF XMP":   packet(func(b []byte) []byte { return gifXMP(gif, string(b)) }),
		"WebP Exif": fixed("program", "text", "", func(k, v string) []byte { return webp("EXIF", tiff(k, v)) }),
		"WebP XMP":  packet(func(b []byte) []byte { return webp("XMP ", b) }),
		"TIFF tags": fixed("program", "text", "", tiff),
		"TIFF XMP":  packet(func(b []byte) []byte { return mediatest.TIFF([]mediatest.Tag{{ID: 700, Type: 1, Value: b}}) }),
		"TIFF IPTC": fixed("program", "text", "credit", func(k, v string) []byte {
			return mediatest.TIFF([]mediatest.Tag{{ID: 33723, Type: 7, Value: iim(iimSet[k], v)}})
		}),
		"PSD IPTC":  fixed("program", "text", "credit", func(k, v string) []byte { return psd(resource(0x0404, iim(iimSet[k], v))) }),
		"PSD XMP":   packet(func(b []byte) []byte { return psd(resource(0x0424, b)) }),
		"PSD Exif":  fixed("program", "text", "", func(k, v string) []byte { return psd(resource(0x0422, tiff(k, v))) }),
		"HEIC Exif": fixed("program", "text", "", func(k, v string) []byte { return heif(tiff(k, v), nil) }),
		"HEIC XMP":  packet(func(b []byte) []byte { return heif(tiff("text", "x"), b) }),
		"AVIF Exif": fixed("program", "text", "", func(k, v string) []byte { return avif(heif(tiff(k, v), nil)) }),
		"AVIF XMP":  packet(func(b []byte) []byte { return avif(heif(tiff("text", "x"), b)) }),

		"Canon CR3 Exif": fixed("program", "text", "", func(k, v string) []byte {
			return slices.Concat(mediatest.Box("ftyp", []byte("crx \x00\x00\x00\x01crx isom")), mediatest.Box("moov",
				mediatest.Box("uuid", []byte("\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"), mediatest.Box("CNCV", []byte("CanonCR3")), mediatest.Box("CMT1", tiff(k, v)))))
		}),
		"JPEG 2000 XML":          packet(func(b []byte) []byte { return jp2(mediatest.Box("xml ", b)) }),
		"JPEG 2000 uuid of XMP":  packet(func(b []byte) []byte { return jp2(mediatest.Box("uuid", []byte(box), b)) }),
		"JPEG 2000 uuid of Exif": fixed("program", "text", "", func(k, v string) []byte { return jp2(mediatest.Box("uuid", []byte("JpgTiffExif->JP2"), tiff(k, v))) }),
		"JPEG XL XML":            packet(func(b []byte) []byte { return jxl(mediatest.Box("xml ", b)) }),
		"JPEG XL XML, packed":    packet(func(b []byte) []byte { return jxl(mediatest.Box("brob", []byte("xml "), brotlied(b))) }),
		"JPEG XL Exif":           fixed("program", "text", "", func(k, v string) []byte { return jxl(mediatest.Box("Exif", []byte{0, 0, 0, 0}, tiff(k, v))) }),
		"JPEG XL Exif, packed": fixed("program", "text", "", func(k, v string) []byte {
			return jxl(mediatest.Box("brob", []byte("Exif"), brotlied(append([]byte{0, 0, 0, 0}, tiff(k, v)...))))
		}),
		"MP4 tags of iTunes":    fixed("\xA9too", "\xA9cmt", "", func(k, v string) []byte { return mp4(ilst(k, v)) }),
		"MP4 tags of QuickTime": named("com.apple.quicktime.software", "com.apple.quicktime.comment", "credit", func(k, v string) []byte { return mp4(keys(k, v)) }),
		"MP4 user data": fixed("\xA9swr", "\xA9cmt", "", func(k, v string) []byte {
			return mp4(user(k, append([]byte{byte(len(v) >> 8), byte(len(v)), 0, 0}, v...)))
		}),
		"MP4 user data of 3GPP": fixed("", "dscp", "auth", func(k, v string) []byte { return mp4(user(k, append([]byte{0, 0, 0, 0, 0x15, 0xC7}, v+"\x00"...))) }),
		"MP4 XMP":               packet(func(b []byte) []byte { return mp4(mediatest.Box("uuid", []byte(box), b), mediatest.Box("moov")) }),
		"MOV XMP": packet(func(b []byte) []byte {
			return slices.Concat(mediatest.Box("ftyp", []byte("qt  \x00\x00\x02\x00")), user("XMP_", b))
		}),
		"MP4 tags of its own":   named("software", "comment", "credit", func(k, v string) []byte { return mp4(freeform(k, v)) }),
		"MP3 fields of its own": named("Software", "Comment", "Credit", func(k, v string) []byte { return id3text("TXXX", k, "\x00", v) }),
		"MP3 program":           fixed("TSSE", "TIT2", "TPUB", func(k, v string) []byte { return id3text(k, v) }),
		"MP3 comment":           only(func(v string) []byte { return id3text("COMM", "eng\x00", v) }),
		"MP3 words":             only(func(v string) []byte { return id3text("USLT", "eng\x00", v) }),
		"MP3 XMP":               packet(func(b []byte) []byte { return id3(id3Frame("PRIV", append([]byte("XMP\x00"), b...))) }),
		"MP3 tags at its end":   named("Software", "Comment", "Credit", ape),
		"FLAC":                  named("ENCODER", "COMMENT", "CREDIT", func(k, v string) []byte { return flac(strings.ToUpper(k) + "=" + v) }),
		"Ogg Opus":              named("encoder", "description", "credit", func(k, v string) []byte { return opus(k + "=" + v) }),
		"WAV INFO": fixed("ISFT", "ICMT", "", func(k, v string) []byte {
			return wave(mediatest.RIFFChunk("LIST", append([]byte("INFO"), mediatest.RIFFChunk(k, append([]byte(v), 0))...)))
		}),
		"WAV ID3":                 named("Software", "Comment", "Credit", func(k, v string) []byte { return wave(mediatest.RIFFChunk("id3 ", id3text("TXXX", k, "\x00", v))) }),
		"WAV XMP":                 packet(func(b []byte) []byte { return wave(mediatest.RIFFChunk("_PMX", b)) }),
		"AIFF texts":              fixed("", "ANNO", "AUTH", func(k, v string) []byte { return aiff(bigChunk(k, []byte(v))) }),
		"AIFF ID3":                named("Software", "Comment", "Credit", func(k, v string) []byte { return aiff(bigChunk("ID3 ", id3text("TXXX", k, "\x00", v))) }),
		"Matroska tags":           named("ENCODER", "COMMENT", "CREDIT", mkv),
		"PDF information":         named("Producer", "Subject", "Credit", func(k, v string) []byte { return info(k, literal(v)) }),
		"PDF information, hex":    named("Creator", "Title", "Author", func(k, v string) []byte { return info(k, fmt.Sprintf("<%x>", v)) }),
		"PDF information, UTF-16": named("Producer", "Subject", "Credit", func(k, v string) []byte { return info(k, fmt.Sprintf("<FEFF%x>", utf16be(v))) }),
		"PDF XMP":                 packet(func(b []byte) []byte { return pdfWith(string(b)) }),
		"PDF XMP, in the middle": packet(func(b []byte) []byte {
			far := strings.Repeat("% nothing\n", 130<<10)
			return pdf(far+fmt.Sprintf("2 0 obj\n<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream\nendobj\n", len(b), b)+far, "")
		}),
		"PDF XMP, packed": packet(func(b []byte) []byte {
			b = mediatest.Deflate(b)
			return pdf(fmt.Sprintf("2 0 obj\n<< /Type /Metadata /Subtype /XML /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj", len(b), b), "")
		}),
		"Word, core": fixed("", "dc:description", "dc:creator", func(k, v string) []byte {
			return docx("docProps/core.xml", `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><`+k+`>`+html.EscapeString(v)+`</`+k+`></cp:coreProperties>`)
		}),
		"Word, of the application": fixed("Application", "", "", func(k, v string) []byte {
			return docx("docProps/app.xml", `<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><`+k+`>`+html.EscapeString(v)+`</`+k+`></Properties>`)
		}),
		"Word, custom": named("Software", "Comments", "Credit", func(k, v string) []byte { return docx("docProps/custom.xml", property(k, v)) }),
		"OpenDocument": named("generator", "description", "credit", func(k, v string) []byte {
			return zipped("mimetype", "application/vnd.oasis.opendocument.text", "meta.xml", `<office:document-meta xmlns:office="o" xmlns:meta="m"><office:meta><meta:user-defined meta:name="`+k+`">`+html.EscapeString(v)+`</meta:user-defined></office:meta></office:document-meta>`)
		}),
		"EPUB": named("generator", "description", "publisher", func(k, v string) []byte {
			return zipped("mimetype", "application/epub+zip", "OEBPS/content.opf", `<package><metadata><meta name="`+k+`" content="`+html.EscapeString(v)+`"/></metadata></package>`)
		}),
		"HTML meta": named("generator", "description", "author", func(k, v string) []byte {
			return []byte(`<!DOCTYPE html><html><head><meta name="` + k + `" content="` + html.EscapeString(v) + `"></head><body>x</body></html>`)
		}),
		"HTML structured data": named("generator", "description", "creditText", func(k, v string) []byte {
			if k == "creditText" {
				k = "credit"
			}
			return fmt.Appendf(nil, `<!DOCTYPE html><html><script type="application/ld+json">{"@type":"ImageObject","%s":%q}</script></html>`, k, v)
		}),
		"SVG metadata": packet(func(b []byte) []byte {
			return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><metadata>` + string(b) + `</metadata></svg>`)
		}),
		"SVG description": only(func(v string) []byte {
			return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><desc>` + html.EscapeString(v) + `</desc></svg>`)
		}),
		"SVG comment": fixed("Generator", "Description", "Credit", func(k, v string) []byte {
			return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- ` + k + `: ` + strings.ReplaceAll(v, "--", "- -") + ` --></svg>`)
		}),
		"DICOM texts": fixed("program", "text", "", func(k, v string) []byte {
			if k == "program" {
				return dicom(0x00181020, "LO", v)
			}
			return dicom(0x00204000, "LT", v)
		}),
		"DICOM private text": only(func(v string) []byte { return dicom(0x00091001, "UT", v) }),
	}
}

func freeform(name, value string) []byte {
	item := mediatest.Box("----", mediatest.Box("mean", []byte("\x00\x00\x00\x00com.apple.iTunes")), mediatest.Box("name", []byte("\x00\x00\x00\x00"+name)),
		mediatest.Box("data", []byte("\x00\x00\x00\x01\x00\x00\x00\x00"+value)))
	return mediatest.Box("moov", mediatest.Box("udta", mediatest.Box("meta", []byte{0, 0, 0, 0}, mediatest.Box("hdlr", make([]byte, 24)), mediatest.Box("ilst", item))))
}

// TestEveryDeclarationThroughEveryDoor puts everything that the dictionary knows into every place
// that can carry it. It is found wherever it is put, and where it cannot be put there is a reason.
func TestEveryDeclarationThroughEveryDoor(t *testing.T) {
	all := doors(t)
	found, without := 0, map[string]int{}
	for where, put := range all {
		for what, d := range declarations {
			b, why := put(t, d)
			if b == nil {
				if without[why]++; why == "" {
					t.Errorf("%s, %s: neither a file nor a reason", where, what)
				}
				continue
			}
			labels := labelsOf(look(t, b))
			if !slices.Contains(labels, d.want) {
				t.Errorf("%s, %s: %v, want %s", where, what, labels, d.want)
			}
			found++
		}
	}
	t.Logf("%d doors, %d declarations: %d found; not to be carried: %v", len(all), len(declarations), found, without)
	if len(all) < 60 || found < 700 {
		t.Errorf("only %d doors, %d found", len(all), found)
	}
}
