package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// setupSchema is what an org says of its own code, apps and sites. Nobody changes it by the
// data API here; Generate writes it.
const setupSchema = `
object ConnectedApplication 0H4 nocreate noupdate nodelete
  Name string 80 readonly name

object OauthToken 0CQ nocreate noupdate nodelete
  AppName string 255 readonly
  UserId reference readonly to=User rel=User
  LastUsedDate datetime readonly
  UseCount int readonly

object FlowDefinitionView 3dd nocreate noupdate nodelete
  ApiName string 255 readonly
  Label string 255 readonly name
  ProcessType picklist 40 readonly
  TriggerType picklist 40 readonly
  RecordTriggerType picklist 40 readonly
  TriggerObjectOrEventId string 255 readonly
  TriggerObjectOrEventLabel string 255 readonly
  ActiveVersionId string 18 readonly

object ApexClass 01p nocreate noupdate nodelete
  Name string 255 readonly name
  NamespacePrefix string 15 readonly
  Status picklist 40 readonly
  Body textarea 1000000 readonly
  LengthWithoutComments int readonly

object ApexTrigger 01q nocreate noupdate nodelete
  Name string 255 readonly name
  NamespacePrefix string 15 readonly
  TableEnumOrId picklist 40 readonly
  Status picklist 40 readonly
  UsageBeforeInsert boolean readonly
  UsageAfterInsert boolean readonly
  UsageBeforeUpdate boolean readonly
  UsageAfterUpdate boolean readonly

object EmailServicesFunction 093 nocreate noupdate nodelete
  FunctionName string 64 readonly name
  IsActive boolean readonly
  AttachmentOption picklist 40 readonly

object Site 0DM nocreate noupdate nodelete
  Name string 40 readonly name
  Status picklist 40 readonly
  SiteType picklist 40 readonly

object Network 0DB nocreate noupdate nodelete
  Name string 255 readonly name
  Status picklist 40 readonly

object SubscriberPackage 033 nocreate noupdate nodelete tooling
  Name string 80 readonly name
  NamespacePrefix string 15 readonly

object InstalledSubscriberPackage 0A3 nocreate noupdate nodelete tooling
  SubscriberPackageId reference readonly to=SubscriberPackage rel=SubscriberPackage
`

// Setup is the truth about what Generate put around the files.
type Setup struct {
	Apps        map[string][]string // ids of the users with a token, by the app's name
	Packages    map[string]string   // namespaces by name
	Automations []MadeAutomation    // those that concern files
	Sites       map[string]bool     // whether open to visitors, by name
	Mailboxes   map[string]bool     // e-mail services that take attachments: whether active, by name
}

// MadeAutomation is something that runs when a file comes.
type MadeAutomation struct {
	Kind, Name, Object, When string
	Active                   bool
}

// furnish writes what an org has around its files.
func (g *population) furnish() {
	o := g.o
	o.mu.Lock()
	t := o.begin(o.people[0])
	t.now = g.From
	random := rand.New(rand.NewPCG(g.Seed, 1)) // its own, so that files are as they were without
	put := func(object string, values map[string]any) string {
		e := o.schema.entity(object)
		r := &record{e: e, id: o.nextID(e.prefix), values: values}
		t.stamp(r)
		t.put(r)
		return r.id
	}
	s := &g.truth.Setup
	*s = Setup{Apps: map[string][]string{}, Packages: map[string]string{}, Sites: map[string]bool{}, Mailboxes: map[string]bool{}}

	for i, name := range []string{"Telehealth Bridge", "Ward Sync", "Archive \"old\" <app>"} {
		put("ConnectedApplication", map[string]any{"Name": name})
		s.Apps[name] = []string{}
		for n := range min(len(o.people), i+1) {
			who := o.people[(random.IntN(len(o.people))+n)%len(o.people)]
			put("OauthToken", map[string]any{"AppName": name, "UserId": who.id, "UseCount": float64(1 + random.IntN(500)),
				"LastUsedDate": timestamp(g.From.Add(time.Duration(random.Int64N(int64(g.To.Sub(g.From))))))})
			if !slices.Contains(s.Apps[name], who.id) {
				s.Apps[name] = append(s.Apps[name], who.id)
			}
		}
	}
	put("ConnectedApplication", map[string]any{"Name": "Never Used"})
	s.Apps["Never Used"] = []string{}

	for _, p := range [][2]string{{"Document Generator", "docgen"}, {"E-Signature", "sign"}} {
		name, namespace := p[0], p[1]
		put("InstalledSubscriberPackage", map[string]any{"SubscriberPackageId": put("SubscriberPackage", map[string]any{"Name": name, "NamespacePrefix": namespace})})
		s.Packages[name] = namespace
	}

	automation := func(kind, name, object, when string, active bool) {
		s.Automations = append(s.Automations, MadeAutomation{kind, name, object, when, active})
	}
	for i, object := range []string{"ContentVersion", "ContentDocumentLink", "Case", "Account"} {
		name, active := fmt.Sprintf("On_%s", object), i%2 == 0
		version := ""
		if active {
			version = newID("301", int64(i+1))
		}
		put("FlowDefinitionView", map[string]any{"ApiName": name, "Label": name, "ProcessType": "AutoLaunchedFlow", "TriggerType": "RecordAfterSave",
			"RecordTriggerType": "Create", "TriggerObjectOrEventId": object, "TriggerObjectOrEventLabel": object, "ActiveVersionId": orNil(version)})
		if i < 2 {
			automation("flow", name, object, "RecordAfterSave Create", active)
		}
	}
	put("FlowDefinitionView", map[string]any{"ApiName": "Screen_only", "Label": "Screen only", "ProcessType": "Flow"})
	for i, object := range []string{"Attachment", "EmailMessage", "Contact"} {
		name := object + "Trigger"
		put("ApexTrigger", map[string]any{"Name": name, "TableEnumOrId": object, "Status": []string{"Active", "Inactive"}[i%2],
			"UsageBeforeInsert": true, "UsageAfterUpdate": i == 0})
		if i < 2 {
			automation("apex-trigger", name, object, []string{"before insert, after update", "before insert"}[i], i%2 == 0)
		}
	}
	for _, c := range [][2]string{{"ScanGate", "public class ScanGate implements Sfc.ContentDownloadHandlerFactory { }"}, {"Plain", "public class Plain { }"}} {
		name, body := c[0], c[1]
		put("ApexClass", map[string]any{"Name": name, "Status": "Active", "Body": body, "LengthWithoutComments": float64(len(body))})
	}
	automation("download-handler", "ScanGate", "ContentDocument", "download", true)
	for i, name := range []string{"ReferralInbox", "OldInbox"} {
		active := i == 0
		put("EmailServicesFunction", map[string]any{"FunctionName": name, "IsActive": active, "AttachmentOption": "3"})
		automation("email-service", name, "EmailMessage", "message", active)
		s.Mailboxes[name] = active
	}
	put("Site", map[string]any{"Name": "Forms", "Status": "Active", "SiteType": "ChatterNetworkPicasso"})
	put("Site", map[string]any{"Name": "Retired", "Status": "Inactive", "SiteType": "Visualforce"})
	put("Network", map[string]any{"Name": "Patient Portal", "Status": "Live"})
	s.Sites = map[string]bool{"Forms": true, "Retired": false, "Patient Portal": true}
	o.mu.Unlock()
	t.tell()
}
