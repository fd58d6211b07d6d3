package api

import (
	"errors"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestCoverage(t *testing.T) {
	a := newAPI(t, Config{})
	c := decode[coverageBody](t, a.call("rhea", "GET", "/v1/coverage?limit=5", ""))
	if c.Schema != 1 || c.AsOf == nil || c.Share == nil || *c.Share < 0.94 || *c.Share > 0.95 || c.Gained != 1070 || c.Examined+c.NotExamined != c.Gained ||
		len(c.Days) != 8 || c.Days[7].Final || len(c.Unexamined) != 5 || c.More+5 != c.NotExamined || c.Alarm == nil || c.Alarm.Bound != 0.9 {
		t.Errorf("%+v", c)
	}
	if c.Unexamined[0].Why != nil || c.Unexamined[3].Why == nil || *c.Unexamined[3].Why != cordon.ReasonGone || c.Unexamined[0].Creator == "" || c.Parts[0].Creator == "" {
		t.Errorf("%+v", c.Unexamined)
	}
	// Who made a file is shown to those who may see what points to a person.
	for _, p := range decode[coverageBody](t, a.call("otto", "GET", "/v1/coverage", "")).Parts {
		if p.Creator != "" {
			t.Errorf("an auditor is told of %s", p.Creator)
		}
	}
	// Nothing is known of another tenant, and nothing is not none.
	if c := decode[coverageBody](t, a.call("other", "GET", "/v1/coverage", "")); c.AsOf != nil || c.Share != nil || c.Days == nil || c.Parts == nil || c.Unexamined == nil || c.Why == nil {
		t.Errorf("%+v", c)
	}
	a.Coverage = nil
	if c := decode[coverageBody](t, a.call("rhea", "GET", "/v1/coverage", "")); c.AsOf != nil {
		t.Errorf("nobody counts, and it says %+v", c)
	}
}

func TestCoverageRefuses(t *testing.T) {
	a := newAPI(t, Config{})
	for _, q := range []string{"from=yesterday", "to=2026-13-01", "limit=-1", "limit=x", "limit=100000", "fresh=perhaps"} {
		if w := a.call("rhea", "GET", "/v1/coverage?"+q, ""); w.Code != 400 {
			t.Errorf("%s: %d %s", q, w.Code, w.Body)
		}
	}
	for login, status := range map[string]int{"": 401, "mule": 403} {
		if w := a.call(login, "GET", "/v1/coverage", ""); w.Code != status {
			t.Errorf("%q: %d", login, w.Code)
		}
	}
	a.desk.Err = errors.New("no route to host")
	defer func() { a.desk.Err = nil }()
	if w := a.call("rhea", "GET", "/v1/coverage?fresh=true", ""); w.Code != 502 {
		t.Errorf("the org does not answer: %d %s", w.Code, w.Body)
	}
}
