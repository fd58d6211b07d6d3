package sim

import (
	"encoding/json"
	"strconv"
)

// eventFields are the fields of an entity that its events carry, in their order. Bytes are
// never among them.
func eventFields(e *entity) []*field {
	var out []*field
	for _, f := range e.fields {
		switch {
		case f.name == "Id" || f.name == "IsDeleted" || f.name == "SystemModstamp" || f.kind == "base64":
		case e.event && (f.name == "CreatedDate" || f.name == "CreatedById" || f.name == "LastModifiedDate" || f.name == "LastModifiedById" || f.name == "ReplayId"):
		default:
			out = append(out, f)
		}
	}
	return out
}

// avroType is the Avro type of a field.
func avroType(f *field) string {
	switch f.kind {
	case "boolean":
		return "boolean"
	case "int":
		return "int"
	case "double", "currency":
		return "double"
	case "datetime", "date":
		return "long" // milliseconds since 1970
	}
	return "string"
}

// eventValue is a record's value as an event carries it, nil for none.
func eventValue(f *field, v any) any {
	switch v := v.(type) {
	case json.Number:
		n, _ := v.Float64()
		return eventValue(f, n)
	case float64:
		if f.kind == "int" {
			return int32(v)
		}
		return v
	case string:
		switch f.kind {
		case "datetime", "date":
			at, err := parseTime(v)
			if err != nil {
				return nil
			}
			return at.UnixMilli()
		case "int", "double", "currency":
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return nil
			}
			return eventValue(f, n)
		}
		return v
	case bool:
		return v
	}
	return nil
}

type avroField struct {
	Name    string           `json:"name"`
	Type    any              `json:"type"`
	Default *json.RawMessage `json:"default,omitempty"`
}

type avroRecord struct {
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"`
	Type      string      `json:"type"`
	Fields    []avroField `json:"fields"`
}

func optional(e *entity) []avroField {
	null := json.RawMessage("null")
	var out []avroField
	for _, f := range eventFields(e) {
		out = append(out, avroField{f.name, []string{"null", avroType(f)}, &null})
	}
	return out
}

func text(r avroRecord) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic("sim: a schema: " + err.Error())
	}
	return string(b)
}

// changeSchema is the schema of an object's change events.
func changeSchema(e *entity) string {
	list := map[string]any{"type": "array", "items": "string"}
	kinds := map[string]any{"type": "enum", "name": "ChangeType", "symbols": []string{"CREATE", "UPDATE", "DELETE", "UNDELETE",
		"GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"}}
	header := avroRecord{Name: "ChangeEventHeader", Type: "record", Fields: []avroField{
		{"entityName", "string", nil}, {"recordIds", list, nil}, {"changeType", kinds, nil}, {"changeOrigin", "string", nil},
		{"transactionKey", "string", nil}, {"sequenceNumber", "int", nil}, {"commitTimestamp", "long", nil}, {"commitNumber", "long", nil},
		{"commitUser", "string", nil}, {"nulledFields", list, nil}, {"diffFields", list, nil}, {"changedFields", list, nil}}}
	return text(avroRecord{Name: e.name + changeEventSuffix, Namespace: "com.sforce.eventbus", Type: "record",
		Fields: append([]avroField{{"ChangeEventHeader", header, nil}}, optional(e)...)})
}

// platformSchema is the schema of a platform event.
func platformSchema(e *entity) string {
	return text(avroRecord{Name: e.name, Namespace: "com.sforce.eventbus", Type: "record",
		Fields: append([]avroField{{"CreatedDate", "long", nil}, {"CreatedById", "string", nil}}, optional(e)...)})
}
