package salesforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// Error codes by which an org refuses a record.
const (
	CodeNotFound      = "NOT_FOUND"
	CodeNoEntity      = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
	CodeField         = "INVALID_FIELD"
	CodeFieldForWrite = "INVALID_FIELD_FOR_INSERT_UPDATE"
	CodeRequired      = "REQUIRED_FIELD_MISSING"
	CodeMalformedID   = "MALFORMED_ID"
	CodeTooLong       = "STRING_TOO_LONG"
	CodePicklist      = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
	CodeDeleted       = "ENTITY_IS_DELETED"
	CodeReference     = "INVALID_CROSS_REFERENCE_KEY"
	CodeNoReference   = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
)

// Refuses returns the answer that an org gives to a write by its own description of the object,
// nil if the description says nothing against it. blobs are the base64 fields that come with the
// record apart from its fields.
//
// The order is the org's: fields are read as they come (an unknown one, a value of another type,
// an id that is none, a text that is too long); then those that may not be written are named all
// together; then those that are missing. Which of several mistakes is named first is not
// documented by the platform, and clients mend one at a time.
//
// A description does not say everything. Validation rules, triggers, duplicate rules, unique
// values, records that are named by an external id, and whether a parent is there are not in it.
func (d Description) Refuses(s cordon.Staged, blobs ...string) *Problem {
	if !d.Whole() {
		return nil
	}
	update := s.Op == cordon.OpUpdate
	byKey := update && strings.Contains(s.RecordID, "/") // creates where there is none
	if byKey {
		if p := d.refusesKey(s.RecordID); p != nil {
			return p
		}
	}
	may := func(f FieldDescription) bool {
		return f.Createable && (!update || byKey) || f.Updateable && update
	}
	var forbidden []string
	given := map[string]bool{}
	for _, blob := range blobs {
		f, known := d.Field(blob)
		if !known {
			return noSuchColumn(blob, d.Name)
		}
		given[f.Name] = true
		if !may(f) {
			forbidden = append(forbidden, f.Name)
		}
	}
	for _, field := range s.Fields {
		f, known := d.Field(field.Name)
		switch {
		case strings.EqualFold(field.Name, "attributes"):
			continue
		case !known:
			if _, leads := d.Relationship(field.Name); !leads {
				return noSuchColumn(field.Name, d.Name)
			}
			f, _ = d.Relationship(field.Name)
			given[f.Name] = true
			continue
		case f.Name == "Id" && !update:
			return problem(CodeField, "cannot specify Id in an insert call")
		case f.Name == "Id":
			return problem(CodeFieldForWrite, "The Id field should not be specified in the sobject data.")
		case !may(f):
			forbidden = append(forbidden, f.Name)
			continue
		}
		has, p := f.refuses(field.Value)
		if p != nil {
			return p
		}
		given[f.Name] = has
	}
	if len(forbidden) > 0 {
		slices.Sort(forbidden)
		return problem(CodeFieldForWrite, "Unable to create/update fields: "+strings.Join(forbidden, ", ")+
			". Please check the security settings of this field and verify that it is read/write for your profile or permission set.", forbidden...)
	}
	if byKey {
		return nil // what is missing may be there already
	}
	if missing := d.missing(given, update); len(missing) > 0 {
		return problem(CodeRequired, "Required fields are missing: ["+strings.Join(missing, ", ")+"]", missing...)
	}
	return nil
}

// missing lists the required fields that a write does not give, or empties.
func (d Description) missing(given map[string]bool, update bool) []string {
	var missing []string
	for _, f := range d.Fields {
		has, named := given[f.Name]
		required := !f.Nillable && !f.DefaultedOnCreate && f.Createable && f.Type != "boolean"
		if required && !has && (!update || named) {
			missing = append(missing, f.Name)
		}
	}
	// Both may be null, and the platform asks for one with the other.
	if strings.EqualFold(d.Name, "ContentVersion") && given["VersionData"] && !given["PathOnClient"] && !update &&
		!slices.Contains(missing, "PathOnClient") {
		missing = append(missing, "PathOnClient")
	}
	return missing
}

// refusesKey checks the field of X/Field/value.
func (d Description) refusesKey(record string) *Problem {
	name, _, _ := strings.Cut(record, "/")
	f, known := d.Field(name)
	if known && (f.ExternalID || f.IDLookup) {
		return nil
	}
	return &Problem{Status: http.StatusNotFound, Errors: []Error{{ErrorCode: CodeNotFound,
		Message: "Provided external ID field does not exist or is not accessible: " + name}}}
}

// refuses checks one value, and says whether it is one at all: null and "" are not.
func (f FieldDescription) refuses(value []byte) (has bool, _ *Problem) {
	var v any
	if json.Unmarshal(value, &v) != nil || v == nil || v == "" {
		return false, nil
	}
	cannot := problem(CodeJSON, fmt.Sprintf("Cannot deserialize instance of %s from VALUE_STRING value %.80v "+
		"or request may be missing a required field", f.Type, v))
	text, isText := v.(string)
	switch f.Type {
	case "boolean":
		if _, is := v.(bool); is || isText && (strings.EqualFold(text, "true") || strings.EqualFold(text, "false") || text == "0" || text == "1") {
			return true, nil
		}
		return true, cannot
	case "int", "long", "double", "currency", "percent":
		if _, is := v.(float64); !is {
			if _, err := strconv.ParseFloat(text, 64); err != nil {
				return true, cannot
			}
		}
		return true, nil
	case "id", "reference":
		if !isText || !IsID(text) {
			return true, problem(CodeMalformedID, fmt.Sprintf("%s: id value of incorrect type: %.80v", f.Label, v), f.Name)
		}
		return true, nil
	case "base64", "date", "datetime", "time":
		if !isText {
			return true, cannot
		}
		return true, nil
	}
	switch v.(type) {
	case string:
	case float64, bool:
		text = strings.TrimSpace(string(value))
	default:
		return true, cannot
	}
	if f.Length > 0 && utf8.RuneCountInString(text) > f.Length {
		return true, problem(CodeTooLong, fmt.Sprintf("%s: data value too large: %.60s (max length=%d)", f.Label, text, f.Length), f.Name)
	}
	if f.Restricted && f.Type == "picklist" && len(f.Values) > 0 && !slices.Contains(f.Values, text) {
		return true, problem(CodePicklist, fmt.Sprintf("%s: bad value for restricted picklist field: %.80s", f.Label, text), f.Name)
	}
	return true, nil
}

func noSuchColumn(name, object string) *Problem {
	p := problem(CodeField, fmt.Sprintf("No such column '%.80s' on sobject of type %s", name, object))
	p.Errors[0].Fields = nil
	return p
}

// problem is an answer of status 400 about the fields named.
func problem(code, message string, fields ...string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Errors: []Error{{Message: message, ErrorCode: code, Fields: append([]string{}, fields...)}}}
}
