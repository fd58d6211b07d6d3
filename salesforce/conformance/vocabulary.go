package conformance

import "strings"

// What may be told of an org: the platform's own words, which say nothing of whose org it is.
// Everything else in an answer becomes its class and length.
// The names are those of the REST API Developer Guide and the Object Reference.

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// codes of errors.
var codes = set(`
	ALL_OR_NONE_OPERATION_ROLLED_BACK API_CURRENTLY_DISABLED API_DISABLED_FOR_ORG BAD_REQUEST BATCH_PROCESSING_HALTED
	BIND_NOT_FOUND_FOR_QUERY CANNOT_DELETE_LAST_DATED_CONVERSION_RATE CANNOT_EXECUTE_FLOW_TRIGGER
	CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY CANNOT_DISABLE_LAST_ADMIN CIRCULAR_DEPENDENCY CLIENT_NOT_ACCESSIBLE_FOR_USER
	CONTENT_CUSTOMIZED_DOWNLOAD_EXCEPTION CONTENT_TYPE_NOT_ALLOWED DELETE_FAILED DELETE_OPERATION_TOO_LARGE
	DEPENDENCY_EXISTS DUPLICATE_COMM_NICKNAME DUPLICATE_EXTERNAL_ID DUPLICATE_REFERENCE_IDS DUPLICATE_VALUE
	DUPLICATES_DETECTED ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE ENTITY_IS_DELETED ENTITY_IS_LOCKED
	EXCEEDED_ID_LIMIT EXCEEDED_MAX_SIZE_REQUEST EXTERNAL_OBJECT_EXCEPTION FEATURENOTENABLED
	FIELD_CUSTOM_VALIDATION_EXCEPTION FIELD_FILTER_VALIDATION_EXCEPTION FIELD_INTEGRITY_EXCEPTION FILE_EXTENSION_NOT_ALLOWED
	FILE_SIZE_LIMIT_EXCEEDED FUNCTIONALITY_NOT_ENABLED FUNCTIONALITY_TEMPORARILY_UNAVAILABLE ILLEGAL_QUERY_PARAMETER_VALUE
	IMPLEMENTATION_RESTRICTION INACTIVE_OWNER_OR_USER INSUFFICIENT_ACCESS INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY
	INSUFFICIENT_ACCESS_OR_READONLY INVALIDENTITY INVALIDJOB INVALIDJOBSTATE INVALIDOPERATION INVALIDREADOPERATION
	INVALID_ACCESS_TOKEN INVALID_API_INPUT INVALID_ARGUMENT INVALID_ARGUMENT_TYPE INVALID_AUTH_HEADER INVALID_BASE64
	INVALID_BATCH_REQUEST INVALID_BATCH_SIZE INVALID_CONTENT_TYPE INVALID_CROSS_REFERENCE_ID INVALID_CROSS_REFERENCE_KEY
	INVALID_EMAIL_ADDRESS INVALID_FIELD INVALID_FIELD_FOR_INSERT_UPDATE INVALID_HTTP_METHOD INVALID_ID_FIELD
	INVALID_INPUT INVALID_JOB INVALID_LOGIN INVALID_MULTIPART_REQUEST INVALID_OPERATION INVALID_OPERATION_WITH_EXPIRED_PASSWORD
	INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST INVALID_QUERY_FILTER_OPERATOR INVALID_QUERY_LOCATOR INVALID_QUERY_SCOPE
	INVALID_REPLICATION_DATE INVALID_REQUEST INVALID_SEARCH INVALID_SESSION_ID INVALID_STATUS INVALID_TYPE
	INVALID_TYPE_FOR_OPERATION INVALID_TYPE_ON_FIELD_IN_RECORD INVALID_UPDATE INVALID_VERSION JSON_PARSER_ERROR
	LIMIT_EXCEEDED LOGIN_MUST_USE_SECURITY_TOKEN MALFORMED_ID MALFORMED_QUERY MALFORMED_REQUEST METHOD_NOT_ALLOWED
	MISSING_ARGUMENT MISSING_RECORD MXPARSER_ERROR NOT_ACCEPTABLE NOT_FOUND NO_SUCH_COLUMN NO_RECIPIENTS NUMBER_OUTSIDE_VALID_RANGE
	OPERATION_ENQUEUED OPERATION_TOO_LARGE PARSE_ERROR PROCESSING_HALTED QUERY_TIMEOUT QUERY_TOO_COMPLICATED
	REQUEST_ENTITY_TOO_LARGE REQUEST_HEADER_FIELDS_TOO_LARGE REQUEST_LIMIT_EXCEEDED REQUEST_RUNNING_TOO_LONG REQUIRED_FIELD_MISSING
	SERVER_UNAVAILABLE STORAGE_LIMIT_EXCEEDED STRING_TOO_LONG TOO_MANY_OPEN_FILES TRANSFER_REQUIRES_READ TXN_SECURITY_NO_ACCESS
	TOO_MANY_ENUM_VALUE UNABLE_TO_LOCK_ROW UNDELETE_FAILED UNKNOWN_EXCEPTION UNSUPPORTED_API_VERSION UNSUPPORTED_CONTENT_TYPE
	UNSUPPORTED_MEDIA_TYPE UNVERIFIED_RECORD URI_TOO_LONG XML_PARSER_ERROR
	access_denied inactive_org inactive_user invalid_app_access invalid_client invalid_client_credentials invalid_client_id
	invalid_grant invalid_request invalid_scope rate_limit_exceeded unsupported_grant_type
	UnexpectedErrorFault LoginFault ApiQueryFault`)

// words are values that the platform defines.
var words = set(`
	Bearer Bad_OAuth_Token STANDARD Standard UTF-8 GMT ISO-8859-1
	ContentVersion ContentDocument ContentDocumentLink Attachment Document Account Contact Case EmailMessage User Organization
	AggregateResult Name Title Id VersionData Body ParentId PathOnClient FolderId OwnerId ContentDocumentId LinkedEntityId External_Id__c
	Cordon_Key__c LastName CreatedDate CreatedById LastModifiedById Owner Parent Folder FirstPublishLocation FirstPublishLocationId
	LatestPublishedVersion LatestPublishedVersionId LinkedEntity CreatedBy LastModifiedBy ContentBody ContentModifiedBy Network Author
	AuthorId Nope NoSuchField__c IsDeleted SystemModstamp ContentSize Checksum BodyLength FileType FileExtension Username IsActive Origin
	Incoming MessageDate
	id string textarea boolean int integer long double currency percent date datetime time reference picklist multipicklist combobox
	base64 email phone url encryptedstring address location anyType complexvalue json
	tns:ID xsd:string xsd:boolean xsd:int xsd:long xsd:double xsd:date xsd:dateTime xsd:time xsd:base64Binary xsd:anyType urn:address
	UNKNOWN TEXT JPG JPEG PNG GIF BMP TIF TIFF SVG HEIC HEIF WEBP PDF WORD WORD_X WORD_T EXCEL EXCEL_X POWER_POINT POWER_POINT_X CSV HTML
	JAVASCRIPT EXE ZIP RAR MP3 MP4 MOV AVI WAV WMA WMV WEBM M4A M4V MPEG MPG OGG AAC FLV SNOTE LINK XML JSON TXT RTF EML DCM
	txt png PNG jpg jpeg pdf bin gz tar.gz tar dcm docx
	A B C E F H I L N P R S V D AllUsers InternalUsers SharedUsers
	Open UploadComplete InProgress JobComplete Failed Aborted Parallel Serial CSV V2Ingest BigObjectIngest Classic
	insert update upsert delete hardDelete query queryAll COMMA TAB SEMICOLON PIPE CARET BACKQUOTE LF CRLF
	sf__Id sf__Created sf__Error true false`)

// pathWords are parts of addresses.
var pathWords = set(`
	services data sobjects query queryAll composite batch tree graph jobs ingest batches limits describe id oauth2 token userinfo Soap u c m s
	connect chatter rest analytics tooling metadata parameterizedSearch recent search sfc servlet.shepherd version download profilephoto
	apexrest async {ID} F T users feeds groups feed-items custom_domain`)

// headerValues of the headers that answers are compared by, in lower case.
var headerValues = set(`
	application/json;charset=utf-8 application/json application/xml;charset=utf-8 application/xml text/xml;charset=utf-8 text/xml
	text/csv text/csv;charset=utf-8 text/html;charset=utf-8 text/html text/plain text/plain;charset=utf-8 text/plain;charset=iso-8859-1
	application/octet-stream application/octetstream image/png image/jpeg image/gif application/pdf
	token bearer oauth api-usage=n/n get get,head get,post get,head,post post head,get delete,get,head,patch`)

// prefixes of ids that are the same in every org.
var prefixes = set(`001 003 005 006 00D 00P 00e 00l 015 02s 058 05D 05T 068 069 06A 07M 08p 0PS 0Pa 500 701 750 751 01g 00G 01Q`)

// keys of answers. Names of custom fields are not among them, but for Cordon's own.
var keys = set(`
	id Id success errors created message errorCode statusCode fields extendedErrorDetails error error_description
	records totalSize done nextRecordsUrl attributes type url referenceId hasErrors results result hasError
	compositeResponse body httpHeaders httpStatusCode graphs graphId graphResponse isSuccessful Location ETag
	sub user_id organization_id preferred_username nickname name email email_verified given_name family_name zoneinfo photos profile picture
	urls active user_type language locale utcOffset updated_at is_app_installed address phone_number phone_number_verified
	is_salesforce_integration_user is_lightning_login_user street_address region postal_code country locality thumbnail
	asserted_user username nick_name display_name timezone addr_street addr_city addr_state addr_country addr_zip mobile_phone
	mobile_phone_verified status body first_name last_name last_modified_date created_date
	enterprise partner rest metadata sobjects search query recent tooling_soap tooling_rest feeds groups users feed_items feed_elements
	custom_domain content_domain content_sites files
	label version identity
	actionOverrides activateable associateEntityType associateParentEntity childRelationships compactLayoutable createable custom customSetting
	deepCloneable defaultImplementation deletable deprecatedAndHidden extendedBy extendsInterfaces feedEnabled hasSubtypes
	implementedBy implementsInterfaces isInterface isSubtype keyPrefix labelPlural layoutable listviewable lookupLayoutable mergeable mruEnabled
	namedLayoutInfos networkScopeFieldName queryable recordTypeInfos replicateable retrieveable searchLayoutable searchable
	sobjectDescribeOption supportedScopes triggerable undeletable updateable
	aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete caseSensitive compoundFieldName
	controllerName dataType defaultValue defaultValueFormula defaultedOnCreate dependentPicklist digits displayLocationInDecimal encrypted
	externalId extraTypeInfo filterable filteredLookupInfo formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted idLookup
	inlineHelpText length mask maskType nameField namePointing nillable permissionable picklistValues polymorphicForeignKey precision
	queryByDistance referenceTargetField referenceTo relationshipName relationshipOrder restrictedDelete restrictedPicklist scale
	searchPrefilterable soapType sortable unique writeRequiresMasterRead
	encoding maxBatchSize objectDescribe recentItems
	Max Remaining DailyApiRequests DailyBulkApiBatches DailyBulkV2QueryJobs DataStorageMB FileStorageMB
	operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion contentUrl lineEnding columnDelimiter
	externalIdFieldName jobType retries totalProcessingTime apiActiveProcessingTime apexProcessingTime numberRecordsProcessed
	numberRecordsFailed assignmentRuleId isPkChunkingSupported
	Name Title CreatedDate CreatedById LastModifiedDate LastModifiedById SystemModstamp IsDeleted OwnerId ContentDocumentId IsLatest VersionNumber
	PathOnClient FileType FileExtension ContentSize Checksum VersionData PublishStatus Origin ContentLocation FirstPublishLocationId
	LatestPublishedVersionId LinkedEntityId ShareType Visibility ParentId BodyLength Body ContentType FolderId IsSandbox TrialExpirationDate
	OrganizationType Cordon_Key__c n first last size
	Envelope Fault faultcode faultstring detail exceptionCode exceptionMessage loginResponse undeleteResponse emptyRecycleBinResponse`)
