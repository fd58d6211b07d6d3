package declared

import (
	"slices"
	"strings"
)

// Plain is a field's name without what differs between doors: the namespace in front of it, the
// number of a dataset, case, and what stands between its words. "Iptc4xmpExt:AISystemUsed",
// "ai_system_used" and "AI System Used" are the same.
func Plain(key string) string {
	key = strings.TrimSpace(key)
	if number, name, ok := strings.Cut(key, " "); ok && strings.Contains(number, ":") && strings.Trim(number, "0123456789:") == "" {
		key = name // of IPTC, "2:65 OriginatingProgram"
	}
	key = strings.TrimRight(key, ":/#.")
	key = key[strings.LastIndexAny(key, ":/#.")+1:]
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r | 0x20
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r >= 0x80:
			return r
		}
		return -1
	}, key)
}

// plainRoles say what fields are for by their plain names, where roles does not know the door's own.
var plainRoles = func() map[string]role {
	out := map[string]role{}
	for r, names := range map[role]string{
		roleTool: "software processingsoftware imageeditingsoftware originatingprogram creatortool creatorapplication softwareagent producer " +
			"generator encoder encodedby encodingtool writingapp writingapplication muxingapp application applicationname appname program " +
			"softwareversions claimgenerator generatedby createdwith createdusing madewith tool toolname",
		roleMaker: "make manufacturer maker secondarycapturedevicemanufacturer",
		roleText: "description imagedescription longdescription comment comments usercomment xpcomment title xptitle subject xpsubject headline " +
			"caption captionabstract abstract keywords xpkeywords note notes instructions specialinstructions parameters prompt workflow " +
			"imagecomments derivationdescription seriesdescription acquisitioncomments desc synopsis summary annotation titl dscp",
		roleCredit: "credit creditline author creator byline contributor publisher copyright copyrightnotice rights usageterms provider auth perf cprt",
		roleSource: "digitalsourcetype digitalsourcefiletype",
	} {
		for _, name := range strings.Fields(names) {
			out[name] = r
		}
	}
	return out
}()

// role is what the field is for: by the name it has at its door, else by its plain name.
func (f Field) role() role {
	if f.Place == "exif" && f.Key == "Artist" {
		return roleOther
	}
	if f.Place == "pdf" && f.Key == "Creator" {
		return roleTool // the program, and not who wrote it
	}
	if r, ok := roles[f.Key]; ok {
		return r
	}
	r := plainRoles[Plain(f.Key)]
	if r == roleOther && f.Place == "dicom" {
		return roleText // what makers of equipment add has no names
	}
	return r
}

// called reports whether the field has one of the names, whatever the door.
func called(f *text, names ...string) bool { return slices.Contains(names, f.plain) }
