package qseal

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// str reads a string, whose opening quote is next. One without escapes is a
// part of the input and costs nothing.
func (w *jsonWalker) str() (string, error) {
	w.pos++
	start := w.pos
	for ; w.pos < len(w.s); w.pos++ {
		switch c := w.s[w.pos]; {
		case c == '"':
			w.pos++
			return w.s[start : w.pos-1], nil
		case c == '\\':
			return w.escaped(start)
		case c < ' ':
			return "", w.syntax("control character in a string")
		}
	}
	return "", w.syntax("string without end")
}

// escaped reads on in a string that began at start, from its first escape. What
// stands between two escapes is copied at once.
func (w *jsonWalker) escaped(start int) (string, error) {
	var b []byte
	for run := start; w.pos < len(w.s); {
		switch c := w.s[w.pos]; {
		case c == '"':
			w.pos++
			return string(append(b, w.s[run:w.pos-1]...)), nil
		case c == '\\':
			if run < w.pos {
				b = append(b, w.s[run:w.pos]...)
			}
			w.pos++
			r, err := w.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			run = w.pos
		case c < ' ':
			return "", w.syntax("control character in a string")
		default:
			w.pos++
		}
	}
	return "", w.syntax("string without end")
}

// escape reads what follows a backslash.
func (w *jsonWalker) escape() (rune, error) {
	if w.pos >= len(w.s) {
		return 0, w.syntax("string without end")
	}
	c := w.s[w.pos]
	w.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, w.syntax("unknown escape")
	}
	r, err := w.hex4() // 0 with an error
	if r < 0xd800 || r > 0xdfff {
		return r, err
	}
	// A surrogate: the other half must follow (RFC 8259, 7). Alone it is no
	// character, and readers replace it or not.
	if r < 0xdc00 && strings.HasPrefix(w.s[w.pos:], `\u`) {
		w.pos += 2
		low, err := w.hex4()
		if err != nil {
			return 0, err
		}
		if low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), nil
		}
	}
	return 0, w.syntax("lone surrogate")
}

func (w *jsonWalker) hex4() (rune, error) {
	const digits = 4
	if len(w.s)-w.pos < digits {
		return 0, w.syntax("escape cut short")
	}
	var r rune
	for range digits {
		c := w.s[w.pos]
		w.pos++
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, w.syntax("escape is not hexadecimal")
		}
	}
	return r, nil
}

// number reads a number in the grammar of RFC 8259, 6.
func (w *jsonWalker) number() (string, error) {
	start := w.pos
	w.accept("-")
	if !w.accept("0") && !w.digits() {
		return "", w.syntax("number without digits")
	}
	if w.accept(".") && !w.digits() {
		return "", w.syntax("number without digits")
	}
	if w.accept("eE") {
		w.accept("+-")
		if !w.digits() {
			return "", w.syntax("number without digits")
		}
	}
	if w.pos-start > maxNumber {
		return "", fmt.Errorf("%w: number of %d characters, at most %d", errJSONSize, w.pos-start, maxNumber)
	}
	return w.s[start:w.pos], nil
}

// accept skips the next byte if it is one of set.
func (w *jsonWalker) accept(set string) bool {
	if w.pos < len(w.s) && strings.IndexByte(set, w.s[w.pos]) >= 0 {
		w.pos++
		return true
	}
	return false
}

// digits skips digits and reports whether there was one. It looks at no more of
// them than a number may have, and one.
func (w *jsonWalker) digits() bool {
	start := w.pos
	for w.pos < len(w.s) && '0' <= w.s[w.pos] && w.s[w.pos] <= '9' && w.pos-start <= maxNumber {
		w.pos++
	}
	return w.pos > start
}

func (w *jsonWalker) literal() (jsonKind, string, error) {
	for _, l := range [...]struct {
		text string
		kind jsonKind
	}{{"true", jsonBool}, {"false", jsonBool}, {"null", jsonNull}} {
		if strings.HasPrefix(w.s[w.pos:], l.text) {
			w.pos += len(l.text)
			return l.kind, l.text, nil
		}
	}
	return 0, "", w.syntax("no value")
}
