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
	pieces := map[string]*strings.Builder{} // text of an element may come in pieces around comments
	err := walkXML(body,
		func(path []string, e xml.StartElement) error {
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
		func(path []string, s string) error {
			key := strings.Join(path, "/")
			if pieces[key] == nil {
				if len(pieces) > 10_000 {
					return errXML
				}
				pieces[key] = new(strings.Builder)
			}
			pieces[key].WriteString(s)
			return nil
		})
	if err != nil {
		return err.Error(), ""
	}
	for key, piece := range pieces {
		s := piece.String()
		if why := scanText(s, rule); why != "" {
			return "it holds " + why, ""
		}
		if i := strings.LastIndexByte(key, '/'); t.class == classAsync && strings.EqualFold(key[i+1:], "object") {
			object = strings.TrimSpace(s)
		}
	}
	if object != "" {
		return jobRefusal(object), object
	}
	return "", ""
}

// soapReads lists the calls of the SOAP APIs that write no record.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_list.htm
var soapReads = map[string]bool{
	"login": true, "logout": true, "query": true, "querymore": true, "queryall": true, "search": true, "retrieve": true,
	"getupdated": true, "getdeleted": true, "getservertimestamp": true, "getuserinfo": true, "delete": true, "undelete": true,
	"emptyrecyclebin": true, "invalidatesessions": true, "setpassword": true, "resetpassword": true, "findduplicates": true,
	"describeglobal": true, "describesobject": true, "describesobjects": true, "describelayout": true, "describetabs": true,
	"describesoftphonelayout": true, "describedatacategorygroups": true, "describetheme": true, "describeapplayout": true,
	"describemetadata": true, "listmetadata": true, "readmetadata": true, "checkdeploystatus": true, "checkretrievestatus": true,
	"describevaluetype": true,
}

// examineSOAP says why an envelope could write a file, "" if it cannot, and the call it makes.
func examineSOAP(body []byte) (why, name string) {
	calls, inBody := 0, false
	err := walkXML(body,
		func(path []string, e xml.StartElement) error {
			switch {
			case len(path) == 1 && path[0] != "Envelope":
				return found("it is not a SOAP envelope")
			case len(path) == 2 && path[1] == "Body":
				if inBody {
					return errXML
				}
				inBody = true
			case len(path) == 2 && path[1] != "Header":
				return errXML
			case len(path) == 3 && path[1] == "Body":
				name = strings.ToLower(path[2])
				if calls++; !soapReads[name] {
					return found("the SOAP call " + cutRunes(path[2], 40) + " can write a file")
				}
			}
			return nil
		},
		func([]string, string) error { return nil })
	switch {
	case err != nil:
		return err.Error(), ""
	case calls != 1:
		return "it makes not exactly one SOAP call", ""
	}
	return "", name
}
