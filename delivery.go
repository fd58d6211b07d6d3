package cordon

import (
	"errors"
	"io"
)

// Delivery names what a write made upstream.
type Delivery struct {
	ID         string // record id
	DocumentID string // ContentDocumentId, where there is one
}

// Content is the plaintext of an item, readable more than once and authenticated on the way.
type Content interface {
	io.ReaderAt
	Size() int64 // bytes
	NewReader() io.Reader
}

// How a write upstream may fail. Any other error means that nobody knows whether it arrived.
var (
	// ErrRefusedUpstream: the CRM said no, and nothing of the write is there.
	ErrRefusedUpstream = errors.New("refused by the CRM")
	// ErrNotSent: the write certainly did not reach the CRM.
	ErrNotSent = errors.New("not sent")
)
