package events_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func (w *world) polling(edit ...func(*events.PollConfig)) events.PollConfig {
	c := events.PollConfig{Config: w.config(), Places: w.flow, Known: w.db}
	for _, e := range edit {
		e(&c)
	}
	return c
}

// ask returns the rows of a query as the administrator sees them.
func (w *world) ask(soql string) (rows []map[string]any) {
	w.Helper()
	resp := w.do(http.MethodGet, "/query?q="+strings.ReplaceAll(soql, " ", "+"), "")
	for {
		var page struct {
			Records []map[string]any
			Next    string `json:"nextRecordsUrl"`
		}
		must(w.T, json.Unmarshal(resp, &page))
		rows = append(rows, page.Records...)
		if page.Next == "" {
			return rows
		}
		resp = w.do(http.MethodGet, page.Next[strings.Index(page.Next, "/query"):], "")
	}
}

func (w *world) do(method, path, body string) []byte {
	w.Helper()
	req, err := http.NewRequest(method, w.url+"/services/data/v64.0"+path, strings.NewReader(body))
	must(w.T, err)
	req.Header.Set("Authorization", "Bearer "+w.org.Token("admin@example.com"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(w.T, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(w.T, err)
	if resp.StatusCode > 299 {
		w.Fatalf("%s %s: %s %s", method, path, resp.Status, b)
	}
	return b
}

// hangs returns where the org shows each file, by the id of its record: "500…AAA V AllUsers".
// A link that only says whose file it is does not count.
func (w *world) hangs() map[string][]string {
	w.Helper()
	byDocument, out := map[string][]string{}, map[string][]string{}
	for _, l := range w.ask("SELECT ContentDocumentId, LinkedEntityId, ShareType, Visibility FROM ContentDocumentLink") {
		if l["ShareType"] == "I" && strings.HasPrefix(l["LinkedEntityId"].(string), "005") {
			continue
		}
		d := l["ContentDocumentId"].(string)
		byDocument[d] = append(byDocument[d], fmt.Sprint(l["LinkedEntityId"], " ", l["ShareType"], " ", l["Visibility"]))
	}
	for _, v := range w.ask("SELECT Id, ContentDocumentId FROM ContentVersion") {
		if on := byDocument[v["ContentDocumentId"].(string)]; on != nil {
			out[v["Id"].(string)] = slices.Sorted(slices.Values(on))
		}
	}
	for _, a := range w.ask("SELECT Id, ParentId FROM Attachment") {
		out[a["Id"].(string)] = []string{a["ParentId"].(string) + "  "}
	}
	return out
}

// hangsAlike checks that what is on record is where the org shows its files, and that each can
// be found by the record.
func (w *world) hangsAlike() {
	w.Helper()
	want := w.hangs()
	wrong := 0
	on := map[string][]cordon.ID{}
	for id, items := range w.items() {
		for _, it := range items {
			placements, err := w.flow.Placements(w.Context(), it)
			must(w.T, err)
			var got []string
			for _, p := range placements {
				got = append(got, p.Record+" "+p.Share+" "+p.Visibility)
				on[p.Record] = append(on[p.Record], it.ID)
			}
			slices.Sort(got)
			gone := it.Verdict != nil && slices.Contains(it.Verdict.Reasons, cordon.ReasonGone)
			if !slices.Equal(got, want[id]) && !(gone && len(got) == 0) {
				if wrong++; wrong < 10 {
					w.Errorf("%s %s hangs on %q, on record is %q", it.Object, id, want[id], got)
				}
			}
		}
	}
	for _, record := range slices.Sorted(maps.Keys(on))[:min(50, len(on))] {
		value, err := w.flow.RecordValue(w.Context(), clinic, record)
		must(w.T, err)
		found, err := w.db.ItemsLinked(w.Context(), clinic, value, 1_000_000)
		must(w.T, err)
		if len(found) != len(on[record]) {
			w.Errorf("%d items are found on %s, want %d", len(found), record, len(on[record]))
		}
	}
	if wrong > 0 {
		w.Errorf("%d files are not where they hang", wrong)
	}
}

func (w *world) countEntries(kinds ...cordon.EntryKind) (n int) {
	for _, items := range w.items() {
		for _, it := range items {
			for _, k := range kinds {
				n += w.entries(it, k)
			}
		}
	}
	return n
}

// What is linked, shared in another way, moved and taken away is on record at the next poll,
// once, and inspects nothing.
func TestPollLinks(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 41, Files: population(300)})
	p := events.NewPoller(w.polling())
	w.poll(p)
	w.matches(w.truth.Files)
	w.hangsAlike()

	one, two := w.create("Case", `{"Subject":"one"}`), w.create("Case", `{"Subject":"two"}`)
	version, document, err := w.org.Upload("moves.png", []byte("moves"))
	must(t, err)
	second := w.create("ContentVersion", `{"Title":"b","PathOnClient":"b.png","VersionData":"`+base64.StdEncoding.EncodeToString([]byte("two"))+`","ContentDocumentId":"`+document+`"}`)
	attachment := w.create("Attachment", `{"Name":"a.png","ParentId":"`+one+`","Body":"YQ=="}`)
	step := func(what string, inspected, linked int) {
		t.Helper()
		seen := w.poll(p)
		if seen.Observed != inspected || seen.Linked != linked {
			t.Errorf("%s: %+v, want %d inspected, %d linked", what, seen, inspected, linked)
		}
		w.hangsAlike()
		if seen = w.poll(p); seen.Linked != 0 || seen.Observed != 0 {
			t.Errorf("%s, read again: %+v", what, seen)
		}
	}
	step("uploaded", 3, 0)
	link := w.create("ContentDocumentLink", `{"ContentDocumentId":"`+document+`","LinkedEntityId":"`+one+`","ShareType":"V","Visibility":"AllUsers"}`)
	step("linked", 0, 2)
	w.rest(http.MethodPatch, "/sobjects/ContentDocumentLink/"+link, `{"Visibility":"InternalUsers"}`)
	step("seen by others", 0, 2)
	w.create("ContentDocumentLink", `{"ContentDocumentId":"`+document+`","LinkedEntityId":"`+two+`","ShareType":"I"}`)
	w.rest(http.MethodDelete, "/sobjects/ContentDocumentLink/"+link, "")
	step("moved", 0, 2)
	if n := w.entries(w.items()[attachment][0], cordon.EntryLinked); n != 1 {
		t.Errorf("%d entries say where the attachment hangs", n)
	}
	for _, id := range []string{version, second} {
		if l, u := w.entries(w.items()[id][0], cordon.EntryLinked), w.entries(w.items()[id][0], cordon.EntryUnlinked); l != 3 || u != 1 {
			t.Errorf("%d entries say where %s hangs, %d where no more", l, id, u)
		}
	}
	// A new process reads back and says nothing twice.
	before := w.countEntries(cordon.EntryLinked, cordon.EntryUnlinked)
	w.poll(events.NewPoller(w.polling()))
	if after := w.countEntries(cordon.EntryLinked, cordon.EntryUnlinked); after != before {
		t.Errorf("%d entries became %d", before, after)
	}

	// A link that no list ever shows as deleted is missed by the list, and found by comparing.
	again := w.create("ContentDocumentLink", `{"ContentDocumentId":"`+document+`","LinkedEntityId":"`+one+`","ShareType":"V","Visibility":"AllUsers"}`)
	step("linked again", 0, 2)
	w.rest(http.MethodDelete, "/sobjects/ContentDocumentLink/"+again, "")
	w.purge(again)
	if seen := w.poll(p); seen.Linked != 0 {
		t.Errorf("what no list shows: %+v", seen)
	}
	tomorrow := w.polling(func(c *events.PollConfig) { c.Now = func() time.Time { return time.Now().Add(25 * time.Hour) } })
	linked := 0
	for range 3 {
		linked += w.poll(events.NewPoller(tomorrow)).Linked
	}
	if linked != 2 {
		t.Errorf("comparing changed %d items", linked)
	}
	w.hangsAlike()
}

// When two records are merged, the attachments of one hang on the other; nothing else of them
// changes.
func TestPollMerged(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 43, Files: 40})
	p := events.NewPoller(w.polling())
	w.poll(p)
	winner := w.create("Case", `{"Subject":"winner"}`)
	var moved string
	for _, m := range w.truth.Live() {
		if m.Object == "Attachment" {
			moved = m.ID
		}
	}
	after := time.Now().UTC().Format("2006-01-02T15:04:05.000+0000")
	p = events.NewPoller(w.polling(func(c *events.PollConfig) {
		c.Source = rewritten{w.client, func(r map[string]any) {
			if r["Id"] == moved {
				r["ParentId"], r["SystemModstamp"] = winner, after
			}
		}}
	}))
	for range 2 {
		w.poll(p)
	}
	it := w.items()[moved]
	if len(it) != 1 {
		t.Fatalf("%d items", len(it))
	}
	on, err := w.flow.Placements(t.Context(), it[0])
	if err != nil || len(on) != 1 || on[0].Record != winner || w.entries(it[0], cordon.EntryLinked) != 2 || w.entries(it[0], cordon.EntryObserved) != 1 {
		t.Errorf("hangs on %v, %v", on, err)
	}
}

