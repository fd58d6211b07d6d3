package cordon

// Observation is content that the CRM had before Cordon saw it.
type Observation struct {
	Tenant TenantID
	Route  Route // declared for what comes this way; Mode is event or backfill

	Object     string // sObject, for example "ContentVersion"
	UpstreamID string // id of the record, spelled with 18 letters
	DocumentID string // its ContentDocumentId, where there is one
	// Version tells this content of the record from an earlier one: whoever observes the
	// same version again observes nothing. It is kept only as a keyed hash.
	Version string
	// Immutable says that the record never gets other bytes.
	Immutable bool
	// Size is the length in bytes as the CRM states it, -1 if it does not.
	Size         int64
	DeclaredType string
	Personal     Personal // Name, Subject, UserID and Notes are filled by the observer
	// Again asks for a fresh look at content that is on record and was looked at before.
	Again bool

	// Retry says that content which could not be read is asked for again.
	Retry bool
	// Unread, if set, says why there is nothing to open: ReasonGone or ReasonNotReadable.
	Unread Reason
}

// Sighting is what came of an observation. Nothing is on record before its Changes are
// committed; they may be committed together with those of other sightings.
type Sighting struct {
	Item    Item     // as it stands once Changes are committed
	New     bool     // nobody had observed this content
	Changes []Change // none: everything is on record
	// Then is called once Changes are committed. It may be nil.
	Then func()
}
