package salesforce

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
)

// Error codes of the REST API that the gateway uses.
const (
	CodeValidation  = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
	CodeJSON        = "JSON_PARSER_ERROR"
	CodeXML         = "XML_PARSER_ERROR"
	CodeBase64      = "INVALID_BASE64"
	CodeMultipart   = "INVALID_MULTIPART_REQUEST"
	CodeSession     = "INVALID_SESSION_ID"
	CodeAccess      = "INSUFFICIENT_ACCESS_OR_READONLY"
	CodeLimit       = "REQUEST_LIMIT_EXCEEDED"
	CodeUnavailable = "SERVER_UNAVAILABLE"
	CodeUnknown     = "UNKNOWN_EXCEPTION"
	CodeTooLarge    = "REQUEST_ENTITY_TOO_LARGE"
	CodeMediaType   = "UNSUPPORTED_MEDIA_TYPE"
	CodeMethod      = "METHOD_NOT_ALLOWED"
	CodeMalformed   = "MALFORMED_REQUEST"
	CodeDuplicate   = "DUPLICATE_VALUE"
)

// Error is one error of the REST API.
type Error struct {
	Message   string   `json:"message" xml:"message"`
	ErrorCode string   `json:"errorCode" xml:"errorCode"`
	Fields    []string `json:"fields,omitzero" xml:"fields,omitempty"`
}

// JSONErrors returns the errors as the REST API writes them.
func JSONErrors(errs ...Error) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(errs); err != nil {
		panic(err) // strings always encode
	}
	return bytes.TrimSpace(b.Bytes())
}

// XMLErrors returns the errors as the REST API writes them to a caller who asked for XML.
func XMLErrors(errs ...Error) []byte {
	b, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"Errors"`
		Error   []Error
	}{Error: errs})
	if err != nil {
		panic(err) // strings always encode
	}
	return append([]byte(xml.Header), b...)
}

// SOAPFault returns a fault as the SOAP API writes it.
func SOAPFault(e Error) []byte {
	var code, text bytes.Buffer
	xml.EscapeText(&code, []byte(e.ErrorCode))
	xml.EscapeText(&text, []byte(e.Message))
	return []byte(xml.Header + `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com">` +
		`<soapenv:Body><soapenv:Fault><faultcode>sf:` + code.String() + `</faultcode><faultstring>` + code.String() + `: ` + text.String() +
		`</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`)
}

// ParseErrors reads the errors of a JSON answer, in either shape the platform uses. It returns
// nil when the body is something else.
func ParseErrors(body []byte) []Error {
	var list []Error
	if json.Unmarshal(body, &list) == nil && len(list) > 0 && list[0].ErrorCode != "" {
		return list
	}
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &oauth) == nil && oauth.Error != "" {
		return []Error{{Message: oauth.Description, ErrorCode: oauth.Error}}
	}
	return nil
}
