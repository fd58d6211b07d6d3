package kind

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/dicom"
)

// second is another file inside or behind the first.
type second struct {
	is string // "" if there is none
	at int64  // offset in bytes
}

// maxTrailing is how much of what follows a file is searched. Motion photographs carry a
// few megabytes of video there.
const maxTrailing = 8 << 20

// secondFile looks where a second reader would: at the start, behind the end, and for the
// directory that makes any file an archive. Whether what is there is dangerous is not asked.
//
// Cameras append a lot that is no second reading: further pictures (MPF), video, maker's
// trailers, zeros. None of it begins like a document, an archive or a program.
func secondFile(ctx context.Context, m *media.Media, x extent) (second, error) {
	if at, ok := archiveDirectory(m); ok {
		return second{"zip", at}, nil
	}
	if s := inHead(ctx, m); s.is != "" {
		return s, nil
	}
	if !x.followed || x.end >= m.Size() || m.Type == media.ZIP || m.Type == media.OOXML {
		return second{}, nil
	}
	return behind(ctx, m, x.end)
}

// archiveDirectory reports whether a ZIP reader would open the file although it is something
// else. Such readers start at the end, so what comes before does not matter to them.
func archiveDirectory(m *media.Media) (int64, bool) {
	switch m.Type {
	case media.ZIP, media.OOXML, media.Archive, media.Executable, media.Unknown, media.Empty:
		return 0, false // self-extracting programs are both on purpose, and are programs
	}
	tail, at, err := last(m, 22+65535)
	if err != nil {
		return 0, false
	}
	for i := len(tail); ; {
		i = bytes.LastIndex(tail[:i], []byte("PK\x05\x06"))
		if i < 0 {
			return 0, false
		}
		e := tail[i:]
		if len(e) < 22 || len(e) != 22+int(binary.LittleEndian.Uint16(e[20:])) {
			continue
		}
		entries, size := binary.LittleEndian.Uint16(e[10:]), int64(binary.LittleEndian.Uint32(e[12:]))
		start := at + int64(i) - size
		var mark [4]byte
		if entries == 0 || start < 0 {
			continue
		}
		if _, err := m.ReadAt(mark[:], start); err == nil && string(mark[:]) == "PK\x01\x02" {
			return start, true
		}
	}
}

// inHead looks for readings that begin in the first bytes.
func inHead(ctx context.Context, m *media.Media) second {
	head := m.Head()
	first := head[:min(len(head), 1024)]
	switch m.Type {
	case media.PDF:
		i := bytes.Index(first, []byte("%PDF-"))
		if i > 0 {
			if is := begins(first[:i]); is != "" {
				return second{is, 0}
			}
		}
		return second{}
	case media.DICOM:
		// The preamble may hold a TIFF header, which the standard means it to; not a program.
		if is := begins(head); is == "program" {
			return second{is, 0}
		}
		if encapsulates(ctx, m, int64(bytes.Index(first, []byte("%PDF-")))) {
			return second{}
		}
	case media.HTML, media.XML, media.JSON, media.CDA, media.FHIRJSON, media.FHIRXML, media.JOSE, media.Text, media.RTF, media.Unknown, media.Empty:
		return second{} // text may speak of PDF
	}
	if i := bytes.Index(first, []byte("%PDF-")); i >= 0 && i+6 < len(first) && first[i+5] >= '1' && first[i+5] <= '2' && hasPDFBody(m) {
		return second{"pdf", int64(i)}
	}
	if i := bytes.Index(head, []byte("<?php")); i >= 0 && i+6 < len(head) && strings.ContainsRune(" \t\r\n", rune(head[i+5])) {
		return second{"php", int64(i)}
	}
	if is := script(m.Type, head); is != "" {
		return second{is, 0}
	}
	return second{}
}

// encapsulates reports whether what begins at a byte is the document that a clinical object is
// the envelope of, as the standard has it.
func encapsulates(ctx context.Context, m *media.Media, at int64) bool {
	if at < 0 {
		return false
	}
	f, _ := dicom.Open(ctx, m, m.Size(), dicom.Limits{}, nil)
	if f == nil {
		return false
	}
	e, has := f.Element(dicom.Document)
	return has && at >= e.Offset && at < e.Offset+e.Length
}

