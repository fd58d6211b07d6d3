package cordon

import (
	"path"
	"strings"
)

// Channel is the kind of way content comes in by.
type Channel string

// Channels that a route may declare.
const (
	ChannelPortal       Channel = "portal"
	ChannelTelehealth   Channel = "telehealth"
	ChannelSync         Channel = "sync"
	ChannelAPI          Channel = "api"
	ChannelBulk         Channel = "bulk"
	ChannelProvisioning Channel = "provisioning"
	ChannelEmail        Channel = "email"
	ChannelAppointment  Channel = "appointment"
	ChannelBackfill     Channel = "backfill"
	ChannelUI           Channel = "ui" // a person at the CRM's own pages; only observed
	ChannelUnknown      Channel = "unknown"
)

// Mode says when Cordon sees what a route carries.
type Mode string

// Modes of a route.
const (
	ModeInline   Mode = "inline"   // before the CRM has it
	ModeEvent    Mode = "event"    // as soon as the CRM has it
	ModeBackfill Mode = "backfill" // long after
	ModeShadow   Mode = "shadow"   // before the CRM has it, recorded only, never kept back
)

// FailMode says what a route does when a detector is silent, and, as NotInspected,
// when Cordon cannot look into a request yet.
type FailMode string

// Fail modes. FailPassAndRescan needs a working event or polling lane.
const (
	FailHold          FailMode = "hold"
	FailPassAndRescan FailMode = "pass-and-rescan"
	FailRefuse        FailMode = "refuse"
)

// WhenHeld says what the caller of an inline route is told about a held item.
type WhenHeld string

// Answers for held items.
const (
	AnswerRefuse WhenHeld = "refuse" // the platform's own error shape, naming the receipt
	AnswerStage  WhenHeld = "stage"  // a placeholder document that exists upstream
)

// DataClass groups content by how much harm a false item could do.
type DataClass string

// Data classes.
const (
	ClassIdentity         DataClass = "identity-document"
	ClassClinicalImage    DataClass = "clinical-image"
	ClassClinicalDocument DataClass = "clinical-document"
	ClassRecording        DataClass = "recording"
	ClassConsent          DataClass = "consent-or-contract"
	ClassOther            DataClass = "other"
)

// Route is one declared way in.
type Route struct {
	// Name is unique within the tenant.
	Name string `json:"name" yaml:"name"`
	// Channel is the kind of way in: portal, telehealth, sync, api, bulk, provisioning, email,
	// appointment or backfill. Default: api.
	Channel Channel `json:"channel" yaml:"channel"`
	// Owner is the team or address that answers for the route.
	Owner string `json:"owner" yaml:"owner"`
	// Flow is the business flow it serves, for example "onboarding".
	Flow string `json:"flow" yaml:"flow"`
	// Mode says when Cordon sees the content: inline (before the CRM has it) or shadow (the same,
	// but recorded only and never kept back). Default: inline.
	Mode Mode `json:"mode" yaml:"mode"`
	// Fail says what it means when a check does not finish: hold, pass-and-rescan (it passes, is
	// listed and is examined again) or refuse. Default: hold.
	Fail FailMode `json:"fail" yaml:"fail"`
	// NotInspected is the answer to requests that can carry media on paths that Cordon
	// does not look into yet. In this release it is always refuse.
	NotInspected FailMode `json:"not_inspected" yaml:"not_inspected"`
	// WhenHeld is what the caller is told of a held item: refuse (the platform's own error, naming
	// the receipt) or stage (a placeholder document). Default: refuse.
	WhenHeld WhenHeld `json:"when_held" yaml:"when_held"`
	// Class is the data class of what the route carries: identity-document, clinical-image,
	// clinical-document, recording, consent-or-contract or other. Default: other.
	Class DataClass `json:"class" yaml:"class"`
	// CallbackURL, if set, is an https address that is told what became of each item. Each call
	// is signed as docs/api.md says.
	CallbackURL string `json:"callback_url" yaml:"callback_url"`
	// Match lists the rules; the route applies when any of them matches.
	Match []Match `json:"match" yaml:"match"`
}

// Match is one rule of a route. Empty fields match everything.
type Match struct {
	// Host is the request's host without port.
	Host string `json:"host" yaml:"host"`
	// Path is a glob over the canonical path, for example "/services/data/*/sobjects/*".
	Path string `json:"path" yaml:"path"`
	// Object is the sObject written, for example "ContentVersion"; case does not matter.
	Object string `json:"object" yaml:"object"`
	// Client is the OAuth client id the caller's token was issued to.
	Client string `json:"client" yaml:"client"`
}

// Call is what is known of a request when its route is looked for.
type Call struct{ Host, Path, Object, Client string }

// Matches reports whether the rule applies to the call.
func (m Match) Matches(c Call) bool {
	if m.Host != "" && !strings.EqualFold(m.Host, c.Host) ||
		m.Object != "" && !strings.EqualFold(m.Object, c.Object) ||
		m.Client != "" && m.Client != c.Client {
		return false
	}
	if m.Path == "" {
		return true
	}
	ok, err := path.Match(strings.ToLower(m.Path), strings.ToLower(c.Path))
	return err == nil && ok
}

// UnknownRoute is used when no rule matches: it holds what it cannot place.
func UnknownRoute() Route {
	return Route{Name: "unknown", Channel: ChannelUnknown, Mode: ModeInline, Fail: FailHold,
		NotInspected: FailRefuse, WhenHeld: AnswerRefuse, Class: ClassOther}
}

// FindRoute returns the first route with a matching rule, else UnknownRoute.
func FindRoute(routes []Route, c Call) Route {
	for _, r := range routes {
		for _, m := range r.Match {
			if m.Matches(c) {
				return r
			}
		}
	}
	return UnknownRoute()
}
