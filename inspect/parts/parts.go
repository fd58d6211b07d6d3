// Package parts looks at the files inside of files: the pictures of a PDF, the attachments
// of a document, the body of a clinical document (CDA) that is no XML and its multimedia, the
// attachments of FHIR resources, the frames of a clinical image, what is in a ZIP archive, nested
// as deep as the limits allow. Each goes through the same detectors as a file of its own would.
//
// What cannot be opened is said, and never taken for empty: an encrypted archive, a file
// that expands further than the limits, a container whose structure is broken.
package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Detector is what looks at one file. inspect.Detector is one.
type Detector interface {
	Name() string
	Version() string
	Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error)
}

// Limits bound what one file may cost. The zero value of each field means its default.
type Limits struct {
	// Files is how many files inside are looked at. Default: 1 000.
	Files int
	// Entries is how many entries containers may have together. Default: 20 000.
	Entries int
	// Depth is how deep containers may nest. Default: 4.
	Depth int
	// One is the largest file inside, in bytes, as it is when expanded. Default: 64 MiB.
	One int64
	// Expanded is the sum of what is expanded, in bytes. Default: 512 MiB.
	Expanded int64
	// Pixels is how many pixels of pictures inside are decoded, all together. What is beyond
	// has its metadata looked at, and not what its pixels show. Default: 24 million.
	Pixels int64
	// Coded is how many pictures inside are decoded that take a foreign decoder, which is a
	// process each. The others have their metadata looked at. Default: 4.
	Coded int
	// KeyFrames is how many pictures of one recording are looked at, spread over it; none if it is
	// negative. Default: 4.
	KeyFrames int
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int
		or    int
	}{{&l.Files, 1000}, {&l.Entries, 20_000}, {&l.Depth, 4}, {&l.Coded, 4}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if l.KeyFrames == 0 {
		l.KeyFrames = 4
	}
	for _, d := range []struct {
		value *int64
		or    int64
	}{{&l.One, 64 << 20}, {&l.Expanded, 512 << 20}, {&l.Pixels, 24e6}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return l
}

// times are the limits with so many times the room. What is a sample stays the same sample.
func (l Limits) times(room int64) Limits {
	l.Files, l.Entries, l.Depth = l.Files*int(room), l.Entries*int(room), l.Depth*int(room)
	l.One, l.Expanded = l.One*room, l.Expanded*room
	return l
}

// Parts implements inspect.Detector.
type Parts struct {
	detectors []Detector
	frames    []Detector // of pictures of recordings
	limits    Limits
}

// New returns a detector that has what is inside of files looked at by others.
func New(detectors []Detector, limits Limits) *Parts {
	return &Parts{detectors, detectors, limits.withDefaults()}
}

// Name implements inspect.Detector.
func (*Parts) Name() string { return "parts" }

// Version implements inspect.Detector.
func (*Parts) Version() string { return "5" }

// errLimit ends the walk: there is more inside than is looked at.
var errLimit = errors.New("more is inside than is looked at")

// errUnread means that one container, or one file of it, cannot be opened.
var errUnread = errors.New("cannot be opened")

// walk is one look into one file.
type walk struct {
	*Parts
	limits   Limits // with the room that the file has
	ctx      context.Context
	entries  int
	expanded int64
	pixels   int64
	seen     []seen
	unread   []string
	outside  int // references to what is not in the file
	// Frames of clinical images have as much room again as other files, of their own, so that
	// the images of a long examination in one archive do not use up that of the archive.
	frames     int   // looked at
	framed     int64 // their bytes
	passed     int64 // not looked at
	undecoded  int   // looked at without pixels
	coded      int   // that took a foreign decoder
	filmed     int   // pictures of recordings that were looked at
	unseen     int   // recordings whose pictures nobody looked at, and why not
	unseenWhy  string
	unseenLook cordon.Look
	found      []cordon.Finding
	look       cordon.Look // of the first thing inside that was not looked at
	guess      []bool      // of the files that are open: whether it is one is a guess
	lenient    int         // clinical frames at hand
	pieces     int         // of files that are open, one in the other
	sums       map[[sha256.Size]byte]bool
}

// seen is a file inside, as it stands in the evidence.
type seen struct {
	Path      string `json:"path"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
}

// Inspect implements inspect.Detector.
func (p *Parts) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	a, err := m.Anatomy(ctx)
	if err != nil {
		return nil, err
	}
	if opener(m.Type) == nil && len(a.Children) == 0 && !a.More {
		return []cordon.Finding{{Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
			Sentence: "No files are looked for inside of this kind of file."}}, nil
	}
	w := &walk{Parts: p, limits: p.limits.times(m.Room(1)), ctx: ctx, pixels: p.limits.Pixels}
	err = w.open(m, "", 0)
	if err != nil && !errors.Is(err, errLimit) && !errors.Is(err, errUnread) {
		return nil, err
	}
	return append(w.found, w.summary(err)...), nil
}

// summary says what was looked at and what was not.
func (w *walk) summary(err error) (out []cordon.Finding) {
	detail := func(more map[string]any) map[string]any {
		list := w.seen
		if list == nil {
			list = []seen{}
		}
		d := map[string]any{"parts": list}
		if w.passed > 0 {
			d["not_looked_at"] = w.passed
		}
		if w.undecoded > 0 {
			d["not_decoded"] = w.undecoded
		}
		if w.outside > 0 {
			d["outside"] = w.outside
		}
		if w.filmed > 0 {
			d["frames_looked_at"] = w.filmed
		}
		if w.unseen > 0 {
			d["recordings_not_looked_at"] = w.unseen
		}
		for k, v := range more {
			d[k] = v
		}
		return d
	}
	if errors.Is(err, errUnread) {
		w.unread = append(w.unread, err.Error())
	}
	if errors.Is(err, errLimit) {
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelLimit,
			Sentence: "More is inside of the file than is looked at.", Detail: detail(map[string]any{"error": err.Error()}), Look: cordon.LookBeyondLimits})
	}
	if len(w.unread) > 0 {
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelPartsUnread,
			Sentence: "Something inside of the file cannot be opened: it is encrypted, or damaged.",
			Detail:   detail(map[string]any{"unread": w.unread[:min(len(w.unread), 20)]}), Look: w.look})
	}
	if len(out) == 0 {
		sentence := "There are no pictures, recordings or documents inside of the file."
		if n := len(w.seen); n > 0 {
			sentence = fmt.Sprintf("Files inside that were looked at: %d.", n)
		}
		if w.passed > 0 {
			sentence = fmt.Sprintf("Files inside that were looked at: %d. Frames that were not looked at: %d.", len(w.seen), w.passed)
		}
		if w.undecoded > 0 {
			sentence += fmt.Sprintf(" Pictures whose pixels are not decoded: %d.", w.undecoded)
		}
		if w.outside > 0 {
			sentence += fmt.Sprintf(" Referred to, and not in the file: %d.", w.outside)
		}
		label, status := cordon.LabelPartsSeen, cordon.StatusNone
		if w.filmed > 0 {
			pictures := fmt.Sprintf("Pictures of recordings that were looked at: %d.", w.filmed)
			if sentence += " " + pictures; len(w.seen) == 0 {
				sentence = pictures
			}
		}
		if w.unseen > 0 {
			pictures := fmt.Sprintf("The pictures of the recording were not looked at: %s.", w.unseenWhy)
			if sentence += " " + pictures; len(w.seen) == 0 {
				sentence, label, status = pictures, cordon.LabelNotCovered, cordon.StatusNotApplicable
			}
		}
		look := w.unseenLook
		if look == "" && (w.passed > 0 || w.undecoded > 0 || w.filmed > 0) {
			look = cordon.LookedSample
		}
		out = append(out, cordon.Finding{Status: status, Class: cordon.Deterministic, Label: label,
			Sentence: sentence, Detail: detail(nil), Look: look})
	}
	return out
}

// open goes through a container, and then through the files that are inside without being parts
// of it: behind its end, in its metadata, in its text.
func (w *walk) open(m *media.Media, at string, depth int) error {
	a, err := m.Anatomy(w.ctx)
	if err != nil {
		return err
	}
	open := opener(m.Type)
	if open == nil && len(a.Children) == 0 && !a.More {
		return nil
	}
	if depth >= w.limits.Depth {
		return fmt.Errorf("%w: %q nests deeper than %d", errLimit, at, w.limits.Depth)
	}
	var unread error
	if open != nil {
		// That one reading of a container fails leaves the others.
		if unread = open(w, m, at, depth); unread != nil && !errors.Is(unread, errUnread) {
			return unread
		}
	}
	for _, c := range a.Children {
		if err := w.child(m, c, at, depth); err != nil {
			return err
		}
	}
	if a.More {
		return fmt.Errorf("%w: %q has more files inside", errLimit, at)
	}
	return unread
}

// maxPieces is how deep files may stand in one another as they are. A photograph has a smaller one
// in it, and that a still smaller one; a file of nothing but beginnings is one in all the others.
const maxPieces = 32

// child has a file looked at that is inside without being a part of the container.
func (w *walk) child(m *media.Media, c media.Child, at string, depth int) error {
	if err := w.entry(); err != nil {
		return err
	}
	if c.Look != "" {
		w.short(c.Look, fmt.Sprintf("%s: %s", join(at, c.Name), c.Why))
		return nil
	}
	r, size := c.Open(m)
	if err := w.spend(size); err != nil {
		return err
	}
	if c.Content == nil {
		depth-- // a piece of what holds it, and nothing that was unpacked
		if w.pieces++; w.pieces > maxPieces {
			w.pieces--
			w.short(cordon.LookBeyondLimits, fmt.Sprintf("%s: pieces of files nest deeper than %d", join(at, c.Name), maxPieces))
			return nil
		}
		defer func() { w.pieces-- }()
	}
	w.guess = append(w.guess, !c.Certain)
	defer func() { w.guess = w.guess[:len(w.guess)-1] }()
	return w.visit(m, r, size, join(at, c.Name), depth)
}

// guessed reports whether the file at hand, or one that it is in, is taken for one only because
// of what it begins with.
func (w *walk) guessed() bool { return slices.Contains(w.guess, true) }

// short notes something inside that was not looked at.
func (w *walk) short(look cordon.Look, why string) {
	w.unread = append(w.unread, why)
	if w.look == "" {
		w.look = look
	}
}

// opener returns what goes through a container of the type, nil if it is none.
func opener(t media.Type) func(w *walk, m *media.Media, at string, depth int) error {
	switch t {
	case media.ZIP, media.OOXML:
		return (*walk).zip
	case media.PDF:
		return (*walk).pdf
	case media.DICOM:
		return (*walk).dicom
	case media.MP4, media.MOV, media.Matroska, media.AVI:
		return (*walk).film
	case media.CDA:
		return (*walk).cda
	case media.FHIRJSON:
		return (*walk).fhirJSON
	case media.FHIRXML:
		return (*walk).fhirXML
	case media.JOSE:
		return (*walk).jose
	}
	return nil
}

// entry counts one entry of a container.
func (w *walk) entry() error {
	if w.entries++; w.entries > w.limits.Entries {
		return fmt.Errorf("%w: more than %d entries", errLimit, w.limits.Entries)
	}
	return w.ctx.Err()
}

// one is how large a file inside may be at the moment.
func (w *walk) one(m *media.Media) int64 { return min(w.limits.One, m.Left()) }

// keep has content looked at that was taken out of m and is kept in memory meanwhile.
func (w *walk) keep(m *media.Media, content []byte, at string, depth int) error {
	release, ok := m.Hold(int64(len(content)))
	if !ok {
		return fmt.Errorf("%w: %q takes more memory than one file may", errLimit, at)
	}
	defer release()
	return w.visit(m, bytes.NewReader(content), int64(len(content)), at, depth)
}

// spend counts bytes that were expanded.
func (w *walk) spend(n int64) error {
	if w.expanded += n; w.expanded > w.limits.Expanded {
		return fmt.Errorf("%w: it expands to more than %d MiB", errLimit, w.limits.Expanded>>20)
	}
	return w.ctx.Err()
}

// wanted reports whether a file of the type is looked at: text and settings are not.
func wanted(t media.Type) bool {
	switch t.Modality() {
	case cordon.Image, cordon.Video, cordon.Audio, cordon.Document, cordon.Clinical:
		return true
	}
	return t == media.ZIP || t == media.JOSE || t == media.Archive || t == media.C2PA
}

// carrier reports whether a file of the type is no file to look at and may carry some in its text,
// or is a tape archive, which begins like nothing.
func carrier(t media.Type) bool {
	return t == media.HTML || t == media.Text || t == media.XML || t == media.JSON || t == media.Unknown
}

// visit has one file inside looked at, and what is inside of it.
func (w *walk) visit(in *media.Media, r io.ReaderAt, size int64, at string, depth int) error {
	m, err := in.OpenPart(r, size, w.pixels)
	if err == nil && m.Foreign() && hasPixels(m) {
		if w.coded++; w.coded > w.limits.Coded {
			w.undecoded++
			_ = m.Close()
			m, err = in.OpenPart(r, size, 0)
		}
	}
	if err != nil {
		w.unread = append(w.unread, fmt.Sprintf("%s: %v", at, err))
		return nil
	}
	defer m.Close()
	if !wanted(m.Type) {
		if !carrier(m.Type) {
			return nil
		}
		return w.inside(m, at, depth)
	}
	if len(w.seen)-w.frames >= w.limits.Files {
		return fmt.Errorf("%w: more than %d files", errLimit, w.limits.Files)
	}
	m.Declared.Name = path.Base(at)
	sum, err := m.Digest(w.ctx)
	if err != nil {
		return err
	}
	if w.sums[sum] && w.guessed() {
		return nil // found again by another way
	}
	if w.sums == nil {
		w.sums = map[[sha256.Size]byte]bool{}
	}
	w.sums[sum] = true
	w.seen = append(w.seen, seen{at, m.MediaType(), m.Size(), hex.EncodeToString(sum[:])})
	if width, height, err := m.Dimensions(); err == nil && int64(width)*int64(height) <= w.pixels {
		w.pixels -= int64(width) * int64(height)
	}
	for _, d := range w.detectors {
		found, err := w.ask(d, m)
		if err != nil {
			return err
		}
		for _, f := range found {
			if m.Type == media.C2PA && f.Label != cordon.LabelGeneratorDeclared && f.Label != cordon.LabelCompositeDeclared {
				continue // it is of the file that holds it, and binds that in a way that is not followed here
			}
			f.Look = f.StatusLook()
			switch {
			case f.Look == cordon.LookDamaged && w.lenient > 0:
				f.Look = cordon.LookNoDecoder
			case f.Look == cordon.LookDamaged && w.guessed():
				// What only begins like a picture may be none; nobody shows it for sure.
				f.Look = cordon.LookUnopened
			}
			if f.Status == cordon.StatusFound || f.Status == cordon.StatusFailed || fellShort(f.Look) {
				f.Part, f.Detector, f.Version = at, d.Name(), d.Version()
				f.Sentence = fmt.Sprintf("Inside, %s: %s", clipped(at), f.Sentence)
				w.found = append(w.found, f)
			}
		}
	}
	return w.inside(m, at, depth)
}

// inside goes on with what is inside of a file inside.
func (w *walk) inside(m *media.Media, at string, depth int) error {
	err := w.open(m, at, depth+1)
	if errors.Is(err, errUnread) {
		w.unread = append(w.unread, fmt.Sprintf("%s: %v", at, err))
		return nil
	}
	return err
}

// fellShort reports whether a look is one that is not neutral.
func fellShort(l cordon.Look) bool {
	return l != cordon.Looked && l != cordon.LookedSample && l != cordon.LookNothing
}

func hasPixels(m *media.Media) bool {
	_, _, err := m.Dimensions()
	return err == nil
}

// ask turns what goes wrong with one file inside into a finding about it.
func (w *walk) ask(d Detector, m *media.Media) (found []cordon.Finding, err error) {
	failed := func(label cordon.Label, why string) []cordon.Finding {
		return []cordon.Finding{{Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: label,
			Sentence: "A check of it did not finish.", Detail: map[string]any{"error": fmt.Sprintf("%.300s", why)}}}
	}
	defer func() {
		if r := recover(); r != nil {
			found, err = failed(cordon.LabelCrashed, fmt.Sprintf("panic: %v", r)), nil
		}
	}()
	found, err = d.Inspect(w.ctx, m)
	switch {
	case err == nil:
		return found, nil
	case w.ctx.Err() != nil:
		return nil, w.ctx.Err()
	case errors.Is(err, cordon.ErrTooLarge):
		return failed(cordon.LabelLimit, err.Error()), nil
	}
	return failed(cordon.LabelCrashed, err.Error()), nil
}

// clipped keeps a stranger's path from filling the reviewer's screen.
func clipped(at string) string {
	const most = 80
	at = strings.ToValidUTF8(at, "\uFFFD")
	if r := []rune(at); len(r) > most {
		return "…" + string(r[len(r)-most:])
	}
	return at
}

// join is the path of something inside.
func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "/" + name
}
