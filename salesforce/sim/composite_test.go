package sim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

type subanswer struct {
	Body           json.RawMessage
	HTTPStatusCode int
	ReferenceID    string
}

func (d *desk) composite(body string) []subanswer {
	d.Helper()
	var out struct{ CompositeResponse []subanswer }
	if err := json.Unmarshal(d.send("POST", "/composite", body).body, &out); err != nil {
		d.Fatal(err)
	}
	return out.CompositeResponse
}

func (d *desk) count(object string) int {
	d.Helper()
	return len(d.query("SELECT Id FROM " + object))
}

const twoCalls = `{"allOrNone":%v,"compositeRequest":[
	{"method":"POST","url":"/services/data/v64.0/sobjects/Case","referenceId":"case","body":{"Subject":"s"}},
	{"method":"POST","url":"/services/data/v64.0/sobjects/Attachment","referenceId":"file","body":{"ParentId":"@{case.id}","Name":"a","Body":"QQ=="%s}},
	{"method":"GET","url":"/services/data/v64.0/query?q=SELECT+Subject+FROM+Case","referenceId":"q"},
	{"method":"PATCH","url":"/services/data/v64.0/sobjects/Case/@{case.id}","referenceId":"up","body":{"Subject":"again, @{q.records[0].Subject}"}}]}`

func TestComposite(t *testing.T) {
	d := open(t, sim.Demo())
	for _, one := range d.composite(fmt.Sprintf(twoCalls, true, "")) {
		if one.HTTPStatusCode >= 300 {
			t.Errorf("%+v %s", one, one.Body)
		}
	}
	if got := d.query("SELECT Subject, (SELECT Name FROM Attachments) FROM Case")[0]; got["Subject"] != "again, s" || got["Attachments"] == nil {
		t.Errorf("%v", got)
	}

	d = open(t, sim.Demo())
	all := d.composite(fmt.Sprintf(twoCalls, true, `,"Nope":1`))
	if d.count("Case") != 0 || all[0].HTTPStatusCode != 400 || !strings.Contains(string(all[0].Body), "PROCESSING_HALTED") || !strings.Contains(string(all[1].Body), "INVALID_FIELD") {
		t.Errorf("%v", all)
	}
	some := d.composite(fmt.Sprintf(twoCalls, false, `,"Nope":1`))
	if d.count("Case") != 1 || some[0].HTTPStatusCode != 201 || some[1].HTTPStatusCode != 400 || some[3].HTTPStatusCode != 204 {
		t.Errorf("%v", some)
	}
	if n := len(d.org.Files()); n != 0 {
		t.Errorf("%d files", n)
	}
	for body, want := range map[string]string{
		`{"compositeRequest":[]}`: "JSON_PARSER_ERROR",
		`{"compositeRequest":[{"method":"GET","url":"/services/data/v64.0/limits","referenceId":"a"},{"method":"GET","url":"/services/data/v64.0/limits","referenceId":"a"}]}`: "INVALID_INPUT",
		`{"compositeRequest":[` + strings.TrimSuffix(strings.Repeat(`{},`, 26), ",") + `]}`:                                                                                    "INVALID_INPUT",
	} {
		d.send("POST", "/composite", body).refused(400, want)
	}
	blob := d.composite(`{"compositeRequest":[{"method":"POST","url":"/services/data/v64.0/sobjects/ContentVersion","referenceId":"v","body":{"PathOnClient":"a","VersionData":"QQ=="}},
		{"method":"GET","url":"/services/data/v64.0/sobjects/ContentVersion/@{v.id}/VersionData","referenceId":"b"},
		{"method":"GET","url":"/services/data/v64.0/sobjects/ContentVersion/@{v.nope}","referenceId":"c"}]}`)
	if blob[1].HTTPStatusCode != 400 || blob[2].HTTPStatusCode != 400 {
		t.Errorf("%v", blob)
	}
}

// What allOrNone means when a collection sits inside a composite request: the outer
// one overrides. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_allornone.htm
func TestAllOrNoneNested(t *testing.T) {
	for _, c := range []struct {
		outer, inner       bool
		accounts, contacts int
	}{{false, false, 1, 1}, {false, true, 0, 1}, {true, false, 0, 0}, {true, true, 0, 0}} {
		d := open(t, sim.Demo())
		d.composite(fmt.Sprintf(`{"allOrNone":%v,"compositeRequest":[
			{"method":"POST","url":"/services/data/v64.0/composite/sobjects","referenceId":"a","body":{"allOrNone":%v,"records":[
				{"attributes":{"type":"Account"},"Name":"good"},{"attributes":{"type":"Account"}}]}},
			{"method":"POST","url":"/services/data/v64.0/sobjects/Contact","referenceId":"c","body":{"LastName":"x"}}]}`, c.outer, c.inner))
		if a, k := d.count("Account"), d.count("Contact"); a != c.accounts || k != c.contacts {
			t.Errorf("outer %v inner %v: %d accounts, %d contacts", c.outer, c.inner, a, k)
		}
	}
}

