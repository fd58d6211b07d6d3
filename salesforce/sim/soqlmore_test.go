package sim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// What a reference leads to decides which fields are shown.
func TestTypeof(t *testing.T) {
	d := open(t, sim.Demo())
	account := d.create("Account", map[string]any{"Name": "a", "Phone": "1"})
	kase := d.create("Case", map[string]any{"Subject": "s"})
	for subject, what := range map[string]any{"1": account, "2": kase, "3": nil} {
		d.create("Task", map[string]any{"Subject": subject, "WhatId": what})
	}
	rows := d.query("SELECT Subject, TYPEOF What WHEN Account THEN Phone, Owner.Name ELSE CaseNumber END FROM Task ORDER BY Subject")
	first, second := rows[0]["What"].(map[string]any), rows[1]["What"].(map[string]any)
	if first["Phone"] != "1" || first["Owner"].(map[string]any)["Name"] != "Demo Integration" || first["CaseNumber"] != nil || second["CaseNumber"] == nil || rows[2]["What"] != nil {
		t.Errorf("%v", rows)
	}
	for soql, code := range map[string]string{"SELECT TYPEOF What WHEN Nonsense THEN Name END FROM Task": "INVALID_TYPE",
		"SELECT TYPEOF What WHEN Account THEN Nonsense END FROM Task": "INVALID_FIELD", "SELECT TYPEOF Subject WHEN Account THEN Name END FROM Task": "INVALID_FIELD",
		"SELECT TYPEOF What END FROM Task": "MALFORMED_QUERY", "SELECT TYPEOF What WHEN Account THEN Name FROM Task": "MALFORMED_QUERY"} {
		d.send("GET", "/query?q="+url.QueryEscape(soql), nil).refused(400, code)
	}
}

// ROLLUP drops fields from the right, CUBE drops any; GROUPING tells a subtotal from a null.
func TestSubtotals(t *testing.T) {
	d := open(t, sim.Demo())
	for i, industry := range []any{"Health", "Health", nil} {
		d.create("Account", map[string]any{"Name": fmt.Sprint(i), "Industry": industry, "Type": "T"})
	}
	levels := func(soql string) map[string]float64 {
		got := map[string]float64{}
		for _, r := range d.query(soql) {
			got[fmt.Sprintf("%v/%v/%v", r["Industry"], r["Type"], r["g"])] = r["n"].(float64)
		}
		return got
	}
	rollup := levels("SELECT Industry, Type, GROUPING(Industry) g, COUNT(Id) n FROM Account GROUP BY ROLLUP(Industry, Type)")
	if len(rollup) != 5 || rollup["Health/<nil>/0"] != 2 || rollup["<nil>/<nil>/0"] != 1 || rollup["<nil>/<nil>/1"] != 3 {
		t.Errorf("rollup: %v", rollup)
	}
	cube := levels("SELECT Industry, Type, GROUPING(Industry) g, COUNT(Id) n FROM Account GROUP BY CUBE(Industry, Type)")
	if len(cube) != 6 || cube["<nil>/T/1"] != 3 {
		t.Errorf("cube: %v", cube)
	}
	d.send("GET", "/query?q="+url.QueryEscape("SELECT GROUPING(Industry), COUNT(Id) FROM Account GROUP BY Industry"), nil).refused(400, "MALFORMED_QUERY")
}

// columns=true answers what the columns are, joined under the relationships that lead to them.
func TestColumns(t *testing.T) {
	d := open(t, sim.Demo())
	type column struct {
		ColumnName, DisplayName, ApexType string
		Aggregate, NumberType             bool
		JoinColumns                       []column
	}
	type columns struct {
		ColumnMetadata        []column
		EntityName, KeyPrefix string
		GroupBy, IDSelected   bool
		TotalSize             *int
		Records               []any
	}
	of := func(soql string) columns {
		return read[columns](t, d.send("GET", "/query?columns=true&q="+url.QueryEscape(soql), nil).body)
	}
	got := of("SELECT Id, Owner.Name, Owner.Profile.Name, NumberOfEmployees, (SELECT LastName FROM Contacts) FROM Account")
	c := got.ColumnMetadata
	if len(c) != 4 || c[1].ColumnName != "Owner" || len(c[1].JoinColumns) != 2 || c[1].JoinColumns[1].JoinColumns[0].ColumnName != "Name" || !c[2].NumberType ||
		!c[3].Aggregate || c[3].JoinColumns[0].ColumnName != "LastName" || !got.IDSelected || got.EntityName != "Account" || got.KeyPrefix != "001" || got.Records != nil {
		t.Errorf("%+v", got)
	}
	if got := of("SELECT Industry, COUNT(Id), MAX(Name) top FROM Account GROUP BY Industry"); !got.GroupBy || got.ColumnMetadata[1].ColumnName != "expr0" || got.ColumnMetadata[2].ColumnName != "top" || !got.ColumnMetadata[2].Aggregate {
		t.Errorf("%+v", got)
	}
}

