package events_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/store"
)

const clinic = cordon.TenantID("clinic")

// world is an org with a past, and a store that has seen nothing of it.
type world struct {
	*testing.T
	org    *sim.Org
	truth  sim.Truth
	client *salesforce.Client
	db     *store.DB
	flow   *flow.Flow
	bytes  *bag
	url    string
	master string // file of the master key
}

// rest changes the org as its administrator.
func (w *world) rest(method, path, body string) {
	w.Helper()
	req, err := http.NewRequest(method, w.url+"/services/data/v64.0"+path, strings.NewReader(body))
	must(w.T, err)
	req.Header.Set("Authorization", "Bearer "+w.org.Token("admin@example.com"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(w.T, err)
	resp.Body.Close()
	if resp.StatusCode > 299 {
		w.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

func newWorld(t *testing.T, p sim.Population) *world {
	t.Helper()
	return newWorldAt(t, p, time.Now)
}

// newWorldAt is newWorld with a clock for the org.
func newWorldAt(t *testing.T, p sim.Population, now func() time.Time) *world {
	t.Helper()
	return newWorldOn(t, p, embedded(t), func(c *sim.Config) { c.Now = now })
}

// embedded is where the records of a world are by default.
func embedded(t *testing.T) store.Config {
	return store.Config{Path: filepath.Join(t.TempDir(), "cordon.db"), Log: quiet}
}

// newWorldWith is newWorld with an org of another kind.
func newWorldWith(t *testing.T, p sim.Population, edit func(*sim.Config)) *world {
	t.Helper()
	return newWorldOn(t, p, embedded(t), edit)
}

// newWorldOn is newWorldWith with the records somewhere.
func newWorldOn(t *testing.T, p sim.Population, records store.Config, edit func(*sim.Config)) *world {
	t.Helper()
	conf := sim.Demo()
	conf.APILimit = 1 << 30
	edit(&conf)
	full := sim.Access{Read: true, ViewAll: true}
	conf.Users = append(conf.Users, sim.User{Username: "cordon@example.com", FirstName: "Cordon", LastName: "Service",
		Profile: sim.Profile{Name: "Cordon", Default: full, ViewAllData: true, QueryAllFiles: true}})
	conf.Clients = append(conf.Clients, sim.Client{ID: "cordon", Secret: "own-secret", RunAs: "cordon@example.com"})
	w := &world{T: t, org: sim.NewOrg(conf), bytes: &bag{b: map[cordon.BlobRef][]byte{}}}
	server := httptest.NewServer(w.org.Handler())
	t.Cleanup(func() { server.Close(); w.org.Close() })

	began := time.Now()
	var err error
	if w.truth, err = sim.Generate(w.org, p); err != nil {
		t.Fatal(err)
	}
	t.Logf("generated %d files, %d bytes, in %v", len(w.truth.Files), w.truth.Bytes, time.Since(began))

	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("own-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.url = server.URL
	org, _ := url.Parse(server.URL)
	if w.client, err = salesforce.NewClient(salesforce.Config{Org: org, ClientID: "cordon", SecretFile: secret}); err != nil {
		t.Fatal(err)
	}
	w.master = filepath.Join(dir, "master.key")
	if err := keyring.Create(w.master); err != nil {
		t.Fatal(err)
	}
	w.db, w.flow = w.node(records)
	return w
}

// node is a process on the same records and keys.
func (w *world) node(records store.Config) (*store.DB, *flow.Flow) {
	w.Helper()
	db, err := store.Open(w.Context(), records)
	must(w.T, err)
	w.Cleanup(func() { db.Close() })
	must(w.T, db.Migrate(w.Context()))
	ring, err := keyring.Open(w.master, db)
	must(w.T, err)
	return db, flow.New(flow.Config{Store: db, Blobs: w.bytes, Keys: ring, Examiner: eye{}, Policy: func(cordon.TenantID) flow.Policy { return rule{} }, Log: quiet})
}

var quiet = slog.New(slog.DiscardHandler)

// population is n, or as many as CORDON_POPULATION says.
func population(n int) int {
	if many, err := strconv.Atoi(os.Getenv("CORDON_POPULATION")); err == nil {
		return many
	}
	return n
}

func (w *world) config() events.Config {
	return events.Config{Tenant: clinic, Source: w.client, Line: w.flow, Things: w.db, Backoff: time.Millisecond, Log: quiet,
		Integrations: []string{w.org.UserID("demo@example.com")}}
}

// items returns what is on record, by the id in the CRM. One record with two items is an
// error unless the caller expects it.
func (w *world) items() map[string][]cordon.Item {
	w.Helper()
	out := map[string][]cordon.Item{}
	after := cordon.ID("")
	for {
		page, err := w.db.Items(w.Context(), clinic, store.ItemQuery{Oldest: true, After: after, Limit: 1000})
		if err != nil {
			w.Fatal(err)
		}
		for _, it := range page {
			out[it.UpstreamID] = append(out[it.UpstreamID], it)
			after = it.ID
		}
		if len(page) < 1000 {
			return out
		}
	}
}

// matches checks that what is on record is the truth, neither more nor less.
func (w *world) matches(want []sim.Made) {
	w.Helper()
	items := w.items()
	wrong := 0
	fail := func(format string, args ...any) {
		w.Helper()
		if wrong++; wrong <= 10 {
			w.Errorf(format, args...)
		}
	}
	for _, m := range want {
		got := items[m.ID]
		delete(items, m.ID)
		if len(got) != 1 {
			fail("%s %s (%s) was observed %d times", m.Object, m.ID, m.Name, len(got))
			continue
		}
		it := got[0]
		gone := it.Verdict != nil && slices.Contains(it.Verdict.Reasons, cordon.ReasonGone)
		if it.State != cordon.Kept || it.Verdict == nil || it.Object != m.Object || it.DocumentID != m.DocumentID || it.Size != m.Size || it.Blob != "" {
			fail("%s %s is on record as %+v", m.Object, m.ID, it)
		}
		if string(it.Channel) != m.Channel {
			fail("%s %s came by %s, on record is %s", m.Object, m.ID, m.Channel, it.Channel)
		}
		if gone != m.Deleted {
			fail("%s %s: deleted %v, on record gone %v", m.Object, m.ID, m.Deleted, gone)
		}
		if gone || wrong > 0 || len(m.ID)%7 != 4 {
			continue // the digests of a sample are enough
		}
		p, err := w.flow.Personal(w.Context(), it)
		if err != nil || p.SHA256 != hex.EncodeToString(m.SHA256[:]) {
			fail("%s %s: digest %s, %v", m.Object, m.ID, p.SHA256, err)
		}
	}
	for id := range items {
		fail("%s was observed and is not in the truth", id)
	}
	if wrong > 10 {
		w.Errorf("and %d more", wrong-10)
	}
	if n := w.bytes.len(); n > 0 {
		w.Errorf("%d blobs stayed", n)
	}
}

// downloads counts the files that the org says it has given out, by record.
func (w *world) downloads() (byID map[string]int, queries, all int) {
	byID = map[string]int{}
	for _, line := range w.org.Log() {
		if !strings.HasPrefix(line.Path, "/services/data/") {
			continue
		}
		all++
		if p := strings.Split(line.Path, "/"); strings.Contains(line.Path, "/sobjects/") && len(p) > 6 {
			byID[p[6]]++
		} else if strings.Contains(line.Path, "/query") {
			queries++
		}
	}
	return byID, queries, all
}

// eye reads everything and finds a sign in one file of sixteen.
type eye struct{}

// Nobody waits for what the CRM has already, so that no place is ever asked for.
func (eye) Keep(cordon.TenantID, string) (flow.Place, error) {
	return nil, errors.New("nobody waits here")
}

func (eye) Examine(_ context.Context, c cordon.Content, _ flow.Hint) (flow.Look, []cordon.Finding, error) {
	h := sha256.New()
	_, err := io.Copy(h, c.NewReader())
	f := cordon.Finding{Detector: "eye", Version: "1", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	switch {
	case err != nil:
		f.Status, f.Label = cordon.StatusFailed, cordon.LabelUnreadable
	case h.Sum(nil)[0] < 16:
		f.Status, f.Label = cordon.StatusFound, cordon.LabelGeneratorMark
	}
	return flow.Look{MediaType: "image/png", Modality: cordon.Image}, []cordon.Finding{f}, nil
}

// Nothing is late where nobody waits.
func (eye) Late(cordon.TenantID, string) bool                                       { return false }
func (eye) ExamineLate(context.Context, cordon.Content, flow.Hint) []cordon.Finding { return nil }

func (eye) Sniff([]byte) string { return "image/png" }
func (eye) Preview(context.Context, cordon.Content) ([]byte, string, error) {
	return nil, "", errors.New("no preview")
}

type rule struct{}

func (rule) Decide(_ cordon.Item, found []cordon.Finding) cordon.Verdict {
	v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{}, Policy: "test@000000000000"}
	for _, f := range found {
		if f.Label == cordon.LabelGeneratorMark {
			v.Outcome, v.Action, v.Reasons = cordon.Synthetic, cordon.Hold, append(v.Reasons, cordon.ReasonGeneratorMark)
		}
	}
	return v
}

// bag is a flow.Blobs in memory.
type bag struct {
	mu sync.Mutex
	b  map[cordon.BlobRef][]byte
}

func (b *bag) Put(_ context.Context, _ cordon.DataKey, r flow.Reader) (cordon.BlobRef, [32]byte, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", [32]byte{}, 0, err
	}
	ref := cordon.BlobRef(cordon.NewID(cordon.PrefixBlob))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b[ref] = data
	return ref, sha256.Sum256(data), int64(len(data)), nil
}

func (b *bag) Open(_ context.Context, _ cordon.DataKey, ref cordon.BlobRef) (flow.Content, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return opened{bytes.NewReader(b.b[ref])}, nil
}

func (b *bag) Delete(_ context.Context, ref cordon.BlobRef) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.b, ref)
	return nil
}

func (b *bag) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.b)
}

