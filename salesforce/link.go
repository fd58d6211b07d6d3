package salesforce

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// Limits of what ReadLink reads.
const (
	MaxLink    = 4 << 10 // bytes of the text
	MaxLinkIDs = 25      // records that one link may name
)

// Link is what somebody pasted to name a file or a record of an org. Nobody fetches it: only
// the ids in it are used.
type Link struct {
	// Host is where it points, in lower case and with its port if it has one; "" for an id alone.
	Host string
	// IDs are the records that it names, spelled with 18 letters, in the order they come.
	IDs []string
	// Picture is the id of a picture inside a rich-text field. IDs then name its record.
	Picture string
	// Public is what is behind /sfc/p/ in a public link. Only the org can say which file it is.
	Public string
}

// linkParameters name a record in the query of an address, where its path does not.
var linkParameters = []string{"versionId", "file", "eid", "ids", "id", "recordId", "selectedRecordId", "recordIds", "contentDocumentId", "documentId"}

// Key prefixes of what an address carries and nobody means: the org, a site, a picture.
const (
	orgPrefix     = "00D"
	sitePrefix    = "0DB"
	picturePrefix = "0EM"
)

// ReadLink reads the id of a record, or an address that names one: a page of Lightning, of the
// classic pages or of a site, a download, a picture of a rich-text field, a public link, a REST
// resource. It neither knows nor asks whether there is such a record. Errors wrap
// cordon.ErrInvalid and say what to paste instead.
func ReadLink(text string) (Link, error) {
	text = strings.Trim(strings.TrimSpace(text), `<>"'`)
	switch {
	case text == "":
		return Link{}, fmt.Errorf("%w: paste the address of a file or a record, or its id of 15 or 18 letters", cordon.ErrInvalid)
	case len(text) > MaxLink:
		return Link{}, fmt.Errorf("%w: the link has more than %d bytes; paste the id of the file or the record", cordon.ErrInvalid, MaxLink)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return Link{}, fmt.Errorf("%w: the link has spaces or characters that no address has; paste one address, or one id", cordon.ErrInvalid)
	}
	if !strings.ContainsAny(text, "/.:#?") {
		id, ok := recordID(text)
		if !ok {
			return Link{}, fmt.Errorf("%w: %.40q is no id of a record: those have 15 letters and digits, or 18 of which the last three confirm the others; copy it again, capitals matter", cordon.ErrInvalid, text)
		}
		return Link{IDs: []string{id}}, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return Link{}, fmt.Errorf("%w: the link is no plain address that begins with https://; copy it from the browser again", cordon.ErrInvalid)
	}
	path, err := Canonical(u.EscapedPath())
	if err != nil {
		return Link{}, fmt.Errorf("read the link: %w", err)
	}
	l := Link{Host: strings.ToLower(strings.TrimSuffix(u.Host, "."))}
	if rest, public := cutPublic(path, u.Fragment); public {
		l.Public = rest
		return l, nil
	}
	l.take(strings.Split(path, "/"))
	q := u.Query()
	if strings.HasSuffix(path, "/rtaImage") {
		l.take([]string{q.Get("refid")})
	}
	if len(l.IDs) == 0 {
		for _, name := range linkParameters {
			for _, value := range q[name] {
				l.take(strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '/' }))
			}
		}
	}
	if len(l.IDs) == 0 { // the first pages of Lightning kept the record behind the #
		l.take(strings.FieldsFunc(u.Fragment, func(r rune) bool { return r == '/' || r == '?' || r == '&' || r == '=' }))
	}
	switch {
	case len(l.IDs) == 0:
		return Link{}, fmt.Errorf("%w: the link names no record; copy the address while the file or the record is open, or paste its id", cordon.ErrInvalid)
	case len(l.IDs) > MaxLinkIDs:
		return Link{}, fmt.Errorf("%w: the link names %d records; paste links with at most %d", cordon.ErrInvalid, len(l.IDs), MaxLinkIDs)
	}
	return l, nil
}

// cutPublic returns what is behind /sfc/p/, with or without the # that browsers show there.
func cutPublic(path, fragment string) (rest string, ok bool) {
	_, rest, ok = strings.Cut(path+"/", "/sfc/p/")
	rest = strings.Trim(rest+fragment, "/")
	return rest, ok && rest != ""
}

// SamePublicLink reports whether an address that the org gives a file is the public link.
func (l Link) SamePublicLink(address string) bool {
	u, err := url.Parse(address)
	if err != nil || l.Public == "" {
		return false
	}
	rest, ok := cutPublic(u.Path, u.Fragment)
	return ok && rest == l.Public
}

// take adds the ids among parts of an address.
func (l *Link) take(parts []string) {
	for _, part := range parts {
		id, ok := recordID(part)
		switch {
		case !ok || strings.HasPrefix(id, orgPrefix) || strings.HasPrefix(id, sitePrefix) || slices.Contains(l.IDs, id):
		case strings.HasPrefix(id, picturePrefix):
			l.Picture = id
		default:
			l.IDs = append(l.IDs, id)
		}
	}
}

// recordID returns the 18-letter spelling of an id. Ids have digits, and words of 15 letters,
// such as ContentDocument, have none.
func recordID(s string) (string, bool) {
	digits := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			digits++
		}
	}
	if !IsID(s) || digits < 2 {
		return "", false
	}
	long := LongID(s[:15])
	return long, len(s) == 15 || s == long
}
