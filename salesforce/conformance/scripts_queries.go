package conformance

import "strings"

// queryScripts ask in SOQL.
func queryScripts() []Script {
	refusedQuery := func(name, soql, code string) Step {
		return Step{Name: name, SOQL: soql, Want: map[string]string{"status": "400", "[0].errorCode": `"` + code + `"`}}
	}
	return []Script{
		{Name: "query", Covers: "the shape of an answer with parents and children, nothing found, and queries that cannot be read", Steps: []Step{
			account("query"),
			{Name: "a contact", Path: "sobjects/Contact", Header: duplicates, Body: `{"LastName":"{marker}","AccountId":"{account}"}`, Makes: []Made{{Object: "Contact", At: ".id"}},
				Keep: map[string]string{"contact": ".id"}, Want: map[string]string{"status": "201", ".id": "id 003"}},
			{Name: "with its parent", SOQL: "SELECT Id, Account.Name, CreatedBy.Id FROM Contact WHERE Id = '{contact}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".done": "true", ".records[0].Id": "{contact}", ".records[0].Account.Name": `"{marker} query"`, ".records[0].CreatedBy.Id": "{me}"}},
			{Name: "with its children", SOQL: "SELECT Id, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '{account}'",
				Want: map[string]string{"status": "200", ".records[0].Contacts.totalSize": "1", ".records[0].Contacts.done": "true", ".records[0].Contacts.records[0].LastName": "{marker}"}},
			{Name: "a quote in a text", SOQL: `SELECT Id FROM Account WHERE Name = '{marker} it\'s'`, Want: map[string]string{"status": "200", ".totalSize": "0", ".records": "empty list"}},
			{Name: "an id of 15 letters", SOQL: "SELECT Id FROM Contact WHERE Id IN ('{contact}')", Want: map[string]string{"status": "200", ".totalSize": "1"}},
			refusedQuery("no SOQL", "SELECT", "MALFORMED_QUERY"),
			refusedQuery("an unknown field", "SELECT NoSuchField__c FROM Account", "INVALID_FIELD"),
			refusedQuery("an unknown object", "SELECT Id FROM NoSuchObject__c", "INVALID_TYPE"),
			// Whoever may query all files may leave the filter out.
			{Name: "links without a filter", SOQL: "SELECT Id FROM ContentDocumentLink WHERE ShareType = 'V' LIMIT 1", Want: map[string]string{"status": "200 | 400"}, Only: []string{"[0].errorCode"}},
			{Name: "a filter on a long text", SOQL: "SELECT Id FROM Account WHERE Description = 'x'", Want: map[string]string{"status": "400", "[0].errorCode": `"INVALID_FIELD"`}},
		}},
		{Name: "aggregate", Covers: "counting, least, most and sum, and the shape of their answers", Steps: []Step{
			madeVersion(Step{Name: "create", Body: `{"Title":"{marker} aggregate","PathOnClient":"{marker}.txt","VersionData":"` + b64("1234") + `"}`}),
			{Name: "count", SOQL: "SELECT COUNT() FROM ContentVersion WHERE Id = '{version}'", Want: map[string]string{"status": "200", ".totalSize": "1", ".done": "true", ".records": "empty list"}},
			{Name: "several at once", SOQL: "SELECT COUNT(Id) n, MIN(CreatedDate) first, MAX(CreatedDate) last, SUM(ContentSize) size FROM ContentVersion WHERE Id = '{version}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].attributes.type": `"AggregateResult"`, ".records[0].n": "1", ".records[0].size": "4 | 4.0",
					".records[0].first": modstamp, ".records[0].last": modstamp}},
			{Name: "of nothing", SOQL: "SELECT COUNT(Id) n, MAX(CreatedDate) last, SUM(ContentSize) size FROM ContentVersion WHERE Title = '{marker} nothing'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].n": "0", ".records[0].last": "null"}},
			{Name: "without a name", SOQL: "SELECT COUNT(Id) FROM ContentVersion WHERE Id = '{version}'", Want: map[string]string{"status": "200", ".records[0].expr0": "1"}},
		}},
	}
}

