package xmldsig

import (
	"bytes"
	"errors"
	"io"
)

// Limits on a document. The largest list published so far has 2.5 MB, depth 20
// and 9 attributes on its root.
const (
	MaxDocument   = 32 << 20 // bytes; the same bound is enforced while downloading
	MaxDepth      = 64       // open elements
	MaxAttributes = 32       // attributes and namespace declarations of one element
)

// Kind is the kind of a token. The zero Kind is no token.
type Kind uint8

// The kinds of token.
const (
	StartElement Kind = iota + 1
	EndElement
	Text
)

// String returns "start", "end" or "text".
func (k Kind) String() string {
	switch k {
	case StartElement:
		return "start"
	case EndElement:
		return "end"
	case Text:
		return "text"
	}
	return "none"
}

// Reader is a pull tokenizer for a strict subset of XML 1.0 with namespaces:
// UTF-8, no DOCTYPE, no entities but the predefined five, no processing
// instructions, and limits on size, depth, attributes and names. It enforces
// well-formedness, the namespace constraints included. Comments are skipped and
// CDATA sections are text, as in canonical form.
//
// A Reader is for one goroutine. It does not modify the document.
type Reader struct {
	doc    []byte
	pos    int
	start  int // offset of the current tag
	err    error
	kind   Kind
	table  nameTable
	stack  []element
	name   Name
	raw    string // the name of the current tag as written
	attrs  []attribute
	bound  []binding // undo log of the namespace declarations in scope
	text   []byte
	escape bool   // text holds a character that canonical form escapes
	closed bool   // the current start tag was an empty-element tag
	begun  bool   // the XML declaration has been dealt with
	rooted bool   // the root element has been seen
	buf    []byte // text that differs from its source
	values []byte // attribute values that differ from their source
}

// element is an open element.
type element struct {
	name  *qname
	space string
	bound int // length of Reader.bound before its declarations
}

// attribute is an attribute or a namespace declaration of the current element.
type attribute struct {
	name   *qname
	space  string
	value  []byte
	escape bool // value holds a character that canonical form escapes
}

// binding is a prefix with what it stood for before a declaration.
type binding struct {
	prefix *prefix
	uri    string
}

// NewReader returns a Reader at the start of doc, which must not change while
// the Reader is in use. A document that is too large fails at the first Next.
func NewReader(doc []byte) *Reader {
	r := &Reader{doc: doc, table: newNameTable()}
	if len(doc) > MaxDocument {
		r.err = refuse(CodeLimit, "document of %d bytes", len(doc))
	}
	return r
}

// Next advances to the next token. At the end of a well-formed document it
// returns io.EOF; any other error is an *Error. Errors stay.
func (r *Reader) Next() (Kind, error) {
	r.kind, r.attrs = 0, r.attrs[:0]
	if r.err != nil {
		return 0, r.err
	}
	kind, err := r.next()
	if err != nil {
		r.err, r.text, r.name = err, nil, Name{}
		return 0, err
	}
	r.kind = kind
	return kind, nil
}

// Name returns the name of the current start or end tag.
func (r *Reader) Name() Name { return r.name }

// Attr returns the value of an attribute of the current start tag and whether
// it is there. space is "" for an attribute without prefix. Namespace
// declarations are not attributes.
func (r *Reader) Attr(space, local string) (string, bool) {
	for i := range r.attrs {
		if a := &r.attrs[i]; !a.name.decl && a.name.local == local && a.space == space {
			return string(a.value), true
		}
	}
	return "", false
}

// Text returns the current text with references resolved and line ends
// normalised. Text next to comments and CDATA sections comes as one token. The
// bytes are valid until the next call of Next or Skip and must not be modified.
func (r *Reader) Text() []byte { return r.text }

// Depth returns the number of open elements. The current element counts as open
// at its start and its end tag, so that the root's tags are at depth 1.
func (r *Reader) Depth() int {
	if r.kind == EndElement {
		return len(r.stack) + 1
	}
	return len(r.stack)
}

