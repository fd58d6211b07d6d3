package cordon

import (
	"fmt"
	"io"
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

	// Forged: something else than Cordon wrote what stands here. It is listed, so that people see
	// it, and nothing acts on it. Set by the store.
	Forged bool
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
	Notes     []Note `json:"notes,omitempty"`
	RetryKey  []byte `json:"retry_key,omitempty"` // look-up value of the request, by which the same sent again is recognised
}

// Note is what a person wrote about an item. It stays sealed and never enters the ledger.
type Note struct {
	At   time.Time `json:"at"`
	By   ID        `json:"by"`
	Text string    `json:"text"`
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
	// Owner is the CRM id of the uploader, who stays the owner of a released record where
	// the CRM lets Cordon say so.
	Owner string `json:"owner,omitempty"`
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
	// IdempotencyKey, if given, makes a repeated request return the first item, for a day.
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

// DataKey is the secret that encrypts one item. It never prints, under no verb and inside
// no other struct. Format alone would not do: fmt cannot call it in an unexported field,
// and follows one pointer, but never two.
type DataKey struct{ b **[]byte }

// NewDataKey wraps 32 secret bytes.
func NewDataKey(b []byte) DataKey {
	p := &b
	return DataKey{&p}
}

// Bytes returns the secret, or nil if there is none.
func (k DataKey) Bytes() []byte {
	if k.b == nil {
		return nil
	}
	return **k.b
}

// IsZero reports whether there is no key.
func (k DataKey) IsZero() bool { return len(k.Bytes()) == 0 }

// String hides the secret.
func (k DataKey) String() string { return "[data key]" }

// Format hides the secret from every verb, %d and %#v among them.
func (k DataKey) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// MarshalJSON hides the secret: a data key leaves the process only wrapped.
func (k DataKey) MarshalJSON() ([]byte, error) { return []byte(`"[data key]"`), nil }
