package conformance

// ownScripts ask what Cordon itself asks of an org: if one of these is answered otherwise, a lane
// does not work there.
func ownScripts() []Script {
	const mine = " WHERE Title = '{marker} own'"
	create := madeVersion(Step{Name: "create", Body: `{"Title":"{marker} own","PathOnClient":"{marker}.txt","VersionData":"` + b64("1234") + `"}`})
	stamp := withKeep(withKeep(read("its stamp", "SystemModstamp, ContentDocumentId", nil), "stamp", ".records[0].SystemModstamp"), "document", ".records[0].ContentDocumentId")
	groups := func(name, by, as string, want map[string]string) Step {
		s := Step{Name: name, SOQL: "SELECT " + as + ", COUNT(Id) n, SUM(ContentSize) size, MAX(CreatedDate) last FROM ContentVersion" + mine + " GROUP BY " + by,
			Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].n": "1", ".records[0].size": "4 | 4.0", ".records[0].last": modstamp}}
		for path, form := range want {
			s.Want[".records[0]."+path] = form
		}
		return s
	}
	return []Script{
		{Name: "poll", Covers: "the query by which Cordon follows an org: by stamp and id, the recycle bin included", Steps: []Step{
			create, stamp,
			{Name: "from its stamp on", Path: "queryAll", SOQL: "SELECT Id, ContentDocumentId, Title, PathOnClient, ContentSize, Checksum, IsLatest, CreatedById, CreatedBy.UserType, CreatedDate, SystemModstamp, IsDeleted FROM ContentVersion " +
				"WHERE Title = '{marker} own' AND (SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '068000000000000AAA')) ORDER BY SystemModstamp, Id LIMIT 200",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].Id": "{version}", ".records[0].Checksum": `"` + sum("1234") + `"`, ".records[0].IsDeleted": "false",
					".records[0].CreatedBy.UserType": `"Standard"`, ".records[0].SystemModstamp": "{stamp}"}},
			{Name: "behind it", Path: "queryAll", SOQL: "SELECT Id FROM ContentVersion WHERE Title = '{marker} own' AND (SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{version}')) ORDER BY SystemModstamp, Id LIMIT 200",
				Want: map[string]string{"status": "200", ".totalSize": "0"}},
			{Name: "the newest", SOQL: "SELECT MAX(SystemModstamp) last FROM ContentVersion", Want: map[string]string{"status": "200", ".records[0].last": "{stamp} | " + modstamp}},
			{Name: "links of documents", Path: "queryAll", SOQL: "SELECT Id, ContentDocumentId, LinkedEntityId, ShareType, Visibility, SystemModstamp, IsDeleted FROM ContentDocumentLink WHERE ContentDocumentId IN ('{document}')",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].LinkedEntityId": "{me}", ".records[0].ShareType": `"I"`, ".records[0].SystemModstamp": "{stamp} | " + modstamp}},
		}},
		{Name: "may-edit", Covers: "how Cordon asks whether a user may change a record, and what its own user may", Steps: []Step{
			account("access"),
			{Name: "record access", SOQL: "SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = '{me}' AND RecordId = '{account}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].RecordId": "{account}", ".records[0].HasReadAccess": "true", ".records[0].HasEditAccess": "true"}},
			// What the user may is the org's affair: only the shape is compared.
			{Name: "permissions", SOQL: "SELECT PermissionsQueryAllFiles, PermissionsViewAllData, PermissionsModifyAllData FROM UserPermissionAccess",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].PermissionsQueryAllFiles": "true | false", ".records[0].PermissionsViewAllData": "true | false",
					".records[0].PermissionsModifyAllData": "true | false"}},
		}},
		{Name: "groups", Covers: "files counted by month, creator, kind of creator, extension and where they hang", Steps: []Step{
			create,
			groups("month and creator", "CALENDAR_YEAR(CreatedDate), CALENDAR_MONTH(CreatedDate), CreatedById, CreatedBy.UserType",
				"CALENDAR_YEAR(CreatedDate) year, CALENDAR_MONTH(CreatedDate) month, CreatedById creator, CreatedBy.UserType kind",
				map[string]string{"year": "integer", "creator": "{me}", "kind": `"Standard"`}),
			groups("extension", "FileExtension", "FileExtension kind", map[string]string{"kind": `"txt"`}),
			groups("where it hangs", "FirstPublishLocation.Type", "FirstPublishLocation.Type parent", map[string]string{"parent": `"User"`}),
			groups("version", "VersionNumber", "VersionNumber version", map[string]string{"version": `"1"`}),
			{Name: "by a field that does not group", SOQL: "SELECT ContentSize, COUNT(Id) n FROM ContentVersion" + mine + " GROUP BY ContentSize", Only: []string{"[0].errorCode"}},
		}},
	}
}
