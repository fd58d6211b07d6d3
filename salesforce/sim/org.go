package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Org is one simulated organisation. Its methods are safe for concurrent use.
type Org struct {
	conf  Config
	blobs blobs

	// mu guards everything below. A request holds it from its first look at a record
	// to its last, so that each is a transaction; bytes are read before and written after.
	mu       sync.Mutex
	schema   *schema
	tables   map[*entity]*table
	counters map[string]int64 // ids handed out, by key prefix
	people   []*person
	sessions map[string]*session // by access token
	refresh  map[string]*session // by refresh token
	codes    map[string]*session // by authorization code
	cursors  map[string]*cursor
	jobs     map[string]*job
	jobOrder []string
	events   []Event
	used     int // API calls counted
	stored   int64
	orgID    string
	started  time.Time // since when the schema is as it is

	bus    bus
	faults faults
	log    requestLog
}

// person is a user of the org.
type person struct {
	User
	id string
}

// Event is one platform event that a client published.
type Event struct {
	Object  string
	Payload map[string]any
	At      time.Time
}

// NewOrg returns an org with the standard objects, the configured users and no other
// records. It panics if Config.Schema cannot be read.
func NewOrg(conf Config) *Org {
	o := &Org{conf: conf.withDefaults()}
	o.blobs.dir = conf.Dir
	o.Reset()
	return o
}

// Reset forgets every record, file, token, fault and log line, and starts again as
// NewOrg did: the same calls then give the same ids.
func (o *Org) Reset() {
	texts := []string{standardSchema, setupSchema, moreSchema}
	if o.conf.CordonPackage {
		texts = append(texts, cordonSchema)
	}
	s, err := newSchema(append(texts, o.conf.licensedSchema(), o.conf.Schema)...)
	if err != nil {
		panic("sim: " + err.Error())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.schema = s
	o.tables = map[*entity]*table{}
	for _, e := range s.order {
		o.tables[e] = newTable(e)
	}
	o.counters = map[string]int64{}
	o.sessions, o.refresh, o.codes = map[string]*session{}, map[string]*session{}, map[string]*session{}
	o.cursors, o.jobs, o.jobOrder = map[string]*cursor{}, map[string]*job{}, nil
	o.people, o.events, o.used, o.stored = nil, nil, 0, 0
	o.bus.reset(o.conf, s)
	o.faults.clear()
	o.log.clear()
	o.blobs.clear() // what cannot be removed now, Close reports
	o.seed()
}

// Close removes the files that the org wrote. The org must not be used afterwards.
func (o *Org) Close() error { return o.blobs.clear() }

// seed writes the records that every org starts with.
func (o *Org) seed() {
	now := o.conf.Now().UTC()
	put := func(object string, values map[string]any) string {
		e := o.schema.entity(object)
		r := &record{e: e, id: o.nextID(e.prefix), values: values}
		for _, stamp := range []string{"CreatedDate", "LastModifiedDate", "SystemModstamp"} {
			r.values[stamp] = timestamp(now)
		}
		o.tables[e].put(r)
		return r.id
	}
	o.orgID = put("Organization", map[string]any{"Name": o.conf.Name, "InstanceName": "SIM1", "IsSandbox": true,
		"OrganizationType": "Developer Edition", "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT"})
	profiles := map[string]string{}
	for _, u := range o.conf.Users {
		if profiles[u.Profile.Name] == "" {
			profiles[u.Profile.Name] = put("Profile", map[string]any{"Name": u.Profile.Name, "PermissionsApiUserOnly": u.Profile.APIOnly})
		}
		alias, _, _ := strings.Cut(u.Username, "@")
		id := put("User", map[string]any{
			"Username": u.Username, "Email": u.Username, "FirstName": orNil(u.FirstName), "LastName": u.LastName,
			"Name": strings.TrimSpace(u.FirstName + " " + u.LastName), "Alias": alias[:min(8, len(alias))],
			"IsActive": !u.Inactive, "UserType": "Standard", "ProfileId": profiles[u.Profile.Name]})
		o.people = append(o.people, &person{User: u, id: id})
	}
	o.conf.seedLogs(put, now)
	for _, name := range o.conf.Communities {
		put("Network", map[string]any{"Name": name, "Status": "Live"})
	}
	o.started = now
	put("Folder", map[string]any{"Name": "Shared Documents", "DeveloperName": "SharedDocuments",
		"Type": "Document", "AccessType": "Public"})
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (o *Org) nextID(prefix string) string {
	o.counters[prefix]++
	return newID(prefix, o.counters[prefix])
}

func (o *Org) personByName(username string) *person {
	for _, p := range o.people {
		if strings.EqualFold(p.Username, username) {
			return p
		}
	}
	return nil
}

// OrgID returns the org's own id.
func (o *Org) OrgID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.orgID
}

// UserID returns the id of the user, or "" when there is none of that name.
func (o *Org) UserID(username string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.personByName(username); p != nil {
		return p.id
	}
	return ""
}

// File is the truth about one stored file: a ContentVersion, an Attachment or a Document.
type File struct {
	Object     string    `json:"object"`
	ID         string    `json:"id"`
	DocumentID string    `json:"document_id,omitempty"` // of a ContentVersion
	ParentID   string    `json:"parent_id"`             // of an Attachment; the first publish location of a ContentVersion; the folder of a Document
	Name       string    `json:"name"`                  // Title, or Name
	Path       string    `json:"path,omitempty"`        // PathOnClient
	OwnerID    string    `json:"owner_id"`
	CreatedBy  string    `json:"created_by"`
	Size       int64     `json:"size"`
	SHA256     Digest    `json:"sha256"`
	Latest     bool      `json:"latest"`  // the version that readers get; always true outside ContentVersion
	Deleted    bool      `json:"deleted"` // in the recycle bin
	CreatedAt  time.Time `json:"created_at"`
}

// Files returns every file the org holds, the recycle bin included, in the order they came.
func (o *Org) Files() []File {
	o.mu.Lock()
	defer o.mu.Unlock()
	files := []File{}
	for _, source := range []struct{ object, body, name, parent string }{
		{"ContentVersion", "VersionData", "Title", "FirstPublishLocationId"},
		{"Attachment", "Body", "Name", "ParentId"},
		{"Document", "Body", "Name", "FolderId"},
	} {
		for _, r := range o.tables[o.schema.entity(source.object)].all() {
			b, has := r.values[source.body].(*blob)
			if !has {
				continue
			}
			at, _ := parseTime(r.text("CreatedDate"))
			owner := r.text("OwnerId")
			if owner == "" {
				owner = r.text("AuthorId")
			}
			files = append(files, File{Object: source.object, ID: r.id, DocumentID: r.text("ContentDocumentId"),
				ParentID: r.text(source.parent), Name: r.text(source.name), Path: r.text("PathOnClient"),
				OwnerID: owner, CreatedBy: r.text("CreatedById"), Size: b.size, SHA256: Digest(b.sha256),
				Latest: source.object != "ContentVersion" || r.values["IsLatest"] == true, Deleted: r.deleted(), CreatedAt: at})
		}
	}
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.CreatedAt.UnixNano(), b.CreatedAt.UnixNano()) })
	return files
}

