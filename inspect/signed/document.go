package signed

import "github.com/cordonhq/cordon/media/pdf"

const window = 8 << 10 // bytes that are read at a time

// maxValues is how many values an object has that may be a signature.
const maxValues = 100_000

// errUnread is wrapped where a signature, or what was added after it, cannot be checked.
var errUnread = pdf.ErrUnread

// document is a PDF file that may be signed.
type document struct {
	*pdf.File
	partners *partners // nil: nobody is asked after
}
