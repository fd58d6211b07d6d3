package c2pa

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/declared"
)

const iptc = "http://cv.iptc.org/newscodes/digitalsourcetype/"

// maxDeclared bounds how many declarations of one file are listed, and maxText how long
// each may be: they are a stranger's text.
const (
	maxDeclared = 64
	maxText     = 200
	maxSaid     = 64 << 10 // bytes of one text that is held against the dictionary
)

// declarations collects what all manifests of the store say of how the content was made. It
// does not ask whether their signatures hold.
func (r *run) declarations(p *Provenance) {
	for _, m := range r.store.manifests {
		d, labels := m.declared(), []string{}
		for _, a := range m.assertions {
			labels = append(labels, clip(a.label))
		}
		one := Manifest{Label: clip(m.label), SourceTypes: d.types, Assertions: labels[:min(len(labels), maxDeclared)]}
		if one.SourceTypes == nil {
			one.SourceTypes = []string{}
		}
		if m.claim != nil {
			one.ClaimGenerator, one.Title = clip(m.claim.generator()), clip(m.claim.Title)
		}
		p.Manifests = append(p.Manifests, one)
		p.SourceTypes = merge(p.SourceTypes, d.types)
		p.SoftwareAgents = merge(p.SoftwareAgents, d.agents)
		p.Disclosures = merge(p.Disclosures, d.disclosed)
		p.say(d)
		p.say(&declaration{fields: []declared.Field{program("claimGenerator", one.ClaimGenerator)}})
	}
	if n := len(p.Manifests); n > 0 {
		p.ClaimGenerator = p.Manifests[n-1].ClaimGenerator
	}
}

// declared gathers what one manifest says.
func (m *manifest) declared() *declaration {
	d := &declaration{}
	for _, a := range m.assertions {
		if strings.HasPrefix(a.base(), "c2pa.ingredient") {
			d.types = merge(d.types, ofIngredient(a.box.content("cbor")))
			continue
		}
		if strings.HasSuffix(a.base(), "ai-disclosure") {
			d.disclosed = merge(d.disclosed, disclosure(a.box.content("cbor"), a.box.content("json")))
			continue
		}
		if !declares(a.base()) {
			continue
		}
		if b := a.box.content("cbor"); b != nil {
			var v any
			if decode(b, &v) == nil {
				d.walk(v, 0)
			} else {
				d.types = merge(d.types, search(b))
			}
		}
		if b := a.box.content("json"); b != nil {
			var v any
			if json.Unmarshal(b, &v) == nil {
				d.walk(v, 0)
			} else {
				d.types = merge(d.types, search(b))
			}
		}
	}
	if m.problem != nil && m.claim == nil && len(m.assertions) == 0 {
		d.types = search(m.box.payload)
	}
	return d
}

// ofIngredient returns the source type that an ingredient is said to have (C2PA 2.4), in its own
// words and not in those of what is in it.
func ofIngredient(b []byte) []string {
	var v map[string]any
	if b == nil || decode(b, &v) != nil {
		return nil
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if declared.Plain(key) == "digitalsourcetype" {
			out = append(out, texts(v[key])...)
		}
	}
	return out
}

// earlierDeclarations adds what the stores of earlier states of the file say: saving it once
// more must not silence them.
func (r *run) earlierDeclarations(p *Provenance) {
	for _, b := range r.where.earlier {
		st, err := readStore(b, r.v.limits, r.b)
		if err != nil {
			if found := search(b); found != nil {
				p.SourceTypes, p.Searched = merge(p.SourceTypes, found), true
			}
			continue
		}
		for _, m := range st.manifests {
			d := m.declared()
			p.SourceTypes, p.SoftwareAgents = merge(p.SourceTypes, d.types), merge(p.SoftwareAgents, d.agents)
			p.Disclosures = merge(p.Disclosures, d.disclosed)
			p.say(d)
		}
	}
}

// search looks for declarations in bytes that cannot be parsed.
func search(b []byte) []string {
	var out []string
	for _, t := range []string{"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"} {
		if bytes.Contains(b, []byte(t)) {
			out = append(out, iptc+t)
		}
	}
	return out
}

// declares reports whether assertions of that name may say how the content was made.
// Ingredient assertions are left out: their manifests speak for themselves.
func declares(base string) bool {
	return base == "c2pa.actions" || base == "stds.iptc" || base == "stds.exif" || base == "stds.xmp" ||
		base == "stds.schema-org.CreativeWork" || strings.HasSuffix(base, ".metadata") || strings.HasPrefix(base, "stds.iptc.")
}

