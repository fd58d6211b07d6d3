package marks_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media/mediatest"
)

func look(t testing.TB, b []byte) []cordon.Finding {
	t.Helper()
	found, err := marks.New(marks.Config{}).Inspect(context.Background(), mediatest.OpenBytes(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func labelsOf(found []cordon.Finding) []cordon.Label {
	var out []cordon.Label
	for _, f := range found {
		out = append(out, f.Label)
	}
	return out
}

const (
	a1111   = "a hill, oil painting\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 965400086, Size: 512x512, Model hash: fe4efff1e1"
	graph   = `{"3": {"inputs": {"seed": 1, "steps": 20, "cfg": NaN}, "class_type": "KSampler"}}`
	flow    = `{"last_node_id": 9, "last_link_id": 9, "nodes": [{"id": 1, "type": "KSampler"}], "links": []}`
	trained = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	partly  = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
	aigc    = `{"Label":"1","ContentProducer":"001191440300708461136T","ProduceID":"A1","ReservedCode1":"","ContentPropagator":"","PropagateID":"","ReservedCode2":""}`
)

func utf16le(s string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

func utf16be(s string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	return b
}

// iim is one IPTC dataset of record 2.
func iim(set byte, s string) []byte {
	return append([]byte{0x1C, 2, set, byte(len(s) >> 8), byte(len(s))}, s...)
}

// app13 wraps IPTC as Photoshop does.
func app13(b []byte) []byte {
	out := append([]byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(b)))...)
	return append(append(out, b...), make([]byte, len(b)%2)...)
}

func id3(frames ...[]byte) []byte {
	body := slices.Concat(frames...)
	n := len(body)
	return append([]byte{'I', 'D', '3', 3, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}, body...)
}

func id3Frame(name string, payload []byte) []byte {
	out := append([]byte(name), binary.BigEndian.AppendUint32(nil, uint32(len(payload)))...)
	return append(append(out, 0, 0), payload...)
}

func mp4(boxes ...[]byte) []byte {
	return slices.Concat(mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")), slices.Concat(boxes...))
}

// ilst is a tag of iTunes: a box of the name that holds a data box.
func ilst(name, value string) []byte {
	item := mediatest.Box(name, mediatest.Box("data", []byte("\x00\x00\x00\x01\x00\x00\x00\x00"+value)))
	return mediatest.Box("moov", mediatest.Box("udta", mediatest.Box("meta", []byte{0, 0, 0, 0}, mediatest.Box("hdlr", make([]byte, 24)), mediatest.Box("ilst", item))))
}

// keys is QuickTime metadata: names in one box, values by number in another.
func keys(name, value string) []byte {
	key := append(binary.BigEndian.AppendUint32(nil, uint32(8+len(name))), "mdta"+name...)
	item := mediatest.Box("\x00\x00\x00\x01", mediatest.Box("data", []byte("\x00\x00\x00\x01\x00\x00\x00\x00"+value)))
	return mediatest.Box("moov", mediatest.Box("meta", mediatest.Box("hdlr", make([]byte, 24)),
		mediatest.Box("keys", []byte{0, 0, 0, 0, 0, 0, 0, 1}, key), mediatest.Box("ilst", item)))
}

func vorbis(pairs ...string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 6)
	b = append(b, "vendor"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// heif holds EXIF and XMP as items.
func heif(exif, xmp []byte) []byte {
	infe := func(id byte, kind, rest string) []byte {
		return mediatest.Box("infe", []byte{2, 0, 0, 0, 0, id, 0, 0}, []byte(kind), []byte(rest))
	}
	ftyp := mediatest.Box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic"))
	payload := slices.Concat([]byte{0, 0, 0, 0}, exif, xmp)
	build := func(at uint32) []byte {
		iloc := []byte{0, 0, 0, 0, 0x44, 0x00, 0, 2}
		for _, e := range [][3]uint32{{1, at, uint32(len(exif) + 4)}, {2, at + uint32(len(exif)+4), uint32(len(xmp))}} {
			iloc = append(iloc, 0, byte(e[0]), 0, 0, 0, 1)
			iloc = binary.BigEndian.AppendUint32(iloc, e[1])
			iloc = binary.BigEndian.AppendUint32(iloc, e[2])
		}
		return mediatest.Box("meta", []byte{0, 0, 0, 0}, mediatest.Box("hdlr", make([]byte, 24)),
			mediatest.Box("iinf", []byte{0, 0, 0, 0, 0, 2}, infe(1, "Exif", "\x00"), infe(2, "mime", "\x00application/rdf+xml\x00")), mediatest.Box("iloc", iloc))
	}
	meta := build(0)
	meta = build(uint32(len(ftyp) + len(meta) + 8))
	return slices.Concat(ftyp, meta, mediatest.Box("mdat", payload))
}

func TestMarks(t *testing.T) {
	jpg, png, gif := mediatest.JPEG(t, 8, 8), mediatest.PNG(t, 8, 8), mediatest.GIF(t, 8, 8)
	exif := func(tags ...mediatest.Tag) []byte { return mediatest.EXIF(jpg, mediatest.TIFF(tags)) }
	comment := func(code string, text []byte) []byte {
		return mediatest.EXIF(jpg, mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "x")}, mediatest.Tag{ID: 37510, Type: 7, Value: append([]byte(code), text...)}))
	}
	xmp := func(properties string) []byte {
		return mediatest.Segment(jpg, 0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+mediatest.XMP(properties)))
	}
	gen, syn, comp := cordon.LabelGeneratorMark, cordon.LabelSyntheticTag, cordon.LabelCompositeTag
	edit, cam, none, limit := cordon.LabelEditorMark, cordon.LabelCameraMark, cordon.LabelNoMarks, cordon.LabelLimit
	stated := cordon.LabelOriginStated

	tests := []struct {
		what string
		b    []byte
		want []cordon.Label
	}{
		// where marks are found
		{"A1111 in PNG text", mediatest.Text(png, "parameters", a1111), []cordon.Label{gen}},
		{"A1111 in compressed text", mediatest.Chunk(png, "zTXt", append([]byte("parameters\x00\x00"), mediatest.Deflate([]byte(a1111))...)), []cordon.Label{gen}},
		{"A1111 in international text", mediatest.Chunk(png, "iTXt", append([]byte("parameters\x00\x00\x00de\x00Werte\x00"), a1111...)), []cordon.Label{gen}},
		{"A1111 in compressed international text", mediatest.Chunk(png, "iTXt", append([]byte("parameters\x00\x01\x00\x00\x00"), mediatest.Deflate([]byte(a1111))...)), []cordon.Label{gen}},
		{"A1111 in EXIF, UTF-16 of the other byte order", comment("UNICODE\x00", utf16be(a1111)), []cordon.Label{gen, cam}},
		{"A1111 in EXIF, UTF-16", comment("UNICODE\x00", utf16le(a1111)), []cordon.Label{gen, cam}},
		{"A1111 in EXIF, ASCII", comment("ASCII\x00\x00\x00", []byte(a1111)), []cordon.Label{gen, cam}},
		{"A1111 in EXIF, no encoding named", comment("\x00\x00\x00\x00\x00\x00\x00\x00", []byte(a1111)), []cordon.Label{gen, cam}},
		{"A1111 in the comment of a JPEG", mediatest.Segment(jpg, 0xFE, []byte(a1111)), []cordon.Label{gen}},
		{"A1111 in the comment of a GIF", gifComment(gif, "Steps: 30, Sampler: Euler, CFG scale: 7, Seed: 5"), []cordon.Label{gen}},
		{"A1111 on one line", exif(mediatest.Ascii(270, strings.ReplaceAll(a1111, "\n", " "))), []cordon.Label{gen}},
		{"A1111 in XPComment", exif(mediatest.Tag{ID: 40092, Type: 1, Value: utf16le(a1111)}), []cordon.Label{gen}},
		{"eXIf of a PNG", mediatest.Chunk(png, "eXIf", mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "NovelAI")})), []cordon.Label{gen}},
		{"EXIF of a WebP", mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8X", make([]byte, 10)), mediatest.RIFFChunk("EXIF", mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(272, "prompt:"+graph)}))), []cordon.Label{gen}},
		{"XMP of a WebP", mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8X", make([]byte, 10)), mediatest.RIFFChunk("XMP ", []byte(mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>`+trained+`</Iptc4xmpExt:DigitalSourceType>`)))), []cordon.Label{syn}},
		{"XMP of a GIF", gifXMP(gif, mediatest.XMP(`<xmp:CreatorTool>Midjourney 6</xmp:CreatorTool>`)), []cordon.Label{gen}},
		{"a TIFF file", mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "InvokeAI 5.1")}), []cordon.Label{gen}},
		{"XMP in a TIFF tag", mediatest.TIFF([]mediatest.Tag{{ID: 700, Type: 1, Value: []byte(mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>` + partly + `</Iptc4xmpExt:DigitalSourceType>`))}}), []cordon.Label{comp}},
		{"items of a HEIF", heif(mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Apple")}), []byte(mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>`+partly+`</Iptc4xmpExt:DigitalSourceType>`))), []cordon.Label{comp, cam}},
		{"hexadecimal profile by ImageMagick", mediatest.Text(png, "Raw profile type exif", rawProfile("exif", append([]byte("Exif\x00\x00"), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "NovelAI")})...))), []cordon.Label{gen}},
		{"tag of an MP4", mp4(ilst("\xA9too", "HunyuanVideo 1.0")), []cordon.Label{gen}},
		{"graph in the comment of an MP4", mp4(ilst("\xA9cmt", `{"prompt": "{\"3\": {\"inputs\": {\"seed\": 1}, \"class_type\": \"KSampler\"}}", "CreationTime": ""}`)), []cordon.Label{gen}},
		{"QuickTime key", mp4(keys("com.apple.quicktime.software", "Runway Gen-3")), []cordon.Label{gen}},
		{"AIGC as QuickTime key", mp4(keys("AIGC", aigc)), []cordon.Label{syn}},
		{"XMP box of an MP4", mp4(mediatest.Box("uuid", []byte("\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC"), []byte(mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>`+trained+`</Iptc4xmpExt:DigitalSourceType>`))), mediatest.Box("moov")), []cordon.Label{syn}},
		{"INFO of a WAVE", mediatest.RIFF("WAVE", mediatest.RIFFChunk("LIST", append([]byte("INFO"), mediatest.RIFFChunk("ISFT", []byte("ElevenLabs\x00"))...)), mediatest.RIFFChunk("data", []byte{0, 0})), []cordon.Label{gen}},
		{"comment of an MP3", id3(id3Frame("COMM", append([]byte{3, 'e', 'n', 'g', 0}, "made with suno; created=2026-02-25T03:57:12Z; id=6ec687e6-b51d-4a4b-9472-27bd8be77ffa"...))), []cordon.Label{gen}},
		{"user text of an MP3, UTF-16", id3(id3Frame("TXXX", append([]byte{1}, slices.Concat([]byte{0xFF, 0xFE}, utf16le("prompt"), []byte{0, 0, 0xFF, 0xFE}, utf16le(graph))...))), []cordon.Label{gen}},
		{"comment of a FLAC", append([]byte("fLaC\x84\x00\x00"+string(rune(len(vorbis("PROMPT="+graph))))), vorbis("PROMPT="+graph)...), []cordon.Label{gen}},
		{"comment of an Ogg", ogg(append([]byte("\x03vorbis"), vorbis("COMMENT=made with udio")...)), []cordon.Label{gen}},
		{"XMP in an SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><metadata>` + mediatest.XMP(`<xmp:CreatorTool>Recraft V3</xmp:CreatorTool>`) + `</metadata></svg>`), []cordon.Label{gen}},
		{"credit in IPTC", mediatest.Segment(jpg, 0xED, app13(iim(110, "Made with Google AI"))), []cordon.Label{syn}},
		{"edit credit in IPTC", mediatest.Segment(jpg, 0xED, app13(slices.Concat(iim(80, "A. Person"), iim(110, "Edited with Google AI")))), []cordon.Label{comp}},

		// how source types are spelt
		{"source type as an attribute", xmp(`</rdf:Description><rdf:Description rdf:about="" Iptc4xmpExt:DigitalSourceType="` + trained + `">`), []cordon.Label{syn}},
		{"source type as a resource", xmp(`<Iptc4xmpExt:DigitalSourceType rdf:resource="` + trained + `"/>`), []cordon.Label{syn}},
		{"source type as a code, other prefix", xmp(`<q:DigitalSourceType xmlns:q="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">trainedAlgorithmicMedia</q:DigitalSourceType>`), []cordon.Label{syn}},
		{"source type over https", xmp(`<Iptc4xmpExt:DigitalSourceType>https://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic/</Iptc4xmpExt:DigitalSourceType>`), []cordon.Label{comp}},
		{"source type in a broken packet", mediatest.Segment(jpg, 0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta><a b=<c Iptc4xmpExt:DigitalSourceType=\""+trained+"\">")), []cordon.Label{syn}},
		{"XMP in UTF-16", mediatest.Segment(jpg, 0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00\xFF\xFE"), utf16le(mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>`+trained+`</Iptc4xmpExt:DigitalSourceType>`))...)), []cordon.Label{syn}},
		{"extended XMP in two parts, the later first", extendedXMP(jpg, mediatest.XMP(`<Iptc4xmpExt:DigitalSourceType>`+trained+`</Iptc4xmpExt:DigitalSourceType>`)), []cordon.Label{syn}},
		{"AIGC label in XMP", xmp(`<T:AIGC xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/">` + strings.ReplaceAll(aigc, `"`, "&quot;") + `</T:AIGC>`), []cordon.Label{syn}},
		{"AIGC label in a comment", comment("ASCII\x00\x00\x00", []byte(`{"AIGC":`+aigc+`}`)), []cordon.Label{syn, cam}},

		// generators
		{"ComfyUI workflow", mediatest.Text(png, "workflow", flow), []cordon.Label{gen}},
		{"InvokeAI", mediatest.Text(png, "invokeai_metadata", `{"app_version":"3"}`), []cordon.Label{gen}},
		{"NovelAI", mediatest.Text(mediatest.Text(png, "Software", "NovelAI"), "Source", "NovelAI Diffusion V4 37442FCA"), []cordon.Label{gen}},
		{"NovelAI without Software", mediatest.Text(png, "Comment", `{"prompt":"x","steps":28,"height":1216,"width":832,"scale":5.0,"uncond_scale":0.0,"seed":1,"sampler":"k_euler"}`), []cordon.Label{gen}},
		{"SwarmUI", mediatest.Text(png, "parameters", `{"sui_image_params":{"prompt":"x","model":"y"}}`), []cordon.Label{gen}},
		{"FLUX by its makers' program", exif(mediatest.Ascii(271, "Black Forest Labs"), mediatest.Ascii(272, "flux-dev"), mediatest.Ascii(305, "AI generated;txt2img;flux")), []cordon.Label{gen, syn}},
		{"Midjourney", mediatest.Text(png, "Description", "a hill --ar 4:3 --v 5.2 Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4"), []cordon.Label{gen}},
		{"Midjourney without options", mediatest.Text(png, "Description", "a hill Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4"), []cordon.Label{gen}},
		{"Firefly", mediatest.Text(png, "Software", "Adobe Firefly"), []cordon.Label{gen}},
		{"Firefly in a history", xmp(`<xmpMM:History><rdf:Seq><rdf:li rdf:parseType="Resource"><stEvt:action>created</stEvt:action><stEvt:softwareAgent>Adobe Firefly 2.0</stEvt:softwareAgent></rdf:li></rdf:Seq></xmpMM:History>`), []cordon.Label{gen, stated}},
		{"generative step in a history", xmp(`<xmpMM:History><rdf:Seq><rdf:li stEvt:action="derived" stEvt:parameters="Generative Fill" stEvt:softwareAgent="Adobe Photoshop 25.5" stEvt:when="2026-05-04T10:00:00Z"/></rdf:Seq></xmpMM:History>`), []cordon.Label{comp, edit, stated}},
		{"ordinary history", xmp(`<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved" stEvt:changed="/metadata" stEvt:softwareAgent="Adobe Lightroom 7"/><rdf:li stEvt:action="converted" stEvt:parameters="from image/x-adobe-dng to image/jpeg"/></rdf:Seq></xmpMM:History>`), []cordon.Label{edit, stated}},
		{"Clean Up of a telephone", xmp(`<photoshop:Credit>Apple Photos Clean Up</photoshop:Credit><xmp:CreatorTool>18.1</xmp:CreatorTool>`), []cordon.Label{comp}},
		{"says so", mediatest.Text(png, "Comment", "AI generated image"), []cordon.Label{cordon.LabelPossibleTag}},
		{"says so twice, once by a program", mediatest.Text(mediatest.Text(png, "Comment", "AI generated image"), "Software", "AI generated"), []cordon.Label{syn}},
		{"Office's notice", mediatest.Text(png, "Comment", "A dog on a chair. AI-generated content may be incorrect."), []cordon.Label{none}},
		{"a picture made larger", mediatest.Text(png, "postprocessing", "Postprocess upscale by: 4, Postprocess upscaler: R-ESRGAN 4x+"), []cordon.Label{cordon.LabelPossibleTag}},
		{"AI system of IPTC 2025.1", xmp(`<I:AISystemUsed xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">Any</I:AISystemUsed>`), []cordon.Label{cordon.LabelCompositeTag}},
		{"ComfyUI in an animation", mediatest.Chunk(png, "comf", []byte("prompt\x00{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"seed\": 1}}}")), []cordon.Label{gen}},
		{"UTF-8 of Exif 3.0", exif(mediatest.Tag{ID: 305, Type: 129, Value: []byte("ComfyUI\x00")}), []cordon.Label{gen}},
		{"program of Exif 3.0", exif(mediatest.Ascii(42043, "Adobe Firefly")), []cordon.Label{gen}},

		// what must not be taken for a generator
		{"nothing", jpg, []cordon.Label{none}},
		{"camera", exif(mediatest.Ascii(271, "Canon"), mediatest.Ascii(272, "Canon EOS 5D")), []cordon.Label{cam}},
		{"camera and editor", exif(mediatest.Ascii(271, "Canon"), mediatest.Ascii(305, "Adobe Photoshop 25.0 (Macintosh)")), []cordon.Label{edit, cam}},
		{"camera called Gemini", exif(mediatest.Ascii(271, "Trust."), mediatest.Ascii(272, "Gemini11")), []cordon.Label{cam}},
		{"program called Flux", exif(mediatest.Ascii(305, "f.lux"), mediatest.Ascii(316, "Flux Player 2")), []cordon.Label{none}},
		{"diffusion in a caption", exif(mediatest.Ascii(270, "Diffusion MRI, stable, 20 steps, seed 4")), []cordon.Label{none}},
		{"Imagen is a Spanish word", exif(mediatest.Ascii(305, "Imagen Médica 3"), mediatest.Ascii(270, "Imagen generada por el escáner")), []cordon.Label{none}},
		{"steps of a recipe", exif(mediatest.Ascii(270, "Steps: 5, wash hands. Size: large")), []cordon.Label{none}},
		{"Midjourney in a caption about it", exif(mediatest.Ascii(270, "Panel about Midjourney and Stable Diffusion, Berlin 2024")), []cordon.Label{none}},
		{"DALL-E in a person's keywords", mediatest.Segment(jpg, 0xED, app13(iim(25, "DALL-E"))), []cordon.Label{none}},
		{"job of a scanner", exif(mediatest.Ascii(270, "Scan Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4")), []cordon.Label{none}},
		{"other JSON", mediatest.Text(png, "Comment", `{"steps": 3, "seed": 7, "name": "random walk"}`), []cordon.Label{none}},
		{"workflow of something else", mediatest.Text(png, "workflow", `{"nodes": [{"type": "n8n-nodes-base.start"}], "connections": {}}`), []cordon.Label{none}},
		{"prompt that is none", mediatest.Text(png, "prompt", "C:\\>"), []cordon.Label{none}},
		{"source type of a camera", xmp(`<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</Iptc4xmpExt:DigitalSourceType>`), []cordon.Label{stated}},
		{"algorithm without training", xmp(`<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia</Iptc4xmpExt:DigitalSourceType>`), []cordon.Label{stated}},
		{"source type in a caption", xmp(`<dc:description><rdf:Alt><rdf:li xml:lang="x-default">how to write trainedAlgorithmicMedia</rdf:li></rdf:Alt></dc:description>`), []cordon.Label{none}},
		{"AIGC label that only suspects", xmp(`<T:AIGC xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/">{"Label":"3","ContentProducer":""}</T:AIGC>`), []cordon.Label{cordon.LabelPossibleTag}},
		{"Sora is a name", exif(mediatest.Ascii(315, "Sora Tanaka"), mediatest.Ascii(33432, "Sora Tanaka 2024")), []cordon.Label{none}},
		{"made with love", exif(mediatest.Ascii(270, "Made with AIr brush")), []cordon.Label{none}},
		{"encoder of everything", mp4(ilst("\xA9too", "Lavf61.7.100")), []cordon.Label{edit}},
		{"producer of a PDF", []byte("%PDF-1.4\n1 0 obj <</Producer (Press 2) /Creator (Word)>>\n%%EOF"), []cordon.Label{edit}},
		{"maker's binary note", exif(mediatest.Ascii(271, "NIKON"), mediatest.Tag{ID: 37500, Type: 7, Value: []byte("Nikon\x00\x02\x10\x00\x00MM\x00*prompt")}), []cordon.Label{cam}},

		// limits
		{"text that unpacks without end", mediatest.Chunk(png, "zTXt", append([]byte("Comment\x00\x00"), mediatest.Deflate(make([]byte, 64<<20))...)), []cordon.Label{limit}},
		{"a mark in front of a bomb", mediatest.Chunk(png, "zTXt", append([]byte("parameters\x00\x00"), mediatest.Deflate(append([]byte(a1111), make([]byte, 64<<20)...))...)), []cordon.Label{gen, limit}},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			found := look(t, test.b)
			if got := labelsOf(found); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
				for _, f := range found {
					t.Logf("%s %v", f.Sentence, f.Detail)
				}
			}
		})
	}
}

