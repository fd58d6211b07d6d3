package conformance

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// sum is the checksum that the platform keeps of a file: MD5, in hex.
func sum(s string) string {
	digest := md5.Sum([]byte(s))
	return hex.EncodeToString(digest[:])
}

// png begins as a PNG does, so that what goes by content and what goes by name agree.
const png = "\x89PNG\r\n\x1a\n one"

// madeVersion is a step that creates a ContentVersion.
func madeVersion(s Step) Step {
	s.Path = "sobjects/ContentVersion"
	s.Makes = []Made{{Object: "ContentVersion", At: ".id"}}
	s.Keep = map[string]string{"version": ".id"}
	s.Want = map[string]string{"status": "201", ".id": "id 068", ".success": "true", ".errors": "empty list",
		"header.Location": "address /services/data/vN/sobjects/ContentVersion/*"}
	return s
}

// read asks for the fields of a version. Want is of the one record.
func read(name string, fields string, want map[string]string) Step {
	s := Step{Name: name, SOQL: "SELECT " + fields + " FROM ContentVersion WHERE Id = '{version}'",
		Want: map[string]string{"status": "200", ".totalSize": "1", ".done": "true", ".records[0].attributes.type": `"ContentVersion"`}}
	for path, form := range want {
		s.Want[".records[0]."+path] = form
	}
	return s
}

const modstamp = "time 2006-01-02T15:04:05.000-0700"

// multipart is a body with parts of a head and a body each.
func multipart(parts ...[2]string) (body, mediaType string) {
	const boundary = "cordon-conformance-boundary"
	for _, p := range parts {
		body += "--" + boundary + "\r\n" + strings.ReplaceAll(p[0], "\n", "\r\n") + "\r\n\r\n" + p[1] + "\r\n"
	}
	return body + "--" + boundary + "--\r\n", `multipart/form-data; boundary="` + boundary + `"`
}

