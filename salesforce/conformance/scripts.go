package conformance

import "slices"

// Scripts returns every script, in the order in which they run.
func Scripts() []Script {
	return slices.Concat(accessScripts(), describeScripts(), fileScripts(), recordScripts(), manyScripts(), queryScripts(), ownScripts(), errorScripts())
}

// accessScripts ask who the caller is and what the org offers.
func accessScripts() []Script {
	return []Script{
		{Name: "sign-in", Covers: "userinfo and the identity URL, and what a wrong or missing token is told", Steps: []Step{
			{Name: "userinfo", Path: "/services/oauth2/userinfo",
				Want: map[string]string{"status": "200", ".user_id": "{me}", ".organization_id": "{org}", ".email_verified": "true | false",
					".preferred_username": "e-mail | text", ".active": "true"},
				Only: []string{".sub", ".user_id", ".organization_id", ".preferred_username", ".user_type", ".active", ".urls.rest", ".urls.sobjects", ".zoneinfo", ".utcOffset"}},
			{Name: "identity", Path: "/id/{org}/{me}",
				Want: map[string]string{"status": "200", ".user_id": "{me}", ".organization_id": "{org}", ".username": "e-mail | text"},
				Only: []string{".id", ".asserted_user", ".user_type", ".active", ".urls.rest"}},
			{Name: "data with a wrong token", Path: "limits", As: stranger, Want: map[string]string{"status": "401", "[0].errorCode": `"INVALID_SESSION_ID"`}},
			{Name: "data with no token", Path: "limits", As: nobody, Want: map[string]string{"status": "401", "[0].errorCode": `"INVALID_SESSION_ID"`}},
			{Name: "userinfo with a wrong token", Path: "/services/oauth2/userinfo", As: stranger, Want: map[string]string{"status": "403", ".text": `"Bad_OAuth_Token"`}},
		}},
		{Name: "versions", Covers: "the list of versions, the list of resources, and a version that is gone", Steps: []Step{
			{Name: "list", Path: "/services/data", As: nobody, Named: map[string]string{"": "version"}, Only: []string{"[64.0].*"}, Want: map[string]string{"status": "200"}},
			{Name: "resources", Path: "", Want: map[string]string{"status": "200", ".sobjects": "address /services/data/vN/sobjects", ".identity": "address {host}/id/{org}/{me}"},
				Only: []string{".sobjects", ".query", ".queryAll", ".composite", ".limits", ".jobs", ".identity"}},
			{Name: "a version that is gone", Path: "/services/data/v12.0/sobjects", Only: []string{"[0].errorCode"}},
		}},
		{Name: "limits", Covers: "the limits that Cordon watches, and the header that tells them with each answer", Steps: []Step{
			{Name: "limits", Path: "limits", Only: []string{".DailyApiRequests.*", ".DataStorageMB.*", ".FileStorageMB.*", ".DailyBulkV2QueryJobs.*"},
				Want: map[string]string{"status": "200", ".DailyApiRequests.Max": "integer", ".DailyApiRequests.Remaining": "integer",
					"header.Sforce-Limit-Info": `"api-usage=N/N"`}},
		}},
		{Name: "soap-login", Covers: "what the SOAP login says: gone from version 65 on, and a fault for a wrong password before", Steps: []Step{
			soapLogin("wrong password", "64.0", "INVALID_LOGIN"),
			soapLogin("version 65", "65.0", "UNSUPPORTED_API_VERSION"),
		}},
	}
}

func soapLogin(name, version, code string) Step {
	return Step{Name: name, Method: "POST", Path: "/services/Soap/u/" + version, As: nobody, Type: "text/xml; charset=UTF-8",
		Header: map[string]string{"SOAPAction": `""`, "Accept": "text/xml"},
		Body: `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com">` +
			`<soapenv:Body><urn:login><urn:username>nobody@{marker}.invalid</urn:username><urn:password>none</urn:password></urn:login></soapenv:Body></soapenv:Envelope>`,
		Want: map[string]string{"status": "500", ".Envelope.Body.Fault.faultcode": `"sf:` + code + `"`, ".Envelope.Body.Fault.faultstring": "text"}}
}

