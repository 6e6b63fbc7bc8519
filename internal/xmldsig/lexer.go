package xmldsig

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// readName reads a qualified name.
func (r *Reader) readName() (*qname, error) {
	i := r.pos
	for i < len(r.doc) && nameByte[r.doc[i]] {
		i++
	}
	raw := r.doc[r.pos:i]
	q, err := r.table.qname(raw)
	if err != nil {
		return nil, err
	}
	r.pos = i
	return q, nil
}

// readAttributes reads the rest of a start tag after its name.
func (r *Reader) readAttributes() error {
	for {
		spaced := false
		for r.pos < len(r.doc) && isSpace(r.doc[r.pos]) {
			r.pos++
			spaced = true
		}
		rest := r.doc[r.pos:]
		switch {
		case len(rest) == 0:
			return r.malformed("start tag does not end")
		case rest[0] == '>':
			r.pos++
			return nil
		case len(rest) > 1 && rest[0] == '/' && rest[1] == '>':
			r.pos += 2
			r.closed = true
			return nil
		case !spaced:
			return r.malformed("no white space before an attribute")
		case len(r.attrs) == MaxAttributes:
			return refuse(CodeLimit, "more than %d attributes at byte %d", MaxAttributes, r.pos)
		}
		if err := r.readAttribute(); err != nil {
			return err
		}
	}
}

func (r *Reader) readAttribute() error {
	q, err := r.readName()
	if err != nil {
		return err
	}
	r.skipSpace()
	if r.pos == len(r.doc) || r.doc[r.pos] != '=' {
		return r.malformed("attribute %q has no value", q.raw)
	}
	r.pos++
	r.skipSpace()
	if r.pos == len(r.doc) || r.doc[r.pos] != '"' && r.doc[r.pos] != '\'' {
		return r.malformed("value of attribute %q is not quoted", q.raw)
	}
	r.pos++
	a := attribute{name: q}
	if err := r.readValue(&a, r.doc[r.pos-1]); err != nil {
		return err
	}
	r.attrs = append(r.attrs, a)
	return nil
}

func (r *Reader) skipSpace() {
	for r.pos < len(r.doc) && isSpace(r.doc[r.pos]) {
		r.pos++
	}
}

// readValue reads an attribute value up to its closing quote. A value that
// stands for itself is a slice of the document; any other is normalised into a
// buffer (XML 1.0, 3.3.3, for attributes of type CDATA).
func (r *Reader) readValue(a *attribute, closing byte) error {
	begin := r.pos
	for i := begin; i < len(r.doc); {
		switch b := r.doc[i]; byteClass[b] {
		case plain, bracket, greater:
			i++
		case quote:
			if b == closing {
				a.value, r.pos = r.doc[begin:i], i+1
				return nil
			}
			a.escape = a.escape || b == '"'
			i++
		case multi:
			n := charLen(r.doc[i:])
			if n == 0 {
				return r.badChar(i)
			}
			i += n
		default: // stop, blank
			return r.normaliseValue(a, closing, i)
		}
	}
	return r.malformed("attribute value does not end")
}

// normaliseValue continues readValue at offset i, copying.
func (r *Reader) normaliseValue(a *attribute, closing byte, i int) error {
	mark := len(r.values)
	r.values = append(r.values, r.doc[r.pos:i]...)
	a.escape = true
	for i < len(r.doc) {
		b := r.doc[i]
		switch {
		case b == closing:
			a.value, r.pos = r.values[mark:len(r.values):len(r.values)], i+1
			return nil
		case b == '&':
			char, n, err := r.reference(i)
			if err != nil {
				return err
			}
			r.values = utf8.AppendRune(r.values, char)
			i += n
		case isSpace(b):
			// 2.11: CR LF is one line end, so one space.
			if b == '\r' && i+1 < len(r.doc) && r.doc[i+1] == '\n' {
				i++
			}
			r.values = append(r.values, ' ')
			i++
		case b == '<':
			return r.malformed("'<' in an attribute value")
		default:
			n := charLen(r.doc[i:])
			if n == 0 {
				return r.badChar(i)
			}
			r.values = append(r.values, r.doc[i:i+n]...)
			i += n
		}
	}
	return r.malformed("attribute value does not end")
}

