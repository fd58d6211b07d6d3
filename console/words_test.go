package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// A code that somebody adds to the root package shows as a code until it has words here.
func TestEveryCodeHasWords(t *testing.T) {
	for _, d := range cordon.Debts() {
		if debtWords[d] == "" {
			t.Errorf("items that owe %s have no words", d)
		}
	}
	for _, op := range append(cordon.Operations(), "") {
		if operationWords[op] == "" {
			t.Errorf("the operation %q has no words", op)
		}
	}
	for _, s := range cordon.States() {
		if !slices.Contains(listed, s) {
			t.Errorf("the list cannot show what is %s", s)
		}
		for _, p := range cordon.Purposes() {
			if stand, ok := p.Stand(s); ok && placeWords[stand.Place] == "" {
				t.Errorf("the place %q of what is %s has no words", stand.Place, s)
			}
		}
	}
	kinds := 0
	file, err := parser.ParseFile(token.NewFileSet(), "../entry.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Entry") {
			return true
		}
		lit, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		kind, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds++
		if entryWords[cordon.EntryKind(kind)] == "" {
			t.Errorf("entries of kind %s have no words", kind)
		}
		return true
	})
	if kinds < 20 {
		t.Errorf("only %d kinds of entries were found in entry.go", kinds)
	}
}

func TestWhatWasFoundComesFirst(t *testing.T) {
	got := tellingFirst([]cordon.Finding{
		{Status: cordon.StatusNone, Label: cordon.LabelKindFine},
		{Status: cordon.StatusFound, Label: cordon.LabelManifestTrusted},
		{Status: cordon.StatusFailed, Label: cordon.LabelTimeout},
		{Status: cordon.StatusFound, Label: cordon.LabelGeneratorDeclared},
		{Status: cordon.StatusNotApplicable, Label: cordon.LabelNotCovered},
	})
	var labels []string
	for _, f := range got {
		labels = append(labels, string(f.Label))
	}
	if s := strings.Join(labels, " "); s != "generator-declared timeout manifest-trusted kind-fine not-covered" {
		t.Errorf("findings in the order %s", s)
	}
	if b := statusOf(got[2]); b.Word != "noted" {
		t.Errorf("a trusted signer counts as %q", b.Word)
	}
}
