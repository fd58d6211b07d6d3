package desk

import (
	"time"

	"github.com/cordonhq/cordon"
)

// Inventory is what an org held when it was last counted, by the org's own words. A part that
// the org did not answer is empty and has a question with a reason: it is not known, which is
// not the same as nothing.
type Inventory struct {
	Began   time.Time `json:"began" doc:"When counting began, by the clock of this machine."`
	Taken   time.Time `json:"taken" doc:"When it ended."`
	Calls   int64     `json:"calls" doc:"API calls that it took, failed ones included."`
	Changed bool      `json:"changed" doc:"The org changed while it was counted, again and again: parts may not add up to the whole."`

	Files     int   `json:"files" doc:"Versions, attachments and documents that are not deleted."`
	Bytes     int64 `json:"bytes" doc:"Their bytes, as the org states them."`
	Elsewhere int   `json:"elsewhere" doc:"Of the files, those whose bytes the org does not hold: links and external files; -1 where it is not known."`

	Objects      []InventoryObject `json:"objects"`
	Channels     []InventoryPart   `json:"channels" doc:"By the way in, as far as the org tells it."`
	Months       []InventoryMonth  `json:"months" doc:"By month of creation in UTC and channel, oldest first."`
	Creators     []InventoryPart   `json:"creators" doc:"The users who brought most files, by id; empty for whoever may not see personal values."`
	MoreCreators int               `json:"more_creators" doc:"Users beyond those listed."`
	CreatorTypes []InventoryPart   `json:"creator_types" doc:"By UserType of the creator."`
	Parents      []InventoryPart   `json:"parents" doc:"By object of the record that the file was attached to or first published at; none: it was published at none."`
	Types        []InventoryPart   `json:"types" doc:"By file extension; attachments by declared media type."`
	Sizes        []InventoryPart   `json:"sizes" doc:"By size, smallest class first."`
	Versions     []InventoryDepth  `json:"versions" doc:"Documents by their number of versions."`
	Links        []InventoryPart   `json:"links" doc:"Links of documents by object of the linked record; files is the number of links, bytes is 0."`

	RichText []InventoryField `json:"rich_text" doc:"Fields of rich text on objects that files hang on, and of cases and e-mail. They can hold images, and the org does not let them be searched: how many is not known."`

	Apps        []InventoryApp        `json:"apps" doc:"Connected apps and what their users bring."`
	Packages    []InventoryPackage    `json:"packages" doc:"Installed packages."`
	Automations []InventoryAutomation `json:"automations" doc:"What runs when a file or its record comes."`
	Ways        []InventoryWay        `json:"ways" doc:"Ways in, and whether something stands in front of them."`
	Routes      []InventoryRoute      `json:"routes" doc:"What the gateway saw of each declared route, since its counters began."`
	Questions   []InventoryQuestion   `json:"questions" doc:"What the org was asked, and what it did not answer."`
}

// InventoryPart is one part of the files.
type InventoryPart struct {
	Name  string    `json:"name"`
	Files int       `json:"files"`
	Bytes int64     `json:"bytes"`
	Last  time.Time `json:"last,omitzero" doc:"When the newest of them came."`
}

// InventoryObject is one object that carries files.
type InventoryObject struct {
	Name         string    `json:"name"`
	Files        int       `json:"files"`
	Bytes        int64     `json:"bytes"`
	Deleted      int       `json:"deleted" doc:"Further files in the recycle bin; -1 where it is not known."`
	DeletedBytes int64     `json:"deleted_bytes"`
	First        time.Time `json:"first,omitzero"`
	Last         time.Time `json:"last,omitzero"`
}

// InventoryMonth is what came in one month by one way.
type InventoryMonth struct {
	Month   string         `json:"month" doc:"YYYY-MM in UTC."`
	Channel cordon.Channel `json:"channel"`
	Files   int            `json:"files"`
	Bytes   int64          `json:"bytes"`
}

// InventoryDepth is how many documents have so many versions.
type InventoryDepth struct {
	Versions  int `json:"versions"`
	Documents int `json:"documents"`
}

// InventoryField is a field of an object.
type InventoryField struct {
	Object string `json:"object"`
	Field  string `json:"field"`
}

// InventoryApp is a program that users let in.
type InventoryApp struct {
	Name     string    `json:"name" doc:"The app's name in the org."`
	Users    int       `json:"users" doc:"Users with a token of the app."`
	LastUsed time.Time `json:"last_used,omitzero"`
	Creators int       `json:"creators" doc:"Of its users, those who brought files in any way."`
	Files    int       `json:"files" doc:"Files of these users. The org does not say which app a file came by, so it is the most that the app can have brought."`
}

// InventoryPackage is an installed package.
type InventoryPackage struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// InventoryAutomation is something of the org that runs when a file or its record comes.
type InventoryAutomation struct {
	Kind   string `json:"kind" doc:"flow, apex-trigger, download-handler or email-service."`
	Name   string `json:"name"`
	Object string `json:"object" doc:"What it runs on."`
	When   string `json:"when" doc:"The platform's own words for when it runs."`
	Active bool   `json:"active"`
}

// What is known of a way in.
const (
	WaySeen    = "seen"     // files came that way
	WayOpen    = "open"     // it is open, and no file is known to have come that way
	WayNotSeen = "not-seen" // looked for, and nothing found
	WayUnknown = "unknown"
)

// InventoryWay is a way in and what stands in front of it.
type InventoryWay struct {
	Name    string         `json:"name"`
	Channel cordon.Channel `json:"channel"`
	State   string         `json:"state" doc:"seen, open, not-seen or unknown."`
	Files   int            `json:"files" doc:"Files that came that way since the day of since."`
	Since   time.Time      `json:"since,omitzero"`
	Last    time.Time      `json:"last,omitzero" doc:"When the last came."`
	Passed  int64          `json:"passed" doc:"Requests of the channel that the gateway looked into, since its counters began."`
	Guard   string         `json:"guard" doc:"inline, afterwards or none: whether Cordon looks before the org has the file, after, or not at all."`
	Why     string         `json:"why" doc:"The evidence, or why it is not known."`
}

// InventoryRoute is what came through the gateway by a declared route. It is read when the
// inventory is, not when it was taken.
type InventoryRoute struct {
	Name         string         `json:"name"`
	Channel      cordon.Channel `json:"channel"`
	Mode         cordon.Mode    `json:"mode"`
	Inspected    int64          `json:"inspected" doc:"Files looked into."`
	NotInspected int64          `json:"not_inspected" doc:"Requests that could carry media on a path that is not looked into."`
	Last         time.Time      `json:"last,omitzero"`
}

// InventoryQuestion is one thing that was asked of the org.
type InventoryQuestion struct {
	Part     string `json:"part" doc:"The field of the inventory that the answer is for."`
	Asked    string `json:"asked" doc:"The object, and how it was asked: groups, list or describe."`
	Answered bool   `json:"answered"`
	Why      string `json:"why" doc:"Why there is no answer, by the platform's code."`
	Calls    int    `json:"calls"`
}

// InventoryState is the last inventory and what is under way.
type InventoryState struct {
	Running bool       `json:"running" doc:"One is being taken now."`
	Step    string     `json:"step" doc:"What is being counted now."`
	Began   time.Time  `json:"began,omitzero" doc:"When the running one began."`
	Failed  string     `json:"failed" doc:"Why the last attempt ended without a result, in a code."`
	Last    *Inventory `json:"last" doc:"Null until the first has been taken."`
}
