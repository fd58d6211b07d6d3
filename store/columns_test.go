package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// harmless lists the columns that decide nothing, or nothing but what can be had without them, and
// why. "table.*" is all of a table. A column that is not here is changed, swapped, deleted and put
// back below.
var harmless = map[string]string{
	"writer_pulse.*": "counts commits; only the writer compares it, with itself",
	"crash_mark.*":   "tells a crash of the server from none; without it an outcome is unknown, never believed",
	"installation.*": "which installation the records are of; the keys folder says so, and a start with another is refused",
	"granted.*":      "which rights were granted; they are granted again",
	"holders.*":      "which processes run; at most something is carried out later, or tried again",
	"leases.*":       "who reads lists of the org; at most two do, and each commit compares states",
	"route_use.*":    "counts for display",
	"findings.*":     "what people see beside a verdict; the verdict is in the item",
	"links.*":        "where the org shows a file; compared with the org once a day",
	"seen.*":         "by what look-alikes are told; it only ever adds a reason to hold",

	"leaves.*":           "the place of an entry in the log: signed, and verified every hour",
	"ledger_tiles.*":     "hashes under the signed head",
	"checkpoints.*":      "signed",
	"ledger_heads.*":     "signed, or a lease of the sequencer",
	"unsequenced.tenant": "an entry that is not on the list is not placed, and says so after a while",
	"unsequenced.seq":    "the same",
	"entries.seq":        "the order, which the tree has as well; a thing whose newest entry is another stops",

	"keys.*": "sealed under the master key together with its tenant, id, kind and name",

	"effects.not_before":  "when it is tried again; due_at is when it may be carried out at the earliest",
	"effects.attempts":    "how often it was tried",
	"effects.code":        "why the last attempt came to nothing",
	"effects.holder":      "who is at it",
	"effects.lease_until": "until when",
	"effects.done_at":     "for display",
	"effects.job":         "whether a job points at it",
}

// tables of the queue and of the migrations: a job carries the id of an effect, and the effect is checked.
func foreign(table string) bool {
	return strings.HasPrefix(table, "river_") || strings.HasPrefix(table, "goose_") || strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "kept_")
}

