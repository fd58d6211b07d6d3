package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Named is what a link stands for, as the org says.
type Named struct {
	// What it names: ContentDocument, ContentVersion, Attachment, Document, EmailMessage, Case,
	// ContentDistribution, ContentDocumentLink, "public-link", or "record" for any other object.
	What string
	// Files to look at, the newest first.
	Files []File
	// Further counts the files on the named record that are not among Files.
	Further int
	// Elsewhere counts those whose bytes the org does not hold: links and external files.
	Elsewhere int
	// Missing counts the named files that the org does not show: deleted for good, never
	// there, or not for Cordon to see.
	Missing int
	// Untold says that the org does not tell Cordon which file a public link is.
	Untold bool
}

// prefixes are the key prefixes of objects that a link may name and that say which files are
// meant; any other record stands for the files that hang on it.
var prefixes = map[string]string{"068": "ContentVersion", "069": "ContentDocument", "00P": "Attachment", "015": "Document",
	"02s": "EmailMessage", "500": "Case", "05D": "ContentDistribution", "06A": "ContentDocumentLink"}

// nobodysRecord are key prefixes of what has files without their hanging on it: users, groups,
// profiles, roles. https://help.salesforce.com/s/articleView?id=000385203
var nobodysRecord = []string{"005", "00G", "00e", "00E"}

// CheckLink refuses a link that names what has no files of its own.
func CheckLink(l salesforce.Link) error {
	for _, id := range l.IDs {
		if slices.Contains(nobodysRecord, id[:3]) {
			return fmt.Errorf("%w: the link names a user or a group, not a file or a record; open the file and copy its address", cordon.ErrInvalid)
		}
	}
	return nil
}

// What names the kind of thing that a link stands for, as Named does.
func What(l salesforce.Link) string {
	switch {
	case l.Public != "":
		return "public-link"
	case len(l.IDs) > 0 && prefixes[l.IDs[0][:3]] != "":
		return prefixes[l.IDs[0][:3]]
	}
	return "record"
}

// Resolve asks the org which files a link stands for. Of a document it takes the latest
// version, or with versions each of them; of any record the files that hang on it, of a case
// also those on its messages. Files has at most most of them.
func (f *Finder) Resolve(ctx context.Context, l salesforce.Link, versions bool, most int) (Named, error) {
	n := Named{What: What(l)}
	ids := l.IDs
	if l.Public != "" {
		id, whole, err := f.published(ctx, l)
		switch {
		case hasCode(problem(err), "INVALID_TYPE", "INVALID_FIELD", "INSUFFICIENT_ACCESS"):
			n.Untold = true
			return n, nil
		case err != nil:
			return n, err
		case id != "":
			ids = []string{id}
		case whole:
			n.Missing++
		default:
			n.Untold = true
		}
	}
	for _, id := range ids {
		files, err := f.behind(ctx, id, versions)
		if err != nil {
			return n, fmt.Errorf("ask which files %s stands for: %w", What(salesforce.Link{IDs: []string{id}}), err)
		}
		if len(files) == 0 && isFile(id) {
			n.Missing++
		}
		n.Files = append(n.Files, files...)
	}
	newest(n.Files)
	n.Files, n.Elsewhere = stored(distinct(n.Files))
	if len(n.Files) > most {
		n.Further = len(n.Files) - most
		n.Files = n.Files[:most]
	}
	return n, nil
}

func isFile(id string) bool {
	switch prefixes[id[:3]] {
	case "ContentVersion", "ContentDocument", "Attachment", "Document", "ContentDistribution", "ContentDocumentLink":
		return true
	}
	return false
}

func distinct(files []File) []File {
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(f File) bool {
		again := seen[f.ID]
		seen[f.ID] = true
		return again
	})
}