// Skip advances from a start tag to the end tag of the same element. Elsewhere
// it does nothing.
func (r *Reader) Skip() error {
	if r.kind != StartElement {
		return r.errUnlessEOF()
	}
	for depth := len(r.stack); len(r.stack) >= depth; {
		if _, err := r.Next(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) errUnlessEOF() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

func (r *Reader) next() (Kind, error) {
	if !r.begun {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	if r.closed {
		r.closed = false
		return r.pop()
	}
	if len(r.stack) == 0 {
		return r.outside()
	}
	if found, err := r.readText(); found || err != nil {
		return Text, err
	}
	if r.pos+1 < len(r.doc) && r.doc[r.pos+1] == '/' {
		return r.endTag()
	}
	return r.startTag()
}

// outside reads what may precede and follow the root element.
func (r *Reader) outside() (Kind, error) {
	for {
		for r.pos < len(r.doc) && isSpace(r.doc[r.pos]) {
			r.pos++
		}
		rest := r.doc[r.pos:]
		switch {
		case len(rest) == 0 && r.rooted:
			return 0, io.EOF
		case len(rest) == 0:
			return 0, r.malformed("no root element")
		case rest[0] != '<':
			return 0, r.malformed("text outside the root element")
		case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
			if err := r.skipComment(); err != nil {
				return 0, err
			}
		case r.rooted:
			return 0, r.malformed("second root element")
		default:
			r.rooted = true
			return r.startTag()
		}
	}
}

func (r *Reader) startTag() (Kind, error) {
	r.start = r.pos
	if len(r.stack) == MaxDepth {
		return 0, refuse(CodeLimit, "elements nested deeper than %d at byte %d", MaxDepth, r.pos)
	}
	r.pos++
	q, err := r.readName()
	if err != nil {
		return 0, err
	}
	r.values = r.values[:0]
	if err := r.readAttributes(); err != nil {
		return 0, err
	}
	mark := len(r.bound)
	if len(r.attrs) > 0 {
		if err := r.resolveAttributes(); err != nil {
			return 0, err
		}
	}
	space := q.prefix.uri
	if space == "" && q.prefix.name != "" {
		return 0, r.malformed("prefix of element %q is not declared", q.raw)
	}
	r.stack = append(r.stack, element{q, space, mark})
	r.name, r.raw = Name{space, q.local}, q.raw
	return StartElement, nil
}

func (r *Reader) endTag() (Kind, error) {
	r.start = r.pos
	raw := r.stack[len(r.stack)-1].name.raw
	rest := r.doc[r.pos+2:]
	if len(rest) < len(raw) || string(rest[:len(raw)]) != raw {
		return 0, r.malformed("end tag does not match <%s>", raw)
	}
	r.pos += 2 + len(raw)
	for r.pos < len(r.doc) && isSpace(r.doc[r.pos]) {
		r.pos++
	}
	if r.pos == len(r.doc) || r.doc[r.pos] != '>' {
		return 0, r.malformed("end tag does not match <%s>", raw)
	}
	r.pos++
	return r.pop()
}

// pop closes the innermost element and ends the scope of its declarations.
func (r *Reader) pop() (Kind, error) {
	top := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	for i := len(r.bound) - 1; i >= top.bound; i-- {
		r.bound[i].prefix.uri = r.bound[i].uri
	}
	r.bound = r.bound[:top.bound]
	r.name, r.raw = Name{top.space, top.name.local}, top.name.raw
	return EndElement, nil
}

// resolveAttributes puts the declarations of the current start tag in force and
// resolves the names of its attributes.
func (r *Reader) resolveAttributes() error {
	for i := range r.attrs {
		a := &r.attrs[i]
		if !a.name.decl {
			continue
		}
		uri, err := r.table.namespace(a.value)
		if err != nil {
			return err
		}
		p := r.table.fallback
		if a.name.raw != "xmlns" {
			p = r.table.prefix(a.name.local)
		}
		if err := checkDeclaration(p, uri); err != nil {
			return err
		}
		a.space = xmlnsNamespace
		r.bound = append(r.bound, binding{p, p.uri})
		p.uri = uri
	}
	for i := range r.attrs {
		a := &r.attrs[i]
		if p := a.name.prefix; !a.name.decl && p.name != "" {
			if a.space = p.uri; a.space == "" {
				return r.malformed("attribute prefix %q is not declared", p.name)
			}
		}
		// At most MaxAttributes squared over two comparisons for an element.
		for _, b := range r.attrs[:i] {
			if a.name.local == b.name.local && a.space == b.space {
				return r.malformed("attribute %q is repeated", a.name.raw)
			}
		}
	}
	return nil
}

// malformed returns a CodeMalformed error that names the current offset.
func (r *Reader) malformed(format string, args ...any) error {
	return refuse(CodeMalformed, format+" at byte %d", append(args, r.pos)...)
}

// begin skips the byte order mark and reads the XML declaration.
func (r *Reader) begin() error {
	r.begun = true
	if bytes.HasPrefix(r.doc, []byte("\xEF\xBB\xBF")) {
		r.pos = 3
	}
	rest := r.doc[r.pos:]
	if len(rest) < 6 || string(rest[:5]) != "<?xml" || !isSpace(rest[5]) {
		return nil
	}
	end := bytes.Index(rest, []byte("?>"))
	if end < 0 {
		return r.malformed("XML declaration does not end")
	}
	if err := checkDeclarationText(rest[5:end]); err != nil {
		return err
	}
	r.pos += end + 2
	return nil
}

// inScope returns the declared prefixes in force at the current start tag.
func (r *Reader) inScope() []binding {
	var scope []binding
	for _, p := range r.table.prefixes {
		if p.uri != "" && p.name != "xml" {
			scope = append(scope, binding{p, p.uri})
		}
	}
	return scope
}
