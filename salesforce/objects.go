package salesforce

import (
	"slices"
	"strings"
)

// Blob describes an object with fields of type base64.
type Blob struct {
	Object string   // API name, spelled as the platform spells it
	Fields []string // its base64 fields; the first carries the file

	// Inspected says that Cordon looks into writes of the object. The rest is known to
	// carry bytes and is not looked into yet.
	Inspected bool
	// NameFields hold the file name, the best first.
	NameFields []string
	// SubjectField holds the id of the record that the file belongs to, "" if none does.
	SubjectField string
	// SizeField holds the length of the file in bytes.
	SizeField string
	// EntityPart is the customary name of the JSON part of a multipart body.
	EntityPart string
	// MaxMultipart is the largest multipart body in bytes.
	MaxMultipart int64
}

// BlobField is the field that carries the file.
func (b Blob) BlobField() string { return b.Fields[0] }

// blobs lists the objects with base64 fields, from the Object Reference.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/
var blobs = []Blob{
	{Object: "ContentVersion", Fields: []string{"VersionData"}, Inspected: true,
		NameFields: []string{"PathOnClient", "Title"}, SubjectField: "FirstPublishLocationId",
		SizeField: "ContentSize", EntityPart: "entity_content", MaxMultipart: MaxMultipartVersion},
	{Object: "Attachment", Fields: []string{"Body"}, Inspected: true,
		NameFields: []string{"Name"}, SubjectField: "ParentId",
		SizeField: "BodyLength", EntityPart: "entity_attachment", MaxMultipart: MaxMultipartOther},
	{Object: "Document", Fields: []string{"Body"}, Inspected: true,
		NameFields: []string{"Name"},
		SizeField:  "BodyLength", EntityPart: "entity_document", MaxMultipart: MaxMultipartOther},

	{Object: "StaticResource", Fields: []string{"Body"}},
	{Object: "ContentNote", Fields: []string{"Content"}},
	{Object: "FeedItem", Fields: []string{"ContentData"}},
	{Object: "QuoteDocument", Fields: []string{"Document"}},
	{Object: "ServiceReport", Fields: []string{"DocumentBody"}},
	{Object: "DigitalSignature", Fields: []string{"DocumentBody", "DigitalSignature"}},
	{Object: "MailmergeTemplate", Fields: []string{"Body"}},
	{Object: "Scontrol", Fields: []string{"Binary"}},
	{Object: "EventLogFile", Fields: []string{"LogFile"}},
	{Object: "InsightsExternalData", Fields: []string{"MetadataJson"}},
	{Object: "InsightsExternalDataPart", Fields: []string{"DataFile"}},
}

// FindBlob returns the description of an object with base64 fields. Case does not matter.
func FindBlob(object string) (Blob, bool) {
	for _, b := range blobs {
		if strings.EqualFold(b.Object, object) {
			return b, true
		}
	}
	return Blob{}, false
}

// HasField reports whether the field is one of the object's base64 fields.
func (b Blob) HasField(field string) bool {
	return slices.ContainsFunc(b.Fields, func(f string) bool { return strings.EqualFold(f, strings.TrimSpace(field)) }) ||
		IsArticleFile(field)
}

// IsBlobField reports whether some object has a base64 field of the name. It serves where the
// object is not known, as in writes through a relationship
// (PATCH …/sobjects/ContentDocument/069…/LatestPublishedVersion).
func IsBlobField(field string) bool {
	return slices.ContainsFunc(blobs, func(b Blob) bool { return b.HasField(field) })
}

// IsArticleFile reports whether the field is the content of a Knowledge article's file field,
// which every article type may have (Scan__c is stored as Scan__Body__s and Scan__Name__s).
func IsArticleFile(field string) bool {
	const suffix = "__body__s"
	field = strings.ToLower(strings.TrimSpace(field))
	return strings.HasSuffix(field, suffix)
}

// Fields of ContentVersion that name content or documents kept elsewhere.
const (
	FieldContentURL    = "ContentUrl"    // a link; nothing is stored
	FieldContentBodyID = "ContentBodyId" // bytes uploaded apart from the record
	FieldDocumentID    = "ContentDocumentId"
)
