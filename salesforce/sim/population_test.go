package sim_test

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// populated is an org with many files: 5 000, or as many as CORDON_POPULATION says.
func populated(t *testing.T, p sim.Population) (*desk, sim.Truth) {
	t.Helper()
	conf := sim.Demo()
	conf.APILimit = 1 << 30
	d := open(t, conf)
	if p.Files == 0 {
		p.Files = 5000
		if n, err := strconv.Atoi(os.Getenv("CORDON_POPULATION")); err == nil {
			p.Files = n
		}
	}
	began := time.Now()
	truth, err := sim.Generate(d.org, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d bytes in %v", len(truth.Files), truth.Bytes, time.Since(began))
	return d, truth
}

// What the generator wrote down is what the org holds.
func TestGenerateTellsTheTruth(t *testing.T) {
	d, truth := populated(t, sim.Population{Seed: 1})
	want := []sim.File{}
	seen := map[string]int{}
	for _, m := range truth.Files {
		want = append(want, m.File)
		seen[m.Channel]++
		seen[m.Object]++
		if m.Version > 1 {
			seen["version"]++
		}
		if m.Deleted {
			seen["deleted"]++
		}
		if m.Restored {
			seen["restored"]++
		}
		if m.Size == 0 {
			seen["empty"]++
		}
		if m.Size > 1<<20 {
			seen["large"]++
		}
	}
	for _, what := range []string{"api", "ui", "email", "portal", "ContentVersion", "Attachment", "Document", "version", "deleted", "restored", "empty", "large"} {
		if seen[what] == 0 {
			t.Errorf("no file is %s", what)
		}
	}
	got := d.org.Files()
	byID := func(a, b sim.File) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(want, byID)
	slices.SortFunc(got, byID)
	for i := range got {
		if i >= len(want) {
			break
		}
		if got[i].ParentID != want[i].ParentID && want[i].ParentID == "" {
			got[i].ParentID = "" // of a later version: where it was published first
		}
		if got[i].CreatedAt.Equal(want[i].CreatedAt) {
			got[i].CreatedAt = want[i].CreatedAt
		}
		if got[i] != want[i] {
			t.Fatalf("file %d\n got: %+v\nwant: %+v", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("the org has %d files, the truth %d", len(got), len(want))
	}
	admin := d.as("admin@example.com")
	for object, n := range map[string]int{"ContentDocument": truth.Documents} {
		if got := int(admin.send("GET", "/queryAll?q="+url.QueryEscape("SELECT COUNT() FROM "+object), nil).want(200)["totalSize"].(float64)); got != n {
			t.Errorf("%d of %s, want %d", got, object, n)
		}
	}
}

func TestGenerateIsSeeded(t *testing.T) {
	_, one := populated(t, sim.Population{Seed: 7, Files: 300, To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
	_, same := populated(t, sim.Population{Seed: 7, Files: 300, To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
	_, other := populated(t, sim.Population{Seed: 8, Files: 300, To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
	if fmt.Sprint(one) != fmt.Sprint(same) {
		t.Error("the same seed gives two orgs")
	}
	if fmt.Sprint(one) == fmt.Sprint(other) {
		t.Error("two seeds give the same org")
	}
}

// Paging through a table by time and id shows every record once, the deleted ones with
// queryAll.
func TestPagingByTime(t *testing.T) {
	d, truth := populated(t, sim.Population{Seed: 2, Files: 3000})
	for _, field := range []string{"SystemModstamp", "CreatedDate"} {
		for _, path := range []string{"/query", "/queryAll"} {
			seen, at, id := map[string]bool{}, "", ""
			for {
				soql := "SELECT Id, " + field + " FROM ContentVersion"
				if at != "" {
					soql += fmt.Sprintf(" WHERE (%s > %s OR (%s = %s AND Id > '%s'))", field, at, field, at, id)
				}
				rows := d.as("admin@example.com").send("GET", path+"?q="+url.QueryEscape(soql+" ORDER BY "+field+", Id LIMIT 37"), nil).want(200)["records"].([]any)
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					row := r.(map[string]any)
					was := at
					if id, at = row["Id"].(string), row[field].(string); seen[id] || at < was {
						t.Fatalf("%s at %s comes twice or out of order", id, at)
					}
					seen[id] = true
				}
			}
			want := 0
			for _, m := range truth.Files {
				if m.Object == "ContentVersion" && (path == "/queryAll" || !m.Deleted) {
					want++
				}
			}
			if len(seen) != want {
				t.Errorf("%s by %s: %d records, want %d", path, field, len(seen), want)
			}
		}
	}
}

// A file of 2 GB is there and can be read in part, and nobody holds its bytes.
func TestGenerateHuge(t *testing.T) {
	d, truth := populated(t, sim.Population{Seed: 3, Files: 10, Huge: 1})
	for _, m := range truth.Files {
		if m.Size < 1<<30 {
			continue
		}
		row := d.as("admin@example.com").query("SELECT ContentSize, Checksum FROM ContentVersion WHERE Id = '" + m.ID + "'")[0]
		if row["ContentSize"] != float64(m.Size) || row["Checksum"] != nil {
			t.Errorf("the row says %v", row)
		}
		return
	}
	t.Error("no huge file")
}
