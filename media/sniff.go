package media

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// sniffLen is how many bytes Open gives to Sniff. An SVG may begin with a long comment, and
// an Office file names its parts a few entries into the archive.
const sniffLen = 16 << 10

// magics are prefixes that decide alone.
var magics = []struct {
	prefix string
	is     Type
}{
	{"\xFF\xD8\xFF", JPEG},
	{"\x89PNG\r\n\x1a\n", PNG},
	{"GIF87a", GIF},
	{"GIF89a", GIF},
	{"8BPS\x00", PSD},
	{"\x00\x00\x00\x0CJXL \r\n\x87\n", JPEGXL},
	{"\xFF\x0A", JPEGXL},
	{"\x00\x00\x00\x0CjP  \r\n\x87\n", JPEG2000},
	{"\xFF\x4F\xFF\x51", JPEG2000},
	{"\x00\x00\x01\x00", ICO},
	{"fLaC", FLAC},
	{"OggS", Ogg},
	{"#!AMR", AMR},
	{"\x1A\x45\xDF\xA3", Matroska},
	{"%PDF-", PDF},
	{"{\\rtf", RTF},
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", OLE},
	{"\x1F\x8B\x08", Archive},
	{"BZh", Archive},
	{"\xFD7zXZ\x00", Archive},
	{"\x28\xB5\x2F\xFD", Archive},
	{"7z\xBC\xAF\x27\x1C", Archive},
	{"Rar!\x1A\x07", Archive},
	{"\x04\x22\x4D\x18", Archive},     // LZ4
	{"MSCF\x00\x00\x00\x00", Archive}, // Windows cabinet
	{"LZIP\x01", Archive},
	{"\x1F\x9D", Archive}, // compress
	{"\x1F\xA0", Archive},
	{"\x5D\x00\x00\x80\x00", Archive}, // LZMA alone
	{"!<arch>\n", Archive},
	{"07070", Archive}, // cpio
	{"xar!", Archive},
	{"MSWIM\x00\x00\x00", Archive},
	{"StuffIt ", Archive},
	{"SIT!", Archive},
	{"\x7FELF", Executable},
	{"\xFE\xED\xFA\xCE", Executable},
	{"\xFE\xED\xFA\xCF", Executable},
	{"\xCE\xFA\xED\xFE", Executable},
	{"\xCF\xFA\xED\xFE", Executable},
	{"\xCA\xFE\xBA\xBE", Executable},
	{"#!/", Executable},
}

// Sniff tells the type from the first bytes of a file; 16 KiB are enough for any type, and
// fewer for most. It never looks at names.
func Sniff(head []byte) Type {
	if len(head) == 0 {
		return Empty
	}
	// The preamble of a DICOM file may be anything, so its mark is looked for first.
	if len(head) >= 132 && string(head[128:132]) == "DICM" {
		return DICOM
	}
	for _, m := range magics {
		if len(head) >= len(m.prefix) && string(head[:len(m.prefix)]) == m.prefix {
			return m.is
		}
	}
	for _, try := range []func([]byte) Type{sniffRIFF, sniffTIFF, sniffBMFF, sniffZIP, sniffBMP, sniffTAR, sniffAudio, sniffDICOM} {
		if t := try(head); t != "" {
			return t
		}
	}
	if len(head) >= 64 && head[0] == 'M' && head[1] == 'Z' {
		return Executable
	}
	// Readers accept a PDF whose header comes within the first kilobyte.
	if bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")) {
		return PDF
	}
	return sniffText(head)
}

func sniffRIFF(b []byte) Type {
	if len(b) < 12 {
		return ""
	}
	switch string(b[:4]) {
	case "RIFF", "RF64", "BW64":
		switch string(b[8:12]) {
		case "WAVE":
			return WAV
		case "AVI ", "AVIX":
			return AVI
		case "WEBP":
			return WebP
		}
		return RIFF
	case "FORM":
		if s := string(b[8:12]); s == "AIFF" || s == "AIFC" {
			return AIFF
		}
	}
	return ""
}

