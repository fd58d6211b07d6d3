package console

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // previews are one of the two
	"image/png"
	"net/http"
	"net/url"

	"golang.org/x/image/draw"

	"github.com/cordonhq/cordon"
)

// patches is the longer side of a glimpse in pixels: enough to tell a page of text from a
// photograph, and nobody from anybody.
const patches = 16

// maxPreview bounds the pixels of a preview that is opened to be shrunk.
const maxPreview = 4 << 20

// glimpse answers with the preview shrunk to a few patches; the style sheet blurs those.
func (s *Server) glimpse(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	data, _, err := s.Desk.Preview(r.Context(), r.account.Tenant, view.Item.ID, cordon.Cordon)
	if err != nil {
		return fmt.Errorf("glimpse of %s: %w", view.Item.ID, err)
	}
	small, err := shrink(data)
	if err != nil {
		return fmt.Errorf("glimpse of %s: %w", view.Item.ID, err)
	}
	return sendPicture(w, small, "image/png")
}

func shrink(data []byte) ([]byte, error) {
	conf, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || conf.Width < 1 || conf.Height < 1 || conf.Width*conf.Height > maxPreview {
		return nil, fmt.Errorf("the preview is no picture of a bearable size: %w", cordon.ErrNotFound)
	}
	from, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the preview cannot be read: %w", cordon.ErrNotFound)
	}
	longer := max(conf.Width, conf.Height)
	to := image.NewRGBA(image.Rect(0, 0, max(1, conf.Width*patches/longer), max(1, conf.Height*patches/longer)))
	draw.BiLinear.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	var b bytes.Buffer
	if err := png.Encode(&b, to); err != nil {
		return nil, fmt.Errorf("encode glimpse: %w", err)
	}
	return b.Bytes(), nil
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
	return sendPicture(w, data, mediaType)
}

func sendPicture(w http.ResponseWriter, data []byte, mediaType string) error {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	w.Write(data)
	return nil
}
