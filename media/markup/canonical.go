package markup

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

// Form is a way to write a document canonically.
type Form struct {
	Exclusive bool     // Exclusive XML Canonicalization 1.0
	Comments  bool     // comments are kept
	Version11 bool     // Canonical XML 1.1: xml:id is not handed down
	Inclusive []string // prefixes that are treated as in the inclusive form; "" is the default namespace
}

// Write writes a node and what is in it canonically, without the nodes that leave reports. The
// node is the document or an element.
func (f Form) Write(w io.Writer, n *Node, leave func(*Node) bool) error {
	c := &writer{Form: f, w: w, leave: leave}
	c.node(n, nil, true)
	return c.err
}

type writer struct {
	Form
	w     io.Writer
	leave func(*Node) bool
	err   error
}

func (c *writer) put(parts ...string) {
	for _, s := range parts {
		if c.err == nil && s != "" {
			_, c.err = io.WriteString(c.w, s)
		}
	}
}

var (
	escapeText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	escapeAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)

// node writes one node. shown are the namespaces that enclosing written elements have declared.
func (c *writer) node(n *Node, shown []Declaration, apex bool) {
	if c.err != nil || c.leave != nil && c.leave(n) {
		return
	}
	switch n.Kind {
	case End:
		seen := false
		for _, child := range n.Children {
			if child.Kind == Comment && !c.Comments || c.leave != nil && c.leave(child) {
				continue
			}
			if child.Kind != Element && seen {
				c.put("\n")
			}
			c.node(child, nil, true)
			if child.Kind == Element {
				seen = true
			} else if !seen {
				c.put("\n")
			}
		}
	case Element:
		c.element(n, shown, apex)
	case Text:
		c.put(escapeText.Replace(n.Text))
	case Comment:
		if c.Comments {
			c.put("<!--", strings.ReplaceAll(n.Text, "\r", "&#xD;"), "-->")
		}
	case Instruction:
		c.put("<?", n.Name.Local)
		if n.Text != "" {
			c.put(" ", strings.ReplaceAll(n.Text, "\r", "&#xD;"))
		}
		c.put("?>")
	}
}

func (c *writer) element(n *Node, shown []Declaration, apex bool) {
	declares := c.declarations(n, shown)
	name := n.Name.String()
	c.put("<", name)
	for _, d := range declares {
		if d.Prefix == "" {
			c.put(` xmlns="`, escapeAttribute.Replace(d.Space), `"`)
		} else {
			c.put(" xmlns:", d.Prefix, `="`, escapeAttribute.Replace(d.Space), `"`)
		}
	}
	attrs := slices.Clone(n.Attrs)
	if apex && !c.Exclusive {
		attrs = c.handedDown(n, attrs)
	}
	slices.SortFunc(attrs, func(a, b Attribute) int {
		return cmp.Or(strings.Compare(a.Space, b.Space), strings.Compare(a.Local, b.Local))
	})
	for _, a := range attrs {
		c.put(" ", a.Name.String(), `="`, escapeAttribute.Replace(a.Value), `"`)
	}
	c.put(">")
	inner := shown
	if len(declares) > 0 {
		inner = append(slices.Clone(declares), shown...) // the innermost comes first
	}
	for _, child := range n.Children {
		c.node(child, inner, false)
	}
	c.put("</", name, ">")
}

// declarations are the namespaces that an element has to declare, in their order.
func (c *writer) declarations(n *Node, shown []Declaration) (out []Declaration) {
	add := func(prefix string) {
		if prefix == "xml" || slices.ContainsFunc(out, func(d Declaration) bool { return d.Prefix == prefix }) {
			return
		}
		space, ok := n.Namespace(prefix)
		if !ok && prefix != "" {
			return
		}
		was := ""
		for _, d := range shown {
			if d.Prefix == prefix {
				was = d.Space
				break
			}
		}
		if space != was {
			out = append(out, Declaration{prefix, space})
		}
	}
	if c.Exclusive {
		add(n.Name.Prefix)
		for _, a := range n.Attrs {
			if a.Prefix != "" {
				add(a.Prefix)
			}
		}
		for _, p := range c.Inclusive {
			add(p)
		}
	} else {
		add("")
		for at := n; at != nil; at = at.Parent {
			for _, d := range at.Declares {
				add(d.Prefix)
			}
			if len(shown) > 0 && at != n {
				break // what is further out has been declared already
			}
		}
	}
	slices.SortFunc(out, func(a, b Declaration) int { return strings.Compare(a.Prefix, b.Prefix) })
	return out
}

// handedDown adds the xml: attributes of elements that are not written themselves.
func (c *writer) handedDown(n *Node, attrs []Attribute) []Attribute {
	for up := n.Parent; up != nil; up = up.Parent {
		for _, a := range up.Attrs {
			if a.Space != nsXML || c.Version11 && a.Local != "lang" && a.Local != "space" ||
				slices.ContainsFunc(attrs, func(o Attribute) bool { return o.Is(nsXML, a.Local) }) {
				continue
			}
			attrs = append(attrs, a)
		}
	}
	return attrs
}
