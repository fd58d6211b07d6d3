package sim

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// tokenName is what the platform's reader of JSON calls a value in its complaints.
func tokenName(v any) string {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "VALUE_NUMBER_FLOAT"
		}
		return "VALUE_NUMBER_INT"
	case bool:
		if v {
			return "VALUE_TRUE"
		}
		return "VALUE_FALSE"
	case []any:
		return "START_ARRAY"
	case map[string]any:
		return "START_OBJECT"
	}
	return "VALUE_STRING"
}

// firstMember is the name of the first member of the object that a request gave for a field.
// A map has lost the order, so it looks into the request again; what did not come as JSON has
// no order that counts.
func (t *tx) firstMember(field string, of map[string]any) string {
	if name := firstMember(json.NewDecoder(bytes.NewReader(t.source)), field, false); name != "" || len(of) == 0 {
		return name
	}
	return slices.Min(slices.Collect(maps.Keys(of)))
}

// firstMember reads one value. Here says that it is the one looked for. The text was read as
// JSON before, which bounds how deep it goes.
func firstMember(d *json.Decoder, field string, here bool) string {
	t, err := d.Token()
	open, is := t.(json.Delim)
	if err != nil || !is {
		return ""
	}
	for first := true; d.More(); first = false {
		within := false
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return ""
			}
			name, _ := key.(string)
			if here && first {
				return name
			}
			within = strings.EqualFold(name, field)
		}
		if found := firstMember(d, field, within); found != "" {
			return found
		}
	}
	d.Token() // the closing bracket
	return ""
}
