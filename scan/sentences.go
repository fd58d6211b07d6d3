package scan

import (
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/visible"
)

// maxSentences bounds what is said of one file in the table; JSON has everything.
const maxSentences = 12

// sentences writes what the checks found in a file that is not simply passed, a line each:
// where, at which byte and in which stretch of time is said in the words of the check.
func sentences(w io.Writer, r result) error {
	if r.err != nil || r.verdict.Action == cordon.Pass {
		return nil
	}
	said := map[string]bool{}
	for _, f := range r.findings {
		if f.Status != cordon.StatusFound && f.Status != cordon.StatusFailed || f.Sentence == "" || said[f.Sentence] {
			continue
		}
		if len(said) == maxSentences {
			_, err := fmt.Fprintln(w, "  …      more with --json")
			return err
		}
		said[f.Sentence] = true
		if _, err := fmt.Fprintf(w, "  %-9s  %s\n", f.Detector, visible.Line(f.Sentence)); err != nil {
			return err
		}
	}
	return nil
}

// looked writes how much of a file was looked at, of all that are not simply passed and of those
// that were not looked at as a whole.
func looked(w io.Writer, r result) error {
	share := cordon.ShareOf(r.findings)
	if r.err != nil || r.verdict.Action == cordon.Pass && share.Whole() {
		return nil
	}
	_, err := fmt.Fprintf(w, "  %-9s  %s\n", "looked at", visible.Line(strings.Join(share.Sentences(func(name string) string { return name }), " ")))
	return err
}
