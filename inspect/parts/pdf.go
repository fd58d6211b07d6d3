package parts

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdf"
)

// pdf goes through the pictures, attachments and forms of a PDF file. It does not follow the
// file's own directory but looks at every stream there is: also those of earlier revisions, and
// those that nothing refers to or that do not say what they are.
func (w *walk) pdf(m *media.Media, at string, depth int) error {
	d, err := m.PDF(w.ctx)
	if err != nil && !errors.Is(err, pdf.ErrUnread) && !errors.Is(err, pdf.ErrDamaged) {
		return err
	}
	if d.Encrypted() {
		w.short(cordon.LookEncrypted, join(at, "the PDF file is encrypted"))
		return nil
	}
	for _, o := range d.Objects {
		if o.Stream == 0 {
			continue
		}
		if err := w.stream(m, d, o, at, depth); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("%w: the PDF file: %w", errUnread, err)
	}
	return nil
}

// stream looks at a stream that is a picture or a file, whether it says so or not.
func (w *walk) stream(m *media.Media, d *pdf.File, o pdf.Object, at string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	dict, err := d.Dict(o, "Filter", "F", "DecodeParms", "DP", "Width", "Height", "Type", "Subtype")
	if err != nil {
		w.unread = append(w.unread, fmt.Sprintf("%s: %v", join(at, fmt.Sprintf("object %d", o.Number)), err))
		return nil
	}
	what, text := "picture", false
	switch {
	case dict["Type"] == pdf.Name("XRef"), dict["Type"] == pdf.Name("ObjStm"):
		return nil
	case dict["Type"] == pdf.Name("EmbeddedFile"):
		what = "attachment"
	case dict["Subtype"] == pdf.Name("Image"):
	default:
		// What it begins with tells. Drawings of pages are text, and no file.
		head, code := d.Head(o, dict, 4<<10)
		is := media.Sniff(head)
		if text = is == media.XML || is == media.HTML || is == media.SVG || is == media.Text && head[0] == '<'; !text && code == "" && !wanted(is) {
			return nil
		}
		what = "stream"
	}
	if err := w.entry(); err != nil { // other objects of long documents are many, and cost little
		return err
	}
	at = join(at, fmt.Sprintf("object %d, %s", o.Number, what))
	content, code, err := d.Decoded(o, dict, w.one(m))
	if spent := w.spend(int64(len(content))); spent != nil {
		return spent
	}
	switch {
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case errors.Is(err, cordon.ErrTooLarge):
		return fmt.Errorf("%w: a stream: %w", errLimit, err)
	case errors.Is(err, pdf.ErrUnsupported) && what == "picture" && noColours[code]:
		return nil // coded in a way that no picture with a mark is
	case err != nil && len(content) == 0:
		w.unread = append(w.unread, fmt.Sprintf("%s: %v", at, err))
		return nil
	}
	if what == "picture" && code == "" && !wanted(media.Sniff(content[:min(len(content), 16<<10)])) {
		if content = w.picture(dict, content); content == nil {
			return nil
		}
	}
	// A manifest store is the document's own, and is looked at with the document.
	if what == "attachment" && media.Sniff(content[:min(len(content), 16<<10)]) == media.C2PA {
		return nil
	}
	return w.keep(m, content, at, depth)
}

// noColours are filters of pictures that are black and white.
var noColours = map[pdf.Name]bool{"CCITTFaxDecode": true, "CCF": true, "JBIG2Decode": true}

// picture makes a PNG file of raw pixels, three bytes each; others have no colours to look at.
func (w *walk) picture(d pdf.Dict, pixels []byte) []byte {
	width, height := d.Integer("Width"), d.Integer("Height")
	if area := width * height; width < 1 || height < 1 || width > 1<<16 || height > 1<<16 || int64(len(pixels)) < 3*area || int64(len(pixels)) > 3*area+height {
		return nil
	} else if area > w.pixels {
		w.undecoded++
		return nil
	}
	m := image.NewNRGBA(image.Rect(0, 0, int(width), int(height)))
	for i := range int(width * height) {
		copy(m.Pix[4*i:4*i+3], pixels[3*i:])
		m.Pix[4*i+3] = 0xff
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&out, m); err != nil {
		return nil
	}
	return out.Bytes()
}
