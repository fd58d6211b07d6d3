package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is one row. Values are nil, string, bool, float64 or *blob; dates and times
// are strings in the form the API answers with, which sorts as it compares.
type record struct {
	e         *entity
	id        string
	values    map[string]any // by the field's proper name
	deletedAt time.Time      // zero: not deleted
	cascade   string         // id of the record whose deletion took this one along
}

func (r *record) deleted() bool { return !r.deletedAt.IsZero() }

func (r *record) text(field string) string {
	s, _ := r.values[field].(string)
	return s
}

// get returns the value of a field, those that are computed included.
func (r *record) get(f *field) any {
	switch f.name {
	case "Id":
		return r.id
	case "IsDeleted":
		return r.deleted()
	}
	if v := r.values[f.name]; v != nil || f.kind != "boolean" {
		return v
	}
	return false
}

// table holds the records of one entity in the order they were made.
type table struct {
	rows  map[string]*record
	order []*record
	// index finds records by an indexed field: field name → value in lower case →
	// records, the deleted ones included. Ids may lose their case, as their suffix keeps it.
	index map[string]map[string][]*record
	lines []*timeline
}

func newTable(e *entity) *table {
	t := &table{rows: map[string]*record{}, index: map[string]map[string][]*record{}}
	for _, f := range e.fields {
		if f.indexed() {
			t.index[f.name] = map[string][]*record{}
		}
	}
	for _, name := range timelines {
		t.lines = append(t.lines, &timeline{field: name})
	}
	return t
}

// indexed says that records are looked for by the field often.
func (f *field) indexed() bool { return f.external || f.unique || f.children != "" }

func (t *table) put(r *record) {
	t.rows[r.id] = r
	t.order = append(t.order, r)
	t.reindex(r, nil, r.values)
}

func (t *table) drop(r *record) {
	delete(t.rows, r.id)
	if i := slices.Index(t.order, r); i >= 0 {
		t.order = slices.Delete(t.order, i, i+1)
	}
	t.reindex(r, r.values, nil)
}

func (t *table) reindex(r *record, before, after map[string]any) {
	for _, l := range t.lines {
		was, _ := before[l.field].(string)
		if is, _ := after[l.field].(string); is != "" && is != was {
			l.note(r, is)
		}
	}
	for _, f := range r.e.fields {
		if !f.indexed() {
			continue
		}
		was, _ := before[f.name].(string)
		is, _ := after[f.name].(string)
		if was == is {
			continue
		}
		values := t.index[f.name]
		if was != "" {
			key := strings.ToLower(was)
			values[key] = slices.DeleteFunc(values[key], func(other *record) bool { return other == r })
		}
		if is != "" {
			key := strings.ToLower(is)
			values[key] = append(values[key], r)
		}
	}
}

// lookup returns the live records whose external id has the value.
func (t *table) lookup(f *field, value string) []*record {
	var found []*record
	for _, r := range t.index[f.name][strings.ToLower(value)] {
		if !r.deleted() {
			found = append(found, r)
		}
	}
	return found
}

func (t *table) all() []*record { return t.order }

// where yields the live records whose field holds the value.
func (t *table) where(field, value string) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		among := t.order
		if values, has := t.index[field]; has {
			among = values[strings.ToLower(value)]
		}
		for _, r := range among {
			if !r.deleted() && r.values[field] == value && !yield(r) {
				return
			}
		}
	}
}

func (r *record) clone() map[string]any { return maps.Clone(r.values) }

const (
	dateTimeLayout = "2006-01-02T15:04:05.000-0700"
	dateLayout     = "2006-01-02"
)

func timestamp(t time.Time) string { return t.UTC().Format(dateTimeLayout) }

// parseTime reads the forms of dateTime the API accepts.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{dateTimeLayout, time.RFC3339Nano, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05.999",
		"2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date and time", s)
}