// Events returns the platform events published so far.
func (o *Org) Events() []Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events)
}

// Upload puts a file into the org the way a person at the user interface does: without
// a request, as the first user. It returns the ids of the version and of its document.
func (o *Org) Upload(name string, data []byte) (version, document string, err error) {
	b, err := o.blobs.take(bytes.NewReader(data), maxContentVersion)
	if err != nil {
		return "", "", err
	}
	o.mu.Lock()
	first := o.people[0]
	o.mu.Unlock()
	err = o.within(first, func(t *tx) error {
		version, err = t.create(o.schema.entity("ContentVersion"), map[string]any{
			"Title": strings.TrimSuffix(name, path.Ext(name)), "PathOnClient": name, "VersionData": b, "Origin": "C"})
		if err == nil {
			document = t.find(version).text("ContentDocumentId")
		}
		return err
	})
	return version, document, err
}

// Create writes a record as the user, past permissions but not past the schema, and
// returns its id. Values are as in JSON.
func (o *Org) Create(username, object string, values map[string]any) (id string, err error) {
	o.mu.Lock()
	p, e := o.personByName(username), o.schema.entity(object)
	o.mu.Unlock()
	if p == nil || e == nil {
		return "", fmt.Errorf("create %s as %s: the org has no such object or user", object, username)
	}
	err = o.within(p, func(t *tx) error {
		t.system = true
		id, err = t.create(e, values)
		return err
	})
	return id, err
}

// Delete puts a record into the recycle bin as the user, with what hangs on it, past every
// request and every fault.
func (o *Org) Delete(username, object, id string) error {
	o.mu.Lock()
	p, e := o.personByName(username), o.schema.entity(object)
	o.mu.Unlock()
	if p == nil || e == nil {
		return fmt.Errorf("delete %s as %s: the org has no such object or user", object, username)
	}
	return o.within(p, func(t *tx) error { return t.remove(e, id) })
}

// within runs f as one transaction: all that it did, or nothing.
func (o *Org) within(p *person, f func(*tx) error) error {
	o.mu.Lock()
	t := o.begin(p)
	err := f(t)
	if err != nil {
		t.rollback(0)
	}
	o.mu.Unlock()
	t.tell()
	return err
}
