package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// recordScripts write many records in one call.
func recordScripts() []Script {
	ref := func(method, path, id, body string) string {
		if body != "" {
			body = `,"body":` + body
		}
		return `{"method":"` + method + `","url":"/services/data/v{v}/` + path + `","referenceId":"` + id + `"` + body + `}`
	}
	composite := func(allOrNone bool, calls ...string) string {
		return fmt.Sprintf(`{"allOrNone":%v,"compositeRequest":[%s]}`, allOrNone, strings.Join(calls, ","))
	}
	graph := func(id string, calls ...string) string {
		return `{"graphId":"` + id + `","compositeRequest":[` + strings.Join(calls, ",") + `]}`
	}
	goodAccount, badAccount := `{"attributes":{"type":"Account"},"Name":"{marker} good"}`, `{"attributes":{"type":"Account"},"Name":"{marker} bad","NumberOfEmployees":"many"}`
	made := []Made{{Object: "Account", At: "[*].id", Count: 3}}
	sub := []Made{{Object: "Account", At: ".compositeResponse[*].body.id"}, {Object: "Attachment", At: ".compositeResponse[*].body.id"}}
	collectionParts, collectionType := multipart(
		[2]string{"Content-Disposition: form-data; name=\"collection\"\nContent-Type: application/json", `{"allOrNone":false,"records":[
			{"attributes":{"type":"ContentVersion","binaryPartName":"one","binaryPartNameAlias":"VersionData"},"Title":"{marker} 1","PathOnClient":"{marker}.txt"},
			{"attributes":{"type":"ContentVersion","binaryPartName":"two","binaryPartNameAlias":"VersionData"},"Title":"{marker} 2","PathOnClient":"{marker}.txt"}]}`},
		[2]string{"Content-Disposition: form-data; name=\"one\"; filename=\"1.txt\"\nContent-Type: text/plain", "1"},
		[2]string{"Content-Disposition: form-data; name=\"two\"; filename=\"2.txt\"\nContent-Type: text/plain", "22"})
	return []Script{
		{Name: "collections", Covers: "records created, changed, read and deleted together, with one that is refused", Steps: []Step{
			{Name: "create, one refused", Path: "composite/sobjects", Header: duplicates, Makes: made, Keep: map[string]string{"account": "[0].id"},
				Body: `{"allOrNone":false,"records":[` + goodAccount + `,{"attributes":{"type":"Account"},"Phone":"1"},{"attributes":{"type":"NoSuchObject__c"}}]}`,
				Want: map[string]string{"status": "200", "[0].success": "true", "[0].id": "id 001", "[0].errors": "empty list",
					"[1].success": "false", "[1].errors[0].statusCode": `"REQUIRED_FIELD_MISSING"`, "[2].success": "false", "[2].errors[0].statusCode": `"INVALID_TYPE"`}},
			{Name: "all or none", Path: "composite/sobjects", Header: duplicates, Makes: made,
				Body: `{"allOrNone":true,"records":[` + goodAccount + `,{"attributes":{"type":"Account"},"Phone":"1"}]}`,
				Want: map[string]string{"status": "200", "[0].success": "false", "[0].errors[0].statusCode": `"ALL_OR_NONE_OPERATION_ROLLED_BACK"`,
					"[1].errors[0].statusCode": `"REQUIRED_FIELD_MISSING"`}},
			{Name: "change", Method: "PATCH", Path: "composite/sobjects", Body: `{"allOrNone":false,"records":[{"attributes":{"type":"Account"},"id":"{account}","Phone":"2"},{"attributes":{"type":"Account"},"Phone":"3"}]}`,
				Want: map[string]string{"status": "200", "[0].success": "true", "[0].id": "{account}", "[1].success": "false", "[1].errors[0].statusCode": `"MISSING_ARGUMENT"`}},
			{Name: "read", Path: "composite/sobjects/Account?ids={account},001000000000000AAA&fields=Id,Name",
				Want: map[string]string{"status": "200", "[0].Id": "{account}", "[1]": "null"}},
			{Name: "delete, one twice", Method: "DELETE", Path: "composite/sobjects?allOrNone=false&ids={account},001000000000000AAA",
				Want: map[string]string{"status": "200", "[0].success": "true", "[1].success": "false"}},
			{Name: "201 records", Path: "composite/sobjects", Body: `{"records":[` + strings.Join(slices.Repeat([]string{`{"attributes":{"type":"Account"}}`}, 201), ",") + `]}`,
				Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}},
			{Name: "a value that is none", Path: "composite/sobjects", Header: duplicates, Makes: made, Body: `{"allOrNone":false,"records":[` + badAccount + `]}`},
		}},
		{Name: "collections-files", Covers: "two files in one multipart body of a collection", Steps: []Step{
			{Name: "create", Path: "composite/sobjects", Type: collectionType, Body: collectionParts, Makes: []Made{{Object: "ContentVersion", At: "[*].id", Count: 2}},
				Want: map[string]string{"status": "200", "[0].success": "true", "[0].id": "id 068", "[1].success": "true"}},
			{Name: "read", SOQL: "SELECT ContentSize, Checksum FROM ContentVersion WHERE Title LIKE '{marker} _' ORDER BY Title",
				Want: map[string]string{"status": "200", ".totalSize": "2", ".records[0].Checksum": `"` + sum("1") + `"`, ".records[1].ContentSize": "2"}},
		}},
		{Name: "composite", Covers: "calls that refer to each other, with and without all or none", Steps: []Step{
			{Name: "good", Path: "composite", Header: duplicates, Makes: sub, Keep: map[string]string{"account": ".compositeResponse[0].body.id"},
				Body: composite(true, ref("POST", "sobjects/Account", "a", `{"Name":"{marker} composite"}`),
					ref("POST", "sobjects/Attachment", "f", `{"ParentId":"@{a.id}","Name":"{marker}","Body":"`+b64("x")+`"}`),
					ref("GET", "sobjects/Account/@{a.id}?fields=Name", "g", ""),
					ref("PATCH", "sobjects/Account/@{a.id}", "p", `{"Phone":"1"}`)),
				Want: map[string]string{"status": "200", ".compositeResponse[0].httpStatusCode": "201", ".compositeResponse[0].referenceId": `"a"`, ".compositeResponse[0].body.id": "id 001",
					".compositeResponse[1].httpStatusCode": "201", ".compositeResponse[1].body.id": "id 00P", ".compositeResponse[2].httpStatusCode": "200",
					".compositeResponse[2].body.Name": `"{marker} composite"`, ".compositeResponse[3].httpStatusCode": "204", ".compositeResponse[3].body": "null"}},
			{Name: "one refused, all or none", Path: "composite", Header: duplicates, Makes: sub,
				Body: composite(true, ref("POST", "sobjects/Account", "a", `{"Name":"{marker} none"}`), ref("POST", "sobjects/Attachment", "f", `{"ParentId":"@{a.id}","Name":"{marker}","NoSuchField__c":1}`)),
				Want: map[string]string{"status": "200", ".compositeResponse[0].httpStatusCode": "400", ".compositeResponse[0].body[0].errorCode": `"PROCESSING_HALTED"`,
					".compositeResponse[1].httpStatusCode": "400", ".compositeResponse[1].body[0].errorCode": `"INVALID_FIELD"`}},
			{Name: "one refused, the rest stays", Path: "composite", Header: duplicates, Makes: sub,
				Body: composite(false, ref("POST", "sobjects/Account", "a", `{"Name":"{marker} some"}`), ref("POST", "sobjects/Account", "b", `{"NoSuchField__c":1}`)),
				Want: map[string]string{"status": "200", ".compositeResponse[0].httpStatusCode": "201", ".compositeResponse[1].httpStatusCode": "400"}},
			{Name: "the same name twice", Path: "composite", Body: composite(false, ref("GET", "limits", "a", ""), ref("GET", "limits", "a", "")),
				Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}},
			{Name: "26 calls", Path: "composite", Body: composite(false, slices.Repeat([]string{ref("GET", "limits", "a", "")}, 26)...),
				Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}},
		}},
		{Name: "batch", Covers: "calls that do not refer to each other, and what halting on an error does", Steps: []Step{
			{Name: "both", Path: "composite/batch", Body: `{"haltOnError":false,"batchRequests":[{"method":"GET","url":"v{v}/query?q=SELECT+Id+FROM+Organization"},{"method":"GET","url":"v{v}/sobjects/NoSuchObject__c/describe"}]}`,
				Want: map[string]string{"status": "200", ".hasErrors": "true", ".results[0].statusCode": "200", ".results[1].statusCode": "404", ".results[0].result.totalSize": "1"}},
			{Name: "halt", Path: "composite/batch", Body: `{"haltOnError":true,"batchRequests":[{"method":"GET","url":"v{v}/sobjects/NoSuchObject__c/describe"},{"method":"GET","url":"v{v}/limits"}]}`,
				Want: map[string]string{"status": "200", ".hasErrors": "true", ".results[0].statusCode": "404", ".results[1].statusCode": "412"},
				Only: []string{".results[*].result[0].errorCode"}},
		}},
		{Name: "tree", Covers: "a record and those below it in one call, and what is left when one is refused", Steps: []Step{
			{Name: "good", Path: "composite/tree/Account", Header: duplicates, Makes: []Made{{Object: "Account", At: ".results[0].id"}, {Object: "Contact"}},
				Body: `{"records":[{"attributes":{"type":"Account","referenceId":"a"},"Name":"{marker} tree","Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"c"},"LastName":"{marker}"}]}}]}`,
				Want: map[string]string{"status": "201", ".hasErrors": "false", ".results[0].referenceId": `"a"`, ".results[0].id": "id 001", ".results[1].id": "id 003"}},
			{Name: "one refused", Path: "composite/tree/Account", Header: duplicates, Makes: []Made{{Object: "Account"}, {Object: "Contact"}},
				Body: `{"records":[{"attributes":{"type":"Account","referenceId":"a"},"Name":"{marker} no tree","Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"c"},"FirstName":"{marker}"}]}}]}`,
				Want: map[string]string{"status": "400", ".hasErrors": "true", ".results[0].referenceId": `"c"`, ".results[0].errors[0].statusCode": `"REQUIRED_FIELD_MISSING"`}},
			{Name: "nothing is left of it", SOQL: "SELECT COUNT() FROM Account WHERE Name = '{marker} no tree'", Want: map[string]string{"status": "200", ".totalSize": "0"}},
		}},
		{Name: "graph", Covers: "two graphs of which one fails", Steps: []Step{
			{Name: "two", Path: "composite/graph", Header: duplicates, Makes: []Made{{Object: "Account", Count: 2}, {Object: "Contact", Count: 2}},
				Body: `{"graphs":[` + graph("one", ref("POST", "sobjects/Account", "a", `{"Name":"{marker} graph"}`), ref("POST", "sobjects/Contact", "c", `{"LastName":"{marker}","AccountId":"@{a.id}"}`)) + `,` +
					graph("two", ref("POST", "sobjects/Account", "a", `{"Name":"{marker} no graph"}`), ref("POST", "sobjects/Contact", "c", `{"FirstName":"x"}`)) + `]}`,
				Want: map[string]string{"status": "200", ".graphs[0].graphId": `"one"`, ".graphs[0].isSuccessful": "true", ".graphs[1].isSuccessful": "false",
					".graphs[0].graphResponse.compositeResponse[0].httpStatusCode": "201", ".graphs[1].graphResponse.compositeResponse[0].body[0].errorCode": `"PROCESSING_HALTED"`,
					".graphs[1].graphResponse.compositeResponse[1].body[0].errorCode": `"REQUIRED_FIELD_MISSING"`}},
			{Name: "nothing is left of the second", SOQL: "SELECT COUNT() FROM Account WHERE Name = '{marker} no graph'", Want: map[string]string{"status": "200", ".totalSize": "0"}},
		}},
	}
}

