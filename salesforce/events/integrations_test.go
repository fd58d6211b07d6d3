package events_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// Who can only use the API counts as an integration, whoever else is one is named, and both are
// learned from the org.
func TestIntegrations(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 61, Files: 20})
	id := w.org.UserID
	set := w.create("PermissionSet", `{"Name":"machines","Label":"Machines","PermissionsApiUserOnly":true}`)
	other := w.create("PermissionSet", `{"Name":"people","Label":"People"}`)
	w.create("PermissionSetAssignment", `{"AssigneeId":"`+id("nofiles@example.com")+`","PermissionSetId":"`+set+`"}`)
	w.create("PermissionSetAssignment", `{"AssigneeId":"`+id("responder@example.com")+`","PermissionSetId":"`+other+`"}`)
	ask := func(source events.Source, named ...string) ([]string, bool) {
		t.Helper()
		ids, untold, err := events.Integrations(t.Context(), source, named)
		must(t, err)
		return ids, untold
	}
	want := func(users ...string) (ids []string) {
		for _, u := range users {
			ids = append(ids, id(u))
		}
		slices.Sort(ids)
		return ids
	}
	machines := []string{"nofiles@example.com", "demo@example.com"}
	if got, untold := ask(w.client); !slices.Equal(got, want(machines...)) || untold {
		t.Errorf("integrations are %v, %v", got, untold)
	}
	if got, _ := ask(w.client, "Admin@example.com", id("responder@example.com")[:15], "nobody@example.com' OR Name != '"); !slices.Equal(got, want(append(machines, "admin@example.com", "responder@example.com")...)) {
		t.Errorf("with those that are named: %v", got)
	}
	if got, untold := ask(silent{w.client}, "demo@example.com"); !slices.Equal(got, want("demo@example.com")) || !untold {
		t.Errorf("an org that does not say: %v, %v", got, untold)
	}
}

// silent is an org that does not let Cordon see who may do what.
type silent struct{ *salesforce.Client }

func (s silent) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	if strings.Contains(soql, "Permissions") {
		return &salesforce.Problem{Status: http.StatusBadRequest, Errors: []salesforce.Error{{ErrorCode: "INVALID_FIELD"}}}
	}
	return s.Client.Query(ctx, soql, each)
}

// A poller that learns gives the files their channels without being told who uploads.
func TestPollLearns(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 62, Files: 300})
	conf := w.polling(func(c *events.PollConfig) {
		c.Integrations, c.Learn = nil, true
	})
	w.poll(events.NewPoller(conf))
	w.matches(w.truth.Files)
}

// What hangs on a message came by e-mail, whichever object holds it.
func TestChannel(t *testing.T) {
	integration := "005000000000001AAA"
	for _, c := range []struct {
		file events.File
		want cordon.Channel
	}{
		{events.File{Object: "Attachment", ParentID: "02s000000000001AAA", CreatedBy: integration}, cordon.ChannelEmail},
		{events.File{Object: "ContentVersion", ParentID: "02s000000000001AAA", CreatorType: "AutomatedProcess"}, cordon.ChannelEmail},
		{events.File{CreatorType: "Guest"}, cordon.ChannelPortal},
		{events.File{CreatorType: "PowerCustomerSuccess"}, cordon.ChannelPortal},
		{events.File{CreatorType: "Standard", NetworkID: "0DB000000000001AAA"}, cordon.ChannelPortal},
		{events.File{CreatorType: "Standard", NetworkID: "000000000000000AAA"}, cordon.ChannelUI},
		{events.File{CreatorType: "Standard", CreatedBy: integration[:15]}, cordon.ChannelAPI},
		{events.File{CreatorType: "AutomatedProcess", CreatedBy: "005000000000009AAA"}, cordon.ChannelAPI},
		{events.File{CreatorType: "Standard", CreatedBy: "005000000000009AAA"}, cordon.ChannelUI},
	} {
		if got := events.Channel(c.file, []string{integration}); got != c.want {
			t.Errorf("%+v came by %s, want %s", c.file, got, c.want)
		}
	}
}
