package cordon

import (
	"strings"
	"time"
)

// Modality is the broad kind of content, decided from the bytes.
type Modality string

// Modalities.
const (
	Image    Modality = "image"
	Video    Modality = "video"
	Audio    Modality = "audio"
	Document Modality = "document"
	Clinical Modality = "clinical-image" // DICOM
	Other    Modality = "other"
)

// Operation is what the staged write does upstream.
type Operation string

// Operations of a staged write.
const (
	OpCreate     Operation = "create"      // a new record
	OpNewVersion Operation = "new-version" // a new ContentVersion of an existing ContentDocument
	OpUpdate     Operation = "update"      // new bytes for an existing record
	OpAsk        Operation = "ask"         // nothing: a verdict was asked for, the caller keeps the bytes
)

// Item is one piece of content under control. Nothing in it names a person: what does is
// in Sealed, under the item's own key.
type Item struct {
	Ref
	State   State
	Version int64 // grows by one with every change; set by the store

	// The route as it was declared when the item arrived.
	Route    string
	Channel  Channel
	Mode     Mode
	Fail     FailMode
	WhenHeld WhenHeld
	Class    DataClass

	Size         int64  // bytes
	MediaType    string // by content
	DeclaredType string // as the sender named it: a media type, never trusted
	Modality     Modality

	Op         Operation
	Object     string // sObject written, for example "ContentVersion"
	UpstreamID string // id of the record in the CRM, once it is there
	DocumentID string // its ContentDocumentId, where there is one
	Client     string // pseudonym of the calling client, "" if unknown

	Commitment []byte  // HMAC-SHA-256 of the SHA-256 under the item's salt: what the ledger says
	Blob       BlobRef // "" once shredded
	KeyID      ID      // the subject or intake key that wraps the item's data key
	WrappedKey []byte  // nil once shredded
	Sealed     []byte  // Personal as JSON, encrypted under the item's data key

	Verdict    *Verdict // nil until inspected
	ReceivedAt time.Time
	ChangedAt  time.Time
}

// Personal is what an item knows that may point to a person. It exists in clear only in
// memory; at rest it is sealed under the item's key and dies with it.
type Personal struct {
	Name      string `json:"name,omitempty"`    // file name
	Subject   string `json:"subject,omitempty"` // CRM id of the record it belongs to
	Address   string `json:"address,omitempty"` // the caller's network address
	UserAgent string `json:"user_agent,omitempty"`
	UserID    string `json:"user_id,omitempty"`  // CRM id of the caller
	Username  string `json:"username,omitempty"` // CRM user name of the caller
	SHA256    string `json:"sha256"`             // lower-case hex
	Salt      []byte `json:"salt"`               // of Item.Commitment
	Staged    Staged `json:"staged"`
	// Note is what the reviewer wrote on deciding, in free text.
	Note string `json:"note,omitempty"`
}

// Staged is the write that delivers an item, without its bytes.
type Staged struct {
	Op         Operation `json:"op"`
	Object     string    `json:"object"`
	BlobField  string    `json:"blob_field,omitempty"` // VersionData or Body
	RecordID   string    `json:"record_id,omitempty"`  // for updates
	APIVersion string    `json:"api_version,omitempty"`
	// Fields are the other fields as parsed, in the order they came; values are JSON.
	Fields []Field `json:"fields,omitempty"`
	// Key is the value of Cordon_Key__c, by which a lost answer can be settled.
	Key string `json:"key,omitempty"`
}

// Field is one field of a staged write.
type Field struct {
	Name  string `json:"name"`
	Value []byte `json:"value"` // JSON
}

// Field returns the JSON value of the named field and whether it is there. Case does not matter.
func (s Staged) Field(name string) ([]byte, bool) {
	for _, f := range s.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return nil, false
}

// Arrival is what a door knows of content when its bytes are safe but nothing is promised.
type Arrival struct {
	Tenant       TenantID
	Route        Route
	Client       string // OAuth client id of the caller, "" if unknown
	CallerKey    string // stable opaque text for "the same caller", never stored in clear
	DeclaredType string
	Object       string // sObject, or "" when only a verdict is asked for
	Op           Operation
	Personal     Personal // Name, Subject, Address, UserAgent, UserID, Username and Staged are filled by the door
	// IdempotencyKey, if given, makes a repeated request return the first item.
	IdempotencyKey string
}

// BlobRef names bytes at rest. It is random and says nothing of the content.
type BlobRef string

// Spooled is content that is at rest and encrypted, but nothing has been promised about it.
type Spooled struct {
	Blob   BlobRef
	Key    DataKey
	SHA256 [32]byte
	Size   int64 // bytes of plaintext
}

// DataKey is the secret that encrypts one item. It never prints.
type DataKey struct{ b []byte }

// NewDataKey wraps 32 secret bytes.
func NewDataKey(b []byte) DataKey { return DataKey{b} }

// Bytes returns the secret.
func (k DataKey) Bytes() []byte { return k.b }

// IsZero reports whether there is no key.
func (k DataKey) IsZero() bool { return len(k.b) == 0 }

// String hides the secret from every print verb.
func (k DataKey) String() string { return "[data key]" }

// GoString hides the secret from %#v.
func (k DataKey) GoString() string { return k.String() }

// MarshalJSON refuses: a data key leaves the process only wrapped.
func (k DataKey) MarshalJSON() ([]byte, error) { return []byte(`"[data key]"`), nil }
