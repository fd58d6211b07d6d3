package sim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// tx is one unit of work by one person. The org's lock is held while it runs.
type tx struct {
	o       *Org
	who     *person
	now     time.Time
	undo    []func()
	changes []Change
	deltas  []delta // what the changes were, for those who subscribe to events
	uploads []*blob // read for this request; those no record keeps are removed at its end
	system  bool    // permissions do not apply
	tooling bool    // it came by the Tooling API

	version  string // "64.0", for addresses in answers
	source   []byte // the request's JSON as it came, to point at what is wrong in it
	instance string // "https://host"
}

func (o *Org) begin(p *person) *tx {
	return &tx{o: o, who: p, now: o.conf.Now().UTC(), version: latestVersion, instance: o.conf.BaseURL}
}

func (t *tx) base() string { return "/services/data/v" + t.version }

// mark is a place that rollback can return to.
func (t *tx) mark() int { return len(t.undo) }

func (t *tx) rollback(to int) {
	for i := len(t.undo) - 1; i >= to; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:to]
}

// tell reports the changes that stand. The lock is not held.
func (t *tx) tell() {
	t.o.bus.publish(t)
	if t.o.conf.OnChange != nil {
		for _, c := range t.changes {
			t.o.conf.OnChange(c)
		}
	}
	for _, b := range t.uploads {
		if !b.kept {
			t.o.blobs.drop(b)
		}
	}
}

func (t *tx) changed(kind string, r *record, before map[string]any) {
	n, d := len(t.changes), len(t.deltas)
	t.changes = append(t.changes, Change{Kind: kind, Object: r.e.name, ID: r.id, UserID: t.who.id, At: t.now})
	if t.o.bus.selected(r.e) {
		t.deltas = append(t.deltas, delta{kind: kind, e: r.e, id: r.id, before: before, after: r.values})
	}
	t.undo = append(t.undo, func() { t.changes, t.deltas = t.changes[:n], t.deltas[:d] })
}

func (t *tx) put(r *record) {
	table := t.o.tables[r.e]
	table.put(r)
	t.undo = append(t.undo, func() { table.drop(r) })
	t.changed("CREATE", r, nil)
}

// set replaces the values of a record.
func (t *tx) set(r *record, values map[string]any) {
	table, before := t.o.tables[r.e], r.values
	table.reindex(r, before, values)
	r.values = values
	t.undo = append(t.undo, func() {
		table.reindex(r, r.values, before)
		r.values = before
	})
	t.changed("UPDATE", r, before)
}

// edit changes some values of a record and stamps it.
func (t *tx) edit(r *record, change map[string]any) {
	values := r.clone()
	for k, v := range change {
		values[k] = v
	}
	values["LastModifiedDate"], values["SystemModstamp"] = timestamp(t.now), timestamp(t.now)
	values["LastModifiedById"] = t.who.id
	t.set(r, values)
}

// bin moves a record to the recycle bin, because of the record cause or by itself. Its
// SystemModstamp moves too, so that whoever polls with queryAll hears of it.
func (t *tx) bin(r *record, cause string) {
	if r.deleted() {
		return
	}
	r.deletedAt, r.cascade = t.now, cause
	t.undo = append(t.undo, func() { r.deletedAt, r.cascade = time.Time{}, "" })
	t.restamp(r)
	t.changed("DELETE", r, r.values)
}

func (t *tx) unbin(r *record) {
	at, cause := r.deletedAt, r.cascade
	r.deletedAt, r.cascade = time.Time{}, ""
	t.undo = append(t.undo, func() { r.deletedAt, r.cascade = at, cause })
	t.restamp(r)
	t.changed("UNDELETE", r, r.values)
}

// restamp says that the platform touched a record.
func (t *tx) restamp(r *record) {
	table, before, after := t.o.tables[r.e], r.values, r.clone()
	after["SystemModstamp"] = timestamp(t.now)
	table.reindex(r, before, after)
	r.values = after
	t.undo = append(t.undo, func() {
		table.reindex(r, after, before)
		r.values = before
	})
}

