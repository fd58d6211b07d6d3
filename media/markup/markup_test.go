package markup_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/markup"
)

func canonical(t testing.TB, f markup.Form, n *markup.Node) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, n, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// find returns the first element of the local name.
func find(t testing.TB, doc *markup.Node, local string) (out *markup.Node) {
	t.Helper()
	doc.All(func(n *markup.Node) bool {
		if n.Name.Local == local {
			out = n
		}
		return out == nil
	})
	if out == nil {
		t.Fatalf("no element %s", local)
	}
	return out
}

func TestCanonical(t *testing.T) {
	incl, comments, excl := markup.Form{}, markup.Form{Comments: true}, markup.Form{Exclusive: true}
	for _, c := range []struct {
		what, in, of string // of: the element, or "" for the document
		form         markup.Form
		want         string
	}{
		{"around the root", "<?xml version=\"1.0\"?>\n<?a  b?>\n<!-- x -->\n<doc>é</doc>\n<?c?>\n<!-- y -->", "", incl, "<?a b?>\n<doc>é</doc>\n<?c?>"},
		{"comments kept", "<!--x--><doc><!-- y --></doc><!--z-->", "", comments, "<!--x-->\n<doc><!-- y --></doc>\n<!--z-->"},
		{"empty elements and order", "<e b='2' a=\"1\" xmlns:z='urn:z' z:a='3' xmlns='urn:d'/>", "", incl, `<e xmlns="urn:d" xmlns:z="urn:z" a="1" b="2" z:a="3"></e>`},
		{"attributes by namespace, not by prefix", "<e xmlns:a='urn:y' xmlns:b='urn:x' a:k='1' b:k='2'/>", "", incl, `<e xmlns:a="urn:y" xmlns:b="urn:x" b:k="2" a:k="1"></e>`},
		{"white space in attributes", "<e a='x\ty\r\nz&#9;&#10;&#13;\"&lt;>'/>", "", incl, `<e a="x y z&#x9;&#xA;&#xD;&quot;&lt;>"></e>`},
		{"line ends and references", "<e>a\r\nb\rc&#13;&gt;&amp;&#x41;<![CDATA[<&>]]></e>", "", incl, "<e>a\nb\nc&#xD;&gt;&amp;A&lt;&amp;&gt;</e>"},
		{"namespaces are declared once", "<a xmlns='urn:a'><b xmlns='urn:a'><c xmlns=''><d xmlns=''/></c></b></a>", "", incl, `<a xmlns="urn:a"><b><c xmlns=""><d></d></c></b></a>`},
		{"inner element, inclusive", "<a xmlns='urn:a' xmlns:p='urn:p' xml:lang='de' xml:id='i'><b k='1'/></a>", "b", incl, `<b xmlns="urn:a" xmlns:p="urn:p" k="1" xml:id="i" xml:lang="de"></b>`},
		{"inner element, 1.1", "<a xmlns='urn:a' xml:lang='de' xml:id='i'><b k='1'/></a>", "b", markup.Form{Version11: true}, `<b xmlns="urn:a" k="1" xml:lang="de"></b>`},
		{"inner element, exclusive", "<a xmlns='urn:a' xmlns:p='urn:p' xmlns:q='urn:q' xml:lang='de'><b q:k='1'><p:c/></b></a>", "b", excl, `<b xmlns="urn:a" xmlns:q="urn:q" q:k="1"><p:c xmlns:p="urn:p"></p:c></b>`},
		{"exclusive with prefixes", "<a xmlns='urn:a' xmlns:p='urn:p'><p:b k='p:x'><c/></p:b></a>", "b", markup.Form{Exclusive: true, Inclusive: []string{"", "p"}}, `<p:b xmlns="urn:a" xmlns:p="urn:p" k="p:x"><c></c></p:b>`},
		{"exclusive declares siblings each", "<p:a xmlns:p='urn:p' xmlns:q='urn:q'><q:b/><q:b/></p:a>", "", excl, `<p:a xmlns:p="urn:p"><q:b xmlns:q="urn:q"></q:b><q:b xmlns:q="urn:q"></q:b></p:a>`},
		{"redeclared prefix", "<p:a xmlns:p='urn:1'><p:b xmlns:p='urn:2'><p:c xmlns:p='urn:1'/></p:b></p:a>", "", excl, `<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"></p:c></p:b></p:a>`},
	} {
		doc, err := markup.Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		n := doc
		if c.of != "" {
			n = find(t, doc, c.of)
		}
		if got := canonical(t, c.form, n); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.what, got, c.want)
		}
	}
}

