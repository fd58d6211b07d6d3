package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// outcomeWords are the only words for what was concluded. None of them accuses.
var outcomeWords = map[cordon.Outcome]badge{
	cordon.Synthetic:  {"likely synthetic", "synthetic", "spark"},
	cordon.Altered:    {"likely altered", "altered", "patch"},
	cordon.NoSign:     {"no sign found", "no-sign", "look"},
	cordon.CannotTell: {"cannot tell", "cannot-tell", "question"},
	cordon.NotTested:  {"not tested for this kind", "not-tested", "dash"},
}

// badge is a word with a picture: colour is never all there is.
type badge struct{ Word, Class, Icon string }

func outcomeOf(v *cordon.Verdict) badge {
	if v == nil {
		return badge{"not judged yet", "not-tested", "dash"}
	}
	if b, ok := outcomeWords[v.Outcome]; ok {
		return b
	}
	return badge{string(v.Outcome), "not-tested", "dash"}
}

var entryWords = map[cordon.EntryKind]string{
	cordon.EntryReceived:  "Arrived; bytes and record are safe",
	cordon.EntryObserved:  "Seen in the CRM",
	cordon.EntryInspected: "Inspected and judged",
	cordon.EntryHeld:      "Put on hold",
	cordon.EntryStaged:    "A placeholder was put in its place",
	cordon.EntryReleased:  "Released",
	cordon.EntryRejected:  "Kept out",
	cordon.EntryForward:   "On its way to the CRM",
	cordon.EntryDelivered: "Delivered to the CRM",
	cordon.EntryRefused:   "Refused by the CRM",
	cordon.EntryUnsettled: "Nobody knows whether the CRM has it",
	cordon.EntryKept:      "Looked at, left where it is",
	cordon.EntryShredded:  "Bytes and key destroyed",
	cordon.EntryRescanned: "Inspected again",
	cordon.EntryLate:      "Looked at once more, with checks that take longer",
	cordon.EntryTold:      "The caller was told",
	cordon.EntryViewed:    "Somebody looked at the preview",
	cordon.EntryRepeated:  "The same request came again",
	cordon.EntryReturned:  "Certainly not in the CRM; back where it was",
	cordon.EntrySettled:   "Nothing was left to do",
	cordon.EntryGaveUp:    "Something that was owed could not be done",
	cordon.EntryResolved:  "A person said what became of it",
	cordon.EntryOwedAgain: "What it owes had been lost, and is owed again",
	cordon.EntryTurned:    "Turned away: a check did not finish, and nothing was kept",
	cordon.EntryAbandoned: "Dropped: its sender never got an answer, and nothing was kept",
	cordon.EntryGone:      "Deleted in the CRM",
	cordon.EntryLinked:    "On a record of the CRM, as the CRM shows it",
	cordon.EntryUnlinked:  "Taken off a record in the CRM",
	cordon.EntryRetried:   "Asked for again; it could still not be read",
	cordon.EntryReported:  "Somebody pointed at it",
	cordon.EntryAlert:     "A file or a record was reported",
	cordon.EntryAnswered:  "What was reported has been looked at",
	cordon.EntrySignIn:    "Signed in",
	cordon.EntrySignOut:   "Signed out",
	cordon.EntrySetting:   "A setting was changed",

	cordon.EntryProposed:  "Proposed to be taken out of the CRM",
	cordon.EntryAccepted:  "A person wants it taken out of the CRM",
	cordon.EntryDismissed: "A person lets it stay in the CRM",

	cordon.EntryCoverage:      "Coverage of a day was counted",
	cordon.EntryCoverageAlarm: "Less of a day was examined than has to be",
	cordon.EntryCoverageClear: "Coverage was as it should be again",
}

func entryWord(k cordon.EntryKind) string {
	if w, ok := entryWords[k]; ok {
		return w
	}
	return string(k)
}

var statusWords = map[cordon.FindingStatus]badge{
	cordon.StatusFound:         {"found something", "found", "flag"},
	cordon.StatusNone:          {"found nothing", "none", "look"},
	cordon.StatusNotApplicable: {"does not apply", "not-applicable", "dash"},
	cordon.StatusFailed:        {"did not finish", "failed", "warn"},
}

