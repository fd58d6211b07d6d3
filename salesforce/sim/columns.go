package sim

import (
	"slices"
	"strconv"
	"strings"
)

// columns answers a query with columns=true: what its columns are, and no rows. The sf
// command asks so before it shows a table.
func (c *call) columns(q *query, e *entity) (*answer, error) {
	list, err := c.columnsOf(q, e)
	if err != nil {
		return nil, err
	}
	withID := slices.ContainsFunc(q.fields, func(s selected) bool { return len(s.path) == 1 && strings.EqualFold(s.path[0], "Id") })
	return ok(object{{"columnMetadata", list}, {"entityName", e.name}, {"groupBy", q.grouped()}, {"idSelected", withID}, {"keyPrefix", e.prefix}}), nil
}

func (c *call) columnsOf(q *query, e *entity) ([]any, error) {
	list, unnamed := []any{}, 0
	joined := map[string]*object{} // columns of relationships, by name
	for _, s := range q.fields {
		switch {
		case s.sub != nil:
			child, _ := c.o.schema.child(e, s.sub.from)
			if child == nil {
				return nil, noSuchChild(s.sub)
			}
			inner, err := c.columnsOf(s.sub, child)
			if err != nil {
				return nil, err
			}
			list = append(list, columnObject(s.sub.from, s.sub.from, nil, true, inner))
		case s.apply == "FIELDS":
			for _, f := range e.fieldsOf(s.path[0]) {
				list = append(list, columnObject(f.name, f.name, f, false, nil))
			}
		case s.of != nil:
			list = append(list, columnObject(s.of.relation, s.of.relation, nil, false, nil))
		case s.apply != "" && !slices.Contains(formats, s.apply) || s.from != nil:
			name, shown := s.alias, strings.ToLower(s.apply)+"("+strings.Join(s.path, ".")+")"
			if name == "" {
				name = "expr" + strconv.Itoa(unnamed)
				unnamed++
			}
			list = append(list, columnObject(name, shown, nil, true, nil))
		default:
			steps, err := c.resolve(q, e, s.path, s.at)
			if err != nil {
				return nil, err
			}
			list = joinColumn(list, joined, "", steps, s.path[len(s.path)-len(steps):], s.alias)
		}
	}
	return list, nil
}

// joinColumn adds a field to the columns, inside those of the relationships that lead to it.
func joinColumn(list []any, joined map[string]*object, above string, steps []*field, path []string, alias string) []any {
	f := steps[0]
	if len(steps) == 1 {
		name := path[len(path)-1]
		if f != nil {
			name = f.name
		}
		if alias != "" {
			name = alias
		}
		return append(list, columnObject(name, name, f, false, nil))
	}
	key := above + "." + f.relation
	in := joined[key]
	if in == nil {
		o := columnObject(f.relation, f.relation, f, false, nil)
		in = &o
		joined[key] = in
		list = append(list, in)
	}
	for i, m := range *in {
		if m.key == "joinColumns" {
			(*in)[i].value = joinColumn(m.value.([]any), joined, key, steps[1:], path[1:], alias)
		}
	}
	return list
}

func columnObject(name, shown string, f *field, aggregate bool, inner []any) object {
	kind, custom, insertable, updatable := "", false, false, false
	var foreign any
	if f != nil {
		kind, custom, insertable, updatable = f.kind, strings.HasSuffix(f.name, "__c"), !f.noCreate, !f.noUpdate
		if f.relation != "" {
			foreign = f.relation
		}
	}
	numeric := kind == "int" || kind == "double" || kind == "currency"
	apex := map[string]string{"id": "Id", "reference": "Id", "boolean": "Boolean", "int": "Integer", "double": "Double", "currency": "Decimal",
		"date": "Date", "datetime": "Datetime", "base64": "Blob", "address": "Address", "": "Object"}[kind]
	if apex == "" {
		apex = "String"
	}
	if inner == nil {
		inner = []any{}
	}
	return object{{"aggregate", aggregate}, {"apexType", apex}, {"booleanType", kind == "boolean"}, {"columnName", name}, {"custom", custom},
		{"displayName", shown}, {"foreignKeyName", foreign}, {"insertable", insertable}, {"joinColumns", inner}, {"numberType", numeric},
		{"textType", apex == "String"}, {"updatable", updatable}}
}

// fieldsOf are the fields that FIELDS(which) stands for.
func (e *entity) fieldsOf(which string) []*field {
	var out []*field
	for _, f := range e.fields {
		custom := strings.HasSuffix(f.name, "__c")
		if which := strings.ToUpper(which); which == "ALL" || which == "CUSTOM" && custom || which == "STANDARD" && !custom {
			out = append(out, f)
		}
	}
	return out
}
