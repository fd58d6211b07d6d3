package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// secrets are what an org would not want told. Each has a part that nothing else has.
var secrets = []string{"Jane Zyxwvu", "zyxwvu@stmary.example", "https://zyxwvu.my.salesforce.com/services/data/zyxwvu", "ZYXWVU_CODE", "Zyxwvu__c",
	"{zyxwvu}", `"zyxwvu"`, "zyxwvu", "/services/zyxwvu/sobjects", "ZYXWVU", "id 001 zyxwvu", "2026-01-02T15:04:05 zyxwvu", "| zyxwvu |", "001ZYXWVU9ZYXWVU9"}

// hostile plants secrets in answers: in values, keys, codes, messages, headers and numbers. A
// share of what could be replaced is, so that scripts go on at times.
func hostile(seed uint64, share float64) func(http.Handler) http.Handler {
	random := rand.New(rand.NewPCG(seed, 1))
	now := func() bool { return random.Float64() < share }
	secret := func() string { return secrets[random.IntN(len(secrets))] }
	var spoil func(v any) any
	spoil = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, member := range v {
				v[k] = spoil(member)
			}
			if now() {
				v[secret()] = secret()
				v["zyxwvu"+secret()] = map[string]any{secret(): []any{secret(), 98765432101}}
			}
			return v
		case []any:
			for i := range v {
				v[i] = spoil(v[i])
			}
			if now() {
				return append(v, secret(), map[string]any{"name": secret(), secret(): 1, "errorCode": secret(), "message": secret()})
			}
			return v
		case string, float64:
			if now() {
				if random.IntN(3) == 0 {
					return json.Number("98765432101")
				}
				return secret()
			}
		}
		return v
	}
	return rewriting(func(r *http.Request, a *httptest.ResponseRecorder) []byte {
		if strings.HasSuffix(r.URL.Path, "/userinfo") && r.Header.Get("Authorization") != "" && a.Code == 200 || r.URL.Path == "/services/data" || strings.Contains(r.URL.RawQuery, "Organization") {
			return a.Body.Bytes() // without these there is no run
		}
		if now() {
			for _, h := range headers {
				if h != "Content-Type" {
					a.Header().Set(h, secret())
				}
			}
			if now() {
				a.Header().Set("Content-Type", secret())
			}
		}
		body := a.Body.Bytes()
		var v any
		if json.Unmarshal(body, &v) != nil {
			if now() && len(body) > 0 {
				body = bytes.ReplaceAll(body, []byte("INVALID_LOGIN"), []byte("ZYXWVU_CODE"))
				body = bytes.ReplaceAll(body, []byte("</faultstring>"), []byte(" zyxwvu</faultstring><zyxwvu>zyxwvu</zyxwvu>"))
				body = bytes.ReplaceAll(body, []byte("sf__Error"), []byte("zyxwvu"))
			}
			return body
		}
		body, err := json.Marshal(spoil(v))
		if err != nil {
			panic(err)
		}
		return body
	})
}

// Nothing that only the org knows gets into a report, however it puts it into its answers.
func TestReportTellsNothingOfTheOrg(t *testing.T) {
	for seed, share := range []float64{1, 0.3, 0.1, 0.03, 0.005} {
		conf := sim.Demo()
		conf.Name = "Zyxwvu Clinic"
		conf.Users[0].Username, conf.Users[0].LastName, conf.Clients[0].RunAs = "zyxwvu@example.com", "Zyxwvu", "zyxwvu@example.com"
		w := open(t, conf, hostile(uint64(seed), share))
		report := w.do()
		if len(report.Differences) == 0 {
			t.Errorf("share %g: %d differences", share, len(report.Differences))
		}
		var out bytes.Buffer
		if err := report.Markdown(&out); err != nil {
			t.Fatal(err)
		}
		if err := report.JSON(&out); err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{"zyxwvu", "jane", "987654", "example.com", w.run.Org.Base.Host, w.run.Org.Token, w.org.OrgID()[:15], w.org.UserID("zyxwvu@example.com")[:15]} {
			if i := strings.Index(strings.ToLower(out.String()), strings.ToLower(never)); i >= 0 {
				t.Errorf("share %g: the report holds %q: …%s…", share, never, out.String()[max(0, i-200):min(out.Len(), i+60)])
			}
		}
		if id := regexp.MustCompile(`\b[0-9a-zA-Z]{15}(?:[A-Z0-5]{3})?\b`).FindAllString(out.String(), -1); slices.ContainsFunc(id, func(s string) bool { return salesforce.IsID(s) && hasDigit(s) && s[3:6] == "000" }) {
			t.Errorf("share %g: the report holds ids: %q", share, id)
		}
		for _, d := range report.Differences {
			if why := tells(d.Org); why != "" {
				t.Errorf("%+v: %s", d, why)
			}
		}
	}
}

