// Package decide turns an item and its findings into a verdict under a policy.
//
// Deciding is a function: no clock, no network, no database. The same item, findings and
// policy give the same verdict in a test, in production and in a hearing, and the verdict
// names the policy by the digest of what it says.
package decide

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cordonhq/cordon"
)

//go:embed default.yaml
var defaultYAML []byte

// Policy says what evidence means. It is immutable and safe for concurrent use.
type Policy struct {
	says    document
	version string
}

// Rule is what one kind of evidence means.
type Rule struct {
	// Outcome is what is concluded.
	Outcome cordon.Outcome `json:"outcome"`
	// Action is what follows.
	Action cordon.Action `json:"action"`
	// Reason is the code shown to people. Default: the one of the label's name.
	Reason cordon.Reason `json:"reason"`
}

// document is a policy as its file says it, with everything filled in.
type document struct {
	// Name is free text without "@"; it comes first in the version.
	Name string `json:"name"`
	// Evidence has a rule for each label that is not neutral.
	Evidence map[cordon.Label]Rule `json:"evidence"`
	// KnownLawful lists the evidence that a known lawful file may carry and still pass.
	KnownLawful []cordon.Label `json:"known_lawful"`
	// NotCovered says what happens to content that no detector looks into.
	NotCovered map[cordon.Modality]cordon.Action `json:"not_covered"`
	// Overrides change the above for some items.
	Overrides []Override `json:"overrides"`
}

// Override changes rules for the items it is for.
type Override struct {
	For        For                               `json:"for"`
	Evidence   map[cordon.Label]Rule             `json:"evidence"` // empty parts of a rule stay as they were
	NotCovered map[cordon.Modality]cordon.Action `json:"not_covered"`
}

// For says which items are meant. Empty lists match everything.
type For struct {
	Class    []cordon.DataClass `json:"class"`
	Route    []string           `json:"route"`
	Channel  []cordon.Channel   `json:"channel"`
	Modality []cordon.Modality  `json:"modality"`
}

func (f For) matches(i cordon.Item) bool {
	return (len(f.Class) == 0 || slices.Contains(f.Class, i.Class)) &&
		(len(f.Route) == 0 || slices.Contains(f.Route, i.Route)) &&
		(len(f.Channel) == 0 || slices.Contains(f.Channel, i.Channel)) &&
		(len(f.Modality) == 0 || slices.Contains(f.Modality, i.Modality))
}

// Default returns the policy that applies where none is given.
func Default() *Policy { return builtIn() }

var builtIn = sync.OnceValue(func() *Policy {
	p, err := parse("default", defaultYAML, document{})
	if err != nil {
		panic(fmt.Sprintf("decide: the built-in policy: %v", err)) // a test reads it first
	}
	return p
})

// DefaultYAML returns the text of the default policy, which serves as reference.
func DefaultYAML() []byte { return slices.Clone(defaultYAML) }

// Version is the policy's name, an at sign, and the first 12 hexadecimal digits of the
// SHA-256 of its canonical form.
func (p *Policy) Version() string { return p.version }

// Name is what the policy is called.
func (p *Policy) Name() string { return p.says.Name }

// Canonical is everything that the policy says, defaults included, as JSON with sorted
// keys. Its digest is in the version.
func (p *Policy) Canonical() []byte {
	b, err := json.Marshal(p.says)
	if err != nil {
		panic(fmt.Sprintf("decide: strings and maps of strings do not fail to marshal: %v", err))
	}
	return b
}

func newPolicy(says document) *Policy {
	p := &Policy{says: says}
	sum := sha256.Sum256(p.Canonical())
	p.version = says.Name + "@" + hex.EncodeToString(sum[:])[:12]
	return p
}

// rules returns what applies to one item.
func (p *Policy) rules(i cordon.Item) (map[cordon.Label]Rule, map[cordon.Modality]cordon.Action) {
	evidence, notCovered := p.says.Evidence, p.says.NotCovered
	copied := false
	for _, o := range p.says.Overrides {
		if !o.For.matches(i) {
			continue
		}
		if !copied {
			evidence, notCovered, copied = maps.Clone(evidence), maps.Clone(notCovered), true
		}
		for label, r := range o.Evidence {
			evidence[label] = r.over(evidence[label])
		}
		maps.Copy(notCovered, o.NotCovered)
	}
	return evidence, notCovered
}

// over fills the empty parts of r from base.
func (r Rule) over(base Rule) Rule {
	if r.Outcome == "" {
		r.Outcome = base.Outcome
	}
	if r.Action == "" {
		r.Action = base.Action
	}
	if r.Reason == "" {
		r.Reason = base.Reason
	}
	return r
}
