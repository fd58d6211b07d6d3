package sim_test

import (
	"net/url"
	"testing"

	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/conformance"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// The scripts that a real org is tried with hold here first.
func TestConformance(t *testing.T) {
	for _, script := range conformance.Scripts() {
		t.Run(script.Name, func(t *testing.T) {
			d := open(t, sim.Demo())
			base, err := url.Parse(d.server.URL)
			if err != nil {
				t.Fatal(err)
			}
			org := conformance.Org{Base: base, Token: d.token, Version: salesforce.DefaultVersion}
			unmet, err := conformance.Try(t.Context(), org, "cordon-conformance-000000000000", script)
			for _, u := range unmet {
				t.Errorf("%s: %s is %s, want %s", u.Step, u.Path, u.Org, u.Want)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
