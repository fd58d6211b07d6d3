package sim

// standardSchema is what an org has before anyone adds to it. An object is a line
//
//	object NAME PREFIX [nocreate] [noupdate] [nodelete] [tooling] [derived] [label=Some_Label]
//	event NAME PREFIX        a platform event: published, never stored
//	extend NAME              further fields for an object that is there already
//
// followed by its fields, indented:
//
//	NAME TYPE [LENGTH] [required] [name] [auto] [readonly] [createonly] [ext] [unique]
//	     [to=Object,Object] [rel=Relationship] [children=Relationship] [default=Value]
//	     [values=Value,Value]
//
// where values makes a picklist take these and no others, ext makes an external id, auto an autonumber, and to=* a reference to anything.
// Id, IsDeleted, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById and
// SystemModstamp come by themselves.
const standardSchema = `
object Organization 00D nocreate noupdate nodelete
  Name string 80 readonly name
  InstanceName string 5 readonly
  IsSandbox boolean readonly
  OrganizationType picklist readonly
  NamespacePrefix string 15 readonly
  TrialExpirationDate datetime readonly
  LanguageLocaleKey picklist readonly
  TimeZoneSidKey picklist readonly

object Profile 00e nocreate noupdate nodelete
  Name string 255 readonly name
  PermissionsApiUserOnly boolean readonly default=false

object User 005 nocreate noupdate nodelete
  Username string 80 readonly
  Name string 121 readonly name
  FirstName string 40 readonly
  LastName string 80 readonly
  Email email 128 readonly
  Alias string 8 readonly
  IsActive boolean readonly
  UserType picklist readonly
  ProfileId reference readonly to=Profile rel=Profile

object PermissionSet 0PS nodelete
  Name string 80 required name
  Label string 80 required
  HasActivationRequired boolean default=false
  PermissionsApiUserOnly boolean default=false

object PermissionSetAssignment 0Pa
  AssigneeId reference required createonly to=User rel=Assignee
  PermissionSetId reference required createonly to=PermissionSet rel=PermissionSet children=Assignments
  ExpirationDate datetime
  IsActive boolean readonly default=true

object Account 001
  Name string 255 required name
  Type picklist 255
  ParentId reference to=Account rel=Parent children=ChildAccounts
  AccountNumber string 40
  Industry picklist 255
  Phone phone 40
  Fax phone 40
  Website url 255
  Rating picklist 255
  Ownership picklist 255
  AnnualRevenue currency
  NumberOfEmployees int
  Description textarea 32000
  BillingStreet textarea 255
  BillingCity string 40
  BillingState string 80
  BillingPostalCode string 20
  BillingCountry string 80
  BillingLatitude double
  BillingLongitude double
  BillingAddress address
  ShippingStreet textarea 255
  ShippingCity string 40
  ShippingState string 80
  ShippingPostalCode string 20
  ShippingCountry string 80
  ShippingAddress address
  Sic string 20
  SicDesc string 80
  TickerSymbol string 20
  Site string 80
  AccountSource picklist 255
  Jigsaw string 20
  JigsawCompanyId string 20 readonly
  OwnerId reference to=User rel=Owner
  External_Id__c string 64 ext unique
  Legacy_Id__c string 64 ext

object Contact 003
  Name string 121 readonly name
  FirstName string 40
  LastName string 80 required
  Salutation picklist 40
  Email email 80
  Phone phone 40
  MobilePhone phone 40
  Title string 128
  Birthdate date
  Description textarea 32000
  MailingStreet textarea 255
  MailingCity string 40
  MailingPostalCode string 20
  MailingCountry string 80
  MailingAddress address
  AccountId reference to=Account rel=Account children=Contacts
  OwnerId reference to=User rel=Owner
  External_Id__c string 64 ext unique

object Case 500
  CaseNumber string 30 auto name
  Subject string 255
  Description textarea 32000
  Status picklist 255 default=New
  Origin picklist 255
  Priority picklist 255 default=Medium
  Type picklist 255
  Reason picklist 255
  SuppliedName string 80
  SuppliedEmail email 80
  SuppliedPhone string 40
  Comments textarea 4000
  IsClosed boolean readonly default=false
  ClosedDate datetime readonly
  ContactId reference to=Contact rel=Contact children=Cases
  AccountId reference to=Account rel=Account children=Cases
  ParentId reference to=Case rel=Parent children=Cases
  OwnerId reference to=User rel=Owner
  External_Id__c string 64 ext unique
  Notes__c html 32768

object ServiceAppointment 08p
  AppointmentNumber string 255 auto name
  ParentRecordId reference required to=Account,Case rel=ParentRecord children=ServiceAppointments
  Subject string 255
  Description textarea 32000
  Status picklist 255 default=None
  EarliestStartTime datetime required
  DueDate datetime required
  SchedStartTime datetime
  SchedEndTime datetime
  Duration double
  DurationType picklist 40 default=Hours
  ContactId reference to=Contact rel=Contact children=ServiceAppointments
  AccountId reference to=Account rel=Account
  OwnerId reference to=User rel=Owner

object EmailMessage 02s
  ParentId reference to=Case rel=Parent children=EmailMessages
  Subject string 3000
  TextBody textarea 32000
  HtmlBody html 131072
  FromAddress email 320
  ToAddress string 4000
  Incoming boolean default=false
  Status picklist 40 default=0 values=0,1,2,3,4,5
  MessageDate datetime

object ContentVersion 068 nodelete
  ContentDocumentId reference createonly to=ContentDocument rel=ContentDocument children=ContentVersions
  IsLatest boolean readonly
  ContentUrl url 1300
  ContentBodyId reference readonly to=ContentBody rel=ContentBody
  VersionNumber string 20 readonly
  Title string 255 name
  Description textarea 1000
  ReasonForChange textarea 1000
  SharingOption picklist 40 default=A values=A,R
  SharingPrivacy picklist 40 default=N values=N,P
  PathOnClient string 500 createonly
  ContentModifiedDate datetime readonly
  ContentModifiedById reference readonly to=User rel=ContentModifiedBy
  PositiveRatingCount int readonly
  NegativeRatingCount int readonly
  FeaturedContentBoost int readonly
  TagCsv textarea 2000
  FileType string 20 readonly
  PublishStatus picklist 40 readonly
  VersionData base64 createonly
  ContentSize int readonly
  FileExtension string 40 readonly
  FirstPublishLocationId reference createonly to=* rel=FirstPublishLocation
  Origin picklist 40 createonly default=C values=C,H
  ContentLocation picklist 40 createonly default=S values=S,E,L
  ExternalDocumentInfo1 string 1000
  Checksum string 50 readonly
  IsMajorVersion boolean createonly default=true
  IsAssetEnabled boolean createonly default=false
  VersionDataUrl string 1024 readonly
  NetworkId reference createonly to=* rel=Network
  OwnerId reference to=User rel=Owner

object ContentDocument 069 nocreate
  Title string 255 name
  Description textarea 1000
  PublishStatus picklist 40 readonly
  LatestPublishedVersionId reference readonly to=ContentVersion rel=LatestPublishedVersion
  ParentId reference to=* rel=Parent
  FileType string 20 readonly
  FileExtension string 40 readonly
  ContentSize int readonly
  ContentModifiedDate datetime readonly
  SharingOption picklist 40 default=A values=A,R
  SharingPrivacy picklist 40 default=N values=N,P
  IsArchived boolean default=false
  ContentAssetId reference readonly to=* rel=ContentAsset
  OwnerId reference to=User rel=Owner

object ContentDocumentLink 06A
  LinkedEntityId reference required createonly to=* rel=LinkedEntity children=ContentDocumentLinks
  ContentDocumentId reference required createonly to=ContentDocument rel=ContentDocument children=ContentDocumentLinks
  ShareType picklist 40 default=V values=V,C,I
  Visibility picklist 40 values=AllUsers,InternalUsers,SharedUsers

object ContentDistribution 05D
  Name string 100 required name
  ContentVersionId reference required createonly to=ContentVersion rel=ContentVersion
  ContentDocumentId reference readonly to=ContentDocument rel=ContentDocument children=ContentDistributions
  RelatedRecordId reference to=* rel=RelatedRecord
  PreferencesAllowViewInBrowser boolean default=true
  PreferencesAllowOriginalDownload boolean default=true
  PreferencesExpires boolean default=false
  PreferencesPasswordRequired boolean default=false
  ExpiryDate datetime
  DistributionPublicUrl string 1024 readonly
  ContentDownloadUrl string 1024 readonly
  OwnerId reference to=User rel=Owner

object Attachment 00P
  ParentId reference required createonly to=* rel=Parent children=Attachments
  Name string 255 required name
  ContentType string 120
  Description textarea 500
  IsPrivate boolean default=false
  Body base64 required
  BodyLength int readonly
  OwnerId reference to=User rel=Owner

object Folder 00l
  Name string 80 name
  DeveloperName string 80
  Type picklist 40 required
  AccessType picklist 40 required
  IsReadonly boolean readonly default=false

object Document 015
  FolderId reference required to=Folder,User rel=Folder
  Name string 255 required name
  DeveloperName string 80
  ContentType string 120
  Type string 40
  IsPublic boolean default=false
  IsInternalUseOnly boolean default=false
  Url string 1024
  Body base64
  BodyLength int readonly
  Keywords string 255
  Description textarea 255
  AuthorId reference to=User rel=Author
`

// cordonSchema is what installing Cordon's package adds.
const cordonSchema = `
extend ContentVersion
  Cordon_Key__c string 64 ext unique
extend Attachment
  Cordon_Key__c string 64 ext unique
extend Document
  Cordon_Key__c string 64 ext unique
`

// systemFields are those that every object carries after its Id.
const systemFields = `
  IsDeleted boolean readonly default=false
  CreatedDate datetime readonly
  CreatedById reference readonly to=User rel=CreatedBy
  LastModifiedDate datetime readonly
  LastModifiedById reference readonly to=User rel=LastModifiedBy
  SystemModstamp datetime readonly
`