type opened struct{ *bytes.Reader }

func (opened) Close() error           { return nil }
func (o opened) NewReader() io.Reader { return io.NewSectionReader(o.Reader, 0, o.Size()) }

// mortal is a line whose process dies: after some calls everything fails, and the commit
// under way may or may not have happened.
type mortal struct {
	events.Line
	left     atomic.Int64
	persists bool
}

var errDied = errors.New("the process has ended")

func (m *mortal) Sight(ctx context.Context, o cordon.Observation, open func() (io.ReadCloser, error)) (cordon.Sighting, error) {
	if m.left.Add(-1) < 0 {
		return cordon.Sighting{}, errDied
	}
	return m.Line.Sight(ctx, o, open)
}

func (m *mortal) Note(ctx context.Context, s []cordon.Sighting, more ...cordon.Change) error {
	if m.left.Add(-1) >= 0 {
		return m.Line.Note(ctx, s, more...)
	}
	if m.persists {
		return errors.Join(errDied, m.Line.Note(ctx, s, more...))
	}
	return errDied
}

// rates logs what a run cost.
func (w *world) rates(what string, seen events.Seen, took time.Duration) {
	w.Helper()
	n := float64(max(1, seen.Observed))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Logf("%s: %+v in %v: %.0f files/s, %.1f calls per 1 000 files, heap %d MB", what, seen, took.Round(time.Millisecond),
		n/took.Seconds(), 1000*float64(seen.Calls)/n, m.HeapInuse>>20)
}

// narrowed is an org seen by somebody without Query All Files: it lists links of named
// documents only.
type narrowed struct{ *salesforce.Client }

func (n *narrowed) refuses(soql string) error {
	if !strings.Contains(soql, "FROM ContentDocumentLink") || strings.Contains(soql, "ContentDocumentId IN") {
		return nil
	}
	return &salesforce.Problem{Status: http.StatusBadRequest, Errors: []salesforce.Error{{ErrorCode: "MALFORMED_QUERY",
		Message: "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN operator."}}}
}

func (n *narrowed) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	if err := n.refuses(soql); err != nil {
		return err
	}
	return n.Client.Query(ctx, soql, each)
}

func (n *narrowed) QueryAll(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	if err := n.refuses(soql); err != nil {
		return err
	}
	return n.Client.QueryAll(ctx, soql, each)
}
