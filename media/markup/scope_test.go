package markup

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What a prefix stands for ends with the element that declares it, and the innermost counts.
func TestNamespacesEndWithTheirElement(t *testing.T) {
	doc, err := Parse([]byte(`<a xmlns:p="one" xmlns="outer"><b xmlns:p="two" p:x="1"><p:c/></b><p:d/><e xmlns=""><f/></e><g/></a>`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "outer", "b": "outer", "c": "two", "d": "one", "e": "", "f": "", "g": "outer"}
	doc.Root().All(func(n *Node) bool {
		if n.Name.Space != want[n.Name.Local] {
			t.Errorf("%s is of %q, want %q", n.Name.Local, n.Name.Space, want[n.Name.Local])
		}
		if space, _ := n.Namespace(n.Name.Prefix); space != n.Name.Space {
			t.Errorf("%s: %q going up, %q when it was read", n.Name.Local, space, n.Name.Space)
		}
		return true
	})
	if _, err := Parse([]byte(`<a><b xmlns:p="one"/><p:c/></a>`)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a prefix is used behind the element that declares it: %v", err)
	}
	if _, err := Parse([]byte(`<a xmlns:p="one" xmlns:q="one" p:x="1" q:x="2"/>`)); !errors.Is(err, ErrDamaged) {
		t.Errorf("an attribute is there twice by two prefixes: %v", err)
	}
}

// deep nests as deep as is read, with as many attributes as an element may have at the bottom.
func deep() []byte {
	var b strings.Builder
	for i := range maxDepth - 1 {
		fmt.Fprintf(&b, `<a xmlns:p%d="s">`, i)
	}
	for range 500 {
		b.WriteString("<a")
		for i := range maxAttributes {
			fmt.Fprintf(&b, ` p0:a%d=""`, i)
		}
		b.WriteString("/>")
	}
	b.WriteString(strings.Repeat("</a>", maxDepth-1))
	return []byte(b.String())
}

func BenchmarkHostile(b *testing.B) {
	doc := deep()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