func sniffTIFF(b []byte) Type {
	if len(b) < 8 {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00", "II+\x00":
	case "MM\x00*", "MM\x00+":
		order = binary.BigEndian
	case "IIU\x00", "IIRO", "IIRS", "MMOR":
		return TIFF // raw files of Panasonic and Olympus
	default:
		return ""
	}
	// DNG is a TIFF whose first directory has DNGVersion.
	first := int64(order.Uint32(b[4:]))
	if first+2 <= int64(len(b)) {
		n := int64(order.Uint16(b[first:]))
		for i := range n {
			at := first + 2 + i*12
			if at+12 > int64(len(b)) {
				break
			}
			if order.Uint16(b[at:]) == 50706 {
				return DNG
			}
		}
	}
	return TIFF
}

func sniffBMFF(b []byte) Type {
	if len(b) < 12 {
		return ""
	}
	switch string(b[4:8]) {
	case "ftyp":
		return sniffBrand(b)
	case "moov", "mdat", "wide", "pnot", "skip":
		// QuickTime before brands. A length that no such box has is no movie.
		if n := binary.BigEndian.Uint32(b); n >= 8 || n <= 1 {
			return MOV
		}
	case "styp", "moof", "sidx":
		return MP4
	case "jumb":
		if bytes.Contains(b[:min(len(b), 64)], []byte("c2pa")) {
			return C2PA
		}
	}
	return ""
}

// sniffBrand decides by the major brand, and by the compatible ones where that is general.
func sniffBrand(b []byte) Type {
	end := min(int(min(binary.BigEndian.Uint32(b), 4096)), len(b))
	brands := []string{string(b[8:12])}
	for at := 16; at+4 <= end; at += 4 {
		brands = append(brands, string(b[at:at+4]))
	}
	switch major := brands[0]; {
	case major == "avif" || major == "avis":
		return AVIF
	case major == "heic" || major == "heix" || major == "hevc" || major == "heim" || major == "heis":
		return HEIC
	case major == "mif1" || major == "msf1" || major == "mif2" || major == "mif3" || major == "miaf" || major == "pred":
		for _, c := range brands[1:] {
			if c == "avif" || c == "avis" {
				return AVIF
			}
		}
		return HEIC
	case slices.Contains(brands, "crx "):
		return CR3
	case major == "qt  ":
		return MOV
	case strings.HasPrefix(major, "M4A") || strings.HasPrefix(major, "M4B") || strings.HasPrefix(major, "M4P"):
		return M4A
	case !footage(major):
		// A brand of its own: those it says it is compatible with tell a still picture.
		for _, c := range []string{"avif", "avis", "heic", "heix", "mif1", "mif2", "mif3", "miaf"} {
			if slices.Contains(brands[1:], c) && c[:3] == "avi" {
				return AVIF
			} else if slices.Contains(brands[1:], c) {
				return HEIC
			}
		}
	}
	return MP4
}

// footage reports whether a brand is one of recordings.
func footage(brand string) bool {
	for _, begins := range []string{"iso", "mp4", "mp7", "avc", "M4V", "3g", "dash", "msd", "cmf", "f4v", "F4V", "MSNV", "ndx", "mmp4", "XAVC"} {
		if strings.HasPrefix(brand, begins) {
			return true
		}
	}
	return false
}

func sniffZIP(b []byte) Type {
	if len(b) < 4 || string(b[:2]) != "PK" || string(b[2:4]) != "\x03\x04" && string(b[2:4]) != "\x05\x06" {
		return ""
	}
	if bytes.Contains(b, []byte("[Content_Types].xml")) || bytes.Contains(b, []byte("_rels/.rels")) {
		for _, part := range []string{"word/", "xl/", "ppt/", "docProps/"} {
			if bytes.Contains(b, []byte(part)) {
				return OOXML
			}
		}
	}
	return ZIP
}

func sniffBMP(b []byte) Type {
	if len(b) < 26 || b[0] != 'B' || b[1] != 'M' {
		return ""
	}
	switch binary.LittleEndian.Uint32(b[14:]) { // size of the information header
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return BMP
	}
	return ""
}

