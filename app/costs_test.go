package app

import (
	"errors"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestCosts(t *testing.T) {
	costs := []CostConfig{{Detector: "a", PerItem: 0.002, PerMB: 0.5, Currency: "EUR"}, {Detector: "b", PerItem: 1, Currency: "USD"}}
	m := money(costs, 1000, 3_000_000)
	if len(m.Sums) != 2 || m.Sums[0].Amount != 3.5 || m.Sums[0].Currency != "EUR" || m.Sums[1].Amount != 1000 || m.Sums[1].Detector != "b" {
		t.Errorf("%+v", m)
	}
	if m := money(costs, 1000, -1); m.Sums[0].Amount != -1 || m.Sums[1].Amount != 1000 {
		t.Errorf("of an unknown number of bytes: %+v", m)
	}
	if m := money(nil, 1000, 1); m.Sums == nil || len(m.Sums) != 0 {
		t.Errorf("without detectors that cost: %+v", m)
	}
	const rest = "data: d\nkeys: k\ntenants: [ { id: clinic, hosts: [h], upstream: 'https://x' } ]\ninspect: { costs: [ "
	if c, err := ParseConfig([]byte(rest + "{ detector: a, per_item: 0.002, currency: EUR } ] }")); err != nil || len(c.Inspect.Costs) != 1 || c.Inspect.Costs[0].PerItem != 0.002 {
		t.Errorf("%+v, %v", c.Inspect, err)
	}
	for _, bad := range []string{"{ per_item: 1, currency: EUR }", "{ detector: a, currency: EUR }", "{ detector: a, per_item: -1, per_mb: 2, currency: EUR }",
		"{ detector: a, per_item: 1, currency: euro }", "{ detector: a, per_item: 1 }", "{ detector: a, per_item: 1, currency: EUR }, { detector: a, per_mb: 1, currency: EUR }"} {
		if _, err := ParseConfig([]byte(rest + bad + " ] }")); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
