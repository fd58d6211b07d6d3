package c2pa

import (
	"time"

	"github.com/cordonhq/cordon/declared"
)

// State sums up what validation found of the active manifest.
type State string

// States. Only None and Remote mean that no manifest is in the file.
const (
	None    State = "none"    // no manifest; neutral, since anyone can strip one
	Valid   State = "valid"   // everything holds, the signer is not among the anchors
	Trusted State = "trusted" // valid, and the signer is; says nothing about AI
	Invalid State = "invalid" // something does not hold or cannot be read
	Remote  State = "remote"  // only the address of a manifest; never fetched
)

// Provenance is what the manifest store of one file says and whether it holds. It holds no
// bytes of the file, but text that a stranger wrote. Slices are never nil.
type Provenance struct {
	State         State    `json:"state"`
	Success       []string `json:"success"`       // status codes of the active manifest, sorted
	Informational []string `json:"informational"` // likewise
	Failure       []string `json:"failure"`       // likewise
	// IngredientFailure has the codes of failures in ingredients' manifests.
	IngredientFailure []string `json:"ingredient_failure"`
	ClaimGenerator    string   `json:"claim_generator"`
	Signer            string   `json:"signer"` // common name and organisation as certified
	// SourceTypes are the digital source types declared in any manifest of the store, or of
	// earlier stores that the file still holds, in the order they are found, without
	// repetition.
	SourceTypes []string `json:"source_types"`
	// SoftwareAgents are the programs that actions in any manifest name.
	SoftwareAgents []string `json:"software_agents"`
	// Unbound says that the signer left out a part of the file beside the store, and that the rest is
	// as it was signed.
	Unbound bool `json:"unbound,omitempty"`
	// Disclosures are what assertions on the use of AI name (c2pa.ai-disclosure, C2PA 2.4).
	Disclosures     []string  `json:"disclosures,omitempty"`
	EvaluatedAt     time.Time `json:"evaluated_at"`
	TrustListSHA256 string    `json:"trust_list_sha256"` // of all lists for signers in force, "" without any
	TSAListSHA256   string    `json:"tsa_list_sha256"`   // of those for time stamps
	AllowListSHA256 string    `json:"allow_list_sha256"` // of those of allowed signers
	// TrustLists are the lists in force when this was evaluated, and TrustedBy is the SHA-256 of
	// the one that vouches for the signer of the active manifest, "" if none does.
	TrustLists []ListRecord `json:"trust_lists"`
	TrustedBy  string       `json:"trusted_by"`

	Container string     `json:"container"`  // media type by content
	SignedAt  *time.Time `json:"signed_at"`  // as a time stamp proves it, else null
	Algorithm string     `json:"algorithm"`  // of the signature, for example ES256
	RemoteURL string     `json:"remote_url"` // as the file gives it; never fetched
	Manifests []Manifest `json:"manifests"`  // all of the store, the active one last
	// Elsewhere are addresses at which assertions keep further content; never fetched.
	Elsewhere []string `json:"elsewhere"`
	// SoftBindings are the algorithms of invisible marks and fingerprints that manifests name.
	// Whether the file has them is not checked here.
	SoftBindings []string `json:"soft_bindings"`
	StoreBytes   int64    `json:"store_bytes"` // size of the store with its framing
	// Searched says that a store could not be read and that SourceTypes come, in part at
	// least, from a plain search of its bytes.
	Searched bool     `json:"searched"`
	Statuses []Status `json:"statuses"` // everything that validation found

	fields []declared.Field // what manifests say beside source types, for the dictionary
}

// Manifest is one manifest of the store.
type Manifest struct {
	Label          string   `json:"label"`
	ClaimGenerator string   `json:"claim_generator"`
	Title          string   `json:"title"`
	SourceTypes    []string `json:"source_types"`
	Assertions     []string `json:"assertions"` // labels
}
