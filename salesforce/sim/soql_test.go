package sim_test

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func TestSOQL(t *testing.T) {
	conf := sim.Demo()
	noon := time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)
	conf.Now = func() time.Time { return noon }
	d := open(t, conf)
	clinic := d.create("Account", map[string]any{"Name": "Clinic", "AnnualRevenue": 10.5, "NumberOfEmployees": 3})
	d.create("Account", map[string]any{"Name": "clinic%_'x", "AnnualRevenue": 20})
	other := d.create("Account", map[string]any{"Name": "Other", "Industry": "Health"})
	noon = noon.AddDate(0, 0, 1)
	d = d.as("demo@example.com") // a day later the token has ended
	d.create("Contact", map[string]any{"LastName": "Doe", "FirstName": "Jo", "AccountId": clinic, "Birthdate": "1980-02-29"})
	d.create("Contact", map[string]any{"LastName": "Roe", "AccountId": other})

	for _, c := range []struct {
		where string
		names string
	}{
		{"Name = 'CLINIC'", "Clinic"},
		{"Name != 'clinic'", "clinic%_'x Other"},
		{"Name <> 'clinic'", "clinic%_'x Other"},
		{"Name LIKE 'clin%'", "Clinic clinic%_'x"},
		{`Name LIKE '%\%\_\'%'`, "clinic%_'x"},
		{"Name LIKE '_ther'", "Other"},
		{"Name IN ('other', 'clinic')", "Clinic Other"},
		{"Name NOT IN ('other', 'clinic')", "clinic%_'x"},
		{"Industry = null", "Clinic clinic%_'x"},
		{"Industry != null", "Other"},
		{"Industry != 'Health'", "Clinic clinic%_'x"},
		{"AnnualRevenue > 10.5", "clinic%_'x"},
		{"AnnualRevenue >= 10.5 AND AnnualRevenue < 20", "Clinic"},
		{"NOT (AnnualRevenue = 20 OR Industry = 'Health')", "Clinic"},
		{"(NOT Name LIKE 'clinic%') AND IsDeleted = FALSE", "Other"},
		{"Name = 'Clinic' OR Name = 'Other' AND Industry = 'x'", "Clinic"},
		{"CreatedDate = YESTERDAY", "Clinic clinic%_'x Other"},
		{"CreatedDate = TODAY", ""},
		{"CreatedDate >= LAST_N_DAYS:2", "Clinic clinic%_'x Other"},
		{"CreatedDate > 2026-03-11T11:59:59Z", "Clinic clinic%_'x Other"},
		{"CreatedDate >= 2026-03-11T14:00:00+01:00", ""},
		{"Owner.Username = 'demo@example.com'", "Clinic clinic%_'x Other"},
		{"Id = '" + clinic[:15] + "'", "Clinic"},
		{"Id IN (SELECT AccountId FROM Contact WHERE FirstName = 'Jo')", "Clinic"},
		{"Id NOT IN (SELECT AccountId FROM Contact)", "clinic%_'x"},
	} {
		var names []string
		for _, r := range d.query("SELECT Name FROM Account WHERE " + c.where + " ORDER BY CreatedDate, Id") {
			names = append(names, r["Name"].(string))
		}
		if got := strings.Join(names, " "); got != c.names {
			t.Errorf("%s: %q, want %q", c.where, got, c.names)
		}
	}

	row := d.query("select c.id, c.Account.Name, c.Account.Owner.Name, Birthdate from Contact c where c.LastName = 'Doe'")[0]
	account := row["Account"].(map[string]any)
	if account["Name"] != "Clinic" || account["Owner"].(map[string]any)["Name"] != "Demo Integration" || row["Birthdate"] != "1980-02-29" ||
		account["attributes"].(map[string]any)["type"] != "Account" {
		t.Errorf("%v", row)
	}
	nested := d.query("SELECT Name, (SELECT LastName FROM Contacts WHERE FirstName != null) FROM Account WHERE Name IN ('Clinic', 'Other') ORDER BY Name")
	if nested[0]["Contacts"].(map[string]any)["totalSize"] != 1.0 || nested[1]["Contacts"] != nil {
		t.Errorf("%v", nested)
	}
	order := []string{}
	for _, r := range d.query("SELECT Name FROM Account ORDER BY Industry DESC NULLS LAST, AnnualRevenue DESC, Name LIMIT 2 OFFSET 1") {
		order = append(order, r["Name"].(string))
	}
	if strings.Join(order, " ") != "clinic%_'x Clinic" { // after Other, whose industry is known
		t.Errorf("order %v", order)
	}
	if got := d.send("GET", "/query?q="+url.QueryEscape("SELECT COUNT() FROM Account"), nil).want(200); got["totalSize"] != 3.0 || len(got["records"].([]any)) != 0 {
		t.Errorf("%v", got)
	}
	if got := d.query("SELECT COUNT(Industry) n, MAX(AnnualRevenue), SUM(NumberOfEmployees) FROM Account")[0]; got["n"] != 1.0 || got["expr0"] != 20.0 || got["expr1"] != 3.0 {
		t.Errorf("%v", got)
	}
	if got := d.query("SELECT FIELDS(ALL) FROM Account LIMIT 1")[0]; got["Name"] != "Clinic" || got["Id"] != clinic {
		t.Errorf("%v", got)
	}
}

