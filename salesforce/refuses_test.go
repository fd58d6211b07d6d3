package salesforce

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

const accountDescribe = `{"name":"Thing__c","label":"Thing","createable":true,"updateable":true,"fields":[
	{"name":"Id","type":"id","nillable":false,"defaultedOnCreate":true},
	{"name":"Name","label":"Name","type":"string","length":5,"createable":true,"updateable":true,"nillable":false},
	{"name":"Kind__c","label":"Kind","type":"picklist","createable":true,"updateable":true,"nillable":true,"restrictedPicklist":true,
		"picklistValues":[{"active":true,"value":"a"},{"active":false,"value":"b"}]},
	{"name":"Count__c","type":"double","createable":true,"updateable":true,"nillable":true},
	{"name":"Done__c","type":"boolean","createable":true,"updateable":true,"nillable":false},
	{"name":"OwnerId","label":"Owner ID","type":"reference","relationshipName":"Owner","referenceTo":["User"],"createable":true,"updateable":true,"nillable":false,"defaultedOnCreate":true},
	{"name":"Ext__c","type":"string","externalId":true,"createable":true,"updateable":true,"nillable":true},
	{"name":"Serial__c","type":"string","createable":true,"updateable":false,"nillable":true},
	{"name":"Sum__c","type":"double","createable":false,"updateable":false,"nillable":true},
	{"name":"Total__c","type":"double","createable":false,"updateable":false,"nillable":true}]}`

func TestRefusesByDescription(t *testing.T) {
	var d Description
	if err := json.Unmarshal([]byte(accountDescribe), &d); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"Name":"x"}`: "", `{"name":"x","attributes":{"type":"Thing__c"}}`: "", `{"Name":"x","Owner":{"Username":"u"}}`: "",
		`{"Name":"x","Sum__c":1,"Total__c":2}`: "INVALID_FIELD_FOR_INSERT_UPDATE Sum__c,Total__c",
		`{"Name":"x","Total__c":2,"Sum__c":1}`: "INVALID_FIELD_FOR_INSERT_UPDATE Sum__c,Total__c",
		`{"Name":"x","Nope":1}`:                "INVALID_FIELD ", `{"Name":"x","Sum__c":1,"Nope":1}`: "INVALID_FIELD ",
		`{}`: "REQUIRED_FIELD_MISSING Name", `{"Name":""}`: "REQUIRED_FIELD_MISSING Name", `{"Name":null}`: "REQUIRED_FIELD_MISSING Name",
		`{"Sum__c":1}`: "INVALID_FIELD_FOR_INSERT_UPDATE Sum__c", `{"Name":"123456"}`: "STRING_TOO_LONG Name", `{"Name":"äöüßé"}`: "",
		`{"Name":123456}`: "STRING_TOO_LONG Name", `{"Name":["x"]}`: "JSON_PARSER_ERROR ", `{"Name":true}`: "",
		`{"Name":"x","Kind__c":"a"}`: "", `{"Name":"x","Kind__c":"b"}`: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST Kind__c",
		`{"Name":"x","Count__c":"12.5"}`: "", `{"Name":"x","Count__c":"many"}`: "JSON_PARSER_ERROR ", `{"Name":"x","Count__c":true}`: "JSON_PARSER_ERROR ",
		`{"Name":"x","Done__c":"true"}`: "", `{"Name":"x","Done__c":"perhaps"}`: "JSON_PARSER_ERROR ",
		`{"Name":"x","OwnerId":"005000000000001"}`: "", `{"Name":"x","OwnerId":"me"}`: "MALFORMED_ID OwnerId", `{"Name":"x","OwnerId":5}`: "MALFORMED_ID OwnerId",
		`{"Name":"x","Id":"a00000000000001AAA"}`: "INVALID_FIELD ", `{"Name":"x","Serial__c":"1"}`: "",
		`UPDATE {"Serial__c":"1"}`: "INVALID_FIELD_FOR_INSERT_UPDATE Serial__c", `UPDATE {}`: "", `UPDATE {"Name":null}`: "REQUIRED_FIELD_MISSING Name",
		`UPDATE {"Id":"a00000000000001AAA"}`: "INVALID_FIELD_FOR_INSERT_UPDATE ",
		`KEY Ext__c/1 {"Serial__c":"1"}`:     "", `KEY Ext__c/1 {"Sum__c":1}`: "INVALID_FIELD_FOR_INSERT_UPDATE Sum__c", `KEY Serial__c/1 {}`: "NOT_FOUND ", `KEY No__c/1 {}`: "NOT_FOUND ",
	} {
		s := cordon.Staged{Op: cordon.OpCreate, Object: "Thing__c"}
		head, fields, _ := strings.Cut(body, "{")
		if head != "" {
			s.Op, s.RecordID = cordon.OpUpdate, "a00000000000001AAA"
		}
		if key, ok := strings.CutPrefix(head, "KEY "); ok {
			s.RecordID = strings.TrimSpace(key)
		}
		d0 := json.NewDecoder(strings.NewReader("{" + fields))
		d0.Token()
		for d0.More() {
			name, _ := d0.Token()
			var v json.RawMessage
			if err := d0.Decode(&v); err != nil {
				t.Fatal(body, err)
			}
			s.Fields = append(s.Fields, cordon.Field{Name: name.(string), Value: []byte(v)})
		}
		got := ""
		if p := d.Refuses(s); p != nil {
			got = p.Errors[0].ErrorCode + " " + strings.Join(p.Errors[0].Fields, ",")
			if p.Errors[0].Message == "" || p.Status != 400 && p.Status != 404 {
				t.Errorf("%s: %+v", body, p)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	if p := (Description{Name: "Thing__c", Fields: d.Fields[1:]}).Refuses(cordon.Staged{Op: cordon.OpCreate}); p != nil {
		t.Errorf("what is not described as a whole refuses nothing: %v", p)
	}
}
