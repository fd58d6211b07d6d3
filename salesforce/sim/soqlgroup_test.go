package sim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func TestGroups(t *testing.T) {
	conf := sim.Demo()
	now := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	conf.Now = func() time.Time { return now }
	d := open(t, conf)
	d.create("Account", map[string]any{"Name": "A", "Industry": "Health", "AnnualRevenue": 10, "NumberOfEmployees": 1})
	d.create("Account", map[string]any{"Name": "B", "Industry": "health", "AnnualRevenue": 20, "NumberOfEmployees": 2})
	now = now.Add(time.Second) // April
	d = d.as("admin@example.com")
	d.create("Account", map[string]any{"Name": "C", "Industry": "Retail", "AnnualRevenue": 40})
	d.create("Account", map[string]any{"Name": "D"})

	for soql, want := range map[string]string{
		"SELECT Industry, COUNT(Id) n, SUM(AnnualRevenue) FROM Account GROUP BY Industry":                                                                               "Industry:Health expr0:30 n:2 | Industry:Retail expr0:40 n:1 | Industry:<nil> expr0:<nil> n:1",
		"SELECT Industry i, COUNT(Id) FROM Account GROUP BY Industry HAVING COUNT(Id) > 1":                                                                              "expr0:2 i:Health",
		"SELECT Industry, AVG(AnnualRevenue) a FROM Account GROUP BY Industry HAVING Industry != null AND MAX(AnnualRevenue) < 40":                                      "Industry:Health a:15",
		"SELECT CALENDAR_YEAR(CreatedDate) y, CALENDAR_MONTH(CreatedDate) m, COUNT(Id) n FROM Account GROUP BY CALENDAR_YEAR(CreatedDate), CALENDAR_MONTH(CreatedDate)": "m:3 n:2 y:2026 | m:4 n:2 y:2026",
		"SELECT DAY_ONLY(CreatedDate) FROM Account GROUP BY DAY_ONLY(CreatedDate) HAVING DAY_ONLY(CreatedDate) > 2026-03-31":                                            "expr0:2026-04-01",
		"SELECT CreatedBy.Username, COUNT_DISTINCT(Industry) k FROM Account GROUP BY CreatedBy.Username ORDER BY COUNT_DISTINCT(Industry) DESC, CreatedBy.Username":     "Username:admin@example.com k:1 | Username:demo@example.com k:1",
		"SELECT Industry FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC LIMIT 1":                                                                                "Industry:Health",
		"SELECT COUNT(Id) n FROM Account WHERE CALENDAR_MONTH(CreatedDate) = 4":                                                                                         "n:2",
		"SELECT COUNT(Id) n, MIN(CreatedDate) least FROM Account WHERE Name = 'nobody'":                                                                                 "least:<nil> n:0",
		"SELECT Industry FROM Account WHERE Name = 'nobody' GROUP BY Industry":                                                                                          "",
	} {
		var rows []string
		for _, r := range d.query(soql) {
			delete(r, "attributes")
			rows = append(rows, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(r), "map["), "]"))
		}
		if got := strings.Join(rows, " | "); got != want {
			t.Errorf("%s\n got: %s\nwant: %s", soql, got, want)
		}
	}
}

// What cannot be grouped or mixed is refused, and more groups than one batch holds do not
// come at all: there is no next page.
func TestGroupsRefused(t *testing.T) {
	conf := sim.Demo()
	conf.BatchSize = 200
	d := open(t, conf)
	for _, soql := range []string{
		"SELECT Name, COUNT(Id) FROM Account",
		"SELECT Name, Industry FROM Account GROUP BY Name",
		"SELECT Description, COUNT(Id) FROM Account GROUP BY Description",
		"SELECT CreatedDate FROM Account GROUP BY CreatedDate",
		"SELECT AnnualRevenue FROM Account GROUP BY AnnualRevenue",
		"SELECT ContentSize FROM ContentVersion GROUP BY ContentSize",
		"SELECT SUM(Name) FROM Account",
		"SELECT MAX(VersionData) FROM ContentVersion",
		"SELECT CALENDAR_YEAR(Name) FROM Account GROUP BY CALENDAR_YEAR(Name)",
		"SELECT Name FROM Account GROUP BY COUNT(Id)",
		"SELECT Name FROM Account GROUP BY Name HAVING Industry = 'x'",
		"SELECT Name FROM Account GROUP BY Name ORDER BY Industry",
		"SELECT Name FROM Account ORDER BY COUNT(Id)",
		"SELECT Name n FROM Account",
		"SELECT COUNT() FROM Account GROUP BY Name",
		"SELECT FIELDS(ALL) FROM Account GROUP BY Name",
		"SELECT Name FROM Account WHERE COUNT(Id) > 1",
		"SELECT Name FROM Account GROUP BY",
	} {
		d.send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(400, "MALFORMED_QUERY")
	}
	for batch := range 2 {
		records := []any{}
		for i := range 101 {
			records = append(records, map[string]any{"attributes": map[string]any{"type": "Account"}, "Name": fmt.Sprintf("a %d %d", batch, i)})
		}
		d.send("POST", "/composite/sobjects", map[string]any{"records": records}).want(200)
	}
	soql := "SELECT Name FROM Account GROUP BY Name"
	d.send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(500, "EXCEEDED_ID_LIMIT")
	if n := len(d.query(soql + " LIMIT 200")); n != 200 {
		t.Errorf("%d groups, want the 200 asked for", n)
	}
}
