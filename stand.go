package cordon

import (
	"fmt"
	"slices"
)

// Purpose is what an item is for. The same state means different things for different
// purposes: a released upload has still to be delivered, and a released question has not.
type Purpose string

// Purposes.
const (
	ToWrite  Purpose = "write"  // to be written into the CRM, after a verdict
	ToRecord Purpose = "record" // to be written into the CRM whatever the verdict: shadow
	ToAnswer Purpose = "answer" // a verdict was asked for; whoever asked keeps the file
	ToWatch  Purpose = "watch"  // the CRM had it before Cordon saw it
)

// Purposes returns every purpose.
func Purposes() []Purpose { return []Purpose{ToWrite, ToRecord, ToAnswer, ToWatch} }

// Operations returns every operation of a staged write. What the CRM had before has none.
func Operations() []Operation { return []Operation{OpCreate, OpNewVersion, OpUpdate, OpAsk} }

// Modes returns every mode.
func Modes() []Mode { return []Mode{ModeInline, ModeEvent, ModeBackfill, ModeShadow} }

// PurposeOf tells the purpose of an item from its operation and its mode. It is false for a
// pair that no item can have, such as a question about what was seen in the CRM.
func PurposeOf(op Operation, mode Mode) (Purpose, bool) {
	beside := mode == ModeEvent || mode == ModeBackfill
	switch {
	case !slices.Contains(Modes(), mode):
	case beside && op == "":
		return ToWatch, true
	case beside || op == "" || !slices.Contains(Operations(), op):
	case op == OpAsk: // a route that only records is asked like any other
		return ToAnswer, true
	case mode == ModeShadow:
		return ToRecord, true
	default:
		return ToWrite, true
	}
	return "", false
}

// Debt is what is still owed for an item.
type Debt string

// Debts. The zero value is none.
const (
	OweVerdict    Debt = "verdict"    // it has not been judged
	OweRescan     Debt = "rescan"     // it passed while a check was silent, and is looked at again
	OweDecision   Debt = "decision"   // a person says what becomes of it
	OweDelivery   Debt = "delivery"   // a person let it go, and the CRM does not have it yet
	OweOutcome    Debt = "outcome"    // it is being handed on, and how that ended is not on record yet
	OweSettlement Debt = "settlement" // a person finds out whether the CRM has it
)

// Debts returns every debt, those that a person has to pay first.
func Debts() []Debt {
	return []Debt{OweDecision, OweSettlement, OweDelivery, OweRescan, OweVerdict, OweOutcome}
}

// By says who must act: a person or Cordon itself; "" for no debt.
func (d Debt) By() ActorKind {
	switch d {
	case OweDecision, OweSettlement:
		return Person
	case OweVerdict, OweRescan, OweDelivery, OweOutcome:
		return Self
	}
	return ""
}

// Place is where the content of an item is, seen from the CRM.
type Place string

// Places.
const (
	PlaceBefore  Place = "before"  // not there, and it may get there
	PlaceGoing   Place = "going"   // on its way there
	PlaceIn      Place = "in"      // there
	PlaceOut     Place = "out"     // it did not get there, and will not
	PlaceWas     Place = "was"     // it was there
	PlaceUnknown Place = "unknown" // nobody knows
	PlaceNowhere Place = "nowhere" // it was never meant to get there
)

// Stand says in words how an item stands: what every door shows of a state, and every counter
// counts by. Name completes the sentence "this item is …"; Next says what is owed and by whom.
type Stand struct {
	Name  string `json:"name"`
	Next  string `json:"next"`
	Owes  Debt   `json:"owes"`
	Place Place  `json:"place"`
}