// rewritten is an org whose lists say something else.
type rewritten struct {
	*salesforce.Client
	edit func(map[string]any)
}

func (r rewritten) QueryAll(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	return r.Client.QueryAll(ctx, soql, func(record json.RawMessage) error {
		var m map[string]any
		if err := json.Unmarshal(record, &m); err != nil {
			return err
		}
		r.edit(m)
		b, err := json.Marshal(m)
		return errors.Join(err, each(b))
	})
}

func (w *world) create(object, fields string) string {
	w.Helper()
	var out struct{ ID string }
	must(w.T, json.Unmarshal(w.do(http.MethodPost, "/sobjects/"+object, fields), &out))
	return out.ID
}

// purge takes a record out of the recycle bin, for good.
func (w *world) purge(id string) {
	w.Helper()
	envelope := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:partner.soap.sforce.com"><e:Header><u:SessionHeader><u:sessionId>` +
		w.org.Token("admin@example.com") + `</u:sessionId></u:SessionHeader></e:Header><e:Body><u:emptyRecycleBin><u:ids>` + id + `</u:ids></u:emptyRecycleBin></e:Body></e:Envelope>`
	req, err := http.NewRequest(http.MethodPost, w.url+"/services/Soap/u/64.0", strings.NewReader(envelope))
	must(w.T, err)
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("SOAPAction", `""`)
	resp, err := http.DefaultClient.Do(req)
	must(w.T, err)
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !bytes.Contains(b, []byte("<success>true</success>")) {
		w.Fatalf("empty the recycle bin: %s %s", resp.Status, b)
	}
}

