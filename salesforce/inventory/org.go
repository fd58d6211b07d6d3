package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
)

// concerned are the objects whose automations may read a file that has just come.
var concerned = []string{"ContentVersion", "ContentDocument", "ContentDocumentLink", "Attachment", "Document", "EmailMessage"}

// maxDescribed is how many objects are looked at for rich text.
const maxDescribed = 8

// richText lists the fields that can hold images, of the objects that files hang on. What is in
// them cannot be asked: rich text is not filterable, and reading records is not counting.
func (a *asker) richText(ctx context.Context) error {
	objects := []string{"Case", "EmailMessage"}
	for _, p := range a.inv.Parents {
		if salesforce.IsName(p.Name) && !slices.Contains(objects, p.Name) && !slices.Contains([]string{"none", "others", "User"}, p.Name) && len(objects) < maxDescribed {
			objects = append(objects, p.Name)
		}
	}
	for _, object := range objects {
		if _, err := a.question(ctx, "rich_text", object, byDescribe, func(ctx context.Context) error {
			d, err := a.describe(ctx, object)
			for _, f := range d.Fields {
				if f.HTML {
					a.inv.RichText = append(a.inv.RichText, desk.InventoryField{Object: object, Field: f.Name})
				}
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// apps lists connected apps with their users, and what these users bring. Which app a file came
// by the org does not say.
func (a *asker) apps(ctx context.Context) error {
	apps := map[string]*desk.InventoryApp{}
	app := func(name string) *desk.InventoryApp {
		if apps[name] == nil {
			apps[name] = &desk.InventoryApp{Name: name}
		}
		return apps[name]
	}
	if _, err := a.question(ctx, "apps", "ConnectedApplication", byList, func(ctx context.Context) error {
		type named struct{ Name string }
		got, err := rows[named](ctx, a, live, "SELECT Name FROM ConnectedApplication")
		for _, n := range got {
			app(n.Name)
		}
		return err
	}); err != nil {
		return err
	}
	if err := a.seesAllTokens(ctx); err != nil {
		return err
	}
	_, err := a.question(ctx, "apps", "OauthToken", byGroups, func(ctx context.Context) error {
		type token struct {
			App, User string
			Last      stamp
		}
		got, err := rows[token](ctx, a, live, "SELECT AppName App, UserId User, MAX(LastUsedDate) Last FROM OauthToken GROUP BY AppName, UserId LIMIT 2000")
		if err == nil && len(got) == batch {
			err = errTooMuch
		}
		if err != nil {
			return err
		}
		for _, t := range got {
			one := app(cmp.Or(t.App, "none"))
			one.Users++
			if t.Last.After(one.LastUsed) {
				one.LastUsed = t.Last.Time
			}
			if brought := a.users[salesforce.LongID(t.User)]; brought.Files > 0 {
				one.Creators++
				one.Files += brought.Files
			}
		}
		return nil
	})
	for _, one := range apps {
		a.inv.Apps = append(a.inv.Apps, *one)
	}
	slices.SortFunc(a.inv.Apps, func(x, y desk.InventoryApp) int {
		return cmp.Or(cmp.Compare(y.Files, x.Files), cmp.Compare(y.Users, x.Users), cmp.Compare(x.Name, y.Name))
	})
	return err
}

// seesAllTokens writes down whether the org shows Cordon the tokens of all users or its own only.
func (a *asker) seesAllTokens(ctx context.Context) error {
	all := false
	ok, err := a.question(ctx, "apps", "UserPermissionAccess", byList, func(ctx context.Context) error {
		type may struct{ PermissionsCustomizeApplication bool }
		got, err := rows[may](ctx, a, live, "SELECT PermissionsCustomizeApplication FROM UserPermissionAccess")
		all = len(got) == 1 && got[0].PermissionsCustomizeApplication
		return err
	})
	if ok && !all {
		last := &a.inv.Questions[len(a.inv.Questions)-1]
		last.Asked, last.Answered, last.Why = "OauthToken of all users", false, "needs-customize-application"
	}
	return err
}

func (a *asker) packages(ctx context.Context) error {
	_, err := a.question(ctx, "packages", "InstalledSubscriberPackage", byList, func(ctx context.Context) error {
		type installed struct {
			SubscriberPackage struct{ Name, NamespacePrefix string }
		}
		got, err := rows[installed](ctx, a, tooling, "SELECT SubscriberPackage.Name, SubscriberPackage.NamespacePrefix FROM InstalledSubscriberPackage")
		for _, p := range got {
			a.inv.Packages = append(a.inv.Packages, desk.InventoryPackage{Name: p.SubscriberPackage.Name, Namespace: p.SubscriberPackage.NamespacePrefix})
		}
		return err
	})
	slices.SortFunc(a.inv.Packages, func(x, y desk.InventoryPackage) int { return cmp.Compare(x.Name, y.Name) })
	return err
}

func (a *asker) automations(ctx context.Context) error {
	for _, q := range []struct {
		asked string
		f     func(context.Context) error
	}{{"FlowDefinitionView", a.flows}, {"ApexTrigger", a.triggers}, {"ApexClass", a.handlers}, {"EmailServicesFunction", a.mailboxes}} {
		if _, err := a.question(ctx, "automations", q.asked, byList, q.f); err != nil {
			return err
		}
	}
	slices.SortFunc(a.inv.Automations, func(x, y desk.InventoryAutomation) int {
		return cmp.Or(cmp.Compare(x.Object, y.Object), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	return nil
}

// flows lists the record-triggered flows on what carries files.
func (a *asker) flows(ctx context.Context) error {
	type flow struct {
		APIName                string `json:"ApiName"`
		TriggerType            string
		RecordTriggerType      string
		TriggerObjectOrEventID string `json:"TriggerObjectOrEventId"`
		ActiveVersionID        string `json:"ActiveVersionId"`
	}
	got, err := rows[flow](ctx, a, live, "SELECT ApiName, TriggerType, RecordTriggerType, TriggerObjectOrEventId, ActiveVersionId FROM FlowDefinitionView WHERE TriggerType != null")
	for _, f := range got {
		if slices.Contains(concerned, f.TriggerObjectOrEventID) {
			a.automation("flow", f.APIName, f.TriggerObjectOrEventID, strings.TrimSpace(f.TriggerType+" "+f.RecordTriggerType), f.ActiveVersionID != "")
		}
	}
	return err
}

func (a *asker) triggers(ctx context.Context) error {
	type trigger struct {
		Name, TableEnumOrID, Status                                              string
		UsageBeforeInsert, UsageAfterInsert, UsageBeforeUpdate, UsageAfterUpdate bool
	}
	got, err := rows[trigger](ctx, a, live, "SELECT Name, TableEnumOrId, Status, UsageBeforeInsert, UsageAfterInsert, UsageBeforeUpdate, UsageAfterUpdate FROM ApexTrigger WHERE TableEnumOrId IN ('"+
		strings.Join(concerned, "', '")+"')")
	for _, t := range got {
		var when []string
		for _, u := range []struct {
			on   bool
			word string
		}{{t.UsageBeforeInsert, "before insert"}, {t.UsageAfterInsert, "after insert"}, {t.UsageBeforeUpdate, "before update"}, {t.UsageAfterUpdate, "after update"}} {
			if u.on {
				when = append(when, u.word)
			}
		}
		a.automation("apex-trigger", t.Name, t.TableEnumOrID, strings.Join(when, ", "), t.Status == "Active")
	}
	return err
}

// maxCode is how many characters of the org's own code are read to find download handlers.
const maxCode = 5 << 20

// handlers finds the classes that decide on downloads. The text of a class cannot be filtered
// by, so the org's own classes are read where they are not too many; those of installed
// packages are hidden.
func (a *asker) handlers(ctx context.Context) error {
	const own = " FROM ApexClass WHERE Status = 'Active' AND NamespacePrefix = null"
	type total struct{ Length float64 }
	got, err := rows[total](ctx, a, live, "SELECT SUM(LengthWithoutComments) Length"+own)
	if err != nil {
		return err
	}
	if len(got) == 1 && got[0].Length > maxCode {
		return errTooMuch
	}
	type class struct{ Name, Body string }
	classes, err := rows[class](ctx, a, live, "SELECT Name, Body"+own)
	for _, c := range classes {
		if strings.Contains(strings.ToLower(c.Body), "sfc.contentdownloadhandlerfactory") {
			a.automation("download-handler", c.Name, "ContentDocument", "download", true)
		}
	}
	return err
}

func (a *asker) mailboxes(ctx context.Context) error {
	type mailbox struct {
		FunctionName, AttachmentOption string
		IsActive                       bool
	}
	got, err := rows[mailbox](ctx, a, live, "SELECT FunctionName, AttachmentOption, IsActive FROM EmailServicesFunction")
	for _, m := range got {
		if m.AttachmentOption != "0" { // 0: attachments are dropped
			a.automation("email-service", m.FunctionName, "EmailMessage", "message", m.IsActive)
		}
	}
	return err
}

func (a *asker) automation(kind, name, object, when string, active bool) {
	a.inv.Automations = append(a.inv.Automations, desk.InventoryAutomation{Kind: kind, Name: name, Object: object, When: when, Active: active})
}

// recentDays is how far back a way in counts as used.
const recentDays = 90

// ways says which ways into the org were used lately and which stand open. Who stands in front
// of them is not the org's to say.
func (a *asker) ways(ctx context.Context) error {
	since := a.Now().UTC().AddDate(0, 0, -recentDays)
	month := since.Format("2006-01")
	for _, ch := range []struct {
		channel cordon.Channel
		name    string
	}{{cordon.ChannelUI, "Pages of the CRM"}, {cordon.ChannelAPI, "Programs"}, {cordon.ChannelPortal, "Sites and guests"}, {cordon.ChannelEmail, "E-mail"}} {
		w := desk.InventoryWay{Name: ch.name, Channel: ch.channel, State: desk.WayNotSeen, Since: since.AddDate(0, 0, 1-since.Day()).Truncate(24 * 3600e9), Why: "files by creator and parent"}
		for _, m := range a.inv.Months {
			if m.Channel == ch.channel && m.Month >= month {
				w.Files += m.Files
			}
		}
		for _, p := range a.inv.Channels {
			if p.Name == string(ch.channel) {
				w.Last = p.Last
			}
		}
		switch {
		case w.Files > 0:
			w.State = desk.WaySeen
		case a.lacksCells:
			w.State, w.Why = desk.WayUnknown, "the org does not say who brought what"
		}
		if ch.channel == cordon.ChannelAPI && len(a.Integrations) == 0 {
			w.State, w.Why = desk.WayUnknown, "no user is declared as an integration: their files count as of the pages"
		}
		a.inv.Ways = append(a.inv.Ways, w)
	}
	for _, s := range []struct{ object, open string }{{"Site", "Active"}, {"Network", "Live"}} {
		ok, err := a.question(ctx, "ways", s.object, byList, func(ctx context.Context) error {
			type site struct{ Name, Status string }
			got, err := rows[site](ctx, a, live, "SELECT Name, Status FROM "+s.object)
			for _, one := range got {
				if one.Status == s.open {
					a.open(s.object+": "+one.Name, cordon.ChannelPortal, "it is "+one.Status+"; whether guests may upload is a setting that is not readable here")
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			a.inv.Ways = append(a.inv.Ways, desk.InventoryWay{Name: s.object, Channel: cordon.ChannelPortal, State: desk.WayUnknown, Why: a.inv.Questions[len(a.inv.Questions)-1].Why})
		}
	}
	for _, m := range a.inv.Automations {
		if m.Kind == "email-service" && m.Active {
			a.open("E-mail service: "+m.Name, cordon.ChannelEmail, "it is active and takes attachments")
		}
	}
	for _, one := range a.inv.Apps {
		if one.Users > 0 {
			a.open("Connected app: "+one.Name, cordon.ChannelAPI, "users have tokens of it; it may call the org past the gateway, which \"cordon doctor\" tries")
		}
	}
	return nil
}

func (a *asker) open(name string, channel cordon.Channel, why string) {
	a.inv.Ways = append(a.inv.Ways, desk.InventoryWay{Name: name, Channel: channel, State: desk.WayOpen, Why: why})
}
