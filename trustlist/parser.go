package trustlist

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// parser walks the octets of one authentic list. The first failure stays in err
// and ends every loop.
type parser struct {
	r    *xmldsig.Reader
	kind xmldsig.Kind // of the current token
	in   *interner
	out  content
	err  *Error

	// Of the service being read:
	defect      string // why it cannot be used, "" when it can
	entries     int    // of its extensions, bounded by maxExtensions
	identifiers int    // bounded by maxIdentities

	buf []byte // white space removed
}

func (p *parser) failure() *Error { return p.err }

// fail keeps the first failure.
func (p *parser) fail(r Reason, format string, args ...any) {
	if p.err == nil {
		p.err = refuse(r, format, args...)
	}
}

func (p *parser) malformed(format string, args ...any) { p.fail(ReasonMalformed, format, args...) }

// flaw notes that the service being read cannot be used.
func (p *parser) flaw(what string) {
	if p.defect == "" {
		p.defect = what
	}
}

// take reports whether one more than have is within limit, else it fails.
func (p *parser) take(have, limit int, what string) bool {
	if have >= limit {
		p.fail(ReasonLimit, "more than %d %s", limit, what)
	}
	return p.err == nil
}

// entry takes one more entry of the extensions of the current service.
func (p *parser) entry() bool {
	p.entries++
	return p.take(p.entries-1, maxExtensions, "entries in the extensions of a service")
}

// next advances to the next token and reports whether there is one.
func (p *parser) next() bool {
	if p.err != nil {
		return false
	}
	kind, err := p.r.Next()
	if err != nil {
		p.stop(err)
		return false
	}
	p.kind = kind
	return true
}

func (p *parser) stop(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if p.err == nil {
		p.err = &Error{Reason: reasonOfCode(xmldsig.CodeOf(err)), Err: err}
	}
}

// root advances to the root element and reports whether it has this name.
func (p *parser) root(n xmldsig.Name) bool {
	if !p.next() {
		return false
	}
	if p.kind != xmldsig.StartElement || p.r.Name() != n {
		p.fail(ReasonNotList, "root element is %q", p.r.Name())
	}
	return p.err == nil
}

// children calls f at the start tag of every child of the current element and
// ends at its end tag. What f does not read, with text, binary or children, is
// skipped.
func (p *parser) children(f func(n xmldsig.Name)) {
	depth := p.r.Depth()
	for p.next() {
		switch p.kind {
		case xmldsig.StartElement:
			f(p.r.Name())
			if p.err == nil && p.kind == xmldsig.StartElement {
				p.skip()
			}
		case xmldsig.EndElement:
			if p.r.Depth() == depth {
				return
			}
		case xmldsig.Text: // white space between elements
		}
	}
}

func (p *parser) skip() {
	if err := p.r.Skip(); err != nil {
		p.stop(err)
		return
	}
	p.kind = xmldsig.EndElement
}

// raw reads the text of the current element, which may have no children, to its
// end tag. The bytes are valid until the next call.
func (p *parser) raw() []byte {
	p.buf = p.buf[:0]
	for p.next() && p.kind != xmldsig.EndElement {
		if p.kind == xmldsig.StartElement {
			p.malformed("element %q in a text", p.r.Name())
			return nil
		}
		t := p.r.Text()
		if len(p.buf)+len(t) > maxText {
			p.fail(ReasonLimit, "text of more than %d bytes", maxText)
			return nil
		}
		p.buf = append(p.buf, t...)
	}
	return p.buf
}

// text reads the text of the current element with white space collapsed, as XML
// Schema has it for anyURI, dateTime and numbers. For names it is only tidier.
func (p *parser) text() string { return p.in.bytes(collapse(p.raw())) }

// binary reads an xs:base64Binary, which may hold white space anywhere.
func (p *parser) binary() ([]byte, error) {
	src := p.raw()
	packed := src[:0]
	for _, c := range src {
		if !isSpace(c) {
			packed = append(packed, c)
		}
	}
	der := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Decode(der, packed)
	return der[:n:n], err
}

// attr returns the value of an attribute of the current start tag, collapsed.
func (p *parser) attr(space, local string) (string, bool) {
	v, ok := p.r.Attr(space, local)
	return p.in.str(strings.TrimSpace(v)), ok
}

// once reads a text that may be stated once in the list.
func (p *parser) once(dst *string, name string) {
	if *dst != "" {
		p.malformed("two %s", name)
		return
	}
	*dst = p.text()
}

// onceFlaw reads a text that may be stated once in a service information.
func (p *parser) onceFlaw(dst *string, name string) {
	if *dst != "" {
		p.flaw("two " + name)
		return
	}
	*dst = p.text()
}

// number reads a positive xs:integer of at most nine digits.
func (p *parser) number(dst *int, name string) {
	n, err := strconv.ParseUint(p.text(), 10, 32)
	if err != nil || n == 0 || n > 999_999_999 || *dst != 0 {
		p.malformed("%s is not one positive number", name)
		return
	}
	*dst = int(n)
}

// instant reads a time that may be stated once in the list.
func (p *parser) instant(dst *time.Time, name string) {
	t, ok := parseTime(p.text())
	if !ok || !dst.IsZero() {
		p.malformed("%s is not one time", name)
		return
	}
	*dst = t
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// collapse applies the whiteSpace facet "collapse" of XML Schema in place.
func collapse(b []byte) []byte {
	b = bytes.Trim(b, " \t\n\r")
	out := b[:0]
	for i, c := range b {
		if isSpace(c) {
			if isSpace(b[i-1]) {
				continue
			}
			c = ' '
		}
		out = append(out, c)
	}
	return out
}

// interner keeps one copy of each text: URIs and names recur in every service.
// It lives as long as a load.
type interner struct{ seen map[string]string }

// maxInterned bounds the texts worth keeping; longer ones do not recur.
const maxInterned = 256

func newInterner() *interner { return &interner{seen: make(map[string]string, 4096)} }

func (t *interner) bytes(b []byte) string {
	if s, ok := t.seen[string(b)]; ok {
		return s
	}
	return t.keep(string(b))
}

func (t *interner) str(s string) string {
	if k, ok := t.seen[s]; ok {
		return k
	}
	return t.keep(s)
}

func (t *interner) keep(s string) string {
	if len(s) <= maxInterned {
		t.seen[s] = s
	}
	return s
}

// reasonOfCode gives a cause of internal/xmldsig its reason here.
func reasonOfCode(c xmldsig.Code) Reason {
	switch c {
	case xmldsig.CodeMalformed, xmldsig.CodeEncoding, xmldsig.CodeForbidden, xmldsig.CodeLimit:
		return ReasonXMLMalformed
	case xmldsig.CodeRoot:
		return ReasonNotList
	case xmldsig.CodeSignatureMissing:
		return ReasonSignatureMissing
	case xmldsig.CodeSignatureMultiple, xmldsig.CodeSignaturePosition, xmldsig.CodeSignatureMalformed,
		xmldsig.CodeReference, xmldsig.CodeDuplicateID, xmldsig.CodeProperties:
		return ReasonSignatureMalformed
	case xmldsig.CodeAlgorithm, xmldsig.CodeTransform, xmldsig.CodeSignerKey:
		return ReasonSignatureUnsupported
	case xmldsig.CodeSignerUnknown:
		return ReasonSignerUnknown
	case xmldsig.CodeSigningCertificate, xmldsig.CodeSigningTime:
		return ReasonSignerMismatch
	case xmldsig.CodeSignatureInvalid, xmldsig.CodeDigest:
		return ReasonSignatureInvalid
	}
	return ReasonInternal
}
