package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Population says what Generate fills an org with.
type Population struct {
	// Seed decides everything: the same seed fills the same org in the same way.
	Seed uint64
	// Files is the number of ContentVersions, Attachments and Documents together, the
	// deleted ones included. Default: 1 000.
	Files int
	// Huge is the number of further ContentVersions of 2 GB. Their bytes are computed when
	// they are read; their Checksum is null.
	Huge int
	// From and To bound when files came. Default: the 400 days before the org's clock.
	From, To time.Time
	// Content, if set, returns the extension and the bytes of the n-th file; with nil bytes
	// the file is made up like any other.
	Content func(n int) (extension string, data []byte)
}

// Ways that files come in by, in Made.Channel.
const (
	MadeByAPI    = "api"    // by an integration, the first user of the org
	MadeByUI     = "ui"     // by a person at the user interface
	MadeByEmail  = "email"  // attached to a message
	MadeByPortal = "portal" // by the guest user of a site
)

// Made is the truth about one file that Generate made.
type Made struct {
	File
	Channel  string
	Version  int  // of its document, from 1; 1 outside ContentVersion
	Restored bool // it was deleted and came back
}

// Truth is what Generate put into an org, written down while it did.
type Truth struct {
	Files     []Made // in the order they came
	Documents int    // ContentDocuments
	Links     int    // ContentDocumentLinks, the owners' among them
	Bytes     int64  // of all Files
	GuestID   string // the guest user that portal files were made by
	Setup     Setup  // what is around the files
}

// Live returns the files that are not in the recycle bin.
func (t Truth) Live() []Made {
	return slices.DeleteFunc(slices.Clone(t.Files), func(m Made) bool { return m.Deleted })
}

// population is a Generate under way.
type population struct {
	Population
	o      *Org
	rand   *rand.Rand
	truth  Truth
	guest  *person
	staff  []*person
	emails []string
	cases  []string
	folder string
	docs   map[string][]int // indexes into truth.Files by document
	open   []string         // documents that may get a further version
}

// Generate fills an org as years of use would: files by several ways in, in bursts that
// share one instant, with versions and links, names that break parsers, empty and large
// ones, some deleted and some restored. It returns the exact truth.
func Generate(o *Org, conf Population) (Truth, error) {
	if conf.Files == 0 {
		conf.Files = 1000
	}
	if conf.To.IsZero() {
		conf.To = o.conf.Now().UTC().Truncate(time.Second)
	}
	if conf.From.IsZero() {
		conf.From = conf.To.AddDate(0, 0, -400)
	}
	if conf.To.Sub(conf.From) < time.Hour {
		return Truth{}, fmt.Errorf("generate: an hour between From and To is the least")
	}
	g := &population{Population: conf, o: o, rand: rand.New(rand.NewPCG(conf.Seed, 0)), docs: map[string][]int{}}
	if err := g.people(); err != nil {
		return Truth{}, err
	}
	for _, burst := range g.bursts() {
		if err := g.burst(burst); err != nil {
			return Truth{}, err
		}
	}
	if err := g.deletions(); err != nil {
		return Truth{}, err
	}
	g.furnish()
	return g.truth, nil
}

// people makes those whom the files belong to.
func (g *population) people() error {
	o := g.o
	o.mu.Lock()
	t := o.begin(o.people[0])
	e := o.schema.entity("User")
	guest := &record{e: e, id: o.nextID(e.prefix), values: map[string]any{"Username": "guest@portal.example.com",
		"Name": "Portal Site Guest User", "LastName": "Site Guest User", "UserType": "Guest", "IsActive": true}}
	t.now = g.From
	t.stamp(guest)
	t.put(guest)
	for r := range o.tables[o.schema.entity("Folder")].where("Type", "Document") {
		g.folder = r.id
	}
	g.guest = &person{User: User{Username: "guest@portal.example.com"}, id: guest.id}
	g.truth.GuestID = guest.id
	g.staff = o.people
	o.mu.Unlock()
	t.tell()

	return g.at(g.staff[0], g.From, func(t *tx) error {
		for range min(2000, 1+g.Files/10) {
			id, err := t.create(o.schema.entity("Case"), map[string]any{"Subject": "Claim"})
			if err != nil {
				return err
			}
			g.cases = append(g.cases, id)
		}
		for i := range min(500, 1+g.Files/40) {
			id, err := t.create(o.schema.entity("EmailMessage"), map[string]any{"Subject": "Documents", "Incoming": true, "ParentId": g.cases[i%len(g.cases)]})
			if err != nil {
				return err
			}
			g.emails = append(g.emails, id)
		}
		return nil
	})
}

