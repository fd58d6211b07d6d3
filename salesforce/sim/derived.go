package sim

import (
	"slices"
	"strings"
)

// moreSchema has the objects that clients ask for around records and files. Those marked
// derived have no rows of their own.
const moreSchema = `
object RecordType 012 nocreate noupdate nodelete
  Name string 80 readonly name
  DeveloperName string 80 readonly
  SobjectType picklist 40 readonly
  IsActive boolean readonly
  Description string 255 readonly

object Group 00G
  Name string 40 required name
  DeveloperName string 80
  Type picklist 40 default=Regular
  OwnerId reference readonly to=User rel=Owner

object Note 002
  ParentId reference required createonly to=* rel=Parent children=Notes
  Title string 80 required name
  Body textarea 32000
  IsPrivate boolean default=false
  OwnerId reference to=User rel=Owner

object Lead 00Q
  Name string 121 readonly name
  FirstName string 40
  LastName string 80 required
  Company string 255 required
  Email email 80
  Phone phone 40
  Status picklist 255 default=Open
  Description textarea 32000
  IsConverted boolean readonly default=false
  OwnerId reference to=User rel=Owner

object Opportunity 006
  Name string 120 required name
  AccountId reference to=Account rel=Account children=Opportunities
  StageName picklist 255 required
  CloseDate date required
  Amount currency
  Description textarea 32000
  OwnerId reference to=User rel=Owner

object Task 00T
  Subject string 255 name
  Status picklist 255 default=Not_Started
  Priority picklist 255 default=Normal
  ActivityDate date
  Description textarea 32000
  WhoId reference to=Contact,Lead rel=Who children=Tasks
  WhatId reference to=Account,Case,Opportunity rel=What children=Tasks
  OwnerId reference to=User rel=Owner

object Event 00U
  Subject string 255 name
  ActivityDateTime datetime required
  DurationInMinutes int
  Description textarea 32000
  WhoId reference to=Contact,Lead rel=Who children=Events
  WhatId reference to=Account,Case,Opportunity rel=What children=Events
  OwnerId reference to=User rel=Owner

object EmailMessageRelation 0MZ
  EmailMessageId reference required createonly to=EmailMessage rel=EmailMessage children=EmailMessageRelations
  RelationId reference createonly to=Contact,Lead,User rel=Relation
  RelationType picklist 40 createonly
  RelationAddress string 120 createonly

object FeedItem 0D5 noupdate
  ParentId reference required createonly to=* rel=Parent children=Feeds
  Type picklist 40 default=TextPost
  Body textarea 10000 createonly
  Title string 255 createonly
  RelatedRecordId reference createonly to=ContentVersion rel=RelatedRecord

object FeedAttachment 08A noupdate
  FeedEntityId reference required createonly to=FeedItem rel=FeedEntity children=FeedAttachments
  RecordId reference createonly to=ContentVersion rel=Record
  Title string 255 createonly
  Type picklist 40 createonly default=Content

object ContentWorkspace 058 nocreate noupdate nodelete
  Name string 255 readonly name
  DeveloperName string 255 readonly
  Description textarea 1000 readonly

object ContentAsset 03S nocreate nodelete
  DeveloperName string 40 name
  MasterLabel string 40
  ContentDocumentId reference readonly to=ContentDocument rel=ContentDocument
  IsVisibleByExternalUsers boolean default=false

object ContentNote 069 nocreate noupdate nodelete
  Title string 255 readonly name
  Content base64 readonly
  ContentSize int readonly
  TextPreview string 255 readonly
  OwnerId reference readonly to=User rel=Owner

object StaticResource 081
  Name string 255 required name
  ContentType string 120
  Body base64
  BodyLength int readonly
  CacheControl picklist 40 default=Private values=Private,Public
  Description textarea 255

object EntityDefinition 4ie derived
  QualifiedApiName string 70 name
  DeveloperName string 70
  Label string 70
  PluralLabel string 70
  DurableId string 255
  KeyPrefix string 3
  IsQueryable boolean
  IsCustomizable boolean

object FieldDefinition 4fe derived
  QualifiedApiName string 70 name
  DeveloperName string 70
  Label string 70
  DataType string 100
  DurableId string 255
  Length int
  IsIndexed boolean
  IsNillable boolean
  EntityDefinitionId reference to=EntityDefinition rel=EntityDefinition children=Fields

object AttachedContentDocument 06B derived
  LinkedEntityId reference to=* rel=LinkedEntity children=AttachedContentDocuments
  ContentDocumentId reference to=ContentDocument rel=ContentDocument
  Title string 255
  FileType string 20
  FileExtension string 40
  ContentSize int
  ContentUrl url 1300
  SharingOption picklist 40
  OwnerId reference to=User rel=Owner

object CombinedAttachment 06C derived
  ParentId reference to=* rel=Parent
  LinkedEntityId reference to=* children=CombinedAttachments
  RecordType string 40
  Title string 255
  FileType string 20
  FileExtension string 40
  ContentSize int
  ContentUrl url 1300
  SharingOption picklist 40
`