func TestSOQLErrors(t *testing.T) {
	d := open(t, sim.Demo())
	for soql, code := range map[string]string{
		"":                                       "MALFORMED_QUERY",
		"SELECT FROM Account":                    "MALFORMED_QUERY",
		"SELECT Id FRM Account":                  "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE":           "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Name = 'x": "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Name = x.y":                  "MALFORMED_QUERY",
		"SELECT Id FROM Account LIMIT x":                           "MALFORMED_QUERY",
		"SELECT Id FROM Account; DROP":                             "MALFORMED_QUERY",
		"SELECT Id, (SELECT Id FROM Contacts FROM Account":         "MALFORMED_QUERY",
		"SELECT Nope FROM Account":                                 "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Nope = 1":                    "INVALID_FIELD",
		"SELECT Id FROM Account ORDER BY Nope":                     "INVALID_FIELD",
		"SELECT Nope.Name FROM Account":                            "INVALID_FIELD",
		"SELECT Id FROM Account WHERE CreatedDate = '2026-01-01'":  "INVALID_FIELD",
		"SELECT Id FROM Account WHERE CreatedDate > 2026-01-01":    "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Name = 5":                    "INVALID_FIELD",
		"SELECT Id FROM Account WHERE IsDeleted = 'false'":         "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Description = 'x'":           "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Id = 'nonsense'":             "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Nope":                                      "INVALID_TYPE",
		"SELECT Id, (SELECT Id FROM Nopes) FROM Account":           "INVALID_TYPE",
		"SELECT RecordId FROM UserRecordAccess":                    "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE " + strings.Repeat("(", 500): "QUERY_TOO_COMPLICATED",
	} {
		d.send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(400, code)
	}
	if msg := d.send("GET", "/query?q="+url.QueryEscape("SELECT Id FRM Account"), nil).refused(400, "MALFORMED_QUERY"); !strings.Contains(msg, "ERROR at Row:1:Column:") || !strings.HasSuffix(msg, "unexpected token: 'FRM'") {
		t.Errorf("%q", msg)
	}
}

func TestPagesOfAQuery(t *testing.T) {
	d := open(t, sim.Demo())
	for batch := range 3 {
		records := []any{}
		for i := range 200 {
			records = append(records, map[string]any{"attributes": map[string]any{"type": "Account"}, "Name": fmt.Sprintf("a %03d", batch*200+i)})
		}
		d.send("POST", "/composite/sobjects", map[string]any{"records": records}).want(200)
	}
	seen := map[string]bool{}
	got := d.send("GET", "/query/?q="+url.QueryEscape("SELECT Name FROM Account ORDER BY Name"), nil, "Sforce-Query-Options", "batchSize=250").want(200)
	pages := 0
	for {
		pages++
		for _, r := range got["records"].([]any) {
			seen[r.(map[string]any)["Name"].(string)] = true
		}
		if got["totalSize"] != 600.0 {
			t.Fatalf("%v", got["totalSize"])
		}
		if got["done"] == true {
			break
		}
		next := got["nextRecordsUrl"].(string)
		d.as("admin@example.com").send("GET", next, nil).refused(400, "INVALID_QUERY_LOCATOR")
		got = d.send("GET", next, nil).want(200)
	}
	if len(seen) != 600 || pages != 3 {
		t.Fatalf("%d names on %d pages", len(seen), pages)
	}
	d.send("GET", "/query/01gNOPE-2000", nil).refused(400, "INVALID_QUERY_LOCATOR")
}

func FuzzSOQL(f *testing.F) {
	for _, s := range []string{
		"SELECT Id, Name, Owner.Name FROM Account WHERE Name LIKE 'a%\\_' AND (CreatedDate > 2026-01-01T00:00:00Z OR NOT Industry IN ('a', null)) ORDER BY Name DESC NULLS LAST LIMIT 5 OFFSET 1",
		"SELECT COUNT() FROM ContentDocumentLink WHERE LinkedEntityId IN (SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:3)",
		"SELECT Parent.Name, Parent.Type, (SELECT Id FROM Contacts) FROM Account a WHERE a.Id = '001Si0000000001AAA' FOR VIEW",
		"SELECT MAX(CreatedDate), FIELDS(ALL) FROM Attachment USING SCOPE mine WHERE Body = null",
		"SELECT CALENDAR_YEAR(CreatedDate) y, Parent.Type t, COUNT(Id) n FROM Attachment WHERE DAY_ONLY(CreatedDate) > 2026-01-01 GROUP BY CALENDAR_YEAR(CreatedDate), Parent.Type HAVING (NOT COUNT(Id) > 1) OR MAX(CreatedDate) < TODAY ORDER BY COUNT(Id) DESC LIMIT 9",
		"SELECT RecordId FROM UserRecordAccess WHERE UserId = '005Si0000000001AAA' AND RecordId = '001Si0000000001AAA'",
	} {
		f.Add(s)
	}
	conf := sim.Demo()
	conf.APILimit = math.MaxInt
	org := sim.NewOrg(conf)
	for _, object := range []string{"Account", "Case"} {
		if _, err := org.Create("admin@example.com", object, map[string]any{"Account": map[string]any{"Name": "a"}, "Case": map[string]any{"Subject": "a"}}[object].(map[string]any)); err != nil {
			f.Fatal(err)
		}
	}
	if _, _, err := org.Upload("a.txt", []byte("a")); err != nil {
		f.Fatal(err)
	}
	token, handler := org.Token("demo@example.com"), org.Handler()
	f.Fuzz(func(t *testing.T, soql string) {
		got := serve(handler, localRequest("GET", v64+"/queryAll?q="+url.QueryEscape(soql), nil, token))
		if got.Code != 200 && got.Code != 400 {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
	})
}
