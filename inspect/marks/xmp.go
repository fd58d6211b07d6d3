package marks

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/xml"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/declared"
)

const (
	xmpHeader    = "http://ns.adobe.com/xap/1.0/\x00"
	xmpExtHeader = "http://ns.adobe.com/xmp/extension/\x00"
)

// prefixes are the names by which rules know the namespaces, whatever the file calls them.
var prefixes = map[string]string{
	"http://iptc.org/std/Iptc4xmpExt/2008-02-29/":          "Iptc4xmpExt",
	"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/":          "Iptc4xmpCore",
	"http://ns.adobe.com/photoshop/1.0/":                   "photoshop",
	"http://ns.adobe.com/xap/1.0/":                         "xmp",
	"http://ns.adobe.com/xap/1.0/mm/":                      "xmpMM",
	"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#":     "stEvt",
	"http://purl.org/dc/elements/1.1/":                     "dc",
	"http://ns.adobe.com/tiff/1.0/":                        "tiff",
	"http://ns.adobe.com/exif/1.0/":                        "exif",
	"http://ns.adobe.com/pdf/1.3/":                         "pdf",
	"http://www.tc260.org.cn/ns/AIGC/1.0/":                 "TC260",
	"http://ns.google.com/photos/1.0/camera/":              "GCamera",
	"http://ns.google.com/photos/1.0/image/":               "GImage",
	"http://ns.google.com/photos/1.0/depthmap/":            "GDepth",
	"http://ns.google.com/photos/1.0/audio/":               "GAudio",
	"http://www.w3.org/1999/02/22-rdf-syntax-ns#":          "rdf",
	"adobe:ns:meta/":                                       "x",
	"http://ns.microsoft.com/photo/1.0":                    "MicrosoftPhoto",
	"http://ns.adobe.com/xmp/1.0/DynamicMedia/":            "xmpDM",
	"http://ns.useplus.org/ldf/xmp/1.0/":                   "plus",
	"http://ns.adobe.com/creatorAtom/1.0/":                 "creatorAtom",
	"http://ns.adobe.com/xap/1.0/sType/ResourceRef#":       "stRef",
	"http://ns.adobe.com/camera-raw-settings/1.0/":         "crs",
	"http://ns.adobe.com/xap/1.0/g/img/":                   "xmpGImg",
	"http://ns.adobe.com/xap/1.0/rights/":                  "xmpRights",
	"http://schema.org/":                                   "schema",
	"http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
}

// skipped are namespaces whose values are many, large, or about where a person is.
var skipped = map[string]bool{"crs": true, "xmpGImg": true, "mwg-rs": true, "GImage": true, "GDepth": true, "GAudio": true}

// sourceType finds a source type in a packet that is not well-formed XML. It is tried where the
// name stands, and no further than its longest match.
var sourceType = regexp.MustCompile(`^DigitalSourceType\s{0,16}(?:=\s{0,16}["']|(?:\s[^<>]{0,200})?>|\s+rdf:resource\s{0,16}=\s{0,16}["'])\s{0,16}([A-Za-z:/.]{4,120})`)

const (
	maxSourceType = 512 // bytes that sourceType looks at
	maxTried      = 64  // names that it is tried at
)

// readXMP reads the properties of one packet: attributes and elements alike, array items
// under the name of their property.
func readXMP(f *fields, b []byte) {
	b = utf8XMP(b)
	if len(b) > maxRun {
		b, _ = f.squeezed(bytes.NewReader(b), "XMP")
	}
	if !f.take(len(b)) {
		return
	}
	if i := bytes.IndexByte(b, '<'); i > 0 {
		b = b[i:]
	}
	if err := parseXMP(f, b); err != nil {
		findSourceTypes(f, b)
	}
}

// findSourceTypes adds at most eight source types of a packet that is not well-formed.
func findSourceTypes(f *fields, b []byte) {
	name, found := []byte("DigitalSourceType"), 0
	for tried := 0; found < 8; tried++ {
		i := bytes.Index(b, name)
		if i < 0 {
			return
		}
		if tried == maxTried {
			f.limit("damaged XMP with more than %d source types", maxTried)
			return
		}
		b = b[i:]
		if m := sourceType.FindSubmatch(b[:min(len(b), maxSourceType)]); m != nil {
			f.add("xmp", "Iptc4xmpExt:DigitalSourceType", string(m[1]))
			found++
		}
		b = b[len(name):]
	}
}

func parseXMP(f *fields, b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var stack []xml.Name
	var of []xml.Name // by element open: the innermost that is not RDF's own
	var text strings.Builder
	var step history
	depth := 0
	for n := range f.room << 17 {
		if n%1024 == 0 && f.stopped() {
			return nil
		}
		tok, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > 64 {
				f.limit("XMP nested more than 64 deep")
				return nil
			}
			stack = append(stack, t.Name)
			of = append(of, property(t.Name, of))
			text.Reset()
			step.begin(stack, of[len(of)-1])
			for _, a := range t.Attr {
				name := a.Name
				switch {
				case name.Space == "xmlns" || name.Local == "xmlns" || name.Space == "xml":
					continue
				case canonical(name) == "rdf:resource":
					name = of[len(of)-1]
				}
				addXMP(f, name, a.Value)
				step.add(name, a.Value)
			}
		case xml.CharData:
			if text.Len()+len(t) <= maxValue {
				text.Write(t)
			}
		case xml.EndElement:
			if len(stack) > 0 {
				addXMP(f, of[len(of)-1], text.String())
				step.add(of[len(of)-1], text.String())
				step.end(f, stack)
				stack, of = stack[:len(stack)-1], of[:len(of)-1]
				depth--
			}
			text.Reset()
		}
	}
	f.limit("XMP with too many parts")
	return nil
}