// objects that Cordon reads, with the fields that it needs and their types.
var objects = []struct {
	name   string
	fields map[string]string
}{
	{"ContentVersion", map[string]string{"Id": "id", "VersionData": "base64", "ContentDocumentId": "reference", "Title": "string", "PathOnClient": "string",
		"ContentSize": "int", "FileType": "string", "FileExtension": "string", "Checksum": "string", "IsLatest": "boolean", "VersionNumber": "string",
		"FirstPublishLocationId": "reference", "CreatedById": "reference", "CreatedDate": "datetime", "SystemModstamp": "datetime", "IsDeleted": "boolean"}},
	{"ContentDocument", map[string]string{"Id": "id", "Title": "string", "LatestPublishedVersionId": "reference", "OwnerId": "reference",
		"SystemModstamp": "datetime", "IsDeleted": "boolean"}},
	{"ContentDocumentLink", map[string]string{"Id": "id", "ContentDocumentId": "reference", "LinkedEntityId": "reference", "ShareType": "picklist",
		"Visibility": "picklist", "SystemModstamp": "datetime", "IsDeleted": "boolean"}},
	{"Attachment", map[string]string{"Id": "id", "Body": "base64", "ParentId": "reference", "Name": "string", "BodyLength": "int", "ContentType": "string",
		"CreatedById": "reference", "CreatedDate": "datetime", "SystemModstamp": "datetime", "IsDeleted": "boolean"}},
	{"Document", map[string]string{"Id": "id", "Body": "base64", "Name": "string", "BodyLength": "int", "FolderId": "reference",
		"CreatedById": "reference", "CreatedDate": "datetime", "SystemModstamp": "datetime"}},
	{"Case", map[string]string{"Id": "id", "Origin": "picklist", "CreatedDate": "datetime", "SystemModstamp": "datetime"}},
	{"EmailMessage", map[string]string{"Id": "id", "ParentId": "reference", "Incoming": "boolean", "MessageDate": "datetime", "SystemModstamp": "datetime"}},
	{"User", map[string]string{"Id": "id", "Username": "string", "IsActive": "boolean"}},
	{"Organization", map[string]string{"Id": "id", "IsSandbox": "boolean", "TrialExpirationDate": "datetime", "OrganizationType": "picklist"}},
}

// describeScripts ask what the org says of the objects that Cordon reads.
func describeScripts() []Script {
	var list []Script
	for _, o := range objects {
		want := map[string]string{"status": "200", ".name": `"` + o.name + `"`, ".queryable": "true"}
		only := []string{".keyPrefix", ".replicateable"}
		for field, kind := range o.fields {
			want[".fields["+field+"].type"] = `"` + kind + `"`
			for _, property := range []string{"filterable", "groupable", "sortable", "nillable", "updateable", "createable", "soapType", "relationshipName", "polymorphicForeignKey"} {
				only = append(only, ".fields["+field+"]."+property)
			}
		}
		list = append(list, Script{Name: "describe-" + o.name, Covers: "what describe says of " + o.name + ": the fields that Cordon reads, their types, and whether they filter and group",
			Steps: []Step{{Name: "describe", Path: "sobjects/" + o.name + "/describe", Named: map[string]string{".fields": "name"}, Want: want, Only: only}}})
	}
	return append(list, Script{Name: "describe-nothing", Covers: "what describe says of an object that is not there", Steps: []Step{
		{Name: "describe", Path: "sobjects/NoSuchObject__c/describe", Want: map[string]string{"status": "404", "[0].errorCode": `"NOT_FOUND"`}}}})
}

// duplicates lets records through that a rule of the org takes for duplicates.
var duplicates = map[string]string{"Sforce-Duplicate-Rule-Header": "allowSave=true", "Sforce-Auto-Assign": "FALSE"}

// account makes the account that a script hangs things on.
func account(name string) Step {
	return Step{Name: "an account", Path: "sobjects/Account", Header: duplicates, Body: `{"Name":"{marker} ` + name + `"}`,
		Makes: []Made{{Object: "Account", At: ".id"}}, Keep: map[string]string{"account": ".id"},
		Want: map[string]string{"status": "201", ".id": "id 001", ".success": "true", ".errors": "empty list",
			"header.Location": "address /services/data/vN/sobjects/Account/*"}}
}