// tells says why a value that is shown of an org is none of those that may be.
func tells(shown string) string {
	shown = regexp.MustCompile(` of [0-9]+ characters$`).ReplaceAllString(shown, "")
	switch shown {
	case "", "true", "false", "null", "text", "e-mail", "code", "id", "date", "integer", "decimal", "absent", "yes", "no", "other bytes", "empty text", "empty list", "empty object",
		"the bytes that were sent", "members whose names are not known here", "no JSON, though it says so", "no XML, though it says so", "no CSV, though it says so",
		"the org did not answer", "the org did not answer in time", "an answer is longer than is read", "deeper than is followed":
		return ""
	}
	if kind, rest, _ := strings.Cut(shown, " "); kind == "id" && prefixes[rest] || kind == "time" && slices.Contains(layouts, rest) {
		return ""
	}
	if m := regexp.MustCompile(`^\{[a-z]+\}$`).FindString(shown); m != "" {
		return ""
	}
	if m := regexp.MustCompile(`^[0-9]{1,3}$`).FindString(shown); m != "" {
		return ""
	}
	if quoted, is := strings.CutPrefix(shown, `"`); is {
		quoted = strings.TrimPrefix(strings.TrimSuffix(quoted, `"`), "sf:")
		if words[quoted] || codes[quoted] || headerValues[strings.ToLower(quoted)] || ofScripts()[quoted] {
			return ""
		}
		return "no word of the platform"
	}
	if address, is := strings.CutPrefix(shown, "address "); is {
		for _, part := range strings.Split(strings.TrimSuffix(address, "?*"), "/") {
			if part != "" && part != "*" && part != "vN" && !words[part] && !pathWords[part] && !regexp.MustCompile(`^\{[a-z]+\}$`).MatchString(part) {
				return "no part of an address of the platform: " + part
			}
		}
		return ""
	}
	if status, rest, _ := strings.Cut(shown, " "); regexp.MustCompile(`^[1-5][0-9][0-9]$`).MatchString(status) {
		for _, code := range strings.Fields(rest) {
			if !codes[strings.TrimPrefix(code, "sf:")] && !words[code] && code != "an-unknown-code" {
				return fmt.Sprintf("no code of the platform: %s", code)
			}
		}
		return ""
	}
	return "no form"
}

// ofScripts are the texts that scripts want to see themselves.
func ofScripts() map[string]bool {
	all := map[string]bool{}
	for _, s := range Scripts() {
		for w := range s.words() {
			all[w] = true
		}
	}
	return all
}

// Whatever an org answers, its forms are of the closed kinds and its paths of known names.
func FuzzObserve(f *testing.F) {
	f.Add([]byte(`{"id":"001000000000001AAA","success":true,"errors":[],"Zyxwvu__c":{"a":1}}`), "application/json", "x")
	f.Add([]byte(`[{"message":"no","errorCode":"ZYXWVU","fields":["a"]},null,1e9,-0.5,{"records":[{"Id":{},"attributes":[[["x"]]]}]}]`), "application/json;charset=UTF-8", "api-usage=1/2")
	f.Add([]byte(`<a xmlns="x"><Envelope/><Fault><faultcode>sf:ZYX</faultcode></Fault></a>`), "text/xml", "/services/data/v64.0/sobjects/x")
	f.Add([]byte("sf__Id,\"a\nb\"\n1,2\n"), "text/csv", "https://a/b?c")
	f.Add([]byte(`{"sub":"https://x/id/00D000000000001AAA/005000000000001AAA","at":"2026-01-02T15:04:05.000+0000","e":"a@b","d":"2026-01-02"}`), "application/json", "")
	step := Step{Want: map[string]string{".totalSize": "1", ".records[0].n": "1"}, Named: map[string]string{".fields": "name"}}
	pattern := regexp.MustCompile(`^(?:status|header\.[A-Za-z-]+|bytes|(?:\.[A-Za-z0-9_:{}-]+|\[[0-9]+\]|\.\(others\))*|\.)$`)
	f.Fuzz(func(t *testing.T, body []byte, mediaType, header string) {
		o := observer{vars: Variables{"me": "005000000000001AAA", "org": "00D000000000001AAA", "marker": "cordon-conformance-000000000000"},
			known: map[string]bool{"{marker} one": true}, keys: map[string]bool{}}
		a := Answer{Status: 200, Header: http.Header{"Content-Type": {mediaType}, "Location": {header}, "Sforce-Limit-Info": {header}, "Allow": {header}}, Body: body}
		for path, s := range o.observe(step, a) {
			if !pattern.MatchString(path) {
				t.Errorf("path %q", path)
			}
			for _, name := range regexp.MustCompile(`\.([A-Za-z0-9_:-]+)`).FindAllStringSubmatch(strings.TrimPrefix(path, "header."), -1) {
				if !keys[name[1]] && !o.keys[name[1]] && !slices.Contains([]string{"text", "columns", "rows"}, name[1]) {
					t.Errorf("path %q has a name that is not known", path)
				}
			}
			if why := tells(s.show()); why != "" && s.form != `"{marker} one"` {
				t.Errorf("%q: %q: %s", path, s.show(), why)
			}
		}
	})
}
