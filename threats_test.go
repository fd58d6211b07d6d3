package cordon_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestThreats(t *testing.T) {
	doc, err := os.ReadFile("docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := testNames(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range checkThreats(string(doc), tests) {
		t.Error("docs/threats.md: ", wrong)
	}
}

var (
	threatRow    = regexp.MustCompile(`^\| *(T-\d\d) *\| *([a-z]+) *\| *([^|]+?) *\| *([^|]+?) *\| *([^|]+?) *\|$`)
	threatActor  = regexp.MustCompile(`(?m)^\| *([a-z]+) *\|[^|]+\|[^|]+\|$`)
	threatStatus = regexp.MustCompile(`^(?:covered|partly \([^()]+\)): (.+)$`)
	threatOpen   = regexp.MustCompile(`^open \([^()]{20,}\)$`)
)

// checkThreats returns what is wrong with the list of threats. tests holds "Name (package)".
func checkThreats(doc string, tests map[string]bool) (wrong []string) {
	_, after, _ := strings.Cut(doc, "## Actors")
	list, _, _ := strings.Cut(after, "\n## ")
	var actors []string
	for _, m := range threatActor.FindAllStringSubmatch(list, -1) {
		actors = append(actors, m[1])
	}
	acting, cases := map[string]bool{}, 0
	for i, line := range strings.Split(doc, "\n") {
		if !strings.HasPrefix(line, "| T-") {
			continue
		}
		cases++
		m := threatRow.FindStringSubmatch(line)
		if m == nil {
			wrong = append(wrong, fmt.Sprintf("line %d is not of the form | case | actor | what is tried | what stops it | shown by |", i+1))
			continue
		}
		if want := fmt.Sprintf("T-%02d", cases); m[1] != want {
			wrong = append(wrong, fmt.Sprintf("line %d is %s, and the next is %s", i+1, m[1], want))
		}
		if acting[m[2]] = true; !slices.Contains(actors, m[2]) {
			wrong = append(wrong, fmt.Sprintf("line %d: %q is none of the actors %v", i+1, m[2], actors))
		}
		if threatOpen.MatchString(m[5]) {
			continue
		}
		status := threatStatus.FindStringSubmatch(m[5])
		if status == nil {
			wrong = append(wrong, fmt.Sprintf(`line %d: %q is none of "covered: tests", "partly (what remains): tests", "open (what is missing)"`, i+1, m[5]))
			continue
		}
		wrong = append(wrong, checkNamed(status[1], tests, i+1)...)
	}
	for _, a := range actors {
		if !acting[a] {
			wrong = append(wrong, "nothing is said of the actor "+a)
		}
	}
	if cases == 0 || len(actors) == 0 {
		wrong = append(wrong, "there are no cases, or no actors")
	}
	return wrong
}

// The check is worth something only if it can fail.
func TestThreatsAreChecked(t *testing.T) {
	const head = "## Actors\n\n| stranger | a | b |\n\n## Ways\n\n"
	tests := map[string]bool{"TestKill (flow)": true}
	for _, c := range []struct{ row, want string }{
		{"| T-01 | stranger | x | y | covered: TestKill (flow) |", ""},
		{"| T-01 | stranger | x | y | covered: TestKill/named (flow) |", ""},
		{"| T-01 | stranger | x | y | open (nothing stops it in this release) |", ""},
		{"| T-01 | stranger | x | y | partly (some): TestKill (flow) |", ""},
		{"| T-01 | stranger | x | y | covered: TestGone (flow) |", "line 7: there is no TestGone in package flow"},
		{"| T-01 | stranger | x | y | covered: TestKill |", `line 7: "TestKill" is not of the form TestName (package)`},
		{"| T-01 | stranger | x | y | open |", `line 7: "open" is none of "covered: tests", "partly (what remains): tests", "open (what is missing)"`},
		{"| T-02 | stranger | x | y | covered: TestKill (flow) |", "line 7 is T-02, and the next is T-01"},
		{"| T-01 | nobody | x | y | covered: TestKill (flow) |", `line 7: "nobody" is none of the actors [stranger]; nothing is said of the actor stranger`},
		{"| T-01 | stranger | x | covered: TestKill (flow) |", "line 7 is not of the form | case | actor | what is tried | what stops it | shown by |; nothing is said of the actor stranger"},
		{"no case", "nothing is said of the actor stranger; there are no cases, or no actors"},
	} {
		if got := strings.Join(checkThreats(head+c.row, tests), "; "); got != c.want {
			t.Errorf("%s\n got: %s\nwant: %s", c.row, got, c.want)
		}
	}
}
