package xmldsig

import "strings"

// Namespaces that XML and XML Namespaces reserve.
const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// Limits on names. The schemas of trusted lists and their signatures have some
// 300 names of at most 40 bytes; extensions of one scheme add a handful. The
// limits bound what a hostile document can make the tables below keep.
const (
	maxNames   = 4096 // distinct qualified names, and distinct namespace names
	maxNameLen = 256  // bytes of a qualified name
	maxURILen  = 1024 // bytes of a namespace name; exclusive c14n repeats them
)

// Name is an expanded name of Namespaces in XML 1.0. Space is "" for a name in
// no namespace.
type Name struct {
	Space, Local string
}

// String returns the name in Clark notation, "{space}local".
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// prefix is a namespace prefix and what it stands for at the current position.
type prefix struct {
	name     string // "" is the default namespace
	uri      string // "" when unbound
	rendered string // what the canonical output so far has it stand for
}

// qname is a qualified name as written, interned on its first occurrence.
type qname struct {
	raw    string
	local  string
	prefix *prefix
	id     bool // as an attribute, it identifies the element: Id, ID, id, xml:id
	decl   bool // as an attribute, it declares a namespace
}

// nameTable interns names so that an element costs one lookup and no memory.
type nameTable struct {
	names      map[string]*qname
	prefixes   map[string]*prefix
	namespaces map[string]string
	fallback   *prefix // the default namespace
}

func newNameTable() nameTable {
	t := nameTable{
		names:      make(map[string]*qname, 128),
		prefixes:   make(map[string]*prefix, 16),
		namespaces: make(map[string]string, 16),
		fallback:   &prefix{},
	}
	t.prefixes[""] = t.fallback
	t.prefixes["xml"] = &prefix{name: "xml", uri: xmlNamespace, rendered: xmlNamespace}
	return t
}

// qname returns the interned form of a name as written.
func (t *nameTable) qname(raw []byte) (*qname, error) {
	if q := t.names[string(raw)]; q != nil {
		return q, nil
	}
	if len(raw) > maxNameLen {
		return nil, refuse(CodeLimit, "name of %d bytes", len(raw))
	}
	if len(t.names) >= maxNames {
		return nil, refuse(CodeLimit, "more than %d different names", maxNames)
	}
	q := &qname{raw: string(raw)}
	before, after, qualified := strings.Cut(q.raw, ":")
	q.local = after
	if !qualified {
		before, q.local = "", before
	}
	if qualified && !isNCName(before) || !isNCName(q.local) {
		return nil, refuse(CodeMalformed, "%q is not a qualified name", raw)
	}
	q.prefix = t.prefix(before)
	q.decl = q.raw == "xmlns" || before == "xmlns"
	q.id = q.raw == "Id" || q.raw == "ID" || q.raw == "id" || q.raw == "xml:id"
	t.names[q.raw] = q
	return q, nil
}

// prefix returns the interned form of a prefix. There are no more prefixes than
// names, so it needs no limit of its own.
func (t *nameTable) prefix(name string) *prefix {
	p := t.prefixes[name]
	if p == nil {
		p = &prefix{name: name}
		t.prefixes[name] = p
	}
	return p
}

// namespace returns the interned form of a namespace name.
func (t *nameTable) namespace(uri []byte) (string, error) {
	if s, ok := t.namespaces[string(uri)]; ok {
		return s, nil
	}
	if len(uri) > maxURILen {
		return "", refuse(CodeLimit, "namespace name of %d bytes", len(uri))
	}
	if len(t.namespaces) >= maxNames {
		return "", refuse(CodeLimit, "more than %d different namespace names", maxNames)
	}
	s := string(uri)
	// C14N 1.0, 1.3: canonical form is undefined for relative namespace names.
	if s != "" && !isAbsolute(s) {
		return "", refuse(CodeMalformed, "namespace name %q is relative", s)
	}
	t.namespaces[s] = s
	return s, nil
}

// isAbsolute reports whether a URI has a scheme (RFC 3986, 3.1).
func isAbsolute(uri string) bool {
	scheme, _, found := strings.Cut(uri, ":")
	for i, r := range scheme {
		letter := 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
		other := '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return found && scheme != ""
}

// checkDeclaration holds the constraints of Namespaces in XML 1.0, clauses 3 and
// 5, on binding p to uri.
func checkDeclaration(p *prefix, uri string) error {
	switch {
	case p.name == "xmlns":
		return refuse(CodeMalformed, "prefix xmlns is declared")
	case (p.name == "xml") != (uri == xmlNamespace):
		return refuse(CodeMalformed, "prefix %q is bound to %q", p.name, uri)
	case uri == xmlnsNamespace:
		return refuse(CodeMalformed, "prefix %q is bound to the namespace of xmlns", p.name)
	case uri == "" && p.name != "":
		return refuse(CodeMalformed, "prefix %q is undeclared", p.name)
	}
	return nil
}