// A search looks for words in the fields it is told, and shows what RETURNING says.
func TestSearch(t *testing.T) {
	d := open(t, sim.Demo())
	account := d.create("Account", map[string]any{"Name": "Clinic am Park", "Phone": "555 100"})
	d.create("Account", map[string]any{"Name": "Praxis Park", "Description": "near the clinic"})
	d.create("Contact", map[string]any{"LastName": "Parker", "Email": "p@clinic.example"})
	find := func(sosl string) []string {
		t.Helper()
		var names []string
		for _, r := range d.send("GET", "/services/data/v64.0/search?q="+url.QueryEscape(sosl), nil).want(200)["searchRecords"].([]any) {
			r := r.(map[string]any)
			names = append(names, fmt.Sprint(r["attributes"].(map[string]any)["type"], " ", r["Name"]))
		}
		return names
	}
	for sosl, want := range map[string]string{
		"FIND {park} RETURNING Account(Name ORDER BY Name)":                      "Account Clinic am Park|Account Praxis Park",
		"FIND {clinic} IN NAME FIELDS RETURNING Account(Name)":                   "Account Clinic am Park",
		"FIND {clinic park} RETURNING Account(Name WHERE Phone = '555 100')":     "Account Clinic am Park",
		"FIND {park*} RETURNING Contact(Name), Account(Name LIMIT 1)":            "Contact Parker|Account Clinic am Park",
		"FIND {p@clinic.example} IN EMAIL FIELDS RETURNING Contact(Id, Name)":    "Contact Parker",
		"FIND {praxis OR parker} RETURNING Account(Name), Contact(Name)":         "Account Praxis Park|Contact Parker",
		"FIND {park} RETURNING Account(Name ORDER BY Name LIMIT 1 OFFSET 1)":     "Account Praxis Park",
		"FIND {park} RETURNING Account(Name) LIMIT 1":                            "Account Clinic am Park",
		"FIND {nobody} RETURNING Account":                                        "",
		"find {park} in all fields returning Account(Name) with snippet limit 1": "Account Clinic am Park",
	} {
		if got := strings.Join(find(sosl), "|"); got != want {
			t.Errorf("%s: %s", sosl, got)
		}
	}
	if got := find("FIND {555}"); len(got) != 1 {
		t.Errorf("everywhere: %v", got)
	}
	for sosl, code := range map[string]string{"": "MALFORMED_SEARCH", "FIND park": "MALFORMED_SEARCH", "FIND {park": "MALFORMED_SEARCH", "FIND {}": "MALFORMED_SEARCH",
		"FIND {park} RETURNING Nonsense": "INVALID_TYPE", "FIND {park} RETURNING Account(Nonsense)": "INVALID_FIELD", "FIND {park} IN SOME FIELDS": "MALFORMED_SEARCH",
		"FIND {park} RETURNING Account(Name": "MALFORMED_QUERY", `FIND {park\`: "MALFORMED_SEARCH"} {
		d.send("GET", "/services/data/v64.0/search?q="+url.QueryEscape(sosl), nil).refused(400, code)
	}
	parameters := d.send("GET", "/services/data/v64.0/parameterizedSearch?q=clinic&in=NAME&sobject=Account&Account.fields=id,name", nil).want(200)["searchRecords"].([]any)
	posted := d.send("POST", "/services/data/v64.0/parameterizedSearch", map[string]any{"q": "clinic", "fields": []string{"id", "name"}, "in": "NAME",
		"sobjects": []any{map[string]any{"name": "Account", "limit": 1}}}).want(200)["searchRecords"].([]any)
	if len(parameters) != 1 || len(posted) != 1 || posted[0].(map[string]any)["Id"] != account {
		t.Errorf("%v %v", parameters, posted)
	}
}

// What hangs at a record is asked for from the record, and what the org has from its definitions.
func TestDerivedObjects(t *testing.T) {
	d := open(t, sim.Demo())
	account := d.create("Account", map[string]any{"Name": "a", "BillingCity": "Bern", "BillingLatitude": 46.9, "BillingLongitude": 7.4})
	d.create("ContentVersion", map[string]any{"Title": "file", "PathOnClient": "a.txt", "VersionData": "QQ==", "FirstPublishLocationId": account})
	d.create("Attachment", map[string]any{"Name": "attachment", "ParentId": account, "Body": "QQ=="})
	row := d.query("SELECT (SELECT Title FROM AttachedContentDocuments), (SELECT Title, RecordType FROM CombinedAttachments), BillingAddress, " +
		"DISTANCE(BillingAddress, GEOLOCATION(47.4, 8.5), 'km') d FROM Account")[0]
	files := row["AttachedContentDocuments"].(map[string]any)["records"].([]any)
	all := row["CombinedAttachments"].(map[string]any)["records"].([]any)
	if len(files) != 1 || len(all) != 2 || all[1].(map[string]any)["RecordType"] != "Attachment" || row["BillingAddress"].(map[string]any)["city"] != "Bern" {
		t.Errorf("%v", row)
	}
	if km := row["d"].(float64); km < 90 || km > 110 {
		t.Errorf("from Bern to Zurich: %v km", km)
	}
	d.send("GET", "/query?q="+url.QueryEscape("SELECT Id FROM AttachedContentDocument"), nil).refused(400, "INVALID_TYPE_FOR_OPERATION")
	fields := d.query("SELECT QualifiedApiName, DataType FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'ContentVersion' AND QualifiedApiName = 'VersionData'")
	if len(fields) != 1 || fields[0]["DataType"] != "Base64" {
		t.Errorf("%v", fields)
	}
}

// Every date literal is a span of time around now or away from it.
func TestDateLiterals(t *testing.T) {
	d := open(t, sim.Demo())
	d.create("Account", map[string]any{"Name": "a"})
	for _, now := range []string{"TODAY", "THIS_WEEK", "THIS_MONTH", "THIS_QUARTER", "THIS_YEAR", "THIS_FISCAL_YEAR", "LAST_90_DAYS", "LAST_N_DAYS:1", "N_DAYS_AGO:0"} {
		if len(d.query("SELECT Id FROM Account WHERE CreatedDate = "+now)) != 1 {
			t.Error(now)
		}
	}
	for _, other := range []string{"YESTERDAY", "TOMORROW", "LAST_WEEK", "NEXT_MONTH", "LAST_QUARTER", "NEXT_YEAR", "LAST_N_MONTHS:2", "NEXT_N_YEARS:2", "N_DAYS_AGO:3", "NEXT_90_DAYS"} {
		if len(d.query("SELECT Id FROM Account WHERE CreatedDate = "+other)) != 0 {
			t.Error(other)
		}
	}
	for _, bad := range []string{"SOMETIME", "LAST_N_DAYS", "LAST_N_MOONS:1", "TODAY:1", "N_DAYS:1"} {
		d.send("GET", "/query?q="+url.QueryEscape("SELECT Id FROM Account WHERE CreatedDate = "+bad), nil).refused(400, "MALFORMED_QUERY")
	}
}

// A search is read from strangers, as a query is.
func FuzzSOSL(f *testing.F) {
	for _, seed := range []string{"FIND {a} RETURNING Account(Id WHERE Name = 'x' ORDER BY Name LIMIT 1), Contact", "FIND {a OR b*} IN NAME FIELDS", `FIND {\}} WITH x LIMIT 3`, "FIND {", "FIND {?} RETURNING Account(TYPEOF Owner WHEN User THEN Name END)"} {
		f.Add(seed)
	}
	org := sim.NewOrg(sim.Demo())
	f.Cleanup(func() { org.Close() })
	token := org.Token("demo@example.com")
	f.Fuzz(func(t *testing.T, sosl string) {
		w := serve(org.Handler(), localRequest("GET", v64+"/search?q="+url.QueryEscape(sosl), nil, token))
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzBulkBatch sends batches in every form to jobs of the first Bulk API.
func FuzzBulkBatch(f *testing.F) {
	f.Add("JSON", "[{\"Name\":\"a\"}]")
	f.Add("XML", "<sObjects><sObject><Name>a</Name></sObject></sObjects>")
	f.Add("CSV", "Name\na\n")
	f.Add("ZIP_JSON", "PK\x03\x04")
	types := map[string]string{"JSON": "application/json", "XML": "application/xml", "CSV": "text/csv", "ZIP_JSON": "zip/json", "ZIP_XML": "zip/xml", "ZIP_CSV": "zip/csv"}
	org := sim.NewOrg(sim.Demo())
	f.Cleanup(func() { org.Close() })
	token := org.Token("demo@example.com")
	f.Fuzz(func(t *testing.T, kind, text string) {
		if types[kind] == "" {
			t.Skip()
		}
		post := func(path, mediaType, body string) string {
			r := localRequest("POST", "/services/async/64.0/job"+path, strings.NewReader(body), token)
			r.Header.Set("Content-Type", mediaType)
			w := serve(org.Handler(), r)
			if w.Code >= 500 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			return w.Body.String()
		}
		job := read[struct{ ID string }](t, []byte(post("", "application/json", `{"operation":"insert","object":"Account","contentType":"`+kind+`"}`)))
		post("/"+job.ID+"/batch", types[kind], text)
	})
}