// readText reads character data up to the next tag and reports whether there was
// any. Text that stands for itself is a slice of the document.
func (r *Reader) readText() (bool, error) {
	r.escape = false
	begin := r.pos
	for i := begin; i < len(r.doc); {
		switch byteClass[r.doc[i]] {
		case plain, blank, quote:
			i++
		case greater:
			r.escape = true
			i++
		case bracket:
			if bytes.HasPrefix(r.doc[i:], []byte("]]>")) {
				return false, r.malformed("\"]]>\" in text")
			}
			i++
		case multi:
			n := charLen(r.doc[i:])
			if n == 0 {
				return false, r.badChar(i)
			}
			i += n
		default: // stop
			if r.doc[i] == '<' && i+1 < len(r.doc) && r.doc[i+1] != '!' && r.doc[i+1] != '?' {
				r.text, r.pos = r.doc[begin:i], i
				return i > begin, nil
			}
			return r.mergeText(i)
		}
	}
	return false, r.malformed("element does not end")
}

// mergeText continues readText at offset i, copying.
func (r *Reader) mergeText(i int) (bool, error) {
	r.escape = true
	r.buf = append(r.buf[:0], r.doc[r.pos:i]...)
	for r.pos = i; r.pos < len(r.doc); {
		rest := r.doc[r.pos:]
		switch b := rest[0]; {
		case b == '&':
			char, n, err := r.reference(r.pos)
			if err != nil {
				return false, err
			}
			r.buf = utf8.AppendRune(r.buf, char)
			r.pos += n
		case b == '<':
			if len(rest) > 1 && rest[1] != '!' && rest[1] != '?' {
				r.text = r.buf
				return len(r.buf) > 0, nil
			}
			if err := r.skipMarkup(); err != nil {
				return false, err
			}
		case b == ']' && bytes.HasPrefix(rest, []byte("]]>")):
			return false, r.malformed("\"]]>\" in text")
		default:
			n, err := r.copyChar()
			if err != nil {
				return false, err
			}
			r.pos += n
		}
	}
	return false, r.malformed("element does not end")
}

// copyChar appends the character at the current offset to the text, with line
// ends normalised (XML 1.0, 2.11), and returns its length in the document.
func (r *Reader) copyChar() (int, error) {
	rest := r.doc[r.pos:]
	if rest[0] == '\r' {
		r.buf = append(r.buf, '\n')
		if len(rest) > 1 && rest[1] == '\n' {
			return 2, nil
		}
		return 1, nil
	}
	n := charLen(rest)
	if n == 0 {
		return 0, r.badChar(r.pos)
	}
	r.buf = append(r.buf, rest[:n]...)
	return n, nil
}

// skipMarkup reads a comment or a CDATA section inside an element.
func (r *Reader) skipMarkup() error {
	const opening = "<![CDATA["
	if !bytes.HasPrefix(r.doc[r.pos:], []byte(opening)) {
		return r.skipComment()
	}
	length := bytes.Index(r.doc[r.pos:], []byte("]]>"))
	if length < 0 {
		return r.malformed("CDATA section does not end")
	}
	end := r.pos + length
	for r.pos += len(opening); r.pos < end; {
		n, err := r.copyChar()
		if err != nil {
			return err
		}
		r.pos += n
	}
	r.pos = end + len("]]>")
	return nil
}

// skipComment reads a comment. Anything else that begins with "<!" or "<?" is
// forbidden: a DOCTYPE can define entities and default attributes, a processing
// instruction means something only to whom it is addressed.
func (r *Reader) skipComment() error {
	rest := r.doc[r.pos:]
	if !bytes.HasPrefix(rest, []byte("<!--")) {
		return refuse(CodeForbidden, "DOCTYPE, declaration or processing instruction at byte %d", r.pos)
	}
	length := bytes.Index(rest[4:], []byte("--"))
	if length < 0 || len(rest) <= length+6 || rest[length+6] != '>' {
		return r.malformed("comment does not end")
	}
	for i := 4; i < length+4; {
		n := charLen(rest[i:])
		if n == 0 {
			return r.badChar(r.pos + i)
		}
		i += n
	}
	r.pos += length + 7
	return nil
}