// at runs f as one transaction of a person at a time of its own.
func (g *population) at(p *person, at time.Time, f func(*tx) error) error {
	return g.o.within(p, func(t *tx) error {
		t.system, t.now = true, at
		return f(t)
	})
}

// burst is what came at one instant.
type burst struct {
	at    time.Time
	files int
	huge  int
}

// bursts spreads the files over the time: most come alone, some with a hundred others, and
// one load brings a fortieth of all. As on the platform, times have whole seconds.
func (g *population) bursts() (out []burst) {
	seconds := int64(g.To.Sub(g.From)/time.Second) - 1
	when := func() time.Time { return g.From.Add(time.Duration(1+g.rand.Int64N(seconds)) * time.Second) }
	out = append(out, burst{at: when(), files: g.Files / 40})
	for left := g.Files - g.Files/40; left > 0; {
		n := 1
		switch roll := g.rand.IntN(100); {
		case roll < 2:
			n = 20 + g.rand.IntN(180)
		case roll < 30:
			n = 2 + g.rand.IntN(4)
		}
		n = min(n, left)
		out = append(out, burst{at: when(), files: n})
		left -= n
	}
	for range g.Huge {
		out = append(out, burst{at: when(), huge: 1})
	}
	slices.SortStableFunc(out, func(a, b burst) int { return cmp.Compare(a.at.Unix(), b.at.Unix()) })
	return out
}

func (g *population) burst(b burst) error {
	if b.huge > 0 {
		return g.make(b.at, MadeByUI, "ContentVersion", 2<<30-1)
	}
	channel := []string{MadeByAPI, MadeByAPI, MadeByAPI, MadeByUI, MadeByUI, MadeByEmail, MadeByPortal}[g.rand.IntN(7)]
	for range b.files {
		object := "ContentVersion"
		switch roll := g.rand.IntN(100); {
		case roll < 20:
			object = "Attachment"
		case roll < 27 && (channel == MadeByAPI || channel == MadeByUI):
			object = "Document"
		}
		if err := g.make(b.at, channel, object, g.size()); err != nil {
			return err
		}
	}
	return nil
}

// size is mostly a few kilobytes, now and then nothing or more than stays in memory.
func (g *population) size() int64 {
	switch roll := g.rand.IntN(5000); {
	case roll < 150:
		return 0
	case roll < 154:
		return inMemory + int64(g.rand.IntN(inMemory))
	}
	return int64(math.Exp(g.rand.Float64() * math.Log(16<<10)))
}

// oddNames are names that real people and real programs have given files.
var oddNames = []string{
	"scan", "IMG_0042", "Röntgen Thorax", "📷 Unfall 🚗💥", "👩🏽‍⚕️ Überweisung", "résumé", "O'Brien \"final\" (2)", "بطاقة هوية", "身份证正面",
	"a.b.c", " leading space", "semi;colon,comma", "100% genuine", "back\\slash", "new\u00a0nbsp", "combining e\u0301", "zero\u200bwidth", "right\u202eleft",
	"<script>alert(1)</script>", "C:\\Users\\rae\\Desktop\\claim", strings.Repeat("long ", 40), "null", "~$lock", "-rf",
}

var extensions = []struct{ name, head string }{
	{"jpg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"}, {"jpg", "\xff\xd8\xff\xe1\x00\x10Exif\x00\x00"}, {"JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"},
	{"png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"}, {"pdf", "%PDF-1.7\n"}, {"docx", "PK\x03\x04"}, {"mp4", "\x00\x00\x00\x18ftypmp42"},
	{"wav", "RIFF\x00\x00\x00\x00WAVEfmt "}, {"heic", "\x00\x00\x00\x18ftypheic"}, {"txt", "Dear doctor, "}, {"", ""},
}