// derivedRows makes the records of a derived object that a condition can be about.
func (t *tx) derivedRows(e *entity, where condition) []*record {
	if e.field("LinkedEntityId") == nil {
		t.define()
		return t.o.tables[e].all()
	}
	var rows []*record
	ids, _ := pins(where, "LinkedEntityId")
	for _, v := range ids {
		id, _ := v.(string)
		parent := t.live(id)
		if parent == nil {
			continue
		}
		rows = append(rows, t.attached(e, parent)...)
	}
	return rows
}

// attached are the files at a record, and beside them what else hangs there.
func (t *tx) attached(e *entity, parent *record) []*record {
	var rows []*record
	add := func(from *record, kind string) {
		values := map[string]any{"LinkedEntityId": parent.id, "ParentId": parent.id, "RecordType": kind}
		for _, f := range e.fields {
			if v, has := from.values[f.name]; has && values[f.name] == nil {
				values[f.name] = v
			}
		}
		if from.e.name == "ContentDocument" {
			values["ContentDocumentId"] = from.id
		} else {
			values["Title"], values["ContentSize"] = from.values["Name"], from.values["BodyLength"]
		}
		rows = append(rows, &record{e: e, id: from.id, values: values})
	}
	for link := range t.o.tables[t.o.schema.entity("ContentDocumentLink")].where("LinkedEntityId", parent.id) {
		if doc := t.live(link.text("ContentDocumentId")); doc != nil && t.mayRead(doc) {
			add(doc, "File")
		}
	}
	if e.name == "CombinedAttachment" {
		for a := range t.o.tables[t.o.schema.entity("Attachment")].where("ParentId", parent.id) {
			if t.mayRead(a) {
				add(a, "Attachment")
			}
		}
	}
	return rows
}

// define writes what EntityDefinition and FieldDefinition say of the schema, once somebody asks.
func (t *tx) define() {
	entities, fields := t.o.schema.entity("EntityDefinition"), t.o.schema.entity("FieldDefinition")
	if len(t.o.tables[entities].all()) > 0 {
		return
	}
	put := func(e *entity, values map[string]any) *record {
		r := &record{e: e, id: t.o.nextID(e.prefix), values: values}
		t.o.tables[e].put(r)
		return r
	}
	for _, e := range t.o.schema.order {
		if e.tooling || e.event {
			continue
		}
		of := put(entities, map[string]any{"QualifiedApiName": e.name, "DeveloperName": strings.TrimSuffix(e.name, "__c"), "Label": e.label,
			"PluralLabel": e.label + "s", "DurableId": e.name, "KeyPrefix": e.prefix, "IsQueryable": !e.derived, "IsCustomizable": !e.noUpdate})
		for _, f := range e.fields {
			put(fields, map[string]any{"QualifiedApiName": f.name, "DeveloperName": strings.TrimSuffix(f.name, "__c"), "Label": f.label, "DataType": f.dataType(),
				"DurableId": e.name + "." + f.name, "Length": float64(f.length), "IsIndexed": f.indexed() || f.name == "Id", "IsNillable": !f.required,
				"EntityDefinitionId": of.id})
		}
	}
}

// dataType is a field's type as the setup pages word it.
func (f *field) dataType() string {
	known := map[string]string{"id": "Lookup()", "reference": "Lookup(" + strings.Join(f.to, ",") + ")", "boolean": "Checkbox", "int": "Number",
		"double": "Number", "currency": "Currency", "date": "Date", "datetime": "Date/Time", "picklist": "Picklist", "email": "Email", "phone": "Phone",
		"url": "URL", "textarea": "Long Text Area", "html": "Rich Text Area", "base64": "Base64", "address": "Address"}
	if name := known[f.kind]; name != "" {
		return name
	}
	return "Text"
}

// searchable says that a search looks into the object.
func (e *entity) searchable() bool {
	named := slices.ContainsFunc(e.fields, func(f *field) bool { return f.nameField })
	return named && !e.derived && !e.event && !e.tooling && (!e.noCreate || e.name == "User" || e.name == "ContentDocument")
}
