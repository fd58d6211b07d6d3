package c2pa

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// external is where an assertion keeps what is not in the file. It is reported and never
// fetched.
type external struct {
	URL  string `cbor:"url"`
	Alg  string `cbor:"alg"`
	Hash []byte `cbor:"hash"`
}

func (e external) complete() bool { return e.URL != "" && e.Alg != "" && len(e.Hash) > 0 }

// cloudData stands for an assertion that is kept elsewhere (C2PA 2.2, 18.10).
type cloudData struct {
	Label    string   `cbor:"label"`
	Size     int64    `cbor:"size"`
	Location external `cbor:"location"`
}

// notInCloud are assertions that validation needs at hand.
var notInCloud = []string{"c2pa.actions", "c2pa.cloud-data", "c2pa.ingredient"}

// verifyStatements checks the form of standard assertions that nothing else looks at, and
// takes the addresses and the marks that they name.
func (r *run) verifyStatements(m *manifest, ingredient bool) {
	for _, a := range m.assertions {
		uri := m.uri("c2pa.assertions/" + a.label)
		if _, redacted := r.gone[uri]; redacted {
			continue
		}
		fail := func(code, note string) { r.add(failure, code, uri, ingredient, note) }
		content := a.box.content("cbor")
		switch base := a.base(); {
		case base == "c2pa.cloud-data":
			var c cloudData
			kept := &assertion{}
			switch err := decode(content, &c); {
			case err != nil || c.Label == "" || c.Size < 1 || !c.Location.complete():
				fail(codeCloudMalformed, "lacks label, size or location")
			default:
				kept.label = c.Label
				if base := kept.base(); strings.HasPrefix(base, "c2pa.hash.") {
					fail(codeCloudBinding, clip(c.Label))
				} else if slices.Contains(notInCloud, base) {
					fail(codeCloudMalformed, clip(c.Label)+" may not be kept elsewhere")
				}
			}
			r.elsewhere = merge(r.elsewhere, []string{clip(c.Location.URL)})
		case base == "c2pa.external-reference":
			var e struct {
				Location external `cbor:"location"`
			}
			if err := decode(content, &e); err != nil || !e.Location.complete() {
				fail(codeExternalMalformed, "lacks the address or its hash")
			}
			r.elsewhere = merge(r.elsewhere, []string{clip(e.Location.URL)})
		case base == "c2pa.soft-binding":
			var s struct {
				Alg    string `cbor:"alg"`
				Blocks []any  `cbor:"blocks"`
			}
			if err := decode(content, &s); err != nil || s.Alg == "" || s.Blocks == nil {
				fail(codeClaimMalformed, "soft binding without an algorithm or its values")
			}
			r.soft = merge(r.soft, []string{clip(s.Alg)})
		case base == "c2pa.metadata":
			var j struct {
				Context json.RawMessage `json:"@context"`
			}
			if err := json.Unmarshal(a.box.content("json"), &j); err != nil || j.Context == nil {
				fail(codeAssertionJSON, "metadata without a context")
			}
		case base == "c2pa.certificate-status":
			var s struct {
				Values cbor.RawMessage `cbor:"ocspVals"`
			}
			if err := decode(content, &s); err != nil || len(s.Values) == 0 {
				fail(codeAssertionCBOR, "certificate status without answers")
			}
		case strings.HasPrefix(base, "c2pa.thumbnail.") && a.box.content("bidb") == nil:
			fail(codeRequired, "thumbnail without a picture")
		}
	}
}