func TestCollections(t *testing.T) {
	d := open(t, sim.Demo())
	type result struct {
		ID      string
		Success bool
		Created *bool
		Errors  []struct{ StatusCode, Message string }
	}
	save := func(method, path, body string) []result {
		t.Helper()
		var out []result
		if r := d.send(method, path, body); json.Unmarshal(r.body, &out) != nil {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return out
	}
	made := save("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Account"},"Name":"a"},{"attributes":{"type":"Nope"}},{"attributes":{"type":"Case"},"Subject":"s"}]}`)
	if !made[0].Success || made[1].Success || made[1].Errors[0].StatusCode != "INVALID_TYPE" || !made[2].Success {
		t.Fatalf("%+v", made)
	}
	none := save("POST", "/composite/sobjects", `{"allOrNone":true,"records":[{"attributes":{"type":"Account"},"Name":"b"},{"attributes":{"type":"Account"}}]}`)
	if none[0].Errors[0].StatusCode != "ALL_OR_NONE_OPERATION_ROLLED_BACK" || none[1].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" || d.count("Account") != 1 {
		t.Fatalf("%+v", none)
	}
	changed := save("PATCH", "/composite/sobjects", `{"records":[{"attributes":{"type":"Account"},"id":"`+made[0].ID+`","Name":"c"},{"attributes":{"type":"Account"},"Name":"d"}]}`)
	if !changed[0].Success || changed[1].Errors[0].StatusCode != "MISSING_ARGUMENT" {
		t.Fatalf("%+v", changed)
	}
	keyed := save("PATCH", "/composite/sobjects/Account/External_Id__c", `{"records":[{"attributes":{"type":"Account"},"External_Id__c":"k","Name":"e"},{"attributes":{"type":"Account"},"External_Id__c":"k","Name":"f"}]}`)
	if !*keyed[0].Created || *keyed[1].Created || keyed[0].ID != keyed[1].ID {
		t.Fatalf("%+v", keyed)
	}
	var rows []map[string]any
	if err := json.Unmarshal(d.send("GET", "/composite/sobjects/Account?ids="+keyed[0].ID+",001000000000000AAA&fields=Name,Id", nil).body, &rows); err != nil || rows[0]["Name"] != "f" || rows[1] != nil {
		t.Fatalf("%v %v", rows, err)
	}
	gone := save("DELETE", "/composite/sobjects?allOrNone=true&ids="+keyed[0].ID+","+keyed[0].ID, "")
	if gone[0].Success || d.count("Account") != 2 {
		t.Fatalf("%+v", gone)
	}
	many := `{"records":[` + strings.TrimSuffix(strings.Repeat(`{"attributes":{"type":"Account"},"Name":"x"},`, 201), ",") + `]}`
	d.send("POST", "/composite/sobjects", many).refused(400, "EXCEEDED_ID_LIMIT")
}

func TestTree(t *testing.T) {
	d := open(t, sim.Demo())
	tree := `{"records":[{"attributes":{"type":"Account","referenceId":"a"},"Name":"Clinic",
		"Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"c"},"LastName":"Doe"}]},
		"Attachments":{"records":[{"attributes":{"type":"Attachment","referenceId":"f"},"Name":"a","Body":"QQ=="%s}]}}]}`
	if got := d.send("POST", "/composite/tree/Account", fmt.Sprintf(tree, "")).want(201); got["hasErrors"] != false || len(got["results"].([]any)) != 3 {
		t.Fatalf("%v", got)
	}
	if got := d.query("SELECT Account.Name FROM Contact")[0]; got["Account"].(map[string]any)["Name"] != "Clinic" {
		t.Fatalf("%v", got)
	}
	bad := d.send("POST", "/composite/tree/Account", fmt.Sprintf(tree, `,"Nope":1`)).want(400)
	if bad["hasErrors"] != true || bad["results"].([]any)[0].(map[string]any)["referenceId"] != "f" || d.count("Account") != 1 {
		t.Fatalf("%v", bad)
	}
}

func TestGraph(t *testing.T) {
	d := open(t, sim.Demo())
	graph := func(id, account, contact string) string {
		return `{"graphId":"` + id + `","compositeRequest":[
			{"method":"POST","url":"/services/data/v64.0/sobjects/Account","referenceId":"a","body":` + account + `},
			{"method":"POST","url":"/services/data/v64.0/sobjects/Contact","referenceId":"c","body":` + contact + `}]}`
	}
	got := d.send("POST", "/composite/graph", `{"graphs":[`+graph("one", `{"Name":"a"}`, `{"LastName":"x","AccountId":"@{a.id}"}`)+`,`+graph("two", `{"Name":"b"}`, `{}`)+`]}`).want(200)
	graphs := got["graphs"].([]any)
	if graphs[0].(map[string]any)["isSuccessful"] != true || graphs[1].(map[string]any)["isSuccessful"] != false || d.count("Account") != 1 || d.count("Contact") != 1 {
		t.Fatalf("%v", got)
	}
	var failing []string
	for i := range 16 {
		failing = append(failing, graph(fmt.Sprint("g", i), `{}`, `{}`))
	}
	text, _ := json.Marshal(d.send("POST", "/composite/graph", `{"graphs":[`+strings.Join(failing, ",")+`]}`).want(200))
	if strings.Count(string(text), "too many graphs failed") != 4 {
		t.Fatalf("after 14 failures the rest is not tried: %s", text)
	}
	var deep []string
	for i := range 16 {
		deep = append(deep, fmt.Sprintf(`{"method":"POST","url":"/services/data/v64.0/sobjects/Account","referenceId":"r%d","body":{"Name":"x","ParentId":"@{r%d.id}"}}`, i, i-1))
	}
	d.send("POST", "/composite/graph", `{"graphs":[{"graphId":"g","compositeRequest":[`+strings.ReplaceAll(strings.Join(deep, ","), "@{r-1.id}", "")+`]}]}`).refused(400, "INVALID_INPUT")
}
