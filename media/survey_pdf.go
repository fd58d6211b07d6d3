package media

import (
	"context"
	"errors"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/pdf"
)

type pdfOnce struct {
	lock  chan struct{}
	known bool
	file  *pdf.File
	err   error
}

// PDF lists the objects of a PDF file, at most once, and returns a cursor over them of the
// caller's own. Errors are those of package pdf, of reading, and ctx's; with ErrUnread comes what
// had been listed until then.
func (m *Media) PDF(ctx context.Context) (*pdf.File, error) {
	p := &m.pdf
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !p.known {
		file := pdf.NewFile(ctx, m, m.size)
		err := file.Scan()
		if ctx.Err() != nil {
			return nil, ctx.Err() // the next may have more time
		}
		p.known, p.file, p.err = true, file, err
	}
	return p.file.With(ctx), p.err
}

// surveyPDF claims objects and their streams. What lies between them is tables, trailers and
// whatever somebody put there.
func surveyPDF(s *survey) error {
	d, err := s.m.PDF(s.ctx)
	switch {
	case errors.Is(err, pdf.ErrUnread):
		s.more = true
	case errors.Is(err, pdf.ErrDamaged):
	case err != nil:
		return err
	}
	s.quiet = true // tables are read where they are needed, and comments may stand anywhere
	for _, o := range d.Objects {
		if o.Packed != nil {
			continue
		}
		if o.Stream > 0 {
			s.claim(o.Stream, o.EOS-o.Stream, anatomy.Opaque, "stream")
			s.claim(o.At, o.Stream-o.At, anatomy.Read, "object")
			if !d.Encrypted() && unreadable(d, o) { // its bytes are searched as they are
				s.also(o.Stream, o.EOS-o.Stream)
			}
		} else {
			s.claim(o.At, o.End-o.At, anatomy.Read, "object")
		}
	}
	return s.between()
}

// unreadable reports whether nothing of a stream comes out of its filters.
func unreadable(d *pdf.File, o pdf.Object) bool {
	dict, err := d.Dict(o, "Filter", "F", "DecodeParms", "DP")
	if err != nil {
		return true
	}
	head, code := d.Head(o, dict, 4<<10)
	return code == "" && len(head) == 0
}

// between searches what belongs to no stream: what lies between objects, and the objects, since
// the last word of one may run on into what follows. A further PDF file there is no file of its
// own: its objects are among those that are listed.
func (s *survey) between() error {
	from := int64(0)
	search := func(to int64) error { return s.carve(from, to, PDF) }
	for _, r := range anatomy.Fold(s.m.size, s.claims) {
		switch {
		case r.Owner == "stream":
			if err := search(r.Off); err != nil {
				return err
			}
			from = r.End
		case r.State == anatomy.Unknown:
			s.claim(r.Off, r.Len(), anatomy.Read, "between objects")
		}
	}
	return search(s.m.size)
}
