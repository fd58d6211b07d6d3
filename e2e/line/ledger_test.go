package line_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// oneOf is a fact whose value is on a list.
func oneOf[T ~string](list ...T) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		return ok && slices.Contains(list, T(s))
	}
}

func listOf(each func(any) bool) func(any) bool {
	return func(v any) bool {
		l, ok := v.([]string)
		return ok && !slices.ContainsFunc(l, func(s string) bool { return !each(s) })
	}
}

func like(pattern string) func(any) bool {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(v any) bool {
		s, ok := v.(string)
		return ok && re.MatchString(s)
	}
}

// always is what entries of every kind may say: which version was made, and which effects were done
// with it.
var always = map[string]func(any) bool{
	cordon.FactVersion: func(v any) bool { return like(`[1-9][0-9]{0,8}`)(fmt.Sprint(v)) },
	cordon.FactDone:    listOf(like(`eff_[0-9a-z]{26}`)),
}

// facts is everything else that they may say: by kind, by name, which values.
var facts = func() map[cordon.EntryKind]map[string]func(any) bool {
	outcome := oneOf(cordon.Synthetic, cordon.Altered, cordon.NoSign, cordon.CannotTell, cordon.NotTested)
	action := oneOf(cordon.Pass, cordon.Watch, cordon.Hold, cordon.Page)
	reasons := listOf(oneOf(cordon.Reasons()...))
	mediaType := like(`[a-z]+/[a-z0-9.+-]+`)
	seen := map[string]func(any) bool{
		"outcome": outcome, "action": action, "reasons": reasons, "policy": like(`default@[0-9a-f]{12}`), "media_type": mediaType,
		"detectors": listOf(like(`[a-z0-9-]+@[0-9a-z.+]+:(found|none|not-applicable|failed):[a-z0-9-]*`)),
	}
	late := maps.Clone(seen)
	late["ended"] = oneOf("looked", "given-up")
	review := map[string]func(any) bool{"review": oneOf(cordon.Genuine, cordon.LawfulSynthetic, cordon.Harmful)}
	cause := like(`[a-z-]{1,40}|crm:[A-Z0-9_]{1,64}`)
	why := map[string]func(any) bool{"why": like(`[a-z-]{1,40}`), "cause": cause}
	returned := map[string]func(any) bool{"why": why["why"], "cause": cause, "reasons": reasons}
	return map[cordon.EntryKind]map[string]func(any) bool{
		cordon.EntryReceived: {
			"commitment": like(`[0-9a-f]{64}`), "route": oneOf("portal", "unknown"), "channel": oneOf(cordon.ChannelPortal, cordon.ChannelAPI),
			"mode": oneOf(cordon.ModeInline), "class": oneOf(cordon.ClassOther), "media_type": mediaType,
			"op":     oneOf(cordon.OpCreate, cordon.OpUpdate, cordon.OpNewVersion, cordon.OpAsk),
			"object": oneOf("ContentVersion", "Attachment", "Document"),
		},
		cordon.EntryInspected: seen,
		cordon.EntryRescanned: seen,
		cordon.EntryLate:      late,
		cordon.EntryHeld:      {"outcome": outcome, "action": action, "reasons": reasons, "cause": cause},
		cordon.EntryStaged:    {},
		cordon.EntryReleased:  review,
		cordon.EntryRejected:  review,
		cordon.EntryForward:   {},
		cordon.EntryDelivered: why,
		cordon.EntryRefused:   why,
		cordon.EntryUnsettled: why,
		cordon.EntryReturned:  returned,
		cordon.EntryKept:      {},
		cordon.EntryShredded:  {},
		cordon.EntryTold:      {"state": oneOf(cordon.States()...)},
		cordon.EntryViewed:    {},
		cordon.EntryRepeated:  {},
		cordon.EntryTurned:    {},
		cordon.EntryAbandoned: {},
		cordon.EntrySettled:   {},
		cordon.EntryGaveUp:    {"owed": like(`[a-z-]{1,40}`), "cause": cause},
		cordon.EntryOwedAgain: {"owed": like(`[a-z-]{1,40}`)},
	}
}()

