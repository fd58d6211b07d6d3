package salesforce

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	o := newOrg(t)
	o.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/limits") {
			return false
		}
		io.WriteString(w, `{"DailyApiRequests":{"Max":15000,"Remaining":14998,"Some App":{"Max":0,"Remaining":0}},"Odd":"text"}`)
		return true
	}
	c := newClient(t, o)
	if err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := c.Limits(t.Context())
	if err != nil || len(got) != 1 || got["DailyApiRequests"] != (Limit{15000, 14998}) {
		t.Errorf("limits: %v, %v", got, err)
	}
	if o.tokens != 1 {
		t.Errorf("%d sign-ins", o.tokens)
	}
}