// errorScripts ask for what is refused.
func errorScripts() []Script {
	refuse := func(name, method, path, body, status, code string) Step {
		s := Step{Name: name, Method: method, Path: path, Body: body, Want: map[string]string{"status": status, "[0].errorCode": `"` + strings.ReplaceAll(code, " | ", `" | "`) + `"`, "[0].message": "text"}}
		if object := strings.TrimPrefix(path, "sobjects/"); method == "POST" && object != "NoSuchObject__c" {
			s.Makes, s.Header = []Made{{Object: object, At: ".id"}}, duplicates // should the org take it after all
		}
		return s
	}
	return []Script{
		{Name: "errors-body", Covers: "bodies that cannot be read, and types of bodies that are not taken", Steps: []Step{
			refuse("cut off", "POST", "sobjects/Account", `{"Name":`, "400", "JSON_PARSER_ERROR"),
			refuse("more behind it", "POST", "sobjects/Account", `{"Name":"{marker}"} x`, "400", "JSON_PARSER_ERROR"),
			refuse("a list", "POST", "sobjects/Account", `[]`, "400", "JSON_PARSER_ERROR"),
			refuse("an object where a text is wanted", "POST", "sobjects/Account", `{"Name":{"a":1}}`, "400", "JSON_PARSER_ERROR | INVALID_FIELD"),
			{Name: "plain text", Method: "POST", Path: "sobjects/Account", Type: "text/plain", Body: `{}`, Want: map[string]string{"status": "415", "[0].errorCode": `"UNSUPPORTED_MEDIA_TYPE"`}},
		}},
		{Name: "errors-record", Covers: "records that are refused: unknown and missing fields, values that are too long or point nowhere", Steps: []Step{
			account("errors"),
			refuse("missing", "POST", "sobjects/Account", `{"Phone":"1"}`, "400", "REQUIRED_FIELD_MISSING"),
			refuse("empty", "POST", "sobjects/Account", `{"Name":""}`, "400", "REQUIRED_FIELD_MISSING"),
			refuse("unknown", "POST", "sobjects/Account", `{"Name":"{marker}","NoSuchField__c":1}`, "400", "INVALID_FIELD"),
			refuse("with an id", "POST", "sobjects/Account", `{"Name":"{marker}","Id":"{account}"}`, "400", "INVALID_FIELD"),
			refuse("read only", "POST", "sobjects/Account", `{"Name":"{marker}","CreatedDate":"2020-01-01T00:00:00Z"}`, "400", "INVALID_FIELD_FOR_INSERT_UPDATE"),
			refuse("too long", "POST", "sobjects/Account", `{"Name":"{marker}`+strings.Repeat("a", 256)+`"}`, "400", "STRING_TOO_LONG"),
			refuse("no id", "POST", "sobjects/Account", `{"Name":"{marker}","ParentId":"x"}`, "400", "MALFORMED_ID"),
			refuse("an id of another kind", "POST", "sobjects/Account", `{"Name":"{marker}","ParentId":"{me}"}`, "400", "MALFORMED_ID | FIELD_INTEGRITY_EXCEPTION"),
			refuse("an id of nothing", "POST", "sobjects/Account", `{"Name":"{marker}","ParentId":"001000000000000AAA"}`, "400", "INVALID_CROSS_REFERENCE_KEY"),
			refuse("clear what is required", "PATCH", "sobjects/Account/{account}", `{"Name":null}`, "400", "REQUIRED_FIELD_MISSING"),
			refuse("no address", "POST", "sobjects/Contact", `{"LastName":"{marker}","Email":"no"}`, "400", "INVALID_EMAIL_ADDRESS"),
			refuse("a document by itself", "POST", "sobjects/ContentDocument", `{"Title":"{marker}"}`, "400", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
			refuse("a version without bytes", "POST", "sobjects/ContentVersion", `{"PathOnClient":"{marker}.txt"}`, "400", "REQUIRED_FIELD_MISSING"),
		}},
		{Name: "errors-path", Covers: "paths of objects and records that are not there, and methods that are not taken", Steps: []Step{
			account("paths"),
			refuse("an object", "POST", "sobjects/NoSuchObject__c", `{}`, "404", "NOT_FOUND"),
			refuse("an id of nothing", "GET", "sobjects/Account/001000000000000AAA", "", "404", "NOT_FOUND"),
			refuse("no id", "GET", "sobjects/Account/23foo", "", "404", "NOT_FOUND"),
			refuse("change no id", "PATCH", "sobjects/Account/23foo", `{"Name":"{marker}"}`, "400", "MALFORMED_ID"),
			refuse("an unknown field", "GET", "sobjects/Account/{account}?fields=NoSuchField__c", "", "400", "INVALID_FIELD"),
			refuse("a method", "PUT", "sobjects/Account", `{}`, "405", "METHOD_NOT_ALLOWED"),
			refuse("a resource", "GET", "nothing", "", "404", "NOT_FOUND"),
		}},
	}
}
