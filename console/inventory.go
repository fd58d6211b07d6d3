package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/plot"
)

// Inventories counts what an org holds.
type Inventories interface {
	// Inventory returns the last count and what is under way. Last is nil before the first.
	Inventory(ctx context.Context, tenant cordon.TenantID) (desk.InventoryState, error)
	// TakeInventory starts a count in the background, unless one runs already.
	TakeInventory(ctx context.Context, tenant cordon.TenantID, by cordon.Actor) (desk.InventoryState, error)
}

type inventoryPage struct {
	State         desk.InventoryState
	Failed        string // why the last attempt has no result, in words
	Began, Taken  moment
	Open, Unknown int // ways nobody looks at; questions without an answer
	Ways          []wayLine
	Plots         []template.HTML // what there is
	Creators      template.HTML   // "" where the account may not see who
	Routes        template.HTML
	Automations   []automationLine
	Apps          []appLine
	Questions     []questionLine
	RichText      []string // fields
}

type wayLine struct {
	desk.InventoryWay
	State, Guard badge
	Last         moment
}

type automationLine struct {
	desk.InventoryAutomation
	Kind string
}

type appLine struct {
	desk.InventoryApp
	Last moment
}

type questionLine struct{ Part, Asked, Why string }

var wayWords = map[string]badge{
	desk.WaySeen:    {"files came", "seen", "arrow"},
	desk.WayOpen:    {"stands open", "open", "eye"},
	desk.WayNotSeen: {"nothing seen", "not-seen", "dash"},
	desk.WayUnknown: {"not known", "unknown", "question"},
}

var guardWords = map[string]badge{
	"inline":     {"before the CRM has it", "inline", "clear"},
	"afterwards": {"afterwards", "afterwards", "look"},
	"none":       {"not at all", "none", "warn"},
}

var channelWords = map[string]string{
	string(cordon.ChannelUI): "Pages of the CRM", string(cordon.ChannelAPI): "Programs",
	string(cordon.ChannelPortal): "Sites and guests", string(cordon.ChannelEmail): "E-mail",
}

var automationWords = map[string]string{"flow": "flow", "apex-trigger": "Apex trigger", "download-handler": "download handler", "email-service": "e-mail service"}

// whyWords explain the platform's codes for a question without an answer.
var whyWords = map[string]string{
	"INVALID_TYPE":                "the org has no such object, or Cordon's user may not see it",
	"INVALID_FIELD":               "the org has no such field, or Cordon's user may not see it",
	"MALFORMED_QUERY":             "the org does not answer such a question for Cordon's user",
	"NOT_FOUND":                   "the org has no such object, or Cordon's user may not see it",
	"needs-customize-application": "without the permission Customize Application the org shows Cordon's own tokens only",
	"too-much-to-read":            "there is more than an inventory should read",
}

var failureWords = map[string]string{
	"no-calls-left":      "the org has no API calls left today",
	"not-permitted":      "Cordon's user may not see files",
	"org-not-reached":    "the org could not be reached",
	"org-did-not-answer": "the org did not answer as it should",
}

func (s *Server) inventoryPage(w http.ResponseWriter, r *request) error {
	if s.Inventories == nil {
		return errNoPage
	}
	state, err := s.Inventories.Inventory(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("read the inventory: %w", err)
	}
	p := inventoryPage{State: state, Began: s.moment(state.Began), Failed: cmp.Or(failureWords[state.Failed], state.Failed)}
	if inv := state.Last; inv != nil {
		s.fillInventory(&p, *inv, r.account.May(account.Personal))
		p.Routes = routesPlot(inv.Routes)
	}
	return s.render(w, r, http.StatusOK, "inventory", "Inventory", p)
}

func (s *Server) takeInventory(w http.ResponseWriter, r *request) error {
	if s.Inventories == nil {
		return errNoPage
	}
	if _, err := s.Inventories.TakeInventory(r.Context(), r.account.Tenant, r.actor); err != nil {
		return fmt.Errorf("take an inventory: %w", err)
	}
	http.Redirect(w, r.Request, "/inventory", http.StatusSeeOther)
	return nil
}

func (s *Server) fillInventory(p *inventoryPage, inv desk.Inventory, personal bool) {
	p.Taken = s.moment(inv.Taken)
	for _, way := range inv.Ways {
		if way.Guard == "none" && (way.State == desk.WaySeen || way.State == desk.WayOpen) {
			p.Open++
		}
		way.Why = cmp.Or(whyWords[way.Why], way.Why)
		p.Ways = append(p.Ways, wayLine{InventoryWay: way, State: wayWords[way.State], Guard: guardWords[way.Guard], Last: s.moment(way.Last)})
	}
	for _, a := range inv.Automations {
		p.Automations = append(p.Automations, automationLine{a, cmp.Or(automationWords[a.Kind], a.Kind)})
	}
	for _, a := range inv.Apps {
		p.Apps = append(p.Apps, appLine{a, s.moment(a.LastUsed)})
	}
	for _, q := range inv.Questions {
		if !q.Answered {
			p.Questions = append(p.Questions, questionLine{strings.ReplaceAll(q.Part, "_", " "), q.Asked, cmp.Or(whyWords[q.Why], q.Why)})
		}
	}
	for _, f := range inv.RichText {
		p.RichText = append(p.RichText, f.Object+"."+f.Field)
	}
	p.Unknown = len(p.Questions)
	p.Plots = inventoryPlots(inv)
	if personal {
		rows := partRows(inv.Creators, nil)
		title := "By creator, the users who brought most"
		if inv.MoreCreators > 0 {
			title += fmt.Sprintf(" (%d more are not listed)", inv.MoreCreators)
		}
		p.Creators = plot.Bars(title, rows[:min(20, len(rows))])
	}
}

