package decide_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/media/mediatest"
)

// docs/reason-codes.md is the list in the root package, no more and no less.
func TestReasonCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Reason codes\n\n" +
		"<!-- Written by go test ./decide -update from the list in reason.go. Do not edit. -->\n\n" +
		"Every verdict carries the codes of its reasons. The list is closed: codes are added by releases, never changed or\n" +
		"removed, because they stand in the ledger. The last columns say what a file gets under the default policy when\n" +
		"this is all that was found; a dash means that the code does not follow from evidence alone.\n\n" +
		"| Code | What it says to a reviewer | Outcome | Action |\n|---|---|---|---|\n")
	policy := decide.Default()
	item := cordon.Item{Route: "r", Channel: cordon.ChannelAPI, Fail: cordon.FailHold, Modality: cordon.Image}
	looked := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	for _, r := range cordon.Reasons() {
		outcome, action := "-", "-"
		if cordon.Label(r).Valid() {
			v := policy.Decide(item, []cordon.Finding{looked, {Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.Label(r)}})
			if len(v.Reasons) == 1 && v.Reasons[0] == r && r != cordon.ReasonKnownLawful {
				outcome, action = "`"+string(v.Outcome)+"`", "`"+string(v.Action)+"`"
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r, r.Text(), outcome, action)
	}
	golden(t, filepath.Join(mediatest.Root(t), "docs", "reason-codes.md"), b.String())
}

// docs/policy.md shows the default policy as it is built in, and names every key.
func TestPolicyReference(t *testing.T) {
	path := filepath.Join(mediatest.Root(t), "docs", "policy.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, path, between(t, string(old), "<!-- default policy:", "```yaml\n"+string(decide.DefaultYAML())+"```\n"))
	for _, label := range cordon.Labels() {
		if !strings.Contains(string(old), string(label)) && label != cordon.LabelTimeout && label != cordon.LabelCrashed {
			t.Errorf("docs/policy.md does not mention the label %s", label)
		}
	}
	if p, err := decide.Parse("default", decide.DefaultYAML()); err != nil || p.Version() != decide.Default().Version() {
		t.Errorf("the default policy, read as a file, is another: %v", err)
	}
}

// between replaces what stands between a comment that begins with mark and the next end.
func between(t *testing.T, text, mark, body string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, mark)
	head, rest, ok2 := strings.Cut(rest, "\n")
	_, after, ok3 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("no part between %q and <!-- end -->", mark)
	}
	return before + mark + head + "\n" + body + "<!-- end -->" + after
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v); run go test ./decide -update", path, err)
	}
}
