package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// What grows with every item is never gone through to find a few rows, on either engine: neither a
// table nor all that a tenant has in it.

// growing are the tables with a row or more for every item, or for every entry of a list.
var growing = []string{"items", "findings", "lookups", "entries", "leaves", "ledger_tiles", "checkpoints", "effects", "links", "seen",
	"river_job", "known", "keys", "actors", "clients", "sessions", "things"}

// standing are indexes of what stands open, or of what is to be counted in any case. items_by_blob
// has the items whose bytes are kept: few, since those that pass lose theirs.
var standing = []string{"effects_owed", "effects_without_job", "effects_stuck", "items_unread", "items_by_blob", "known_by_number"}

// gone through says which statements may go through all that a tenant has, by a part of their text.
var goneThrough = map[string]string{
	"SELECT list, kind, count(*) FROM known":          "the lists are counted for a page that shows them",
	"FROM known WHERE tenant = $1 ORDER BY value":     "all of the lists are checked against their sums, when they are loaded",
	"DELETE FROM seen WHERE tenant = $1 AND at < (":   "the newest are counted off once a day, along an index",
	"SELECT max(number) FROM (SELECT number FROM kno": "cut by a limit inside",
	"WITH looked AS":                         "a report, grouped by item along the key",
	"SELECT state, count(*) FROM things":     "of one kind",
	"DELETE FROM sessions WHERE tenant = $1": "everybody signs in again once the records are sealed",
}

func mayGoThrough(text string) bool {
	if strings.Contains(text, "LIMIT") && strings.Contains(text, "ORDER BY") {
		return true // along the order asked for, and cut
	}
	for part := range goneThrough {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

var (
	parameter = regexp.MustCompile(`\$(\d+)`)
	asks      = regexp.MustCompile(`(?i)^\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b`)
)

func parameters(text string) (most int) {
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1]) // it is digits
		most = max(most, n)
	}
	return most
}

// grows reports whether a name in a plan is a growing table, or stands for one in the statement.
func grows(text, name string) bool {
	return slices.ContainsFunc(growing, func(table string) bool {
		return name == table || regexp.MustCompile(`\b`+table+`\s+(AS\s+)?`+regexp.QuoteMeta(name)+`\b`).MatchString(text)
	})
}

func sqlitePlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	openConfig(t, store.Config{Path: path})
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for said, text := range store.SQLiteTexts() {
		if !asks.MatchString(text) {
			continue
		}
		rows, err := raw.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, parameters(text))...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(new(int), new(int), new(int), &line); err != nil {
				t.Fatal(err)
			}
			words := append(strings.Fields(line), "", "")
			index := slices.ContainsFunc(standing, func(i string) bool { return slices.Contains(words, i) })
			first := strings.HasPrefix(text, "SELECT EXISTS (") // ends at the first row there is
			all := words[0] == "SCAN" && !first && grows(text, words[1]) && !index
			tenant := words[0] == "SEARCH" && !first && grows(text, words[1]) && strings.HasSuffix(line, "(tenant=?)") && !index && !mayGoThrough(text)
			if all || tenant || strings.Contains(line, "AUTOMATIC") {
				t.Errorf("%s\n\tis answered by: %s", said, line)
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func postgresPlans(t *testing.T) {
	d := pgcluster.Start(t)
	openConfig(t, productionConfig(d))
	c := connect(t, d.Admin)
	run := func(text string) (lines []string, err error) {
		results, err := c.PgConn().Exec(t.Context(), text).ReadAll() // as it stands: the parameters are the server's
		for _, r := range results {
			for _, row := range r.Rows {
				lines = append(lines, string(row[0]))
			}
		}
		return lines, err
	}
	// With what costs least out of the way, it is taken only where there is no index.
	if _, err := run("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for said := range store.SQLiteTexts() {
		if !asks.MatchString(said) || strings.Contains(said, "writer_pulse") {
			continue
		}
		n++
		name := fmt.Sprint("s", n)
		if _, err := run("PREPARE " + name + " AS " + store.PostgresText(said)); err != nil {
			t.Errorf("%s: %v", said, err)
			continue
		}
		execute := "EXPLAIN EXECUTE " + name
		if n := parameters(said); n > 0 {
			execute += "(" + strings.Repeat("NULL, ", n-1) + "NULL)"
		}
		lines, err := run(execute)
		if err != nil {
			t.Errorf("%s: %v", said, err)
		}
		for _, line := range lines {
			if _, on, ok := strings.Cut(line, "Seq Scan on "); ok && slices.Contains(growing, strings.Fields(on)[0]) {
				t.Errorf("%s\n\tis answered by: %s", said, strings.TrimSpace(line))
			}
		}
	}
}
