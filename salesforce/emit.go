package salesforce

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// Body is a request body that is produced while it is read.
type Body struct {
	Open   func() io.Reader // the same bytes each time
	Type   string           // Content-Type
	Length int64            // bytes, exact
}

// Attach makes b the body of a request. net/http may open it again, which it does only when
// nothing of the request was sent: a request with GetBody is repeated after that point only if
// its method or an Idempotency-Key says that repeating does no harm, and so neither may.
func (b Body) Attach(req *http.Request) {
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(b.Open()), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = b.Length
	req.Header.Set("Content-Type", b.Type)
	req.Header.Del("Idempotency-Key")
	req.Header.Del("X-Idempotency-Key")
}

// JSONBody writes the staged fields and, with content, its blob field in base64. A nil content
// leaves the blob field out. fields are the staged ones plus what the caller adds.
func JSONBody(fields []cordon.Field, blobField string, content cordon.Content) Body {
	head := objectOf(fields)
	if content == nil {
		return Body{Open: func() io.Reader { return bytes.NewReader(head) }, Type: "application/json; charset=UTF-8", Length: int64(len(head))}
	}
	head = head[:len(head)-1]
	if len(fields) > 0 {
		head = append(head, ',')
	}
	head = AppendJSONString(head, blobField)
	head = append(head, ':', '"')
	const tail = `"}`
	return Body{
		Open: func() io.Reader {
			return io.MultiReader(bytes.NewReader(head), encodeBase64(content.NewReader()), strings.NewReader(tail))
		},
		Type:   "application/json; charset=UTF-8",
		Length: int64(len(head)) + (content.Size()+2)/3*4 + int64(len(tail)),
	}
}

// MultipartBody writes the entity part with the fields first, then the binary part.
// fileName is shown to the CRM as the name of the part's file.
func MultipartBody(fields []cordon.Field, blob Blob, fileName string, content cordon.Content) Body {
	boundary := freshBoundary()
	var head bytes.Buffer
	head.WriteString("--" + boundary + "\r\n")
	head.WriteString(`Content-Disposition: form-data; name="` + blob.EntityPart + `"` + "\r\n")
	head.WriteString("Content-Type: application/json; charset=UTF-8\r\n\r\n")
	head.Write(objectOf(fields))
	head.WriteString("\r\n--" + boundary + "\r\n")
	head.WriteString(`Content-Disposition: form-data; name="` + blob.BlobField() + `"; filename="` + quoteFileName(fileName) + `"` + "\r\n")
	head.WriteString("Content-Type: application/octet-stream\r\n\r\n")
	tail := "\r\n--" + boundary + "--\r\n"
	return Body{
		Open: func() io.Reader {
			return io.MultiReader(bytes.NewReader(head.Bytes()), content.NewReader(), strings.NewReader(tail))
		},
		Type:   mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": boundary}),
		Length: int64(head.Len()) + content.Size() + int64(len(tail)),
	}
}

// FileName returns the best file name among the staged fields, or "file".
func FileName(s cordon.Staged) string {
	if b, ok := FindBlob(s.Object); ok {
		for _, f := range b.NameFields {
			if name := StringField(s, f); name != "" {
				return name
			}
		}
	}
	return "file"
}

// StringField returns the named field when it holds a JSON string, else "".
func StringField(s cordon.Staged, name string) string {
	v, ok := s.Field(name)
	if !ok {
		return ""
	}
	var text string
	if json.Unmarshal(v, &text) != nil {
		return ""
	}
	return text
}

// SetField returns the fields with the named one set to a JSON string, in its place when it
// was there, else at the end. The given slice is not changed.
func SetField(fields []cordon.Field, name, value string) []cordon.Field {
	field := cordon.Field{Name: name, Value: AppendJSONString(nil, value)}
	out := slices.Clone(fields)
	for i := range out {
		if strings.EqualFold(out[i].Name, name) {
			out[i] = field
			return out
		}
	}
	return append(out, field)
}

// AppendJSONString appends s as a JSON string. s must be UTF-8.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

func objectOf(fields []cordon.Field) []byte {
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendJSONString(b, f.Name)
		b = append(b, ':')
		b = append(b, f.Value...)
	}
	return append(b, '}')
}

// freshBoundary is random, so no content can hold it but by chance of 2^-128.
func freshBoundary() string {
	var b [16]byte
	rand.Read(b[:])
	return "cordon" + hex.EncodeToString(b[:])
}

// quoteFileName keeps a file name from ending its quotes or its header line.
func quoteFileName(name string) string {
	name = strings.ToValidUTF8(textproto.TrimString(name), "_")
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	for len(name) > 255 {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "" {
		return "file"
	}
	return name
}

// encodeBase64 returns a reader of the base64 text of r, encoding in place as it is read.
func encodeBase64(r io.Reader) io.Reader { return &base64Reader{r: r} }

type base64Reader struct {
	r    io.Reader
	raw  [24 << 10]byte // a multiple of three
	text [32 << 10]byte
	out  []byte
	err  error
}

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		n, err := io.ReadFull(b.r, b.raw[:])
		switch err {
		case io.ErrUnexpectedEOF:
			err = io.EOF
		}
		b.err = err
		if n > 0 {
			base64.StdEncoding.Encode(b.text[:], b.raw[:n])
			b.out = b.text[:base64.StdEncoding.EncodedLen(n)]
		}
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}
