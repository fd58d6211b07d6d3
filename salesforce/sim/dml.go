package sim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// binLife is how long the recycle bin keeps a record.
const binLife = 15 * 24 * time.Hour

// input resolves the members of a record that a client sent to fields and values.
func (t *tx) input(e *entity, in map[string]any, create bool) (map[string]any, error) {
	values := map[string]any{}
	var forbidden []string
	for _, name := range slices.Sorted(maps.Keys(in)) { // in order, so that errors and ties do not vary
		v := in[name]
		if strings.EqualFold(name, "attributes") {
			continue
		}
		f := e.field(name)
		if f == nil {
			if relation := e.byRelation[strings.ToLower(name)]; relation != nil {
				id, err := t.byExternalID(relation, v)
				if err != nil {
					return nil, err
				}
				values[relation.name] = id
				continue
			}
			return nil, noSuchColumn(name, e.name)
		}
		if f.name == "Id" {
			if create {
				return nil, newFault(http.StatusBadRequest, "INVALID_FIELD", "cannot specify Id in an insert call").on()
			}
			return nil, newFault(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE",
				"The Id field should not be specified in the sobject data.").on()
		}
		if !t.system && (create && f.noCreate || !create && f.noUpdate) {
			forbidden = append(forbidden, f.name)
			continue
		}
		value, err := t.coerce(e, f, v)
		if err != nil {
			return nil, err
		}
		values[f.name] = value
	}
	if len(forbidden) > 0 {
		slices.Sort(forbidden)
		return nil, newFault(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE",
			"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
			strings.Join(forbidden, ", ")).on(forbidden...)
	}
	return values, nil
}

// byExternalID resolves {"Account": {"External_Id__c": "x"}} to an id.
func (t *tx) byExternalID(relation *field, v any) (any, error) {
	ref, is := v.(map[string]any)
	if !is {
		return nil, badJSON("Cannot deserialize instance of reference from VALUE_STRING value %.80v or request may be missing a required field", v)
	}
	for _, target := range relation.to {
		e := t.o.schema.entity(target)
		if e == nil {
			continue
		}
		for name, value := range ref {
			f := e.field(name)
			if f == nil || !f.external {
				continue
			}
			found := t.o.tables[e].lookup(f, fmt.Sprint(value))
			if len(found) == 1 {
				return found[0].id, nil
			}
			return nil, newFault(http.StatusBadRequest, "INVALID_FIELD",
				"Foreign key external ID: %v not found for field %s in entity %s", value, f.name, e.name).on()
		}
	}
	return nil, newFault(http.StatusBadRequest, "INVALID_FIELD", "An object reference needs an external ID field of %s",
		strings.Join(relation.to, " or ")).on()
}

