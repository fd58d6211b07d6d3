package inline

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

func tooLarge(limit int64) *refusal {
	return refusalf(http.StatusRequestEntityTooLarge, salesforce.CodeTooLarge, "The request's body is larger than %d bytes.", limit)
}

// openBody returns the request's body as it means to be read: decompressed, at most limit
// bytes before and after.
func (g *Gateway) openBody(c *call, limit int64) (io.Reader, error) {
	r := c.in
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	raw := io.Reader(&limitReader{limit: limit, left: limit, r: framedReader{r.Body}})
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))); encoding {
	case "", "identity":
		return raw, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, badEncoding(err)
		}
		return &limitReader{r: &unzipReader{z}, limit: limit, left: limit}, nil
	case "deflate":
		z, err := newInflater(bufio.NewReader(raw))
		if err != nil {
			return nil, badEncoding(err)
		}
		return &limitReader{r: &unzipReader{z}, limit: limit, left: limit}, nil
	default:
		return nil, refusalf(http.StatusUnsupportedMediaType, salesforce.CodeMediaType, "Content encoding '%.40s' is not supported", encoding)
	}
}

// newInflater reads deflate as RFC 9110 means it (zlib) and as some clients send it (bare).
func newInflater(br *bufio.Reader) (io.Reader, error) {
	head, err := br.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(br)
	}
	return flate.NewReader(br), nil
}

func badEncoding(err error) error {
	if errors.Is(err, cordon.ErrTooSlow) || isTimeout(err) || isRefusal(err) {
		return err
	}
	f := refusalf(http.StatusBadRequest, salesforce.CodeMalformed, "The compressed body cannot be read.")
	f.cause = err
	return f
}

// unzipReader gives errors of decompression the shape of an answer.
type unzipReader struct{ r io.Reader }

func (u *unzipReader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = badEncoding(err)
	}
	return n, err
}

// limitReader fails once more than limit bytes were read.
type limitReader struct {
	r     io.Reader
	limit int64
	left  int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.limit)
	}
	return n, err
}

// framedReader gives errors of a body's framing the shape of an answer.
type framedReader struct{ r io.Reader }

func (f framedReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, framed(err)
}

// framed turns a complaint about how the body is put into chunks into an answer. What befell
// the connection stays as it is.
func framed(err error) error {
	var network net.Error
	if err == nil || errors.Is(err, cordon.ErrTooSlow) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) || errors.As(err, &network) {
		return err
	}
	f := refusalf(http.StatusBadRequest, salesforce.CodeMalformed, "The request's body does not keep to its framing.")
	f.cause = err
	return f
}

// readChecked reads a body that is to be held in memory, at most MaxChecked bytes of it. The
// memory is accounted for as it fills. The second result gives it back and is never nil.
func (g *Gateway) readChecked(c *call, params map[string]string) ([]byte, func(), error) {
	charged := int64(0)
	creds, _ := credentialsOf(c.in)
	tenant, caller := string(c.tenant.ID), c.tenant.callers.key(creds)
	release := func() { g.checking.Give(tenant, caller, charged) }
	body, err := g.openBody(c, g.conf.MaxChecked)
	if err != nil {
		return nil, release, err
	}
	body = inCharset(body, params)
	b := make([]byte, 0, min(max(c.in.ContentLength, 1<<10), 64<<10)+1)
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(len(b), 4<<10))
		}
		if need := int64(cap(b)) - charged; need > 0 {
			if !g.checking.Take(tenant, caller, need) {
				return nil, release, g.busy(errBusy)
			}
			charged += need
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, release, nil
		}
		if err != nil {
			return b, release, err
		}
	}
}

// emptyCharset is a parameter that some libraries write when they know no charset.
var emptyCharset = regexp.MustCompile(`(?i);\s*charset\s*=\s*("")?\s*(;|$)`)

// mediaType returns the media type and parameters of a Content-Type, in lower case, with the
// charset checked: only UTF-8 means the same to everyone, and of the others what is plain ASCII.
func mediaType(contentType string) (string, map[string]string, error) {
	if strings.TrimSpace(contentType) == "" {
		return "", nil, nil
	}
	media, params, err := mime.ParseMediaType(emptyCharset.ReplaceAllString(contentType, "$2"))
	if err != nil {
		return "", nil, refusalf(http.StatusUnsupportedMediaType, salesforce.CodeMediaType, "The Content-Type cannot be read.")
	}
	if media == "multipart/form-data" {
		return media, params, nil // its parts have charsets of their own
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "utf8", "us-ascii", "iso-8859-1", "latin1", "windows-1252":
	default:
		return "", nil, refusalf(http.StatusUnsupportedMediaType, salesforce.CodeMediaType,
			"The charset %.40q cannot be read. Send UTF-8.", params["charset"])
	}
	return media, params, nil
}

// inCharset reads a body whose charset agrees with UTF-8 in ASCII only, and refuses it from the
// first character on that the two read differently.
func inCharset(body io.Reader, params map[string]string) io.Reader {
	switch strings.ToLower(params["charset"]) {
	case "iso-8859-1", "latin1", "windows-1252":
		return asciiReader{body, params["charset"]}
	}
	return body
}

type asciiReader struct {
	r       io.Reader
	charset string
}

func (a asciiReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	for _, c := range p[:n] {
		if c >= 0x80 {
			return 0, refusalf(http.StatusUnsupportedMediaType, salesforce.CodeMediaType,
				"The charset %.40q is read as far as it is ASCII. Send UTF-8.", a.charset)
		}
	}
	return n, err
}
