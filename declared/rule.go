package declared

import (
	"slices"
	"strings"
)

// Strength is how much a rule's evidence says.
type Strength string

// Strengths.
const (
	Declares  Strength = "declares"  // metadata that this generator writes into what it makes
	Synthetic Strength = "synthetic" // a standard tag: a trained model made it
	Composite Strength = "composite" // a standard tag: a trained model made parts of it
	Editor    Strength = "editor"    // a program saved it; neutral
	Camera    Strength = "camera"    // a device says it took it; proves nothing
	Stated    Strength = "stated"    // a standard tag says something else of the origin; neutral
)

// Weight is how much one indicator says for itself. Weights order the explanation and are shown
// beside it; they are no probabilities, and nothing is computed from several of them.
type Weight float64

// Weights.
const (
	Conclusive Weight = 1   // only such a program or service writes it, or a standard tag states it
	Strong     Weight = 0.6 // programs and services write it by themselves; a person could
	Weak       Weight = 0.2 // words that anybody can type
	None       Weight = 0   // says nothing of whether a model made it
)

// Word is the weight in a word.
func (w Weight) Word() string {
	switch {
	case w >= Conclusive:
		return "conclusive"
	case w >= Strong:
		return "strong"
	case w > None:
		return "weak"
	}
	return "none"
}

// role is what a field is for. Rules ask by role, so that a word in a caption is never taken
// for the name of the program that wrote the file.
type role int

const (
	roleOther   role = iota
	roleTool         // where programs sign: Software, CreatorTool, ©too, ISFT, TSSE …
	roleMaker        // Make, and Model
	roleText         // descriptions, comments, parameters
	roleCredit       // credit lines
	roleSource       // DigitalSourceType
	roleStep         // what was done in a step of the history
	roleHistory      // a step of the history as a whole
)

var roles = map[string]role{
	// EXIF and PNG
	"Software": roleTool, "ProcessingSoftware": roleTool, "HostComputer": roleTool, "Generator": roleTool, "generator": roleTool, "software": roleTool,
	"Make": roleMaker, "Model": roleMaker,
	"ImageDescription": roleText, "UserComment": roleText, "XPComment": roleText, "XPTitle": roleText, "XPSubject": roleText, "MakerNote": roleText,
	"Description": roleText, "Comment": roleText, "comment": roleText, "Title": roleText, "DocumentName": roleText,
	"parameters": roleText, "prompt": roleText, "workflow": roleText, "COM": roleText, "GIF comment": roleText,
	"Source": roleTool,
	// XMP
	"xmp:CreatorTool": roleTool, "stEvt:softwareAgent": roleTool, "tiff:Software": roleTool, "pdf:Producer": roleTool, "photoshop:Source": roleCredit,
	"tiff:Make": roleMaker, "tiff:Model": roleMaker, "tiff:ImageDescription": roleText, "exif:UserComment": roleText,
	"dc:description": roleText, "dc:title": roleText, "photoshop:Headline": roleText, "photoshop:Instructions": roleText,
	"stEvt:action": roleStep, "stEvt:parameters": roleStep, "stEvt:changed": roleStep, "photoshop:History": roleStep, "xmpMM:History": roleHistory,
	"photoshop:Credit": roleCredit, "dc:creator": roleCredit,
	"Iptc4xmpExt:DigitalSourceType": roleSource, "DigitalSourceType": roleSource, "Iptc4xmpCore:DigitalSourceType": roleSource, "Iptc4xmpExt:DigitalSourcefileType": roleSource,
	// IPTC
	"2:65 OriginatingProgram": roleTool, "2:110 Credit": roleCredit, "2:115 Source": roleCredit, "2:80 By-line": roleCredit,
	"2:120 Caption": roleText, "2:105 Headline": roleText, "2:5 ObjectName": roleText, "2:40 SpecialInstructions": roleText,
	// MP4, QuickTime, RIFF, ID3, Vorbis
	"©too": roleTool, "©swr": roleTool, "©enc": roleTool, "com.apple.quicktime.software": roleTool, "ISFT": roleTool, "ITCH": roleTool,
	"TSSE": roleTool, "TENC": roleTool, "ENCODER": roleTool, "encoder": roleTool, "SOFTWARE": roleTool, "ENCODED_BY": roleTool, "TPUB": roleCredit,
	"©mak": roleMaker, "©mod": roleMaker, "com.apple.quicktime.make": roleMaker, "com.apple.quicktime.model": roleMaker, "com.android.manufacturer": roleMaker,
	"©cmt": roleText, "©des": roleText, "desc": roleText, "©inf": roleText, "com.apple.quicktime.comment": roleText, "com.apple.quicktime.description": roleText,
	"COMM": roleText, "ICMT": roleText, "COMMENT": roleText, "DESCRIPTION": roleText, "©nam": roleText, "INAM": roleText, "TIT2": roleText, "TITLE": roleText,
}

// Rule is one indicator: one thing that a file may say, and where.
type Rule struct {
	// Name says in a few words what the indicator is, and Means in one sentence what a reviewer
	// should make of it.
	Name, Means string
	Weight      Weight
	// Where says in words which fields are looked at, for the reference.
	Where string
	// Says shows what is looked for, for the reference.
	Says string
	// match returns the evidence in f: the part that matched, not the rest of the text,
	// which may hold what a person wrote.
	match func(s *search, f *text) (string, bool)
	// What match looks for, so that all of it is found in one pass: patterns, and literals
	// in lower case.
	patterns []*pattern
	literals []string
}

