package sim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an org has depends on what was bought and switched on. The parts here are off in the
// zero Config, so that both can be tested: with a licence and without.

// licensedSchema declares the objects that Config.ChangeEvents and Config.EventLogFiles bring.
func (c Config) licensedSchema() string {
	var b strings.Builder
	for i, object := range c.ChangeEvents {
		fmt.Fprintf(&b, "event %sChangeEvent e%02d nocreate\n  ReplayId string 1000 readonly\n", object, i)
	}
	if len(c.EventLogFiles) > 0 {
		b.WriteString(`object EventLogFile 0AT nocreate noupdate nodelete
  EventType picklist 100 readonly
  LogDate datetime readonly
  LogFileLength double readonly
  Interval picklist 20 readonly
`)
	}
	return b.String()
}

// seedLogs writes yesterday's log of each type that the org keeps.
func (c Config) seedLogs(put func(object string, values map[string]any) string, now time.Time) {
	day := timestamp(now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1))
	for _, kind := range c.EventLogFiles {
		put("EventLogFile", map[string]any{"EventType": kind, "LogDate": day, "LogFileLength": 0.0, "Interval": "Daily"})
	}
}

// userPermissionAccess answers what the caller may do in the whole org, in one row without a
// filter. https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_userpermissionaccess.htm
func (c *call) userPermissionAccess(q *query) (*answer, error) {
	p := c.who.Profile
	for name, given := range p.Objects {
		if strings.EqualFold(name, "UserPermissionAccess") && !given.Read {
			f := malformed(q.soql, q.fromAt, "sObject type '%s' is not supported.", q.from)
			f.code = "INVALID_TYPE"
			return nil, f
		}
	}
	if q.where != nil {
		return nil, newFault(http.StatusBadRequest, "MALFORMED_QUERY", "UserPermissionAccess answers for the caller and takes no filter")
	}
	names := []string{"PermissionsApiEnabled", "PermissionsViewAllData", "PermissionsModifyAllData", "PermissionsQueryAllFiles", "PermissionsCustomizeApplication"}
	values := []bool{!p.NoAPI, p.ViewAllData, p.ModifyAllData, p.QueryAllFiles, p.CustomizeApplication}
	out := object{{"attributes", object{{"type", "UserPermissionAccess"}}}}
next:
	for _, s := range q.fields {
		for i, name := range names {
			if strings.EqualFold(name, strings.Join(s.path, ".")) {
				out = append(out, member{name, values[i]})
				continue next
			}
		}
		return nil, badField(q, s.at, strings.Join(s.path, "."), "UserPermissionAccess")
	}
	a := ok(object{{"totalSize", 1}, {"done", true}, {"records", []any{out}}})
	a.root = "QueryResult"
	return a, nil
}
