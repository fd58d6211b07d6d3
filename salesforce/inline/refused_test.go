package inline

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// TestWhatTheOrgWouldNotTakeIsNotHeld sends a file that would be held in writes that could never
// be delivered.
func TestWhatTheOrgWouldNotTakeIsNotHeld(t *testing.T) {
	const id, gone, deleted, locked = "068xx0000000001AAA", "500xx000000goneAAA", "500xx000000deleAAA", "500xx000000lockAAA"
	file := b64(photo)
	cv := func(more string) string {
		return `{"Title":"t","PathOnClient":"t.png",` + more + `"VersionData":"` + file + `"}`
	}
	for name, test := range map[string]struct {
		method, uri, body, code, field string
		status                         int
		judged                         bool // it takes a verdict before the org is asked
	}{
		"PUT":                   {"PUT", cvPath, cv(""), "METHOD_NOT_ALLOWED", "", 405, false},
		"PUT of a record":       {"PUT", attachPath + "/00Pxx0000000001AAA", `{"Body":"` + file + `"}`, "METHOD_NOT_ALLOWED", "", 405, false},
		"PATCH without an id":   {"PATCH", cvPath, cv(""), "METHOD_NOT_ALLOWED", "", 405, false},
		"POST to a record":      {"POST", cvPath + "/" + id, cv(""), "METHOD_NOT_ALLOWED", "", 405, false},
		"PATCH by override":     {"POST", cvPath + "?_HttpMethod=PATCH", cv(""), "METHOD_NOT_ALLOWED", "", 405, false},
		"malformed id":          {"PATCH", attachPath + "/zzz", `{"Body":"` + file + `"}`, "MALFORMED_ID", "Id", 400, false},
		"key that is none":      {"PATCH", cvPath + "/Title/x", cv(""), "NOT_FOUND", "", 404, false},
		"file of a version":     {"PATCH", cvPath + "/" + id, `{"VersionData":"` + file + `"}`, "INVALID_FIELD_FOR_INSERT_UPDATE", "VersionData", 400, false},
		"unknown field":         {"POST", cvPath, cv(`"Nope__c":"x",`), "INVALID_FIELD", "", 400, false},
		"read-only field":       {"POST", cvPath, cv(`"IsLatest":true,`), "INVALID_FIELD_FOR_INSERT_UPDATE", "IsLatest", 400, false},
		"id in a create":        {"POST", cvPath, cv(`"Id":"` + id + `",`), "INVALID_FIELD", "", 400, false},
		"unknown before others": {"POST", cvPath, cv(`"IsLatest":true,"Nope__c":"x",`), "INVALID_FIELD", "", 400, false},
		"required":              {"POST", attachPath, `{"Name":"a","Body":"` + file + `"}`, "REQUIRED_FIELD_MISSING", "ParentId", 400, false},
		"required, null":        {"POST", attachPath, `{"Name":"a","ParentId":null,"Body":"` + file + `"}`, "REQUIRED_FIELD_MISSING", "ParentId", 400, false},
		"required, emptied":     {"PATCH", attachPath + "/00Pxx0000000001AAA", `{"Name":"","Body":"` + file + `"}`, "REQUIRED_FIELD_MISSING", "Name", 400, false},
		"required with a file":  {"POST", cvPath, `{"Title":"t","VersionData":"` + file + `"}`, "REQUIRED_FIELD_MISSING", "PathOnClient", 400, false},
		"malformed parent":      {"POST", cvPath, cv(`"FirstPublishLocationId":"zzz",`), "MALFORMED_ID", "FirstPublishLocationId", 400, false},
		"too long":              {"POST", cvPath, strings.Replace(cv(""), `"t"`, `"`+strings.Repeat("t", 256)+`"`, 1), "STRING_TOO_LONG", "Title", 400, false},
		"not a text":            {"POST", cvPath, strings.Replace(cv(""), `"t"`, `{"a":1}`, 1), "JSON_PARSER_ERROR", "", 400, false},
		"not a boolean":         {"POST", cvPath, cv(`"IsMajorVersion":"maybe",`), "JSON_PARSER_ERROR", "", 400, false},

		"parent that is not there": {"POST", cvPath, cv(`"FirstPublishLocationId":"` + gone + `",`), "INVALID_CROSS_REFERENCE_KEY", "FirstPublishLocationId", 400, true},
		"parent of no object":      {"POST", cvPath, cv(`"FirstPublishLocationId":"a0Xxx0000000001AAA",`), "INVALID_CROSS_REFERENCE_KEY", "FirstPublishLocationId", 400, true},
		"deleted parent":           {"POST", cvPath, cv(`"FirstPublishLocationId":"` + deleted + `",`), "ENTITY_IS_DELETED", "", 400, true},
		"parent of an attachment":  {"POST", attachPath, `{"Name":"a","ParentId":"` + gone + `","Body":"` + file + `"}`, "INVALID_CROSS_REFERENCE_KEY", "ParentId", 400, true},
		"parent that is not theirs": {"POST", attachPath, `{"Name":"a","ParentId":"` + locked + `","Body":"` + file + `"}`,
			"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "", 400, true},
		"document that is not there":  {"POST", cvPath, cv(`"ContentDocumentId":"069xx00000gone0AAA",`), "INVALID_CROSS_REFERENCE_KEY", "ContentDocumentId", 400, true},
		"document that is not theirs": {"POST", cvPath, cv(`"ContentDocumentId":"069xx00000lock0AAA",`), "INSUFFICIENT_ACCESS_OR_READONLY", "", 400, true},
		"record that is not there":    {"PATCH", attachPath + "/00Pxx00000gone0AAA", `{"Body":"` + file + `"}`, "NOT_FOUND", "", 404, true},
		"upsert of a version":         {"PATCH", cvPath + "/Cordon_Key__c/there", cv(""), "INVALID_FIELD_FOR_INSERT_UPDATE", "PathOnClient", 400, true},
		"upsert without a path":       {"PATCH", cvPath + "/Cordon_Key__c/new", `{"Title":"t","VersionData":"` + file + `"}`, "REQUIRED_FIELD_MISSING", "PathOnClient", 400, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.whole = true
			s.org.gone = map[string]string{gone: "NOT_FOUND", deleted: "ENTITY_IS_DELETED", "a0Xxx0000000001AAA": "NOT_FOUND",
				"069xx00000gone0AAA": "NOT_FOUND", "00Pxx00000gone0AAA": "NOT_FOUND", "new": "NOT_FOUND"}
			s.org.locked = map[string]bool{locked: true, "069xx00000lock0AAA": true}
			s.org.answer = thereByKey
			a := s.do(t, test.method, test.uri, jsonType, strings.NewReader(test.body))
			if a.status != test.status || a.code(t) != test.code || test.field != "" && !strings.Contains(a.body, `"fields":["`+test.field+`"`) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a.header.Get(ReceiptHeader) != "" || strings.Contains(a.body, "itm_") {
				t.Error("a receipt for what is not held")
			}
			if len(s.org.writes()) != 0 {
				t.Error("the upstream saw the write")
			}
			if test.judged {
				if got := s.line.item(t).State; got != cordon.Erased {
					t.Errorf("the item is %s", got)
				}
				return
			}
			if len(s.line.items) != 0 || len(s.line.spooled) != 0 {
				t.Errorf("%d items and %d files were left", len(s.line.items), len(s.line.spooled))
			}
		})
	}
}

