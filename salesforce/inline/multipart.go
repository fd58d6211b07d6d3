package inline

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// readAhead is how much is read from a connection at once. The form's own reader asks for 4 KiB
// at a time, which is a system call for each.
const readAhead = 64 << 10

func badMultipart(why string) *refusal {
	return refusalf(http.StatusBadRequest, salesforce.CodeMultipart,
		"The multipart body cannot be read: %s. A file takes one JSON part with its fields and one part with its bytes.", why)
}

// parseMultipart reads a form with an entity part (JSON) and a binary part, in either order.
// Differences between parsers do not matter here: what is sent on is written anew from what
// was understood, and what was not understood is refused.
func parseMultipart(r io.Reader, boundary string, blob salesforce.Blob, conf *Config, spool spooler) (parsed, error) {
	p := parsed{multipart: true}
	if boundary == "" || len(boundary) > 70 {
		return p, badMultipart("the boundary is missing or too long")
	}
	mr := multipart.NewReader(bufio.NewReaderSize(r, readAhead), boundary)
	entity := false
	for n := 0; ; n++ {
		part, err := mr.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return p, multipartError(err)
		}
		if n >= maxParts {
			return p, badMultipart("it has too many parts")
		}
		kind, err := partKind(part, blob, maxPartHeader)
		if err != nil {
			return p, err
		}
		switch {
		case kind == entityPart && entity:
			f := badMultipart("it has two parts with fields")
			f.part = part.FormName()
			return p, f
		case kind == entityPart:
			entity = true
			inner, err := parseJSON(&limitReader{r: part, limit: int64(conf.MaxFields), left: int64(conf.MaxFields)}, blob, conf.MaxFields, refuseSpool)
			if err != nil {
				return p, multipartError(err)
			}
			p.fields = inner.fields
		case kind == binaryPart && p.hasBlob:
			return p, badMultipart("it has two parts with bytes")
		default:
			p.fileName, p.declared = part.FileName(), part.Header.Get("Content-Type")
			src := &noticed{r: part}
			s, err := spool(src)
			if err == nil {
				p.hasBlob, p.spooled = true, s
				err = src.unlessEOF()
			}
			if err != nil {
				return p, multipartError(err)
			}
		}
	}
	if !entity {
		return p, refusalf(http.StatusBadRequest, salesforce.CodeMultipart, "Multipart message must include a non-binary part")
	}
	return p, nil
}

type part int

const (
	entityPart part = iota
	binaryPart
)

// partKind says what a part is. Names and types that clients give are hints; what is neither
// clearly fields nor clearly the file is refused.
func partKind(p *multipart.Part, blob salesforce.Blob, maxHeader int) (part, error) {
	size := 0
	for name, values := range p.Header {
		if len(values) > 1 {
			return 0, badMultipart("a part has the header " + name + " twice")
		}
		size += len(name) + len(values[0])
	}
	if size > maxHeader {
		return 0, badMultipart("the headers of a part are too long")
	}
	switch enc := strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding"))); enc {
	case "", "7bit", "8bit", "binary":
	default:
		return 0, badMultipart("a part is encoded as " + enc[:min(len(enc), 40)] + "; send it plain")
	}
	media := ""
	if ct := p.Header.Get("Content-Type"); ct != "" {
		media, _, _ = mime.ParseMediaType(ct)
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(ct)), "multipart/") || strings.HasPrefix(media, "message/") {
			return 0, badMultipart("a part holds further parts")
		}
	}
	name := p.FormName()
	switch {
	case name == "":
		return 0, refusalf(http.StatusBadRequest, salesforce.CodeMultipart, "Multipart message needs one part for each name")
	case blob.HasField(name):
		return binaryPart, nil
	case len(name) > 7 && strings.EqualFold(name[:7], "entity_"), (isJSON(media) || media == "") && p.FileName() == "":
		return entityPart, nil
	case p.FileName() != "":
		return binaryPart, nil
	}
	f := badMultipart("a part is neither the fields nor the file")
	f.part = name
	return 0, f
}

// refuseSpool stands for storage where no file may be.
func refuseSpool(io.Reader) (s cordon.Spooled, err error) {
	return s, badMultipart("the fields hold a second file")
}

// multipartError turns a parser's complaint into an answer and leaves other failures alone.
func multipartError(err error) error {
	switch {
	case isRefusal(err), isTimeout(err):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refusalf(http.StatusBadRequest, salesforce.CodeMultipart, "Multipart message is malformed: unexpected EOF")
	case strings.HasPrefix(err.Error(), "multipart:"), strings.HasPrefix(err.Error(), "malformed MIME"), errors.Is(err, multipart.ErrMessageTooLarge):
		f := badMultipart("it does not keep to its form")
		f.cause = err
		return f
	}
	return err
}

// noticed remembers how reading ended.
type noticed struct {
	r   io.Reader
	err error
}

func (n *noticed) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil {
		n.err = err
	}
	return k, err
}

// unlessEOF is the failure that a careless reader passed over: nothing may be stored from a
// source that did not end.
func (n *noticed) unlessEOF() error {
	switch n.err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("the line stored a file without reading it to the end")
	}
	return n.err
}
