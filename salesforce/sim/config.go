package sim

import (
	"crypto/rsa"
	"net/http"
	"time"
)

// Config describes an org. The zero value is an org with an administrator
// (admin@example.com, password "demo") and no OAuth client; Demo has the rest.
type Config struct {
	// Name of the organisation. Default: "Cordon Clinic".
	Name string
	// BaseURL is what instance_url, id and the other addresses in answers start with,
	// without a trailing slash. Default: scheme and Host of the request answered.
	BaseURL string
	// Users who may sign in. Default: admin@example.com, password "demo".
	Users []User
	// Clients are the connected apps that tokens may be issued to.
	Clients []Client

	// APILimit is the number of API calls a day. Default: 100 000.
	APILimit int
	// TokenLife is how long an access token works. Default: 2 hours.
	TokenLife time.Duration
	// StorageLimit is the number of bytes of files the org can hold. Default: no limit.
	StorageLimit int64
	// BatchSize is the number of records on a page of query results. Default: 2 000.
	BatchSize int

	// Schema adds objects and fields to the standard ones, in the language of
	// standard.go. It panics in NewOrg if it cannot be read, as a bad regexp would.
	Schema string
	// CordonPackage installs what Cordon's own package brings: the external id
	// Cordon_Key__c on ContentVersion, Attachment and Document.
	CordonPackage bool
	// ChangeEvents are the objects whose change events the org offers, for example
	// "ContentVersion". Their describe answers, and PubSub serves their topics; without it
	// there is no such object and no such topic.
	ChangeEvents []string
	// EventRetention is how long an event can be had again by its replay id. Default: 72 h.
	EventRetention time.Duration
	// EventKeepalive is how often a subscription without events gets a sign of life.
	// Default: 270 s.
	EventKeepalive time.Duration
	// EventLogFiles are the event types for which the org keeps log files, for example
	// "Login" or "ContentTransfer". None: the org has no EventLogFile object.
	EventLogFiles []string
	// DataStorageLimit is the number of bytes of records that the org says it can hold;
	// what the records take is not counted. Default: 1 GB.
	DataStorageLimit int64
	// LinksStayDeleted makes undelete of a ContentDocument bring back its versions but
	// not its ContentDocumentLinks. What a real org does is not settled.
	LinksStayDeleted bool
	// Private lists objects whose records only their owner, and people with View All
	// or Modify All, may see. Files are always private.
	Private []string

	// CORS lists the origins whose scripts may read the org's answers, as its allow-list
	// does: "https://portal.example.com", or "https://*.example.com" for every host below.
	CORS []string
	// Communities are the Experience Cloud sites that are live. Where there is one, files
	// linked to a record are for internal users until the link says otherwise.
	Communities []string

	// Control serves /sim/faults and /sim/log, for tests in another process.
	// They need no token: leave it off where strangers can reach the org.
	Control bool
	// ApexREST answers /services/apexrest/ after the caller's token was checked.
	ApexREST http.Handler
	// Dir is where files beyond 1 MB are kept. Default: a fresh folder under the
	// system's temporary folder. Close removes what the org wrote.
	Dir string
	// Now is the org's clock. Default: time.Now.
	Now func() time.Time
	// OnChange, if set, is told of each committed change to a record, in order, after
	// the change can be seen. It must not wait for the org.
	OnChange func(Change)
}

// Change is one committed change to a record.
type Change struct {
	Kind   string // "CREATE", "UPDATE", "DELETE" or "UNDELETE", as change events say it
	Object string
	ID     string
	UserID string
	At     time.Time
}

// Client is a connected app.
type Client struct {
	ID     string
	Secret string
	// RunAs is the username that the client credentials flow acts as. Empty: the
	// client may not use that flow.
	RunAs string
	// Key checks the signatures of the JWT bearer flow. Nil: the client may not use it.
	Key *rsa.PublicKey
}

