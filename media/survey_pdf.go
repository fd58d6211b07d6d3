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
		} else {
			s.claim(o.At, o.End-o.At, anatomy.Read, "object")
		}
	}
	return s.between()
}

// between searches what belongs to no object. A further PDF file there is no file of its own: its
// objects are among those that are listed.
func (s *survey) between() error {
	for _, r := range anatomy.Fold(s.m.size, s.claims) {
		if r.State != anatomy.Unknown {
			continue
		}
		if err := s.carve(r.Off, r.End, PDF); err != nil {
			return err
		}
		s.claim(r.Off, r.Len(), anatomy.Read, "between objects")
	}
	return nil
}
