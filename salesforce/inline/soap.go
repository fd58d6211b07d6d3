package inline

import (
	"encoding/xml"
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

// soapReads lists the calls of the SOAP APIs that write no record.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_list.htm
var soapReads = map[string]bool{
	"login": true, "logout": true, "query": true, "querymore": true, "queryall": true, "search": true, "retrieve": true,
	"getupdated": true, "getdeleted": true, "getservertimestamp": true, "getuserinfo": true, "delete": true, "undelete": true,
	"emptyrecyclebin": true, "invalidatesessions": true, "setpassword": true, "resetpassword": true, "findduplicates": true,
	"describeglobal": true, "describesobject": true, "describesobjects": true, "describelayout": true, "describetabs": true,
	"describesoftphonelayout": true, "describedatacategorygroups": true, "describetheme": true, "describeapplayout": true,
	"describemetadata": true, "listmetadata": true, "readmetadata": true, "checkdeploystatus": true, "checkretrievestatus": true,
	"describevaluetype": true,
}

// soapRecords lists the calls that write records: they pass when no field of a file and no text
// with a file is in them. Calls that are in neither list take files in ways of their own.
var soapRecords = map[string]bool{"create": true, "update": true, "upsert": true, "merge": true, "convertlead": true, "process": true}

// examineSOAP says why an envelope could write a file, "" if it cannot, and the call it makes.
func examineSOAP(body []byte) (why, name string) {
	calls, inBody := 0, false
	texts := newTexts()
	err := walkXML(body,
		func(path []string, e xml.StartElement) error {
			texts.begin(path)
			switch {
			case len(path) == 1 && path[0] != "Envelope":
				return found("it is not a SOAP envelope")
			case len(path) == 2 && path[1] == "Body":
				if inBody {
					return errXML
				}
				inBody = true
			case len(path) == 2 && path[1] != "Header":
				return errXML
			case len(path) == 3 && path[1] == "Body":
				name = strings.ToLower(path[2])
				if calls++; !soapReads[name] && !soapRecords[name] {
					return found("the SOAP call " + cutRunes(path[2], 40) + " can write a file")
				}
			case len(path) > 3 && soapRecords[name] && carriesFile(e.Name.Local):
				return found("the SOAP call " + name + " carries a file in the field " + cutRunes(e.Name.Local, 80))
			}
			return attributesHold(e)
		},
		func(path []string, s string) error {
			if !soapRecords[name] {
				return nil
			}
			return texts.add(path, s)
		})
	switch {
	case err != nil:
		return err.Error(), ""
	case calls != 1:
		return "it makes not exactly one SOAP call", ""
	}
	if why := texts.scan(textRule); why != "" {
		return "it holds " + why, ""
	}
	return "", name
}

// carriesFile reports whether a field of the name carries a file in some object, or takes one from
// elsewhere: in SOAP the object stands apart from its fields.
func carriesFile(field string) bool {
	return salesforce.IsBlobField(field) || strings.EqualFold(field, salesforce.FieldContentBodyID)
}

func attributesHold(e xml.StartElement) error {
	for _, a := range e.Attr {
		if why := scanText(a.Value, textRule); why != "" {
			return found("it holds " + why)
		}
	}
	return nil
}
