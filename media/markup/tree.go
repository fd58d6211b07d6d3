package markup

import (
	"fmt"
	"strings"
)

const (
	maxNodes    = 200_000
	maxDeclared = 256 // namespaces that are declared where an element is
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"
)

// Name is a name with its namespace. Prefix is how it is written.
type Name struct {
	Space, Prefix, Local string
}

// Is reports whether it is this name.
func (n Name) Is(space, local string) bool { return n.Space == space && n.Local == local }

func (n Name) String() string {
	if n.Prefix == "" {
		return n.Local
	}
	return n.Prefix + ":" + n.Local
}

// Attribute of an element. Declarations of namespaces are none.
type Attribute struct {
	Name
	Value string
}

// Node of a document. The document itself is a node of kind End that holds the root element, with
// comments and instructions around it.
type Node struct {
	Kind     Kind
	Name     Name // of an element; Local alone is the target of an instruction
	Attrs    []Attribute
	Declares []Declaration // namespaces declared by the element
	Text     string        // of text, comments and instructions
	Parent   *Node
	Children []*Node
	From, To int // bytes of the document in UTF-8
}

// Declaration of a namespace; the prefix "" is the default.
type Declaration struct {
	Prefix, Space string
}

// Parse reads a document in UTF-8.
func Parse(b []byte) (*Node, error) {
	s := NewScanner(b)
	doc := &Node{Kind: End, To: len(b)}
	at, inScope := doc, scope(nil)
	for nodes := 0; ; nodes++ {
		t, ok, err := s.Next()
		if err != nil || !ok {
			return doc, err
		}
		if nodes == maxNodes {
			return nil, fmt.Errorf("%w: more than %d elements and texts", ErrLimit, maxNodes)
		}
		n := &Node{Kind: t.Kind, Parent: at, From: t.From, To: t.To}
		switch t.Kind {
		case End:
			at.To = t.To
			inScope = inScope[:len(inScope)-len(at.Declares)]
			at = at.Parent
			continue
		case Element:
			if inScope, err = n.named(t, inScope); err != nil {
				return nil, err
			}
			at.Children = append(at.Children, n)
			at = n
			continue
		case Text:
			if at == doc { // white space around the root element
				continue
			}
			if n.Text, err = t.Text(); err != nil {
				return nil, err
			}
		case Comment:
			n.Text = strings.ReplaceAll(strings.ReplaceAll(string(t.Raw), "\r\n", "\n"), "\r", "\n")
		case Instruction:
			if t.Name == "xml" {
				continue
			}
			n.Name.Local = t.Name
			n.Text = strings.ReplaceAll(strings.ReplaceAll(string(t.Raw), "\r\n", "\n"), "\r", "\n")
		}
		at.Children = append(at.Children, n)
	}
}

// scope are the namespaces declared at a place, the innermost last. While a document is read it
// saves going up through all elements around for every name.
type scope []Declaration

func (s scope) space(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Prefix == prefix {
			return s[i].Space, true
		}
	}
	return "", false
}

// named resolves the names of a start tag, and returns what is declared in it.
func (n *Node) named(t Token, around scope) (scope, error) {
	damaged := func(what string) error { return fmt.Errorf("%w: %s at byte %d", ErrDamaged, what, t.From) }
	for _, a := range t.Attrs {
		prefix, isDeclaration := strings.CutPrefix(a.Name, "xmlns:")
		if a.Name == "xmlns" {
			prefix, isDeclaration = "", true
		}
		if !isDeclaration {
			continue
		}
		if a.Name != "xmlns" && (prefix == "" || strings.Contains(prefix, ":") || a.Value == "") || prefix == "xmlns" ||
			(prefix == "xml") != (a.Value == nsXML) || a.Value == nsXMLNS {
			return nil, damaged("a namespace that cannot be declared")
		}
		n.Declares = append(n.Declares, Declaration{prefix, a.Value})
	}
	if len(around)+len(n.Declares) > maxDeclared {
		return nil, fmt.Errorf("%w: more than %d namespaces in one place", ErrLimit, maxDeclared)
	}
	inside := append(around, n.Declares...)
	var ok bool
	if n.Name, ok = inside.resolve(t.Name, true); !ok {
		return nil, damaged("a name whose prefix is not declared")
	}
	seen := make(map[[2]string]bool, len(t.Attrs))
	for _, a := range t.Attrs {
		if a.Name == "xmlns" || strings.HasPrefix(a.Name, "xmlns:") {
			continue
		}
		name, ok := inside.resolve(a.Name, false)
		if !ok {
			return nil, damaged("an attribute whose prefix is not declared")
		}
		if seen[[2]string{name.Space, name.Local}] {
			return nil, damaged("an attribute that is there twice")
		}
		seen[[2]string{name.Space, name.Local}] = true
		n.Attrs = append(n.Attrs, Attribute{name, a.Value})
	}
	return inside, nil
}

func (s scope) resolve(written string, element bool) (Name, bool) {
	prefix, local, prefixed := strings.Cut(written, ":")
	if !prefixed {
		prefix, local = "", written
	}
	if local == "" || prefixed && prefix == "" || strings.Contains(local, ":") {
		return Name{}, false
	}
	out := Name{Prefix: prefix, Local: local}
	if prefix == "" && !element {
		return out, true
	}
	var ok bool
	out.Space, ok = s.space(prefix)
	return out, ok || prefix == ""
}

// Namespace returns what a prefix stands for at the node.
func (n *Node) Namespace(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for ; n != nil; n = n.Parent {
		for _, d := range n.Declares {
			if d.Prefix == prefix {
				return d.Space, true
			}
		}
	}
	return "", false
}

// Root is the root element.
func (n *Node) Root() *Node {
	for _, c := range n.Children {
		if c.Kind == Element {
			return c
		}
	}
	return nil
}

// All calls f for the node and all elements in it, in their order, until f returns false.
func (n *Node) All(f func(*Node) bool) bool {
	if n.Kind == Element && !f(n) {
		return false
	}
	for _, c := range n.Children {
		if (c.Kind == Element) && !c.All(f) {
			return false
		}
	}
	return true
}

// Child returns the first child element of the name, nil if there is none.
func (n *Node) Child(space, local string) *Node {
	for _, c := range n.Children {
		if c.Kind == Element && c.Name.Is(space, local) {
			return c
		}
	}
	return nil
}

// Elements returns the child elements.
func (n *Node) Elements() (out []*Node) {
	for _, c := range n.Children {
		if c.Kind == Element {
			out = append(out, c)
		}
	}
	return out
}

// Attr returns the value of an attribute without namespace.
func (n *Node) Attr(local string) string {
	for _, a := range n.Attrs {
		if a.Is("", local) {
			return a.Value
		}
	}
	return ""
}

// Content is the text in the element itself.
func (n *Node) Content() string {
	if len(n.Children) == 1 && n.Children[0].Kind == Text {
		return n.Children[0].Text
	}
	var b strings.Builder
	for _, c := range n.Children {
		if c.Kind == Text {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}
