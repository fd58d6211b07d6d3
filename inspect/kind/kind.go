// Package kind checks that a file is what it is said to be, once, and whole.
//
// It compares the declared type with the content, looks for a second file inside or behind
// the first (a polyglot), and follows the container's structure to its end. It decodes no
// picture. Names are hints: a JPEG called .png is remarked, a program called .jpg is found.
package kind

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// Config of the detector. The zero value works.
type Config struct{}

// Detector implements inspect.Detector.
type Detector struct{}

// New returns the detector.
func New(Config) *Detector { return &Detector{} }

// Name implements inspect.Detector.
func (*Detector) Name() string { return "kind" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "2" }

// Inspect implements inspect.Detector.
func (*Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	detail := map[string]any{"type": string(m.Type), "media_type": m.MediaType()}
	var out []cordon.Finding
	say := func(label cordon.Label, sentence string, more map[string]any) {
		d := map[string]any{"type": string(m.Type), "media_type": m.MediaType()}
		for k, v := range more {
			d[k] = v
		}
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: label, Sentence: sentence, Detail: d})
	}

	switch c := compare(m); {
	case c.unreadable:
		say(cordon.LabelUnreadable, "The file is called "+c.said+", and its content is nothing that can be read as that.", map[string]any{"declared": c.said})
	case c.mismatch:
		say(cordon.LabelTypeMismatch, "The file is called "+c.said+", and its content is "+string(m.Type)+".", map[string]any{"declared": c.said})
	case c.differs:
		detail["note"] = "declared as " + c.said + "; harmless"
	}

	whole, err := follow(ctx, m)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, chunk.ErrTruncated):
		say(cordon.LabelTruncated, "The file ends before its own structure says it should, or parts of it are damaged.", map[string]any{"error": err.Error()})
	case errors.Is(err, chunk.ErrLimit):
		say(cordon.LabelLimit, "The file has more parts, or deeper ones, than are followed.", map[string]any{"error": err.Error()})
		out[len(out)-1].Look = cordon.LookBeyondLimits
	case errors.Is(err, chunk.ErrStructure):
		say(cordon.LabelUnreadable, "The file begins as "+string(m.Type)+", and its structure cannot be read as that.", map[string]any{"error": err.Error()})
	case err != nil:
		return nil, err
	}
	detail["structure_followed"] = whole.followed
	if whole.followed && whole.end < m.Size() {
		detail["trailing_bytes"] = m.Size() - whole.end
	}

	of, err := m.Anatomy(ctx)
	if err != nil {
		return nil, err
	}
	states := map[string]int64{}
	for state, n := range anatomy.Sum(of.Ranges) {
		states[string(state)] = n
	}
	detail["bytes"] = states
	for i := range out { // whatever else is said of it
		out[i].Detail["bytes"] = states
	}
	// Where the structure breaks off, that is said, and what follows is no surprise.
	if len(out) == 0 && (of.Unknown > maxUnknown || of.Unknown*10 > m.Size()) {
		say(cordon.LabelBytesUnknown, fmt.Sprintf("%d of %d bytes belong to nothing that is read in such a file, and open as nothing.", of.Unknown, m.Size()),
			map[string]any{"bytes": states, "unknown": unknownRanges(of.Ranges)})
	}

	second, err := secondFile(ctx, m, whole)
	if err != nil {
		return nil, err
	}
	if second.is != "" {
		say(cordon.LabelPolyglot, "The file can be read as "+string(m.Type)+" and as "+second.is+".", map[string]any{"second": second.is, "offset": second.at})
	}
	if len(out) == 0 {
		out = append(out, cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelKindFine,
			Sentence: "The file is what it is said to be, as far as its structure tells.", Detail: detail})
	}
	return out, nil
}

// maxUnknown is how many bytes, below a tenth of the file, may belong to nothing without a word.
const maxUnknown = 64 << 10

// unknownRanges lists the first ranges that belong to nothing, for whoever wants to look.
func unknownRanges(ranges []anatomy.Range) (out []map[string]any) {
	for _, r := range ranges {
		if (r.State == anatomy.Unknown || r.State == anatomy.Contested) && len(out) < 20 {
			out = append(out, map[string]any{"from": r.Off, "to": r.End, "state": string(r.State)})
		}
	}
	return out
}

