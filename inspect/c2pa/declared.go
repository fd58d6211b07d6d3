package c2pa

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

const iptc = "http://cv.iptc.org/newscodes/digitalsourcetype/"

// maxDeclared bounds how many declarations of one file are listed, and maxText how long
// each may be: they are a stranger's text.
const (
	maxDeclared = 64
	maxText     = 200
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
	}
	if n := len(p.Manifests); n > 0 {
		p.ClaimGenerator = p.Manifests[n-1].ClaimGenerator
	}
}

// declared gathers what one manifest says.
func (m *manifest) declared() *declared {
	d := &declared{}
	for _, a := range m.assertions {
		if strings.HasPrefix(a.base(), "c2pa.ingredient") {
			d.types = merge(d.types, ofIngredient(a.box.content("cbor")))
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
	return texts(v["digitalSourceType"])
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

// declared gathers values from decoded CBOR or JSON.
type declared struct{ types, agents []string }

func (d *declared) walk(v any, depth int) {
	if depth > 32 {
		return
	}
	each := func(key string, val any) {
		// "Iptc4xmpExt:digitalSourceType", "com.adobe.digitalSourceType"
		name := key[strings.LastIndexAny(key, ":.")+1:]
		switch {
		case strings.EqualFold(name, "digitalSourceType"):
			d.types = merge(d.types, texts(val))
		case name == "softwareAgent" || name == "softwareAgents":
			d.agents = merge(d.agents, texts(val))
		}
		d.walk(val, depth+1)
	}
	switch v := v.(type) {
	case map[any]any:
		for _, k := range sortedKeys(v) {
			each(k, v[k])
		}
	case map[string]any:
		for k, val := range v {
			each(k, val)
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

// classify looks at the last part of a source type, so that http, https and bare terms, in
// any case, mean the same.
func classify(sourceType string) sourceKind {
	t := strings.TrimRight(strings.TrimSpace(sourceType), "/#")
	t = t[strings.LastIndexAny(t, "/#:")+1:]
	switch strings.ToLower(t) {
	case "trainedalgorithmicmedia", "trainedalgorithmicdata":
		return generated
	case "compositewithtrainedalgorithmicmedia", "compositesynthetic":
		return composite
	}
	return otherSource
}