// Where the org lists links of named documents only, those of new files are asked for at once
// and all others round after round.
func TestPollLinksByDocument(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 42, Files: 700})
	first := w.poll(events.NewPoller(w.polling()))
	w.hangsAlike()
	if first.Linked == 0 {
		t.Fatal("no file hangs anywhere")
	}
	narrow := &narrowed{w.client}
	p := events.NewPoller(w.polling(func(c *events.PollConfig) { c.Source = narrow }))
	rounds := func() (linked int) {
		for range 10 {
			linked += w.poll(p).Linked
		}
		return linked
	}
	if n := rounds(); n != 0 {
		t.Errorf("comparing what agrees changed %d items", n)
	}
	kase := w.create("Case", `{"Subject":"one"}`)
	_, document, err := w.org.Upload("new.png", []byte("new"))
	must(t, err)
	link := w.create("ContentDocumentLink", `{"ContentDocumentId":"`+document+`","LinkedEntityId":"`+kase+`","ShareType":"V"}`)
	if seen := w.poll(p); seen.Observed != 1 || seen.Linked != 1 {
		t.Errorf("a new file: %+v", seen)
	}
	w.rest(http.MethodDelete, "/sobjects/ContentDocumentLink/"+link, "")
	var old string
	for _, m := range w.truth.Live() {
		if m.Object == "ContentVersion" && m.Latest {
			old = m.DocumentID
		}
	}
	w.create("ContentDocumentLink", `{"ContentDocumentId":"`+old+`","LinkedEntityId":"`+kase+`","ShareType":"V"}`)
	if n := rounds(); n < 2 {
		t.Errorf("comparing changed %d items", n)
	}
	w.hangsAlike()
}
