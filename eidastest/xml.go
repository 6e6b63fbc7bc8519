package eidastest

import (
	"encoding/base64"
	"strings"
)

// The namespaces of a trusted list, with the prefixes that real lists use.
const (
	nsTSL    = "http://uri.etsi.org/02231/v2#"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsExtra  = "http://uri.etsi.org/02231/v2/additionaltypes#"
	nsXAdES  = "http://uri.etsi.org/01903/v1.3.2#"
	nsSie    = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
	nsXAdES4 = "http://uri.etsi.org/01903/v1.4.1#"
	nsMRA    = "http://ec.europa.eu/tools/lotl/mra/schema/v2#"
)

// xmlWriter writes elements one after the other. What it writes is in the form
// of exclusive c14n as long as every prefix is declared where it is first used:
// the forger of hostile lists counts on that, to sign without a canonicaliser.
type xmlWriter struct {
	b     strings.Builder
	stack []string
	// local declares prefixes at their use instead of at the root.
	local bool
	// leafed says that the innermost open element holds no child, so that its
	// end tag goes on the same line.
	leafed bool
}

// open writes a start tag. The attributes come as name, value, name, value, in
// canonical order.
func (w *xmlWriter) open(name string, attrs ...string) {
	w.line()
	w.b.WriteByte('<')
	w.b.WriteString(name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.b.WriteByte(' ')
		w.b.WriteString(attrs[i])
		w.b.WriteString(`="`)
		w.b.WriteString(escapeAttr(attrs[i+1]))
		w.b.WriteByte('"')
	}
	w.b.WriteByte('>')
	w.stack = append(w.stack, name)
	w.leafed = true
}

// end writes the end tag of the innermost open element.
func (w *xmlWriter) end() {
	last := len(w.stack) - 1
	name := w.stack[last]
	w.stack = w.stack[:last]
	if !w.leafed {
		w.line()
	}
	w.leafed = false
	w.b.WriteString("</")
	w.b.WriteString(name)
	w.b.WriteByte('>')
}

// in writes an element with what body writes inside it.
func (w *xmlWriter) in(name string, body func(), attrs ...string) {
	w.open(name, attrs...)
	body()
	w.end()
}

// text writes an element with text inside it.
func (w *xmlWriter) text(name, value string, attrs ...string) {
	w.open(name, attrs...)
	w.b.WriteString(escapeText(value))
	w.end()
}

// base64 writes an element with octets inside it.
func (w *xmlWriter) base64(name string, value []byte) {
	w.text(name, base64.StdEncoding.EncodeToString(value))
}

// line starts a new line, indented by depth.
func (w *xmlWriter) line() {
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
		w.b.WriteString(strings.Repeat("  ", len(w.stack)))
	}
}

// ns returns the declaration of a prefix when it is due here.
func (w *xmlWriter) ns(prefix, uri string) []string {
	if !w.local {
		return nil
	}
	return []string{"xmlns:" + prefix, uri}
}

// escapeText and escapeAttr escape as Canonical XML 1.0, 2.3 does.
func escapeText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace(s)
}

func escapeAttr(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;",
		"\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(s)
}
