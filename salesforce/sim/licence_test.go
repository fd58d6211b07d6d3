package sim_test

import (
	"net/url"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func TestLicences(t *testing.T) {
	bare := open(t, sim.Demo())
	for _, object := range []string{"ContentVersionChangeEvent", "EventLogFile"} {
		bare.send("GET", "/sobjects/"+object+"/describe", nil).refused(404, "NOT_FOUND")
	}

	conf := sim.Demo()
	conf.ChangeEvents = []string{"ContentVersion", "ContentDocumentLink"}
	conf.EventLogFiles = []string{"Login", "ContentTransfer"}
	d := open(t, conf)
	for _, object := range []string{"ContentVersionChangeEvent", "ContentDocumentLinkChangeEvent", "EventLogFile"} {
		d.send("GET", "/sobjects/"+object+"/describe", nil).want(200)
	}
	if got := d.query("SELECT EventType FROM EventLogFile WHERE EventType = 'ContentTransfer'"); len(got) != 1 {
		t.Errorf("log files: %v", got)
	}
	if got, _ := d.send("GET", "/limits", nil).want(200)["DataStorageMB"].(map[string]any); got["Max"] != 1024.0 {
		t.Errorf("limits: %v", got)
	}
}

func TestUserPermissionAccess(t *testing.T) {
	conf := sim.Demo()
	conf.Users[1].Profile.Objects["UserPermissionAccess"] = sim.Access{}
	d := open(t, conf)
	soql := "SELECT PermissionsQueryAllFiles, PermissionsModifyAllData FROM UserPermissionAccess"
	got := d.query(soql)
	if len(got) != 1 || got[0]["PermissionsQueryAllFiles"] != true || got[0]["PermissionsModifyAllData"] != false {
		t.Errorf("demo: %v", got)
	}
	if got := d.as("nofiles@example.com").query(soql); len(got) != 1 || got[0]["PermissionsQueryAllFiles"] != false {
		t.Errorf("nofiles: %v", got)
	}
	ask := "/query?q=" + url.QueryEscape(soql)
	d.as("responder@example.com").send("GET", ask, nil).refused(400, "INVALID_TYPE")
	d.send("GET", ask+url.QueryEscape(" WHERE Id = '005Si0000000001AAA'"), nil).refused(400, "MALFORMED_QUERY")
	d.send("GET", "/query?q="+url.QueryEscape("SELECT Nope FROM UserPermissionAccess"), nil).refused(400, "INVALID_FIELD")
}

// Query All Files lifts the filter that links are otherwise asked with.
func TestLinksWithoutFilter(t *testing.T) {
	d := open(t, sim.Demo())
	if _, _, err := d.org.Upload("claim.jpg", []byte("photo")); err != nil {
		t.Fatal(err)
	}
	for _, soql := range []string{"SELECT Id FROM ContentDocumentLink", "SELECT Id FROM ContentDocumentLink WHERE ShareType = 'I'"} {
		if got := d.query(soql); len(got) != 1 {
			t.Errorf("%s: %v", soql, got)
		}
		d.as("nofiles@example.com").send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(400, "MALFORMED_QUERY")
	}
}
