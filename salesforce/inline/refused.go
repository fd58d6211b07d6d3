package inline

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// What the org would never take is not held: a person would decide on a file that cannot be
// delivered. What its description of the object says is looked at for every upload, since the
// description is at hand; whether the records that a write names are there and the caller's to
// change is asked only when the verdict is to hold, since all else is answered by the org itself.
//
// The org's own order is kept: the session, the object, the method, the body's form, the fields,
// and last the records that the fields name.

// refusedTarget says in the org's words that it takes no such write at this address.
func (u *upload) refusedTarget() error {
	t := u.target
	key, value, byKey := strings.Cut(t.record, "/")
	var allowed string
	switch {
	case t.record == "" && u.method != http.MethodPost:
		allowed = "GET,POST,HEAD"
	case t.record != "" && u.method != http.MethodPatch:
		allowed = "GET,PATCH,DELETE,HEAD"
	}
	switch {
	case allowed != "":
		return refusalf(http.StatusMethodNotAllowed, salesforce.CodeMethod, "HTTP Method '%s' not allowed. Allowed are %s", u.method, allowed)
	case byKey && salesforce.IsID(key) || byKey && value == "":
		return nil // through a relationship, or nowhere: the fields are checked all the same
	case t.record != "" && !byKey && !salesforce.IsID(t.record):
		f := refusalf(http.StatusBadRequest, salesforce.CodeMalformedID, "malformed id %.80s", t.record)
		f.fields = []string{"Id"}
		return f
	case u.op == cordon.OpCreate && !u.object.Createable:
		f := refusalf(http.StatusBadRequest, salesforce.CodeNoEntity, "entity type cannot be inserted: %s", orName(u.object))
		f.fields = []string{}
		return f
	case u.op == cordon.OpUpdate && !u.object.Updateable && !(byKey && u.object.Createable):
		return noAccess()
	}
	return nil
}

func orName(d *salesforce.Description) string {
	if d.Label != "" {
		return d.Label
	}
	return d.Name
}

func noAccess() *refusal {
	f := refusalf(http.StatusBadRequest, salesforce.CodeAccess, "insufficient access rights on object id")
	f.fields = []string{}
	return f
}

// refusedFields says in the org's words what its description of the object has against the fields.
func (u *upload) refusedFields() error {
	s := cordon.Staged{Op: u.op, Object: u.target.object, RecordID: u.target.record, Fields: u.fields}
	return asRefusal(u.object.Refuses(s, u.blobs()...))
}

// inOrgsWords says of a part that has no place in a form what the org says of it: that the object
// has no such field.
func (u *upload) inOrgsWords(err error) error {
	var known *refusal
	if !errors.As(err, &known) || known.part == "" || !u.object.Whole() {
		return err
	}
	if _, has := u.object.Field(known.part); has {
		return err
	}
	return asRefusal(u.object.Refuses(cordon.Staged{Op: u.op}, known.part))
}

// blobs are the base64 fields that the write carries.
func (u *upload) blobs() []string {
	if !u.hasBlob {
		return nil
	}
	return []string{u.target.blob.BlobField()}
}

func asRefusal(p *salesforce.Problem) error {
	if p == nil {
		return nil
	}
	e := p.Errors[0]
	return &refusal{status: p.Status, code: e.ErrorCode, message: e.Message, fields: e.Fields}
}

// parentFields name records that the caller must be able to change to put a file there.
var parentFields = []string{"FirstPublishLocationId", "ParentId", salesforce.FieldDocumentID}

// wouldRefuse asks the org, as the caller, whether the records that a write names are there and
// may be changed. It returns the org's refusal. Where the org does not say, the write may be
// held: it is asked again, as what it is, when it is released.
func (u *upload) wouldRefuse(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if u.target.record != "" {
		if err := u.refusedRecord(ctx); err != nil {
			return u.unlessSilent(err)
		}
	}
	for _, field := range parentFields {
		id := salesforce.StringField(cordon.Staged{Fields: u.fields}, field)
		if !salesforce.IsID(id) || salesforce.SameID(id, u.person.id) {
			continue
		}
		if err := u.refusedParent(ctx, field, id); err != nil {
			return u.unlessSilent(err)
		}
	}
	return nil
}

// unlessSilent keeps the org's refusals, and lets the write go on where the org did not answer.
func (u *upload) unlessSilent(err error) error {
	var native *nativeAnswer
	if errors.As(err, &native) && (native.status == http.StatusUnauthorized || native.status == http.StatusNotFound) {
		return err
	}
	var known *refusal
	if errors.As(err, &known) && known.cause == nil {
		return err
	}
	u.gateway.log.Warn("the CRM did not say whether a file that is held could be written; it is asked when the file is released",
		"tenant", u.tenant.ID, "cause", err)
	return nil
}