// manyScripts write and read by the hundred, and go through the recycle bin.
func manyScripts() []Script {
	var lines strings.Builder
	lines.WriteString("Name,Phone\n\"{marker} bulk, one\",1\n,2\n")
	several := func(n int) string {
		return `{"allOrNone":false,"records":[` + strings.Join(slices.Repeat([]string{`{"attributes":{"type":"Account"},"Name":"{marker} page"}`}, n), ",") + `]}`
	}
	return []Script{
		{Name: "bulk", Covers: "a small job of the Bulk API 2.0: its states, its results, and a row that is refused", Steps: []Step{
			{Name: "open", Path: "jobs/ingest", Body: `{"object":"Account","operation":"insert","contentType":"CSV","lineEnding":"LF"}`, Keep: map[string]string{"job": ".id"}, Makes: []Made{{Object: bulkJob, At: ".id"}},
				Want: map[string]string{"status": "200", ".id": "id 750", ".state": `"Open"`, ".object": `"Account"`, ".operation": `"insert"`, ".contentType": `"CSV"`, ".createdById": "{me}"}},
			{Name: "upload", Method: "PUT", Path: "jobs/ingest/{job}/batches", Type: "text/csv", Body: lines.String(), Makes: []Made{{Object: "Account", Count: 2}}, Want: map[string]string{"status": "201"}},
			{Name: "close", Method: "PATCH", Path: "jobs/ingest/{job}", Body: `{"state":"UploadComplete"}`, Want: map[string]string{"status": "200", ".state": `"UploadComplete"`}},
			{Name: "wait", Path: "jobs/ingest/{job}", Until: map[string]string{".state": "JobComplete | Failed | Aborted"}, Tries: 12,
				Want: map[string]string{"status": "200", ".state": `"JobComplete"`, ".numberRecordsProcessed": "2", ".numberRecordsFailed": "1"}},
			{Name: "what went", Path: "jobs/ingest/{job}/successfulResults", Header: map[string]string{"Accept": "text/csv"},
				Want: map[string]string{"status": "200", ".columns[0]": `"sf__Id"`, ".columns[1]": `"sf__Created"`, ".rows": "1"}},
			{Name: "what was refused", Path: "jobs/ingest/{job}/failedResults", Header: map[string]string{"Accept": "text/csv"},
				Want: map[string]string{"status": "200", ".columns[0]": `"sf__Id"`, ".columns[1]": `"sf__Error"`, ".rows": "1"}},
			{Name: "delete the job", Method: "DELETE", Path: "jobs/ingest/{job}", Want: map[string]string{"status": "204"}},
			{Name: "an object that is not there", Path: "jobs/ingest", Body: `{"object":"NoSuchObject__c","operation":"insert"}`, Makes: []Made{{Object: bulkJob, At: ".id"}}, Want: map[string]string{"status": "400"}, Only: []string{"[0].errorCode"}},
		}},
		{Name: "pages", Covers: "an answer on more than one page, and the address of the next one", Steps: []Step{
			{Name: "200 records", Path: "composite/sobjects", Header: duplicates, Body: several(200), Makes: []Made{{Object: "Account", Count: 200}},
				Want: map[string]string{"status": "200"}, Only: []string{"[0].success"}},
			{Name: "one more", Path: "composite/sobjects", Header: duplicates, Body: several(1), Makes: []Made{{Object: "Account"}}, Want: map[string]string{"status": "200"}, Only: []string{"[0].success"}},
			{Name: "first page", SOQL: "SELECT Id FROM Account WHERE Name = '{marker} page'", Header: map[string]string{"Sforce-Query-Options": "batchSize=200"}, Keep: map[string]string{"next": ".nextRecordsUrl"},
				Want: map[string]string{"status": "200", ".totalSize": "201", ".done": "false"}, Only: []string{".records[0].attributes.*", ".nextRecordsUrl"}},
			{Name: "next page", Path: "{next}", Want: map[string]string{"status": "200", ".totalSize": "201", ".done": "true"}, Only: []string{".records[0].attributes.*", ".nextRecordsUrl"}},
			{Name: "a page of nothing", Path: "query/01g000000000000AAA-2000", Only: []string{"[0].errorCode"}},
		}},
		{Name: "recycle-bin", Covers: "a record deleted, seen by queryAll only, and brought back", Steps: []Step{
			account("bin"),
			{Name: "delete", Method: "DELETE", Path: "sobjects/Account/{account}", Want: map[string]string{"status": "204"}},
			{Name: "read", Path: "sobjects/Account/{account}?fields=Id", Want: map[string]string{"status": "404", "[0].errorCode": `"ENTITY_IS_DELETED"`}},
			{Name: "delete again", Method: "DELETE", Path: "sobjects/Account/{account}", Want: map[string]string{"status": "404", "[0].errorCode": `"ENTITY_IS_DELETED"`}},
			{Name: "change", Method: "PATCH", Path: "sobjects/Account/{account}", Body: `{"Phone":"1"}`, Want: map[string]string{"status": "404", "[0].errorCode": `"ENTITY_IS_DELETED"`}},
			{Name: "query", SOQL: "SELECT Id FROM Account WHERE Id = '{account}'", Want: map[string]string{"status": "200", ".totalSize": "0"}},
			{Name: "queryAll", Path: "queryAll", SOQL: "SELECT Id, IsDeleted, SystemModstamp FROM Account WHERE Id = '{account}'",
				Want: map[string]string{"status": "200", ".totalSize": "1", ".records[0].IsDeleted": "true", ".records[0].SystemModstamp": modstamp}},
			{Name: "undelete", Method: "POST", Path: "/services/Soap/u/{v}", As: nobody, Type: "text/xml; charset=UTF-8", Header: map[string]string{"SOAPAction": `""`, "Accept": "text/xml"},
				Body: envelope("{session}", "undelete", "{account}"), Want: map[string]string{"status": "200", ".Envelope.Body.undeleteResponse.result.success": `"true"`,
					".Envelope.Body.undeleteResponse.result.id": "{account}"}},
			{Name: "read again", Path: "sobjects/Account/{account}?fields=Id,IsDeleted", Want: map[string]string{"status": "200", ".Id": "{account}", ".IsDeleted": "false"}},
		}},
		{Name: "order", Covers: "records made in one call: whether their SystemModstamp ties, its precision, and the order of ties", Steps: []Step{
			{Name: "three", Path: "composite/sobjects", Header: duplicates, Body: strings.ReplaceAll(several(3), "page", "order"), Makes: []Made{{Object: "Account", At: "[*].id", Count: 3}},
				Want: map[string]string{"status": "200", "[2].success": "true"}},
			{Name: "in order", SOQL: "SELECT Id, SystemModstamp FROM Account WHERE Name = '{marker} order' ORDER BY SystemModstamp, Id", Keep: map[string]string{"stamp": ".records[0].SystemModstamp"},
				Want: map[string]string{"status": "200", ".totalSize": "3", ".records[0].SystemModstamp": modstamp},
				Checks: []Check{
					{Name: "ties in order of id", Of: func(a Answer, _ Variables) string {
						stamps, ids := at(a.Body, ".records[*].SystemModstamp"), at(a.Body, ".records[*].Id")
						for i := 1; i < len(stamps) && len(stamps) == len(ids); i++ {
							if stamps[i] < stamps[i-1] || stamps[i] == stamps[i-1] && ids[i] <= ids[i-1] {
								return "no"
							}
						}
						return "yes"
					}},
					{Name: "SystemModstamp of records of one call", Tell: true, Of: func(a Answer, _ Variables) string {
						if stamps := at(a.Body, ".records[*].SystemModstamp"); len(slices.Compact(stamps)) == 1 {
							return "the same"
						}
						return "several"
					}},
					{Name: "SystemModstamp in whole seconds", Tell: true, Of: func(a Answer, _ Variables) string {
						for _, s := range at(a.Body, ".records[*].SystemModstamp") {
							if !strings.Contains(s, ".000") {
								return "no"
							}
						}
						return "so far"
					}},
				}},
			{Name: "from a stamp on", SOQL: "SELECT COUNT() FROM Account WHERE SystemModstamp >= {stamp} AND Name = '{marker} order'", Want: map[string]string{"status": "200", ".totalSize": "3"}},
			{Name: "before it", SOQL: "SELECT COUNT() FROM Account WHERE SystemModstamp < {stamp} AND Name = '{marker} order'", Want: map[string]string{"status": "200", ".totalSize": "0"}},
		}},
	}
}
