package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
)

// carrier is an object whose records are files.
type carrier struct {
	name   string
	size   string // field with the bytes
	kind   string // field with the extension or media type
	parent string // relationship to the record it hangs on, "" if none
}

var carriers = []carrier{
	{"ContentVersion", "ContentSize", "FileExtension", "FirstPublishLocation"},
	{"Attachment", "BodyLength", "ContentType", "Parent"},
	{"Document", "BodyLength", "Type", ""},
}

// class is a range of sizes in bytes: from, and below.
type class struct {
	name     string
	from, to int64 // to is 0 where there is no end
}

var classes = []class{
	{"empty", 0, 1}, {"up to 10 kB", 1, 10_000}, {"10 kB to 100 kB", 10_000, 100_000}, {"100 kB to 1 MB", 100_000, 1_000_000},
	{"1 MB to 10 MB", 1_000_000, 10_000_000}, {"10 MB to 100 MB", 10_000_000, 100_000_000}, {"over 100 MB", 100_000_000, 0},
}

// cell is a group of files that share what they are grouped by.
type cell struct {
	Year, Month int
	Creator     string
	UserType    string
	Network     string
	Parent      string
	Files       int
	Bytes       float64
	Last        stamp
}

// Most parts of a kind that are listed; the rest is added up.
const (
	maxCreators = 50
	maxTypes    = 30
)

func (a *asker) files(ctx context.Context) error {
	var all []cell
	sums := map[*[]desk.InventoryPart]int{}
	answered := 0
	for _, c := range carriers {
		cells, ok, err := a.carrier(ctx, c, sums)
		if err != nil {
			return err
		}
		if ok {
			answered++
		}
		all = append(all, cells...)
	}
	if answered == 0 {
		return fmt.Errorf("%w: the org shows Cordon none of ContentVersion, Attachment and Document; \"cordon doctor\" says what Cordon's user lacks", cordon.ErrForbidden)
	}
	a.sumUp(all)
	for _, part := range []*[]desk.InventoryPart{&a.inv.Types, &a.inv.Sizes} {
		a.inv.Changed = a.inv.Changed || sums[part] >= 0 && filesOf(*part) != sums[part]
	}
	a.inv.Changed = a.inv.Changed || !a.lacksCells && filesOf(a.inv.Channels) != a.inv.Files
	slices.SortStableFunc(a.inv.Sizes, func(x, y desk.InventoryPart) int { return cmp.Compare(classIndex(x.Name), classIndex(y.Name)) })
	a.inv.Types = most(a.inv.Types, maxTypes, "others")
	return nil
}

func filesOf(parts []desk.InventoryPart) (n int) {
	for _, p := range parts {
		n += p.Files
	}
	return n
}

func classIndex(name string) int {
	return slices.IndexFunc(classes, func(c class) bool { return c.name == name })
}

