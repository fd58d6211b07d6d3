package desktest

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// SetInventory says what was counted last and what is under way.
func (d *Desk) SetInventory(s desk.InventoryState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inventory = s
}

// Inventory implements the inventories of both doors.
func (d *Desk) Inventory(context.Context, cordon.TenantID) (desk.InventoryState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inventory, d.Err
}

// TakeInventory starts one that never ends.
func (d *Desk) TakeInventory(context.Context, cordon.TenantID, cordon.Actor) (desk.InventoryState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inventory.Running, d.inventory.Step, d.inventory.Began = true, "ContentVersion", d.Now()
	return d.inventory, d.Err
}

// Stock is an inventory of a middling clinic, taken at a time.
func Stock(at time.Time) desk.Inventory {
	part := func(name string, files int, bytes int64) desk.InventoryPart {
		return desk.InventoryPart{Name: name, Files: files, Bytes: bytes, Last: at.Add(-time.Duration(files%50) * time.Hour)}
	}
	inv := desk.Inventory{Began: at.Add(-6 * time.Second), Taken: at, Calls: 50, Files: 48210, Bytes: 61_400_000_000, Elsewhere: 12,
		Objects: []desk.InventoryObject{
			{Name: "ContentVersion", Files: 36100, Bytes: 52_000_000_000, Deleted: 410, DeletedBytes: 600_000_000, First: at.AddDate(-3, 0, 0), Last: at},
			{Name: "Attachment", Files: 12080, Bytes: 9_300_000_000, Deleted: 3, First: at.AddDate(-6, 0, 0), Last: at.AddDate(0, 0, -2)},
			{Name: "Document", Files: 30, Bytes: 100_000_000, Deleted: -1, First: at.AddDate(-6, 0, 0), Last: at.AddDate(-1, 0, 0)}},
		Channels:     []desk.InventoryPart{part("api", 21000, 30e9), part("ui", 15000, 18e9), part("email", 9200, 9e9), part("portal", 3010, 4.4e9)},
		Creators:     []desk.InventoryPart{part("005Si0000000001AAA", 21000, 30e9), part("005Si0000000002AAA", 9200, 9e9)},
		CreatorTypes: []desk.InventoryPart{part("Standard", 45200, 57e9), part("Guest", 3010, 4.4e9)}, MoreCreators: 61,
		Parents:  []desk.InventoryPart{part("Case", 30000, 38e9), part("EmailMessage", 9200, 9e9), part("User", 5010, 8e9), part("none", 4000, 6.4e9)},
		Types:    []desk.InventoryPart{part("jpg", 26000, 40e9), part("pdf", 15000, 12e9), part("docx", 5210, 4e9), part("<b>odd", 2000, 5.4e9)},
		Sizes:    []desk.InventoryPart{part("empty", 10, 0), part("up to 10 kB", 8200, 5e7), part("100 kB to 1 MB", 27000, 15e9), part("1 MB to 10 MB", 13000, 46e9)},
		Versions: []desk.InventoryDepth{{Versions: 1, Documents: 30000}, {Versions: 2, Documents: 2500}, {Versions: 3, Documents: 366}},
		Links:    []desk.InventoryPart{}, RichText: []desk.InventoryField{{Object: "Case", Field: "Notes__c"}}, Packages: []desk.InventoryPackage{{Name: "Document Generator", Namespace: "docgen"}},
		Apps: []desk.InventoryApp{{Name: "Telehealth Bridge", Users: 1, Creators: 1, Files: 21000, LastUsed: at.Add(-time.Hour)}, {Name: "Never Used"}},
		Automations: []desk.InventoryAutomation{{Kind: "flow", Name: "On_ContentVersion", Object: "ContentVersion", When: "RecordAfterSave Create", Active: true},
			{Kind: "apex-trigger", Name: "AttachmentTrigger", Object: "Attachment", When: "before insert", Active: false}},
		Routes: []desk.InventoryRoute{{Name: "portal-uploads", Channel: cordon.ChannelPortal, Mode: cordon.ModeInline, Inspected: 2870, Last: at}, {Name: "call-recordings", Channel: cordon.ChannelTelehealth, Mode: cordon.ModeInline}},
		Ways: []desk.InventoryWay{
			{Name: "Pages of the CRM", Channel: cordon.ChannelUI, State: desk.WaySeen, Files: 1800, Since: at.AddDate(0, 0, -90), Last: at.Add(-time.Hour), Guard: "afterwards", Why: "files by creator and parent"},
			{Name: "Programs", Channel: cordon.ChannelAPI, State: desk.WaySeen, Files: 2900, Since: at.AddDate(0, 0, -90), Last: at, Passed: 2870, Guard: "inline", Why: "files by creator and parent"},
			{Name: "E-mail", Channel: cordon.ChannelEmail, State: desk.WayNotSeen, Guard: "none", Why: "files by creator and parent"},
			{Name: "Network: Patient Portal", Channel: cordon.ChannelPortal, State: desk.WayOpen, Guard: "none", Why: "it is Live"},
			{Name: "Site", Channel: cordon.ChannelPortal, State: desk.WayUnknown, Guard: "none", Why: "INVALID_TYPE"}},
		Questions: []desk.InventoryQuestion{{Part: "objects", Asked: "ContentVersion, groups", Answered: true, Calls: 3},
			{Part: "links", Asked: "ContentDocumentLink, groups", Why: "MALFORMED_QUERY", Calls: 1}, {Part: "ways", Asked: "Site, list", Why: "INVALID_TYPE", Calls: 1}}}
	for i := range 14 {
		month := at.AddDate(0, i-13, 1-at.Day()).Format("2006-01")
		for j, ch := range []cordon.Channel{cordon.ChannelAPI, cordon.ChannelEmail, cordon.ChannelPortal, cordon.ChannelUI} {
			inv.Months = append(inv.Months, desk.InventoryMonth{Month: month, Channel: ch, Files: 100 + (i*37+j*91)%400, Bytes: int64(1+i) * 1e8})
		}
	}
	return inv
}
