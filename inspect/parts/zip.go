package parts

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
	"github.com/cordonhq/cordon/media"
)

// probe is how much of an entry is expanded to see whether it is a file to look at.
const probe = 64 << 10

// zip goes through an archive: ZIP itself, and the documents that are ZIP archives.
func (w *walk) zip(m *media.Media, at string, depth int) error {
	z, err := zip.NewReader(m, m.Size())
	if err != nil {
		return fmt.Errorf("%w: the archive: %w", errUnread, err)
	}
	for _, f := range z.File {
		if err := w.entry(); err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(f.Name, "/"); ok {
			if f.UncompressedSize64 == 0 && f.CompressedSize64 == 0 {
				continue
			}
			// A folder has no content. Other programs open it as the file that it is, archive/zip does not.
			file := *f
			file.Name = name
			f = &file
		}
		const encrypted = 1
		if f.Flags&encrypted != 0 {
			w.short(cordon.LookEncrypted, join(at, f.Name)+": it is encrypted")
			continue
		}
		content, err := w.expand(m, f)
		switch {
		case err != nil && w.ctx.Err() != nil, errors.Is(err, errLimit):
			return err
		case err != nil:
			w.unread = append(w.unread, fmt.Sprintf("%s: %v", join(at, f.Name), err))
			continue
		case content == nil:
			continue
		}
		if err := w.keep(m, content, join(at, f.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

// expand returns the content of an entry, nil if it is none to look at.
func (w *walk) expand(m *media.Media, f *zip.File) ([]byte, error) {
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return nil, fmt.Errorf("compression method %d is not supported", f.Method)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, probe))
	if err := w.spend(int64(len(head))); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, corrupt(err)
	}
	if part, err := m.OpenPart(bytes.NewReader(head), int64(len(head)), 0); err != nil || !wanted(part.Type) && (!carrier(part.Type) || m.Type == media.OOXML && part.Type == media.XML) {
		return nil, nil
	}
	// What is packed cannot be seen being read here; an archive lies about its size at most up to its own.
	packed, one := m.Room(min(int64(f.CompressedSize64), m.Size())), w.one(m)
	all := io.MultiReader(bytes.NewReader(head), r)
	declared := min(f.UncompressedSize64, 1<<62) // the reader gives no more than that
	var content []byte
	if n := int64(declared); n > one || n > unpack.Free && n/unpack.Most > packed {
		// It is going to be too much, or is damaged: either is seen without keeping it.
		if err = unpack.Pass(w.ctx, all, func() int64 { return packed }, one); err == nil {
			err = fmt.Errorf("it does not unpack to what it says") // and what it is was not kept
		}
	} else {
		content, err = unpack.Sized(w.ctx, all, func() int64 { return packed }, one, n)
	}
	if errors.Is(err, cordon.ErrTooLarge) {
		return nil, fmt.Errorf("%w: %.80q: %w", errLimit, f.Name, err)
	}
	if err != nil {
		return nil, corrupt(err)
	}
	return content, w.spend(int64(len(content) - len(head)))
}

func corrupt(err error) error {
	if _, ok := err.(flate.CorruptInputError); ok {
		return fmt.Errorf("its compressed data is damaged")
	}
	return err
}
