package parts

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/markup"
)

// texts are documents of text that are read into memory: clinical documents, FHIR, JOSE.
const maxTexts = 128 << 20

// whole reads a document of text.
func (w *walk) whole(m *media.Media) ([]byte, error) {
	if m.Size() > maxTexts {
		return nil, fmt.Errorf("%w: a document of text of more than %d MiB", errLimit, maxTexts>>20)
	}
	b := make([]byte, m.Size())
	if n, err := m.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("read the document: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return b, w.ctx.Err()
}

// cda goes through what is encapsulated in a clinical document: the body that is no XML
// (nonXMLBody), multimedia (observationMedia), and whatever else is given as data of a media
// type (the data type ED of HL7 version 3). Structured text is no media.
func (w *walk) cda(m *media.Media, at string, depth int) error {
	return w.markup(m, func(s *markup.Scanner) error {
		d := encapsulated{walk: w, m: m, at: at, depth: depth}
		return d.run(s)
	})
}

// markup reads XML, and says what is wrong with it.
func (w *walk) markup(m *media.Media, read func(*markup.Scanner) error) error {
	b, err := w.whole(m)
	if err != nil {
		return err
	}
	if b, err = markup.Decode(b); err == nil {
		err = read(markup.NewScanner(b))
	}
	switch {
	case errors.Is(err, markup.ErrLimit):
		return fmt.Errorf("%w: %w", errLimit, err)
	case errors.Is(err, markup.ErrDamaged), errors.Is(err, markup.ErrDoctype):
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	return err
}

// encapsulated is the look into one clinical document.
type encapsulated struct {
	*walk
	m     *media.Media
	at    string
	depth int
	open  []element
}

// element is an open one, with the text directly in it if that is data.
type element struct {
	name  string
	token markup.Token
	data  []byte
	takes bool
}

func (e *encapsulated) run(s *markup.Scanner) error {
	for n := 0; ; n++ {
		t, ok, err := s.Next()
		if err != nil || !ok {
			return err
		}
		if n%1024 == 0 && e.ctx.Err() != nil {
			return e.ctx.Err()
		}
		switch t.Kind {
		case markup.Element:
			if err := e.start(t); err != nil {
				return err
			}
		case markup.Text:
			if top := len(e.open) - 1; top >= 0 && e.open[top].takes && len(bytes.TrimSpace(t.Raw)) > 0 {
				text, err := t.Text()
				if err != nil {
					return err
				}
				e.open[top].data = append(e.open[top].data, text...)
			}
		case markup.End:
			top := e.open[len(e.open)-1]
			e.open = e.open[:len(e.open)-1]
			if top.takes {
				if err := e.data(top); err != nil {
					return err
				}
			}
		}
	}
}

func attribute(t markup.Token, name string) string {
	for _, a := range t.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

func local(name string) string { return name[strings.IndexByte(name, ':')+1:] }

func (e *encapsulated) start(t markup.Token) error {
	name, parent := local(t.Name), ""
	if top := len(e.open) - 1; top >= 0 {
		parent = e.open[top].name
	}
	takes := attribute(t, "representation") == "B64" || parent == "nonXMLBody" && name == "text" || parent == "observationMedia" && name == "value"
	if name == "reference" && len(e.open) > 0 && e.open[len(e.open)-1].takes {
		if v := attribute(t, "value"); v != "" && !strings.HasPrefix(v, "data:") {
			e.outside++
		}
	}
	e.open = append(e.open, element{name: name, token: t, takes: takes})
	for _, a := range t.Attrs {
		if strings.Contains(a.Value, inAddress) {
			if err := e.dataURIs(e.m, a.Value, e.place(t, "address"), e.depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// place names an element by the nearest element that says what it is, and by its byte.
func (e *encapsulated) place(t markup.Token, what string) string {
	for i := len(e.open) - 1; i >= 0; i-- {
		switch name := e.open[i].name; name {
		case "nonXMLBody", "observationMedia", "regionOfInterest", "signatureText", "thumbnail":
			what = name
			i = -1
		}
	}
	return join(e.at, fmt.Sprintf("%s at byte %d", what, t.From))
}

// data has what an element encapsulates looked at.
func (e *encapsulated) data(in element) error {
	if len(bytes.TrimSpace(in.data)) == 0 {
		return nil // a reference instead, or nothing
	}
	e.open = append(e.open, in)
	at := e.place(in.token, in.name)
	e.open = e.open[:len(e.open)-1]
	if err := e.entry(); err != nil {
		return err
	}
	said := strings.ToLower(attribute(in.token, "mediaType"))
	b64 := attribute(in.token, "representation") == "B64"
	content, err := fromBase64(in.data)
	switch {
	case err != nil && !b64 && (said == "" || strings.HasPrefix(said, "text/")):
		return nil // text
	case err != nil:
		e.unread = append(e.unread, at+": it is said to be base64 and is not")
		return nil
	}
	packed := content
	if how := attribute(in.token, "compression"); how != "" {
		if content, err = e.inflate(how, packed); errors.Is(err, errLimit) || e.ctx.Err() != nil {
			return errors.Join(err, e.ctx.Err())
		} else if err != nil {
			e.unread = append(e.unread, fmt.Sprintf("%s: %v", at, err))
			return nil
		}
	}
	if sum := attribute(in.token, "integrityCheck"); sum != "" && !fits(sum, content) && !fits(sum, packed) {
		e.unread = append(e.unread, at+": it is not what its integrity check was made of")
	}
	return e.blob(e.m, content, at, e.depth)
}

// blob has bytes looked at that were taken out of a document of text.
func (w *walk) blob(m *media.Media, content []byte, at string, depth int) error {
	if err := w.spend(int64(len(content))); err != nil {
		return err
	}
	if int64(len(content)) > w.limits.One {
		return fmt.Errorf("%w: something inside is larger than %d MiB", errLimit, w.limits.One>>20)
	}
	return w.keep(m, content, at, depth)
}

// inflate undoes the compressions of HL7 version 3 that are in use.
func (w *walk) inflate(how string, b []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch how {
	case "DF": // deflate as such; some write zlib
		if r = flate.NewReader(bytes.NewReader(b)); len(b) > 2 && b[0]&0x0F == 8 && (int(b[0])<<8|int(b[1]))%31 == 0 {
			if z, err := zlib.NewReader(bytes.NewReader(b)); err == nil {
				r = z
			}
		}
	case "ZL":
		r, err = zlib.NewReader(bytes.NewReader(b))
	case "GZ":
		r, err = gzip.NewReader(bytes.NewReader(b))
	case "BZ":
		r = bzip2.NewReader(bytes.NewReader(b))
	default:
		return nil, fmt.Errorf("compression %.8q is not supported", how)
	}
	if err != nil {
		return nil, errors.New("its compressed data is damaged")
	}
	out, err := io.ReadAll(io.LimitReader(r, w.limits.One+1))
	if int64(len(out)) > w.limits.One {
		return nil, fmt.Errorf("%w: something inside expands to more than %d MiB", errLimit, w.limits.One>>20)
	}
	if err != nil {
		return nil, errors.New("its compressed data is damaged")
	}
	return out, nil
}

// fits reports whether a digest in base64, SHA-1 or SHA-256, is of the content.
func fits(stated string, content []byte) bool {
	want, err := fromBase64([]byte(stated))
	if err != nil {
		return false
	}
	one, two := sha1.Sum(content), sha256.Sum256(content)
	return bytes.Equal(want, one[:]) || bytes.Equal(want, two[:])
}

// fromBase64 decodes either alphabet, with white space anywhere and with or without padding.
func fromBase64(b []byte) ([]byte, error) {
	kept := make([]byte, 0, len(b))
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n', '=':
		case '-':
			kept = append(kept, '+')
		case '_':
			kept = append(kept, '/')
		default:
			kept = append(kept, c)
		}
	}
	n, err := base64.RawStdEncoding.Decode(kept, kept)
	return kept[:n], err
}

// inAddress is what an address with data in it has.
const inAddress = ";base64,"

// dataURIs has looked at what is written into addresses: data:image/png;base64,…
func (w *walk) dataURIs(m *media.Media, text, at string, depth int) error {
	const most = 1000
	for n := 0; n < most; n++ {
		i := strings.Index(text, "data:")
		if i < 0 {
			return nil
		}
		text = text[i+len("data:"):]
		head, rest, ok := strings.Cut(text[:min(len(text), 300)], inAddress)
		if !ok || strings.ContainsAny(head, " <>\"'\\") {
			continue
		}
		text = text[len(text[:min(len(text), 300)])-len(rest):]
		end := strings.IndexFunc(text, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/=-_ \r\n\t%", r)
		})
		data := text
		if end >= 0 {
			data, text = text[:end], text[end:]
		} else {
			text = ""
		}
		if err := w.entry(); err != nil {
			return err
		}
		content, err := fromBase64([]byte(strings.ReplaceAll(strings.ReplaceAll(data, "%2B", "+"), "%2F", "/")))
		if err != nil {
			w.unread = append(w.unread, at+": an address with data that is damaged")
			continue
		}
		if err := w.blob(m, content, at, depth); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: a text has more than %d addresses with data", errLimit, most)
}
