package mrz

import (
	"bytes"
	"compress/zlib"
	"context"
	"io"
	"regexp"
	"strconv"

	"github.com/cordonhq/cordon/media/pdf"
)

// Limits of what is read of a PDF file.
const (
	maxStreams  = 20_000
	maxStream   = 4 << 20  // bytes of one stream, expanded
	maxExpanded = 64 << 20 // bytes of all of them
)

var starts = regexp.MustCompile(`>>[\x00\t\n\f\r ]*stream(\r\n|\n|\r)`)

// textOf returns the text that the content streams of a PDF file draw, a line for each line
// they begin. Only letters that are written as themselves are read.
func textOf(ctx context.Context, file []byte) (out []byte, err error) {
	expanded := 0
	for range maxStreams {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := starts.FindIndex(file)
		if at == nil {
			break
		}
		file = file[at[1]:]
		raw := file
		end := bytes.Index(file, []byte("endstream"))
		if end >= 0 {
			raw, file = file[:end], file[end:]
		}
		content := raw
		if z, err := zlib.NewReader(bytes.NewReader(raw)); err == nil {
			content, _ = io.ReadAll(io.LimitReader(z, maxStream)) // what is cut off may still show text
		}
		if expanded += len(content); expanded > maxExpanded {
			break
		}
		if bytes.Contains(content, []byte("Tj")) || bytes.Contains(content, []byte("TJ")) {
			out = append(drawn(out, content), '\n')
		}
	}
	return out, nil
}

// drawn appends the strings of a content stream (ISO 32000-2, 9.4).
func drawn(out, b []byte) []byte {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '(':
			var s []byte
			s, i = literal(b, i+1)
			out = append(out, s...)
		case c == '<' && i+1 < len(b) && b[i+1] != '<':
			end := bytes.IndexByte(b[i:], '>')
			if end < 0 {
				return out
			}
			for h := b[i+1 : i+end]; len(h) >= 2; h = h[2:] {
				if n, err := strconv.ParseUint(string(h[:2]), 16, 8); err == nil {
					out = append(out, byte(n))
				}
			}
			i += end + 1
		case c >= 'A' && c <= 'Z' || c == '\'' || c == '"':
			start := i
			for i++; i < len(b) && !pdf.IsSpace(b[i]) && bytes.IndexByte([]byte("()<>[]/%"), b[i]) < 0; i++ {
			}
			switch string(b[start:i]) {
			case "Td", "TD", "Tm", "T*", "BT", "ET":
				out = append(out, '\n')
			}
		default:
			i++
		}
	}
	return out
}

// literal reads a string up to its closing parenthesis, and returns where to go on.
func literal(b []byte, i int) (out []byte, next int) {
	for open := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i++; i < len(b) {
				out = append(out, b[i])
			}
			continue
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return out, i + 1
			}
		}
		out = append(out, b[i])
	}
	return out, i
}
