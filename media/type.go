package media

import (
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// Type is what the bytes are, whatever they are called.
type Type string

// Types that Sniff tells apart.
const (
	Unknown    Type = "unknown"
	Empty      Type = "empty"
	JPEG       Type = "jpeg"
	PNG        Type = "png"
	GIF        Type = "gif"
	WebP       Type = "webp"
	TIFF       Type = "tiff" // also most raw formats of cameras
	DNG        Type = "dng"
	BMP        Type = "bmp"
	ICO        Type = "ico"
	PSD        Type = "psd"
	HEIC       Type = "heic"
	AVIF       Type = "avif"
	CR3        Type = "cr3" // raw files of Canon's cameras
	JPEGXL     Type = "jxl"
	JPEG2000   Type = "jp2"
	SVG        Type = "svg"
	MP4        Type = "mp4"
	MOV        Type = "mov"
	M4A        Type = "m4a"
	AVI        Type = "avi"
	Matroska   Type = "matroska" // also WebM
	WAV        Type = "wav"
	RIFF       Type = "riff" // neither WAVE nor AVI nor WebP
	FLAC       Type = "flac"
	MP3        Type = "mp3"
	Ogg        Type = "ogg"
	AIFF       Type = "aiff"
	AMR        Type = "amr"
	AAC        Type = "aac"
	PDF        Type = "pdf"
	OOXML      Type = "ooxml" // Word, Excel, PowerPoint of today
	OLE        Type = "ole"   // of yesterday
	RTF        Type = "rtf"
	DICOM      Type = "dicom"
	CDA        Type = "cda"       // a clinical document of HL7 version 3
	FHIRJSON   Type = "fhir-json" // resources of HL7 FHIR
	FHIRXML    Type = "fhir-xml"
	JOSE       Type = "jose" // something signed or encrypted for the web: JWS, JWE
	C2PA       Type = "c2pa" // a manifest store kept beside its asset
	ZIP        Type = "zip"
	Archive    Type = "archive" // gzip, bzip2, xz, zstd, tar, 7z, RAR and others that are no ZIP
	Executable Type = "executable"
	HTML       Type = "html"
	XML        Type = "xml"
	JSON       Type = "json"
	Text       Type = "text"
)

// info is what follows from a type.
type info struct {
	mime     string
	modality cordon.Modality
	ext      []string // usual extensions, the preferred one first
	mimes    []string // other media types that senders use for it
}

var infos = map[Type]info{
	Unknown:  {"application/octet-stream", cordon.Other, nil, nil},
	Empty:    {"application/x-empty", cordon.Other, nil, nil},
	JPEG:     {"image/jpeg", cordon.Image, []string{"jpg", "jpeg", "jpe", "jfif", "mpo", "jps", "thm"}, []string{"image/jpg", "image/pjpeg", "image/mpo"}},
	PNG:      {"image/png", cordon.Image, []string{"png", "apng"}, []string{"image/apng", "image/x-png", "image/vnd.mozilla.apng"}},
	GIF:      {"image/gif", cordon.Image, []string{"gif"}, nil},
	WebP:     {"image/webp", cordon.Image, []string{"webp"}, nil},
	TIFF:     {"image/tiff", cordon.Image, []string{"tif", "tiff", "cr2", "nef", "arw", "orf", "rw2", "pef", "srw", "nrw", "gtf", "svs"}, []string{"image/x-tiff", "image/tif"}},
	DNG:      {"image/x-adobe-dng", cordon.Image, []string{"dng", "tif", "tiff"}, []string{"image/dng", "image/tiff"}},
	BMP:      {"image/bmp", cordon.Image, []string{"bmp", "dib"}, []string{"image/x-ms-bmp", "image/x-bmp"}},
	ICO:      {"image/vnd.microsoft.icon", cordon.Image, []string{"ico", "cur"}, []string{"image/x-icon"}},
	PSD:      {"image/vnd.adobe.photoshop", cordon.Image, []string{"psd", "psb"}, []string{"application/x-photoshop"}},
	HEIC:     {"image/heic", cordon.Image, []string{"heic", "heif", "hif"}, []string{"image/heif", "image/heic-sequence", "image/heif-sequence"}},
	AVIF:     {"image/avif", cordon.Image, []string{"avif", "avifs"}, []string{"image/avif-sequence"}},
	CR3:      {"image/x-canon-cr3", cordon.Image, []string{"cr3", "crm"}, []string{"image/x-canon-crm", "image/x-raw", "image/cr3", "video/mp4"}},
	JPEGXL:   {"image/jxl", cordon.Image, []string{"jxl"}, nil},
	JPEG2000: {"image/jp2", cordon.Image, []string{"jp2", "j2k", "jpx", "jpf", "j2c"}, []string{"image/jpx", "image/jpm"}},
	SVG:      {"image/svg+xml", cordon.Image, []string{"svg"}, []string{"image/svg", "application/xml", "text/xml"}},
	MP4:      {"video/mp4", cordon.Video, []string{"mp4", "m4v", "mp4v", "3gp", "3g2", "f4v", "cmfv", "m4a"}, []string{"video/x-m4v", "video/3gpp", "audio/mp4", "application/mp4", "video/quicktime"}},
	MOV:      {"video/quicktime", cordon.Video, []string{"mov", "qt"}, []string{"video/mp4"}},
	M4A:      {"audio/mp4", cordon.Audio, []string{"m4a", "m4b", "m4p", "mp4"}, []string{"audio/x-m4a", "audio/m4a", "video/mp4", "audio/aac"}},
	AVI:      {"video/x-msvideo", cordon.Video, []string{"avi"}, []string{"video/avi", "video/msvideo", "video/vnd.avi"}},
	Matroska: {"video/x-matroska", cordon.Video, []string{"mkv", "webm", "mka", "weba"}, []string{"video/webm", "audio/webm", "video/matroska", "audio/x-matroska"}},
	WAV:      {"audio/wav", cordon.Audio, []string{"wav", "wave", "bwf", "rf64"}, []string{"audio/x-wav", "audio/wave", "audio/vnd.wave"}},
	RIFF:     {"application/octet-stream", cordon.Other, []string{"riff"}, nil},
	FLAC:     {"audio/flac", cordon.Audio, []string{"flac"}, []string{"audio/x-flac"}},
	MP3:      {"audio/mpeg", cordon.Audio, []string{"mp3", "mp2", "mpga"}, []string{"audio/mp3", "audio/mpeg3", "audio/x-mpeg-3", "audio/x-mp3"}},
	Ogg:      {"audio/ogg", cordon.Audio, []string{"ogg", "oga", "opus", "ogv", "spx", "ogx"}, []string{"audio/opus", "video/ogg", "application/ogg"}},
	AIFF:     {"audio/aiff", cordon.Audio, []string{"aiff", "aif", "aifc"}, []string{"audio/x-aiff"}},
	AMR:      {"audio/amr", cordon.Audio, []string{"amr", "awb"}, []string{"audio/amr-wb"}},
	AAC:      {"audio/aac", cordon.Audio, []string{"aac"}, []string{"audio/x-aac", "audio/aacp"}},
	PDF:      {"application/pdf", cordon.Document, []string{"pdf", "ai"}, []string{"application/x-pdf"}},
	OOXML:    {"application/vnd.openxmlformats-officedocument", cordon.Document, []string{"docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "dotx", "xltx", "ppsx"}, nil},
	OLE:      {"application/x-ole-storage", cordon.Document, []string{"doc", "xls", "ppt", "msg", "msi", "dot", "xlt", "pps"}, []string{"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.ms-outlook"}},
	RTF:      {"application/rtf", cordon.Document, []string{"rtf", "doc"}, []string{"text/rtf", "application/msword"}},
	DICOM:    {"application/dicom", cordon.Clinical, []string{"dcm", "dicom", "ima"}, nil},
	CDA:      {"text/xml", cordon.Document, []string{"xml", "cda", "ccd", "ccda"}, []string{"application/xml", "application/hl7-sda+xml", "application/hl7-cda+xml"}},
	FHIRJSON: {"application/fhir+json", cordon.Document, []string{"json", "ndjson", "fhir"}, []string{"application/json", "application/json+fhir", "application/fhir+ndjson"}},
	FHIRXML:  {"application/fhir+xml", cordon.Document, []string{"xml", "fhir"}, []string{"application/xml", "text/xml", "application/xml+fhir"}},
	JOSE:     {"application/jose", cordon.Other, []string{"jws", "jwt", "jose", "json", "txt"}, []string{"application/jose+json", "application/jwt", "application/json", "text/plain"}},
	C2PA:     {"application/c2pa", cordon.Other, []string{"c2pa"}, []string{"application/x-c2pa-manifest-store"}},
	ZIP:      {"application/zip", cordon.Other, []string{"zip", "jar", "apk", "odt", "ods", "odp", "epub", "kmz"}, []string{"application/x-zip-compressed", "application/x-zip"}},
	Archive: {"application/x-archive", cordon.Other, []string{"gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "lz4", "cab", "lz", "lzma", "z", "cpio", "lzh", "lha"},
		[]string{"application/gzip", "application/x-7z-compressed", "application/vnd.rar", "application/x-gzip", "application/x-tar", "application/x-xz", "application/zstd", "application/vnd.ms-cab-compressed"}},
	Executable: {"application/x-executable", cordon.Other, []string{"exe", "dll", "com", "scr", "so", "bin", "sh"}, []string{"application/vnd.microsoft.portable-executable", "application/x-msdownload"}},
	HTML:       {"text/html", cordon.Other, []string{"html", "htm", "xhtml"}, []string{"application/xhtml+xml"}},
	XML:        {"application/xml", cordon.Other, []string{"xml", "xsl", "xsd", "xmp"}, []string{"text/xml", "application/rdf+xml"}},
	JSON:       {"application/json", cordon.Other, []string{"json", "geojson", "ipynb"}, nil},
	Text:       {"text/plain", cordon.Other, []string{"txt", "csv", "tsv", "md", "log", "ini", "yml", "yaml"}, []string{"text/csv", "text/markdown"}},
}

// MediaType is the registered media type, "application/octet-stream" if there is none.
func (t Type) MediaType() string { return infos[t].mime }

// Modality is the broad kind of content.
func (t Type) Modality() cordon.Modality { return infos[t].modality }

// Extensions lists usual file name extensions without the dot, the preferred one first.
func (t Type) Extensions() []string { return slices.Clone(infos[t].ext) }

// Types returns every type, sorted.
func Types() []Type {
	out := make([]Type, 0, len(infos))
	for t := range infos {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// ByExtension returns the types that usually carry the extension, given with or without dot.
func ByExtension(ext string) []Type {
	ext = strings.ToLower(strings.TrimPrefix(ext, "."))
	return having(func(i info) bool { return ext != "" && slices.Contains(i.ext, ext) })
}

// ByMediaType returns the types that senders mean by the media type; parameters are ignored.
func ByMediaType(mime string) []Type {
	mime, _, _ = strings.Cut(strings.ToLower(mime), ";")
	mime = strings.TrimSpace(mime)
	if mime == "" || mime == infos[Unknown].mime {
		return nil
	}
	if strings.HasPrefix(mime, infos[OOXML].mime) {
		return []Type{OOXML}
	}
	return having(func(i info) bool { return i.mime == mime || slices.Contains(i.mimes, mime) })
}

func having(ok func(info) bool) []Type {
	var out []Type
	for t, i := range infos {
		if ok(i) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}
