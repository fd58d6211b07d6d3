package marks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html"

	"github.com/cordonhq/cordon/media"
)

// readMarkup reads what a page or a drawing says of itself: its metadata, title, description,
// comments, structured data, and XMP.
func readMarkup(f *fields, m *media.Media) {
	z := html.NewTokenizer(squeeze(f.ctx, m.Reader(f.ctx)))
	z.SetMaxBuf(maxValue)
	var text *bytes.Buffer // of the element at hand, if it is one that is read
	var of, kind string
	var packet *bytes.Buffer // XMP, which is handed on as it stands
	deep := 0
	for n := 0; ; n++ {
		if n%256 == 0 && f.stopped() {
			return
		}
		is := z.Next()
		raw := z.Raw()
		if is == html.ErrorToken {
			if err := z.Err(); errors.Is(err, html.ErrBufferExceeded) {
				f.limit("a part of the markup of more than %d MiB", maxValue>>20)
			} else if !errors.Is(err, io.EOF) {
				f.err = err
			}
			break
		}
		if packet != nil && int64(packet.Len()) <= f.block() {
			packet.Write(raw)
		}
		switch is {
		case html.CommentToken:
			if comment := string(z.Text()); strings.Contains(comment, ":") && len(comment) < 1024 {
				name, value, _ := strings.Cut(strings.TrimSpace(comment), ":")
				f.add("markup", name, value)
			} else {
				f.add("markup", "comment", comment)
			}
		case html.TextToken:
			if text != nil && text.Len() <= maxValue {
				text.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag, attributes := string(name), map[string]string{}
			for more && len(attributes) < 64 {
				var key, value []byte
				key, value, more = z.TagAttr()
				attributes[string(key)] = string(value)
			}
			switch {
			case tag == "meta":
				for _, key := range []string{"name", "property", "itemprop", "http-equiv"} {
					if attributes[key] != "" {
						f.add("markup", attributes[key], attributes["content"])
					}
				}
			case is == html.SelfClosingTagToken:
			case tag == "x:xmpmeta" || tag == "rdf:rdf" && packet == nil:
				if packet == nil {
					packet = bytes.NewBuffer(bytes.Clone(raw))
				}
				deep++
			case tag == "title" || tag == "desc" || tag == "metadata" || tag == "script" && isData(attributes["type"]):
				text, of, kind = &bytes.Buffer{}, tag, attributes["type"]
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			if packet != nil && (tag == "x:xmpmeta" || tag == "rdf:rdf" && !bytes.HasPrefix(packet.Bytes(), []byte("<x:"))) {
				if deep--; deep <= 0 {
					if int64(packet.Len()) > f.block() {
						f.limit("XMP of more than %d MiB", f.block()>>20)
					}
					readXMP(f, packet.Bytes())
					packet, deep = nil, 0
				}
			}
			if text != nil && tag == of {
				if of == "script" || strings.Contains(kind, "json") {
					readJSON(f, text.Bytes())
				}
				f.add("markup", map[string]string{"desc": "description", "script": "comment", "metadata": "comment", "title": "title"}[of], text.String())
				text = nil
			}
		}
	}
	if packet != nil {
		readXMP(f, packet.Bytes())
	}
}

func isData(kind string) bool {
	return strings.Contains(kind, "json") || strings.Contains(kind, "workflow")
}

// readJSON reads the texts of structured data under their names.
func readJSON(f *fields, b []byte) {
	var v any
	if len(b) > maxValue || json.Unmarshal(b, &v) != nil {
		return
	}
	eachText(v, "", 0, func(key, value string) { f.add("markup", key, value) })
}

func eachText(v any, key string, depth int, see func(key, value string)) {
	if depth > 16 {
		return
	}
	switch v := v.(type) {
	case string:
		see(key, v)
	case float64:
		see(key, fmt.Sprint(v))
	case []any:
		for _, one := range v {
			eachText(one, key, depth+1, see)
		}
	case map[string]any:
		for name, one := range v {
			as := name
			if name == "@id" || name == "@value" || name == "name" && key != "" {
				as = key
			}
			eachText(one, as, depth+1, see)
		}
	}
}