// make puts one file into the org and writes it down.
func (g *population) make(at time.Time, channel, object string, size int64) error {
	n := len(g.truth.Files)
	kind := extensions[g.rand.IntN(len(extensions))]
	content := made{seed: g.Seed<<32 ^ uint64(n)<<8, size: size, head: kind.head}
	var given []byte
	if g.Content != nil && size < lazily {
		var extension string
		if extension, given = g.Content(n); given != nil {
			kind.name = extension
		}
	}
	b := content.blob()
	if given != nil {
		var err error
		if b, err = g.o.blobs.take(bytes.NewReader(given), maxContentVersion); err != nil {
			return err
		}
	}
	title := fmt.Sprintf("%s %d", oddNames[g.rand.IntN(len(oddNames))], n)
	file := title
	if kind.name != "" {
		file += "." + kind.name
	}
	who := g.staff[0]
	switch {
	case channel == MadeByPortal:
		who = g.guest
	case channel != MadeByAPI && len(g.staff) > 1:
		who = g.staff[1+g.rand.IntN(len(g.staff)-1)]
	}
	parent := g.cases[g.rand.IntN(len(g.cases))]
	if channel == MadeByEmail {
		parent = g.emails[g.rand.IntN(len(g.emails))]
	}
	m := Made{Channel: channel, Version: 1, File: File{Object: object, ParentID: parent, Name: file, OwnerID: who.id,
		CreatedBy: who.id, Size: b.size, SHA256: Digest(b.sha256), Latest: true, CreatedAt: at}}

	values := map[string]any{}
	next, byStaff := "", channel == MadeByAPI || channel == MadeByUI
	switch object {
	case "ContentVersion":
		m.Name, m.Path = title, file
		values = map[string]any{"Title": title, "PathOnClient": file, "VersionData": b, "Origin": map[bool]string{true: "H", false: "C"}[channel == MadeByUI]}
		switch {
		case byStaff && len(g.open) > 0 && g.rand.IntN(100) < 20:
			next = g.open[g.rand.IntN(len(g.open))]
			first := g.truth.Files[g.docs[next][0]]
			values["ContentDocumentId"] = next
			m.ParentID, m.OwnerID, m.Version = "", first.OwnerID, len(g.docs[next])+1
		case byStaff && g.rand.IntN(3) == 0: // in the uploader's own library
			m.ParentID = who.id
			g.truth.Links--
			fallthrough
		default:
			values["FirstPublishLocationId"] = m.ParentID
			g.truth.Documents++
			g.truth.Links += 2
		}
	case "Attachment":
		values = map[string]any{"Name": file, "ParentId": parent, "Body": b, "ContentType": declared(kind.name)}
	case "Document":
		m.ParentID = g.folder
		values = map[string]any{"Name": file, "FolderId": g.folder, "Body": b, "Type": orNil(kind.name)}
	}
	err := g.at(who, at, func(t *tx) error {
		var err error
		if m.ID, err = t.create(g.o.schema.entity(object), values); err != nil {
			return fmt.Errorf("generate file %d: %w", n, err)
		}
		m.DocumentID = t.find(m.ID).text("ContentDocumentId")
		if object == "ContentVersion" && next == "" && g.rand.IntN(10) == 0 { // shared with one record more
			t.link(m.DocumentID, g.cases[(slices.Index(g.cases, parent)+1)%len(g.cases)], "V", t.visibility())
			g.truth.Links++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if next != "" {
		mine := g.docs[next]
		g.truth.Files[mine[len(mine)-1]].Latest = false
	} else if m.DocumentID != "" {
		g.open = append(g.open, m.DocumentID)
	}
	if m.DocumentID != "" {
		g.docs[m.DocumentID] = append(g.docs[m.DocumentID], n)
	}
	g.truth.Files = append(g.truth.Files, m)
	g.truth.Bytes += m.Size
	return nil
}

func declared(extension string) any {
	switch strings.ToLower(extension) {
	case "jpg", "jpeg":
		return "image/jpeg"
	case "pdf":
		return "application/pdf"
	}
	return nil
}

// deletions puts one file in thirty into the recycle bin during the last day, and takes a
// third of them out again.
func (g *population) deletions() error {
	for i := range g.truth.Files {
		m := &g.truth.Files[i]
		if g.rand.IntN(30) > 0 || m.Version > 1 {
			continue
		}
		id := m.ID
		if m.DocumentID != "" {
			id = m.DocumentID
		}
		day := min(24*time.Hour, g.To.Sub(g.From)/2)
		at := g.To.Add(-time.Duration(g.rand.Int64N(int64(day/time.Second))) * time.Second)
		if at.Before(m.CreatedAt) {
			at = g.To
		}
		back := g.rand.IntN(3) == 0
		err := g.at(g.staff[0], at, func(t *tx) error {
			t.who = &person{User: User{Username: "generator", Profile: administrator()}, id: g.staff[0].id}
			r := t.find(id)
			if err := t.remove(r.e, id); err != nil {
				return err
			}
			if !back {
				return nil
			}
			t.now = t.now.Add(min(time.Minute, g.To.Sub(at)))
			for _, c := range slices.Clone(t.changes) {
				t.unbin(t.find(c.ID))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("generate: delete file %d: %w", i, err)
		}
		for _, n := range append(slices.Clone(g.docs[m.DocumentID]), i) {
			g.truth.Files[n].Deleted, g.truth.Files[n].Restored = !back, back
		}
	}
	return nil
}
