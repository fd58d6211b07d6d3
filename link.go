package cordon

import "fmt"

// Placement is what the CRM says of where a file hangs: on a record, in a folder, with a
// group. It names records in clear and exists only in memory.
type Placement struct {
	Link       string // id of the ContentDocumentLink; of the Attachment or Document itself where that names its parent
	DocumentID string // ContentDocument that hangs there
	Record     string // what it hangs on
	Share      string // ShareType: V, C or I, "" where there is none
	Visibility string // AllUsers, InternalUsers or SharedUsers, "" where there is none
	Gone       bool   // it hangs there no more
}

// Link is a Placement on record: an item hangs on a record of the CRM. Nothing in it names
// the record but to who has the tenant's look-up key or the item's own.
type Link struct {
	ID         string // Placement.Link
	Record     []byte // keyed look-up value of the record, 32 bytes
	Share      string
	Visibility string
	Sealed     []byte // id of the record under the item's key; nil where that key is gone
}

func (l Link) check() error {
	if l.ID == "" || len(l.Record) != 32 {
		return fmt.Errorf("%w: a link without id or record", ErrInvalid)
	}
	return nil
}
