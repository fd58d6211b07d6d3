package inline

import (
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

// asker returns what the org says of an object to the caller, nil if it does not say.
type asker func(version, object string) *salesforce.Description

// asker asks with the caller's own token, and only where somebody wants to know.
func (c *call) asker() asker {
	return func(version, object string) *salesforce.Description {
		creds, ok := credentialsOf(c.in)
		if !ok || !salesforce.IsName(object) {
			return nil
		}
		d, err := c.tenant.callers.describe(c.in.Context(), creds, version, object)
		if err != nil || !d.Whole() {
			return nil // names decide then
		}
		return d
	}
}

// notThere is the org's own answer where it has no such object for the caller, so that a wrong
// name is called a wrong name. It is asked only for what would be refused anyway.
func (c *call) notThere() error {
	t := c.target
	if !t.takesRecords() || t.object == "" || t.version == "" {
		return nil
	}
	creds, ok := credentialsOf(c.in)
	if !ok {
		return nil
	}
	_, err := c.tenant.callers.describe(c.in.Context(), creds, t.version, t.object)
	if _, native := err.(*nativeAnswer); native {
		return err
	}
	return nil
}

// record is what is known of the object whose fields are looked through.
type record struct {
	object  string          // "" where it is not known
	blob    salesforce.Blob // of object, zero if the list has none
	deep    bool            // the object is not known for certain: names alone must do
	version string
	ask     asker
}

func recordOf(object, version string, ask asker) record {
	blob, _ := salesforce.FindBlob(object)
	return record{object: object, blob: blob, version: version, ask: ask}
}

// fieldsOf is what the path says of the record in the body.
func (t target) fieldsOf() record {
	r := record{object: t.object, blob: t.blob, deep: t.deep, version: t.version, ask: t.ask}
	if !t.deep {
		return r
	}
	r.object = ""
	// A path through a relationship: the org says where it leads.
	if t.relation == "" || t.ask == nil {
		return r
	}
	if d := t.ask(t.version, t.object); d != nil {
		if f, ok := d.Relationship(t.relation); ok && len(f.ReferenceTo) == 1 {
			return recordOf(f.ReferenceTo[0], t.version, t.ask)
		}
	}
	return r
}

// encodedLength is from where on a text of nothing but base64 may be a file whatever its field is
// called, so that the org is asked for the field's type.
const encodedLength = 128

// takesFile reports whether a value is written into a field that holds a file: by object and
// field, and where the object is not on the list, by what the org says of the field.
func (r record) takesFile(field string, v *node) bool {
	switch {
	case v.kind == 'n':
		return false
	case r.blob.HasField(field):
		return true
	case v.kind != '"':
		return false
	}
	named := r.deep && salesforce.IsBlobField(field)
	if !named && !isEncoded(v.text) {
		return false
	}
	if r.object != "" && r.ask != nil {
		if d := r.ask(r.version, r.object); d != nil {
			if f, ok := d.Field(strings.TrimSpace(field)); ok {
				return f.Type == "base64"
			}
		}
	}
	return named
}

// isEncoded reports whether a text is long and nothing but base64.
func isEncoded(s string) bool {
	if len(s) < encodedLength {
		return false
	}
	for i := range len(s) {
		if v := sextets[s[i]]; v >= 64 && v != b64Pad && !isBreak(s[i]) {
			return false
		}
	}
	return true
}

// examineRecord looks through the fields of one record, and of records within it.
func (t target) examineRecord(n *node) string {
	switch n.kind {
	case 'n':
		return ""
	case '{':
		return examineFields(n, t.fieldsOf())
	}
	return examinePlain(n) // no record: the org says so, if it is no file either
}

// examineFields looks through a record's fields.
func examineFields(n *node, r record) string {
	if attributes := n.get("attributes"); attributes != nil {
		if typ := attributes.textOf("type"); typ != "" {
			if !salesforce.IsName(typ) {
				return "a record does not name its object plainly"
			}
			switch {
			case r.object == "":
				r = recordOf(typ, r.version, r.ask)
			case !strings.EqualFold(r.object, typ):
				// Which of the two the org goes by is not for the client to choose.
				if other, ok := salesforce.FindBlob(typ); ok && r.blob.Object == "" {
					r.blob = other
				} else if ok && other.Object != r.blob.Object {
					r.deep = true
				}
			}
		}
	}
	for i := range n.members {
		m := &n.members[i]
		name := strings.TrimSpace(m.name)
		switch {
		case r.takesFile(name, &m.value):
			return "it carries a file in the field " + cutRunes(name, 80)
		case m.value.kind != 'n' && strings.EqualFold(name, salesforce.FieldContentBodyID):
			return "a record takes its content from one uploaded apart from it (ContentBodyId)"
		}
		switch m.value.kind {
		case '{':
			if why := examineFields(&m.value, r.within(&m.value)); why != "" {
				return why
			}
		case '[':
			for k := range m.value.items {
				item := &m.value.items[k]
				if item.kind != '{' {
					continue
				}
				if why := examineFields(item, r.within(item)); why != "" {
					return why
				}
			}
		}
		if why := scanValue(&m.value, textRule); why != "" {
			return "the field " + cutRunes(name, 80) + " holds " + why
		}
	}
	return ""
}

// within is a record inside the record, which says which object it is or leaves it open.
func (r record) within(n *node) record {
	return record{deep: !isTyped(n), version: r.version, ask: r.ask}
}

// isTyped reports whether a record says which object it is.
func isTyped(n *node) bool {
	a := n.get("attributes")
	return a != nil && a.textOf("type") != ""
}
