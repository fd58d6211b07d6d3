package visible

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"Scan 3.pdf": "Scan 3.pdf",
		"山田　太郎.jpg, Ünal, 😀, مريم":        "山田　太郎.jpg, Ünal, 😀, مريم",
		"letter\u202efdp.exe":             `letter\u202efdp.exe`,
		"\u2066a\u2069\u200e\u200f\u061c": `\u2066a\u2069\u200e\u200f\u061c`,
		"pay\u200bpal\ufeff\u00ad":        `pay\u200bpal\ufeff\u00ad`,
		"\x1b]0;title\a\x1b[2J":           `\u001b]0;title\u0007\u001b[2J`,
		"a\rb\u0085\u009b31m":             `a\u000db\u0085\u009b31m`,
		"\U000e0041tag":                   `\udb40\udc41tag`,
		"bad\x9b31m":                      `bad\x9b31m`,
		"\u3164\u2800":                    `\u3164\u2800`,
		"two\nlines\tapart":               "two\nlines\tapart",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	if got := Line("a\nheld by nobody\tb"); got != `a\nheld by nobody\tb` {
		t.Errorf("%q", got)
	}
}

// Whatever is written, in whatever pieces, nothing hidden comes out; and JSON stays the same document.
func TestWriter(t *testing.T) {
	var all strings.Builder
	for r := rune(1); r <= unicode.MaxRune; r += 1 + r/300 {
		if utf8.ValidRune(r) {
			all.WriteRune(r)
		}
	}
	for r := rune(0x2000); r < 0x2070; r++ {
		all.WriteRune(r)
	}
	doc, err := json.Marshal(all.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 2, 3, 5, len(doc)} {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := doc; len(rest) > 0; rest = rest[min(step, len(rest)):] {
			if _, err := w.Write(rest[:min(step, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if i := bytes.IndexFunc(out.Bytes(), hidden); i >= 0 {
			t.Errorf("in pieces of %d: %q comes out", step, out.Bytes()[i:i+4])
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != all.String() {
			t.Errorf("in pieces of %d the document has changed: %v", step, err)
		}
	}
}

func TestHTML(t *testing.T) {
	page := "<p title=\"a\u202eb\">a\u202eb</p><input name=\"q\" value=\"a\u202eb\"><textarea>a\u202eb</textarea><p>\u200b</p>"
	want := `<p title="a\u202eb">a\u202eb</p><input name="q" value="` + "a\u202eb" + `"><textarea>` + "a\u202eb" + `</textarea><p>\u200b</p>`
	if got := string(HTML([]byte(page))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, broken := range []string{" value=\"\u202e", "<textarea>\u202e", "\u202e value=\""} {
		if got := HTML([]byte(broken)); bytes.ContainsRune(got, 0x202e) {
			t.Errorf("%q is shown as %q", broken, got)
		}
	}
}