// history gathers what one step of the editing history says: elements of rdf:li in xmpMM:History.
type history struct {
	depth                    int // of its rdf:li, 0 outside of one
	steps                    int
	action, software, change string
	when                     string
}

func (h *history) begin(stack []xml.Name, of xml.Name) {
	if h.depth == 0 && canonical(stack[len(stack)-1]) == "rdf:li" && canonical(of) == "xmpMM:History" {
		*h = history{depth: len(stack), steps: h.steps}
	}
}

func (h *history) add(name xml.Name, value string) {
	value = strings.TrimSpace(value)
	if h.depth == 0 || value == "" {
		return
	}
	switch canonical(name) {
	case "stEvt:action":
		h.action = value
	case "stEvt:softwareAgent":
		h.software = value
	case "stEvt:when":
		h.when = value
	case "stEvt:changed":
		h.change = value
	}
}

// end notes the step, at most 32 of a file.
func (h *history) end(f *fields, stack []xml.Name) {
	if h.depth != len(stack) {
		return
	}
	h.depth = 0
	said := ""
	for _, s := range []string{h.action, h.change, h.software, h.when} {
		if s != "" {
			said += ", " + declared.Shorten(s)
		}
	}
	if h.steps++; said != "" && h.steps <= 32 {
		f.add("xmp", "xmpMM:History", strings.TrimPrefix(said, ", "))
	}
}

// property is the element itself, or for one of RDF's own what the element around it is of.
func property(name xml.Name, around []xml.Name) xml.Name {
	switch {
	case prefixes[name.Space] != "rdf":
		return name
	case len(around) > 0:
		return around[len(around)-1]
	}
	return xml.Name{}
}

func addXMP(f *fields, name xml.Name, value string) {
	switch prefixes[name.Space] {
	case "rdf", "x":
		if name.Local != "xmptk" {
			return
		}
	}
	if value = strings.TrimSpace(value); value != "" && !skipped[prefixes[name.Space]] && !(len(value) <= 160 && saysNothing.MatchString(value)) {
		f.add("xmp", canonical(name), value)
	}
}

func canonical(n xml.Name) string {
	if p := prefixes[n.Space]; p != "" {
		return p + ":" + n.Local
	}
	return n.Local
}

// utf8XMP converts a packet in UTF-16, which the specification permits.
func utf8XMP(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	if len(b) < 4 {
		return b
	}
	switch {
	case b[0] == 0xFE && b[1] == 0xFF, b[0] == 0 && b[1] == '<':
		return []byte(utf16Text(b, true))
	case b[0] == 0xFF && b[1] == 0xFE, b[0] == '<' && b[1] == 0:
		return []byte(utf16Text(b, false))
	}
	return b
}

// findXMP reads the packets that lie open in other bytes.
func findXMP(f *fields, b []byte) {
	for range 16 {
		i := bytes.Index(b, []byte("<x:xmpmeta"))
		if i < 0 {
			return
		}
		b = b[i:]
		end := bytes.Index(b, []byte("</x:xmpmeta>"))
		if end < 0 {
			end = len(b)
		} else {
			end += len("</x:xmpmeta>")
		}
		readXMP(f, b[:end])
		b = b[end:]
	}
}

// extended are the parts of XMP that did not fit one JPEG segment, by the packet they are of: where
// in it each belongs, and where in the file it is.
type extended map[string][]extension

type extension struct{ at, off, n int64 }

// maxExtensions bounds the parts of all packets.
const maxExtensions = 1 << 15

func (e extended) add(f *fields, b []byte, off int64) {
	if len(b) < 40 {
		return
	}
	guid, total := string(b[:32]), 0
	for _, parts := range e {
		total += len(parts)
	}
	if total >= f.room*maxExtensions {
		f.limit("extended XMP of more than %d parts", f.room*maxExtensions)
		return
	}
	e[guid] = append(e[guid], extension{int64(binary.BigEndian.Uint32(b[36:])), off + 40, int64(len(b) - 40)})
}

// read puts the packets together, each without what no rule reads: the depth of a picture and its
// original may be in one.
func (e extended) read(f *fields, m io.ReaderAt) {
	for _, guid := range slices.Sorted(maps.Keys(e)) {
		parts := e[guid]
		slices.SortStableFunc(parts, func(a, b extension) int { return cmp.Compare(a.at, b.at) })
		var whole []io.Reader
		end := int64(0)
		for _, p := range parts {
			if skip := end - p.at; skip > 0 { // it comes twice
				p.at, p.off, p.n = end, p.off+skip, p.n-skip
			}
			if p.n > 0 {
				whole = append(whole, io.NewSectionReader(m, p.off, p.n))
				end = p.at + p.n
			}
		}
		if b, ok := f.squeezed(io.MultiReader(whole...), "extended XMP"); ok {
			readXMP(f, b)
		}
	}
}