// neutral are labels that say something about a file and nothing against it.
var neutral = []cordon.Label{cordon.LabelManifestTrusted, cordon.LabelCameraMark, cordon.LabelEditorMark, cordon.LabelOriginStated, cordon.LabelOwnWatermark, cordon.LabelKnownLawful, cordon.LabelKnownOrdinary, cordon.LabelSeenBefore,
	cordon.LabelClinicalAcquisition, cordon.LabelClinicalDerived, cordon.LabelClinicalUnstated, cordon.LabelClinicalOdd,
	cordon.LabelSignatureIntact, cordon.LabelSignerTrusted}

func statusOf(f cordon.Finding) badge {
	if f.Status == cordon.StatusFound && slices.Contains(neutral, f.Label) {
		return badge{"noted", "noted", "look"}
	}
	return statusWords[f.Status]
}

// placeWords are the questions that an item's destination answers.
var placeWords = map[cordon.Place]string{
	cordon.PlaceBefore:  "Where would it go",
	cordon.PlaceGoing:   "Where is it going",
	cordon.PlaceIn:      "Where is it",
	cordon.PlaceOut:     "Where would it have gone",
	cordon.PlaceWas:     "Where was it",
	cordon.PlaceUnknown: "Where it may be",
	cordon.PlaceNowhere: "What was it for",
}

// debtWords head the lists of what owes something, and name the numbers that lead to them.
var debtWords = map[cordon.Debt]string{
	cordon.OweDecision:   "waiting for a decision",
	cordon.OweSettlement: "unsettled",
	cordon.OweVerdict:    "being judged",
	cordon.OweRescan:     "passed unscanned, looked at again",
	cordon.OweDelivery:   "released, delivery is owed",
	cordon.OweOutcome:    "judged, and under way",
}

var classWords = map[cordon.Class]string{
	cordon.Deterministic: "evidence that anyone can check again",
	cordon.Statistical:   "a score, which can be wrong",
	cordon.Context:       "circumstances, not the file itself",
}

var detectorWords = map[string]string{
	"c2pa":      "Content credentials",
	"marks":     "Generator metadata",
	"watermark": "Invisible marks",
	"parts":     "Files inside",
	"signed":    "Signatures of documents",
	"layout":    "Layout of documents",
	"mrz":       "Machine-readable zones",
	"recording": "Structure of recordings",
	"capture":   "Time of capture",
	"known":     "Known files",
	"alike":     "Files seen before",
	"kind":      "Type and structure",
}

func detectorWord(name string) string {
	if w, ok := detectorWords[name]; ok {
		return w
	}
	return name
}

var operationWords = map[cordon.Operation]string{
	cordon.OpCreate:     "a new record",
	cordon.OpNewVersion: "a new version of an existing document",
	cordon.OpUpdate:     "new bytes for an existing record",
	cordon.OpAsk:        "a verdict alone: whoever asked keeps the file, and the CRM gets nothing from Cordon",
	"":                  "there before Cordon saw it",
}

// words turns a code such as "clinical-image" into words.
func words[T ~string](code T) string { return strings.ReplaceAll(string(code), "-", " ") }

// moment is a time as pages show it: how long ago, and exactly.
type moment struct{ Age, UTC, ISO string }

func (s *Server) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{Age: "never"}
	}
	age := "just now"
	if d := s.now().Sub(t); d >= time.Second {
		age = span(d) + " ago"
	}
	t = t.UTC()
	return moment{Age: age, UTC: t.Format("2006-01-02 15:04:05 UTC"), ISO: t.Format(time.RFC3339)}
}

// span says a duration in its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(1, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
	return strings.TrimSuffix(fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24), " 0 h")
}

// size says a number of bytes in decimal units, as storage is sold.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// shortID keeps the end of an identifier, which is the part that differs.
func shortID(id cordon.ID) string {
	s := string(id)
	return "…" + s[max(0, len(s)-6):]
}

// count writes a number with narrow spaces between thousands.
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
