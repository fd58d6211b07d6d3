package salesforce

import (
	"errors"
	"strings"
	"time"
)

// ChangeType says what happened to records, in the platform's words.
type ChangeType string

// Change types. After GAP_ only the header can be relied on; after GAP_OVERFLOW not even
// the ids.
const (
	ChangeCreate   ChangeType = "CREATE"
	ChangeUpdate   ChangeType = "UPDATE"
	ChangeDelete   ChangeType = "DELETE"
	ChangeUndelete ChangeType = "UNDELETE"

	gapPrefix = "GAP_"
)

// ChangeEvent is what the org says of a change, as a hint: what a record is now is asked
// with a query. Deleting for good tells nobody, and several statements of one transaction on
// one record make one event.
// https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm
type ChangeEvent struct {
	Entity  string     // sObject, for example "ContentVersion"
	Type    ChangeType // "" if the event could not be read
	Records []string   // ids, 18 letters each; those that are no ids are left out
	At      time.Time  // of the commit, by the org's clock
}

// Gap reports whether something may have happened that the event does not tell, so that only
// a poll says what.
func (e ChangeEvent) Gap() bool {
	return e.Type == "" || strings.HasPrefix(string(e.Type), gapPrefix) || len(e.Records) == 0
}

// ChangeBatch is what one message of a subscription brought. Without events it is a sign of
// life.
type ChangeBatch struct {
	Events []ChangeEvent
	// Replay is the place behind the batch, opaque. Whoever has kept it goes on there.
	// Nil: none was told yet.
	Replay []byte
	// Gap says that the subscription may have lost events before this batch.
	Gap bool
	// Down says that the subscription broke. It is opened again, and the next batch says so.
	Down bool
}

// ErrReplayLost means that the org no longer has the events behind a replay id, or never
// had: start with what comes now, and poll for what lies between.
var ErrReplayLost = errors.New("the org no longer has the events behind the place where reading stopped")