// refusedRecord looks at the record that an update names, or finds out that an upsert creates it.
func (u *upload) refusedRecord(ctx context.Context) error {
	record := u.target.record
	var found struct{ ID string }
	err := u.tenant.callers.get(ctx, u.creds, u.target.address(u.path), "fields=Id", maxAnswer, &found)
	s := cordon.Staged{Op: cordon.OpUpdate, Object: u.target.object, RecordID: found.ID, Fields: u.fields}
	var native *nativeAnswer
	switch {
	case errors.As(err, &native) && native.status == http.StatusNotFound && strings.Contains(record, "/") && !u.isDeleted(native):
		s.Op, s.RecordID = cordon.OpCreate, ""
		key, value, _ := strings.Cut(record, "/")
		s.Fields = salesforce.SetField(s.Fields, key, value)
	case err != nil:
		return err
	case found.ID == "":
		return errors.New("the CRM's answer names no record")
	default:
		access, said, err := u.accessTo(ctx, found.ID)
		if err != nil {
			return err
		}
		if said && !access.HasEditAccess {
			return noAccess()
		}
	}
	return asRefusal(u.object.Refuses(s, u.blobs()...))
}

func (u *upload) isDeleted(a *nativeAnswer) bool { return errorCode(a.body) == salesforce.CodeDeleted }

// refusedParent looks at a record that a file is put under.
func (u *upload) refusedParent(ctx context.Context, field, id string) error {
	access, said, err := u.accessTo(ctx, id)
	switch {
	case err != nil:
		return err
	case said && access.HasEditAccess:
		return nil
	case said && field == salesforce.FieldDocumentID && access.HasReadAccess:
		return noAccess()
	case said:
		f := refusalf(http.StatusBadRequest, salesforce.CodeNoReference, "insufficient access rights on cross-reference id: %s", id)
		f.fields = []string{}
		return f
	}
	// Not every object has such an answer, so silence alone does not say that nothing is there.
	object, err := u.objectOf(ctx, id)
	if err != nil {
		return err
	}
	gone := refusalf(http.StatusBadRequest, salesforce.CodeReference, "invalid cross reference id")
	gone.fields = []string{field}
	if object == "" {
		return gone
	}
	var found struct{ ID string }
	err = u.tenant.callers.get(ctx, u.creds, "/services/data/v"+u.target.version+"/sobjects/"+object+"/"+id, "fields=Id", maxAnswer, &found)
	var native *nativeAnswer
	if !errors.As(err, &native) || native.status != http.StatusNotFound {
		return err
	}
	if u.isDeleted(native) {
		f := refusalf(http.StatusBadRequest, salesforce.CodeDeleted, "entity is deleted")
		f.fields = []string{}
		return f
	}
	return gone
}

// access is a row of UserRecordAccess.
type access struct {
	RecordID                     string `json:"RecordId"`
	HasReadAccess, HasEditAccess bool
}

// accessTo asks what the caller may do with a record. said is false where the org has no row.
func (u *upload) accessTo(ctx context.Context, id string) (a access, said bool, err error) {
	if u.person.id == "" {
		return a, false, errors.New("the CRM did not say who the caller is")
	}
	var page struct{ Records []access }
	soql := "SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = " +
		salesforce.QuoteSOQL(u.person.id) + " AND RecordId = " + salesforce.QuoteSOQL(id)
	err = u.tenant.callers.get(ctx, u.creds, "/services/data/v"+u.target.version+"/query", "q="+url.QueryEscape(soql), maxAnswer, &page)
	i := slices.IndexFunc(page.Records, func(a access) bool { return salesforce.SameID(a.RecordID, id) })
	if err != nil || i < 0 {
		return a, false, err
	}
	return page.Records[i], true, nil
}

// objectOf returns the object whose ids begin as this one, "" if the org has none that the caller sees.
func (u *upload) objectOf(ctx context.Context, id string) (string, error) {
	prefixes, err := remembered(ctx, u.tenant.callers, u.tenant.callers.key(u.creds)+"/prefixes/"+u.target.version,
		func(ctx context.Context) (map[string]string, error) {
			var list struct {
				Objects []struct{ Name, KeyPrefix string } `json:"sobjects"`
			}
			if err := u.tenant.callers.get(ctx, u.creds, "/services/data/v"+u.target.version+"/sobjects", "", maxDescribe, &list); err != nil {
				return nil, err
			}
			prefixes := make(map[string]string, len(list.Objects))
			for _, o := range list.Objects {
				if salesforce.IsName(o.Name) && o.KeyPrefix != "" {
					prefixes[o.KeyPrefix] = o.Name
				}
			}
			if len(prefixes) == 0 {
				return nil, errors.New("the CRM lists no objects")
			}
			return prefixes, nil
		})
	return prefixes[id[:3]], err
}

// codeOf is the error code of a refusal, for the record.
func codeOf(err error) string {
	var known *refusal
	if errors.As(err, &known) {
		return known.code
	}
	var native *nativeAnswer
	if errors.As(err, &native) {
		if code := errorCode(native.body); salesforce.IsName(code) { // a code, and no text
			return code
		}
	}
	return salesforce.CodeUnknown
}