// comparison is how declaration and content relate.
type comparison struct {
	said       string // as the sender put it, shortened
	mismatch   bool   // another kind of thing
	unreadable bool   // nothing that is known, although it claims to be something that is
	differs    bool   // another type of the same kind
}

// family groups types whose confusion is harmless.
type family string

const (
	picture  family = "picture"
	footage  family = "audio or video"
	document family = "document"
	clinical family = "clinical image"
	archive  family = "archive"
	program  family = "program"
	manifest family = "manifest store"
)

func familyOf(t media.Type) family {
	switch t {
	case media.Unknown, media.Empty, media.RIFF:
		return ""
	case media.OOXML, media.OLE, media.RTF, media.PDF, media.Text, media.JSON, media.XML, media.HTML,
		media.CDA, media.FHIRJSON, media.FHIRXML, media.JOSE:
		// Reports called .xls are often HTML, letters called .doc are often RTF.
		return document
	case media.ZIP, media.Archive:
		return archive
	case media.Executable:
		return program
	case media.DICOM:
		return clinical
	case media.C2PA:
		return manifest
	}
	if m := t.Modality(); m == cordon.Audio || m == cordon.Video {
		return footage
	}
	return picture
}

// generic are media types that say nothing: what clients send when they do not look.
// image/x-pict is what the sf command line sends for PNG.
var generic = map[string]bool{
	"application/octet-stream": true, "binary/octet-stream": true, "application/unknown": true, "application/x-unknown": true,
	"application/binary": true, "application/force-download": true, "application/x-download": true, "application/download": true,
	"application/x-www-form-urlencoded": true, "multipart/form-data": true, "image/x-pict": true, "content/unknown": true, "unknown/unknown": true,
}

func compare(m *media.Media) comparison {
	ext := extension(m.Declared.Name)
	byName := media.ByExtension(ext)
	mime, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(m.Declared.MediaType)), ";")
	byMime := media.ByMediaType(mime)
	if generic[mime] {
		mime, byMime = "", nil
	}

	// The name is what a person sees and what opens the file; the media type counts where
	// the name says nothing.
	said, types := "."+ext, byName
	if len(types) == 0 {
		said, types = mime, byMime
	}
	if len(types) == 0 {
		f := familyOfMime(mime)
		c := comparison{said: shorten(mime)}
		if is := familyOf(m.Type); f != "" && is != "" {
			c.mismatch = is != f
		}
		return c
	}
	c := comparison{said: shorten(said)}
	is := familyOf(m.Type)
	for _, t := range types {
		f := familyOf(t)
		if t == m.Type || is == "" && !sure[t] {
			return comparison{said: c.said}
		}
		if f == is && is != "" || t == media.OOXML && m.Type == media.ZIP || t == media.ZIP && m.Type == media.OOXML {
			c.differs = true
		}
	}
	switch {
	case c.differs:
	case m.Type == media.Text:
		// Plain text under a picture's name shows nobody anything: clients that test an
		// upload send a letter as a.png. It hides no more than the same text as a.txt.
		c.differs = true
	case is == "":
		c.unreadable = true
	default:
		c.mismatch = true
	}
	return c
}

// sure are the types that cannot go unrecognised: each begins with a fixed mark. A text, a
// script or an MP3 with rubbish in front may look like nothing at all.
var sure = map[media.Type]bool{
	media.JPEG: true, media.PNG: true, media.GIF: true, media.WebP: true, media.TIFF: true, media.DNG: true, media.HEIC: true, media.AVIF: true, media.CR3: true,
	media.PDF: true, media.OOXML: true, media.ZIP: true, media.WAV: true, media.AVI: true, media.FLAC: true, media.Ogg: true, media.BMP: true, media.PSD: true,
}

// familyOfMime places media types that are in no table by their first word.
func familyOfMime(mime string) family {
	top, _, ok := strings.Cut(mime, "/")
	switch {
	case !ok:
		return ""
	case top == "image":
		return picture
	case top == "audio", top == "video":
		return footage
	}
	return ""
}

func extension(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i > 12 {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(name[i+1:]))
}

func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