// declaration gathers values from decoded CBOR or JSON.
type declaration struct {
	types, agents, disclosed []string
	fields                   []declared.Field
}

// maxFields bounds what is held against the dictionary, of one file.
const maxFields = 512

// say adds what is held against the dictionary.
func (p *Provenance) say(d *declaration) {
	p.fields = append(p.fields, d.fields[:min(len(d.fields), maxFields-len(p.fields))]...)
}

// program is a name of a program as it is written elsewhere: "Adobe_Firefly/1.0" is "Adobe Firefly 1.0".
func program(key, name string) declared.Field {
	return declared.Field{Place: "c2pa", Key: key, Value: strings.NewReplacer("_", " ", "/", " ").Replace(name)}
}

// disclosure is what an assertion on the use of AI names, at least that there is one.
func disclosure(asCBOR, asJSON []byte) (out []string) {
	var v any
	if asCBOR == nil || decode(asCBOR, &v) != nil {
		if json.Unmarshal(asJSON, &v) != nil {
			return []string{"its content cannot be read"}
		}
	}
	get := func(key string) string { return "" }
	switch v := v.(type) {
	case map[any]any:
		get = func(key string) string { s, _ := v[key].(string); return s }
	case map[string]any:
		get = func(key string) string { s, _ := v[key].(string); return s }
	}
	for _, key := range []string{"modelName", "modelIdentifier", "modelType"} {
		if s := clip(get(key)); s != "" {
			return []string{s}
		}
	}
	return []string{"no model is named"}
}

func (d *declaration) walk(v any, depth int) {
	if depth > 32 {
		return
	}
	each := func(key string, val any) {
		// "Iptc4xmpExt:digitalSourceType", "com.adobe.digitalSourceType"
		switch name := declared.Plain(key); name {
		case "digitalsourcetype", "digitalsourcetypes", "digitalsourcefiletype":
			d.types = merge(d.types, texts(val))
		case "softwareagent", "softwareagents":
			d.agents = merge(d.agents, texts(val))
			for _, s := range texts(val) {
				d.fields = append(d.fields, program("softwareAgent", s))
			}
		default:
			if s, ok := val.(string); ok && len(d.fields) < maxFields {
				d.fields = append(d.fields, declared.Field{Place: "c2pa", Key: name, Value: s[:min(len(s), maxSaid)]})
			}
		}
		d.walk(val, depth+1)
	}
	switch v := v.(type) {
	case map[any]any:
		for _, k := range sortedKeys(v) {
			each(k, v[k])
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			each(k, v[k])
		}
	case []any:
		for _, val := range v {
			d.walk(val, depth+1)
		}
	}
}

func sortedKeys(m map[any]any) []string {
	var out []string
	for k := range m {
		if s, ok := k.(string); ok {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// texts returns the text that stands for a value: itself, a name, an @id or @value, or
// those of a list's members.
func texts(v any) []string {
	field := func(get func(string) any) []string {
		for _, k := range []string{"name", "@id", "@value"} {
			if s, ok := get(k).(string); ok {
				return []string{clip(s)}
			}
		}
		return nil
	}
	switch v := v.(type) {
	case string:
		return []string{clip(v)}
	case map[any]any:
		return field(func(k string) any { return v[k] })
	case map[string]any:
		return field(func(k string) any { return v[k] })
	case []any:
		var out []string
		for _, one := range v[:min(len(v), maxDeclared)] {
			if _, nested := one.([]any); !nested {
				out = append(out, texts(one)...)
			}
		}
		return out
	}
	return nil
}

// merge adds what is not there yet, up to maxDeclared.
func merge(list, more []string) []string {
	for _, s := range more {
		if s != "" && len(list) < maxDeclared && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func clip(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// sourceKind says what a digital source type means for us.
type sourceKind int

const (
	otherSource sourceKind = iota
	generated              // a trained model made it
	composite              // a trained model, or several sources with one among them, made parts of it
)

// classify says what a source type means here, however it is written.
func classify(sourceType string) sourceKind {
	switch declared.Classify(sourceType) {
	case declared.Trained:
		return generated
	case declared.PartlyTrained:
		return composite
	}
	return otherSource
}