// Elements that are left out leave nothing behind.
func TestCanonicalWithout(t *testing.T) {
	doc, err := markup.Parse([]byte("<a xmlns:p='urn:p'>x<p:s>gone</p:s>y</a>"))
	if err != nil {
		t.Fatal(err)
	}
	out := find(t, doc, "s")
	var b bytes.Buffer
	if err := (markup.Form{}).Write(&b, doc, func(n *markup.Node) bool { return n == out }); err != nil || b.String() != `<a xmlns:p="urn:p">xy</a>` {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestRefused(t *testing.T) {
	for what, in := range map[string]string{
		"nothing": "", "text only": "x", "two roots": "<a/><b/>", "no end": "<a>", "crossed": "<a><b></a></b>", "text behind": "<a/>x",
		"twice": "<a b='1' b='2'/>", "twice by namespace": "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "no quotes": "<a b=1/>", "no space": "<a b='1'c='2'/>",
		"unknown prefix": "<p:a/>", "unknown attribute prefix": "<a p:b='1'/>", "two colons": "<a xmlns:p='u' p:b:c='1'/>", "unbound": "<a xmlns:p=''/>",
		"the prefix xmlns": "<a xmlns:xmlns='u'/>", "xml bound to another": "<a xmlns:xml='u'/>", "entity": "<a>&x;</a>", "entity in an attribute": "<a b='&x;'/>",
		"no such character": "<a>&#0;</a>", "control character": "<a>\x01</a>", "no UTF-8": "<a>\xff</a>", "reference without end": "<a>&amp</a>", "< in an attribute": "<a b='<'/>",
		"]]> in text": "<a>]]></a>", "-- in a comment": "<a><!-- -- --></a>", "CDATA outside": "<![CDATA[x]]><a/>", "declaration behind": "<a><?xml version='1.0'?></a>",
		"surrogate": "<a>&#xD800;</a>", "a name that is none": "<1/>", "end only": "</a>",
		"a very long name": "<" + strings.Repeat("a", 9000) + "/>",
	} {
		if _, err := markup.Parse([]byte(in)); !errors.Is(err, markup.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, in := range map[string]string{"doctype": "<!DOCTYPE a><a/>", "entities": `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "inside": "<a><!ELEMENT a ANY></a>"} {
		if _, err := markup.Parse([]byte(in)); !errors.Is(err, markup.ErrDoctype) {
			t.Errorf("%s: %v", what, err)
		}
	}
	many := make([]string, 300)
	for i := range many {
		many[i] = " a" + strings.Repeat("b", i) + "='1'"
	}
	for what, in := range map[string]string{
		"deep": strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300), "attributes": "<a" + strings.Join(many, "") + "/>",
		"nodes": "<a>" + strings.Repeat("<b/>", 500_000) + "</a>",
	} {
		if _, err := markup.Parse([]byte(in)); !errors.Is(err, markup.ErrLimit) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for what, in := range map[string]string{
		"utf-8": `<?xml version="1.0" encoding="UTF-8"?><a>é</a>`, "latin1": "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
		"utf-16": "\xFF\xFE<\x00a\x00>\x00\xe9\x00<\x00/\x00a\x00>\x00", "mark": "\xEF\xBB\xBF<a>é</a>",
	} {
		b, err := markup.Decode([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		doc, err := markup.Parse(b)
		if err != nil || doc.Root().Content() != "é" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := markup.Decode([]byte(`<?xml version="1.0" encoding="EBCDIC-DE"?><a/>`)); err == nil {
		t.Error("an unknown encoding was taken")
	}
}

// What this package reads, the standard library reads in the same way, and its canonical form
// is read as the same document again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"<a xmlns='u' xmlns:p='v'><p:b c='&#9;d' p:e='f'>g<![CDATA[h]]><?i j?><!--k--></p:b></a>", "<a>\r\n&amp;</a>",
		"<a xml:lang='x'/>", "<!DOCTYPE a><a/>", "<?xml version='1.0'?><a/>\n<!--x-->"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		doc, err := markup.Parse(in)
		if err != nil {
			return
		}
		for _, form := range []markup.Form{{Comments: true}, {Exclusive: true, Comments: true}} {
			first := canonical(t, form, doc)
			again, err := markup.Parse([]byte(first))
			if err != nil {
				t.Fatalf("%q is not read again: %v", first, err)
			}
			if second := canonical(t, form, again); second != first {
				t.Fatalf("%q becomes %q", first, second)
			}
		}
		want, err := texts(string(in))
		if err != nil {
			return // it reads fewer names
		}
		if got, err := texts(canonical(t, markup.Form{}, doc)); got != want || err != nil {
			t.Fatalf("%q is %q, the standard library reads %q", in, got, want)
		}
	})
}

// texts is all text of a document as the standard library reads it.
func texts(s string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(s))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var b strings.Builder
	depth := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			depth++
			b.WriteString("<" + tok.Name.Local + ">")
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth > 0 {
				b.Write(tok)
			}
		}
	}
}