// stands is the one table of words. A state that is not among those of a purpose cannot be
// reached by what has that purpose, and a commit that would take it there is refused.
var stands = map[Purpose]map[State]Stand{
	ToWrite: {
		Received:        {"being judged", "Cordon judges it while its sender waits.", OweVerdict, PlaceBefore},
		Inspected:       {"judged, and not handed on yet", "Cordon hands it on to the CRM.", OweOutcome, PlaceBefore},
		Held:            {"on hold", "A reviewer decides whether it goes to the CRM.", OweDecision, PlaceBefore},
		Released:        {"released, delivery is owed", "Cordon writes it into the CRM, and tries again until it is there.", OweDelivery, PlaceGoing},
		Rejected:        {"kept out", "Nothing is owed: a person kept it out of the CRM.", "", PlaceOut},
		Forwarding:      {"on its way to the CRM", "Cordon waits for the CRM's answer.", OweOutcome, PlaceGoing},
		Delivered:       {"delivered", "Nothing is owed: the CRM has it.", "", PlaceIn},
		RefusedUpstream: {"refused by the CRM", "Nothing is owed: the CRM has nothing of it.", "", PlaceOut},
		Unsettled:       unsettled,
		Isolated:        isolated,
		Restored:        restored,
		Removed:         removed,
		Erased:          erased,
	},
	ToRecord: {
		Received:        {"being judged, to be recorded only", "Cordon judges it, and hands it on whatever it finds.", OweVerdict, PlaceBefore},
		Inspected:       {"recorded, and not handed on yet", "Cordon hands it on to the CRM, whatever the verdict.", OweOutcome, PlaceBefore},
		Released:        {"to be sent again, delivery is owed", "Cordon writes it into the CRM, and tries again until it is there.", OweDelivery, PlaceGoing},
		Forwarding:      {"on its way to the CRM", "Cordon waits for the CRM's answer.", OweOutcome, PlaceGoing},
		Delivered:       {"delivered", "Nothing is owed: the CRM has it.", "", PlaceIn},
		RefusedUpstream: {"refused by the CRM", "Nothing is owed: the CRM has nothing of it.", "", PlaceOut},
		Unsettled:       unsettled,
		Isolated:        isolated,
		Restored:        restored,
		Removed:         removed,
		Erased:          erased,
	},
	ToAnswer: {
		Received:  {"asked about, and being judged", "Cordon judges it; whoever asked can fetch the answer.", OweVerdict, PlaceNowhere},
		Inspected: {"asked about and judged, not answered yet", "Cordon answers whoever asked.", OweOutcome, PlaceNowhere},
		Held:      {"asked about, and on hold", "A reviewer decides what whoever asked is told.", OweDecision, PlaceNowhere},
		Released:  {"asked about, and let go", "Nothing is owed: a person let it go, and whoever asked has the file.", "", PlaceNowhere},
		Rejected:  {"asked about, and turned down", "Nothing is owed: a person turned it down, and whoever asked has the file.", "", PlaceNowhere},
		Kept:      {"asked about, and answered", "Nothing is owed: whoever asked has the file and the verdict.", "", PlaceNowhere},
		Erased:    {"asked about, and erased", "Nothing is owed: Cordon holds nothing of it any more.", "", PlaceNowhere},
	},
	ToWatch: {
		Observed:  {"seen in the CRM, and not judged yet", "Cordon judges it where it is.", OweVerdict, PlaceIn},
		Inspected: {"judged in the CRM", "Cordon notes that it stays where it is.", OweOutcome, PlaceIn},
		Kept:      {"seen in the CRM, and let be", "Nothing is owed: Cordon leaves it where it is.", "", PlaceIn},
		Isolated:  isolated,
		Restored:  restored,
		Removed:   removed,
		Erased:    erased,
	},
}

// What can befall everything that the CRM has, or may have.
var (
	unsettled = Stand{"unsettled", "The answer to the write was lost. A person says whether the CRM has it: it is there, " +
		"it is to be sent again, or Cordon gives up. Where the CRM keeps Cordon's key, it ends by itself.", OweSettlement, PlaceUnknown}
	isolated = Stand{"isolated in the CRM", "A person restores it or removes it.", OweDecision, PlaceIn}
	restored = Stand{"restored in the CRM", "Nothing is owed: it is back where it was.", "", PlaceIn}
	removed  = Stand{"removed from the CRM", "Nothing is owed: it was taken out.", "", PlaceWas}
	erased   = Stand{"erased", "Nothing is owed: Cordon holds nothing of it any more.", "", PlaceUnknown}
)

