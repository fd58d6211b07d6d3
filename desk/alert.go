package desk

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// Report points at a file or a record of the CRM.
type Report struct {
	// Named is the address or the id of it, as it was pasted.
	Named string
	// Note is free text. It is sealed with the files and never enters the ledger.
	Note string
	// Source names the tool that reports, in a short code; "" for a person.
	Source string
	// External is what the reporter calls the alert: the same report again gets the first one, and
	// another is refused.
	External string
	// Again asks for a fresh look at what was looked at before.
	Again bool
	// Versions asks for every version of a document and not only for the latest.
	Versions bool
}

// MaxExternal is the longest name that a reporter can give an alert, in bytes.
const MaxExternal = 255

// Check reports what would make a report unfit to be put on record. What is named is checked
// by whoever looks at it.
func (r Report) Check() error {
	switch {
	case strings.TrimSpace(r.Named) == "":
		return fmt.Errorf("%w: say what is reported: the address of a file or a record, or its id", cordon.ErrInvalid)
	case len(r.Note) > MaxNote:
		return fmt.Errorf("%w: the note is longer than %d bytes; shorten it", cordon.ErrInvalid, MaxNote)
	case !utf8.ValidString(r.Note):
		return fmt.Errorf("%w: the note is not UTF-8 text", cordon.ErrInvalid)
	case len(r.Source) > 40 || strings.Trim(r.Source, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "":
		return fmt.Errorf("%w: source is the name of a tool in at most 40 small letters, digits, '-', '.' and '_'", cordon.ErrInvalid)
	case len(r.External) > MaxExternal || strings.ContainsFunc(r.External, func(c rune) bool { return c < ' ' || c > '~' }):
		return fmt.Errorf("%w: external_id has at most %d printable ASCII characters", cordon.ErrInvalid, MaxExternal)
	}
	return nil
}

// Alert is what somebody reported, and what came of it.
type Alert struct {
	ID       cordon.ID
	At       time.Time
	By       cordon.Actor
	Source   string // code of the tool, "" for a person
	What     string // kind of thing that was named, for example ContentDocument or Case
	Again    bool
	Answered time.Time // zero: it is still being looked at
	Count    int       // items that it stands for

	// Named and Note are personal. They are gone with the subject's key, and Note is not here
	// but with the items where there are any.
	Named, Note string
	ReportGone  bool

	Items     []AlertItem // only of one alert, not in lists
	Further   int         // files on the named record that were not looked at
	Elsewhere int         // files whose bytes the org does not hold
	Missing   int         // named files that the org does not show
	Untold    bool        // the org does not tell Cordon what is behind the link
	Picture   bool        // a picture of a rich-text field was named, which is not read
	Around    []Neighbours
	Window    time.Duration // before and after a file, for files of the same creator
	Calls     int64         // API calls it took
}

// AlertItem is a file that was reported, as it stands now.
type AlertItem struct {
	cordon.Item
	// Copies are other items with the same bytes; Known is false where that cannot be told.
	Copies []cordon.Item
	Known  bool
}

// Neighbours are files of the org near those that were reported: context, never evidence.
type Neighbours struct {
	Name  string // versions, copies, record or creator
	Files []Neighbour
	More  int  // that did not fit in
	Known bool // false: the org did not tell, or not of all
}

// Neighbour is a file of the org, with the item that it is on record as.
type Neighbour struct {
	Object, ID, DocumentID string
	Size                   int64
	Created                time.Time
	Item                   *cordon.Item // nil: nobody looked at it
}
