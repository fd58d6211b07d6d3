package cordon

import "time"

// Outcome is what was concluded about an item.
type Outcome string

// Outcomes.
const (
	Synthetic  Outcome = "synthetic"
	Altered    Outcome = "altered"
	NoSign     Outcome = "no-sign" // nothing was found; this is not proof of anything
	CannotTell Outcome = "cannot-tell"
	NotTested  Outcome = "not-tested"
)

// Action is what follows from an outcome. No action rejects: only a person does.
type Action string

// Actions, from mild to strict.
const (
	Pass  Action = "pass"
	Watch Action = "watch" // passes, and is listed
	Hold  Action = "hold"
	Page  Action = "page" // held, and somebody is called
)

// Holds reports whether the action keeps the item back.
func (a Action) Holds() bool { return a == Hold || a == Page }

// Verdict is the decision on one item under one version of the policy.
type Verdict struct {
	Outcome Outcome   `json:"outcome"`
	Action  Action    `json:"action"`
	Reasons []Reason  `json:"reasons"` // sorted, never nil
	Policy  string    `json:"policy"`  // name@first 12 hex digits of the policy's SHA-256
	At      time.Time `json:"at"`      // set by the caller of Decide, which has no clock
}