// How the content of some items stands that nobody looked at, or not with every check.
var (
	unread = Stand{"seen in the CRM, and not read",
		"Nothing is owed: it was gone, or the CRM does not give it out. What is still there is asked for again.", "", PlaceIn}
	rescanned = Stand{"delivered before every check had looked", "Cordon looks at it again.", OweRescan, PlaceIn}
	unscanned = Stand{"delivered, and never looked at by every check",
		"Nothing is owed: Cordon has no bytes of it any more, so nobody can look again.", "", PlaceIn}
)

// Purposes returns the purposes for which something in the state owes the debt.
func (s State) Purposes(d Debt) (out []Purpose) {
	for _, p := range Purposes() {
		if stand, ok := stands[p][s]; ok && stand.Owes == d {
			out = append(out, p)
		}
	}
	return out
}

// Stand returns how what has the purpose stands in a state, and whether anything can.
func (p Purpose) Stand(s State) (Stand, bool) {
	stand, ok := stands[p][s]
	return stand, ok
}

// Word says a state where the purpose is not known, or where things with several are listed
// together: it is true of all of them, and so it says less than a Stand.
func (s State) Word() string {
	if w, ok := stateWords[s]; ok {
		return w
	}
	return string(s)
}

var stateWords = map[State]string{
	Received:        "being judged",
	Inspected:       "judged, and not done with yet",
	Held:            "on hold",
	Released:        "released",
	Rejected:        "kept out",
	Forwarding:      "on its way to the CRM",
	Delivered:       "delivered",
	RefusedUpstream: "refused by the CRM",
	Unsettled:       "unsettled",
	Observed:        "seen in the CRM, not judged yet",
	Kept:            "left where it is",
	Isolated:        "isolated in the CRM",
	Restored:        "restored in the CRM",
	Removed:         "removed from the CRM",
	Erased:          "erased",
}

// StandOf returns how what has an operation and a mode stands in a state; cordon.ErrInvalid
// where nothing can.
func StandOf(s State, op Operation, mode Mode) (Stand, error) {
	p, ok := PurposeOf(op, mode)
	if !ok {
		return Stand{}, fmt.Errorf("%w: no item has the operation %q in the mode %q", ErrInvalid, op, mode)
	}
	stand, ok := stands[p][s]
	if !ok {
		return Stand{}, fmt.Errorf("%w: what is there to %s is never %q", ErrInvalid, p, s)
	}
	return stand, nil
}

// Stand returns how the item stands. A record that contradicts itself is shown as that, and
// never as something else.
func (it Item) Stand() Stand {
	stand, err := StandOf(it.State, it.Op, it.Mode)
	switch {
	case it.Forged:
		return forged
	case err != nil:
		return contradiction(it.State, fmt.Sprintf("%s %s", it.Mode, it.Op))
	case it.State == Kept && stand.Place == PlaceIn && it.because(ReasonGone, ReasonNotReadable):
		return unread
	case it.State == Delivered && (it.Verdict == nil || it.because(ReasonPassedUnscanned)):
		if it.Blob == "" {
			return unscanned
		}
		return rescanned
	}
	return stand
}

// forged is how a record stands that something else than Cordon wrote, whatever it says.
var forged = Stand{"not authentic: something else than Cordon wrote this record",
	"Nothing acts on it. A person finds out who wrote to the database, and puts back what was there.", OweSettlement, PlaceUnknown}

// contradiction is how a record stands that no commit of Cordon's can have written.
func contradiction(s State, what string) Stand {
	return Stand{fmt.Sprintf("recorded as %q, which nothing like it (%q) can be", s, what),
		"A person finds out how the record came to say so.", OweSettlement, PlaceUnknown}
}

// because reports whether the verdict on the item has any of the reasons.
func (it Item) because(reasons ...Reason) bool {
	return it.Verdict != nil && slices.ContainsFunc(it.Verdict.Reasons, func(r Reason) bool { return slices.Contains(reasons, r) })
}