// What a person wrote around a mark is theirs: only the mark is quoted.
func TestEvidenceQuotesOnlyTheMark(t *testing.T) {
	b := mediatest.Text(mediatest.PNG(t, 8, 8), "parameters", "portrait of my neighbour Anna Example\n"+a1111[strings.Index(a1111, "Steps"):])
	for _, f := range look(t, b) {
		if s := fmt.Sprint(f.Sentence, f.Detail); strings.Contains(s, "Anna") || strings.Contains(s, "neighbour") {
			t.Errorf("the prompt is quoted: %s", s)
		}
	}
	b = mediatest.Text(mediatest.PNG(t, 8, 8), "Description", "my neighbour Anna --ar 4:3 --v 5.2 Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4")
	for _, f := range look(t, b) {
		if s := fmt.Sprint(f.Sentence, f.Detail); strings.Contains(s, "Anna") {
			t.Errorf("the prompt is quoted: %s", s)
		}
	}
}

func TestNotCovered(t *testing.T) {
	for _, b := range []string{"hello", "a,b\n1,2\n", "\x01\x02\x03\x04\x00\x00", ""} {
		if f := look(t, []byte(b))[0]; f.Status != cordon.StatusNotApplicable || f.Label != cordon.LabelNotCovered {
			t.Errorf("%q: %+v", b, f)
		}
	}
}

