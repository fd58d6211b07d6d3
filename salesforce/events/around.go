package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon/salesforce"
)

// CreatorWindow is how long before and after a file another of the same creator counts as its
// neighbour.
const CreatorWindow = time.Hour

// Around is what the org has beside some files. It is context and never evidence.
type Around struct {
	Versions []File // other versions of the same documents
	Copies   []File // other versions with the same checksum and size, of any document
	Record   []File // on the same records
	Creator  []File // of the same creator within CreatorWindow
	// More counts, by the list's name, what did not fit in.
	More map[string]int
	// Unknown names the lists that the org did not tell, or not for each of the files.
	Unknown []string
}

// Names of the lists of Around.
const (
	AroundVersions = "versions"
	AroundCopies   = "copies"
	AroundRecord   = "record"
	AroundCreator  = "creator"
)

// Bounds of what is asked for, beyond which neighbours are not worth a call.
const (
	mostSubjects = 5  // files whose neighbours are looked for
	mostRecords  = 20 // records that they hang on
)

// Around asks what the org has beside the files; each list has at most most. It makes up to a
// dozen calls. Where the org refuses one, its list is unknown.
func (f *Finder) Around(ctx context.Context, files []File, most int) (Around, error) {
	a := Around{More: map[string]int{}}
	subjects := files[:min(len(files), mostSubjects)]
	known := map[string]bool{}
	for _, file := range files {
		known[file.ID] = true
	}
	for _, list := range []struct {
		name string
		into *[]File
		ask  func(context.Context, []File) (found []File, whole bool, err error)
	}{{AroundVersions, &a.Versions, f.versions}, {AroundCopies, &a.Copies, f.copies},
		{AroundRecord, &a.Record, f.beside}, {AroundCreator, &a.Creator, f.sameCreator}} {
		found, whole, err := list.ask(ctx, subjects)
		if p := problem(err); p != nil && p.Status/100 == 4 && !spent(err) {
			whole = false // the org will not say
		} else if err != nil {
			return a, fmt.Errorf("ask what is around (%s): %w", list.name, err)
		}
		if !whole || len(files) > len(subjects) {
			a.Unknown = append(a.Unknown, list.name)
		}
		found, _ = stored(found)
		found = slices.DeleteFunc(distinct(found), func(o File) bool { return known[o.ID] })
		newest(found)
		if len(found) > most {
			a.More[list.name], found = len(found)-most, found[:most]
		}
		*list.into = found
	}
	return a, nil
}

// documents of the files, each once.
func documents(files []File) (ids []string) {
	for _, f := range files {
		if f.DocumentID != "" && !slices.Contains(ids, f.DocumentID) {
			ids = append(ids, f.DocumentID)
		}
	}
	return ids
}

func (f *Finder) versions(ctx context.Context, files []File) ([]File, bool, error) {
	found, err := f.listed(ctx, "ContentVersion", "ContentDocumentId", documents(files), true)
	return found, true, err
}

// copies finds other files with the same bytes by what the org has computed of them: an MD5,
// which anyone can forge, so this is a hint and no proof. Only versions have one.
func (f *Finder) copies(ctx context.Context, files []File) (found []File, whole bool, err error) {
	whole = true
	var sums, same []string
	for _, file := range files {
		sum, _, _ := strings.Cut(file.version, "/")
		if file.Object != "ContentVersion" || !isHex(sum) {
			whole = false
			continue
		}
		sums, same = append(sums, sum), append(same, file.version)
	}
	slices.Sort(sums)
	found, err = f.listed(ctx, "ContentVersion", "Checksum", slices.Compact(sums), false)
	return slices.DeleteFunc(found, func(o File) bool { return !slices.Contains(same, o.version) }), whole, err
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// Key prefixes of what a file is shared with and does not belong to: people, groups, libraries,
// the whole company.
var audiences = []string{"005", "00G", "0F9", "058", "00D"}

func (f *Finder) beside(ctx context.Context, files []File) ([]File, bool, error) {
	records, err := f.values(ctx, "LinkedEntityId", "ContentDocumentLink", "ContentDocumentId", documents(files)...)
	if err != nil {
		return nil, false, err
	}
	for _, file := range files {
		if file.Object == "Attachment" && salesforce.IsID(file.ParentID) {
			records = append(records, salesforce.LongID(file.ParentID))
		}
	}
	records = slices.DeleteFunc(records, func(id string) bool { return slices.Contains(audiences, id[:3]) })
	slices.Sort(records)
	records = slices.Compact(records)
	whole := len(records) <= mostRecords
	records = records[:min(len(records), mostRecords)]
	found, err := f.hanging(ctx, records, "IsLatest = true")
	return found, whole, err
}

func (f *Finder) sameCreator(ctx context.Context, files []File) (found []File, whole bool, err error) {
	asked := map[string]bool{}
	for _, file := range files {
		if asked[file.CreatedBy] || !salesforce.IsID(file.CreatedBy) {
			continue
		}
		asked[file.CreatedBy] = true
		from, to := file.Created.Add(-CreatorWindow).UTC().Format(soqlLayout), file.Created.Add(CreatorWindow).UTC().Format(soqlLayout)
		for _, object := range []string{"ContentVersion", "Attachment"} {
			some, err := f.listed(ctx, object, "CreatedById", []string{file.CreatedBy}, false, "CreatedDate >= "+from, "CreatedDate <= "+to)
			if err != nil {
				return found, false, err
			}
			found = append(found, some...)
		}
	}
	return found, true, nil
}