// sniffTAR goes by the sum of a header, which archives older than their mark have too.
func sniffTAR(b []byte) Type {
	if len(b) >= tarBlock && tarHeader(b[:tarBlock]) {
		return Archive
	}
	if len(b) >= 24 && b[0] != 0 && string(b[2:5]) == "-lh" && b[6] == '-' { // LHA
		return Archive
	}
	return ""
}

func sniffAudio(b []byte) Type {
	if len(b) < 10 {
		return ""
	}
	if string(b[:3]) == "ID3" && b[3] < 0xFF && b[4] < 0xFF && b[6]|b[7]|b[8]|b[9] < 0x80 {
		size := int(b[6])<<21 | int(b[7])<<14 | int(b[8])<<7 | int(b[9])
		if next := 10 + size; next+4 <= len(b) && string(b[next:next+4]) == "fLaC" {
			return FLAC
		}
		return MP3
	}
	if b[0] == 0xFF && b[1]&0xF6 == 0xF0 && frameRuns(b, adtsLen) {
		return AAC
	}
	if b[0] == 0xFF && b[1]&0xE0 == 0xE0 && frameRuns(b, mpegLen) {
		return MP3
	}
	return ""
}

// frameRuns asks for a second frame where the first says it ends: two bytes alone would
// match one random file in two thousand.
func frameRuns(b []byte, length func([]byte) int) bool {
	n := length(b)
	return n > 4 && n+4 <= len(b) && b[n] == 0xFF && b[n+1]&0xFE == b[1]&0xFE && length(b[n:]) > 4
}

func adtsLen(b []byte) int {
	if len(b) < 6 {
		return 0
	}
	return int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
}

// mpegLen is the length in bytes of an MPEG audio frame, 0 if the header is not one.
func mpegLen(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	version, layer := b[1]>>3&3, b[1]>>1&3 // version 3 is MPEG-1; layer 1 is Layer III, 3 is Layer I
	rate, freq, pad := int(b[2]>>4), int(b[2]>>2&3), int(b[2]>>1&1)
	if version == 1 || layer == 0 || rate == 0 || rate == 15 || freq == 3 {
		return 0
	}
	var kbit [16]int
	switch {
	case version == 3 && layer == 3:
		kbit = [16]int{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}
	case version == 3 && layer == 2:
		kbit = [16]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}
	case version == 3:
		kbit = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	case layer == 3:
		kbit = [16]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}
	default:
		kbit = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	}
	hz := [3]int{44100, 48000, 32000}[freq]
	switch version {
	case 2:
		hz /= 2
	case 0:
		hz /= 4
	}
	switch {
	case layer == 3:
		return (12*kbit[rate]*1000/hz + pad) * 4
	case layer == 1 && version != 3:
		return 72*kbit[rate]*1000/hz + pad
	}
	return 144*kbit[rate]*1000/hz + pad
}

// sniffDICOM recognises data sets without the preamble, which old equipment still writes:
// they begin with an element of group 2 or 8 whose length is small.
func sniffDICOM(b []byte) Type {
	if len(b) < 16 {
		return ""
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		group, element := order.Uint16(b), order.Uint16(b[2:])
		vr := string(b[4:6])
		explicit := vr == "UL" || vr == "UI" || vr == "CS" || vr == "OB" || vr == "DA"
		short := order.Uint32(b[4:]) <= 64 && order.Uint32(b[4:]) >= 2 && order.Uint32(b[4:])%2 == 0
		switch {
		case group == 2 && element <= 2 && explicit,
			group == 8 && (element == 5 || element == 8 || element == 0x16 || element == 0) && (explicit || short && order == binary.LittleEndian):
			return DICOM
		}
	}
	return ""
}

