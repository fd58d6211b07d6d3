package sim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// maxXMLDepth is more than any record of any object has.
const maxXMLDepth = 32

// node is one element of an XML document.
type node struct {
	name  string
	attrs map[string]string
	text  string
	kids  []*node
}

// parseXML reads a document into its root element. Namespaces are dropped, as the
// platform's endpoints need no more than local names.
func parseXML(text []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var stack []*node
	var root *node
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			if len(stack) >= maxXMLDepth {
				return nil, fmt.Errorf("elements nest deeper than %d", maxXMLDepth)
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			} else if root != nil {
				return nil, fmt.Errorf("more than one root element")
			} else {
				root = n
			}
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(token)
			}
		case xml.Directive:
			return nil, fmt.Errorf("document type declarations are not allowed")
		}
	}
	if root == nil {
		return nil, fmt.Errorf("the document is empty")
	}
	return root, nil
}

func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	return nil
}

// value is the text of a child element, or "".
func (n *node) value(name string) string {
	if k := n.child(name); k != nil {
		return strings.TrimSpace(k.text)
	}
	return ""
}

// plain turns an element into what the same record would be in JSON.
func (n *node) plain() any {
	if n.attrs["nil"] == "true" {
		return nil
	}
	if len(n.kids) == 0 {
		return n.text
	}
	out := map[string]any{}
	for _, k := range n.kids {
		v := k.plain()
		switch old, has := out[k.name]; {
		case !has:
			out[k.name] = v
		default:
			list, is := old.([]any)
			if !is {
				list = []any{old}
			}
			out[k.name] = append(list, v)
		}
	}
	return out
}

func readXML(text []byte) (any, error) {
	root, err := parseXML(text)
	if err != nil {
		return nil, newFault(400, "XML_PARSER_ERROR", "%v", err)
	}
	if v, is := root.plain().(map[string]any); is {
		return v, nil
	}
	return map[string]any{}, nil
}

// encodeXML writes an answer the way the platform words it in XML: <Result> for a
// save, <Errors> for errors, and the object's name for a record.
func encodeXML(a *answer) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	root := a.root
	switch body := a.body.(type) {
	case object:
		if attributes, is := body.get("attributes").(object); is && root == "" {
			root = fmt.Sprint(attributes.get("type"))
		}
		if root == "" {
			root = "Result"
		}
		writeXML(&b, root, body)
	case []any:
		if root == "" {
			root = "Results"
		}
		fmt.Fprintf(&b, "<%s>", root)
		item := strings.TrimSuffix(root, "s")
		for _, v := range body {
			writeXML(&b, item, v)
		}
		fmt.Fprintf(&b, "</%s>", root)
	default:
		writeXML(&b, "Result", body)
	}
	return b.Bytes()
}

func writeXML(b *bytes.Buffer, name string, v any) {
	switch v := v.(type) {
	case nil:
		fmt.Fprintf(b, `<%s xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`, name)
	case object:
		b.WriteString("<" + name)
		attributes, _ := v.get("attributes").(object)
		for _, a := range attributes {
			fmt.Fprintf(b, ` %s="%s"`, a.key, escapeXML(fmt.Sprint(a.value)))
		}
		b.WriteString(">")
		for _, m := range v {
			if m.key != "attributes" {
				writeXML(b, m.key, m.value)
			}
		}
		fmt.Fprintf(b, "</%s>", name)
	case []any:
		for _, one := range v {
			writeXML(b, name, one)
		}
	case []string:
		for _, one := range v {
			writeXML(b, name, one)
		}
	default:
		fmt.Fprintf(b, "<%s>%s</%s>", name, escapeXML(fmt.Sprint(v)), name)
	}
}

func escapeXML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
