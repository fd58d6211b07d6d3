package flow

import (
	"slices"
	"testing"

	"github.com/cordonhq/cordon"
)

const document, kase, other = "069000000000001AAA", "500000000000001AAA", "500000000000002AAA"

func (l *line) place(t *testing.T, given []cordon.Placement, whole ...string) int {
	t.Helper()
	changes, err := l.Place(t.Context(), tenant, given, whole...)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Note(t.Context(), nil, changes...); err != nil {
		t.Fatal(err)
	}
	return len(changes)
}

func (l *line) hangsOn(t *testing.T, it cordon.Item) (records []string) {
	t.Helper()
	it, _ = l.Store.Item(t.Context(), tenant, it.ID)
	all, err := l.Placements(t.Context(), it)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		records = append(records, p.Record)
	}
	slices.Sort(records)
	return records
}

func at(link, record string) cordon.Placement {
	return cordon.Placement{Link: link, DocumentID: document, Record: record, Share: "V", Visibility: "AllUsers"}
}

// Every version of a document hangs where the document does, and reading the same list again
// changes nothing.
func TestPlace(t *testing.T) {
	l := newLine()
	one := l.observe(t, observation(), &opener{body: "one"}, true)
	two := l.observe(t, observation(func(o *cordon.Observation) { o.UpstreamID = "068000000000002AAA" }), &opener{body: "two"}, true)
	stranger := l.observe(t, observation(func(o *cordon.Observation) { o.UpstreamID, o.DocumentID = "068000000000003AAA", "069000000000003AAA" }), &opener{body: "three"}, true)
	for i, want := range []int{2, 0} {
		if n := l.place(t, []cordon.Placement{at("06A1", kase), {Link: "06A9", DocumentID: "069unknown", Record: kase}}); n != want {
			t.Fatalf("round %d: %d changes, want %d", i, n, want)
		}
	}
	for _, it := range []cordon.Item{one, two} {
		if on := l.hangsOn(t, it); !slices.Equal(on, []string{kase}) {
			t.Errorf("hangs on %v", on)
		}
	}
	if on := l.hangsOn(t, stranger); len(on) != 0 {
		t.Errorf("another document hangs on %v", on)
	}
	// Who may see it there changes, and where it hangs.
	changed := at("06A1", kase)
	changed.Visibility = "InternalUsers"
	if n := l.place(t, []cordon.Placement{changed, at("06A2", other)}); n != 2 {
		t.Errorf("%d changes", n)
	}
	// Taken away, by its own row or by being absent from the whole list.
	if n := l.place(t, []cordon.Placement{{Link: "06A2", DocumentID: document, Record: other, Gone: true}}); n != 2 {
		t.Errorf("%d changes", n)
	}
	if n := l.place(t, []cordon.Placement{changed}, document); n != 0 {
		t.Errorf("%d changes by the whole list", n)
	}
	if n := l.place(t, nil, document); n != 2 || len(l.hangsOn(t, one)) != 0 {
		t.Errorf("%d changes by an empty list, hangs on %v", n, l.hangsOn(t, one))
	}
	want := []cordon.EntryKind{cordon.EntryObserved, cordon.EntryInspected, cordon.EntryKept,
		cordon.EntryLinked, cordon.EntryLinked, cordon.EntryLinked, cordon.EntryUnlinked, cordon.EntryUnlinked}
	if got := l.kinds(one.ID); !slices.Equal(got, want) {
		t.Errorf("entries are %v", got)
	}
}

// An attachment names its parent, and may get another.
func TestObserveMoved(t *testing.T) {
	l := newLine()
	attachment := func(version, parent string) cordon.Observation {
		return observation(func(o *cordon.Observation) {
			o.Object, o.UpstreamID, o.DocumentID, o.Version, o.Immutable = "Attachment", "00P000000000001AAA", "", version, false
			o.Personal.Subject = parent
		})
	}
	from := &opener{body: "a photo"}
	it := l.observe(t, attachment("1", kase), from, true)
	for _, o := range []cordon.Observation{attachment("1", kase), attachment("1", other), attachment("2", kase), attachment("2", kase)} {
		l.observe(t, o, from, false)
		if on := l.hangsOn(t, it); !slices.Equal(on, []string{o.Personal.Subject}) {
			t.Errorf("hangs on %v, want %s", on, o.Personal.Subject)
		}
	}
	want := []cordon.EntryKind{cordon.EntryObserved, cordon.EntryInspected, cordon.EntryKept, cordon.EntryLinked,
		cordon.EntryLinked, cordon.EntryRepeated, cordon.EntryLinked}
	if got := l.kinds(it.ID); !slices.Equal(got, want) {
		t.Errorf("entries are %v", got)
	}
	for _, e := range l.store.entries {
		if to, has := e.Facts["to"]; e.Kind == cordon.EntryLinked && (!has || to != "500") {
			t.Errorf("facts are %v", e.Facts)
		}
	}
}

// Of what was shredded nobody can tell where it hangs, and who asks by the record still finds it.
func TestPlaceShredded(t *testing.T) {
	l := newLine()
	it, _, err := l.upload(t.Context(), "camera photo")
	if err != nil {
		t.Fatal(err)
	}
	l.work(t.Context())
	it, _ = l.Store.Item(t.Context(), tenant, it.ID)
	if it.WrappedKey != nil {
		t.Fatal("its key is still there")
	}
	it.DocumentID = document
	l.store.items[it.ID] = it
	if n := l.place(t, []cordon.Placement{at("06A1", kase)}); n != 1 {
		t.Fatalf("%d changes", n)
	}
	if on := l.hangsOn(t, it); !slices.Equal(on, []string{""}) {
		t.Errorf("hangs on %q", on)
	}
}
