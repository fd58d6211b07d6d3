package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// schema is a JSON Schema as OpenAPI 3.1 uses it.
type schema map[string]any

// closed lists of words that a type may take.
var words = map[reflect.Type][]string{
	reflect.TypeFor[cordon.State]():         strs(cordon.States()),
	reflect.TypeFor[cordon.Outcome]():       strs([]cordon.Outcome{cordon.Synthetic, cordon.Altered, cordon.NoSign, cordon.CannotTell, cordon.NotTested}),
	reflect.TypeFor[cordon.Action]():        strs([]cordon.Action{cordon.Pass, cordon.Watch, cordon.Hold, cordon.Page}),
	reflect.TypeFor[cordon.Reason]():        strs(cordon.Reasons()),
	reflect.TypeFor[cordon.FindingStatus](): strs([]cordon.FindingStatus{cordon.StatusFound, cordon.StatusNone, cordon.StatusNotApplicable, cordon.StatusFailed}),
	reflect.TypeFor[cordon.Class]():         strs([]cordon.Class{cordon.Deterministic, cordon.Statistical, cordon.Context}),
	reflect.TypeFor[cordon.Review]():        strs([]cordon.Review{cordon.Genuine, cordon.LawfulSynthetic, cordon.Harmful}),
}

func strs[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

// schemas collects the named schemas of a document while types are described.
type schemas map[string]schema

// of describes a Go type as encoding/json writes it. Structs become named schemas.
func (all schemas) of(t reflect.Type) schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case words[t] != nil:
		return schema{"type": "string", "enum": words[t]}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schema{"anyOf": []schema{all.of(t.Elem()), {"type": "null"}}}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return schema{"type": "integer"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Slice:
		return schema{"type": "array", "items": all.of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return schema{"type": "object"}
		}
		return schema{"type": "object", "additionalProperties": all.of(t.Elem())}
	case reflect.Struct:
		return all.object(t)
	}
	panic(fmt.Sprintf("api: no schema for %s", t)) // only while New runs, over our own types
}

func (all schemas) object(t reflect.Type) schema {
	name := strings.TrimSuffix(t.Name(), "Body")
	if name != "" {
		name = strings.ToUpper(name[:1]) + name[1:]
		if all[name] != nil {
			return schema{"$ref": "#/components/schemas/" + name}
		}
		all[name] = schema{} // before the fields: a type may contain itself
	}
	properties, required := schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) { // those of embedded structs as well
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			continue
		}
		if tag == "-" || !f.IsExported() {
			continue
		}
		p := all.of(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			p["description"] = doc
		}
		properties[tag] = p
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			required = append(required, tag)
		}
	}
	s := schema{"type": "object", "properties": properties, "required": required}
	if name == "" {
		return s
	}
	all[name] = s
	return schema{"$ref": "#/components/schemas/" + name}
}

// named says what the parameters in paths are.
var named = map[string]string{
	"id": "The item's id, `itm_…`.", "entry": "SHA-256 of the file's exact bytes, as 64 hex digits; to delete, an entry's id, `knw_…`, as well.", "name": "The backfill's name.",
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// document builds the OpenAPI description of the table.
func document(table []endpoint) ([]byte, error) {
	all := schemas{}
	failure := schema{"description": "What went wrong, and what to do.",
		"content": schema{"application/json": schema{"schema": all.of(reflect.TypeFor[errorBody]())}}}
	paths := map[string]schema{}
	for _, e := range table {
		op := schema{"summary": e.summary, "operationId": operationID(e), "responses": all.responses(e)}
		about := e.about
		if !e.open {
			about = strings.TrimSpace(about + "\n\nTakes the permission `" + e.names() + "`.")
		} else {
			op["security"] = []schema{}
		}
		if about != "" {
			op["description"] = about
		}
		if p := parameters(e); len(p) > 0 {
			op["parameters"] = p
		}
		if e.request != nil {
			op["requestBody"] = schema{"required": true, "content": all.bodies(*e.request)}
		}
		if paths[e.path] == nil {
			paths[e.path] = schema{}
		}
		paths[e.path][strings.ToLower(e.method)] = op
	}
	doc := schema{
		"openapi": "3.1.0",
		"info": schema{"title": "Cordon", "version": "1",
			"description": "Ask whether a photo, scan, recording or document may be synthetic or altered, decide on what is held, and prove what was done. Fields are only ever added; arrays are never null."},
		"security": []schema{{"token": []string{}}},
		"paths":    paths,
		"components": schema{
			"schemas":         all,
			"responses":       schema{"Failure": failure},
			"securitySchemes": schema{"token": schema{"type": "http", "scheme": "bearer", "bearerFormat": "crd_…"}},
		},
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: describe: %w", err)
	}
	return data, nil
}

func operationID(e endpoint) string {
	id := strings.ToLower(e.method)
	for part := range strings.FieldsFuncSeq(e.path, func(r rune) bool { return strings.ContainsRune("/{}._-", r) }) {
		if part != "v1" {
			id += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return id
}

func parameters(e endpoint) []schema {
	var out []schema
	for _, m := range inPath.FindAllStringSubmatch(e.path, -1) {
		about := named[m[1]]
		if strings.HasPrefix(e.path, "/v1/alerts/") {
			about = "The alert's id, `alr_…`."
		}
		out = append(out, schema{"in": "path", "name": m[1], "required": true, "schema": schema{"type": "string"}, "description": about})
	}
	for _, p := range e.params {
		out = append(out, schema{"in": p.in, "name": p.name, "description": p.about, "schema": p.schema})
	}
	return out
}

func (all schemas) responses(e endpoint) schema {
	out := schema{"default": schema{"$ref": "#/components/responses/Failure"}}
	for _, a := range e.answers {
		r := schema{"description": a.about}
		if a.content != nil {
			r["content"] = all.bodies(*a.content)
		}
		if len(a.headers) > 0 {
			headers := schema{}
			for _, h := range a.headers {
				headers[h] = schema{"schema": schema{"type": "string"}}
			}
			r["headers"] = headers
		}
		out[strconv.Itoa(a.status)] = r
	}
	return out
}

func (all schemas) bodies(c content) schema {
	out := schema{}
	for _, t := range c.types {
		media := schema{}
		switch {
		case c.value != nil && t != "text/html":
			media["schema"] = all.of(reflect.TypeOf(c.value))
		case t == "multipart/form-data":
			media["schema"] = schema{"type": "object", "required": []string{"file"}, "properties": schema{
				"name": schema{"type": "string"}, "route": schema{"type": "string"}, "subject": schema{"type": "string"},
				"callback_url": schema{"type": "string"}, "file": schema{"type": "string", "format": "binary", "description": "Must be the last part."}}}
		case t == "application/json":
			media["schema"] = schema{"type": "object"}
		default:
			media["schema"] = schema{"type": "string"}
		}
		out[t] = media
	}
	return out
}