// carrier counts one object. sums adds up what each part should come to.
func (a *asker) carrier(ctx context.Context, c carrier, sums map[*[]desk.InventoryPart]int) (cells []cell, ok bool, err error) {
	var d salesforce.Description
	if ok, err = a.question(ctx, "objects", c.name, byDescribe, func(ctx context.Context) (err error) { d, err = a.describe(ctx, c.name); return err }); !ok {
		return nil, false, err
	}
	type total struct {
		Files       int
		Bytes       float64
		First, Last stamp
	}
	o := desk.InventoryObject{Name: c.name, Deleted: -1}
	count := func(from resource, where string) (t total, err error) {
		got, err := rows[total](ctx, a, from, "SELECT COUNT(Id) Files, SUM("+c.size+") Bytes, MIN(CreatedDate) First, MAX(CreatedDate) Last FROM "+c.name+where)
		if err == nil && len(got) == 1 {
			t = got[0]
		}
		return t, err
	}
	ok, err = a.question(ctx, "objects", c.name, byGroups, func(ctx context.Context) error {
		t, err := count(live, "")
		o.Files, o.Bytes, o.First, o.Last = t.Files, int64(t.Bytes), t.First.Time, t.Last.Time
		return err
	})
	if !ok {
		return nil, false, err
	}
	if _, err = a.question(ctx, "objects", c.name+" in the recycle bin", byGroups, func(ctx context.Context) error {
		t, err := count(withBin, " WHERE IsDeleted = true")
		if err == nil {
			o.Deleted, o.DeletedBytes = t.Files, int64(t.Bytes)
		}
		return err
	}); err != nil {
		return nil, false, err
	}
	a.inv.Objects = append(a.inv.Objects, o)
	a.inv.Files += o.Files
	a.inv.Bytes += o.Bytes
	if o.Files == 0 {
		if c.name == "ContentVersion" {
			a.inv.Elsewhere = 0
		}
		return nil, true, nil
	}
	s := spanOf(o.First, o.Last)
	if cells, err = a.cells(ctx, c, d, s); err != nil {
		return nil, false, err
	}
	for _, p := range []struct {
		of  *[]desk.InventoryPart
		ask func() (bool, error)
	}{
		{&a.inv.Types, func() (bool, error) { return a.types(ctx, c, s) }},
		{&a.inv.Sizes, func() (bool, error) { return a.sizes(ctx, c, s) }},
	} {
		if ok, err = p.ask(); err != nil {
			return nil, false, err
		}
		if ok && sums[p.of] >= 0 {
			sums[p.of] += o.Files
		} else {
			sums[p.of] = -1
		}
	}
	if c.name == "ContentVersion" {
		err = a.depths(ctx, s)
	}
	return cells, true, err
}

// cells groups the files of one object. Where the org refuses the groups it lists the rows.
func (a *asker) cells(ctx context.Context, c carrier, d salesforce.Description, s span) (cells []cell, err error) {
	by := []string{"CALENDAR_YEAR(CreatedDate)", "CALENDAR_MONTH(CreatedDate)", "CreatedById", "CreatedBy.UserType"}
	as := []string{"Year", "Month", "Creator", "UserType"}
	if f, has := d.Field("NetworkId"); has && f.Groupable {
		by, as = append(by, "NetworkId"), append(as, "Network")
	}
	if c.parent != "" {
		by, as = append(by, c.parent+".Type"), append(as, "Parent")
	}
	fields := make([]string, len(by))
	for i := range by {
		fields[i] = by[i] + " " + as[i]
	}
	const part = "channels, months, creators, creator_types, parents"
	ok, err := a.question(ctx, part, c.name, byGroups, func(ctx context.Context) error {
		cells, err = groups[cell](ctx, a, s, func(where string) string {
			return "SELECT " + strings.Join(fields, ", ") + ", COUNT(Id) Files, SUM(" + c.size + ") Bytes, MAX(CreatedDate) Last FROM " + c.name +
				" WHERE " + where + " GROUP BY " + strings.Join(by, ", ")
		})
		return err
	})
	if ok || err != nil {
		return cells, err
	}
	ok, err = a.question(ctx, part, c.name, byList, func(ctx context.Context) error {
		cells, err = a.list(ctx, c, d, s)
		return err
	})
	a.lacksCells = a.lacksCells || !ok
	return cells, err
}

// list reads the rows of one object, one page of 2 000 a call, and groups them here.
func (a *asker) list(ctx context.Context, c carrier, d salesforce.Description, s span) ([]cell, error) {
	type row struct {
		CreatedDate             stamp
		CreatedByID             string `json:"CreatedById"`
		CreatedBy               struct{ UserType string }
		NetworkID               string `json:"NetworkId"`
		ContentSize, BodyLength int64
		Parent                  *struct{ Type string }
		FirstPublishLocation    *struct{ Type string }
	}
	fields := "CreatedDate, CreatedById, CreatedBy.UserType, " + c.size
	if _, has := d.Field("NetworkId"); has {
		fields += ", NetworkId"
	}
	if c.parent != "" {
		fields += ", " + c.parent + ".Type"
	}
	got, err := rows[row](ctx, a, live, "SELECT "+fields+" FROM "+c.name+" WHERE "+s.where())
	cells := make([]cell, len(got))
	for i, r := range got {
		cells[i] = cell{Year: r.CreatedDate.Year(), Month: int(r.CreatedDate.Month()), Creator: r.CreatedByID, UserType: r.CreatedBy.UserType,
			Network: r.NetworkID, Files: 1, Bytes: float64(r.ContentSize + r.BodyLength), Last: r.CreatedDate}
		if p := cmp.Or(r.Parent, r.FirstPublishLocation); p != nil {
			cells[i].Parent = p.Type
		}
	}
	return cells, err
}

