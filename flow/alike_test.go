package flow

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// mirror finds what looks alike among what it was told, near or far.
type mirror struct{ saw map[cordon.ID][32]byte }

func (m *mirror) Near(_ context.Context, _ cordon.TenantID, print [32]byte) (out []Near, err error) {
	for id, p := range m.saw {
		if p[0] == print[0] {
			out = append(out, Near{id, int(p[1] ^ print[1])})
		}
	}
	return out, nil
}

func (m *mirror) Saw(_ cordon.TenantID, item cordon.ID, print [32]byte) { m.saw[item] = print }

// painted sees a picture in content: its first byte is what it looks like.
type painted struct {
	*marked
	ordinary bool
}

func (p painted) Examine(ctx context.Context, c cordon.Content, hint Hint) (Look, []cordon.Finding, error) {
	look, found, err := p.marked.Examine(ctx, c, hint)
	b := make([]byte, 2)
	if n, _ := c.ReadAt(b, 0); n == 2 {
		look.Print = &Print{[32]byte{b[0], b[1] & 1}}
	}
	if p.ordinary {
		found = append(found, cordon.Finding{Detector: "known", Status: cordon.StatusFound, Label: cordon.LabelKnownOrdinary, Class: cordon.Deterministic})
	}
	return look, found, err
}

func alikeLine() (*line, *painted, *mirror) {
	l := newLine()
	eye, m := &painted{marked: l.eye}, &mirror{map[cordon.ID][32]byte{}}
	l.Examiner, l.Alike = eye, m
	l.AlikeConfig = AlikeConfig{Within: 30 * 24 * time.Hour, Burst: 4, BurstWithin: time.Hour}
	return l, eye, m
}

func forRecord(n int) func(*cordon.Arrival) {
	return func(a *cordon.Arrival) { a.Personal.Subject = fmt.Sprintf("5000000000000%02dAAA", n) }
}

// alikeOf returns the labels and the first sentence of what was said of the last inspection.
func (l *line) said(t *testing.T, it cordon.Item, found []cordon.Finding) (labels []cordon.Label, sentence string) {
	t.Helper()
	for _, f := range found {
		if f.Detector == alikeName {
			if f.Class != cordon.Context {
				t.Errorf("%+v is not said to be context", f)
			}
			if labels = append(labels, f.Label); sentence == "" {
				sentence = f.Sentence
			}
		}
	}
	return labels, sentence
}

// watcher keeps the findings that the policy is given.
type watcher struct{ last *[]cordon.Finding }

func (w watcher) Decide(it cordon.Item, found []cordon.Finding) cordon.Verdict {
	*w.last = found
	return rule{}.Decide(it, found)
}

func TestLookAlikes(t *testing.T) {
	ctx := t.Context()
	l, eye, m := alikeLine()
	var found []cordon.Finding
	l.Policy = func(cordon.TenantID) Policy { return watcher{&found} }
	bring := func(body string, edit ...func(*cordon.Arrival)) string {
		t.Helper()
		it, _, err := l.upload(ctx, body, edit...)
		if err != nil {
			t.Fatal(err)
		}
		labels, sentence := l.said(t, it, found)
		return fmt.Sprint(labels, " ", sentence)
	}
	for _, step := range []struct{ got, want string }{
		{bring("Aa portrait", forRecord(1)), "[not-seen] No file that is or looks the same was looked at in the last 30 days."},
		{bring("Bb another", forRecord(1)), "[not-seen]"},
		{bring("Aa portrait", forRecord(1)), "[seen-before] The same file, or one that looks the same, came once before in the last 30 days, all for the same record."},
		{bring("Ab retouched", forRecord(2)), "[seen-for-others] A file that looks the same came 2 times before in the last 30 days, for 1 other record."},
		{bring("Ab retouched too", forRecord(3)), "[seen-for-others burst]"},
		{bring("Ab without a record", forRecord(3), func(a *cordon.Arrival) { a.Personal.Subject = "" }), "[seen-for-others burst]"},
	} {
		if !strings.HasPrefix(step.got, step.want) {
			t.Errorf("got  %s\nwant %s", step.got, step.want)
		}
	}
	// What is ordinary is not counted, and nothing is found by it later.
	eye.ordinary = true
	if got := bring("Aa logo", forRecord(4)); !strings.HasPrefix(got, "[not-seen] It is on a list of ordinary files") {
		t.Error(got)
	}
	if n := len(m.saw); n != 6 {
		t.Errorf("%d items are remembered, want 6", n)
	}
	eye.ordinary = false
	// What is forgotten does not count although it is still in memory.
	for id := range m.saw {
		delete(l.store.seen, id)
	}
	if got := bring("Ab once more", forRecord(5)); !strings.HasPrefix(got, "[not-seen]") {
		t.Error(got)
	}
	// Nor does what is long ago.
	now := l.Now()
	l.Now = func() time.Time { return now.AddDate(0, 0, 31) }
	if got := bring("Ab much later", forRecord(6)); !strings.HasPrefix(got, "[not-seen]") {
		t.Error(got)
	}
}

// Files that a poll brings together count for one another before any is on record, and one that
// has to be looked at again does not count for itself. A backfill makes no burst.
func TestLookAlikesOfOnePage(t *testing.T) {
	l, _, _ := alikeLine()
	var found []cordon.Finding
	l.Policy = func(cordon.TenantID) Policy { return watcher{&found} }
	sight := func(n int, mode cordon.Mode) (cordon.Sighting, string) {
		t.Helper()
		s, err := l.Sight(t.Context(), observation(func(o *cordon.Observation) {
			o.UpstreamID, o.Personal.Subject, o.Route.Mode = fmt.Sprintf("0680000000000%02dAAA", n), fmt.Sprintf("5000000000000%02dAAA", n), mode
		}), (&opener{body: fmt.Sprintf("Aa picture %d", n)}).open)
		if err != nil {
			t.Fatal(err)
		}
		labels, _ := l.said(t, s.Item, found)
		return s, fmt.Sprint(labels)
	}
	var page []cordon.Sighting
	for n, want := range []string{"[not-seen]", "[seen-for-others]", "[seen-for-others]", "[seen-for-others burst]"} {
		s, got := sight(n, cordon.ModeEvent)
		if got != want {
			t.Errorf("file %d of the page: %s, want %s", n, got, want)
		}
		page = append(page, s)
	}
	if _, got := sight(0, cordon.ModeEvent); got != "[seen-for-others burst]" { // 1, 2, 3 and itself
		t.Errorf("looked at again: %s", got)
	}
	if err := l.Note(t.Context(), page[1:]); err != nil {
		t.Fatal(err)
	}
	if n := len(l.looking.at); n != 1 {
		t.Errorf("%d are still thought to be looked at", n)
	}
	for n := 10; n < 20; n++ {
		s, got := sight(n, cordon.ModeBackfill)
		if got != "[seen-for-others]" {
			t.Errorf("of a backfill: %s", got)
		}
		if err := l.Note(t.Context(), []cordon.Sighting{s}); err != nil {
			t.Fatal(err)
		}
	}
}
