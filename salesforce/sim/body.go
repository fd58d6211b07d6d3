package sim

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// payload is the body of a request, decoded.
type payload struct {
	value any              // JSON or XML: map[string]any, []any, string, json.Number, bool or nil
	parts map[string]*blob // binary parts of a multipart body, by name
	raw   *blob            // a body that is not looked into: CSV
	given bool             // there was one
	text  []byte           // the JSON that value was read from
}

// object returns the JSON object that the body must be.
func (p payload) object() (map[string]any, error) {
	if o, is := p.value.(map[string]any); is {
		return o, nil
	}
	if !p.given {
		return nil, badJSON("The HTTP entity body is required, but this request has no entity body.")
	}
	return nil, badJSON("Unexpected character: the body must be an object")
}

// discard removes what no record kept.
func (p payload) discard(o *Org) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range p.parts {
		if !b.kept {
			o.blobs.drop(b)
		}
	}
	if p.raw != nil && !p.raw.kept {
		o.blobs.drop(p.raw)
	}
}

func (o *Org) readBody(r *http.Request, c *call) (payload, error) {
	body, err := inflate(r)
	if err != nil {
		return payload{}, err
	}
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		mediaType, _, _ = strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
		mediaType = strings.TrimSpace(mediaType)
	}
	if c.takesCSV() {
		b, err := o.blobs.take(body, maxBulk)
		if errors.Is(err, errTooLarge) {
			return payload{}, newFault(http.StatusRequestEntityTooLarge, "LIMIT_EXCEEDED", "Upload exceeds the maximum of %d bytes", maxBulk)
		}
		return payload{raw: b, given: b != nil && b.size > 0}, err
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		form := c.at(0) == "connect" || c.at(0) == "chatter"
		p, err := o.readParts(body, params["boundary"], c.largestPart(), form)
		if err != nil {
			p.discard(o)
			return payload{}, err
		}
		return p, nil
	}
	text, err := io.ReadAll(io.LimitReader(body, maxInline+1))
	if err != nil {
		return payload{}, newFault(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "the body could not be read: %v", err)
	}
	if len(text) > maxInline {
		return payload{}, newFault(http.StatusRequestEntityTooLarge, "REQUEST_SIZE_LIMIT_EXCEEDED",
			"Maximum size of request reached. Maximum size of request is %d bytes.", maxInline)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return payload{}, nil
	}
	value, err := readEntity(mediaType, params["charset"], text)
	return payload{value: value, given: true, text: text}, err
}

// readEntity decodes the JSON or XML of a record.
func readEntity(mediaType, charset string, text []byte) (any, error) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
	case "iso-8859-1", "latin1":
		var b strings.Builder
		for _, c := range text {
			b.WriteRune(rune(c))
		}
		text = []byte(b.String())
	default:
		return nil, newFault(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Charset '%s' is not supported", charset)
	}
	switch {
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"), mediaType == "text/json":
		return readJSON(text)
	case mediaType == "application/xml", mediaType == "text/xml":
		return readXML(text)
	}
	return nil, newFault(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type '%s' is not supported", mediaType)
}

func readJSON(text []byte) (any, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, badJSON("%v at [line:1, column:%d]", err, d.InputOffset()+1)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badJSON("Unexpected content after the end of the value at [line:1, column:%d]", d.InputOffset()+1)
	}
	return v, nil
}

// inflate undoes Content-Encoding.
func inflate(r *http.Request) (io.Reader, error) {
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r.Body)
		if err == io.EOF { // no body at all: some clients announce an encoding of nothing
			return http.NoBody, nil
		}
		if err != nil {
			return nil, newFault(http.StatusBadRequest, "INVALID_CONTENT_ENCODING", "the body is not gzip: %v", err)
		}
		return z, nil
	case "deflate":
		// What is called deflate is zlib by the standard and bare deflate by habit.
		head := make([]byte, 2)
		n, err := io.ReadFull(r.Body, head)
		if n == 0 && err == io.EOF {
			return http.NoBody, nil
		}
		whole := io.MultiReader(bytes.NewReader(head[:n]), r.Body)
		if err == nil && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			return zlib.NewReader(whole)
		}
		return flate.NewReader(whole), nil
	default:
		return nil, newFault(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content encoding '%s' is not supported", encoding)
	}
}

// readParts decodes a multipart body. The part with JSON or XML is the record, in
// whatever place and under whatever name; each other part is the value of the field
// it is named for, or of the record that names it (collections). With form, parts
// without a type are members of the record.
func (o *Org) readParts(body io.Reader, boundary string, limit int64, form bool) (payload, error) {
	p := payload{parts: map[string]*blob{}, given: true}
	bad := func(format string, args ...any) error {
		return newFault(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", format, args...)
	}
	if boundary == "" {
		return p, bad("Multipart message needs a boundary")
	}
	entity, members := false, map[string]any{}
	for mr := multipart.NewReader(body, boundary); ; {
		part, err := mr.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return p, bad("Multipart message is malformed: %v", err)
		}
		mediaType, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		record := mediaType == "application/json" || mediaType == "application/xml" || mediaType == "text/xml"
		if form && part.FileName() == "" && mediaType == "" {
			text, err := io.ReadAll(io.LimitReader(part, 1<<16))
			if err != nil {
				return p, bad("Multipart message is malformed: %v", err)
			}
			members[part.FormName()] = string(text)
			continue
		}
		if !entity && part.FileName() == "" && (record || mediaType == "") {
			text, err := io.ReadAll(io.LimitReader(part, maxInline))
			if err != nil {
				return p, bad("Multipart message is malformed: %v", err)
			}
			if mediaType == "" {
				mediaType = "application/json"
			}
			if p.value, err = readEntity(mediaType, params["charset"], text); err != nil {
				return p, err
			}
			entity = true
			continue
		}
		name := part.FormName()
		if name == "" || p.parts[name] != nil {
			return p, bad("Multipart message needs one part for each name")
		}
		if p.parts[name], err = o.blobs.take(part, limit); err != nil {
			delete(p.parts, name)
			if errors.Is(err, errTooLarge) {
				return p, newFault(http.StatusBadRequest, "FILE_SIZE_LIMIT_EXCEEDED", "%s: file exceeds the maximum size of %d bytes", name, limit)
			}
			return p, bad("Multipart message is malformed: %v", err)
		}
		p.parts[name].name = part.FileName()
	}
	if form && !entity {
		p.value, entity = members, true
	}
	if !entity {
		return p, bad("Multipart message must include a non-binary part")
	}
	return p, nil
}