// inventoryPlots draws what an org holds.
func inventoryPlots(inv desk.Inventory) []template.HTML {
	objects := make([]plot.Row, len(inv.Objects))
	for i, o := range inv.Objects {
		objects[i] = plot.Row{Label: o.Name, Value: float64(o.Files), Text: fmt.Sprintf("%s, %s", count(o.Files), size(o.Bytes))}
	}
	bin := make([]plot.Row, len(inv.Objects))
	for i, o := range inv.Objects {
		bin[i] = plot.Row{Label: o.Name, Value: float64(o.Deleted), Unknown: o.Deleted < 0}
	}
	depths := make([]plot.Row, len(inv.Versions))
	for i, d := range inv.Versions {
		depths[i] = plot.Row{Label: fmt.Sprintf("%d versions", d.Versions), Value: float64(d.Documents)}
		if d.Versions == 1 {
			depths[i].Label = "1 version"
		}
	}
	known := func(part string, rows []plot.Row) []plot.Row {
		if len(rows) > 0 || answered(inv, part) {
			return rows
		}
		return []plot.Row{{Label: "not answered", Unknown: true}}
	}
	return []template.HTML{
		plot.Share("By the way in, as far as the org tells it", known("channels", partRows(inChannelOrder(inv.Channels), channelWords))),
		monthsPlot(inv.Months),
		plot.Bars("By object", objects),
		plot.Bars("By the record they were attached to", known("parents", partRows(inv.Parents, nil))),
		plot.Bars("By size", known("sizes", partRows(inv.Sizes, nil))),
		plot.Bars("By type", known("types", partRows(inv.Types[:min(12, len(inv.Types))], nil))),
		plot.Bars("By kind of creator", known("creator_types", partRows(inv.CreatorTypes, nil))),
		plot.Bars("Documents by versions", known("versions", depths)),
		plot.Bars("In the recycle bin", bin),
		plot.Bars("Links of documents, by linked object", known("links", partRows(inv.Links, nil))),
	}
}

// answered says whether the org answered what it was asked for a part.
func answered(inv desk.Inventory, part string) bool {
	return slices.ContainsFunc(inv.Questions, func(q desk.InventoryQuestion) bool { return q.Answered && strings.Contains(q.Part, part) })
}

// channelOrder is the order of the ways in, the same in every plot, so that one looks the same
// everywhere.
var channelOrder = []string{string(cordon.ChannelUI), string(cordon.ChannelAPI), string(cordon.ChannelPortal), string(cordon.ChannelEmail)}

func inChannelOrder(parts []desk.InventoryPart) []desk.InventoryPart {
	var out []desk.InventoryPart
	if len(parts) == 0 {
		return nil
	}
	for _, name := range channelOrder {
		out = append(out, desk.InventoryPart{Name: name})
	}
	for _, p := range parts {
		if i := slices.Index(channelOrder, p.Name); i >= 0 {
			out[i] = p
		} else {
			out = append(out, p)
		}
	}
	return out
}

func partRows(parts []desk.InventoryPart, names map[string]string) []plot.Row {
	rows := make([]plot.Row, len(parts))
	for i, p := range parts {
		rows[i] = plot.Row{Label: cmp.Or(names[p.Name], p.Name), Value: float64(p.Files)}
	}
	return rows
}

// maxMonths is how many months are drawn; columns of more would be too thin to tell apart.
const maxMonths = 60

func monthsPlot(cells []desk.InventoryMonth) template.HTML {
	var labels []string
	var series []plot.Series
	for _, c := range cells {
		if n := len(labels); n == 0 || labels[n-1] != c.Month {
			labels = append(labels, c.Month)
		}
	}
	title := "By month of creation"
	labels = slices.Compact(monthsBetween(labels))
	if n := len(labels); n > maxMonths {
		title += fmt.Sprintf(", the last %d months", maxMonths)
		labels = labels[n-maxMonths:]
	}
	for _, name := range channelOrder {
		series = append(series, plot.Series{Name: channelWords[name], Values: make([]float64, len(labels))})
	}
	for _, c := range cells {
		at, found := slices.BinarySearch(labels, c.Month)
		if !found {
			continue // before the first that is drawn
		}
		name := cmp.Or(channelWords[string(c.Channel)], string(c.Channel))
		i := slices.IndexFunc(series, func(s plot.Series) bool { return s.Name == name })
		if i < 0 {
			i = len(series)
			series = append(series, plot.Series{Name: name, Values: make([]float64, len(labels))})
		}
		series[i].Values[at] += float64(c.Files)
	}
	return plot.Columns(title, labels, series)
}

// monthsBetween fills the months in which nothing came, so that time is drawn to scale.
func monthsBetween(months []string) []string {
	if len(months) == 0 {
		return nil
	}
	var out []string
	var year, month int
	if _, err := fmt.Sscanf(months[0], "%d-%d", &year, &month); err != nil {
		return months
	}
	for last := months[len(months)-1]; len(out) < 1200; month++ {
		if month > 12 {
			year, month = year+1, 1
		}
		if out = append(out, fmt.Sprintf("%04d-%02d", year, month)); out[len(out)-1] >= last {
			break
		}
	}
	return out
}

// routesPlot draws what came through the gateway, by declared route.
func routesPlot(lines []desk.InventoryRoute) template.HTML {
	rows := make([]plot.Row, len(lines))
	for i, l := range lines {
		rows[i] = plot.Row{Label: l.Name, Link: "/holds?route=" + queryEscape(l.Name), Value: float64(l.Inspected)}
	}
	return plot.Bars("Looked into by the gateway, by route", rows)
}
