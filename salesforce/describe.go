package salesforce

import (
	"encoding/json"
	"slices"
	"strings"
)

// Description is what an org says of an object to one caller.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
type Description struct {
	Name       string             `json:"name"`
	Label      string             `json:"label"`
	Createable bool               `json:"createable"`
	Updateable bool               `json:"updateable"`
	Queryable  bool               `json:"queryable"`
	Fields     []FieldDescription `json:"fields"`
}

// Keyed reports whether a write of Cordon's always carries its key, and the org has each key once:
// only then does an empty answer prove that nothing of a write is there.
func (d Description) Keyed() bool {
	f, has := d.Field(KeyField)
	return has && f.Unique && f.Createable
}

// FieldDescription is what an org says of a field.
type FieldDescription struct {
	Name       string `json:"name"`
	Label      string `json:"label"`
	Type       string `json:"type"`
	Length     int    `json:"length"` // in characters, 0 where there is no limit
	Createable bool   `json:"createable"`
	Updateable bool   `json:"updateable"`
	Groupable  bool   `json:"groupable"`     // a query may group by it
	HTML       bool   `json:"htmlFormatted"` // rich text, which may hold images

	Nillable          bool         `json:"nillable"`
	DefaultedOnCreate bool         `json:"defaultedOnCreate"`
	ExternalID        bool         `json:"externalId"`
	Unique            bool         `json:"unique"`           // the org refuses a second record with the value
	IDLookup          bool         `json:"idLookup"`         // records are found by it, as by an external id
	RelationshipName  string       `json:"relationshipName"` // "" if it leads nowhere
	ReferenceTo       []string     `json:"referenceTo"`
	Values            PicklistOnly `json:"picklistValues"`
	Restricted        bool         `json:"restrictedPicklist"`
}

// PicklistOnly are the active values of a picklist.
type PicklistOnly []string

// UnmarshalJSON keeps what may be written.
func (p *PicklistOnly) UnmarshalJSON(b []byte) error {
	var values []struct {
		Active bool
		Value  string
	}
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	*p = nil
	for _, v := range values {
		if v.Active {
			*p = append(*p, v.Value)
		}
	}
	return nil
}

// Field returns the description of a field. Case does not matter.
func (d Description) Field(name string) (FieldDescription, bool) {
	i := slices.IndexFunc(d.Fields, func(f FieldDescription) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return FieldDescription{}, false
	}
	return d.Fields[i], true
}

// Relationship returns the field behind the name of a relationship. Case does not matter.
func (d Description) Relationship(name string) (FieldDescription, bool) {
	i := slices.IndexFunc(d.Fields, func(f FieldDescription) bool {
		return f.RelationshipName != "" && strings.EqualFold(f.RelationshipName, name)
	})
	if i < 0 {
		return FieldDescription{}, false
	}
	return d.Fields[i], true
}

// Whole reports whether this is a description that lists fields. Every object has an Id: where
// none is listed, nothing follows from a field that is not listed either.
func (d Description) Whole() bool {
	_, has := d.Field("Id")
	return has
}
