package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// File is what a list says of one file.
type File struct {
	Object     string
	ID         string // 18 letters
	DocumentID string // of a ContentVersion
	ParentID   string // record it was attached to or first published at, "" if none
	Name       string
	Type       string // declared media type, "" if none
	Size       int64  // bytes, as the org states it
	Origin     string // of a ContentVersion: C (Salesforce Files) or H (Chatter)
	NetworkID  string // Experience Cloud site it came by, "" if none

	CreatedBy   string // id of a user
	CreatorType string // UserType of that user, for example Standard or Guest
	Created     time.Time
	Modstamp    time.Time // SystemModstamp
	Deleted     bool      // in the recycle bin

	elsewhere bool   // the org holds no bytes of it
	version   string // tells this content of the record from an earlier one
}

// columns are the fields that a list selects; row is how they come.
var columns = map[string]string{
	"ContentVersion": "Id, ContentDocumentId, Title, PathOnClient, ContentSize, Checksum, FileType, ContentLocation, Origin, NetworkId, FirstPublishLocationId",
	"Attachment":     "Id, ParentId, Name, ContentType, BodyLength, LastModifiedDate",
	"Document":       "Id, FolderId, Name, ContentType, BodyLength, LastModifiedDate",
}

const stampColumns = ", CreatedById, CreatedBy.UserType, CreatedDate, SystemModstamp, IsDeleted"

type row struct {
	ID                     string `json:"Id"`
	ContentDocumentID      string `json:"ContentDocumentId"`
	Title                  string
	PathOnClient           string
	Name                   string
	ContentType            string
	ContentSize            int64
	BodyLength             int64
	Checksum               string
	FileType               string
	ContentLocation        string
	Origin                 string
	NetworkID              string `json:"NetworkId"`
	FirstPublishLocationID string `json:"FirstPublishLocationId"`
	ParentID               string `json:"ParentId"`
	CreatedByID            string `json:"CreatedById"`
	CreatedBy              struct{ UserType string }
	CreatedDate            string
	LastModifiedDate       string
	SystemModstamp         string
	IsDeleted              bool
}

// stampLayouts are the forms of dateTime that the API answers with and takes.
const (
	stampLayout = "2006-01-02T15:04:05.000-0700"
	soqlLayout  = "2006-01-02T15:04:05.000Z"
)

func readFile(object string, record json.RawMessage) (File, error) {
	var r row
	if err := json.Unmarshal(record, &r); err != nil {
		return File{}, fmt.Errorf("a %s in a list cannot be read: %w", object, err)
	}
	f := File{Object: object, ID: salesforce.LongID(r.ID), DocumentID: r.ContentDocumentID, Type: r.ContentType, Origin: r.Origin,
		NetworkID: r.NetworkID, CreatedBy: r.CreatedByID, CreatorType: r.CreatedBy.UserType, Deleted: r.IsDeleted,
		Name: cmp.Or(r.PathOnClient, r.Name, r.Title), ParentID: cmp.Or(r.ParentID, r.FirstPublishLocationID)}
	var err1, err2 error
	f.Created, err1 = time.Parse(stampLayout, r.CreatedDate)
	f.Modstamp, err2 = time.Parse(stampLayout, r.SystemModstamp)
	if !salesforce.IsID(f.ID) || err1 != nil || err2 != nil {
		return File{}, fmt.Errorf("%w: a %s in a list has no id or no times", cordon.ErrInvalid, object)
	}
	if object == "ContentVersion" {
		f.Size, f.version = r.ContentSize, fmt.Sprintf("%s/%d", r.Checksum, r.ContentSize)
		f.elsewhere = r.FileType == "LINK" || r.ContentLocation != "" && r.ContentLocation != "S"
	} else {
		// The bytes can be overwritten in place, and only the time of the last change tells.
		f.Size, f.version = r.BodyLength, fmt.Sprintf("%s/%d", r.LastModifiedDate, r.BodyLength)
	}
	return f, nil
}

// Key prefix of EmailMessage.
const emailPrefix = "02s"

// Channel tells the way in from what the org says of a file.
func Channel(f File, integrations []string) cordon.Channel {
	return salesforce.Arrived{ToEmail: strings.HasPrefix(f.ParentID, emailPrefix), CreatorType: f.CreatorType, NetworkID: f.NetworkID,
		Integration: slices.ContainsFunc(integrations, func(id string) bool { return salesforce.SameID(id, f.CreatedBy) })}.Channel()
}

// observation is the file as the line knows it.
func (c Config) observation(f File, lane string, mode cordon.Mode) cordon.Observation {
	route := cordon.Route{Name: lane, Channel: Channel(f, c.Integrations), Mode: mode, Fail: cordon.FailHold, Class: cordon.ClassOther}
	if c.Route != nil {
		route = c.Route(f)
	}
	return cordon.Observation{Tenant: c.Tenant, Route: route, Object: f.Object, UpstreamID: f.ID, DocumentID: f.DocumentID,
		Version: f.version, Immutable: f.Object == "ContentVersion", Size: f.Size, DeclaredType: f.Type,
		Personal: cordon.Personal{Name: f.Name, Subject: f.ParentID, UserID: f.CreatedBy}}
}
