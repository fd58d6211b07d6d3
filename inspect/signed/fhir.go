package signed

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"
)

const maxJSONDepth = 256

// fhirJSON checks the signatures of FHIR resources in JSON: Bundle.signature and others that are
// in the resource they are of, and Provenance.signature over a resource of the same bundle.
func (s *Signed) fhirJSON(ctx context.Context, b []byte) ([]proof, error) {
	if !bytes.Contains(b, []byte(`"sigFormat"`)) && !bytes.Contains(b, []byte(`ignature"`)) {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))))
	d.UseNumber()
	var out []proof
	for line := 1; ; line++ {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("%w: its JSON is damaged", errUnread)
		}
		f := &fhir{Signed: s, ctx: ctx}
		if err := f.walk(v, nil, ""); err != nil {
			return out, err
		}
		if out = append(out, f.out...); len(out) > maxXML {
			return out, fmt.Errorf("%w: it has more than %d signatures", errUnread, maxXML)
		}
	}
}

type fhir struct {
	*Signed
	ctx     context.Context
	out     []proof
	written int64
}

// inside is a resource that encloses another, innermost last.
type inside []map[string]any

func (f *fhir) walk(v any, in inside, path string) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if len(in) > maxJSONDepth || strings.Count(path, ".") > maxJSONDepth {
		return fmt.Errorf("%w: its JSON nests too deep", errUnread)
	}
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["resourceType"].(string); ok {
			in = append(slices.Clip(in), v)
		}
		if data, ok := v["data"].(string); ok && len(in) > 0 && (v["sigFormat"] != nil || v["who"] != nil && v["when"] != nil) {
			if len(f.out) == maxXML {
				return fmt.Errorf("%w: it has more than %d signatures", errUnread, maxXML)
			}
			p := proof{Form: "jws", Where: strings.TrimPrefix(path, ".")}
			if when, ok := v["when"].(string); ok {
				p.SignedAt = clip(when)
			}
			if err := p.judge(f.signature(&p, v, data, in)); err != nil {
				return err
			}
			f.out = append(f.out, p)
			return nil
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := f.walk(v[key], in, path+"."+key[:min(len(key), 64)]); err != nil {
				return err
			}
		}
	case []any:
		for i, e := range v {
			if err := f.walk(e, in, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// signature checks one value of the type Signature.
func (f *fhir) signature(p *proof, sig map[string]any, data string, in inside) error {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil {
		return fmt.Errorf("%w: it is no base64", errUnread)
	}
	compact := strings.TrimSpace(string(raw))
	if format, _ := sig["sigFormat"].(string); !strings.HasPrefix(compact, "ey") {
		return fmt.Errorf("%w: its format %.60q is not supported in JSON", errUnread, format)
	}
	of, err := signedResource(in)
	if err != nil {
		return err
	}
	target, _ := sig["targetFormat"].(string)
	ways, err := f.canonical(of, sig, target)
	if err != nil {
		return err
	}
	return f.overResource(p, compact, ways)
}

// signedResource is the resource that a signature is of: the one it is in, or for Provenance the
// one that it names, if that is in the same bundle.
func signedResource(in inside) (map[string]any, error) {
	own := in[len(in)-1]
	if own["resourceType"] != "Provenance" {
		return own, nil
	}
	elsewhere := fmt.Errorf("%w: it is of a resource that is not in the file", errUnread)
	list, _ := own["target"].([]any)
	if len(list) != 1 || len(in) < 2 {
		return nil, elsewhere
	}
	target, _ := list[0].(map[string]any)
	reference, _ := target["reference"].(string)
	entries, _ := in[len(in)-2]["entry"].([]any)
	var found []map[string]any
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		resource, _ := entry["resource"].(map[string]any)
		if resource == nil || reference == "" {
			continue
		}
		short := fmt.Sprintf("%v/%v", resource["resourceType"], resource["id"])
		if entry["fullUrl"] == reference || short == reference {
			found = append(found, resource)
		}
	}
	switch len(found) {
	case 0:
		return nil, elsewhere
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%w: what it is of is there %d times", errBroken, len(found))
}

// canonical writes a resource without the signature in the ways in which it is signed: by RFC
// 8785, and with numbers as they are; with and without what servers change (id and meta), and
// without the narrative where the signature says so.
// https://hl7.org/fhir/json.html#canonical
func (f *fhir) canonical(of, sig map[string]any, declared string) ([][]byte, error) {
	drops := [][]string{nil, {"id", "meta"}}
	switch {
	case strings.Contains(declared, "canonicalization/json#data"):
		drops = [][]string{{"text"}}
	case strings.Contains(declared, "canonicalization/json#static"):
		drops = [][]string{{"text", "id", "meta"}}
	case strings.Contains(declared, "canonicalization/json#narrative"):
		return nil, fmt.Errorf("%w: it is of the narrative alone", errUnread)
	}
	var out [][]byte
	for _, drop := range drops {
		copied := without(of, sig, drop).(map[string]any)
		plain := appendJSON(nil, copied)
		if f.written += int64(2 * len(plain)); f.written > maxCanonical {
			return nil, fmt.Errorf("%w: there is more to compare than %d MiB", errUnread, maxCanonical>>20)
		}
		if rfc, err := jcs.Transform(plain); err == nil && !bytes.Equal(rfc, plain) {
			out = append(out, rfc)
		}
		out = append(out, plain)
	}
	return out, nil
}

// without copies a value, without the signature and, at its top, without the members of the names.
func without(v any, sig map[string]any, names []string) any {
	// The very same object, and none that reads alike: what is left out could be anything.
	same := func(x any) bool {
		m, ok := x.(map[string]any)
		return ok && reflect.ValueOf(m).Pointer() == reflect.ValueOf(sig).Pointer()
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			if slices.Contains(names, key) || same(e) {
				continue
			}
			if list, ok := e.([]any); ok && len(list) == 1 && same(list[0]) {
				continue
			}
			out[key] = without(e, sig, nil)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if !same(e) {
				out = append(out, without(e, sig, nil))
			}
		}
		return out
	}
	return v
}

// appendJSON writes JSON without white space, members in order, numbers as they were.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, key), ':')
			b = appendJSON(b, v[key])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	}
	return append(b, "null"...)
}

// appendString escapes what RFC 8785 escapes, and nothing else.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = fmt.Appendf(b, "\\u%04x", c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