// as gives an indicator a name, a weight and a sentence other than those of its kind.
func (r Rule) as(name string, w Weight, means string) Rule {
	r.Name, r.Weight, r.Means = name, w, means
	return r
}

// looks makes a rule look for one pattern in the fields that apply.
func (r Rule) looks(p *pattern, applies func(f *text) bool) Rule {
	r.patterns = []*pattern{p}
	r.match = func(s *search, f *text) (string, bool) {
		if !applies(f) {
			return "", false
		}
		return p.first(s, f)
	}
	return r
}

func signed(f *text) bool   { return f.role == roleTool }
func credited(f *text) bool { return f.role == roleCredit }

// among are fields of these keys.
func among(keys []string) func(f *text) bool {
	plain := make([]string, len(keys))
	for i, k := range keys {
		plain[i] = Plain(k)
	}
	return func(f *text) bool { return slices.Contains(keys, f.Key) || slices.Contains(plain, f.plain) }
}

// tool looks for a program's name at the start of a field where programs sign.
func tool(pattern string) Rule {
	return Rule{Name: "named as the program", Means: "It is named where programs write their own name, which people seldom change.",
		Weight: Strong, Where: "fields where programs sign", Says: pattern}.looks(compile(`(?i)^(?:`+pattern+`)`), signed)
}

// maker looks at the name of the device's maker.
func maker(pattern string) Rule {
	return Rule{Name: "named as the maker", Means: "It is named where cameras write their maker.", Weight: Strong, Where: "Make", Says: pattern}.
		looks(compile(`^(?:`+pattern+`)`), func(f *text) bool { return f.role == roleMaker })
}

// words are what a rule says that looks into descriptions and comments, or only into some keys.
func words(says string, keys []string) Rule {
	where := "descriptions and comments"
	if len(keys) > 0 {
		where = strings.Join(keys, ", ")
	}
	return Rule{Name: "words of a description", Means: "A description says so in its first words. Anybody can type that.", Weight: Weak, Where: where, Says: says}
}

// described looks into descriptions and comments. Where keys are given, only into those.
func described(pattern string, keys ...string) Rule {
	applies := among(keys)
	if len(keys) == 0 {
		applies = func(f *text) bool { return f.role == roleText }
	}
	return words(pattern, keys).looks(compile(pattern), applies)
}

// inOrder looks for a text in two parts, in fields of these keys and in descriptions.
func inOrder(q sequence, says string, keys ...string) Rule {
	r, applies := words(says, keys), among(keys)
	r.Where += ", descriptions and comments"
	r.patterns = q.patterns()
	r.match = func(s *search, f *text) (string, bool) {
		if !applies(f) && f.role != roleText {
			return "", false
		}
		return q.first(s, f)
	}
	return r
}

// credit looks at credit lines.
func credit(pattern string) Rule {
	return Rule{Name: "credit line", Means: "A credit line says so. Services write such lines by themselves, and a person can.",
		Weight: Strong, Where: "credit lines", Says: pattern}.looks(compile(`(?i)^(?:`+pattern+`)`), credited)
}

// anywhere looks into every field.
func anywhere(pattern string) Rule {
	return Rule{Name: "text of its own", Means: "A text stands there in the way only this program or service writes it.",
		Weight: Conclusive, Where: "any field", Says: pattern}.looks(compile(pattern), func(*text) bool { return true })
}

// key looks for fields of a name, and for what they begin with.
func key(begins string, keys ...string) Rule {
	r := words(begins, keys).as("field of its own", Conclusive, "A field is there that only this program writes.")
	if begins == "" {
		r.Says = "any text"
	}
	applies := among(keys)
	r.match = func(_ *search, f *text) (string, bool) {
		return f.Key, applies(f) && strings.HasPrefix(f.Value, begins)
	}
	return r
}

// maxCode is how long the source types of one field can be.
const maxCode = 2048

// codesOf are the codes in a digital source type, which is written as an address, a code or a
// name, and at some doors as a list of them. https://cv.iptc.org/newscodes/digitalsourcetype/
func codesOf(value string) (out []string) {
	if len(value) > maxCode {
		return nil
	}
	for _, v := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;|[]{}\"'\n\t", r) }) {
		v = strings.TrimRight(strings.TrimSpace(v), "/# ")
		v = v[strings.LastIndexAny(v, "/#:")+1:]
		if v = strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(v)); v == "" {
			continue
		}
		if code := calledAs[v]; code != "" {
			v = code
		}
		out = append(out, v)
	}
	return out
}

// source looks at the IPTC digital source type.
func source(codes ...string) Rule {
	means := "The standard tag for the kind of source says so. Whatever made the file, or saved it last, sets it."
	return Rule{Name: "digital source type", Means: means, Weight: Conclusive, Where: "DigitalSourceType", Says: strings.Join(codes, ", "),
		match: func(_ *search, f *text) (string, bool) {
			if f.role != roleSource {
				return "", false
			}
			for _, v := range codesOf(f.Value) {
				for _, code := range codes {
					if v == strings.ToLower(code) {
						return code, true
					}
				}
			}
			return "", false
		}}
}

// test is a rule that one pattern cannot say. The patterns it uses are named, so that their
// literals are looked for.
func test(where, says string, match func(*search, *text) (string, bool), uses ...*pattern) Rule {
	return Rule{Name: "text of its own", Means: "A text stands there in the way only this program or service writes it.",
		Weight: Conclusive, Where: where, Says: says, match: match, patterns: uses}
}

// of says which literals the rule counts, in lower case.
func (r Rule) of(literals ...string) Rule {
	r.literals = literals
	return r
}