// mixedDay is a bit of everything, with names in every place that takes one. It returns what
// must not be found in the ledger.
func mixedDay(w *world) (secrets []string) {
	t := w.T
	p := e2e.Furnish(t, w.Org, w.OrgURL)
	var files [][]byte
	unique := func(b []byte, mark string) []byte {
		f := append(bytes.Clone(b), mark...)
		files = append(files, f)
		return f
	}
	up := func(title string, data []byte) e2e.Answer {
		a, err := w.UploadMultipart(title, "erika-mustermann.jpg", data)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for i := range 4 {
		up("Erika Mustermann MRI", unique(e2e.Media.Camera.Bytes, fmt.Sprint("photo", i)))
	}
	for _, s := range e2e.Media.All() {
		up("Erika Mustermann "+s.Name, unique(s.Bytes, "!"))
	}
	held := up("Erika Mustermann ID", unique(e2e.Media.Generated.Bytes, "id"))
	up("Erika Mustermann ID", files[len(files)-1]) // again
	w.API("POST", "/v1/items/"+held.Receipt+"/release", map[string]string{"reason": "lawful-synthetic", "note": "Erika Mustermann signed for it"}, nil)
	kept := w.hold("POST", e2e.DataPath+"/sobjects/Attachment", `{"ParentId":"`+p.CaseID+`","Name":"erika.jpg","Body":"`+base64.StdEncoding.EncodeToString(unique(e2e.Media.Generated.Bytes, "attached"))+`"}`)
	w.API("POST", "/v1/items/"+kept+"/reject", map[string]string{"reason": "harmful", "note": "Erika Mustermann says it is not hers"}, nil)
	stays := w.hold("PATCH", e2e.DataPath+"/sobjects/Attachment/"+p.Attachment, `{"Body":"`+base64.StdEncoding.EncodeToString(unique(e2e.Media.Generated.Bytes, "gone"))+`"}`)
	w.ask(bytes.NewReader(unique(e2e.Media.Camera.Bytes, "asked")), "Content-Disposition", `attachment; filename="erika-mustermann.jpg"`, "User-Agent", "Mustermann/1.0")
	for _, f := range []sim.Fault{
		{Method: "POST", Object: "ContentVersion", Status: 400},
		{Method: "POST", Object: "ContentVersion", Status: 503},
		{Verb: sim.LoseAnswer, Method: "POST", Object: "ContentVersion"},
		{Verb: sim.Cut, Method: "POST", Object: "ContentVersion"},
	} {
		file := unique(e2e.Media.Camera.Bytes, string(f.Verb)+fmt.Sprint(f.Status))
		w.Org.Fail(f)
		w.Until("the write to be tried", func() bool {
			a := up("Erika Mustermann again", file)
			return a.Receipt != "" && w.Item(a.Receipt).State != cordon.Erased // turned away: no time to look at it
		})
		w.Org.Heal()
	}
	caller := w.Caller
	w.Org.Deactivate("demo@example.com")
	w.release(stays)
	w.Until("the day to end", func() bool { return len(w.Items("received,inspected,released,forwarding")) == 0 })

	for _, f := range files {
		d := sha256.Sum256(f)
		secrets = append(secrets, hex.EncodeToString(d[:]), base64.StdEncoding.EncodeToString(d[:]), base64.RawURLEncoding.EncodeToString(d[:]),
			fmt.Sprint(len(f)), hex.EncodeToString(d[:8]))
	}
	for _, f := range w.Org.Files() {
		secrets = append(secrets, f.ID, f.ID[:15], f.OwnerID[:15])
		if f.DocumentID != "" {
			secrets = append(secrets, f.DocumentID[:15])
		}
	}
	for _, user := range []string{"demo@example.com", "cordon@example.com"} {
		secrets = append(secrets, user, w.Org.UserID(user))
	}
	return append(secrets, "Erika", "erika", "Mustermann", "mustermann", "reviewer", "127.0.0.1", "localhost", caller, w.Token,
		w.Org.OrgID(), p.CaseID[:15], p.Attachment[:15], "photo.jpg", "Northlight", "image.jpg")
}

// TestEveryLeaf reads the log itself after a mixed day: nothing but what the documented list
// permits, nothing that names anybody, and every checkpoint fits.
func TestEveryLeaf(t *testing.T) {
	w := newWorld(t)
	secrets := mixedDay(w)
	db := w.Records()
	ctx := context.Background()
	verifier, err := note.NewVerifier(w.vkey())
	if err != nil {
		t.Fatal(err)
	}
	w.Until("every entry to have its place", func() bool {
		p, err := db.Pending(ctx, "clinic", 1)
		return err == nil && len(p) == 0
	})
	var log ledger.Reader = db
	head, err := log.Head(ctx, "clinic")
	if err != nil || head.Size < 60 {
		t.Fatalf("%v: a day of %d entries", err, head.Size)
	}
	leaves, err := log.LeafEntries(ctx, "clinic", 0, head.Size)
	if err != nil || int64(len(leaves)) != head.Size {
		t.Fatalf("%v: %d leaves of %d", err, len(leaves), head.Size)
	}
	kinds := map[cordon.EntryKind]int{}
	people := map[cordon.Actor]bool{}
	for i, leaf := range leaves {
		e, err := cordon.ParseEntry(leaf)
		if err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		kinds[e.Kind]++
		people[e.Actor] = true
		may, known := facts[e.Kind]
		if !known {
			t.Errorf("leaf %d is of a kind that is not on the list: %s", i, leaf)
		}
		for name, value := range e.Facts {
			if check := always[name]; check != nil && check(value) {
				continue
			}
			if check := may[name]; check == nil || !check(value) {
				t.Errorf("leaf %d says %s = %v, which is not on the list: %s", i, name, value, leaf)
			}
		}
		// What Cordon makes up itself is random and may hold any digits by chance.
		text := leaf
		for _, own := range []string{string(e.ID), string(e.Of.ID), string(e.Actor.ID)} {
			text = bytes.ReplaceAll(text, []byte(own), []byte("_"))
		}
		if c, ok := e.Facts["commitment"].(string); ok {
			text = bytes.ReplaceAll(text, []byte(c), []byte("_"))
		}
		text = regexp.MustCompile(`"at":"[^"]*"`).ReplaceAll(text, nil)
		for _, s := range secrets {
			if s != "" && bytes.Contains(text, []byte(s)) {
				t.Errorf("leaf %d holds %q: %s", i, s, leaf)
			}
		}
	}
	for _, k := range []cordon.EntryKind{cordon.EntryReceived, cordon.EntryInspected, cordon.EntryHeld, cordon.EntryReleased, cordon.EntryRejected,
		cordon.EntryForward, cordon.EntryDelivered, cordon.EntryRefused, cordon.EntryUnsettled, cordon.EntryKept, cordon.EntryShredded, cordon.EntryRepeated} {
		if kinds[k] == 0 {
			t.Errorf("the day has no %s", k)
		}
	}
	if len(people) < 2 {
		t.Errorf("actors %v", people)
	}
	if rep, err := ledger.CheckLedger(ctx, log, "clinic", verifier); err != nil || rep.Entries != head.Size {
		t.Errorf("check: %v %+v", err, rep)
	}

	// Each item's entries stand in the order in which they happened.
	order := map[cordon.Ref][]cordon.EntryKind{}
	for _, leaf := range leaves {
		e, _ := cordon.ParseEntry(leaf)
		order[e.Of] = append(order[e.Of], e.Kind)
	}
	for ref, list := range order {
		if list[0] != cordon.EntryReceived || slices.Index(list, cordon.EntryForward) > 0 && !slices.Contains(list[:slices.Index(list, cordon.EntryForward)], cordon.EntryInspected) {
			t.Errorf("%s: %v", ref, list)
		}
	}
	if len(order) != len(w.Items("")) {
		t.Errorf("entries of %d items, and there are %d", len(order), len(w.Items("")))
	}
}

// TestVerifyWhileRunning verifies twice beside the working gateway, with traffic in between
// and meanwhile, and once after it stopped.
func TestVerifyWhileRunning(t *testing.T) {
	w := newWorld(t)
	verify := func() app.LedgerReport {
		t.Helper()
		reports, err := app.Verification{Path: w.Conf.Data, Keys: w.Conf.Keys}.Run(t.Context())
		if err != nil || len(reports) != 1 || reports[0].Problem != "" || !reports[0].Trusted {
			t.Fatalf("ledger verify: %v %+v", err, reports)
		}
		return reports[0]
	}
	up := func(i int) {
		if a, err := w.UploadMultipart("p", "p.jpg", append(bytes.Clone(e2e.Media.Camera.Bytes), fmt.Sprint(i)...)); err != nil || a.Status != http.StatusCreated {
			t.Errorf("upload: %v %d %s", err, a.Status, a.Body)
		}
	}
	up(0)
	w.Until("a first checkpoint", func() bool { return w.API("GET", "/v1/ledger/checkpoint", nil, nil) == http.StatusOK })
	first := verify()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20 {
			up(i + 1)
		}
	}()
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
			verify()
		}
	}
	w.Stop()
	last := verify()
	if last.Entries <= first.Entries || last.Checkpoints <= first.Checkpoints || last.First != first.First {
		t.Errorf("first %+v, last %+v", first, last)
	}
	var note []byte
	w.Start()
	if s := w.API("GET", "/v1/ledger/checkpoint", nil, &note); s != http.StatusOK || !strings.HasPrefix(string(note), "cordon/clinic\n") {
		t.Errorf("checkpoint: %d %s", s, note)
	}
	if json.Valid(note) {
		t.Errorf("a checkpoint is a signed note: %s", note)
	}
}