// coerce makes the value to store of one that a client sent. The formats it accepts
// are those of JSON and those of CSV and XML, where everything is text.
func (t *tx) coerce(e *entity, f *field, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	cannot := func() *fault {
		return badJSON("Cannot deserialize instance of %s from %s value %.80v or request may be missing a required field", f.kind, tokenName(v), v)
	}
	if b, is := v.(*blob); is {
		if f.kind != "base64" {
			return nil, cannot()
		}
		return b, nil
	}
	if o, is := v.(map[string]any); is { // its members are looked for as fields of the record
		return nil, noSuchColumn(t.firstMember(f.name, o), e.name)
	}
	s, isText := v.(string)
	if isText && s == "" {
		return nil, nil // as on the platform: no empty strings, only null
	}
	switch f.kind {
	case "boolean":
		switch b, is := v.(bool); {
		case is:
			return b, nil
		case strings.EqualFold(s, "true") || s == "1":
			return true, nil
		case strings.EqualFold(s, "false") || s == "0":
			return false, nil
		}
		return nil, cannot()
	case "int", "double", "currency":
		if n, is := v.(json.Number); is {
			s = n.String()
		} else if n, is := v.(float64); is {
			return n, nil
		} else if !isText {
			return nil, cannot()
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) || f.kind == "int" && n != math.Trunc(n) {
			return nil, cannot()
		}
		return n, nil
	case "base64":
		if !isText {
			return nil, cannot()
		}
		b, err := t.o.blobs.take(base64.NewDecoder(base64.StdEncoding, strings.NewReader(s)), maxInline)
		if _, corrupt := err.(base64.CorruptInputError); corrupt || err == io.ErrUnexpectedEOF {
			return nil, cannot()
		} else if err == errTooLarge {
			return nil, tooLarge(e, f)
		} else if err != nil {
			return nil, err
		}
		t.uploads = append(t.uploads, b)
		return b, nil
	case "datetime":
		at, err := parseTime(s)
		if err != nil {
			if at, err = time.Parse(dateLayout, s); err != nil {
				return nil, cannot()
			}
		}
		return timestamp(at), nil
	case "date":
		if at, err := parseTime(s); err == nil {
			return at.UTC().Format(dateLayout), nil
		}
		if _, err := time.Parse(dateLayout, s); err != nil {
			return nil, cannot()
		}
		return s, nil
	case "id", "reference":
		id, good := parseID(s)
		if !good || !isText {
			return nil, newFault(http.StatusBadRequest, "MALFORMED_ID", "%s: id value of incorrect type: %.80v", f.label, v).on(f.name)
		}
		if target := t.o.schema.byPrefix(id); f.kind == "reference" && len(f.to) > 0 && target != nil && !f.pointsAt(target) {
			return nil, newFault(http.StatusBadRequest, "MALFORMED_ID", "%s: id value of incorrect type: %s", f.label, s).on(f.name)
		}
		return id, nil
	}
	switch v := v.(type) {
	case string:
	case json.Number:
		s = v.String()
	case bool, float64:
		s = fmt.Sprint(v)
	default:
		return nil, cannot()
	}
	if n := len([]rune(s)); f.length > 0 && n > f.length {
		return nil, newFault(http.StatusBadRequest, "STRING_TOO_LONG", "%s: data value too large: %.60s (max length=%d)",
			f.label, s, f.length).on(f.name)
	}
	if len(f.values) > 0 {
		i := slices.IndexFunc(f.values, func(known string) bool { return strings.EqualFold(known, s) })
		if i < 0 {
			return nil, newFault(http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
				"%s: bad value for restricted picklist field: %.80s", f.label, s).on(f.name)
		}
		return f.values[i], nil
	}
	if f.kind == "email" && (!strings.Contains(s, "@") || strings.ContainsAny(s, " \t\r\n")) {
		return nil, newFault(http.StatusBadRequest, "INVALID_EMAIL_ADDRESS", "%s: invalid email address: %.80s", f.label, s).on(f.name)
	}
	return s, nil
}

// render is the value as answers carry it.
func (t *tx) render(r *record, f *field) any {
	switch v := r.get(f).(type) {
	case *blob:
		return t.base() + "/sobjects/" + r.e.name + "/" + r.id + "/" + f.name
	case float64:
		if f.kind == "int" {
			return int64(v)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return json.Number(strconv.FormatFloat(v, 'f', 1, 64))
		}
		return v
	case nil:
		if f.kind == "address" {
			return address(r, strings.TrimSuffix(f.name, "Address"))
		}
		if f.name == "VersionDataUrl" {
			return t.instance + "/sfc/servlet.shepherd/version/download/" + r.id
		}
		return nil
	default:
		return v
	}
}