// thereByKey answers for records that are there, where the fake org would say nothing.
func thereByKey(w http.ResponseWriter, r *http.Request, _ []byte) bool {
	if r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/Cordon_Key__c/there") {
		io.WriteString(w, `{"Id":"068xx0000000001AAA"}`)
		return true
	}
	return false
}

// TestWhatTheOrgMayTakeIsHeld holds the other side: where the org takes the write, or does not say,
// the file is held as before.
func TestWhatTheOrgMayTakeIsHeld(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		set  func(*fakeOrg)
	}{
		"parent there":   {cvJSON(photo), func(o *fakeOrg) {}},
		"own user":       {strings.Replace(cvJSON(photo), "500xx000000bZzZAAU", "005xx000001SwiUAAS", 1), func(o *fakeOrg) { o.locked = map[string]bool{"005xx000001SwiUAAS": true} }},
		"reference":      {strings.Replace(cvJSON(photo), `"Title"`, `"Owner":{"Username":"u"},"Title"`, 1), func(o *fakeOrg) {}},
		"attributes":     {strings.Replace(cvJSON(photo), `"Title"`, `"attributes":{"type":"ContentVersion"},"Title"`, 1), func(o *fakeOrg) {}},
		"fields unsaid":  {strings.Replace(cvJSON(photo), `"Title"`, `"Nope__c":"x","Title"`, 1), func(o *fakeOrg) { o.whole = false }},
		"parents unsaid": {cvJSON(photo), func(o *fakeOrg) { o.answer = failing("/query") }},
		"no row, record there": {strings.Replace(cvJSON(photo), "500xx000000bZzZAAU", "069xx00000norowAAA", 1), func(o *fakeOrg) {
			o.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if strings.HasSuffix(r.URL.Path, "/query") {
					io.WriteString(w, `{"records":[]}`)
					return true
				}
				return false
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.org.whole = true
			test.set(s.org)
			a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(test.body))
			if a.code(t) != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || a.header.Get(ReceiptHeader) == "" || s.line.item(t).State != cordon.Held {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func failing(suffix string) func(http.ResponseWriter, *http.Request, []byte) bool {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
}

// TestCleanUploadsCostNoCallMore counts what the org is asked for an upload that passes: once for
// the caller, once for the object, and after that only the write.
func TestCleanUploadsCostNoCallMore(t *testing.T) {
	s := newStand(t, nil)
	s.org.whole = true
	calls := func() int {
		s.org.mu.Lock()
		defer s.org.mu.Unlock()
		return s.org.calls
	}
	for i, want := range []int{3, 4, 5} {
		if a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain))); a.status != 201 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if got := calls(); got != want {
			t.Errorf("upload %d: %d calls so far, want %d", i+1, got, want)
		}
	}
	before := calls()
	s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)))
	if got := calls() - before; got != 1 {
		t.Errorf("a hold costs %d calls, want 1 for its parent", got)
	}
}