func (r raw) columns() (out map[string][]string) {
	r.t.Helper()
	text := `SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid`
	if r.postgres {
		text = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`
	}
	rows, err := r.Query(text)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	out = map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			r.t.Fatal(err)
		}
		if !foreign(table) {
			out[table] = append(out[table], column)
		}
	}
	return out
}

// world is what the walk below looks at, with what each look must say unless it refuses.
type world struct {
	db     *store.DB
	looks  map[string]func() (string, error)
	absent map[string]bool // what may also be not there: that decides nothing
}

const refused = "refused"

func (w world) look(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, look := range w.looks {
		said, err := look()
		switch {
		case errors.Is(err, cordon.ErrForged), errors.Is(err, cordon.ErrConflict):
			said = refused
		case errors.Is(err, cordon.ErrNotFound):
			said = "not there"
		case err != nil:
			said = refused // a column of another type does not even read
		}
		out[name] = said
	}
	return out
}

// newWorld makes two of everything, so that there is something to swap. before is called when what
// is put back later is as it was.
func newWorld(t *testing.T, db *store.DB, before func()) world {
	t.Helper()
	ctx := t.Context()
	w := world{db: db, looks: map[string]func() (string, error){}, absent: map[string]bool{}}
	commit := func(c ...cordon.Change) {
		t.Helper()
		if err := db.Commit(ctx, c...); err != nil {
			t.Fatal(err)
		}
	}
	setting := cordon.Ref{Tenant: "acme", Kind: cordon.KindSetting, ID: cordon.KnownFiles}
	lists := func(known ...cordon.Known) cordon.Change {
		return cordon.Change{Of: setting, From: "set", To: "set", Known: known, Entries: []cordon.Entry{storetest.Entry(cordon.EntrySetting, setting)}}
	}
	var then []func()
	for n, name := range []string{"one", "two"} {
		value := []byte(strings.Repeat(name, 11))[:32]
		it := storetest.NewItem("acme")
		it.Blob, it.Client, it.UpstreamID = cordon.BlobRef("blb_"+name), "act_"+name, "068"+name
		made := storetest.Receive(it)
		made.Lookups = []cordon.Lookup{{Kind: "retry", Value: value}}
		release := cordon.NewEffect(cordon.EffectRelease, it.Ref)
		release.Payload = []byte(`{"n":"` + name + `"}`)
		shred := cordon.NewEffect(cordon.EffectShred, it.Ref)
		shred.NotBefore = time.Now().Add(time.Hour).UTC()
		let := storetest.Move(it.Ref, cordon.Held, cordon.Released)
		let.Effects = []cordon.Effect{release, shred}
		commit(made, storetest.Move(it.Ref, cordon.Received, cordon.Inspected), storetest.Move(it.Ref, cordon.Inspected, cordon.Held), let)

		removal := cordon.Ref{Tenant: "acme", Kind: cordon.KindRemoval, ID: cordon.ID("rmv_" + name)}
		commit(cordon.Change{Of: removal, To: "proposed", Value: []byte(name), Subject: it.ID, DueAt: time.Unix(2e9, 0), Entries: []cordon.Entry{storetest.Entry(cordon.EntryProposed, removal)}})

		actor, err := db.ActorFor(ctx, "acme", cordon.Person, name)
		if err != nil {
			t.Fatal(err)
		}
		hash, ended := []byte("stays "+name), []byte("ends "+name)
		for _, h := range [][]byte{hash, ended} {
			if err := db.PutSession(ctx, store.Session{Tenant: "acme", TokenHash: h, Actor: actor, CreatedAt: time.Now(), Until: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.RememberClient(ctx, "acme", hash, "client-"+name, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		known := storetest.NewKnown(cordon.KnownLawful, cordon.KnownSHA256, value)
		commit(lists(known))
		then = append(then, func() {
			back := storetest.Move(it.Ref, cordon.Released, cordon.Held) // its target is not permitted any more
			back.Done = []cordon.ID{release.ID}
			commit(back)
			commit(cordon.Change{Of: removal, From: "proposed", To: "dismissed", Version: 1, Value: []byte(name + " stays"), Subject: it.ID, Entries: []cordon.Entry{storetest.Entry(cordon.EntryDismissed, removal)}})
			if err := db.DeleteSession(ctx, "acme", ended); err != nil {
				t.Fatal(err)
			}
			blocked := known
			blocked.List = cordon.KnownBlocked
			commit(lists(blocked))
		})
		session := func(h []byte) (string, error) {
			s, err := db.Session(ctx, "acme", h)
			if err != nil {
				return "", err
			}
			return db.ActorName(ctx, "acme", s.Actor.ID)
		}
		claim := func(id cordon.ID) (string, error) {
			e, err := db.ClaimEffect(ctx, "acme", id, "me", time.Minute)
			return fmt.Sprint(e.Kind, e.Of, string(e.Payload)), err
		}
		more := map[string]func() (string, error){
			"item": func() (string, error) {
				it, err := db.Item(ctx, "acme", it.ID)
				it.ChangedAt, it.ReceivedAt = time.Time{}, time.Time{}
				return fmt.Sprintf("%+v", it), err
			},
			"acts": func() (string, error) { // on a copy, which is not committed in the end
				c := storetest.Move(it.Ref, cordon.Held, cordon.Held)
				c.Done = []cordon.ID{"eff_unknown"}
				err := db.Commit(ctx, c)
				return "none", err
			},
			"look-up": func() (string, error) {
				found, err := db.ItemByLookup(ctx, "acme", "retry", value)
				if err == nil && len(found) == 0 {
					err = cordon.ErrNotFound
				}
				for _, f := range found {
					if f.Forged {
						return "", cordon.ErrForged
					}
				}
				return fmt.Sprint(found), err
			},
			"removal": func() (string, error) {
				thing, err := db.Thing(ctx, removal)
				return fmt.Sprintf("%s %s %s %s", thing.State, thing.Value, thing.Subject, thing.DueAt), err
			},
			"session":       func() (string, error) { return session(hash) },
			"ended session": func() (string, error) { return session(ended) },
			"client":        func() (string, error) { return db.ClientOf(ctx, "acme", hash) },
			"release":       func() (string, error) { return claim(release.ID) },
			"shred":         func() (string, error) { return claim(shred.ID) },
			"known": func() (string, error) {
				k, ok, err := db.Known(ctx, "acme", value)
				k.Expires = time.Time{}
				return fmt.Sprint(ok, k.List, k.Kind, k.ID, k.Item), err
			},
		}
		for what, look := range more {
			w.looks[what+" "+name] = look
		}
		for _, what := range []string{"item", "look-up", "session", "client", "ended session"} {
			w.absent[what+" "+name] = true
		}
		_ = n
	}
	w.looks["signed"] = func() (string, error) { // what would be signed, in whatever order: none but Cordon's own
		pending, err := db.Pending(ctx, "acme", 1000)
		var all []string
		for _, p := range pending {
			all = append(all, fmt.Sprintf("%s %s %x", p.ID, p.Of, p.Body))
		}
		slices.Sort(all)
		return strings.Join(all, "\n"), err
	}
	before()
	for _, f := range then {
		f()
	}
	return w
}

// judge compares what is said with what was said before anything was touched.
func (w world) judge(t *testing.T, what string, before, now map[string]string) {
	t.Helper()
	for name, said := range now {
		switch {
		case said == before[name] || said == refused:
		case said == "not there" && (w.absent[name] || before[name] == refused):
		case name == "signed" && within(said, before[name]):
		default:
			t.Errorf("%s: %s says\n%s\nand said\n%s", what, name, said, before[name])
		}
	}
}

// within reports whether every line of a text is one of another.
func within(lines, of string) bool {
	all := strings.Split(of, "\n")
	for l := range strings.SplitSeq(lines, "\n") {
		if l != "" && !slices.Contains(all, l) {
			return false
		}
	}
	return true
}

// TestNoColumnDecides changes, swaps, deletes and puts back every column of every table, as somebody
// who can write SQL and has no key. Nothing may come of it but that Cordon refuses.
func TestNoColumnDecides(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through every column of every table")
	}
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		columns := r.columns()
		for name := range harmless {
			table, column, _ := strings.Cut(name, ".")
			if all := columns[table]; column != "*" && !slices.Contains(all, column) {
				t.Errorf("%s is listed as harmless and is not there", name)
			}
		}
		row, kept := "rowid", "kept_"
		overriding := ""
		if r.postgres {
			row, overriding = "ctid", " OVERRIDING SYSTEM VALUE"
		} else {
			r.exec(`PRAGMA synchronous = OFF`)
		}
		var touched []string
		for table, all := range columns {
			if harmless[table+".*"] == "" && slices.Contains(all, "mac") {
				touched = append(touched, table)
			}
		}
		slices.Sort(touched)
		old := func(table string) string { return kept + "old_" + table }
		w := newWorld(t, db, func() {
			for _, table := range touched {
				r.exec("CREATE TABLE " + old(table) + " AS SELECT * FROM " + table)
			}
		})
		for _, table := range touched {
			r.exec("CREATE TABLE " + kept + table + " AS SELECT * FROM " + table)
		}
		restore := func() {
			text := "BEGIN;"
			for _, table := range touched {
				text += "DELETE FROM " + table + ";INSERT INTO " + table + overriding + " SELECT * FROM " + kept + table + ";"
			}
			r.exec(text + "COMMIT")
		}
		before := w.look(t)
		for name, said := range before {
			stops := strings.HasPrefix(name, "release") || strings.HasPrefix(name, "shred") || strings.HasPrefix(name, "acts")
			if (said == refused) != stops || (said == "not there") != strings.HasPrefix(name, "ended") {
				t.Fatalf("%s says %s before anything is touched", name, said)
			}
		}
		restore()
		tried := 0
		attempt := func(what, text string) {
			if _, err := r.Exec(text); err != nil {
				return // a key or a check of the tables forbids it
			}
			tried++
			w.judge(t, what, before, w.look(t))
			restore()
		}
		for _, table := range slices.Sorted(maps.Keys(columns)) {
			if harmless[table+".*"] != "" {
				continue
			}
			for _, column := range columns[table] {
				name := table + "." + column
				if harmless[name] != "" {
					continue
				}
				if !slices.Contains(touched, table) {
					t.Errorf("nobody has said what %s decides", name)
					continue
				}
				first := func(order string) string {
					return "(SELECT " + row + " FROM " + table + " ORDER BY " + columns[table][1] + order + ", " + row + " LIMIT 1)"
				}
				for _, at := range []string{"", " DESC"} {
					for _, value := range r.values(table, column) {
						attempt(name+" = "+value, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s = %s", table, column, value, row, first(at)))
					}
				}
				for _, value := range r.values(table, column) {
					attempt("every "+name+" = "+value, fmt.Sprintf("UPDATE %s SET %s = %s", table, column, value))
				}
				attempt("swapped "+name, fmt.Sprintf("UPDATE %[1]s SET %[2]s = CASE WHEN %[3]s = %[4]s THEN (SELECT %[2]s FROM %[1]s WHERE %[3]s = %[5]s) ELSE (SELECT %[2]s FROM %[1]s WHERE %[3]s = %[4]s) END WHERE %[3]s IN (%[4]s, %[5]s)",
					table, column, row, first(""), first(" DESC")))
			}
			attempt(table+": all deleted", "DELETE FROM "+table)
			for _, order := range []string{"", " DESC"} {
				attempt(table+": one deleted", fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT %s FROM %s ORDER BY %s%s LIMIT 1)", table, row, row, table, columns[table][1], order))
			}
			if table == "entries" {
				continue // who deletes what the ledger says is noticed by verifying it
			}
			attempt(table+": all put back", "DELETE FROM "+table+";INSERT INTO "+table+overriding+" SELECT * FROM "+old(table))
		}
		everything := ""
		for _, table := range touched {
			if table != "entries" {
				everything += "DELETE FROM " + table + ";INSERT INTO " + table + overriding + " SELECT * FROM " + old(table) + ";"
			}
		}
		attempt("everything but the ledger put back", everything)
		if tried < 300 {
			t.Errorf("only %d attempts", tried)
		}
		t.Logf("%d attempts on %d tables", tried, len(columns))
	})
}

// values are what a column is set to.
func (r raw) values(table, column string) []string {
	kind := ""
	text := `SELECT lower(type) FROM pragma_table_info('` + table + `') WHERE name = '` + column + `'`
	if r.postgres {
		text = `SELECT data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '` + table + `' AND column_name = '` + column + `'`
	}
	if err := r.QueryRow(text).Scan(&kind); err != nil {
		r.t.Fatal(err)
	}
	switch kind {
	case "bytea":
		return []string{"NULL", r.bytes([]byte{0}), r.bytes([]byte(strings.Repeat("two", 11))[:32]), r.bytes(make([]byte, 40))}
	case "bigint", "integer":
		return []string{"0", "1", column + " + 1", column + " - 1", "4000000000000000000"}
	}
	out := []string{"''", column + " || 'x'"}
	for _, word := range map[string][]string{
		"state": {"released", "held", "delivered", "proposed", "accepted", "dismissed", "owed", "done", "stuck"},
		"kind":  {"release", "shred", "client", "person", "retry", "idempotency", "sha256", "pdq", "removal", "setting"},
		"list":  {"lawful", "blocked", "ordinary"}, "fail": {"pass-and-rescan"}, "mode": {"shadow"}, "op": {"ask"},
		"name": {"two", "one"}, "client": {"client-two", "client-one"}, "tenant": {"other"},
	}[column] {
		out = append(out, "'"+word+"'")
	}
	return out
}
