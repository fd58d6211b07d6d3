package inventory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce/inventory"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func mayCustomize(c *sim.Config) {
	for i := range c.Users {
		if p := &c.Users[i].Profile; p.Name == "Cordon" {
			p.CustomizeApplication = true
		}
	}
}

// Apps, packages, automations, sites and mailboxes are those that the org has.
func TestWhatIsAroundTheFiles(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 21, Files: 800}, mayCustomize)
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	if want := []desk.InventoryField{{Object: "Case", Field: "Notes__c"}, {Object: "EmailMessage", Field: "HtmlBody"}}; !slices.Equal(inv.RichText, want) {
		t.Errorf("rich text: %v, want %v", inv.RichText, want)
	}
	setup, brought := w.truth.Setup, map[string]int{}
	for _, m := range w.truth.Live() {
		brought[m.CreatedBy]++
	}
	if len(inv.Apps) != len(setup.Apps) {
		t.Errorf("%d apps, want %d: %+v", len(inv.Apps), len(setup.Apps), inv.Apps)
	}
	for _, a := range inv.Apps {
		files, creators := 0, 0
		for _, id := range setup.Apps[a.Name] {
			if files += brought[id]; brought[id] > 0 {
				creators++
			}
		}
		if a.Users != len(setup.Apps[a.Name]) || a.Files != files || a.Creators != creators || a.LastUsed.IsZero() != (a.Users == 0) {
			t.Errorf("%+v, want %d users, of which %d brought %d files", a, len(setup.Apps[a.Name]), creators, files)
		}
	}
	packages := map[string]string{}
	for _, p := range inv.Packages {
		packages[p.Name] = p.Namespace
	}
	if len(packages) != 2 || packages["E-Signature"] != setup.Packages["E-Signature"] {
		t.Errorf("packages: %v", packages)
	}
	var got []sim.MadeAutomation
	for _, a := range inv.Automations {
		got = append(got, sim.MadeAutomation(a))
	}
	if len(got) != len(setup.Automations) {
		t.Errorf("automations:\n got: %+v\nwant: %+v", got, setup.Automations)
	}
	for _, a := range setup.Automations {
		if !slices.Contains(got, a) {
			t.Errorf("%+v is not listed in %+v", a, got)
		}
	}
	open := map[string]bool{}
	for _, way := range inv.Ways {
		open[way.Name] = way.State == desk.WayOpen
	}
	for name, want := range setup.Sites {
		if want != (open["Site: "+name] || open["Network: "+name]) {
			t.Errorf("%s is open: %v", name, want)
		}
	}
	for name, want := range setup.Mailboxes {
		if open["E-mail service: "+name] != want {
			t.Errorf("%s is open: %v", name, want)
		}
	}
}

// A way is seen if files came by it in the last 90 days, and programs that nobody declared are
// not told apart from people.
func TestWaysIn(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 22, Files: 800}, nil)
	c := w.config()
	ways := func() map[cordon.Channel]desk.InventoryWay {
		inv, err := inventory.Take(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		out := map[cordon.Channel]desk.InventoryWay{}
		for _, way := range inv.Ways[:4] {
			out[way.Channel] = way
		}
		return out
	}
	got := ways()
	for channel, way := range got {
		n := 0
		for _, m := range w.truth.Live() {
			if m.Channel == string(channel) && !m.CreatedAt.Before(way.Since) {
				n++
			}
		}
		if way.Files != n || way.State != desk.WaySeen || way.Last.IsZero() {
			t.Errorf("%+v, want %d files", way, n)
		}
	}
	c.Integrations = nil
	if api := ways()[cordon.ChannelAPI]; api.State != desk.WayUnknown || !strings.Contains(api.Why, "declared") {
		t.Errorf("nobody is declared, and programs are %+v", api)
	}
}

// Without Customize Application the org shows Cordon's own tokens only: what it shows is not
// taken for all there is.
func TestTokensOfOthersAreNotKnown(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 23, Files: 100}, nil)
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(inv.Questions, func(q desk.InventoryQuestion) bool {
		return q.Part == "apps" && !q.Answered && q.Why == "needs-customize-application"
	}) {
		t.Errorf("the questions do not say that tokens are hidden: %+v", inv.Questions)
	}
}
