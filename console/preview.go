package console

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // previews are one of these two
	_ "image/png"
	"log/slog"
	"net/http"
	"net/url"

	"golang.org/x/image/draw"

	"github.com/cordonhq/cordon"
)

// coarse is the longer side of a glimpse in patches: enough to tell a page of text from a
// photograph, and nobody from anybody.
const coarse = 14

// maxPreview bounds the pixels of a preview that is opened to be shrunk.
const maxPreview = 4 << 20

// patches are what is shown of a picture before anybody asked to see it: grey squares, part of
// the page itself and blurred by the style sheet.
type patches struct {
	Width, Height int
	Grey          []patch
}

type patch struct{ X, Y, Level int } // Level is from 0, black, to 255

// glimpse is what an item's page shows unasked. A page without one is better than no page, so a
// preview that cannot be made is said in its place.
func (s *Server) glimpse(r *request, i cordon.Item) picture {
	data, _, err := s.Desk.Preview(r.Context(), i.Tenant, i.ID, cordon.Cordon)
	if err == nil {
		var p patches
		if p, err = shrink(data); err == nil {
			return picture{Kind: "glimpse", Patches: p}
		}
	}
	if errors.Is(err, cordon.ErrShredded) {
		return picture{Kind: "gone"}
	}
	if !errors.Is(err, cordon.ErrNotFound) {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "no preview", slog.String("item", string(i.ID)), slog.String("error", err.Error()))
	}
	return picture{Kind: "none"}
}

func shrink(data []byte) (patches, error) {
	conf, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || conf.Width < 1 || conf.Height < 1 || conf.Width > maxPreview/conf.Height {
		return patches{}, fmt.Errorf("the preview is no picture of a bearable size: %w", cordon.ErrInvalid)
	}
	from, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return patches{}, fmt.Errorf("the preview cannot be read: %w", err)
	}
	longer := max(conf.Width, conf.Height)
	p := patches{Width: max(1, conf.Width*coarse/longer), Height: max(1, conf.Height*coarse/longer)}
	to := image.NewGray(image.Rect(0, 0, p.Width, p.Height))
	draw.BiLinear.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	for i, level := range to.Pix {
		p.Grey = append(p.Grey, patch{i % to.Stride, i / to.Stride, int(level)})
	}
	return p, nil
}

// show permits this session to see one preview for a while. The look itself goes on record when
// the picture is fetched, since only then is anything seen.
func (s *Server) show(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	grant := r.grant(view.Item.ID, s.now().Add(showLife))
	http.Redirect(w, r.Request, "/items/"+string(view.Item.ID)+"?show="+url.QueryEscape(grant), http.StatusSeeOther)
	return nil
}

func (s *Server) preview(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	if !r.granted(view.Item.ID, r.URL.Query().Get("show"), s.now()) {
		return errForeignForm
	}
	data, mediaType, err := s.Desk.Preview(r.Context(), r.account.Tenant, view.Item.ID, r.actor)
	if err != nil {
		return fmt.Errorf("preview of %s: %w", view.Item.ID, err)
	}
	if mediaType != "image/png" && mediaType != "image/jpeg" {
		return fmt.Errorf("preview of %s is of type %.40q, which is never shown", view.Item.ID, mediaType)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Write(data)
	return nil
}
