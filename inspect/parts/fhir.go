package parts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/markup"
)

const maxFHIRDepth = 256

// fhirJSON goes through the attachments of FHIR resources, wherever in a resource, a bundle or a
// file of resources (one a line) they are: members called data that hold base64, and data in
// addresses.
func (w *walk) fhirJSON(m *media.Media, at string, depth int) error {
	b, err := w.whole(m)
	if err != nil {
		return err
	}
	r := resources{walk: w, m: m, at: at, depth: depth, b: b}
	for {
		if r.space(); r.i == len(b) {
			return nil
		}
		if err := r.value("", 0); err != nil {
			return err
		}
	}
}

// resources reads JSON as it lies in memory: an attachment can be most of it, and is not copied
// before it is decoded.
type resources struct {
	*walk
	m     *media.Media
	at    string
	depth int
	b     []byte
	i     int
	count int
}

func (r *resources) damaged() error {
	return fmt.Errorf("%w: the JSON is damaged at byte %d", errUnread, r.i)
}

func (r *resources) space() {
	for r.i < len(r.b) && (r.b[r.i] == ' ' || r.b[r.i] == '\t' || r.b[r.i] == '\r' || r.b[r.i] == '\n' || r.i == 0 && r.b[0] == 0xEF) {
		if r.b[r.i] == 0xEF {
			r.i += 2
		}
		r.i++
	}
	r.i = min(r.i, len(r.b))
}

// text reads a string and returns it as it is written, without quotes.
func (r *resources) text() ([]byte, error) {
	r.space()
	if r.i >= len(r.b) || r.b[r.i] != '"' {
		return nil, r.damaged()
	}
	for i := r.i + 1; i < len(r.b); i++ {
		switch r.b[i] {
		case '\\':
			i++
		case '"':
			out := r.b[r.i+1 : i]
			r.i = i + 1
			return out, nil
		}
	}
	return nil, r.damaged()
}

// value reads one value. path is where it is.
func (r *resources) value(path string, nested int) error {
	if r.count++; r.count%1024 == 0 && r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if nested > maxFHIRDepth {
		return fmt.Errorf("%w: JSON nests deeper than %d", errLimit, maxFHIRDepth)
	}
	r.space()
	if r.i >= len(r.b) {
		return r.damaged()
	}
	switch r.b[r.i] {
	case '{':
		return r.object(path, nested)
	case '[':
		r.i++
		for n := 0; ; n++ {
			if r.space(); r.i < len(r.b) && r.b[r.i] == ']' && n == 0 {
				r.i++
				return nil
			}
			if err := r.value(fmt.Sprintf("%s[%d]", path[:min(len(path), 1000)], n), nested+1); err != nil {
				return err
			}
			if more, err := r.more(']'); err != nil || !more {
				return err
			}
		}
	case '"':
		s, err := r.text()
		if err != nil {
			return err
		}
		if !bytes.Contains(s, []byte(inAddress)) {
			return nil
		}
		return r.dataURIs(r.m, unescaped(s), join(r.at, path), r.depth)
	}
	start := r.i
	for r.i < len(r.b) && (r.b[r.i] >= '0' && r.b[r.i] <= '9' || r.b[r.i] >= 'a' && r.b[r.i] <= 'z' || r.b[r.i] == 'E' || r.b[r.i] == '+' || r.b[r.i] == '-' || r.b[r.i] == '.') {
		r.i++
	}
	if r.i == start || !json.Valid(r.b[start:r.i]) {
		return r.damaged()
	}
	return nil
}

// more reads a comma, or the end of a list.
func (r *resources) more(end byte) (bool, error) {
	if r.space(); r.i >= len(r.b) || r.b[r.i] != ',' && r.b[r.i] != end {
		return false, r.damaged()
	}
	r.i++
	return r.b[r.i-1] == ',', nil
}

