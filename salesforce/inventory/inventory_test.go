package inventory_test

import (
	"cmp"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/inventory"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// world is an org with a past, and a client of it.
type world struct {
	*testing.T
	org    *sim.Org
	truth  sim.Truth
	client *salesforce.Client
}

func newWorld(t *testing.T, p sim.Population, change func(*sim.Config)) *world {
	t.Helper()
	conf := sim.Demo()
	conf.APILimit = 1 << 30
	conf.Users = append(conf.Users, sim.User{Username: "cordon@example.com", FirstName: "Cordon", LastName: "Service",
		Profile: sim.Profile{Name: "Cordon", Default: sim.Access{Read: true, ViewAll: true}, ViewAllData: true, QueryAllFiles: true}})
	conf.Clients = append(conf.Clients, sim.Client{ID: "cordon", Secret: "own-secret", RunAs: "cordon@example.com"})
	if change != nil {
		change(&conf)
	}
	w := &world{T: t, org: sim.NewOrg(conf)}
	server := httptest.NewServer(w.org.Handler())
	t.Cleanup(func() { server.Close(); w.org.Close() })
	var err error
	if w.truth, err = sim.Generate(w.org, p); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("own-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	org, _ := url.Parse(server.URL)
	if w.client, err = salesforce.NewClient(salesforce.Config{Org: org, ClientID: "cordon", SecretFile: secret}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) config() inventory.Config {
	return inventory.Config{Source: w.client, Integrations: []string{w.org.UserID("demo@example.com")}, Backoff: time.Millisecond}
}

// want is the truth in the form of an inventory, added up from what the generator wrote down.
type want struct {
	Files     int
	Bytes     int64
	Objects   map[string][4]int64 // files, bytes, deleted files and bytes
	Channels  map[string][2]int64
	Months    map[string][2]int64
	Creators  map[string][2]int64
	UserTypes map[string][2]int64
	Parents   map[string][2]int64
	Types     map[string][2]int64
	Sizes     map[string][2]int64
	Versions  map[int]int
}

func newWant() want {
	two := func() map[string][2]int64 { return map[string][2]int64{} }
	return want{Objects: map[string][4]int64{}, Channels: two(), Months: two(), Creators: two(), UserTypes: two(), Parents: two(), Types: two(), Sizes: two(), Versions: map[int]int{}}
}

var prefixes = map[string]string{"500": "Case", "02s": "EmailMessage", "005": "User"}

func wanted(truth sim.Truth) want {
	w := newWant()
	versions := map[string]int{}
	for _, m := range truth.Files {
		o := w.Objects[m.Object]
		if m.Deleted {
			o[2]++
			o[3] += m.Size
			w.Objects[m.Object] = o
			continue
		}
		o[0]++
		o[1] += m.Size
		w.Objects[m.Object] = o
		w.Files++
		w.Bytes += m.Size
		add := func(to map[string][2]int64, name string) {
			to[name] = [2]int64{to[name][0] + 1, to[name][1] + m.Size}
		}
		add(w.Channels, m.Channel)
		add(w.Months, m.CreatedAt.UTC().Format("2006-01")+" "+m.Channel)
		add(w.Creators, m.CreatedBy)
		add(w.UserTypes, map[bool]string{true: "Guest", false: "Standard"}[m.CreatedBy == truth.GuestID])
		parent := "none"
		if m.Object != "Document" && m.ParentID != "" {
			parent = prefixes[m.ParentID[:3]]
		}
		add(w.Parents, parent)
		extension := strings.ToLower(strings.TrimPrefix(path.Ext(cmp.Or(m.Path, m.Name)), "."))
		switch m.Object {
		case "Attachment":
			extension = map[string]string{"jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf"}[extension]
		case "Document": // Type is what the generator gave, and what it gave none has a name without one
			if len(extension) > 4 || strings.ContainsAny(extension, " 0123456789") && extension != "mp4" {
				extension = ""
			}
		}
		add(w.Types, cmp.Or(extension, "none"))
		add(w.Sizes, sizeClass(m.Size))
		if m.Object == "ContentVersion" {
			versions[m.DocumentID]++
		}
	}
	for _, n := range versions {
		w.Versions[n]++
	}
	return w
}

func sizeClass(n int64) string {
	switch {
	case n == 0:
		return "empty"
	case n < 1e4:
		return "up to 10 kB"
	case n < 1e5:
		return "10 kB to 100 kB"
	case n < 1e6:
		return "100 kB to 1 MB"
	case n < 1e7:
		return "1 MB to 10 MB"
	case n < 1e8:
		return "10 MB to 100 MB"
	}
	return "over 100 MB"
}

// told is an inventory in the form of the truth.
func told(inv desk.Inventory) want {
	w := newWant()
	w.Files, w.Bytes = inv.Files, inv.Bytes
	for _, o := range inv.Objects {
		w.Objects[o.Name] = [4]int64{int64(o.Files), o.Bytes, int64(o.Deleted), o.DeletedBytes}
	}
	for _, m := range inv.Months {
		w.Months[m.Month+" "+string(m.Channel)] = [2]int64{int64(m.Files), m.Bytes}
	}
	for into, parts := range map[*map[string][2]int64][]desk.InventoryPart{&w.Channels: inv.Channels, &w.Creators: inv.Creators,
		&w.UserTypes: inv.CreatorTypes, &w.Parents: inv.Parents, &w.Types: inv.Types, &w.Sizes: inv.Sizes} {
		for _, p := range parts {
			if p.Files > 0 {
				(*into)[p.Name] = [2]int64{int64(p.Files), p.Bytes}
			}
		}
	}
	for _, d := range inv.Versions {
		w.Versions[d.Versions] = d.Documents
	}
	return w
}

// matches holds an inventory against the truth, part by part.
func (w *world) matches(inv desk.Inventory) {
	w.Helper()
	got, want := told(inv), wanted(w.truth)
	if len(want.Types) > 30 { // the rarest are added up
		rest := [2]int64{}
		names := slices.SortedFunc(maps.Keys(want.Types), func(a, b string) int {
			return cmp.Or(cmp.Compare(want.Types[b][0], want.Types[a][0]), cmp.Compare(a, b))
		})
		for _, name := range names[30:] {
			rest[0] += want.Types[name][0]
			rest[1] += want.Types[name][1]
			delete(want.Types, name)
		}
		want.Types["others"] = rest
	}
	g, t := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), t.Field(i).Interface()) {
			w.Errorf("%s\n got: %v\nwant: %v", g.Type().Field(i).Name, g.Field(i), t.Field(i))
		}
	}
	if inv.Changed {
		w.Error("it says that the org changed, and it did not")
	}
	for _, q := range inv.Questions {
		if !q.Answered && q.Why == "" {
			w.Errorf("%s was not answered and nobody says why", q.Asked)
		}
	}
}

// population is n, or as many as CORDON_POPULATION says.
func population(n int) int {
	if many, err := strconv.Atoi(os.Getenv("CORDON_POPULATION")); err == nil {
		return many
	}
	return n
}

// mostCalls bounds what an inventory may cost an org of any size with up to 2 000 groups.
const mostCalls = 60

// What is counted is the generator's own truth, and it costs a few dozen calls by the org's own
// count. CORDON_POPULATION=100000 is the size that the figure is stated for.
func TestInventoryIsTheTruth(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 11, Files: population(10_000), Huge: 1}, nil)
	before := len(w.org.Log())
	began := time.Now()
	inv, err := inventory.Take(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, line := range w.org.Log()[before:] {
		if strings.HasPrefix(line.Path, "/services/data/") {
			calls++
		}
	}
	t.Logf("%d files in %v, %d calls", inv.Files, time.Since(began).Round(time.Millisecond), calls)
	w.matches(inv)
	if calls > mostCalls || int64(calls) != inv.Calls {
		t.Errorf("it made %d calls and says %d; at most %d are to be needed", calls, inv.Calls, mostCalls)
	}
}
