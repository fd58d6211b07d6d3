package salesforce

import "testing"

func TestUsageHeader(t *testing.T) {
	for header, want := range map[string]Usage{
		"api-usage=18/5000": {Used: 18, Limit: 5000},
		"api-usage=25/5000; per-app-api-usage=17/250(appName=sample)": {Used: 25, Limit: 5000},
		"per-app-api-usage=17/250(appName=x), api-usage=3/10":         {Used: 3, Limit: 10},
		"":                  {},
		"api-usage=many/10": {},
	} {
		var u usage
		u.read(header)
		if u.Usage != want {
			t.Errorf("%q: %+v, want %+v", header, u.Usage, want)
		}
	}
}