// script recognises pictures whose first bytes also begin a comment of a script: the length
// of the first segment of a JPEG, or the width of a GIF or BMP, chosen to read "/*".
func script(t media.Type, head []byte) string {
	at := map[media.Type]int{media.JPEG: 4, media.GIF: 6, media.BMP: 2}[t]
	if at == 0 || len(head) < at+2 {
		return ""
	}
	open := string(head[at : at+2])
	if open == "/*" && bytes.Contains(head[at+2:], []byte("*/")) || t == media.GIF && (open[0] == '=' && (open[1] == '\'' || open[1] == '"' || open[1] == '1')) {
		return "script"
	}
	return ""
}

// hasPDFBody asks for what a PDF reader needs besides the header.
func hasPDFBody(m *media.Media) bool {
	tail, _, err := last(m, 64<<10)
	return err == nil && (bytes.Contains(tail, []byte("startxref")) || bytes.Contains(tail, []byte("%%EOF"))) || bytes.Contains(m.Head(), []byte(" obj"))
}

// begins says what bytes begin with, if it is something that must not hide in a picture.
func begins(b []byte) string {
	low := strings.ToLower(string(b[:min(len(b), 512)]))
	low = strings.TrimLeft(low, " \t\r\n\x00\ufeff")
	switch {
	case strings.HasPrefix(low, "<!doctype html"), strings.HasPrefix(low, "<html"), strings.HasPrefix(low, "<script"), strings.HasPrefix(low, "<body"), strings.HasPrefix(low, "<iframe"):
		return "html"
	case strings.HasPrefix(low, "<?php"):
		return "php"
	case strings.HasPrefix(low, "#!/"), strings.HasPrefix(low, "\x7felf"):
		return "program"
	case strings.HasPrefix(low, "%pdf-"):
		return "pdf"
	case strings.HasPrefix(low, "pk\x03\x04"):
		return "zip"
	case strings.HasPrefix(low, "rar!\x1a\x07"):
		return "rar"
	case strings.HasPrefix(low, "7z\xbc\xaf\x27\x1c"):
		return "7z"
	}
	if windows(b) {
		return "program"
	}
	return ""
}

// windows recognises a Windows executable: the old header points to the new one.
func windows(b []byte) bool {
	if len(b) < 64 || b[0] != 'M' || b[1] != 'Z' {
		return false
	}
	at := int64(binary.LittleEndian.Uint32(b[60:]))
	return at+4 <= int64(len(b)) && string(b[at:at+4]) == "PE\x00\x00"
}

// archives are marks of formats whose readers search a file for its beginning, so that an
// archive anywhere behind a picture opens. All other readers want theirs at the start.
var archives = []struct{ mark, is string }{
	{"Rar!\x1A\x07\x00", "rar"},
	{"Rar!\x1A\x07\x01\x00", "rar"},
	{"7z\xBC\xAF\x27\x1C\x00", "7z"},
}

// maxPad is how many bytes of padding may stand before an appended file. Photographs from
// recovered disks carry what was left in their last clusters, web pages and letters among
// it, and nobody can open that by way of the photograph.
const maxPad = 16

// behind looks at what follows the end of the file's own structure.
func behind(ctx context.Context, m *media.Media, end int64) (second, error) {
	n := min(m.Size()-end, maxTrailing)
	b := make([]byte, n)
	got, err := m.ReadAt(b, end)
	if err != nil && err != io.EOF {
		return second{}, err
	}
	b = b[:got]
	if err := ctx.Err(); err != nil {
		return second{}, err
	}
	pad := len(b) - len(bytes.TrimLeft(b, "\x00\xff \r\n"))
	if is := begins(b[pad:]); is != "" && pad <= maxPad {
		return second{is, end + int64(pad)}, nil
	}
	for _, h := range archives {
		if i := bytes.Index(b, []byte(h.mark)); i >= 0 {
			return second{h.is, end + int64(i)}, nil
		}
	}
	return second{}, nil
}
