package sim

// soapTypes are the types of fields as SOAP and describe name them.
var soapTypes = map[string]string{"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int",
	"double": "xsd:double", "currency": "xsd:double", "date": "xsd:date", "datetime": "xsd:dateTime", "base64": "xsd:base64Binary", "address": "urn:address"}

// describeShort is what a describe of the org, and of an object without its fields, says.
// It depends on what the caller may do.
func (t *tx) describeShort(e *entity) object {
	a := t.access(e)
	url := t.base() + "/sobjects/" + e.name
	custom := len(e.name) > 3 && (e.name[len(e.name)-3:] == "__c" || e.event)
	return object{
		{"activateable", false}, {"createable", a.Create && !e.noCreate}, {"custom", custom}, {"customSetting", false},
		{"deletable", a.Delete && !e.noDelete && !e.event}, {"deprecatedAndHidden", false}, {"feedEnabled", false},
		{"keyPrefix", e.prefix}, {"label", e.label}, {"labelPlural", e.label + "s"}, {"layoutable", !e.event},
		{"mergeable", false}, {"mruEnabled", false}, {"name", e.name}, {"queryable", a.Read && !e.event},
		{"replicateable", !e.event}, {"retrieveable", a.Read && !e.event}, {"searchable", e.searchable()}, {"triggerable", true},
		{"undeletable", a.Delete && !e.noDelete && !e.event}, {"updateable", a.Edit && !e.noUpdate && !e.event},
		{"urls", object{{"describe", url + "/describe"}, {"rowTemplate", url + "/{ID}"}, {"sobject", url}}},
	}
}

func (t *tx) describe(e *entity) object {
	a := t.access(e)
	fields := []any{}
	for _, f := range e.fields {
		fields = append(fields, describeField(f, a))
	}
	kids := []any{}
	for _, child := range t.o.schema.order {
		for _, f := range child.fields {
			if f.children != "" && f.pointsAt(e) {
				kids = append(kids, object{{"cascadeDelete", f.required}, {"childSObject", child.name}, {"deprecatedAndHidden", false},
					{"field", f.name}, {"relationshipName", f.children}, {"restrictedDelete", false}})
			}
		}
	}
	return append(object{{"actionOverrides", []any{}}, {"childRelationships", kids}, {"compactLayoutable", false}, {"fields", fields}, {"recordTypeInfos", []any{}}, {"supportedScopes", []any{}}},
		t.describeShort(e)...)
}

func describeField(f *field, a Access) object {
	kind := f.kind
	if kind == "html" {
		kind = "textarea"
	}
	soap := soapTypes[f.kind]
	if soap == "" {
		soap = "xsd:string"
	}
	to := []string{}
	if len(f.to) > 0 && f.to[0] != "*" {
		to = f.to
	}
	filterable := f.filterable()
	return object{
		{"autoNumber", f.auto}, {"byteLength", f.length}, {"calculated", false}, {"createable", a.Create && !f.noCreate},
		{"custom", len(f.name) > 3 && f.name[len(f.name)-3:] == "__c"}, {"defaultValue", orNil(f.fallback)},
		{"defaultedOnCreate", f.fallback != "" || f.auto || f.name == "OwnerId" || f.name == "Id"},
		{"deprecatedAndHidden", false}, {"externalId", f.external}, {"filterable", filterable}, {"groupable", f.groupable()}, {"aggregatable", filterable && f.kind != "boolean"},
		{"extraTypeInfo", orNil(map[bool]string{true: "richtextarea"}[f.kind == "html"])}, {"htmlFormatted", f.kind == "html"}, {"idLookup", f.external || f.name == "Id"}, {"label", f.label}, {"length", f.length},
		{"name", f.name}, {"nameField", f.nameField}, {"nillable", !f.required && f.name != "Id" && f.kind != "boolean"},
		{"picklistValues", f.picklist()}, {"polymorphicForeignKey", len(f.to) > 1 || len(f.to) == 1 && f.to[0] == "*"},
		{"precision", 0}, {"referenceTo", to}, {"relationshipName", orNil(f.relation)}, {"restrictedPicklist", len(f.values) > 0},
		{"scale", 0}, {"soapType", soap}, {"sortable", filterable}, {"type", kind}, {"unique", f.unique},
		{"updateable", a.Edit && !f.noUpdate},
	}
}

// picklist lists the values of a restricted picklist.
func (f *field) picklist() []any {
	list := []any{}
	for _, v := range f.values {
		list = append(list, object{{"active", true}, {"defaultValue", v == f.fallback}, {"label", v}, {"validFor", nil}, {"value", v}})
	}
	return list
}