// reference resolves the character or entity reference at offset i and returns
// its length. Only the five predefined entities exist without a DOCTYPE.
func (r *Reader) reference(i int) (rune, int, error) {
	const longest = 10 // "&#1114111;", leading zeros aside
	window := r.doc[i:min(len(r.doc), i+2*longest)]
	end := bytes.IndexByte(window, ';')
	if end < 0 {
		return 0, 0, refuse(CodeMalformed, "reference does not end at byte %d", i)
	}
	name := string(window[1:end])
	if digits, ok := strings.CutPrefix(name, "#"); ok {
		char := parseCharacter(digits)
		if !isChar(char) {
			return 0, 0, refuse(CodeMalformed, "character reference %q at byte %d", name, i)
		}
		return char, end + 1, nil
	}
	switch name {
	case "amp":
		return '&', end + 1, nil
	case "lt":
		return '<', end + 1, nil
	case "gt":
		return '>', end + 1, nil
	case "quot":
		return '"', end + 1, nil
	case "apos":
		return '\'', end + 1, nil
	}
	return 0, 0, refuse(CodeForbidden, "entity %q at byte %d", name, i)
}

// parseCharacter reads the digits of a character reference, -1 when there are
// none or others.
func parseCharacter(digits string) rune {
	base := rune(10)
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		base, digits = 16, hex
	}
	if digits == "" {
		return -1
	}
	value := rune(0)
	for _, d := range []byte(digits) {
		digit := rune(-1)
		switch {
		case '0' <= d && d <= '9':
			digit = rune(d - '0')
		case base == 16 && 'a' <= d|0x20 && d|0x20 <= 'f':
			digit = rune(d|0x20-'a') + 10
		}
		if digit < 0 || value > utf8.MaxRune {
			return -1
		}
		value = value*base + digit
	}
	return value
}

// badChar refuses the byte or character at offset i.
func (r *Reader) badChar(i int) error {
	if char, n := utf8.DecodeRune(r.doc[i:]); char == utf8.RuneError && n <= 1 {
		return refuse(CodeEncoding, "byte 0x%02X at byte %d", r.doc[i], i)
	}
	return refuse(CodeMalformed, "character that XML does not allow at byte %d", i)
}

// checkDeclarationText checks what stands between "<?xml" and "?>": version 1.0,
// then encoding UTF-8 and standalone, both optional (XML 1.0, productions 23, 32
// and 80).
func checkDeclarationText(text []byte) error {
	rest := string(text)
	version, rest, ok := pseudoAttribute(rest, "version")
	if !ok || version != "1.0" {
		return refuse(CodeMalformed, "XML declaration without version 1.0")
	}
	if encoding, after, ok := pseudoAttribute(rest, "encoding"); ok {
		if !strings.EqualFold(encoding, "UTF-8") {
			return refuse(CodeEncoding, "encoding %q is declared", encoding)
		}
		rest = after
	}
	if standalone, after, ok := pseudoAttribute(rest, "standalone"); ok {
		if standalone != "yes" && standalone != "no" {
			return refuse(CodeMalformed, "standalone is %q", standalone)
		}
		rest = after
	}
	if strings.Trim(rest, " \t\r\n") != "" {
		return refuse(CodeMalformed, "XML declaration holds %q", rest)
	}
	return nil
}

// pseudoAttribute cuts ` name="value"` off the front of text.
func pseudoAttribute(text, name string) (value, rest string, ok bool) {
	const space = " \t\r\n"
	trimmed := strings.TrimLeft(text, space)
	if len(trimmed) == len(text) {
		return "", text, false
	}
	after, found := strings.CutPrefix(trimmed, name)
	after, equals := strings.CutPrefix(strings.TrimLeft(after, space), "=")
	after = strings.TrimLeft(after, space)
	if !found || !equals || after == "" || after[0] != '"' && after[0] != '\'' {
		return "", text, false
	}
	value, rest, ok = strings.Cut(after[1:], after[:1])
	return value, rest, ok
}