// behind returns the files that an id stands for.
func (l lister) behind(ctx context.Context, id string, versions bool) ([]File, error) {
	var only []string
	if !versions {
		only = []string{"IsLatest = true"}
	}
	switch object := prefixes[id[:3]]; object {
	case "ContentVersion", "Attachment", "Document":
		return l.listed(ctx, object, "Id", []string{id}, true)
	case "ContentDocument":
		return l.listed(ctx, "ContentVersion", "ContentDocumentId", []string{id}, true, only...)
	case "ContentDistribution":
		got, err := l.values(ctx, "ContentVersionId", "ContentDistribution", "Id", id)
		if err != nil || len(got) == 0 {
			return nil, err
		}
		return l.listed(ctx, "ContentVersion", "Id", got, true)
	case "ContentDocumentLink":
		got, err := l.values(ctx, "ContentDocumentId", "ContentDocumentLink", "Id", id)
		if err != nil || len(got) == 0 {
			return nil, err
		}
		return l.listed(ctx, "ContentVersion", "ContentDocumentId", got, true, only...)
	case "Case":
		mails, err := l.values(ctx, "Id", "EmailMessage", "ParentId", id)
		if err != nil && !hasCode(problem(err), "INVALID_TYPE") { // an org without e-mail
			return nil, err
		}
		return l.hanging(ctx, append([]string{id}, mails...), only...)
	}
	return l.hanging(ctx, []string{id}, only...)
}

// hanging returns the files on records: those linked to them and the attachments.
func (l lister) hanging(ctx context.Context, records []string, only ...string) ([]File, error) {
	docs, err := l.values(ctx, "ContentDocumentId", "ContentDocumentLink", "LinkedEntityId", records...)
	if err != nil {
		return nil, err
	}
	files, err := l.listed(ctx, "ContentVersion", "ContentDocumentId", docs, false, only...)
	if err != nil {
		return nil, err
	}
	attached, err := l.listed(ctx, "Attachment", "ParentId", records, false)
	files = append(files, attached...)
	newest(files)
	return files, err
}

// mostValues bounds how much of a list of ids is followed.
const mostValues = 2000

// values returns the ids that a field has in the records whose other field has one of the ids.
func (l lister) values(ctx context.Context, field, object, where string, ids ...string) ([]string, error) {
	var out []string
	for some := range slices.Chunk(ids, mostIDs) {
		before := len(out)
		soql := fmt.Sprintf("SELECT %s FROM %s WHERE %s LIMIT %d", field, object, in(where, some), mostValues)
		err := l.ask(ctx, soql, false, func(record json.RawMessage) error {
			var r map[string]any
			if err := json.Unmarshal(record, &r); err != nil {
				return fmt.Errorf("a %s in a list cannot be read: %w", object, err)
			}
			if id, ok := r[field].(string); ok && salesforce.IsID(id) {
				out = append(out, salesforce.LongID(id))
			}
			return nil
		}, func() { out = out[:before] })
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", object, err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

var errFound = errors.New("found")

// published returns the version that a public link gives out, "" if the org shows none. The
// address is no field that a query can filter by, so the newest links are gone through; whole
// is false where there are more.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contentdistribution.htm
func (l lister) published(ctx context.Context, link salesforce.Link) (id string, whole bool, err error) {
	n := 0
	soql := fmt.Sprintf("SELECT ContentVersionId, DistributionPublicUrl FROM ContentDistribution ORDER BY CreatedDate DESC LIMIT %d", mostValues)
	err = l.ask(ctx, soql, false, func(record json.RawMessage) error {
		var r struct {
			ContentVersionID      string `json:"ContentVersionId"`
			DistributionPublicURL string `json:"DistributionPublicUrl"`
		}
		if err := json.Unmarshal(record, &r); err != nil {
			return fmt.Errorf("a ContentDistribution in a list cannot be read: %w", err)
		}
		n++
		if link.SamePublicLink(r.DistributionPublicURL) && salesforce.IsID(r.ContentVersionID) {
			id = salesforce.LongID(r.ContentVersionID)
			return errFound
		}
		return nil
	}, func() { n = 0 })
	if errors.Is(err, errFound) {
		err = nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for the public link: %w", err)
	}
	return id, n < mostValues, nil
}
