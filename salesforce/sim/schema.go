package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// entity is one object of the org's schema.
type entity struct {
	name, label, prefix          string
	noCreate, noUpdate, noDelete bool
	event                        bool
	tooling                      bool // only the Tooling API knows it
	derived                      bool // its records are made of others when somebody asks
	fields                       []*field
	byName                       map[string]*field // lower case
	byRelation                   map[string]*field // lower case, "owner" → OwnerId
}

// field is one field of an entity.
type field struct {
	name, label, kind            string
	length                       int
	required, nameField, auto    bool
	noCreate, noUpdate           bool
	external, unique             bool
	to                           []string
	values                       []string // of a restricted picklist
	relation, children, fallback string
}

// schema holds entities by lower-case name, and in the order they were declared.
type schema struct {
	byName map[string]*entity
	order  []*entity
}

func newSchema(texts ...string) (*schema, error) {
	s := &schema{byName: map[string]*entity{}}
	for _, text := range texts {
		if err := s.read(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *schema) read(text string) error {
	var in *entity
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		fail := func(why string) error { return fmt.Errorf("schema line %d: %s: %q", n+1, why, line) }
		switch words[0] {
		case "object", "event":
			if len(words) < 3 || len(words[2]) != 3 {
				return fail("an object needs a name and a key prefix of three characters")
			}
			in = &entity{name: words[1], label: labelOf(words[1]), prefix: words[2], event: words[0] == "event",
				byName: map[string]*field{}, byRelation: map[string]*field{}}
			if s.byName[strings.ToLower(in.name)] != nil {
				return fail("declared twice; use extend to add fields")
			}
			for _, w := range words[3:] {
				switch key, value, _ := strings.Cut(w, "="); key {
				case "nocreate":
					in.noCreate = true
				case "noupdate":
					in.noUpdate = true
				case "nodelete":
					in.noDelete = true
				case "tooling":
					in.tooling = true
				case "derived":
					in.derived, in.noCreate, in.noUpdate, in.noDelete = true, true, true, true
				case "label":
					in.label = strings.ReplaceAll(value, "_", " ")
				default:
					return fail("unknown word " + w)
				}
			}
			in.add(&field{name: "Id", label: in.label + " ID", kind: "id", length: 18, noCreate: true, noUpdate: true})
			s.byName[strings.ToLower(in.name)] = in
			s.order = append(s.order, in)
			for _, l := range strings.Split(strings.TrimSpace(systemFields), "\n") {
				f, err := readField(strings.Fields(l))
				if err != nil {
					return fail(err.Error())
				}
				in.add(f)
			}
		case "extend":
			if len(words) != 2 || s.byName[strings.ToLower(words[1])] == nil {
				return fail("extend needs the name of an object that is there")
			}
			in = s.byName[strings.ToLower(words[1])]
		default:
			if in == nil {
				return fail("a field before the first object")
			}
			f, err := readField(words)
			if err != nil {
				return fail(err.Error())
			}
			if in.byName[strings.ToLower(f.name)] != nil {
				return fail("field declared twice")
			}
			in.add(f)
		}
	}
	return nil
}

var fieldKinds = []string{"id", "string", "textarea", "html", "boolean", "int", "double", "currency", "date",
	"datetime", "reference", "picklist", "base64", "email", "phone", "url", "address"}

func readField(words []string) (*field, error) {
	if len(words) < 2 || !slices.Contains(fieldKinds, words[1]) {
		return nil, fmt.Errorf("a field needs a name and one of the types %s", strings.Join(fieldKinds, ", "))
	}
	f := &field{name: words[0], label: labelOf(words[0]), kind: words[1]}
	switch f.kind {
	case "reference":
		f.length = 18
	case "address":
		f.noCreate, f.noUpdate = true, true
	}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "required":
			f.required = true
		case "name":
			f.nameField = true
		case "auto":
			f.auto, f.noCreate, f.noUpdate = true, true, true
		case "readonly":
			f.noCreate, f.noUpdate = true, true
		case "createonly":
			f.noUpdate = true
		case "ext":
			f.external = true
		case "unique":
			f.unique = true
		case "to":
			f.to = strings.Split(value, ",")
		case "values":
			f.values = strings.Split(value, ",")
		case "rel":
			f.relation = value
		case "children":
			f.children = value
		case "default":
			f.fallback = value
		default:
			n, err := strconv.Atoi(w)
			if err != nil {
				return nil, fmt.Errorf("unknown word %s", w)
			}
			f.length = n
		}
	}
	return f, nil
}

func (e *entity) add(f *field) {
	e.fields = append(e.fields, f)
	e.byName[strings.ToLower(f.name)] = f
	if f.relation != "" {
		e.byRelation[strings.ToLower(f.relation)] = f
	}
}

func (e *entity) field(name string) *field { return e.byName[strings.ToLower(name)] }

func (s *schema) entity(name string) *entity { return s.byName[strings.ToLower(name)] }

func (s *schema) byPrefix(id string) *entity {
	for _, e := range s.order {
		if strings.HasPrefix(id, e.prefix) {
			return e
		}
	}
	return nil
}

// child finds the entity and field behind a child relationship such as Contacts.
func (s *schema) child(parent *entity, relation string) (*entity, *field) {
	for _, e := range s.order {
		for _, f := range e.fields {
			if strings.EqualFold(f.children, relation) && f.pointsAt(parent) {
				return e, f
			}
		}
	}
	return nil, nil
}

func (f *field) pointsAt(e *entity) bool {
	return slices.Contains(f.to, e.name) || slices.Contains(f.to, "*")
}

// labelOf spells an API name the way the user interface would.
func labelOf(api string) string {
	api = strings.TrimSuffix(strings.TrimSuffix(api, "__c"), "__e")
	var b strings.Builder
	runes := []rune(strings.ReplaceAll(api, "_", " "))
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	label := b.String()
	if strings.HasSuffix(label, " Id") {
		label = strings.TrimSuffix(label, "Id") + "ID"
	}
	return label
}