func gifComment(gif []byte, text string) []byte {
	return slices.Concat(gif[:len(gif)-1], []byte{0x21, 0xFE, byte(len(text))}, []byte(text), []byte{0, 0x3B})
}

// gifXMP stores a packet the way Adobe defined it: raw, with a trailer that readers of
// sub-blocks can land on anywhere.
func gifXMP(gif []byte, packet string) []byte {
	trailer := []byte{1}
	for c := 255; c >= 0; c-- {
		trailer = append(trailer, byte(c))
	}
	return slices.Concat(gif[:len(gif)-1], []byte{0x21, 0xFF, 11}, []byte("XMP DataXMP"), []byte(packet), trailer, []byte{0, 0x3B})
}

func rawProfile(name string, b []byte) string {
	return fmt.Sprintf("\n%s\n%8d\n%x\n", name, len(b), b)
}

func extendedXMP(jpg []byte, packet string) []byte {
	part := func(from, to int) []byte {
		b := append([]byte("http://ns.adobe.com/xmp/extension/\x00"), strings.Repeat("A", 32)...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(packet)))
		b = binary.BigEndian.AppendUint32(b, uint32(from))
		return append(b, packet[from:to]...)
	}
	half := len(packet) / 2
	return mediatest.Segment(mediatest.Segment(jpg, 0xE1, part(0, half)), 0xE1, part(half, len(packet)))
}

