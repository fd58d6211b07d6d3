package flow

import (
	"io"

	"github.com/cordonhq/cordon"
)

// Reader is where content comes from while it arrives.
type Reader = io.Reader

// Content is an item's plaintext while it is open.
type Content interface {
	cordon.Content
	io.Closer
}
