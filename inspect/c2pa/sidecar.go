package c2pa

import "errors"

// sidecarFile is a manifest store that is a file of its own, as ".c2pa" files are (C2PA 2.2,
// 11.4). What it was made for is elsewhere, so its hard binding cannot match.
type sidecarFile struct{}

func (sidecarFile) locate(f *file) (located, error) {
	out := located{detached: true, at: span{0, f.size}}
	store, err := f.copyOf(out.at)
	switch {
	case errors.Is(err, errLimit):
		out.broken, err = err, nil
	case err == nil:
		out.stores = [][]byte{store}
	}
	return out, err
}

func (sidecarFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }
