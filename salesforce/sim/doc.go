// Package sim is a Salesforce organisation in memory, good enough that clients of a
// real one cannot tell: records with permissions, files with their versions, errors in
// the platform's own words, limits that are counted, and accidents on demand.
//
//	org := sim.NewOrg(sim.Demo())
//	defer org.Close()
//	server := httptest.NewServer(org.Handler())
//	org.Fail(sim.After(3, http.StatusServiceUnavailable))
//	version, document, err := org.Upload("claim.jpg", photo)
//
// An Org answers under whatever host it is called, and addresses in its answers follow
// that host unless Config.BaseURL says otherwise. Each request is one transaction. Ids
// are deterministic: the same calls give the same ids. Files beyond 1 MB go to disk, so
// that a 2 GB upload costs no memory; Close removes them. Files, Log and Events tell a
// test what really happened, whatever the client was told.
//
// Generate fills an org with up to a hundred thousand files, as years of use would, and
// returns the exact truth about them.
//
// # What it answers
//
//   - OAuth: /services/oauth2/token (client credentials, JWT bearer with the signature
//     checked, username and password, refresh token, authorization code with PKCE),
//     authorize, userinfo, introspect, revoke; the identity URL.
//   - SOAP, partner: login (refused from version 65 on, as on the platform), logout,
//     create, delete, undelete, emptyRecycleBin, getServerTimestamp.
//   - REST, versions 31 to 68 (older ones are gone): the lists of versions and resources,
//     limits, describe, rows of every object in standard.go and derived.go, upsert by external
//     id, bytes of files, parents and children by path, getUpdated and getDeleted; bodies as
//     JSON, XML or multipart with its parts in any order, plain, gzip or deflate; answers as
//     JSON or XML; _HttpMethod; conditional requests; 414 and 431 for long addresses and headers.
//   - CORS for the origins of Config.CORS, with preflights.
//   - SOQL: fields over relationships, child subqueries, TYPEOF, aggregates, GROUP BY with
//     ROLLUP and CUBE, HAVING, WHERE with every comparison, IN with a subquery, date literals,
//     ORDER BY, LIMIT, OFFSET, FIELDS(), USING SCOPE, DISTANCE as a column; queryAll; pages;
//     columns=true; EntityDefinition, FieldDefinition, AttachedContentDocuments and
//     CombinedAttachments; UserRecordAccess; UserPermissionAccess.
//   - SOSL and parameterized searches: words with wildcards, OR, groups of fields, RETURNING
//     with conditions and limits.
//   - What must be bought, where Config says so: change events, EventLogFile.
//   - Pub/Sub API over gRPC (PubSub): GetTopic, GetSchema and Subscribe with replay ids,
//     retention, flow control and signs of life; change events of each transaction and
//     platform events, in Avro. Published tells what was really published.
//   - composite, its batch, graph, tree and sobjects, with references and allOrNone.
//   - Bulk API 2.0, ingest and query jobs. The first Bulk API with CSV, JSON, XML and each of
//     them in a zip with files; queries.
//   - Connect: uploading a file, reading it, users/me. Apex REST through Config.ApexREST.
//   - Platform events declared in Config.Schema: published by a create, kept for Events.
//
// Custom objects and fields are added by Config.Schema. Account, Contact and Case come
// with External_Id__c, Account with Legacy_Id__c, an external id that need not be
// unique, and Case with the rich-text field Notes__c.
//
// # Where a real org differs
//
// Known differences, so that nobody mistakes a green test for more than it is:
//
//   - It has not been compared with a real org yet; salesforce/conformance holds the scripts
//     that would, and the tests here run them. Words and codes of errors come from
//     the documentation and from answers that others published; the code for files that
//     are too large (FILE_SIZE_LIMIT_EXCEEDED), the status 400 of
//     INSUFFICIENT_ACCESS_OR_READONLY and the code for deleting a ContentVersion
//     (INVALID_TYPE_FOR_OPERATION) are believed, not seen.
//   - There is no Apex, no flow, no validation rule, no duplicate rule, no record type, no
//     field-level security and no sharing rule: an object is open to all whose profile
//     may touch it, or, by Config.Private, only to owners. Files are private as they are
//     there: reached through their owner, their links, or Query All Files.
//   - Picklists take any value but for the restricted ones of files and links, and state and
//     country are free text. SharedUsers is taken as the Visibility of any link, and any link's
//     Visibility can be changed; there it is for links to people only.
//   - The codes of a retired version (UNSUPPORTED_API_VERSION with 410), of a condition not met
//     (PRECONDITION_FAILED, INVALID_HTTP_HEADER) and of what a bulk query cannot do are believed,
//     not seen; so is that a cross-origin request of an unlisted origin is answered, without the
//     headers that would let a script read it.
//   - A refused create is CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, as seen on an org; a
//     record that may be seen but not changed is INSUFFICIENT_ACCESS_OR_READONLY.
//   - Whether ContentDocumentLinks return with an undeleted document is not settled:
//     Config.LinksStayDeleted has both. The owner's own link can be deleted here.
//   - In SOQL, AND and OR mix without parentheses, which the platform refuses; ALL ROWS is
//     refused, as outside Apex; toLabel, FORMAT and convertCurrency change nothing; DISTANCE
//     neither filters nor sorts. Searches find whole words without stemming, at once, in the
//     order of creation, and accept a single character.
//   - ContentNote, ContentAsset, ContentWorkspace and RecordType can be asked for and are empty.
//   - EventLogFile says that there are logs, and has no bytes behind them. Change events
//     are described with ReplayId as their one field.
//   - The schemas of change events are as the documentation describes them: types of fields
//     and their order are believed, not seen. Address fields are not compounds, diffFields
//     stays empty, and replay ids have no holes but those of other topics.
//   - Publishing over Pub/Sub and managed subscriptions are not there, nor is the daily
//     allowance of delivered events.
//   - Of what users may do, Profile and PermissionSet show PermissionsApiUserOnly alone, and it
//     restricts nothing. Records cannot be merged.
//   - Bulk jobs are done at once; bulk queries have no PK chunking and no resultPages.
//   - CSV results of ingest jobs are quoted only where needed; pretty-printed JSON has no space
//     before its colons. Entity tags change with the record and not with its encoding.
//   - The authorize endpoint has no page: it signs in who login_hint names, at once.
//   - There is no Tooling or Metadata API, no CometD, no SCIM.
//   - SystemModstamp moves when a record enters or leaves the recycle bin, and that of an
//     older version stays when a newer one comes: believed, not seen.
//   - A generated file beyond 8 MB has no Checksum, and Files has no digest of it.
//   - A password is accepted without a security token behind it.
package sim
