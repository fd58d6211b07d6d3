package c2pa

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// maxXMP is the largest XMP packet that is searched for an address, in bytes.
const maxXMP = 1 << 20

const dcTerms = "http://purl.org/dc/terms/"

// provenanceAddress returns the value of dcterms:provenance in an XMP packet, "" if there is
// none. The address is reported, never opened: whoever sends a file must not choose what
// this machine connects to.
func provenanceAddress(packet []byte) string {
	if len(packet) == 0 || len(packet) > maxXMP || !bytes.Contains(packet, []byte("provenance")) {
		return ""
	}
	d := xml.NewDecoder(bytes.NewReader(packet))
	d.Strict = false
	d.Entity = map[string]string{}
	inside := false
	for {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		switch t := t.(type) {
		case xml.StartElement:
			for _, a := range t.Attr {
				if a.Name.Space == dcTerms && a.Name.Local == "provenance" {
					return address(a.Value)
				}
			}
			inside = t.Name.Space == dcTerms && t.Name.Local == "provenance"
		case xml.CharData:
			if s := address(string(t)); inside && s != "" {
				return s
			}
		case xml.EndElement:
			inside = false
		}
	}
}

// address drops what points into the file itself, as files have it that lost their store.
func address(s string) string {
	if s = strings.TrimSpace(s); !strings.Contains(s, "://") {
		return ""
	}
	return clip(s)
}
