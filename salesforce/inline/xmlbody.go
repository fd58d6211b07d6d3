package inline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

var errXML = errors.New("its XML cannot be read in one way only")

// walkXML calls element for each element with its path of local names, and text for each piece
// of text. Documents with a DTD or with more than one root are refused: entities hide text.
func walkXML(body []byte, element func(path []string, e xml.StartElement) error, text func(path []string, s string) error) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = true
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		return nil, errXML // UTF-8 needs none
	}
	var path []string
	roots := 0
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			if len(path) > 0 || roots != 1 {
				return errXML
			}
			return nil
		}
		if err != nil {
			return errXML
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(path) == 0 {
				roots++
			}
			if path = append(path, tok.Name.Local); len(path) > maxDepth {
				return errXML
			}
			if err := element(path, tok); err != nil {
				return err
			}
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != tok.Name.Local {
				return errXML
			}
			path = path[:len(path)-1]
		case xml.CharData:
			if err := text(path, string(tok)); err != nil {
				return err
			}
		case xml.Directive:
			return errXML
		}
	}
}

// found is what a walk over a document stops with.
type found string

func (f found) Error() string { return string(f) }

// examineXML says what in an XML body could be media, "" if nothing. object is the sObject of a
// Bulk job that the request would open.
func (t target) examineXML(body []byte) (why, object string) {
	rule := textRule
	switch t.class {
	case classAsync, classIngest, classRecord:
	case classPlain:
		rule = plainRule
	default:
		return "XML is not looked into here", ""
	}
	top := 2 // where the fields of the record itself stand
	if t.rows {
		top = 3 // <sObjects><sObject>…
	}
	texts := newTexts()
	err := walkXML(body,
		func(path []string, e xml.StartElement) error {
			texts.begin(path)
			name := e.Name.Local
			if len(path) > 1 && (t.blob.HasField(name) || t.deep && salesforce.IsBlobField(name) ||
				salesforce.IsArticleFile(name) || len(path) > top && salesforce.IsBlobField(name)) {
				return found("it carries a file in the field " + cutRunes(name, 80))
			}
			if strings.EqualFold(name, salesforce.FieldContentBodyID) || strings.EqualFold(name, "VersionData") {
				return found("it takes content from elsewhere")
			}
			for _, a := range e.Attr {
				if why := scanText(a.Value, rule); why != "" {
					return found("it holds " + why)
				}
			}
			return nil
		},
		texts.add)
	if err != nil {
		return err.Error(), ""
	}
	if why := texts.scan(rule); why != "" {
		return "it holds " + why, ""
	}
	for key, piece := range texts {
		s := piece.String()
		if i := strings.LastIndexByte(key, '/'); t.class == classAsync && strings.EqualFold(key[i+1:], "object") {
			object = strings.TrimSpace(s) // two of them are no name
		}
	}
	if object != "" {
		return jobRefusal(object), object
	}
	return "", ""
}

// texts are what elements hold, by their paths: it may come in pieces, around comments.
type texts map[string]*strings.Builder

func newTexts() texts { return texts{} }

func (t texts) add(path []string, s string) error {
	key := strings.Join(path, "/")
	if t[key] == nil {
		if len(t) > 10_000 {
			return errXML
		}
		t[key] = new(strings.Builder)
	}
	t[key].WriteString(s)
	return nil
}

// begin marks where another element of the same path begins, so that what two elements hold is
// not read as one word.
func (t texts) begin(path []string) {
	if b := t[strings.Join(path, "/")]; b != nil {
		b.WriteByte('"')
	}
}

// scan says what in the texts could be media, "" if nothing.
func (t texts) scan(r rule) string {
	for _, piece := range t {
		if why := scanText(piece.String(), r); why != "" {
			return why
		}
	}
	return ""
}