func (a *asker) types(ctx context.Context, c carrier, s span) (bool, error) {
	return a.question(ctx, "types", c.name, byGroups, func(ctx context.Context) error {
		type kind struct {
			Kind  string
			Files int
			Bytes float64
		}
		got, err := groups[kind](ctx, a, s, func(where string) string {
			return "SELECT " + c.kind + " Kind, COUNT(Id) Files, SUM(" + c.size + ") Bytes FROM " + c.name + " WHERE " + where + " GROUP BY " + c.kind
		})
		for _, k := range got {
			name := cmp.Or(strings.ToLower(k.Kind), "none")
			addTo(&a.inv.Types, desk.InventoryPart{Name: name, Files: k.Files, Bytes: int64(k.Bytes)})
		}
		return err
	})
}

// sizes counts by ranges, since the platform does not group by numbers of bytes.
func (a *asker) sizes(ctx context.Context, c carrier, s span) (bool, error) {
	return a.question(ctx, "sizes", c.name, byGroups, func(ctx context.Context) error {
		var parts []desk.InventoryPart
		for _, k := range classes {
			where := fmt.Sprintf("%s >= %d", c.size, k.from)
			if k.to > 0 {
				where += fmt.Sprintf(" AND %s < %d", c.size, k.to)
			}
			type total struct {
				Files int
				Bytes float64
			}
			got, err := rows[total](ctx, a, live, "SELECT COUNT(Id) Files, SUM("+c.size+") Bytes FROM "+c.name+" WHERE "+where+" AND "+s.where())
			if err != nil {
				return err
			}
			for _, t := range got {
				parts = append(parts, desk.InventoryPart{Name: k.name, Files: t.Files, Bytes: int64(t.Bytes)})
			}
		}
		for _, p := range parts {
			addTo(&a.inv.Sizes, p)
		}
		return nil
	})
}

