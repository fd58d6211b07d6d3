package marks

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/cordonhq/cordon/media"
)

// maxProperties bounds the files of a document in which its properties are.
const maxProperties = 64

// readProperties reads the properties of documents that are ZIP archives: those of Office (core,
// of the application, custom), of OpenDocument, and of electronic books.
func readProperties(f *fields, m *media.Media) {
	z, err := zip.NewReader(m, m.Size())
	if err != nil {
		return // that it cannot be opened is said of its parts
	}
	n := 0
	for _, one := range z.File {
		name := strings.ToLower(strings.ReplaceAll(one.Name, "\\", "/"))
		switch base := path.Base(name); {
		case strings.HasPrefix(name, "docprops/") && strings.HasSuffix(name, ".xml"):
		case strings.HasSuffix(base, ".psmdcp"), base == "meta.xml", base == "metadata.xml", strings.HasSuffix(base, ".opf"):
		default:
			continue
		}
		if n++; n > maxProperties {
			f.limit("more than %d lists of properties", maxProperties)
			return
		}
		if f.stopped() || one.Flags&1 != 0 {
			return
		}
		r, err := one.Open()
		if err != nil {
			continue
		}
		b, _ := f.squeezed(r, one.Name)
		r.Close()
		if f.take(len(b)) {
			readPropertyList(f, b)
		}
	}
}

// readPropertyList reads every element that has text under its name, and one that has a name for
// an attribute under that.
func readPropertyList(f *fields, b []byte) {
	d := xml.NewDecoder(strings.NewReader(string(b)))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var names []string
	var text strings.Builder
	for range f.room << 16 {
		tok, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) && text.Len() > 0 && len(names) > 0 {
				f.add("document", names[len(names)-1], text.String())
			}
			return
		}
		switch t := tok.(type) {
		case xml.StartElement:
			name, content := t.Name.Local, ""
			// <property name="…"><vt:lpwstr>…, <meta:user-defined meta:name="…">, <meta name="…" content="…"/>
			if len(names) > 0 && t.Name.Space == nsTypes {
				name = names[len(names)-1]
			}
			for _, a := range t.Attr {
				switch a.Name.Local {
				case "name", "property":
					if v := strings.TrimSpace(a.Value); v != "" && (t.Name.Local == "property" || t.Name.Local == "user-defined" || t.Name.Local == "meta") {
						name = v
					}
				case "content":
					content = a.Value
				}
			}
			if content != "" {
				f.add("document", name, content)
			}
			names = append(names, name)
			if len(names) > 64 {
				f.limit("properties nested more than 64 deep")
				return
			}
			text.Reset()
		case xml.CharData:
			if text.Len()+len(t) <= maxValue {
				text.Write(t)
			}
		case xml.EndElement:
			if len(names) > 0 {
				f.add("document", names[len(names)-1], text.String())
				names = names[:len(names)-1]
			}
			text.Reset()
		}
	}
	f.limit("properties with too many parts")
}

const nsTypes = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