func sniffText(b []byte) Type {
	s, ok := decodeText(b)
	if !ok {
		return Unknown
	}
	s = strings.TrimLeft(s, " \t\r\n\ufeff")
	low := strings.ToLower(s)
	switch {
	case markup(low, "svg"):
		return SVG
	case markup(low, "clinicaldocument") && strings.Contains(low, "urn:hl7-org:v3"):
		return CDA
	case strings.HasPrefix(s, "<") && fhirRoot.MatchString(s):
		return FHIRXML
	case strings.HasPrefix(low, "<!doctype html"), markup(low, "html"), strings.HasPrefix(low, "<script"), strings.HasPrefix(low, "<body"), strings.HasPrefix(low, "<head>"):
		return HTML
	case strings.HasPrefix(low, "<?xml"), strings.HasPrefix(low, "<x:xmpmeta"), strings.HasPrefix(low, "<?xpacket"):
		return XML
	case strings.HasPrefix(s, "{") && fhirResource.MatchString(s):
		return FHIRJSON
	case strings.HasPrefix(s, "{") && joseJSON.MatchString(s), joseCompact.MatchString(s):
		return JOSE
	case strings.HasPrefix(s, "{") && strings.Contains(s, "\":"), strings.HasPrefix(s, "[{"), strings.HasPrefix(s, "{") && strings.Contains(s, "\" :"):
		return JSON
	}
	return Text
}

var (
	// Behind a declaration and comments the first element is in the namespace of FHIR.
	fhirRoot     = regexp.MustCompile(`^(?:<\?[^>]*>\s*|<!--(?s:.*?)-->\s*)*<[A-Za-z:]+\s[^>]*xmlns(?::\w+)?\s*=\s*["']http://hl7\.org/fhir["']`)
	fhirResource = regexp.MustCompile(`"resourceType"\s*:\s*"[A-Z][A-Za-z]{2,60}"`)
	// A signature for the web, by the first members of its protected header, or as JSON.
	joseCompact = regexp.MustCompile(`^ey[JA-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.`)
	joseJSON    = regexp.MustCompile(`^\{\s*"(?:payload|protected|signatures|signature|ciphertext)"\s*:\s*(?:"[A-Za-z0-9_-]*["]?|\[\s*\{)`)
)

// markup reports whether the first element, after declaration, comments and document type,
// is the named one, with or without a namespace prefix.
func markup(s, name string) bool {
	for range 64 {
		s = strings.TrimLeft(s, " \t\r\n\ufeff")
		var end string
		switch {
		case strings.HasPrefix(s, "<?"):
			end = "?>"
		case strings.HasPrefix(s, "<!--"):
			end = "-->"
		case strings.HasPrefix(s, "<!doctype"):
			if end = ">"; strings.Contains(s[:min(len(s), strings.IndexByte(s+">", '>'))], "[") {
				end = "]>"
			}
		case strings.HasPrefix(s, "<"):
			tag := s[1:min(len(s), 1+strings.IndexAny(s[1:]+" ", " \t\r\n/>"))]
			_, local, prefixed := strings.Cut(tag, ":")
			return tag == name || prefixed && local == name
		default:
			return false
		}
		var found bool
		if _, s, found = strings.Cut(s, end); !found {
			return false
		}
	}
	return false
}

// decodeText returns the bytes as text if they are: UTF-8, UTF-16 with a byte order mark,
// or an older eight-bit encoding with no control characters.
func decodeText(b []byte) (string, bool) {
	if len(b) >= 2 && (b[0] == 0xFF && b[1] == 0xFE || b[0] == 0xFE && b[1] == 0xFF) {
		var order binary.ByteOrder = binary.LittleEndian
		if b[0] == 0xFE {
			order = binary.BigEndian
		}
		var s strings.Builder
		for i := 2; i+1 < len(b); i += 2 {
			r := rune(order.Uint16(b[i:]))
			if r == 0 {
				return "", false
			}
			s.WriteRune(r)
		}
		return s.String(), true
	}
	for _, c := range b {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1B || c == 0x7F {
			return "", false
		}
	}
	// A character may be cut at the end of what we were given.
	for cut := 0; cut < 4 && cut < len(b); cut++ {
		if utf8.Valid(b[:len(b)-cut]) {
			return string(b[:len(b)-cut]), true
		}
	}
	high := 0
	for _, c := range b {
		if c >= 0x80 {
			high++
		}
	}
	return string(b), high*4 < len(b)
}
