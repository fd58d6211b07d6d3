package app

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// CostConfig says what a detector takes for its work, so that a backfill can say beforehand
// what it will cost. It changes nothing in how the detector works.
type CostConfig struct {
	// Detector is its name, as "cordon doctor" and the console show it.
	Detector string `yaml:"detector"`
	// PerItem and PerMB (of 1 000 000 bytes) are prices, added up. Default: 0.
	PerItem float64 `yaml:"per_item"`
	PerMB   float64 `yaml:"per_mb"`
	// Currency is the ISO 4217 code of the prices, for example EUR.
	Currency string `yaml:"currency"`
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// checkCosts checks what can be told without detectors.
func (c InspectConfig) checkCosts(bad func(string, ...any)) {
	seen := map[string]bool{}
	for _, cost := range c.Costs {
		switch {
		case cost.Detector == "" || seen[cost.Detector]:
			bad("inspect: costs: detector %q: name each detector that costs, once", cost.Detector)
		case cost.PerItem < 0 || cost.PerMB < 0 || cost.PerItem+cost.PerMB == 0:
			bad("inspect: costs: detector %s: per_item or per_mb must be above 0", cost.Detector)
		case !currencyCode.MatchString(cost.Currency):
			bad("inspect: costs: detector %s: currency: %q is not a code of three capitals such as EUR", cost.Detector, cost.Currency)
		}
		seen[cost.Detector] = true
	}
}

// checkConnected reports prices of what is not connected, which are most likely misspelt.
func checkConnected(costs []CostConfig, t *tenants) error {
	for _, c := range costs {
		connected := false
		for _, id := range t.ids() {
			connected = connected || slices.ContainsFunc(t.detectorsOf(id), func(d desk.Detector) bool { return d.Name == c.Detector })
		}
		if !connected {
			return fmt.Errorf("%w: inspect: costs: no detector %q is connected", cordon.ErrInvalid, c.Detector)
		}
	}
	return nil
}