func (r *resources) object(path string, nested int) error {
	r.i++
	var data, stated []byte
	var from int
	var typed bool
	for n := 0; ; n++ {
		if r.space(); r.i < len(r.b) && r.b[r.i] == '}' && n == 0 {
			r.i++
			return nil
		}
		k, err := r.text()
		if err != nil {
			return err
		}
		if r.space(); r.i >= len(r.b) || r.b[r.i] != ':' {
			return r.damaged()
		}
		r.i++
		r.space()
		key := string(k[:min(len(k), 64)])
		where := strings.TrimPrefix(path+"."+key, ".")
		if len(path) > 1000 {
			where = path // far in, more names say nothing
		}
		isText := r.i < len(r.b) && r.b[r.i] == '"'
		switch {
		case isText && (key == "data" || key == "valueBase64Binary"):
			from = r.i
			if data, err = r.text(); err != nil {
				return err
			}
		case isText && key == "hash":
			if stated, err = r.text(); err != nil {
				return err
			}
		default:
			typed = typed || key == "contentType" || key == "sigFormat"
			if err := r.value(where, nested+1); err != nil {
				return err
			}
		}
		more, err := r.more('}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if len(data) == 0 {
		return nil
	}
	return r.attachment(r.m, data, string(stated), typed, join(r.at, fmt.Sprintf("%s.data at byte %d", strings.TrimPrefix(path, "."), from)), r.depth)
}

// unescaped is a string of JSON as it reads.
func unescaped(s []byte) string {
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s)
	}
	var out string
	if json.Unmarshal(append(append([]byte{'"'}, s...), '"'), &out) != nil {
		return string(s)
	}
	return out
}

// attachment has the content of an attachment looked at. Others call numbers data, too: only
// what has a media type beside it must be base64.
func (w *walk) attachment(m *media.Media, data []byte, stated string, typed bool, at string, depth int) error {
	if err := w.entry(); err != nil {
		return err
	}
	content, err := fromBase64([]byte(unescaped(data)))
	if err != nil {
		if typed {
			w.unread = append(w.unread, at+": it should be base64 and is not")
		}
		return nil
	}
	if stated != "" && typed && !fits(unescaped([]byte(stated)), content) {
		w.unread = append(w.unread, at+": it is not what its digest was made of")
	}
	return w.blob(m, content, at, depth)
}

// fhirXML goes through the attachments of FHIR resources in XML.
func (w *walk) fhirXML(m *media.Media, at string, depth int) error {
	return w.markup(m, func(s *markup.Scanner) error {
		type level struct {
			name, data, stated string
			typed              bool
			from               int
		}
		var open []level
		path := func() string {
			names := make([]string, len(open))
			for i, l := range open {
				names[i] = l.name
			}
			return strings.Join(names, ".")
		}
		for n := 0; ; n++ {
			t, ok, err := s.Next()
			if err != nil || !ok {
				return err
			}
			if n%1024 == 0 && w.ctx.Err() != nil {
				return w.ctx.Err()
			}
			switch t.Kind {
			case markup.Element:
				name, value := local(t.Name), attribute(t, "value")
				if top := len(open) - 1; top >= 0 {
					switch name {
					case "data":
						open[top].data, open[top].from = value, t.From
					case "hash":
						open[top].stated = value
					case "contentType", "sigFormat":
						open[top].typed = true
					}
				}
				open = append(open, level{name: name})
				for _, a := range t.Attrs {
					if name == "data" && a.Name == "value" || !strings.Contains(a.Value, inAddress) {
						continue
					}
					if err := w.dataURIs(m, a.Value, join(at, path()), depth); err != nil {
						return err
					}
				}
			case markup.End:
				top := open[len(open)-1]
				where := fmt.Sprintf("%s.data at byte %d", path(), top.from)
				open = open[:len(open)-1]
				if top.data != "" {
					if err := w.attachment(m, []byte(top.data), top.stated, top.typed, join(at, where), depth); err != nil {
						return err
					}
				}
			}
		}
	})
}

// jose looks at what a signature for the web is of, where it is in there.
func (w *walk) jose(m *media.Media, at string, depth int) error {
	b, err := w.whole(m)
	if err != nil {
		return err
	}
	payload, err := josePayload(b)
	if err != nil || len(payload) == 0 {
		return err
	}
	content, err := fromBase64([]byte(payload))
	if err != nil {
		return fmt.Errorf("%w: the payload of the signature is no base64", errUnread)
	}
	if err := w.entry(); err != nil {
		return err
	}
	return w.blob(m, content, join(at, "payload"), depth)
}

func josePayload(b []byte) (string, error) {
	text := strings.TrimSpace(string(b))
	if strings.HasPrefix(text, "{") {
		var in struct{ Payload, Ciphertext string }
		if err := json.Unmarshal(b, &in); err != nil {
			return "", fmt.Errorf("%w: the JSON of the signature is damaged", errUnread)
		}
		if in.Ciphertext != "" {
			return "", errors.Join(errUnread, errors.New("it is encrypted"))
		}
		return in.Payload, nil
	}
	switch segments := strings.Split(text, "."); len(segments) {
	case 3:
		return segments[1], nil
	case 5:
		return "", fmt.Errorf("%w: it is encrypted", errUnread)
	}
	return "", fmt.Errorf("%w: it is no signature that is known", errUnread)
}