// keep counts a blob against the org's storage and gives it to a record.
func (t *tx) keep(b *blob) error {
	if b.kept {
		return nil
	}
	if limit := t.o.conf.StorageLimit; limit > 0 && t.o.stored+b.size > limit {
		return newFault(http.StatusBadRequest, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded").on()
	}
	b.kept = true
	t.o.stored += b.size
	t.undo = append(t.undo, func() {
		b.kept = false
		t.o.stored -= b.size
	})
	return nil
}

// find returns the record with the id, deleted or not, or nil.
func (t *tx) find(id string) *record {
	e := t.o.schema.byPrefix(id)
	if e == nil {
		return nil
	}
	return t.o.tables[e].rows[id]
}

// live returns the record with the id unless it is in the recycle bin.
func (t *tx) live(id string) *record {
	if r := t.find(id); r != nil && !r.deleted() {
		return r
	}
	return nil
}

// Who may do what.

func (t *tx) access(e *entity) Access {
	if t.system {
		return Access{true, true, true, true, true, true}
	}
	if t.who.Inactive {
		return Access{}
	}
	p := t.who.Profile
	a := p.Default
	for name, given := range p.Objects {
		if strings.EqualFold(name, e.name) {
			a = given
		}
	}
	files := e.name == "ContentVersion" || e.name == "ContentDocument" || e.name == "ContentDocumentLink"
	if p.ModifyAllData && !files {
		a.ModifyAll = true
	}
	if (p.ViewAllData || p.ModifyAllData) && !files {
		a.ViewAll = true
	}
	if files && p.ModifyAllData {
		a.ModifyAll = true
	}
	if files && p.QueryAllFiles && p.ViewAllData {
		a.ViewAll = true
	}
	a.ViewAll = a.ViewAll || a.ModifyAll
	return a
}

// mayRead says whether the person may see the record at all.
func (t *tx) mayRead(r *record) bool {
	a := t.access(r.e)
	if !a.Read {
		return false
	}
	if a.ViewAll && r.e.name != "OauthToken" {
		return true
	}
	switch r.e.name {
	case "ContentVersion":
		doc := t.find(r.text("ContentDocumentId"))
		return doc != nil && t.mayRead(doc)
	case "ContentDocument":
		return t.sharing(r, true) != ""
	case "ContentDocumentLink":
		doc := t.find(r.text("ContentDocumentId"))
		return doc != nil && t.mayRead(doc)
	case "OauthToken":
		return a.ViewAll && t.who.Profile.CustomizeApplication || r.text("UserId") == t.who.id
	case "Attachment":
		parent := t.find(r.text("ParentId"))
		return parent == nil || t.mayRead(parent)
	}
	if slices.ContainsFunc(t.o.conf.Private, func(name string) bool { return strings.EqualFold(name, r.e.name) }) {
		return r.text("OwnerId") == t.who.id
	}
	return true
}

// sharing says how a document is shared with the person: "I" as its owner, "C" to edit,
// "V" to view, "" not at all. Sharing through records counts only if through is set.
func (t *tx) sharing(doc *record, through bool) string {
	if doc.text("OwnerId") == t.who.id {
		return "I"
	}
	best := ""
	for l := range t.o.tables[t.o.schema.entity("ContentDocumentLink")].where("ContentDocumentId", doc.id) {
		share := ""
		switch entity := t.live(l.text("LinkedEntityId")); {
		case l.text("LinkedEntityId") == t.who.id:
			share = l.text("ShareType")
		case entity == nil || !through || entity.e.name == "User" || !t.mayRead(entity):
		case l.text("ShareType") == "I" && t.mayEdit(entity):
			share = "C" // inferred: whoever may edit the record may edit the file
		default:
			share = "V"
		}
		if share == "C" || share == "I" {
			return "C"
		}
		if share != "" {
			best = share
		}
	}
	return best
}

func (t *tx) mayEdit(r *record) bool {
	a := t.access(r.e)
	if !a.Edit || !t.mayRead(r) {
		return false
	}
	return a.ModifyAll || t.owns(r, "C")
}

func (t *tx) mayDelete(r *record) bool {
	a := t.access(r.e)
	if !a.Delete || !t.mayRead(r) {
		return false
	}
	return a.ModifyAll || t.owns(r, "I")
}

// owns says whether a record is the person's to change without Modify All. Files
// are their owner's, and with level C their collaborators'; other records are open to
// all unless the org made them private.
func (t *tx) owns(r *record, level string) bool {
	switch r.e.name {
	case "ContentVersion":
		doc := t.find(r.text("ContentDocumentId"))
		return doc != nil && t.owns(doc, level)
	case "ContentDocumentLink":
		doc := t.find(r.text("ContentDocumentId"))
		return doc != nil && t.owns(doc, "C")
	case "ContentDocument":
		share := t.sharing(r, true)
		return share == "I" || share == "C" && level == "C"
	case "Attachment":
		parent := t.find(r.text("ParentId"))
		return parent == nil || t.owns(parent, "C")
	}
	return true // what a private org hides, mayRead hides
}
