package c2pa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// tiffFile finds the C2PA field of TIFF and DNG files (C2PA 2.2, A.3.4).
type tiffFile struct{}

const (
	tagC2PA = 0xCD41
	tagXMP  = 700
	maxIFDs = 64 // directories of one file that are followed
)

func tiffOrder(head []byte) binary.ByteOrder {
	switch {
	case len(head) < 8:
	case string(head[:4]) == "II*\x00":
		return binary.LittleEndian
	case string(head[:4]) == "MM\x00*":
		return binary.BigEndian
	}
	return nil
}

func (tiffFile) locate(f *file) (located, error) {
	var out located
	head, err := f.bytes(0, 8)
	if err != nil {
		return out, err
	}
	order := tiffOrder(head)
	next := int64(order.Uint32(head[4:]))
	for n := 0; next != 0; n++ {
		if n == maxIFDs {
			out.broken = fmt.Errorf("%w: more than %d directories in a TIFF file", errLimit, maxIFDs)
			return out, nil
		}
		if next, err = tiffDirectory(f, order, next, &out); err != nil {
			switch {
			case errors.Is(err, errTruncated) && len(out.stores) == 0:
				err = out.cut(f, err)
			case errors.Is(err, errTruncated), errors.Is(err, errLimit):
				out.broken, err = err, nil
			}
			return out, err
		}
	}
	return out, nil
}

// tiffDirectory looks at the fields of the directory at off and returns where the next is.
func tiffDirectory(f *file, order binary.ByteOrder, off int64, out *located) (int64, error) {
	b, err := f.bytes(off, 2)
	if err != nil {
		return 0, err
	}
	fields := int64(order.Uint16(b))
	for i := range fields {
		if err := f.step(); err != nil {
			return 0, err
		}
		at := off + 2 + 12*i
		if b, err = f.bytes(at, 12); err != nil {
			return 0, err
		}
		tag, kind, value := order.Uint16(b), order.Uint16(b[2:]), span{int64(order.Uint32(b[8:])), int64(order.Uint32(b[4:]))}
		switch {
		case tag == tagC2PA && (kind == 1 || kind == 7): // BYTE or UNDEFINED
			if out.at.length == 0 {
				out.at = span{at, 12} // until the store is seen to be there, the field alone
			}
			if value.length <= 4 {
				return 0, fmt.Errorf("%w: C2PA field of %d bytes", errTruncated, value.length)
			}
			store, err := f.copyOf(value)
			if err != nil {
				return 0, err
			}
			if len(out.stores) == 0 {
				out.at = value
				out.also = span{at + 4, 4} // the length of the store, which signers leave out as well
			}
			if len(out.stores) < 2 {
				out.stores = append(out.stores, store)
			}
		case tag == tagXMP && value.length > 4 && value.length < maxXMP:
			if xmp, err := f.copyOf(value); err == nil {
				out.remote = first(out.remote, provenanceAddress(xmp))
			}
		}
	}
	if b, err = f.bytes(off+2+12*fields, 4); err != nil {
		return 0, err
	}
	return int64(order.Uint32(b)), nil
}

func (tiffFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }
