package xmldsig

import (
	"cmp"
	"errors"
	"io"
	"slices"
)

// maxGrowth bounds the canonical form in multiples of the document. Real lists
// stay below 1.1; "<a/>" alone needs 1.75. Exclusive c14n repeats a namespace
// name on every element that uses it, which a hostile document can multiply.
const maxGrowth = 3

// maxPart bounds SignedInfo and SignedProperties, which are canonicalised before
// or beside the signature. In real lists they have less than 4 KB.
const maxPart = 256 << 10

// canonicalizer writes the canonical form, without comments, of the elements a
// Reader meets: Exclusive XML Canonicalization 1.0 with no inclusive prefixes,
// or Canonical XML 1.0.
type canonicalizer struct {
	out       []byte
	limit     int
	inclusive bool
	undo      []binding // prefixes with what they were rendered as before
	marks     []int     // length of undo before each open element
	apex      []*prefix // inclusive: prefixes in scope at the first element
	inherited []inherited
	fresh     []*prefix // scratch: prefixes the current start tag renders
	order     []*attribute
}

// inherited is an attribute of the xml namespace on an ancestor of a canonical
// subtree.
type inherited struct{ local, value string }

// sizeLimit returns the largest canonical form allowed for size octets.
func sizeLimit(size int) int { return maxGrowth*size + 64<<10 }

// start writes the current start tag of r.
func (c *canonicalizer) start(r *Reader) error {
	q := r.stack[len(r.stack)-1].name
	c.marks = append(c.marks, len(c.undo))
	c.out = append(c.out, '<')
	c.out = append(c.out, q.raw...)
	if len(r.attrs) > 0 || q.prefix.uri != q.prefix.rendered || c.apex != nil {
		c.attributes(r, q.prefix)
	}
	c.out = append(c.out, '>')
	return c.check()
}

// end writes the current end tag of r.
func (c *canonicalizer) end(r *Reader) error {
	c.out = append(c.out, '<', '/')
	c.out = append(c.out, r.raw...)
	c.out = append(c.out, '>')
	mark := c.marks[len(c.marks)-1]
	for i := len(c.undo) - 1; i >= mark; i-- {
		c.undo[i].prefix.rendered = c.undo[i].uri
	}
	c.undo, c.marks = c.undo[:mark], c.marks[:len(c.marks)-1]
	return c.check()
}

// text writes the current text of r.
func (c *canonicalizer) text(r *Reader) error {
	if r.escape {
		c.escapeText(r.text)
	} else {
		c.out = append(c.out, r.text...)
	}
	return c.check()
}

func (c *canonicalizer) check() error {
	if len(c.out) > c.limit {
		return refuse(CodeLimit, "canonical form exceeds %d bytes", c.limit)
	}
	return nil
}

// attributes writes the namespace declarations, then the attributes of the
// current start tag (C14N 1.0, 2.3; exclusive c14n, 3).
func (c *canonicalizer) attributes(r *Reader, own *prefix) {
	c.fresh, c.order = c.fresh[:0], c.order[:0]
	for i := range r.attrs {
		a := &r.attrs[i]
		switch {
		case !a.name.decl:
			c.order = append(c.order, a)
			if !c.inclusive && a.name.prefix.name != "" {
				c.render(a.name.prefix)
			}
		case c.inclusive && a.name.raw == "xmlns":
			c.render(r.table.fallback)
		case c.inclusive:
			c.render(r.table.prefix(a.name.local))
		}
	}
	if !c.inclusive {
		c.render(own)
	}
	for _, p := range c.apex {
		c.render(p)
	}
	inheritedHere := c.inheritAttributes()
	c.apex, c.inherited = nil, nil
	c.writeDeclarations()
	c.order = append(c.order, inheritedHere...)
	c.writeAttributes()
}

// render marks a prefix for declaration unless the output already has it so.
func (c *canonicalizer) render(p *prefix) {
	if p.uri == p.rendered {
		return
	}
	c.undo = append(c.undo, binding{p, p.rendered})
	p.rendered = p.uri
	c.fresh = append(c.fresh, p)
}

func (c *canonicalizer) writeDeclarations() {
	slices.SortFunc(c.fresh, func(a, b *prefix) int { return cmp.Compare(a.name, b.name) })
	for _, p := range c.fresh {
		c.out = append(c.out, " xmlns"...)
		if p.name != "" {
			c.out = append(c.out, ':')
			c.out = append(c.out, p.name...)
		}
		c.out = append(c.out, '=', '"')
		c.escapeValue([]byte(p.uri))
		c.out = append(c.out, '"')
	}
}

func (c *canonicalizer) writeAttributes() {
	slices.SortFunc(c.order, func(a, b *attribute) int {
		return cmp.Or(cmp.Compare(a.space, b.space), cmp.Compare(a.name.local, b.name.local))
	})
	for _, a := range c.order {
		c.out = append(c.out, ' ')
		c.out = append(c.out, a.name.raw...)
		c.out = append(c.out, '=', '"')
		if a.escape {
			c.escapeValue(a.value)
		} else {
			c.out = append(c.out, a.value...)
		}
		c.out = append(c.out, '"')
	}
}

// inheritAttributes returns the xml: attributes that the first element of an
// inclusive subtree takes over from its ancestors (C14N 1.0, 2.4).
func (c *canonicalizer) inheritAttributes() []*attribute {
	var more []*attribute
	for _, x := range c.inherited {
		own := slices.ContainsFunc(c.order, func(a *attribute) bool {
			return a.space == xmlNamespace && a.name.local == x.local
		})
		if !own {
			q := &qname{raw: "xml:" + x.local, local: x.local}
			more = append(more, &attribute{q, xmlNamespace, []byte(x.value), true})
		}
	}
	return more
}

// escapeText writes character data (C14N 1.0, 2.3, Text Nodes).
func (c *canonicalizer) escapeText(text []byte) {
	from := 0
	for i, b := range text {
		var entity string
		switch b {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '\r':
			entity = "&#xD;"
		default:
			continue
		}
		if len(c.out) > c.limit {
			return
		}
		c.out = append(append(c.out, text[from:i]...), entity...)
		from = i + 1
	}
	c.out = append(c.out, text[from:]...)
}

// escapeValue writes an attribute value (C14N 1.0, 2.3, Attribute Nodes).
func (c *canonicalizer) escapeValue(value []byte) {
	from := 0
	for i, b := range value {
		var entity string
		switch b {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '"':
			entity = "&quot;"
		case '\t':
			entity = "&#x9;"
		case '\n':
			entity = "&#xA;"
		case '\r':
			entity = "&#xD;"
		default:
			continue
		}
		if len(c.out) > c.limit {
			return
		}
		c.out = append(append(c.out, value[from:i]...), entity...)
		from = i + 1
	}
	c.out = append(c.out, value[from:]...)
}

// fragment is an element of a document with the context that its canonical form
// depends on.
type fragment struct {
	id        string // its Id
	octets    []byte // from the first byte of its start tag to the last of its end tag
	scope     []binding
	inherited []inherited // xml: attributes of its ancestors
}

// reader returns a Reader of the fragment, at its start tag.
func (f *fragment) reader() (*Reader, error) {
	r := &Reader{doc: f.octets, begun: true, rooted: true, table: newNameTable()}
	for _, b := range f.scope {
		r.table.prefix(b.prefix.name).uri = b.uri
	}
	var err error
	r.kind, err = r.startTag()
	return r, err
}

// canonical returns the canonical form of the fragment.
func (f *fragment) canonical(inclusive bool) ([]byte, error) {
	if len(f.octets) > maxPart {
		return nil, refuse(CodeLimit, "part of the signature has %d bytes", len(f.octets))
	}
	r, err := f.reader()
	if err != nil {
		return nil, err
	}
	c := canonicalizer{inclusive: inclusive, limit: sizeLimit(len(f.octets))}
	c.out = make([]byte, 0, len(f.octets)+1<<10)
	if inclusive {
		c.apex, c.inherited = make([]*prefix, 0, len(f.scope)), f.inherited
		for _, b := range f.scope {
			c.apex = append(c.apex, r.table.prefix(b.prefix.name))
		}
	}
	return c.rest(r)
}

// rest writes the current start tag of r and everything after it.
func (c *canonicalizer) rest(r *Reader) ([]byte, error) {
	for kind := r.kind; ; {
		err := c.token(r, kind)
		if err != nil {
			return nil, err
		}
		if kind, err = r.Next(); errors.Is(err, io.EOF) {
			return c.out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// token writes the current token of r.
func (c *canonicalizer) token(r *Reader, kind Kind) error {
	switch kind {
	case StartElement:
		return c.start(r)
	case EndElement:
		return c.end(r)
	case Text:
		return c.text(r)
	}
	return nil
}