// User is a person or an integration that can sign in.
type User struct {
	Username  string
	Password  string
	FirstName string
	LastName  string
	Profile   Profile
	Inactive  bool
}

// Profile is what a user may do.
type Profile struct {
	Name string
	// Default applies to objects that Objects does not name.
	Default Access
	// Objects by API name; case does not matter.
	Objects map[string]Access
	// ViewAllData sees every record, ModifyAllData changes every record, whoever owns
	// it. Neither lists other people's files: that takes QueryAllFiles as well.
	ViewAllData   bool
	ModifyAllData bool
	QueryAllFiles bool
	// CustomizeApplication sees the tokens of all users.
	CustomizeApplication bool
	// NoAPI takes the right to use the API away.
	NoAPI bool
	// APIOnly says that the user signs in by the API only.
	APIOnly bool
}

// Access is what a profile may do with an object.
type Access struct{ Create, Read, Edit, Delete, ViewAll, ModifyAll bool }

// Full grants everything on records that the user owns or that are shared with them.
var Full = Access{Create: true, Read: true, Edit: true, Delete: true}

// Demo is the org that `cordon sim` and `cordon demo` serve. Its passwords are public:
// never listen beyond loopback with it.
//
// The client demo (secret demo) acts as demo@example.com; the client demo-nofiles
// (secret demo) acts as nofiles@example.com, who may do all that demo may except
// create files. Passwords are demo.
func Demo() Config {
	integration := Profile{Name: "Integration", Default: Full, ViewAllData: true, QueryAllFiles: true, APIOnly: true}
	noFiles := Profile{Name: "Integration without files", Default: Full, ViewAllData: true,
		Objects: map[string]Access{
			"ContentVersion": {Read: true, Edit: true},
			"Attachment":     {Read: true},
			"Document":       {Read: true},
		}}
	responder := Profile{Name: "Responder", Default: Access{Read: true},
		Objects: map[string]Access{
			"Case":                {Create: true, Read: true, Edit: true},
			"ContentVersion":      {Create: true, Read: true, Edit: true},
			"ContentDocument":     {Read: true, Edit: true, Delete: true},
			"ContentDocumentLink": Full,
		}}
	return Config{
		Users: []User{
			{Username: "demo@example.com", Password: "demo", FirstName: "Demo", LastName: "Integration", Profile: integration},
			{Username: "responder@example.com", Password: "demo", FirstName: "Rae", LastName: "Responder", Profile: responder},
			{Username: "admin@example.com", Password: "demo", FirstName: "Ada", LastName: "Admin", Profile: administrator()},
			{Username: "nofiles@example.com", Password: "demo", FirstName: "Nils", LastName: "Nofiles", Profile: noFiles},
		},
		Clients: []Client{
			{ID: "demo", Secret: "demo", RunAs: "demo@example.com"},
			{ID: "demo-nofiles", Secret: "demo", RunAs: "nofiles@example.com"},
		},
		CordonPackage: true,
	}
}

func administrator() Profile {
	return Profile{Name: "System Administrator", Default: Full, ViewAllData: true, ModifyAllData: true, QueryAllFiles: true, CustomizeApplication: true}
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "Cordon Clinic"
	}
	if len(c.Users) == 0 {
		c.Users = []User{{Username: "admin@example.com", Password: "demo", FirstName: "Ada", LastName: "Admin", Profile: administrator()}}
	}
	if c.APILimit == 0 {
		c.APILimit = 100_000
	}
	if c.TokenLife == 0 {
		c.TokenLife = 2 * time.Hour
	}
	if c.DataStorageLimit == 0 {
		c.DataStorageLimit = 1 << 30
	}
	if c.EventRetention == 0 {
		c.EventRetention = 72 * time.Hour
	}
	if c.EventKeepalive == 0 {
		c.EventKeepalive = 270 * time.Second
	}
	if c.BatchSize == 0 {
		c.BatchSize = 2000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