// depths counts documents by versions. Versions are numbered from 1 and never deleted alone, so
// as many documents have at least n versions as there are versions with the number n.
func (a *asker) depths(ctx context.Context, s span) error {
	_, err := a.question(ctx, "elsewhere", "ContentVersion", byGroups, func(ctx context.Context) error {
		type total struct{ Files int }
		got, err := rows[total](ctx, a, live, "SELECT COUNT(Id) Files FROM ContentVersion WHERE ContentLocation != 'S' AND "+s.where())
		if err == nil && len(got) == 1 {
			a.inv.Elsewhere = got[0].Files
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = a.question(ctx, "versions", "ContentVersion", byGroups, func(ctx context.Context) error {
		type numbered struct {
			Number string
			Files  int
		}
		got, err := groups[numbered](ctx, a, s, func(where string) string {
			return "SELECT VersionNumber Number, COUNT(Id) Files FROM ContentVersion WHERE " + where + " GROUP BY VersionNumber"
		})
		if err != nil {
			return err
		}
		atLeast := map[int]int{}
		for _, g := range got {
			var n int
			if _, err := fmt.Sscanf(g.Number, "%d", &n); err != nil {
				return nil // an org with numbers of its own: not known
			}
			atLeast[n] += g.Files
		}
		for n := 1; atLeast[n] > 0; n++ {
			if exactly := atLeast[n] - atLeast[n+1]; exactly > 0 {
				a.inv.Versions = append(a.inv.Versions, desk.InventoryDepth{Versions: n, Documents: exactly})
			}
		}
		return nil
	})
	return err
}

// links counts the links of documents by the object of the linked record. The org answers only
// to whoever may query all files.
func (a *asker) links(ctx context.Context) error {
	_, err := a.question(ctx, "links", "ContentDocumentLink", byGroups, func(ctx context.Context) error {
		type linked struct {
			Object string
			Files  int
		}
		got, err := rows[linked](ctx, a, live, "SELECT LinkedEntity.Type Object, COUNT(Id) Files FROM ContentDocumentLink GROUP BY LinkedEntity.Type")
		for _, l := range got {
			addTo(&a.inv.Links, desk.InventoryPart{Name: cmp.Or(l.Object, "none"), Files: l.Files})
		}
		a.inv.Links = most(a.inv.Links, maxTypes, "others")
		return err
	})
	return err
}

// sumUp makes the parts that cells are added up to.
func (a *asker) sumUp(cells []cell) {
	type month struct {
		month   string
		channel cordon.Channel
	}
	months := map[month]*desk.InventoryMonth{}
	for _, c := range cells {
		channel := salesforce.Arrived{ToEmail: c.Parent == "EmailMessage", CreatorType: c.UserType, NetworkID: c.Network,
			Integration: slices.ContainsFunc(a.Integrations, func(id string) bool { return salesforce.SameID(id, c.Creator) })}.Channel()
		part := func(name string) desk.InventoryPart {
			return desk.InventoryPart{Name: cmp.Or(name, "none"), Files: c.Files, Bytes: int64(c.Bytes), Last: c.Last.Time}
		}
		addTo(&a.inv.Channels, part(string(channel)))
		addTo(&a.inv.CreatorTypes, part(c.UserType))
		addTo(&a.inv.Parents, part(c.Parent))
		one := a.users[salesforce.LongID(c.Creator)]
		one.Name = salesforce.LongID(c.Creator)
		one.Files += c.Files
		one.Bytes += int64(c.Bytes)
		if c.Last.After(one.Last) {
			one.Last = c.Last.Time
		}
		a.users[one.Name] = one
		m := month{fmt.Sprintf("%04d-%02d", c.Year, c.Month), channel}
		if months[m] == nil {
			months[m] = &desk.InventoryMonth{Month: m.month, Channel: channel}
		}
		months[m].Files += c.Files
		months[m].Bytes += int64(c.Bytes)
	}
	for _, m := range months {
		a.inv.Months = append(a.inv.Months, *m)
	}
	slices.SortFunc(a.inv.Months, func(x, y desk.InventoryMonth) int {
		return cmp.Or(cmp.Compare(x.Month, y.Month), cmp.Compare(x.Channel, y.Channel))
	})
	for _, one := range a.users {
		a.inv.Creators = append(a.inv.Creators, one)
	}
	a.inv.MoreCreators = max(0, len(a.users)-maxCreators)
	a.inv.Creators = most(a.inv.Creators, maxCreators, "others")[:len(a.users)-a.inv.MoreCreators]
	for _, parts := range []*[]desk.InventoryPart{&a.inv.Channels, &a.inv.CreatorTypes, &a.inv.Parents} {
		*parts = most(*parts, maxTypes, "others")
	}
}

// addTo adds a part to the one of its name.
func addTo(parts *[]desk.InventoryPart, p desk.InventoryPart) {
	i := slices.IndexFunc(*parts, func(q desk.InventoryPart) bool { return q.Name == p.Name })
	if i < 0 {
		*parts = append(*parts, p)
		return
	}
	q := &(*parts)[i]
	q.Files += p.Files
	q.Bytes += p.Bytes
	if p.Last.After(q.Last) {
		q.Last = p.Last
	}
}

// most sorts parts, the one with most files first, and adds up what is beyond the limit.
func most(parts []desk.InventoryPart, limit int, rest string) []desk.InventoryPart {
	slices.SortFunc(parts, func(a, b desk.InventoryPart) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.Name, b.Name))
	})
	if len(parts) <= limit {
		return parts
	}
	others := desk.InventoryPart{Name: rest}
	for _, p := range parts[limit:] {
		others.Files += p.Files
		others.Bytes += p.Bytes
	}
	return append(parts[:limit:limit], others)
}