func ogg(packet []byte) []byte {
	var out []byte
	for seq, p := range [][]byte{append([]byte("\x01vorbis"), make([]byte, 23)...), packet} {
		page := append([]byte("OggS\x00\x00"), make([]byte, 12)...)
		page = binary.LittleEndian.AppendUint32(page, uint32(seq))
		page = append(page, 0, 0, 0, 0, 1, byte(len(p)))
		out = append(out, append(page, p...)...)
	}
	return out
}

func FuzzInspect(f *testing.F) {
	png, jpg := mediatest.PNG(f, 4, 4), mediatest.JPEG(f, 8, 8)
	f.Add(mediatest.Text(png, "parameters", a1111))
	f.Add(mediatest.Chunk(png, "iTXt", append([]byte("parameters\x00\x01\x00\x00\x00"), mediatest.Deflate([]byte(a1111))...)))
	f.Add(mediatest.EXIF(jpg, mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "x")}, mediatest.Tag{ID: 37510, Type: 7, Value: []byte("UNICODE\x00a\x00")})))
	f.Add(mediatest.Segment(jpg, 0xED, app13(iim(110, "Made with Google AI"))))
	f.Add(extendedXMP(jpg, mediatest.XMP("")))
	f.Add(gifXMP(mediatest.GIF(f, 4, 4), mediatest.XMP("")))
	f.Add(mp4(ilst("\xA9too", "x")))
	f.Add(mp4(keys("k", "v")))
	f.Add(heif(mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Apple")}), []byte(mediatest.XMP(""))))
	f.Add(id3(id3Frame("COMM", []byte{3, 'e', 'n', 'g', 0, 'x'})))
	f.Add(append([]byte("fLaC\x84\x00\x00\x20"), vorbis("a=b")...))
	f.Add(ogg(append([]byte("\x03vorbis"), vorbis("COMMENT=x")...)))
	f.Add(mediatest.RIFF("WAVE", mediatest.RIFFChunk("LIST", append([]byte("INFO"), mediatest.RIFFChunk("ISFT", []byte("x"))...))))
	f.Add([]byte("%PDF-1.4\n<</Producer (a\\)b)>>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, found := range look(t, b) {
			if !found.Label.Valid() || found.Detail == nil || found.Sentence == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}

// What stands behind the picture is read as what stands before it.
func TestMetadataBehindThePicture(t *testing.T) {
	jpeg := mediatest.JPEG(t, 16, 16)
	segment := mediatest.Segment([]byte{0xFF, 0xD8}, 0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+mediatest.XMP("<Iptc4xmpExt:DigitalSourceType>"+trained+"</Iptc4xmpExt:DigitalSourceType>")))[2:]
	png, text := mediatest.PNG(t, 16, 16), mediatest.PNGChunk("tEXt", []byte("parameters\x00"+a1111))
	for name, c := range map[string]struct {
		file []byte
		want cordon.Label
	}{
		"JPEG, before the end": {slices.Concat(jpeg[:len(jpeg)-2], segment, jpeg[len(jpeg)-2:]), cordon.LabelSyntheticTag},
		"PNG, behind the end":  {slices.Concat(png, text), cordon.LabelGeneratorMark},
		"PNG, behind no chunk": {slices.Concat(png[:len(png)-12], []byte("noise"), text), cordon.LabelGeneratorMark},
	} {
		if got := labelsOf(look(t, c.file)); !slices.Contains(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