// fileScripts write files in every way that Cordon reads or writes them.
func fileScripts() []Script {
	entity := func(title string) [2]string {
		return [2]string{"Content-Disposition: form-data; name=\"entity_content\"\nContent-Type: application/json",
			`{"Title":"{marker} ` + title + `","PathOnClient":"{marker}.png"}`}
	}
	binary := [2]string{"Content-Disposition: form-data; name=\"VersionData\"; filename=\"one.png\"\nContent-Type: image/png", png}
	recordFirst, mediaType := multipart(entity("record first"), binary)
	bytesFirst, _ := multipart(binary, entity("bytes first"))
	twice, _ := multipart(entity("twice"), binary, binary)
	alone, _ := multipart(binary)
	broken := recordFirst[:len(recordFirst)-30]
	refusedBody := func(name, body string) Step {
		return Step{Name: name, Path: "sobjects/ContentVersion", Type: mediaType, Body: body, Makes: []Made{{Object: "ContentVersion", At: ".id"}},
			Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}}
	}
	sameBytes := Step{Name: "the bytes", Path: "sobjects/ContentVersion/{version}/VersionData", Bytes: png,
		Want: map[string]string{"status": "200", "bytes": "the bytes that were sent"}}
	newest := Step{Name: "another version", Path: "sobjects/ContentVersion",
		Body:  `{"Title":"{marker} two","PathOnClient":"{marker}.png","ContentDocumentId":"{document}","VersionData":"` + b64("two") + `"}`,
		Makes: []Made{{Object: "ContentVersion", At: ".id"}}, Keep: map[string]string{"second": ".id"},
		Want: map[string]string{"status": "201", ".id": "id 068", ".success": "true"}}
	link := func(name string, want map[string]string) Step {
		return Step{Name: name, Path: "sobjects/ContentDocumentLink", Body: `{"ContentDocumentId":"{document}","LinkedEntityId":"{account}","ShareType":"V"}`,
			Makes: []Made{{Object: "ContentDocumentLink", At: ".id"}}, Want: want}
	}
	var names []Step
	for _, n := range []struct{ title, path, extension, kind string }{
		{"emoji 🩻 é 漢", "{marker} 🩻.png", `"png"`, `"PNG"`},
		{"capitals", "{marker}.PNG", `"PNG" | "png"`, `"PNG"`},
		{"none", "{marker}", "null", `"UNKNOWN"`},
		{"two", "{marker}.tar.gz", `"gz"`, "text | \"UNKNOWN\""},
		{"jpeg", "{marker}.jpeg", `"jpeg"`, `"JPEG" | "JPG"`},
		{"word", "{marker}.docx", `"docx"`, `"WORD_X"`},
		{"dicom", "{marker}.dcm", `"dcm"`, `"UNKNOWN" | "DCM"`},
	} {
		form := `"` + n.path + `"`
		if n.path == "{marker}" {
			form = n.path
		}
		names = append(names,
			madeVersion(Step{Name: n.title, Body: `{"Title":"{marker} ` + n.title + `","PathOnClient":"` + n.path + `","VersionData":"` + b64("x") + `"}`}),
			read(n.title+", read", "Title, PathOnClient, FileExtension, FileType", map[string]string{"Title": `"{marker} ` + n.title + `"`,
				"PathOnClient": form, "FileExtension": n.extension, "FileType": n.kind}))
	}
	return []Script{
		{Name: "content-version-json", Covers: "a file created as JSON, its digest, size and type, its document, and its bytes", Steps: []Step{
			madeVersion(Step{Name: "create", Body: `{"Title":"{marker} json","PathOnClient":"{marker}.png","VersionData":"` + b64(png) + `"}`}),
			withKeep(read("read", "Id, Title, PathOnClient, ContentDocumentId, ContentSize, Checksum, FileType, FileExtension, IsLatest, VersionNumber, CreatedById, CreatedDate, SystemModstamp, VersionData, ContentLocation, PublishStatus",
				map[string]string{"Id": "{version}", "Title": `"{marker} json"`, "PathOnClient": `"{marker}.png"`, "ContentDocumentId": "id 069", "ContentSize": "12",
					"Checksum": `"` + sum(png) + `"`, "FileType": `"PNG"`, "FileExtension": `"png"`, "IsLatest": "true", "VersionNumber": `"1"`, "CreatedById": "{me}",
					"CreatedDate": modstamp, "SystemModstamp": modstamp,
					"VersionData": "address /services/data/vN/sobjects/ContentVersion/{version}/VersionData"}), "document", ".records[0].ContentDocumentId"),
			sameBytes,
			{Name: "the document", SOQL: "SELECT Id, Title, LatestPublishedVersionId, ContentSize, FileType, OwnerId, SystemModstamp FROM ContentDocument WHERE Id = '{document}'",
				Want: map[string]string{"status": "200", ".records[0].LatestPublishedVersionId": "{version}", ".records[0].Title": `"{marker} json"`,
					".records[0].OwnerId": "{me}", ".records[0].ContentSize": "12"}},
			{Name: "its row, some fields", Path: "sobjects/ContentVersion/{version}?fields=Id,Title,ContentSize,IsDeleted",
				Want: map[string]string{"status": "200", ".Id": "{version}", ".Title": `"{marker} json"`, ".ContentSize": "12", ".IsDeleted": "false"}},
			{Name: "bytes changed in place", Method: "PATCH", Path: "sobjects/ContentVersion/{version}", Body: `{"VersionData":"` + b64("other") + `"}`,
				Want: map[string]string{"status": "400", "[0].errorCode": `"INVALID_FIELD_FOR_INSERT_UPDATE"`}},
		}},
		{Name: "content-version-multipart", Covers: "a file created in a multipart body, with its parts in either order, and bodies that are wrong", Steps: []Step{
			madeVersion(Step{Name: "record first", Type: mediaType, Body: recordFirst}),
			sameBytes,
			madeVersion(Step{Name: "bytes first", Type: mediaType, Body: bytesFirst}),
			read("bytes first, read", "ContentSize, Checksum", map[string]string{"ContentSize": "12", "Checksum": `"` + sum(png) + `"`}),
			refusedBody("the same part twice", twice),
			refusedBody("no record", alone),
			refusedBody("cut off", broken),
		}},
		{Name: "content-names", Covers: "names with emoji, without an extension and with two, and the file types that follow", Steps: names},
		{Name: "content-empty", Covers: "a file of no bytes, as JSON and as multipart", Steps: []Step{
			{Name: "as JSON", Path: "sobjects/ContentVersion", Body: `{"Title":"{marker} empty","PathOnClient":"{marker}.txt","VersionData":""}`,
				Makes: []Made{{Object: "ContentVersion", At: ".id"}}, Only: []string{"[0].errorCode"}},
			{Name: "as multipart", Path: "sobjects/ContentVersion", Type: mediaType, Makes: []Made{{Object: "ContentVersion", At: ".id"}},
				Body: strings.Replace(strings.Replace(recordFirst, png, "", 1), "record first", "empty", 1), Only: []string{"[0].errorCode"}},
			{Name: "what is there", SOQL: "SELECT ContentSize, Checksum FROM ContentVersion WHERE Title = '{marker} empty' ORDER BY CreatedDate, Id", Want: map[string]string{"status": "200"}},
		}},
		{Name: "content-new-version", Covers: "a second version of a document: which is the latest, what readers of the document get, and whether the first one changes", Steps: []Step{
			madeVersion(Step{Name: "create", Body: `{"Title":"{marker} one","PathOnClient":"{marker}.png","VersionData":"` + b64(png) + `"}`}),
			withKeep(withKeep(read("read", "ContentDocumentId, SystemModstamp", nil), "document", ".records[0].ContentDocumentId"), "stamped", ".records[0].SystemModstamp"),
			newest,
			{Name: "both", SOQL: "SELECT Id, IsLatest, VersionNumber, ContentSize FROM ContentVersion WHERE ContentDocumentId = '{document}' ORDER BY VersionNumber",
				Want: map[string]string{"status": "200", ".totalSize": "2", ".records[0].Id": "{version}", ".records[0].IsLatest": "false", ".records[0].VersionNumber": `"1"`,
					".records[1].Id": "{second}", ".records[1].IsLatest": "true", ".records[1].VersionNumber": `"2"`, ".records[1].ContentSize": "3"}},
			{Name: "the document", SOQL: "SELECT Title, LatestPublishedVersionId, ContentSize FROM ContentDocument WHERE Id = '{document}'",
				Want: map[string]string{"status": "200", ".records[0].LatestPublishedVersionId": "{second}", ".records[0].Title": `"{marker} two"`, ".records[0].ContentSize": "3"}},
			sameBytes,
			{Name: "the first one's stamp", SOQL: "SELECT SystemModstamp FROM ContentVersion WHERE Id = '{version}'", Want: map[string]string{"status": "200"},
				Checks: []Check{{Name: "SystemModstamp of the older version", Tell: true, Of: func(a Answer, v Variables) string {
					if got := at(a.Body, ".records[0].SystemModstamp"); len(got) == 1 && got[0] == v["stamped"] {
						return "stays"
					}
					return "moves"
				}}}, Only: []string{".totalSize"}},
		}},
		{Name: "content-link", Covers: "a document linked to a record: the link, a second one, and that links are not listed without a filter", Steps: []Step{
			account("links"),
			madeVersion(Step{Name: "create", Body: `{"Title":"{marker} link","PathOnClient":"{marker}.txt","VersionData":"` + b64("x") + `"}`}),
			withKeep(read("read", "ContentDocumentId", nil), "document", ".records[0].ContentDocumentId"),
			link("link", map[string]string{"status": "201", ".id": "id 06A", ".success": "true"}),
			link("the same again", map[string]string{"status": "400", "[0].errorCode": `"DUPLICATE_VALUE"`}),
			{Name: "the links", SOQL: "SELECT LinkedEntityId, ShareType, Visibility FROM ContentDocumentLink WHERE ContentDocumentId = '{document}' AND LinkedEntityId = '{account}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].LinkedEntityId": "{account}", ".records[0].ShareType": `"V"`, ".records[0].Visibility": `"AllUsers" | "InternalUsers"`}},
			{Name: "all of the document", SOQL: "SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'", Want: map[string]string{"status": "200", ".totalSize": "2"},
				Only: []string{".totalSize"}},
			{Name: "at once with the file", Path: "sobjects/ContentVersion", Body: `{"Title":"{marker} placed","PathOnClient":"{marker}.txt","VersionData":"` + b64("x") + `","FirstPublishLocationId":"{account}"}`,
				Makes: []Made{{Object: "ContentVersion", At: ".id"}}, Keep: map[string]string{"version": ".id"}, Want: map[string]string{"status": "201", ".id": "id 068"}},
			read("placed, read", "FirstPublishLocationId", map[string]string{"FirstPublishLocationId": "{account}"}),
		}},
		{Name: "content-delete", Covers: "that a version cannot be deleted, that its document can, and that the recycle bin has both", Steps: []Step{
			madeVersion(Step{Name: "create", Body: `{"Title":"{marker} delete","PathOnClient":"{marker}.txt","VersionData":"` + b64("x") + `"}`}),
			withKeep(read("read", "ContentDocumentId", nil), "document", ".records[0].ContentDocumentId"),
			{Name: "delete the version", Method: "DELETE", Path: "sobjects/ContentVersion/{version}", Only: []string{"[0].errorCode"}},
			{Name: "delete the document", Method: "DELETE", Path: "sobjects/ContentDocument/{document}", Want: map[string]string{"status": "204"}},
			{Name: "the version", Path: "sobjects/ContentVersion/{version}", Want: map[string]string{"status": "404", "[0].errorCode": `"ENTITY_IS_DELETED" | "NOT_FOUND"`}},
			{Name: "its bytes", Path: "sobjects/ContentVersion/{version}/VersionData", Want: map[string]string{"status": "404"}},
			{Name: "query", SOQL: "SELECT Id FROM ContentVersion WHERE Id = '{version}'", Want: map[string]string{"status": "200", ".totalSize": "0", ".records": "empty list"}},
			{Name: "queryAll", Path: "queryAll", SOQL: "SELECT Id, IsDeleted FROM ContentVersion WHERE Id = '{version}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].IsDeleted": "true"}},
			{Name: "the document in the bin", Path: "queryAll", SOQL: "SELECT Id, IsDeleted FROM ContentDocument WHERE Id = '{document}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].IsDeleted": "true"}},
		}},
		{Name: "attachment", Covers: "an attachment created, read, and its body replaced in place", Steps: []Step{
			account("attachment"),
			{Name: "create", Path: "sobjects/Attachment", Body: `{"ParentId":"{account}","Name":"{marker}.png","ContentType":"image/png","Body":"` + b64(png) + `"}`,
				Makes: []Made{{Object: "Attachment", At: ".id"}}, Keep: map[string]string{"file": ".id"}, Want: map[string]string{"status": "201", ".id": "id 00P"}},
			{Name: "bytes", Path: "sobjects/Attachment/{file}/Body", Bytes: png, Want: map[string]string{"status": "200", "bytes": "the bytes that were sent"}},
			{Name: "replace", Method: "PATCH", Path: "sobjects/Attachment/{file}", Body: `{"Body":"` + b64("other") + `"}`, Want: map[string]string{"status": "204"}},
			{Name: "bytes again", Path: "sobjects/Attachment/{file}/Body", Bytes: "other", Want: map[string]string{"status": "200", "bytes": "the bytes that were sent"}},
			{Name: "read", SOQL: "SELECT Name, BodyLength, ParentId, ContentType, Body, CreatedById, SystemModstamp FROM Attachment WHERE Id = '{file}'",
				Want: map[string]string{"status": "200", ".records[0].BodyLength": "5", ".records[0].ParentId": "{account}", ".records[0].Name": `"{marker}.png"`,
					".records[0].Body": "address /services/data/vN/sobjects/Attachment/{file}/Body"}},
			{Name: "without a body", Path: "sobjects/Attachment", Body: `{"ParentId":"{account}","Name":"{marker}"}`, Makes: []Made{{Object: "Attachment", At: ".id"}},
				Want: map[string]string{"status": "400", "[0].errorCode": `"REQUIRED_FIELD_MISSING"`}},
			{Name: "no base64", Path: "sobjects/Attachment", Body: `{"ParentId":"{account}","Name":"{marker}","Body":"***"}`, Makes: []Made{{Object: "Attachment", At: ".id"}},
				Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}},
		}},
		{Name: "document", Covers: "a document in the caller's own folder, and its body replaced in place", Steps: []Step{
			{Name: "create", Path: "sobjects/Document", Body: `{"Name":"{marker}","FolderId":"{me}","Type":"txt","Body":"` + b64("one") + `"}`,
				Makes: []Made{{Object: "Document", At: ".id"}}, Keep: map[string]string{"file": ".id"}, Want: map[string]string{"status": "201", ".id": "id 015"}},
			{Name: "bytes", Path: "sobjects/Document/{file}/Body", Bytes: "one", Want: map[string]string{"status": "200", "bytes": "the bytes that were sent"}},
			{Name: "replace", Method: "PATCH", Path: "sobjects/Document/{file}", Body: `{"Body":"` + b64("second") + `"}`, Want: map[string]string{"status": "204"}},
			{Name: "read", SOQL: "SELECT Name, BodyLength, FolderId FROM Document WHERE Id = '{file}'",
				Want: map[string]string{"status": "200", ".records[0].BodyLength": "6", ".records[0].FolderId": "{me}"}},
		}},
		{Name: "cordon-key", Covers: "a file upserted by Cordon's key, where its package is installed", Steps: []Step{
			{Name: "describe", Path: "sobjects/ContentVersion/describe", Named: map[string]string{".fields": "name"}, Require: ".fields[Cordon_Key__c].name",
				Only: []string{".fields[Cordon_Key__c].externalId", ".fields[Cordon_Key__c].unique", ".fields[Cordon_Key__c].idLookup", ".fields[Cordon_Key__c].type"},
				Want: map[string]string{"status": "200"}},
			{Name: "create", Method: "PATCH", Path: "sobjects/ContentVersion/Cordon_Key__c/{marker}", Body: `{"Title":"{marker} key","PathOnClient":"{marker}.txt","VersionData":"` + b64("x") + `"}`,
				Makes: []Made{{Object: "ContentVersion", At: ".id"}}, Keep: map[string]string{"version": ".id"},
				Want: map[string]string{"status": "201", ".id": "id 068", ".success": "true", ".created": "true"}},
			{Name: "again", Method: "PATCH", Path: "sobjects/ContentVersion/Cordon_Key__c/{marker}", Body: `{"Title":"{marker} key again"}`,
				Want: map[string]string{"status": "200", ".id": "{version}", ".created": "false"}},
			{Name: "by its key", Path: "sobjects/ContentVersion/Cordon_Key__c/{marker}?fields=Id,Title", Want: map[string]string{"status": "200", ".Id": "{version}"}},
			{Name: "by a key that nothing has", Path: "sobjects/ContentVersion/Cordon_Key__c/{marker}-none?fields=Id", Want: map[string]string{"status": "404", "[0].errorCode": `"NOT_FOUND"`}},
		}},
	}
}

// withKeep returns the step with one more variable to take from its answer.
func withKeep(s Step, name, path string) Step {
	keep := map[string]string{name: path}
	for n, p := range s.Keep {
		keep[n] = p
	}
	s.Keep = keep
	return s
}
