package xmldsig

import "unicode/utf8"

// Classes of a byte inside character data or an attribute value.
const (
	plain   = iota // stands for itself, in the document and in canonical form
	stop           // '<', '&', CR or a byte that may not occur: leave the fast loop
	bracket        // ']', which may begin the forbidden "]]>"
	greater        // '>', which canonical form escapes in text
	blank          // tab or LF: plain in text, a space in an attribute value
	quote          // '"' or '\'': plain in text
	multi          // first byte of a longer UTF-8 sequence
)

// byteClass classes every byte for the tokenizer's inner loop.
var byteClass = func() (t [256]uint8) {
	for b := range t {
		switch {
		case b == '\t' || b == '\n':
			t[b] = blank
		case b < ' ' || b == '<' || b == '&':
			t[b] = stop
		case b == ']':
			t[b] = bracket
		case b == '>':
			t[b] = greater
		case b == '"' || b == '\'':
			t[b] = quote
		case b >= utf8.RuneSelf:
			t[b] = multi
		}
	}
	return t
}()

// nameByte marks the bytes that may occur in a qualified name. Bytes above
// ASCII pass here and are checked rune by rune when the name is first met.
var nameByte = func() (t [256]bool) {
	for b := range t {
		t[b] = b >= utf8.RuneSelf || b == '-' || b == '.' || b == ':' || b == '_' ||
			'0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
	}
	return t
}()

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// isChar is production [2] Char of XML 1.0, fifth edition.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// charLen returns the length of the character at the start of b, 0 when b
// starts with no well-formed UTF-8 or with a code point XML does not allow.
func charLen(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 || !isChar(r) {
		return 0
	}
	return n
}

// nameRanges are the ranges above ASCII of production [4] NameStartChar of
// XML 1.0, fifth edition.
var nameRanges = [...][2]rune{
	{0xC0, 0xD6},
	{0xD8, 0xF6},
	{0xF8, 0x2FF},
	{0x370, 0x37D},
	{0x37F, 0x1FFF},
	{0x200C, 0x200D},
	{0x2070, 0x218F},
	{0x2C00, 0x2FEF},
	{0x3001, 0xD7FF},
	{0xF900, 0xFDCF},
	{0xFDF0, 0xFFFD},
	{0x10000, 0xEFFFF},
}

func isNameStart(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
	}
	for _, s := range nameRanges {
		if s[0] <= r && r <= s[1] {
			return true
		}
	}
	return false
}

func isNameChar(r rune) bool {
	return isNameStart(r) || r == '-' || r == '.' || '0' <= r && r <= '9' ||
		r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// isNCName is production [4] NCName of Namespaces in XML 1.0.
func isNCName(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			// The replacement character itself is a name character, a byte that
			// is not UTF-8 is not.
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if i == 0 && !isNameStart(r) || !isNameChar(r) {
			return false
		}
	}
	return s != ""
}