// create inserts a record and returns its id.
func (t *tx) create(e *entity, in map[string]any) (string, error) {
	if e.noCreate || !t.access(e).Create {
		return "", newFault(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: %s", e.label).on()
	}
	values, err := t.input(e, in, true)
	if err != nil {
		return "", err
	}
	if e.event {
		return t.publish(e, in, values)
	}
	for _, f := range e.fields {
		if f.fallback == "" || values[f.name] != nil {
			continue
		}
		if values[f.name], err = t.coerce(e, f, f.fallback); err != nil {
			return "", err
		}
	}
	if owner := e.field("OwnerId"); owner != nil && values["OwnerId"] == nil {
		values["OwnerId"] = t.who.id
	}
	if e.name == "ContentDocumentLink" && values["Visibility"] == nil {
		values["Visibility"] = t.visibility()
	}
	if e.name == "Document" && values["AuthorId"] == nil {
		values["AuthorId"] = t.who.id
	}
	if err := t.demand(e, values); err != nil {
		return "", err
	}
	if err := t.checkReferences(e, values); err != nil {
		return "", err
	}
	r := &record{e: e, values: values}
	if err := t.checkUnique(r, values); err != nil {
		return "", err
	}
	r.id = t.o.nextID(e.prefix) // never given again, as on the platform, even if this is rolled back
	t.stamp(r)
	if err := t.derive(r, values, true); err != nil {
		return "", err
	}
	if e.name == "ContentVersion" {
		if err := t.publishVersion(r); err != nil {
			return "", err
		}
	}
	t.put(r)
	return r.id, nil
}

func (t *tx) stamp(r *record) {
	at := timestamp(t.now)
	for _, name := range []string{"CreatedDate", "LastModifiedDate", "SystemModstamp"} {
		r.values[name] = at
	}
	r.values["CreatedById"], r.values["LastModifiedById"] = t.who.id, t.who.id
	for _, f := range r.e.fields {
		if f.auto {
			prefix := ""
			if r.e.name == "ServiceAppointment" {
				prefix = "SA-"
			}
			r.values[f.name] = fmt.Sprintf("%s%08d", prefix, 1000+t.o.counters[r.e.prefix])
		}
	}
}

// demand checks that required fields are there.
func (t *tx) demand(e *entity, values map[string]any) error {
	var missing []string
	for _, f := range e.fields {
		if f.required && values[f.name] == nil {
			missing = append(missing, f.name)
		}
	}
	if e.name == "ContentVersion" && values["VersionData"] == nil && values["ContentUrl"] == nil {
		missing = append(missing, "VersionData")
	}
	if e.name == "ContentVersion" && values["VersionData"] != nil && values["PathOnClient"] == nil {
		missing = append(missing, "PathOnClient")
	}
	if len(missing) == 0 {
		return nil
	}
	return newFault(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "Required fields are missing: [%s]",
		strings.Join(missing, ", ")).on(missing...)
}

func (t *tx) checkReferences(e *entity, values map[string]any) error {
	for _, f := range e.fields {
		id, _ := values[f.name].(string)
		if f.kind != "reference" || id == "" {
			continue
		}
		target := t.live(id)
		if target == nil {
			if gone := t.find(id); gone != nil {
				return newFault(http.StatusBadRequest, "ENTITY_IS_DELETED", "entity is deleted").on()
			}
			return badParent(f.name)
		}
		if !t.mayRead(target) && target.e.name != "User" && target.e.name != "Profile" {
			return noAccessToParent(id)
		}
		if changesParent := e.name == "Attachment" || e.name == "ContentDocumentLink" || f.name == "FirstPublishLocationId"; changesParent &&
			target.e.name != "User" && target.e.name != "ContentDocument" && !t.mayEdit(target) {
			return noAccessToParent(id)
		}
	}
	return nil
}

func (t *tx) checkUnique(r *record, values map[string]any) error {
	for _, f := range r.e.fields {
		v, _ := values[f.name].(string)
		if !f.unique || v == "" {
			continue
		}
		for _, other := range t.o.tables[r.e].lookup(f, v) {
			if other != r {
				return newFault(http.StatusBadRequest, "DUPLICATE_VALUE",
					"duplicate value found: %s duplicates value on record with id: %s", f.name, other.id[:15]).on(f.name)
			}
		}
	}
	if r.e.name == "ContentDocumentLink" && r.id == "" {
		doc, _ := values["ContentDocumentId"].(string)
		for l := range t.o.tables[r.e].where("ContentDocumentId", doc) {
			if l.values["LinkedEntityId"] == values["LinkedEntityId"] {
				return newFault(http.StatusBadRequest, "DUPLICATE_VALUE",
					"duplicate value found: <unknown> duplicates value on record with id: <unknown>").on()
			}
		}
		if d := t.live(doc); d != nil && !t.mayEdit(d) {
			return noAccess()
		}
	}
	return nil
}

// derive fills what the platform computes from the values written.
func (t *tx) derive(r *record, written map[string]any, create bool) error {
	v := r.values
	switch r.e.name {
	case "Contact":
		v["Name"] = strings.TrimSpace(r.text("FirstName") + " " + r.text("LastName"))
	case "Case":
		closed := v["Status"] == "Closed"
		if closed && v["IsClosed"] != true {
			v["ClosedDate"] = timestamp(t.now)
		} else if !closed {
			v["ClosedDate"] = nil
		}
		v["IsClosed"] = closed
		if contact := t.live(r.text("ContactId")); create && contact != nil && v["AccountId"] == nil {
			v["AccountId"] = contact.values["AccountId"]
		}
	case "ContentDistribution":
		version := t.live(r.text("ContentVersionId"))
		if version == nil || !t.mayEdit(version) {
			return noAccessToParent(r.text("ContentVersionId"))
		}
		v["ContentDocumentId"] = version.values["ContentDocumentId"]
		v["DistributionPublicUrl"] = t.instance + "/sfc/p/" + r.id[:15]
		v["ContentDownloadUrl"] = t.instance + "/sfc/dist/version/download/?ids=" + version.id[:15] + "&d=" + r.id[:15]
	}
	for _, f := range r.e.fields {
		b, is := written[f.name].(*blob)
		if !is {
			continue
		}
		if limit := largest(r.e); b.size > limit {
			return tooLarge(r.e, f)
		}
		if err := t.keep(b); err != nil {
			return err
		}
		if r.e.field("BodyLength") != nil {
			v["BodyLength"] = float64(b.size)
		}
	}
	return nil
}

// update changes fields of the record with the id.
func (t *tx) update(e *entity, id string, in map[string]any) error {
	r, err := t.target(e, id)
	if err != nil {
		return err
	}
	if e.noUpdate || !t.mayEdit(r) {
		return noAccess()
	}
	change, err := t.input(e, in, false)
	if err != nil {
		return err
	}
	if err := t.checkReferences(e, change); err != nil {
		return err
	}
	if err := t.checkUnique(r, change); err != nil {
		return err
	}
	after := &record{e: e, id: r.id, values: r.clone()}
	for k, v := range change {
		after.values[k] = v
	}
	if err := t.demand(e, after.values); err != nil {
		return err
	}
	if err := t.derive(after, change, false); err != nil {
		return err
	}
	if old, is := r.values["Body"].(*blob); is && change["Body"] != nil {
		t.release(old)
	}
	t.edit(r, after.values)
	switch e.name {
	case "ContentVersion":
		t.mirrorVersion(r, change)
	case "ContentDocument":
		t.mirrorDocument(r, change)
	}
	return nil
}

// release takes bytes that were overwritten off the org's storage.
func (t *tx) release(b *blob) {
	b.kept = false
	t.o.stored -= b.size
	t.uploads = append(t.uploads, b) // removed when the request has succeeded
	t.undo = append(t.undo, func() {
		b.kept = true
		t.o.stored += b.size
	})
}

// target finds a record to change, and says in the platform's words why it cannot.
func (t *tx) target(e *entity, raw string) (*record, error) {
	id, good := parseID(raw)
	if !good {
		return nil, newFault(http.StatusBadRequest, "MALFORMED_ID", "malformed id %.80s", raw).on("Id")
	}
	r := t.o.tables[e].rows[id]
	switch {
	case r == nil || !t.mayRead(r):
		return nil, notFound()
	case r.deleted():
		return nil, newFault(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted").on()
	}
	return r, nil
}

// remove moves a record and what hangs on it to the recycle bin.
func (t *tx) remove(e *entity, id string) error {
	r, err := t.target(e, id)
	if err != nil {
		return err
	}
	if e.noDelete {
		return newFault(http.StatusBadRequest, "INVALID_TYPE_FOR_OPERATION", "entity type %s does not support delete", e.label).on()
	}
	if !t.mayDelete(r) {
		return noAccess()
	}
	t.bin(r, "")
	t.binChildren(r, r.id)
	return nil
}

// cascades lists what goes along when a record is deleted.
var cascades = []struct{ parent, child, field string }{
	{"ContentDocument", "ContentVersion", "ContentDocumentId"},
	{"ContentDocument", "ContentDocumentLink", "ContentDocumentId"},
	{"ContentDocument", "ContentDistribution", "ContentDocumentId"},
	{"Account", "Contact", "AccountId"},
	{"Account", "Case", "AccountId"},
	{"Case", "EmailMessage", "ParentId"},
	{"*", "Attachment", "ParentId"},
	{"*", "ContentDocumentLink", "LinkedEntityId"},
}

func (t *tx) binChildren(r *record, cause string) {
	for _, c := range cascades {
		if c.parent != "*" && c.parent != r.e.name {
			continue
		}
		child := t.o.schema.entity(c.child)
		for _, kid := range slices.Collect(t.o.tables[child].where(c.field, r.id)) {
			t.bin(kid, cause)
			t.binChildren(kid, cause)
		}
	}
}

// undelete brings a record and what went along with it back.
func (t *tx) undelete(raw string) error {
	id, good := parseID(raw)
	if !good {
		return newFault(http.StatusBadRequest, "MALFORMED_ID", "malformed id %.80s", raw).on()
	}
	r := t.find(id)
	if r == nil || !r.deleted() || t.now.Sub(r.deletedAt) > binLife {
		return newFault(http.StatusBadRequest, "UNDELETE_FAILED", "Entity is not in the recycle bin").on()
	}
	if r.cascade != "" && r.e.name != "ContentDistribution" {
		return newFault(http.StatusBadRequest, "UNDELETE_FAILED", "Undelete the record it was deleted with: %s", r.cascade).on()
	}
	if a := t.access(r.e); !a.Delete && !a.ModifyAll || r.text("OwnerId") != t.who.id && !a.ModifyAll && !a.ViewAll {
		return noAccess()
	}
	t.unbin(r)
	for _, e := range t.o.schema.order {
		// A distribution has an undelete of its own, and does not come back by itself.
		if e.name == "ContentDistribution" || e.name == "ContentDocumentLink" && t.o.conf.LinksStayDeleted {
			continue
		}
		for _, kid := range t.o.tables[e].all() {
			if kid.deleted() && kid.cascade == id {
				t.unbin(kid)
			}
		}
	}
	return nil
}

// purge empties a record out of the recycle bin, for good.
func (t *tx) purge(raw string) error {
	id, good := parseID(raw)
	if !good {
		return newFault(http.StatusBadRequest, "MALFORMED_ID", "malformed id %.80s", raw).on()
	}
	r := t.find(id)
	if r == nil || !r.deleted() {
		return newFault(http.StatusBadRequest, "INVALID_ID_FIELD", "Invalid record id; no recycle bin entry found").on()
	}
	if !t.access(r.e).Delete {
		return noAccess()
	}
	for _, e := range t.o.schema.order {
		for _, gone := range slices.Clone(t.o.tables[e].all()) {
			if gone.id != id && gone.cascade != id {
				continue
			}
			table := t.o.tables[e]
			table.drop(gone)
			t.undo = append(t.undo, func() { table.put(gone) })
			for _, v := range gone.values {
				if b, is := v.(*blob); is {
					t.release(b)
				}
			}
		}
	}
	return nil
}

// publish takes a platform event. It has no record; the answer says it was queued.
func (t *tx) publish(e *entity, in, values map[string]any) (string, error) {
	if err := t.demand(e, values); err != nil {
		return "", err
	}
	n := len(t.o.events)
	t.o.events = append(t.o.events, Event{Object: e.name, Payload: in, At: t.now})
	d := len(t.deltas)
	t.deltas = append(t.deltas, delta{e: e, after: in})
	t.undo = append(t.undo, func() { t.o.events, t.deltas = t.o.events[:n], t.deltas[:d] })
	return t.o.nextID(e.prefix), nil
}

// upsert creates or updates by an external id. It returns several ids when the value
// is not unique, and then has done nothing.
func (t *tx) upsert(e *entity, f *field, value string, in map[string]any) (id string, created bool, several []string, err error) {
	found := t.o.tables[e].lookup(f, value)
	if len(found) > 1 {
		for _, r := range found {
			several = append(several, r.id)
		}
		return "", false, several, nil
	}
	values := map[string]any{}
	for k, v := range in {
		if !strings.EqualFold(k, f.name) {
			values[k] = v
		}
	}
	if len(found) == 1 {
		return found[0].id, false, nil, t.update(e, found[0].id, values)
	}
	values[f.name] = value
	id, err = t.create(e, values)
	return id, true, nil, err
}

// attempt runs f; when it fails, nothing of it stays.
func (t *tx) attempt(f func() error) *fault {
	mark := t.mark()
	err := f()
	if err == nil {
		return nil
	}
	t.rollback(mark)
	var native *fault
	if errors.As(err, &native) {
		return native
	}
	return asFault(err)
}
