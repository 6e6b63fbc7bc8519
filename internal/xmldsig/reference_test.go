package xmldsig_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"sort"
	"strings"
)

// This file is a slow canonicaliser over a tree, built on encoding/xml. It shares
// no code with the package and serves only to be compared with it.

const refXMLSpace = "http://www.w3.org/XML/1998/namespace"

type refAttr struct{ prefix, local, value string }

func (a refAttr) qname() string {
	if a.prefix == "" {
		return a.local
	}
	return a.prefix + ":" + a.local
}

type refNode struct {
	parent        *refNode
	prefix, local string
	attrs         []refAttr
	declared      map[string]string
	children      []any // *refNode or string
	visited       int   // children that nextChild has passed
}

// lookup returns what a prefix stands for at a node.
func (n *refNode) lookup(prefix string) string {
	if prefix == "xml" {
		return refXMLSpace
	}
	for ; n != nil; n = n.parent {
		if uri, ok := n.declared[prefix]; ok {
			return uri
		}
	}
	return ""
}

func (n *refNode) space() string { return n.lookup(n.prefix) }

// find returns the elements below n, itself included, with a name.
func (n *refNode) find(space, local string) []*refNode {
	var all []*refNode
	if n.local == local && n.space() == space {
		all = append(all, n)
	}
	for _, c := range n.children {
		if e, ok := c.(*refNode); ok {
			all = append(all, e.find(space, local)...)
		}
	}
	return all
}

// refParse builds the tree of a document.
func refParse(doc []byte) (*refNode, error) {
	doc = bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF"))
	d := xml.NewDecoder(bytes.NewReader(doc))
	top := &refNode{}
	at := top
	for {
		before := d.InputOffset()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			start, err := refStartTag(doc[before:d.InputOffset()], t)
			if err != nil {
				return nil, err
			}
			n := &refNode{parent: at, prefix: start.Name.Space, local: start.Name.Local, declared: map[string]string{}}
			for _, a := range start.Attr {
				switch {
				case a.Name.Space == "xmlns":
					n.declared[a.Name.Local] = a.Value
				case a.Name.Space == "" && a.Name.Local == "xmlns":
					n.declared[""] = a.Value
				default:
					n.attrs = append(n.attrs, refAttr{a.Name.Space, a.Name.Local, a.Value})
				}
			}
			at.children = append(at.children, n)
			at = n
		case xml.EndElement:
			if at = at.parent; at == nil {
				return nil, fmt.Errorf("unbalanced")
			}
		case xml.CharData:
			if at != top {
				at.children = append(at.children, string(t))
			}
		}
	}
	for _, c := range top.children {
		if root, ok := c.(*refNode); ok && at == top {
			root.parent = nil
			return root, nil
		}
	}
	return nil, fmt.Errorf("no root")
}

// refStartTag normalises literal white space of attribute values, which
// encoding/xml leaves alone, by reading the tag again with every white space
// made a space.
func refStartTag(raw []byte, t xml.StartElement) (xml.StartElement, error) {
	if !bytes.ContainsAny(raw, "\t\r\n") || !bytes.HasPrefix(raw, []byte("<")) {
		return t.Copy(), nil
	}
	spaced := strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(string(raw))
	token, err := xml.NewDecoder(strings.NewReader(spaced)).RawToken()
	if err != nil {
		return t, err
	}
	return token.(xml.StartElement).Copy(), nil
}

// refCanonical writes the canonical form of the subtree at n, without the nodes
// that omit names.
func refCanonical(n *refNode, inclusive bool, omit func(*refNode) bool) string {
	var b strings.Builder
	refWrite(&b, n, map[string]string{}, refOptions{inclusive, omit, true})
	return b.String()
}

type refOptions struct {
	inclusive bool
	omit      func(*refNode) bool
	apex      bool
}

func refWrite(b *strings.Builder, n *refNode, rendered map[string]string, o refOptions) {
	if o.omit != nil && o.omit(n) {
		return
	}
	name := n.local
	if n.prefix != "" {
		name = n.prefix + ":" + n.local
	}
	used := map[string]bool{}
	if o.inclusive {
		for m := n; m != nil; m = m.parent {
			for p := range m.declared {
				used[p] = true
			}
		}
	} else {
		used[n.prefix] = true
		for _, a := range n.attrs {
			if a.prefix != "" {
				used[a.prefix] = true
			}
		}
	}
	now := rendered
	var lines []string
	for p := range used {
		if uri := n.lookup(p); p != "xml" && now[p] != uri {
			if len(lines) == 0 {
				now = maps.Clone(rendered)
			}
			now[p] = uri
			lines = append(lines, p)
		}
	}
	sort.Strings(lines)
	b.WriteString("<" + name)
	for _, p := range lines {
		if p == "" {
			b.WriteString(` xmlns="` + refEscape(now[p], true) + `"`)
		} else {
			b.WriteString(` xmlns:` + p + `="` + refEscape(now[p], true) + `"`)
		}
	}
	refAttributes(b, n, o)
	b.WriteString(">")
	o.apex = false
	for _, c := range n.children {
		switch c := c.(type) {
		case string:
			b.WriteString(refEscape(c, false))
		case *refNode:
			refWrite(b, c, now, o)
		}
	}
	b.WriteString("</" + name + ">")
}

func refAttributes(b *strings.Builder, n *refNode, o refOptions) {
	attrs := append([]refAttr(nil), n.attrs...)
	if o.inclusive && o.apex {
		seen := map[string]bool{}
		for m := n; m != nil; m = m.parent {
			for _, a := range m.attrs {
				if a.prefix == "xml" && !seen[a.local] {
					seen[a.local] = true
					if m != n {
						attrs = append(attrs, a)
					}
				}
			}
		}
	}
	key := func(a refAttr) string {
		if a.prefix == "" {
			return "\x00" + a.local
		}
		return n.lookup(a.prefix) + "\x00" + a.local
	}
	sort.Slice(attrs, func(i, j int) bool { return key(attrs[i]) < key(attrs[j]) })
	for _, a := range attrs {
		b.WriteString(" " + a.qname() + `="` + refEscape(a.value, true) + `"`)
	}
}

func refEscape(s string, attribute bool) string {
	if !strings.ContainsAny(s, "&<>\"\t\n\r") {
		return s
	}
	if attribute {
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;",
			"\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(s)
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace(s)
}
