package desk

import (
	"time"

	"github.com/cordonhq/cordon"
)

// States of a removal, as package removal has them.
const (
	RemovalProposed  cordon.State = "proposed"
	RemovalAccepted  cordon.State = "accepted"
	RemovalDismissed cordon.State = "dismissed"
)

// RemovalStates lists them in the order in which one may meet them.
func RemovalStates() []cordon.State {
	return []cordon.State{RemovalProposed, RemovalAccepted, RemovalDismissed}
}

// Removal is the proposal to take something out that the CRM has, and what became of it.
type Removal struct {
	ID      cordon.ID
	State   cordon.State
	Version int64  // grows with every change, its reasons' too
	Cause   string // late-look, rescan or known-later
	Outcome cordon.Outcome
	Reasons []cordon.Reason // that came to light after the item was let through
	At      time.Time

	DecidedAt time.Time // zero: nobody has decided
	By        cordon.Actor
	Review    cordon.Review
	// Note is personal. NoteGone says that it went with its key.
	Note     string
	NoteGone bool

	Item cordon.Item // as it stands now
	// Link is the address of the file in the CRM, "" if the CRM has none that Cordon knows of.
	Link string
}

// ToDo says in sentences what a person does now. Cordon itself takes nothing out in this
// release, and says so.
func (r Removal) ToDo() []string {
	asked := r.Item.Op == cordon.OpAsk
	switch r.State {
	case RemovalProposed:
		return []string{"Look at what was found and decide. Until then the file stays where it is, and Cordon keeps its copy."}
	case RemovalDismissed:
		return []string{"Nothing: the file stays where it is, and Cordon destroys its copy."}
	}
	if asked {
		return []string{
			"Cordon gave a verdict on this file and did not write it anywhere. Tell whoever asked that the verdict has changed; they know where they put it.",
			"Cordon keeps its copy as evidence.",
		}
	}
	out := []string{
		"This release does not take files out of the CRM: the file is still there, and whoever could open it still can.",
		"Open it in the CRM, see on which records it hangs and who may see it, and save a copy if your rules ask for one.",
	}
	if r.Item.Object == "ContentVersion" {
		out = append(out, "Delete the file there, or, where only this version is meant, upload a good one as its next version. It stays in the recycle bin for 15 days.")
	} else {
		out = append(out, "Delete the record there, or replace its content. What is deleted stays in the recycle bin for 15 days.")
	}
	return append(out, "Cordon keeps its copy, where it still has one, as evidence. If Cordon polls the org, its next look records the deletion.")
}
